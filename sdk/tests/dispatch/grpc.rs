//! gRPC calls and streams, on a host that notes each hostcall: tokens that are late, given twice, or nobody's.

use crate::host::Started;
use proxy_filter::abi::Callback;
use proxy_filter::prelude::*;

/// Does by gRPC what the configuration says.
struct Speaks(String);

impl RootContext for Speaks {
    type Config = String;
    fn new(what: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self(what))
    }
}

impl HttpPlugin for Speaks {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream(Rc::clone(self))
    }
}

struct Stream(Rc<Speaks>);

fn check() -> GrpcCall {
    GrpcCall::new("authz", "acme.Auth", "Check").message(b"ann")
}

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        match &*self.0.0 {
            "call" => http.wait(async |request| Ok(request.headers().set("x-user", request.grpc_call(check()).await?)?)),
            "two" => http.wait(async |request| {
                let (one, other) = join(request.grpc_call(check()), request.grpc_call(check())).await;
                let _ = request.log(LogLevel::Info, format!("{one:?} {other:?}"));
                Ok(())
            }),
            "detached" => {
                http.grpc_call(check()).detach();
                http.wait(async |_request| std::future::pending().await)
            }
            _ => http.wait(async |request| {
                let mut stream = request.grpc_stream(check());
                while let Some(message) = stream.next().await? {
                    request.log(LogLevel::Info, message)?;
                }
                Ok(())
            }),
        }
    }
}

proxy_filter::register! { "speaks" => http Speaks }

fn started(what: &str, token: u32) -> Started {
    let vm = Started::new(&PLUGINS);
    assert!(vm.configure(1, what));
    vm.host.give_number(token);
    vm.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    assert_eq!(vm.call(Callback::proxy_on_request_headers { context_id: 2, num_headers: 4, end_of_stream: 1 }), 1);
    vm
}

fn receive(vm: &Started, call_id: u32, message: &str) {
    vm.host.give(message);
    let size = u32::try_from(message.len()).expect("a short one");
    vm.call(Callback::proxy_on_grpc_receive { context_id: 1, call_id, size });
}

fn close(vm: &Started, call_id: u32, status_code: u32) {
    vm.call(Callback::proxy_on_grpc_close { context_id: 1, call_id, status_code });
}

fn end(vm: &Started) {
    for callback in [
        Callback::proxy_on_done { context_id: 2 },
        Callback::proxy_on_log { context_id: 2 },
        Callback::proxy_on_delete { context_id: 2 },
    ] {
        vm.call(callback);
    }
}

/// GRP-5: one callback; what else a host says of the call changes nothing.
#[test]
fn a_call_is_answered_once() {
    let vm = started("call", 5);
    let sent = "proxy_grpc_call(\n\u{7}\n\u{5}authz, acme.Auth, Check, , ann, 5000)";
    assert!(vm.host.take_calls().iter().any(|call| call == sent));
    vm.call(Callback::proxy_on_grpc_receive_initial_metadata { context_id: 1, call_id: 5, num_elements: 0 });
    receive(&vm, 5, "ann");
    let calls = vm.host.take_calls();
    assert_eq!(calls.last().map(String::as_str), Some("proxy_continue_stream(HTTP_REQUEST)"), "{calls:?}");
    receive(&vm, 5, "bob");
    close(&vm, 5, 0);
    let late = "DEBUG, proxy_on_grpc_receive: nobody waits for token 5 (it was forgotten, or answered before); said once";
    assert_eq!(vm.host.take_log(), [late]);
}

/// GRP-12, GRP-17
#[test]
fn late_and_foreign_tokens_are_survived() {
    let vm = started("call", 5);
    vm.host.take_calls();
    end(&vm);
    assert_eq!(vm.host.take_calls(), ["proxy_grpc_cancel(5)"]);
    receive(&vm, 5, "late");
    close(&vm, 9, 14);
    close(&vm, 13, 14);
    let late = "DEBUG, proxy_on_grpc_receive: nobody waits for token 5 (it was forgotten, or answered before); said once";
    let foreign = "WARN, proxy_on_grpc_close: nobody waits for token 9, which was never given; said once";
    assert_eq!(vm.host.take_log(), [late, foreign]);
}

#[test]
fn a_token_that_is_given_twice_answers_one_of_both() {
    let vm = started("two", 5);
    vm.host.take_calls();
    receive(&vm, 5, "");
    let log = vm.host.take_log();
    assert!(log.iter().any(|line| line.contains("its token was given again") && line.contains("Ok([])")), "{log:?}");
}

/// GRP-21: a host keeps a stream whose other side has ended until it is closed.
#[test]
fn a_stream_gives_its_token_back() {
    let vm = started("stream", 6);
    let calls = vm.host.take_calls();
    assert!(calls.iter().any(|call| call == "proxy_grpc_send(6, ann, 0)"), "{calls:?}");
    receive(&vm, 6, "one");
    vm.host.take_calls();
    close(&vm, 6, 0);
    let calls = vm.host.take_calls();
    assert_eq!(calls.first().map(String::as_str), Some("proxy_grpc_close(6)"), "{calls:?}");
    assert_eq!(calls.last().map(String::as_str), Some("proxy_continue_stream(HTTP_REQUEST)"));
    receive(&vm, 6, "late");
    end(&vm);
    assert!(!vm.host.take_calls().iter().any(|call| call.starts_with("proxy_grpc_")));
}

/// GRP-12
#[test]
fn a_stream_that_is_dropped_is_cancelled_once() {
    let vm = started("stream", 6);
    vm.host.take_calls();
    end(&vm);
    assert_eq!(vm.host.take_calls(), ["proxy_grpc_cancel(6)"]);
}

#[test]
fn a_message_that_cannot_be_read_is_an_error() {
    for what in ["call", "stream"] {
        let vm = started(what, 6);
        vm.host.answer(|hostcall| (hostcall == "proxy_get_buffer_bytes").then_some(10));
        vm.host.take_calls();
        receive(&vm, 6, "one");
        let calls = vm.host.take_calls();
        let cancelled = calls.iter().any(|call| call == "proxy_grpc_cancel(6)");
        assert_eq!(cancelled, what == "stream", "{calls:?}");
        assert!(calls.iter().any(|call| call.contains("its message cannot be read")), "{calls:?}");
        assert!(calls.iter().any(|call| call.starts_with("proxy_send_local_response(500")), "{calls:?}");
    }
}

/// CAP-2: a host that opens a stream and refuses its first message keeps nothing of it.
#[test]
fn a_stream_whose_first_message_is_refused_is_cancelled() {
    let vm = Started::new(&PLUGINS);
    assert!(vm.configure(1, "stream"));
    vm.host.give_number(6);
    vm.host.answer(|hostcall| (hostcall == "proxy_grpc_send").then_some(10));
    vm.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    vm.call(Callback::proxy_on_request_headers { context_id: 2, num_headers: 4, end_of_stream: 1 });
    let calls = vm.host.take_calls();
    assert!(calls.iter().any(|call| call == "proxy_grpc_cancel(6)"), "{calls:?}");
    assert!(calls.iter().any(|call| call.contains("proxy_grpc_send failed: INTERNAL_FAILURE")), "{calls:?}");
}

#[test]
fn a_detached_call_is_left_to_the_proxy() {
    let vm = started("detached", 5);
    end(&vm);
    assert!(!vm.host.take_calls().iter().any(|call| call.starts_with("proxy_grpc_cancel")));
    receive(&vm, 5, "ann");
    assert_eq!(vm.host.take_log(), [""; 0], "it is known, and nobody waits");
}
