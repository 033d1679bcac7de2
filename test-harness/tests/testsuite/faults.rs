//! Faults that a test injects: which call fails, how often, and what a filter and its trace see of it.

use super::{get, messages};
use http::Request;
use proxy_filter_abi::Status;
use proxy_filter_test::{Fault, Lint, MockProxy, Plugin, TestResult};
use torture::PLUGINS;

const READ: &str = "proxy_get_header_map_pairs";

fn strict() -> Result<MockProxy, Box<dyn std::error::Error>> {
    Ok(MockProxy::new(Plugin::native(&PLUGINS, "torture").config("strict"))?)
}

#[test]
fn the_status_is_that_of_the_fault_and_the_trace_says_so() -> TestResult {
    let proxy = strict()?;
    proxy.inject(Fault::new(READ, Status::SerializationFailure).times(1));
    let exchange = get(&proxy);
    assert!(!exchange.reached_upstream(), "it fails closed");
    let failure = format!("torture: context 2: proxy_on_request_headers: {READ} failed: SERIALIZATION_FAILURE");
    assert!(messages(&exchange.log()).contains(&failure.as_str()), "{:?}", exchange.log());
    assert!(
        proxy.trace().contains(&format!("{READ}(HTTP_REQUEST_HEADERS) -> SERIALIZATION_FAILURE (injected)")),
        "{}",
        proxy.trace()
    );
    assert_eq!(proxy.faults_injected(), 1);
    assert_eq!(get(&proxy).response().status(), 204, "it was to strike once");
    Ok(())
}

#[test]
fn calls_before_the_first_that_is_to_fail_pass() -> TestResult {
    for after in 0..3 {
        let proxy = MockProxy::new(Plugin::native(&PLUGINS, "torture"))?;
        let before = proxy.trace().matches("proxy_get_current_time_nanoseconds() -> ").count();
        proxy.inject(Fault::new("proxy_get_current_time_nanoseconds", Status::InternalFailure).after(after).times(2));
        get(&proxy);
        get(&proxy);
        let trace = proxy.trace();
        let calls = trace.lines().filter(|line| line.contains("proxy_get_current_time_nanoseconds() -> ")).skip(before);
        let failed: Vec<usize> = calls.enumerate().filter(|(_, line)| line.ends_with("(injected)")).map(|(at, _)| at).collect();
        assert_eq!(failed, [0, 1].map(|call| call + usize::try_from(after).unwrap_or(0)), "{trace}");
    }
    Ok(())
}

#[test]
fn faults_are_cleared() -> TestResult {
    // Not even the answer of its failure policy gets through.
    let builder = MockProxy::builder().plugin(Plugin::native(&PLUGINS, "torture").config("strict"));
    let proxy = builder.allow(Lint::NeverContinued).start()?;
    proxy.inject(Fault::of_every_hostcall(Status::Unimplemented));
    let failed = proxy.send(Request::get("http://shop.example/").body("")?);
    assert!(proxy.faults_injected() > 5);
    drop(failed);
    proxy.clear_faults();
    assert_eq!(get(&proxy).response().status(), 204);
    Ok(())
}

#[test]
fn a_fault_from_the_start_meets_the_configuration() -> TestResult {
    let fault = Fault::new("proxy_get_buffer_bytes", Status::NotFound);
    let refused = MockProxy::builder().plugin(Plugin::native(&PLUGINS, "torture").config("strict")).inject(fault).start();
    let refused = refused.err().ok_or("it cannot have its configuration")?;
    assert_eq!(messages(refused.log()), ["torture: bad configuration: proxy_get_buffer_bytes failed: NOT_FOUND"]);
    Ok(())
}

#[test]
#[should_panic(expected = "the ABI has no hostcall \"proxy_logg\"")]
fn a_hostcall_that_does_not_exist_is_a_mistake_of_the_test() {
    let _ = Fault::new("proxy_logg", Status::NotFound);
}
