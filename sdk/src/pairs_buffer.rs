use alloc::vec::Vec;
use core::mem::size_of;

/// Pairs that are collected for the host, in one buffer: a place for their lengths, which are written before the bytes, then the bytes.
/// What it is to hold is guessed once, so that a message of usual size is one allocation, and handed over without a copy.
#[derive(Clone, Default)]
pub(crate) struct PairsBuffer {
    wire: Vec<u8>,
    count: usize,
    /// For how many pairs there is place before the bytes.
    places: usize,
}

const COUNT: usize = size_of::<u32>();
const LENGTHS: usize = 2 * size_of::<u32>();
/// How many pairs have place at first.
const PAIRS: usize = 8;
const FRONT: &[u8] = &[0; COUNT + PAIRS * LENGTHS];
/// How many bytes are expected beside those that are known.
const BYTES: usize = 160;

impl PairsBuffer {
    pub(crate) const fn new() -> Self {
        Self { wire: Vec::new(), count: 0, places: 0 }
    }

    #[inline(never)]
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        // A length that does not fit could not be passed: a 32-bit memory has none.
        let (Ok(name_len), Ok(value_len)) = (u32::try_from(name.len()), u32::try_from(value.len())) else { return };
        let bytes = name.len() + value.len() + 2;
        if self.count == self.places {
            self.make_place(bytes);
        }
        self.wire.reserve(bytes);
        for part in [name, &[0], value, &[0]] {
            self.wire.extend_from_slice(part);
        }
        let at = self.count * LENGTHS;
        let lengths = u64::from(name_len) | u64::from(value_len) << u32::BITS;
        if let Some(place) = self.wire.get_mut(at..at + LENGTHS) {
            place.copy_from_slice(&lengths.to_le_bytes());
            self.count += 1;
        }
    }

    #[cold]
    fn make_place(&mut self, bytes: usize) {
        let (before, after) = (self.front(), COUNT + (self.places * 2).max(PAIRS) * LENGTHS);
        let held = self.wire.len().saturating_sub(before);
        let mut wire = Vec::with_capacity(after + held + bytes + BYTES);
        wire.extend_from_slice(self.wire.get(..before).unwrap_or_default());
        while let Some(missing) = after.checked_sub(wire.len()).filter(|missing| *missing > 0) {
            wire.extend_from_slice(FRONT.get(..missing).unwrap_or(FRONT));
        }
        wire.extend_from_slice(self.wire.get(before..).unwrap_or_default());
        (self.wire, self.places) = (wire, (self.places * 2).max(PAIRS));
    }

    /// Where the bytes begin.
    fn front(&self) -> usize {
        if self.places == 0 { 0 } else { COUNT + self.places * LENGTHS }
    }

    /// A header of a message of ours: a line break in a value would begin a header of its own (HDR-20), so each CR, LF and NUL
    /// becomes a space, as RFC 9110 (5.5) has it; a name with one of these, a space or a colon is none.
    pub(crate) fn push_header(&mut self, name: &[u8], value: &[u8]) {
        let breaks = |byte: &u8| matches!(byte, b'\r' | b'\n' | b'\0');
        if name.is_empty() || name.iter().any(|byte| breaks(byte) || matches!(byte, b' ' | b':')) {
            return;
        }
        self.push(name, value);
        let end = self.wire.len().saturating_sub(1);
        if let Some(written) = self.wire.get_mut(end.saturating_sub(value.len())..end) {
            for byte in written.iter_mut().filter(|byte| breaks(byte)) {
                *byte = b' ';
            }
        }
    }

    /// Replaces the value of the first pair of this name.
    pub(crate) fn replace(&mut self, name: &[u8], value: &[u8]) {
        let mut replaced = Self::new();
        let mut sought = Some(value);
        for (key, old) in proxy_filter_abi::Pairs::parsed(self.wire()) {
            match sought.take_if(|_| key == name) {
                Some(new) => replaced.push(key, new),
                None => replaced.push(key, old),
            }
        }
        *self = replaced;
    }

    /// All of it as the host reads it; no bytes where there are no pairs. Nothing can be added then.
    pub(crate) fn wire(&mut self) -> &[u8] {
        let lengths = self.count * LENGTHS;
        let Some(start) = self.front().checked_sub(lengths + COUNT) else { return &[] };
        if self.count == 0 {
            return &[];
        }
        // The lengths go where the bytes begin.
        self.wire.copy_within(..lengths, start + COUNT);
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        if let Some(place) = self.wire.get_mut(start..start + COUNT) {
            place.copy_from_slice(&count.to_le_bytes());
        }
        self.wire.get(start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proxy_filter_abi::pairs;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_collected_is_what_the_codec_writes() {
        let mut buffer = PairsBuffer::new();
        assert_eq!(buffer.wire(), b"");
        buffer.push(b":path", b"/");
        buffer.push_header(b"x-a", b"1\r\nx-evil: 2\0");
        buffer.push_header(b"x-b", b"");
        for refused in [&b""[..], b"x y", b"x\n", b":path"] {
            buffer.push_header(refused, b"no");
        }
        assert_eq!(buffer.clone().wire(), pairs::encode([(":path", "/"), ("x-a", "1  x-evil: 2 "), ("x-b", "")]));
        buffer.replace(b"x-a", b"one");
        buffer.push(b"x-c", b"c");
        assert_eq!(buffer.wire(), pairs::encode([(":path", "/"), ("x-a", "one"), ("x-b", ""), ("x-c", "c")]));
    }

    #[test]
    fn there_is_place_for_as_many_as_come() {
        for many in 0..40 {
            let pairs: Vec<_> = (0..many).map(|number| (format!("x-{number}"), "v".repeat(number * 7))).collect();
            let mut buffer = PairsBuffer::new();
            pairs.iter().for_each(|(name, value)| buffer.push(name.as_bytes(), value.as_bytes()));
            let expected = if many == 0 { Vec::new() } else { pairs::encode(pairs.iter().map(|(name, value)| (name, value))) };
            assert_eq!(buffer.wire(), expected, "{many}");
        }
    }
}
