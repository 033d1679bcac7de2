//! Requests at the same time in four workers, interleaved at each hostcall as a seed says: never more are allowed than a bucket has.
//!
//! `PROXY_FILTER_SEEDS=1000` runs a thousand of them in each VM.

use http::Request;
use proxy_filter_test::{Message, MockProxy, TestResult, VmKind, both_vms, interleavings};
use rate_limit::PLUGINS;
use serde_json::{Value, json};
use std::time::Duration;

fn seeds(vm: VmKind) -> u64 {
    let small = if vm == VmKind::Native { 100 } else { 10 };
    std::env::var("PROXY_FILTER_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(small)
}

fn four_workers(vm: VmKind, config: Value, seed: u64) -> Result<MockProxy, proxy_filter_test::Refused> {
    MockProxy::builder().plugin(vm.plugin(&PLUGINS, "rate_limit").config(config)).workers(4).seed(seed).start()
}

fn requests(keys: impl IntoIterator<Item = u32>) -> Vec<Message> {
    let request = |key: u32| Request::get("http://shop.example/").header("x-api-key", key).body("").expect("a request").into();
    keys.into_iter().map(request).collect()
}

/// How many of these are let through, when they come at once.
fn allowed(proxy: &MockProxy, keys: impl IntoIterator<Item = u32>) -> usize {
    let exchanges = proxy.send_concurrently(requests(keys));
    exchanges.iter().filter(|exchange| exchange.response().status() == 200).count()
}

both_vms! {
    fn never_over_the_bucket(vm) -> TestResult {
        let mut retried = 0;
        interleavings(seeds(vm), |seed| {
            let rule = json!({"name": "all", "key": [{"header": "x-api-key"}], "requests": 5, "seconds": 10});
            let proxy = four_workers(vm, json!({"rules": [rule]}), seed)?;
            assert_eq!(allowed(&proxy, [1; 12]), 5);
            // Two tokens have come back.
            proxy.advance(Duration::from_secs(4));
            assert_eq!(allowed(&proxy, [1; 8]), 2);
            retried += u64::from(proxy.trace().contains("CAS_MISMATCH"));
            Ok(())
        });
        if std::env::var_os("PROXY_FILTER_SEED").is_none() {
            assert!(retried > seeds(vm) / 10, "workers did meet: {retried}");
        }
        println!("{vm:?}: {} seeds, in {retried} of them workers met at the bucket", seeds(vm));
        Ok(())
    }

    /// Buckets of several keys are one shared value here.
    fn never_over_a_bucket_that_shares_its_set(vm) -> TestResult {
        interleavings(seeds(vm), |seed| {
            let rule = json!({"name": "all", "key": [{"header": "x-api-key"}], "requests": 2, "seconds": 10});
            let proxy = four_workers(vm, json!({"max_keys": 1, "on_failure": "refuse", "rules": [rule]}), seed)?;
            assert_eq!(allowed(&proxy, [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]), 6);
            proxy.advance(Duration::from_secs(5));
            assert_eq!(allowed(&proxy, [1, 2, 3, 1, 2, 3, 1, 2, 3]), 3);
            assert!(proxy.log().is_empty(), "{:?}", proxy.log());
            Ok(())
        });
        Ok(())
    }

    /// The set is full: who has no bucket in it is refused, and nobody gets a second one.
    fn never_over_where_there_is_no_room(vm) -> TestResult {
        interleavings(seeds(vm) / 2, |seed| {
            let rule = json!({"name": "all", "key": [{"header": "x-api-key"}], "requests": 1, "seconds": 10});
            let proxy = four_workers(vm, json!({"max_keys": 1, "on_failure": "refuse", "rules": [rule]}), seed)?;
            assert_eq!(allowed(&proxy, (0..20).chain(0..20)), 16);
            Ok(())
        });
        Ok(())
    }
}
