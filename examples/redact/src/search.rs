//! Looks for bytes, eight at a time: most of most bodies is only looked at here.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;

/// The high bit of each byte that is less than `limit`, which is 128 at most.
#[inline]
fn below(bytes: u64, limit: u64) -> u64 {
    !(((bytes & !HIGHS) + (0x80 - limit) * ONES) | bytes) & HIGHS
}

#[inline]
fn equal(bytes: u64, byte: u8) -> u64 {
    below(bytes ^ (ONES * u64::from(byte)), 1)
}

/// Where the first byte is that is found by `find`; the end where there is none.
#[inline]
fn first(bytes: &[u8], find: impl Fn(u64) -> u64) -> usize {
    let mut at = 0;
    for eight in bytes.chunks(8) {
        let found = find(little_endian(eight));
        if found != 0 {
            at += usize::try_from(found.trailing_zeros() / 8).unwrap_or(0);
            break;
        }
        at += eight.len();
    }
    at.min(bytes.len())
}

/// Up to eight bytes as a number; where some are missing, there are zeros.
#[inline]
fn little_endian(bytes: &[u8]) -> u64 {
    match <[u8; 8]>::try_from(bytes) {
        Ok(eight) => u64::from_le_bytes(eight),
        Err(_) => bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)),
    }
}

/// Where the next at sign is, or what can begin one.
pub(crate) fn first_sign(bytes: &[u8]) -> usize {
    first(bytes, |eight| equal(eight, b'@') | equal(eight, b'%') | equal(eight, b'\\'))
}

/// Where the next digit is.
pub(crate) fn first_digit(bytes: &[u8]) -> usize {
    first(bytes, |eight| below(eight ^ (ONES * u64::from(b'0')), 10))
}

/// Whether the number of quotation marks is odd.
pub(crate) fn has_odd_quotes(bytes: &[u8]) -> bool {
    bytes.chunks(8).map(|eight| equal(little_endian(eight), b'"').count_ones()).sum::<u32>() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_at_every_place() {
        for length in 1..20 {
            for place in 0..length {
                for byte in 0..=255_u8 {
                    for around in [b' ', 0, 0xff, b'A', b'/', b':'] {
                        let mut bytes = vec![around; length];
                        bytes[place] = byte;
                        let sign = if matches!(byte, b'@' | b'%' | b'\\') { place } else { length };
                        let digit = if byte.is_ascii_digit() { place } else { length };
                        assert_eq!((first_sign(&bytes), first_digit(&bytes)), (sign, digit), "{bytes:?}");
                        assert_eq!(has_odd_quotes(&bytes), byte == b'"', "{bytes:?}");
                    }
                }
            }
        }
        assert!(!has_odd_quotes(b"\"abcdefgh\""));
    }
}
