//! Reading and writing headers allocates nothing in the guest but what the host hands over.

use proxy_filter_conformance::allocations::{OURS, PEER, allocations};
use proxy_filter_test::TestResult;

#[test]
fn only_what_the_host_hands_over_is_allocated() -> TestResult {
    let counts = allocations(OURS)?;
    let counts: Vec<(&str, u32)> = counts.iter().map(|(what, count)| (what.as_str(), *count)).collect();
    let expected = [("absent", 0), ("add", 0), ("all", 1), ("get", 1), ("remove", 0), ("set", 0), ("walk", 0)];
    assert_eq!(counts, expected, "a map of 20 headers is one buffer, a value another");
    Ok(())
}

#[test]
fn the_counter_counts() -> TestResult {
    let all = allocations(PEER)?.remove("all").ok_or("no count was logged")?;
    assert!(all > 40, "the peer makes two for each of 20 headers, not {all}");
    Ok(())
}
