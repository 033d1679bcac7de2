//! Any limit, any clients, any clock: against a reference in plain words, and what must hold when time runs back.

use http::Request;
use proptest::prelude::*;
use proxy_filter_test::{Message, MockProxy, Plugin};
use rate_limit::PLUGINS;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const START: Duration = Duration::from_secs(1_700_000_000);
const SECOND: u128 = 1_000_000_000;

fn proxy(requests: u32, seconds: u32, burst: u32) -> MockProxy {
    let rule = json!({"name": "all", "key": [{"header": "x-api-key"}], "requests": requests, "seconds": seconds, "burst": burst});
    let plugin = Plugin::native(&PLUGINS, "rate_limit").config(json!({"rules": [rule]}));
    MockProxy::builder().plugin(plugin).time(START).start().expect("a good configuration")
}

/// Whether it is let through, and what it is told to be left.
fn send(proxy: &MockProxy, key: u8) -> (bool, u64) {
    let request: Message =
        Request::get("http://shop.example/").header("x-api-key", u32::from(key)).body("").expect("a request").into();
    let exchange = proxy.send(request);
    let response = exchange.response();
    let remaining = response.headers()["ratelimit-remaining"].to_str().expect("ASCII").parse().expect("a number");
    (response.status() == 200, remaining)
}

/// A bucket whose content is counted in nanoseconds of refilling.
struct Reference {
    content: u128,
    seen: Duration,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(64), ..ProptestConfig::default() })]

    #[test]
    fn it_is_a_token_bucket_for_each_key(
        requests in 1_u32..2_000, seconds in 1_u32..100, burst in 1_u32..30,
        steps in prop::collection::vec((0_u8..4, 0_u64..20_000_000_000), 1..80),
    ) {
        let proxy = proxy(requests, seconds, burst);
        let token = (u128::from(seconds) * SECOND).div_ceil(u128::from(requests));
        let most = token * u128::from(burst);
        let mut now = START;
        let mut references = BTreeMap::new();
        for (key, pause) in steps {
            // Many at once, and a pause now and then.
            let pause = Duration::from_nanos(if pause % 3 == 0 { pause } else { 0 });
            proxy.advance(pause);
            now += pause;
            let reference = references.entry(key).or_insert(Reference { content: most, seen: now });
            reference.content = most.min(reference.content + (now - reference.seen).as_nanos());
            reference.seen = now;
            let expected = reference.content >= token;
            if expected {
                reference.content -= token;
            }
            let left = if expected { u64::try_from(reference.content / token).unwrap_or(u64::MAX) } else { 0 };
            prop_assert_eq!(send(&proxy, key), (expected, left));
        }
    }

    #[test]
    fn whatever_the_clock_does_it_allows_no_more_than_time_has_passed_and_locks_nobody_out(
        requests in 1_u32..100, seconds in 1_u32..100, burst in 1_u32..10,
        steps in prop::collection::vec((0_u8..3, -30_000_000_000_i64..30_000_000_000), 1..80),
    ) {
        let proxy = proxy(requests, seconds, burst);
        let token = (u128::from(seconds) * SECOND).div_ceil(u128::from(requests));
        let (mut now, mut forward) = (START, 0_u128);
        // For each key when, in time that ran forward, its requests were allowed.
        let mut allowed: BTreeMap<u8, Vec<u128>> = BTreeMap::new();
        for (key, step) in steps {
            let step = if step % 2 == 0 { 0 } else { step };
            let by = Duration::from_nanos(step.unsigned_abs());
            now = if step < 0 { now - by } else { now + by };
            forward += if step < 0 { 0 } else { by.as_nanos() };
            proxy.set_time(now);
            if send(&proxy, key).0 {
                let times = allowed.entry(key).or_default();
                times.push(forward);
                // In every window that ends here.
                for (at, then) in times.iter().enumerate() {
                    let count = u128::try_from(times.len() - at).unwrap_or_default();
                    prop_assert!(count * token <= u128::from(burst) * token + (forward - then), "{} from {} to {}", count, then, forward);
                }
            }
        }
        // A token comes back in its time, wherever the clock is now.
        for key in 0..3 {
            send(&proxy, key);
        }
        proxy.set_time(now + Duration::from_nanos(u64::try_from(token).unwrap_or(u64::MAX)));
        for key in 0..3 {
            prop_assert!(send(&proxy, key).0);
        }
    }
}
