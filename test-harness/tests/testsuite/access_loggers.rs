//! Access loggers and services.

use super::guest::{callback, data, module};
use super::{get, messages};
use http::Request;
use proxy_filter_test::{Lint, MockProxy, Outcome, Plugin};
use std::time::Duration;

/// An access logger that does this in `proxy_on_log`, with `:path`, `x-a` and two names of properties in its memory.
fn logger(instructions: &str) -> Plugin {
    let text = [
        data(64, b":path"),
        data(72, b"x-absent"),
        data(80, b"response\0code"),
        data(96, b"connection_id"),
        callback("proxy_on_log", instructions, 0),
    ];
    Plugin::from_bytes(module(&text.join("\n"))).name("logger")
}

fn filter(definitions: &[String]) -> Plugin {
    Plugin::from_bytes(module(&definitions.join("\n"))).name("filter")
}

#[test]
fn acl_1_an_access_logger_is_told_of_each_end_in_its_root_after_the_filters() {
    let proxy = MockProxy::builder().access_logger(logger("(call $report (local.get 0))")).plugin(filter(&[])).start().unwrap();
    let exchange = get(&proxy);
    assert_eq!(messages(&exchange.log()), ["1"]);
    let names: Vec<_> = exchange.callbacks().iter().map(|(name, _)| *name).collect();
    assert_eq!(names[3..], ["proxy_on_log", "proxy_on_log", "proxy_on_done", "proxy_on_delete"]);
    let trace = proxy.trace();
    assert!(trace.find("filter: proxy_on_log") < trace.find("logger: proxy_on_log(context_id=1)"), "{trace}");
    assert!(!trace.contains("logger: proxy_on_request_headers"), "{trace}");
    // Also of a stream that a filter answered, and of one that the client left.
    let pausing = filter(&[callback("proxy_on_request_headers", "", 1)]);
    let proxy = MockProxy::builder().access_logger(logger("(call $report (local.get 0))")).plugin(pausing).start().unwrap();
    let waiting = get(&proxy);
    assert!(proxy.log().is_empty());
    proxy.disconnect(&waiting);
    assert_eq!(messages(&proxy.log()), ["1"]);
}

#[test]
fn acl_2_what_an_access_logger_may_do() {
    let status = |call: &str| format!("(call $report {call})");
    let get_value = |map: u32, at: u32, size: u32| {
        status(&format!(
            "(call $proxy_get_header_map_value (i32.const {map}) (i32.const {at}) (i32.const {size}) (i32.const 200) (i32.const 204))"
        ))
    };
    let property = |at: u32, size: u32| {
        status(&format!("(call $proxy_get_property (i32.const {at}) (i32.const {size}) (i32.const 200) (i32.const 204))"))
    };
    let table = [
        (get_value(0, 64, 5), "0"),
        (get_value(0, 72, 8), "1"),
        // HDR-1: a map that is not there.
        (get_value(6, 64, 5), "1"),
        (property(80, 13), "0"),
        (property(96, 13), "1"),
        (status("(call $proxy_set_property (i32.const 64) (i32.const 5) (i32.const 64) (i32.const 5))"), "1"),
        (status("(call $proxy_get_header_map_size (i32.const 0) (i32.const 200))"), "2"),
        (
            status("(call $proxy_add_header_map_value (i32.const 0) (i32.const 64) (i32.const 5) (i32.const 64) (i32.const 5))"),
            "2",
        ),
        (status("(call $proxy_close_stream (i32.const 0))"), "0"),
        (
            status(
                "(call $proxy_send_local_response (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const -1))",
            ),
            "0",
        ),
    ];
    let instructions: String = table.iter().map(|(instructions, _)| instructions.as_str()).collect();
    let proxy = MockProxy::builder().access_logger(logger(&instructions)).start().unwrap();
    let exchange = proxy.send(Request::get("http://shop.example/cart").body("").unwrap());
    let expected: Vec<_> = table.iter().map(|(_, status)| *status).collect();
    assert_eq!(messages(&exchange.log()), expected, "{exchange:?}");
    assert_eq!((exchange.outcome(), exchange.response().status().as_u16()), (Outcome::Complete, 200));
    let findings = proxy.findings();
    assert!(findings.iter().all(|finding| finding.lint() == Lint::RefusedHostcall), "{findings:?}");
}

#[test]
fn acl_2_the_stream_is_out_of_reach_of_an_access_logger_at_any_other_time() {
    let read = "(call $report (call $proxy_get_header_map_value (i32.const 0) (i32.const 64) (i32.const 5) (i32.const 200) (i32.const 204)))";
    let start = callback("proxy_on_configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 1000)))", 1);
    let text = [data(64, b":path"), start, callback("proxy_on_tick", read, 0)].join("\n");
    let proxy = MockProxy::builder().access_logger(Plugin::from_bytes(module(&text))).start().unwrap();
    get(&proxy);
    proxy.advance(Duration::from_secs(1));
    assert_eq!(messages(&proxy.log()), ["2"]);
}

#[test]
fn acl_1_fai_4_an_access_logger_that_traps_harms_no_response_and_is_told_no_more() {
    let proxy = MockProxy::builder().access_logger(logger("unreachable")).plugin(filter(&[])).start().unwrap();
    for calls in [1, 0] {
        let exchange = get(&proxy);
        assert_eq!(exchange.response().status(), 200);
        let of_logger = exchange.callbacks().iter().filter(|(name, _)| *name == "proxy_on_log").count();
        assert_eq!(of_logger, 1 + calls);
    }
    assert!(proxy.trap().is_some_and(|trap| trap.callback.starts_with("proxy_on_log")));
}

#[test]
fn lif_19_an_access_logger_is_updated_by_its_name() {
    let proxy = MockProxy::builder().access_logger(logger("")).start().unwrap();
    proxy.update(logger("(call $report (i32.const 5))")).unwrap();
    assert_eq!(messages(&get(&proxy).log()), ["5"]);
    assert!(proxy.trace().contains("logger: proxy_on_delete(context_id=1)"), "{}", proxy.trace());
}

#[test]
fn svc_1_a_service_ticks_on_the_main_thread_and_sees_no_stream() {
    let start = callback("proxy_on_configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 1000)))", 1);
    let text = [start, callback("proxy_on_tick", "(call $report (local.get 0))", 0)].join("\n");
    let plugin = Plugin::from_bytes(module(&text)).name("p");
    // A filter of the same code and settings has a VM of its own, in the worker.
    let proxy = MockProxy::builder().service(plugin.clone().name("service")).plugin(plugin).start().unwrap();
    assert!(!messages(&get(&proxy).log()).contains(&"1"));
    proxy.advance(Duration::from_secs(2));
    assert_eq!(messages(&proxy.log()), ["1", "1", "1", "1"]);
    let trace = proxy.trace();
    assert_eq!(trace.matches("service (main thread): proxy_on_tick(context_id=1)").count(), 2, "{trace}");
    assert_eq!(trace.matches("\np: proxy_on_tick(context_id=1)").count(), 2, "{trace}");
    let log = proxy.shut_down();
    assert!(log.is_empty());
}
