use crate::sys::zeroed;
use alloc::vec::Vec;
use core::mem::size_of;

/// Pairs that are collected for the host, in one buffer: a place for their lengths, which are written before the bytes, then the bytes.
/// What it is to hold is guessed once, so that a message of usual size is one allocation, and handed over without a copy.
#[derive(Clone, Default)]
pub(crate) struct PairsBuffer {
    /// Zeros from `end` on: what is written there need not be terminated.
    wire: Vec<u8>,
    /// Where the bytes end.
    end: usize,
    count: usize,
    /// For how many pairs there is place before the bytes.
    places: usize,
}

const COUNT: usize = size_of::<u32>();
const LENGTHS: usize = 2 * size_of::<u32>();
/// How many pairs have place at first.
const PAIRS: usize = 8;
/// How many bytes are expected beside those that are known.
const BYTES: usize = 120;

impl PairsBuffer {
    pub(crate) const fn new() -> Self {
        Self { wire: Vec::new(), end: 0, count: 0, places: 0 }
    }

    #[inline(never)]
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        // A length that does not fit could not be passed: a 32-bit memory has none.
        let (Ok(name_len), Ok(value_len)) = (u32::try_from(name.len()), u32::try_from(value.len())) else { return };
        let bytes = name.len() + value.len() + 2;
        if self.count == self.places || self.wire.len().saturating_sub(self.end) < bytes {
            self.make_place(bytes);
        }
        let Some((key, rest)) = self.wire.get_mut(self.end..).and_then(|free| free.split_at_mut_checked(name.len())) else {
            return;
        };
        let Some(text) = rest.get_mut(1..=value.len()) else { return };
        key.copy_from_slice(name);
        text.copy_from_slice(value);
        let lengths = u64::from(name_len) | u64::from(value_len) << u32::BITS;
        if let Some(place) = self.wire.get_mut(self.count * LENGTHS..).and_then(|places| places.first_chunk_mut()) {
            *place = lengths.to_le_bytes();
            self.end += bytes;
            self.count += 1;
        }
    }

    #[cold]
    fn make_place(&mut self, bytes: usize) {
        if self.places == 0 {
            let start = COUNT + PAIRS * LENGTHS;
            (self.wire, self.end, self.places) = (zeroed(start + bytes + BYTES), start, PAIRS);
            return;
        }
        let before = self.front();
        let places = if self.count == self.places { self.places * 2 } else { self.places };
        let after = COUNT + places * LENGTHS;
        let held = self.end.saturating_sub(before);
        let mut wire = zeroed(after + held * 2 + bytes + BYTES);
        for (from, to, size) in [(0, 0, self.count * LENGTHS), (before, after, held)] {
            if let (Some(old), Some(new)) = (self.wire.get(from..from + size), wire.get_mut(to..to + size)) {
                new.copy_from_slice(old);
            }
        }
        (self.wire, self.end, self.places) = (wire, after + held, places);
    }

    /// Where the bytes begin.
    fn front(&self) -> usize {
        if self.places == 0 { 0 } else { COUNT + self.places * LENGTHS }
    }

    /// A header of a message of ours: a line break in a value would begin a header of its own (HDR-20), and another control byte fails
    /// the message (HDR-18), so each becomes a space, as RFC 9110 (5.5) has it for CR, LF and NUL. What is no name of a header is left out.
    pub(crate) fn push_header(&mut self, name: &[u8], value: &[u8]) {
        if !is_header_name(name) {
            return;
        }
        self.push(name, value);
        if !may_control(value) {
            return;
        }
        let end = self.end.saturating_sub(1);
        if let Some(written) = self.wire.get_mut(end.saturating_sub(value.len())..end) {
            for byte in written.iter_mut().filter(|byte| is_control(byte)) {
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
        if self.count == 0 {
            return &[];
        }
        let lengths = self.count * LENGTHS;
        let Some(start) = self.front().checked_sub(lengths + COUNT) else { return &[] };
        // The lengths go where the bytes begin.
        self.wire.copy_within(..lengths, start + COUNT);
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        if let Some(place) = self.wire.get_mut(start..start + COUNT) {
            place.copy_from_slice(&count.to_le_bytes());
        }
        self.wire.get(start..self.end).unwrap_or_default()
    }
}

/// Whether a header may have this name: a token of RFC 9110 (5.6.2).
pub(crate) fn is_header_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| TOKEN.get(usize::from(*byte)) == Some(&true))
}

/// Which bytes a token is made of; to compare each takes Wasm three times as many instructions as to look it up.
static TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte = 0_u8;
    let mut rest: &mut [bool] = &mut token;
    while let Some((is, after)) = rest.split_first_mut() {
        *is = byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        (byte, rest) = (byte.wrapping_add(1), after);
    }
    token
};

/// One that a value may not hold.
fn is_control(byte: &u8) -> bool {
    byte.is_ascii_control() && *byte != b'\t'
}

/// Whether one of the bytes may be one, told eight at a time: a tab is taken for one, and what it borrows from.
fn may_control(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        // Less than a space; and 0x7f, the greatest of ASCII.
        let (below, above) = (word.wrapping_sub(ONES * 0x20), (word & (ONES * 0x7f)).wrapping_add(ONES));
        if (below | above) & !word & (ONES * 0x80) != 0 {
            return true;
        }
        rest = after;
    }
    rest.iter().any(is_control)
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
        buffer.push_header(b"x-a", b"1\r\nx-evil:\t2\x01\x7f\0");
        buffer.push_header(b"X-!#$%&'*+.^_`|~09", b"");
        for refused in
            [&b""[..], b"x y", b"x\n", b":path", b"x-\xc3\xa9", b"x\x7f", b"x(", b"x,", b"x/", b"x@", b"x[", b"x]", b"x{", b"x}"]
        {
            buffer.push_header(refused, b"no");
        }
        assert_eq!(
            buffer.clone().wire(),
            pairs::encode([(":path", "/"), ("x-a", "1  x-evil:\t2   "), ("X-!#$%&'*+.^_`|~09", "")])
        );
        buffer.replace(b"x-a", b"one");
        buffer.push(b"x-c", b"c");
        assert_eq!(buffer.wire(), pairs::encode([(":path", "/"), ("x-a", "one"), ("X-!#$%&'*+.^_`|~09", ""), ("x-c", "c")]));
    }

    #[test]
    fn no_control_byte_is_missed() {
        for length in 0..40 {
            assert!(!may_control(&b"0123456789abcdefghijklmnopqrstuvwxyz\xff\x80 ~"[..length]), "{length}");
            for (at, byte) in (0..length).flat_map(|at| (0..0x20).chain([0x7f]).map(move |byte| (at, byte))) {
                let mut value = alloc::vec![b'\xff'; length];
                value[at] = byte;
                assert!(byte == b'\t' || may_control(&value), "{byte} at {at} of {length}");
            }
        }
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
