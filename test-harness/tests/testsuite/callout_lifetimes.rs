//! Where callouts begin, and what they outlive: in any callback, longer than their stream, not longer than their root.

use super::callouts::{MS, call, in_callback, info, said, start, told};
use super::get;
use http::Response;
use proxy_filter_test::abi::{Callback, Host};
use proxy_filter_test::{Cluster, MockProxy, Outcome, Spy};
use std::cell::Cell;
use std::rc::Rc;

#[test]
fn cal_15_an_answer_comes_to_the_root_though_the_stream_has_ended() {
    let spy = Spy::acting("caller", |callback, host: &dyn Host| {
        match callback {
            Callback::proxy_on_request_headers { .. } => {
                call(host, "auth", 0);
            }
            Callback::proxy_on_http_call_response { .. } => {
                info(host, &format!("{:?}", host.proxy_set_effective_context(2)));
            }
            _ => {}
        }
        None
    });
    let proxy = start(spy.plugin());
    proxy.set_cluster("auth", Cluster::from(Response::new("ok")).latency(MS));
    assert_eq!(get(&proxy).outcome(), Outcome::Complete);
    proxy.advance(MS);
    assert_eq!(said(&proxy)[1], "Err(BadArgument)");
}

#[test]
fn cal_16_a_call_may_be_made_in_any_callback_and_is_never_answered_inside_one() {
    for name in [
        "proxy_on_vm_start",
        "proxy_on_configure",
        "proxy_on_tick",
        "proxy_on_context_create",
        "proxy_on_request_headers",
        "proxy_on_response_headers",
        "proxy_on_log",
        "proxy_on_done",
        "proxy_on_delete",
    ] {
        let inside = Rc::new(Cell::new(false));
        let spy = Spy::acting("caller", move |callback, host: &dyn Host| {
            assert!(!inside.replace(true), "a callback inside another");
            if let Callback::proxy_on_vm_start { .. } = callback {
                host.proxy_set_tick_period_milliseconds(10).unwrap();
            }
            let creates_root = matches!(callback, Callback::proxy_on_context_create { parent_id: 0, .. });
            if callback.name() == name && !creates_root {
                call(host, "auth", 0);
            }
            told(host, callback);
            inside.set(false);
            None
        });
        let proxy =
            MockProxy::builder().plugin(spy.plugin()).cluster("auth", |_| Response::new("ok")).start().expect("it starts");
        get(&proxy);
        proxy.advance(10 * MS);
        assert_eq!(said(&proxy)[..2], ["auth called: 4", "root 1, 4: 200 \"ok\" (3, 2, 0), 0 \"\""], "{name}");
    }
}

#[test]
fn cal_16_a_call_may_be_made_in_the_callback_of_another() {
    let spy = Spy::acting("caller", |callback, host: &dyn Host| {
        told(host, callback);
        match callback {
            Callback::proxy_on_request_headers { .. } => call(host, "auth", 0),
            Callback::proxy_on_http_call_response { call_id: 4 | 8, .. } => call(host, "auth", 0),
            _ => None,
        };
        None
    });
    let proxy = start(spy.plugin());
    proxy.set_cluster("auth", Cluster::from(Response::new("ok")).latency(10 * MS));
    get(&proxy);
    proxy.advance(30 * MS);
    assert_eq!(proxy.requests_to("auth").len(), 3);
    assert_eq!(said(&proxy).last().map(String::as_str), Some("root 1, 12: 200 \"ok\" (3, 2, 0), 0 \"\""));
}

#[test]
fn cal_16_the_calls_of_the_canary_come_to_nothing() {
    let builder = MockProxy::builder().plugin(in_callback("proxy_on_configure", |host| {
        call(host, "auth", 0);
    }));
    let proxy = builder.cluster("auth", |_| Response::new("ok")).main_thread().start().expect("it starts");
    let said = said(&proxy);
    assert_eq!(said.iter().filter(|line| *line == "auth called: 4").count(), 3, "canary, main thread, worker");
    assert_eq!(said.iter().filter(|line| line.starts_with("root 1, 4: 200")).count(), 2, "{said:?}");
    assert_eq!(proxy.requests_to("auth").len(), 2);
}

#[test]
fn cal_18_a_root_that_goes_takes_its_calls_with_it() {
    let plugin = in_callback("proxy_on_configure", |host| {
        call(host, "auth", 0);
    });
    let builder = MockProxy::builder().plugin(plugin.clone().config("old"));
    let proxy = builder.set_cluster("auth", Cluster::from(Response::new("ok")).latency(10 * MS)).start().expect("it starts");
    proxy.advance(5 * MS);
    proxy.update(plugin.config("new")).expect("it is taken");
    proxy.advance(5 * MS);
    assert!(said(&proxy).iter().all(|line| line.starts_with("auth called")), "the old root's is not answered");
    proxy.advance(5 * MS);
    assert!(said(&proxy).last().unwrap().starts_with("root 2, 8: 200"), "{:?}", said(&proxy));
}

#[test]
fn fai_1_no_answer_comes_to_a_vm_that_has_died_but_its_request_was_sent() {
    #[cfg(feature = "wasmtime")]
    {
        use super::guest::{callback, data, module};
        use proxy_filter_test::{Plugin, abi::pairs};
        let wire = pairs::encode([(":method", "GET"), (":path", "/"), (":authority", "a")]);
        let code = format!(
            "(drop (call $proxy_http_call (i32.const 64) (i32.const 4) (i32.const 128) (i32.const {}) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32)))
             unreachable",
            wire.len()
        );
        let text =
            module(&format!("{}{}{}", data(64, b"auth"), data(128, &wire), callback("proxy_on_request_headers", &code, 0)));
        let proxy = start(Plugin::from_bytes(text));
        proxy.set_cluster("auth", Cluster::from(Response::new("ok")).latency(MS));
        assert_eq!(get(&proxy).response().status(), 503);
        proxy.advance(MS);
        assert_eq!(proxy.requests_to("auth").len(), 1);
        assert!(!proxy.trace().contains("proxy_on_http_call_response"), "{}", proxy.trace());
    }
}
