//! `compress` and `uncompress` (FOR-3): zlib streams. What they look like may differ from Envoy's: two writers of zlib choose differently.

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

/// What a test's memory bears; Envoy itself has no limit.
const LARGEST: usize = 256 << 20;

/// As zlib does when it is not told how hard to try.
const LEVEL: u8 = 6;

pub(super) fn compress(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    Ok(compress_to_vec_zlib(bytes, LEVEL))
}

pub(super) fn uncompress(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    decompress_to_vec_zlib_with_limit(bytes, LARGEST).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => "more than 256 MiB come out of these bytes, where the mock proxy stops",
        TINFLStatus::FailedCannotMakeProgress | TINFLStatus::NeedsMoreInput => "the zlib stream is cut off",
        TINFLStatus::Adler32Mismatch => "the zlib stream's check sum is wrong",
        _ => "the bytes are no zlib stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_3_what_is_compressed_is_had_again() {
        let bytes = b"proxy ".repeat(1_000);
        let small = compress(&bytes).unwrap();
        assert!(small.len() < 100);
        assert_eq!(uncompress(&small).unwrap(), bytes);
        assert_eq!(compress(b"").unwrap().len(), 8);
        assert_eq!(uncompress(&compress(b"").unwrap()).unwrap(), b"");
    }

    #[test]
    fn for_3_bad_streams_are_refused_with_the_reason() {
        let mut small = compress(b"proxy").unwrap();
        assert_eq!(uncompress(b"proxy"), Err("the bytes are no zlib stream"));
        assert_eq!(uncompress(&small[..small.len() - 1]), Err("the zlib stream is cut off"));
        assert_eq!(uncompress(b""), Err("the zlib stream is cut off"));
        *small.last_mut().unwrap() ^= 1;
        assert_eq!(uncompress(&small), Err("the zlib stream's check sum is wrong"));
    }
}
