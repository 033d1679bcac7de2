//! The ABI's serialised maps: count, lengths, then each key and value ended by a NUL.

use alloc::vec::Vec;

/// A list of keys and values.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Serialises `pairs`; no pairs give no bytes.
pub fn encode(pairs: &Pairs) -> Vec<u8> {
    if pairs.is_empty() {
        return Vec::new();
    }
    let mut bytes = length(pairs.len()).to_vec();
    for (key, value) in pairs {
        bytes.extend_from_slice(&length(key.len()));
        bytes.extend_from_slice(&length(value.len()));
    }
    for part in pairs.iter().flat_map(|(key, value)| [key, value]) {
        bytes.extend_from_slice(part);
        bytes.push(0);
    }
    bytes
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// Reads what the host serialised; `None` if a byte is missing, left over or not NUL where one belongs.
pub fn decode(bytes: &[u8]) -> Option<Pairs> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let (mut lengths, mut rest) = (bytes, bytes);
    let count = take_length(&mut lengths)?;
    rest = rest.get(4 + count.checked_mul(8)?..)?;
    let mut pairs = Vec::new();
    for _ in 0..count {
        let (key, value) = (take_length(&mut lengths)?, take_length(&mut lengths)?);
        pairs.push((take_part(&mut rest, key)?, take_part(&mut rest, value)?));
    }
    rest.is_empty().then_some(pairs)
}

fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    let (head, tail) = bytes.split_first_chunk::<4>()?;
    *bytes = tail;
    usize::try_from(u32::from_le_bytes(*head)).ok()
}

fn take_part(bytes: &mut &[u8], length: usize) -> Option<Vec<u8>> {
    let part = bytes.get(..length)?;
    if bytes.get(length) != Some(&0) {
        return None;
    }
    *bytes = &bytes[length + 1..];
    Some(part.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive_the_round_trip() {
        let pairs = alloc::vec![(b"a".to_vec(), b"1".to_vec()), (b"".to_vec(), b"".to_vec())];
        assert_eq!(decode(&encode(&pairs)), Some(pairs));
        assert_eq!(decode(b""), Some(Vec::new()));
        assert_eq!(decode(&[0; 4]), Some(Vec::new()));
    }

    #[test]
    fn malformed_bytes_are_refused() {
        let good = encode(&alloc::vec![(b"a".to_vec(), b"1".to_vec())]);
        for end in 1..good.len() {
            assert_eq!(decode(&good[..end]), None, "{end}");
        }
        let mut long = good.clone();
        long.push(0);
        assert_eq!(decode(&long), None);
        let mut unterminated = good;
        *unterminated.last_mut().unwrap() = 1;
        assert_eq!(decode(&unterminated), None);
    }
}
