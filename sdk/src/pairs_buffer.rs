use alloc::vec::Vec;

/// Pairs that are collected for the host: their lengths and their bytes, as they are to be written.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct PairsBuffer {
    count: u32,
    sizes: Vec<u8>,
    data: Vec<u8>,
}

impl PairsBuffer {
    pub(crate) const fn new() -> Self {
        Self { count: 0, sizes: Vec::new(), data: Vec::new() }
    }

    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        // A length that does not fit could not be passed: a 32-bit memory has none.
        let (Ok(name_len), Ok(value_len)) = (u32::try_from(name.len()), u32::try_from(value.len())) else { return };
        self.count += 1;
        self.sizes.extend_from_slice(&name_len.to_le_bytes());
        self.sizes.extend_from_slice(&value_len.to_le_bytes());
        self.data.extend_from_slice(name);
        self.data.push(0);
        self.data.extend_from_slice(value);
        self.data.push(0);
    }

    /// A header of a message of ours: a line break in a value would begin a header of its own (HDR-20), so each CR, LF and NUL
    /// becomes a space, as RFC 9110 (5.5) has it; a name with one of these, a space or a colon is none.
    pub(crate) fn push_header(&mut self, name: &[u8], value: &[u8]) {
        let breaks = |byte: &u8| matches!(byte, b'\r' | b'\n' | b'\0');
        if name.is_empty() || name.iter().any(|byte| breaks(byte) || matches!(byte, b' ' | b':')) {
            return;
        }
        let before = self.data.len() + name.len() + 1;
        self.push(name, value);
        if let Some(written) = self.data.get_mut(before..before + value.len()) {
            for byte in written.iter_mut().filter(|byte| breaks(byte)) {
                *byte = b' ';
            }
        }
    }

    /// All of it in one buffer, these pairs first; no bytes where there are no pairs.
    pub(crate) fn join(&self, rest: &Self) -> Vec<u8> {
        let count = self.count.saturating_add(rest.count);
        if count == 0 {
            return Vec::new();
        }
        let parts = [&count.to_le_bytes()[..], &self.sizes, &rest.sizes, &self.data, &rest.data];
        crate::runtime::concat(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proxy_filter_abi::pairs;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_collected_is_what_the_codec_writes() {
        let (mut first, mut rest) = (PairsBuffer::new(), PairsBuffer::new());
        assert_eq!(first.join(&rest), Vec::<u8>::new());
        first.push(b":path", b"/");
        rest.push_header(b"x-a", b"1\r\nx-evil: 2\0");
        rest.push_header(b"x-b", b"");
        for refused in [&b""[..], b"x y", b"x\n", b":path"] {
            rest.push_header(refused, b"no");
        }
        assert_eq!(first.join(&rest), pairs::encode([(":path", "/"), ("x-a", "1  x-evil: 2 "), ("x-b", "")]));
    }
}
