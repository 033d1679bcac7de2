//! Many tests of a filter that calls services, side by side in one process: each run has the same results.
//!
//! `PROXY_FILTER_TESTS` says how many there are in a run, 60 unless it is set, and `PROXY_FILTER_RUNS` how many runs, 3 unless it is
//! set; 1,000 and 10 under `cargo make soak`. Time and memory are printed: `cargo test --test parallel -- --nocapture`.

use proxy_filter_test::{Answer, Cluster, MockProxy, Plugin, TestResult};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

/// A sequence of numbers that is the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    /// A service that answers, or fails in each way there is.
    fn answer(&mut self, status: u16) -> Answer {
        let response = http::Response::builder().status(status).body(format!("n{}", self.below(1_000)));
        match self.below(10) {
            0 => Answer::Refuse,
            1 => Answer::Timeout,
            2 => Answer::ResetBeforeResponse,
            3 => Answer::ResetAfter(http::Response::new("cut").into()),
            _ => response.expect("a response").into(),
        }
        .after(Duration::from_millis(self.below(130)))
    }
}

fn plugin(test: usize) -> Plugin {
    #[cfg(feature = "wasmtime")]
    if test.is_multiple_of(2) {
        return Plugin::wasm(&asks::PLUGINS, "asks");
    }
    let _ = test;
    Plugin::native(&asks::PLUGINS, "asks")
}

/// One test: some requests, all under way together, of which each ends in one of the ways there are. What came of them.
fn test(number: usize) -> Result<(u64, Vec<u16>), Box<dyn std::error::Error>> {
    let mut dice = Dice(number as u64);
    let builder = MockProxy::builder().plugin(plugin(number)).set_cluster("greetings", dice.answer(200));
    let authz: Vec<Answer> = (0..4).map(|_| if dice.below(5) == 0 { dice.answer(403) } else { dice.answer(200) }).collect();
    let quota: Vec<Answer> = (0..4).map(|_| if dice.below(5) == 0 { dice.answer(429) } else { dice.answer(200) }).collect();
    let proxy = builder.set_cluster("authz", Cluster::answers(authz)).set_cluster("quota", Cluster::answers(quota)).start()?;
    let mut exchanges = Vec::new();
    for request in 0..4 {
        let path = format!("http://shop.example/{request}");
        exchanges.push(proxy.send(http::Request::get(path).header("authorization", format!("token {request}")).body("")?));
        proxy.advance(Duration::from_millis(dice.below(40)));
    }
    proxy.advance(Duration::from_millis(100));
    let statuses: Vec<u16> = exchanges.iter().map(|exchange| exchange.response().status().as_u16()).collect();
    assert!(proxy.requests_to("authz").len() == 4 && proxy.trap().is_none(), "{}", proxy.trace());
    let mut hasher = DefaultHasher::new();
    (proxy.trace(), format!("{:?}", proxy.log())).hash(&mut hasher);
    Ok((hasher.finish(), statuses))
}

/// All tests, by several threads that each take the next; what came of each.
fn run(tests: usize) -> BTreeMap<usize, (u64, Vec<u16>)> {
    let threads = thread::available_parallelism().map_or(4, usize::from).max(4);
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= tests {
                        return;
                    }
                    let result = test(number).unwrap_or_else(|error| panic!("test {number}: {error}"));
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(number, result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The most memory that the process has had, as Linux tells it.
fn most_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|size| size.trim().to_owned())
}

#[test]
fn tests_side_by_side_have_the_same_results_each_time() -> TestResult {
    let (tests, runs) = (number("PROXY_FILTER_TESTS", 60), number("PROXY_FILTER_RUNS", 3));
    let mut first = None;
    for number in 1..=runs {
        let begin = Instant::now();
        let results = run(tests);
        let memory = most_memory().unwrap_or_else(|| "not known here".to_owned());
        println!("run {number}: {tests} tests in {:.1?}, most memory {memory}", begin.elapsed());
        assert_eq!(results.len(), tests);
        let expected = first.get_or_insert_with(|| results.clone());
        for (test, result) in &results {
            assert_eq!(Some(result), expected.get(test), "test {test} of run {number} differs");
        }
    }
    let mut statuses = BTreeMap::new();
    for status in first.iter().flat_map(BTreeMap::values).flat_map(|(_, statuses)| statuses) {
        *statuses.entry(*status).or_insert(0_usize) += 1;
    }
    println!("responses: {statuses:?}");
    // Every way to end is among them, or nothing is shown.
    for status in [200, 403, 429, 502, 504] {
        assert!(statuses.contains_key(&status), "no {status} in {statuses:?}");
    }
    Ok(())
}
