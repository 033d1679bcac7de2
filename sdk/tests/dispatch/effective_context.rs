//! Which context hostcalls act on where streams wake, end and answer each other.

use crate::host::Started;
use proxy_filter::abi::{Callback, pairs};
use proxy_filter::prelude::*;
use std::cell::RefCell;

thread_local! {
    static HELD: RefCell<Option<Held<phase::RequestHeaders>>> = const { RefCell::new(None) };
    static SENDER: RefCell<Option<oneshot::Sender<()>>> = const { RefCell::new(None) };
}

struct Meets;

impl RootContext for Meets {
    type Config = ();
    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl HttpPlugin for Meets {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> Stream {
        Stream(stream.id())
    }
}

/// What it does depends on its id.
struct Stream(u32);

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        match self.0 {
            HELD_BY_ANOTHER => {
                let (held, wait) = http.hold();
                HELD.set(Some(held));
                Ok(wait)
            }
            HOLDS_ANOTHER => {
                let other = HELD.take();
                http.wait(async move |_request| {
                    std::future::pending::<()>().await;
                    drop(other);
                    Ok(())
                })
            }
            WOKEN => {
                let (sender, receiver) = oneshot::channel();
                SENDER.set(Some(sender));
                http.wait(async move |request| {
                    receiver.await?;
                    request.headers().set("x-woken", "1")?;
                    Ok(())
                })
            }
            CALLS => http.wait(async |request| {
                request.call(HttpCall::get("authz", "/check")).await?;
                Ok(())
            }),
            _ => http.wait(async |request| {
                let (reply, logged) =
                    join(request.call(HttpCall::get("authz", "/check")), async { request.log(LogLevel::Info, "sent") }).await;
                logged?;
                reply?;
                Ok(())
            }),
        }
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        http.chunk()?;
        if let Some(sender) = SENDER.take() {
            let _ = sender.send(());
        }
        Ok(DataAction::Buffer)
    }
}

const HELD_BY_ANOTHER: u32 = 2;
const HOLDS_ANOTHER: u32 = 3;
const WOKEN: u32 = 4;
const CALLS: u32 = 5;
const WAKES: u32 = 6;
const IS_ANSWERED_AT_ONCE: u32 = 7;

proxy_filter::register! { "meets" => http Meets }

fn started() -> Started {
    let vm = Started::new(&PLUGINS);
    assert!(vm.configure(1, ""));
    vm.host.give_number(9);
    vm
}

fn request(vm: &Started, context_id: u32) -> u32 {
    vm.call(Callback::proxy_on_context_create { context_id, parent_id: 1 });
    vm.call(Callback::proxy_on_request_headers { context_id, num_headers: 4, end_of_stream: 0 })
}

const RESPONSE: Callback =
    Callback::proxy_on_http_call_response { context_id: 1, call_id: 9, num_headers: 1, body_size: 0, num_trailers: 0 };

/// CTX-4: what ends with a stream may act on another; the callbacks of its end then act on their own again.
#[test]
fn a_stream_that_ends_another_goes_back_to_its_own_context() {
    let vm = started();
    assert_eq!((request(&vm, HELD_BY_ANOTHER), request(&vm, HOLDS_ANOTHER)), (1, 1));
    vm.host.take_calls();
    vm.call(Callback::proxy_on_done { context_id: HOLDS_ANOTHER });
    let calls = vm.host.take_calls();
    assert_eq!(calls.first().map(String::as_str), Some("proxy_set_effective_context(2)"), "{calls:?}");
    assert!(calls.iter().any(|call| call.starts_with("proxy_send_local_response(500")), "{calls:?}");
    assert_eq!(calls.last().map(String::as_str), Some("proxy_set_effective_context(0)"), "{calls:?}");
}

/// A body callback that wakes a task of another stream counts the bytes of its own.
#[test]
fn what_is_here_of_a_body_is_asked_of_its_own_stream() {
    let vm = started();
    assert_eq!(request(&vm, WOKEN), 1);
    vm.call(Callback::proxy_on_context_create { context_id: WAKES, parent_id: 1 });
    vm.host.take_calls();
    assert_eq!(vm.call(Callback::proxy_on_request_body { context_id: WAKES, size: 9, end_of_stream: 0 }), 1);
    let calls = vm.host.take_calls();
    let (woken, rest) = calls.split_at(calls.len() - 2);
    assert!(woken.contains(&"proxy_set_effective_context(4)".to_owned()), "{calls:?}");
    assert_eq!(rest, ["proxy_set_effective_context(6)", "proxy_get_buffer_status(HTTP_REQUEST_BODY)"]);
}

/// CAP-2, CTX-5: only a host that knows a context no more says that its stream has ended.
#[test]
fn a_host_that_refuses_to_switch_is_told_of() {
    for (status, told) in [(10, Some("INTERNAL_FAILURE")), (12, Some("UNIMPLEMENTED")), (2, None), (1, None)] {
        let vm = started();
        assert_eq!((request(&vm, CALLS), request(&vm, HELD_BY_ANOTHER)), (1, 1));
        vm.host.answer(move |hostcall| (hostcall == "proxy_set_effective_context").then_some(status));
        vm.host.give(pairs::encode([(":status", "200")]));
        vm.call(RESPONSE);
        let line = |context: u32| {
            Some(format!(
                "ERROR, meets: context {context}: proxy_on_request_headers: proxy_set_effective_context failed: {}",
                told?
            ))
        };
        assert_eq!(vm.host.take_log(), Vec::from_iter(line(CALLS)));
        let held = HELD.take().expect("it is held");
        assert!(held.resume().is_err());
        assert_eq!(vm.host.take_log(), Vec::from_iter(line(HELD_BY_ANOTHER)));
    }
}

/// SEQ-21: Envoy never calls back from inside of a hostcall. A host that does, while a task is polled for the first time, loses nothing.
#[test]
fn a_task_that_is_woken_before_it_is_kept_goes_on() {
    let vm = started();
    vm.call(Callback::proxy_on_context_create { context_id: IS_ANSWERED_AT_ONCE, parent_id: 1 });
    vm.host.give(pairs::encode([(":status", "200")]));
    // The call itself, then the log line after it.
    vm.host.reenter([Callback::proxy_on_tick { context_id: 1 }, RESPONSE]);
    let headers = Callback::proxy_on_request_headers { context_id: IS_ANSWERED_AT_ONCE, num_headers: 4, end_of_stream: 1 };
    assert_eq!(vm.call(headers), 0, "{:?}", vm.host.take_calls());
}
