//! How long to wait before a batch is sent again.

use core::time::Duration;

/// The wait after so many failed attempts: it doubles each time up to `most`, and half of it is chance, so that the proxies of a fleet do
/// not all come back at once. `random` is any number.
pub fn backoff(first: Duration, most: Duration, failed: u32, random: u64) -> Duration {
    let doublings = failed.saturating_sub(1).min(31);
    let whole = first.saturating_mul(1 << doublings).min(most);
    let half = whole / 2;
    // Chance decides on the other half, in milliseconds.
    let spread = u64::try_from((whole - half).as_millis()).unwrap_or(u64::MAX - 1);
    half + Duration::from_millis(random % (spread + 1))
}
