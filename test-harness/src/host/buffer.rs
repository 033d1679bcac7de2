//! What `proxy_get_buffer_bytes` and `proxy_set_buffer_bytes` do to bytes.

use proxy_filter_abi::Status;

/// BUF-1: at most `max_size` bytes from `start`; a range past the end gives fewer or none.
pub(crate) fn get(bytes: &[u8], start: u32, max_size: u32) -> &[u8] {
    let start = (start as usize).min(bytes.len());
    let end = start.saturating_add(max_size as usize).min(bytes.len());
    &bytes[start..end]
}

/// BUF-9 to BUF-12: replaces or deletes a prefix, prepends, or appends; nothing in the middle.
pub(crate) fn set(bytes: &mut Vec<u8>, start: u32, size: u32, value: &[u8]) -> Result<(), Status> {
    if start == 0 {
        let end = (size as usize).min(bytes.len());
        bytes.splice(..end, value.iter().copied());
    } else if start as usize >= bytes.len() {
        bytes.extend_from_slice(value);
    } else {
        return Err(Status::BadArgument);
    }
    Ok(())
}

/// As the specification has it: anywhere, also in the middle.
pub(crate) fn splice(bytes: &mut Vec<u8>, start: u32, size: u32, value: &[u8]) {
    let start = (start as usize).min(bytes.len());
    let end = start.saturating_add(size as usize).min(bytes.len());
    bytes.splice(start..end, value.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: u32, size: u32, value: &[u8]) -> Result<Vec<u8>, Status> {
        let mut bytes = b"abc".to_vec();
        set(&mut bytes, start, size, value)?;
        Ok(bytes)
    }

    #[test]
    fn buf_1_ranges_are_clamped() {
        assert_eq!(get(b"abc", 1, 1), b"b");
        assert_eq!(get(b"abc", 1, u32::MAX), b"bc");
        assert_eq!(get(b"abc", u32::MAX, u32::MAX), b"");
        assert_eq!(get(b"abc", 0, 0), b"");
    }

    #[test]
    fn buf_9_to_buf_12() {
        assert_eq!(after(0, 0, b"xy").unwrap(), b"xyabc");
        assert_eq!(after(0, 2, b"x").unwrap(), b"xc");
        assert_eq!(after(0, u32::MAX, b"x").unwrap(), b"x");
        assert_eq!(after(0, 1, b"").unwrap(), b"bc");
        assert_eq!(after(3, 0, b"x").unwrap(), b"abcx");
        assert_eq!(after(u32::MAX, 7, b"x").unwrap(), b"abcx");
        assert_eq!(after(1, 1, b"x"), Err(Status::BadArgument));
    }
}
