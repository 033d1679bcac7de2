//! Which requests the access log keeps.

use proxy_filter::prelude::*;

/// Keeps so many of ten thousand requests.
pub(crate) struct Sampling {
    kept: u32,
}

impl Sampling {
    pub(crate) fn new(percent: f64) -> Result<Self, ConfigError> {
        if !(0.0..=100.0).contains(&percent) {
            return Err(ConfigError::new(format!("access_log.sample_percent: {percent} is not between 0 and 100")));
        }
        // In range: checked above.
        let kept = (percent * 100.0 + 0.5) as u32;
        if kept == 0 && percent > 0.0 {
            return Err(ConfigError::new(format!(
                "access_log.sample_percent: {percent} is less than the least that is kept, 0.01"
            )));
        }
        Ok(Self { kept })
    }

    /// Whether to keep this request: by its id as Envoy's own access log filters decide, so that all proxies on its way keep the same
    /// ones; by chance where it has none.
    pub(crate) fn keeps(&self, context: &Context, id: Option<&[u8]>) -> Result<bool, Error> {
        if self.kept == 10_000 || self.kept == 0 {
            return Ok(self.kept > 0);
        }
        let number = match id.and_then(leading_hex) {
            Some(number) => number,
            None => {
                let mut random = [0; 4];
                context.random_bytes(&mut random)?;
                u32::from_le_bytes(random)
            }
        };
        Ok(number % 10_000 < self.kept)
    }
}

/// The first eight digits of a UUID.
fn leading_hex(id: &[u8]) -> Option<u32> {
    id.get(..8)?.iter().try_fold(0_u32, |number, byte| Some(number << 4 | char::from(*byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::{Sampling, leading_hex};

    #[test]
    fn a_request_id_begins_with_a_number() {
        assert_eq!(leading_hex(b"0000000a-89ab-cdef-0123-456789abcdef"), Some(10));
        assert_eq!(leading_hex(b"FFFFFFFF"), Some(u32::MAX));
        assert_eq!(leading_hex(b"fffffff"), None);
        assert_eq!(leading_hex(b"0000000g"), None);
        assert_eq!(leading_hex(b"\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }

    #[test]
    fn percentages_have_two_decimals() {
        for (percent, kept) in [(0.0, 0), (0.01, 1), (12.5, 1_250), (99.99, 9_999), (100.0, 10_000)] {
            assert_eq!(Sampling::new(percent).map(|sampling| sampling.kept).ok(), Some(kept));
        }
        for refused in [-0.1, 100.1, 0.001, f64::NAN, f64::INFINITY] {
            assert!(Sampling::new(refused).is_err(), "{refused}");
        }
    }
}
