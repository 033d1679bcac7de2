//! Tasks of streams and roots, on a host that notes each hostcall.

use crate::host::Started;
use proxy_filter::abi::{Callback, pairs};
use proxy_filter::prelude::*;
use std::cell::{Cell, RefCell};

thread_local! {
    static DROPPED: Cell<u32> = const { Cell::new(0) };
    static SENDERS: RefCell<Vec<oneshot::Sender<&'static str>>> = const { RefCell::new(Vec::new()) };
}

/// Counts when it is dropped.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

/// Waits in each phase for what the configuration says.
struct Waits {
    what: String,
}

impl RootContext for Waits {
    type Config = String;
    fn new(what: String, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        if what == "spawn" {
            plugin.spawn(async move |plugin| {
                let counted = Counted;
                let reply = plugin.call(HttpCall::get("keys", "/")).await?;
                plugin.log(LogLevel::Info, reply.body())?;
                drop(counted);
                std::future::pending().await
            });
        }
        if what == "refused" {
            plugin.spawn(async |_plugin| Err(std::fmt::Error.into()));
        }
        Ok(Self { what })
    }
}

impl HttpPlugin for Waits {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream(Rc::clone(self))
    }
}

struct Stream(Rc<Waits>);

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let counted = Counted;
        match &*self.0.what {
            "call" => http.wait(async move |request| {
                let _counted = counted;
                let reply = request.call(HttpCall::get("authz", "/check")).await?;
                request.headers().set("x-user", reply.body())?;
                Ok(())
            }),
            "join" => http.wait(async move |request| {
                let _counted = counted;
                let one = request.call(HttpCall::get("one", "/"));
                let two = request.call(HttpCall::get("two", "/"));
                let (one, two) = join(one, two).await;
                one?;
                two?;
                LocalReply::new(403).send()
            }),
            "race" => http.wait(async move |request| {
                let _counted = counted;
                let one = request.call(HttpCall::get("one", "/"));
                let two = request.call(HttpCall::get("two", "/"));
                match race(one, two).await {
                    First::Left(_) => Err(Interrupt::reset()),
                    First::Right(_) => Err(std::fmt::Error.into()),
                }
            }),
            "nothing" => http.wait(async |_request| Ok(())),
            "nothing, 403" => http.wait(async |_request| LocalReply::new(403).send()),
            "then" => {
                let call = http.call(HttpCall::get("authz", "/check"));
                let (held, wait) = http.hold();
                call.then(held, |reply, request| {
                    request.headers().set("x-user", reply?.body())?;
                    Ok(())
                });
                Ok(wait)
            }
            "woken at once" => {
                let (sender, receiver) = oneshot::channel();
                let action = http.wait(async move |_request| {
                    receiver.await?;
                    Ok(())
                });
                sender.send(()).map_err(|()| std::fmt::Error)?;
                action
            }
            "oneshot" => {
                let (sender, receiver) = oneshot::channel();
                SENDERS.with_borrow_mut(|senders| senders.push(sender));
                http.wait(async move |request| {
                    let _counted = counted;
                    request.headers().set("x-word", receiver.await?)?;
                    Ok(())
                })
            }
            "send" => {
                for sender in SENDERS.take() {
                    let _ = sender.send("word");
                }
                Ok(HeadersAction::Continue)
            }
            _ => Ok(HeadersAction::Continue),
        }
    }
}

proxy_filter::register! { "waits" => http Waits, "others" => http Waits }

/// A VM with a root of this configuration, and a first stream whose request headers have come: what they answered.
fn started(what: &str) -> (Started, u32) {
    DROPPED.set(0);
    let vm = Started::new(&PLUGINS);
    vm.host.give("waits");
    vm.call(Callback::proxy_on_context_create { context_id: 1, parent_id: 0 });
    vm.host.give(what);
    let configuration_size = u32::try_from(what.len()).expect("a short one");
    assert_eq!(vm.call(Callback::proxy_on_configure { context_id: 1, configuration_size }), 1);
    vm.host.take_calls();
    vm.host.give_number(4);
    let answer = request(&vm, 2);
    (vm, answer)
}

fn request(vm: &Started, context_id: u32) -> u32 {
    vm.call(Callback::proxy_on_context_create { context_id, parent_id: 1 });
    vm.call(Callback::proxy_on_request_headers { context_id, num_headers: 4, end_of_stream: 1 })
}

/// A response without a body, whose headers and body are these bytes: the host gives the same whatever it is asked.
fn respond(vm: &Started, call_id: u32) {
    vm.host.give(pairs::encode([(":status", "200")]));
    vm.call(Callback::proxy_on_http_call_response { context_id: 1, call_id, num_headers: 1, body_size: 0, num_trailers: 0 });
}

fn end(vm: &Started, context_id: u32) {
    vm.call(Callback::proxy_on_done { context_id });
    vm.call(Callback::proxy_on_log { context_id });
    vm.call(Callback::proxy_on_delete { context_id });
}

#[test]
fn a_request_waits_for_a_call_and_goes_on_with_what_was_changed() {
    let (vm, answer) = started("call");
    assert_eq!(answer, 1);
    let sent = "proxy_http_call(authz, \u{3}\0\0\0\u{7}\0\0\0\u{3}\0\0\0\u{5}\0\0\0\u{6}\0\0\0\n\0\0\0\u{5}\0\0\0\
        :method\0GET\0:path\0/check\0:authority\0authz\0, , , 5000)";
    assert_eq!(vm.host.take_calls(), [sent]);
    respond(&vm, 4);
    assert_eq!(
        vm.host.take_calls(),
        [
            "proxy_get_header_map_pairs(HTTP_CALL_RESPONSE_HEADERS)",
            // CTX-8: all that the task does, it does on its stream.
            "proxy_set_effective_context(2)",
            "proxy_replace_header_map_value(HTTP_REQUEST_HEADERS, x-user, )",
            "proxy_continue_stream(HTTP_REQUEST)",
        ]
    );
    assert_eq!(DROPPED.get(), 1);
    end(&vm, 2);
    assert_eq!(vm.host.take_calls(), [""; 0]);
}

#[test]
fn two_calls_are_on_their_way_together_and_the_answer_is_a_reply() {
    let (vm, answer) = started("join");
    // The host gives both the same token: the first is told that nobody will answer it.
    assert_eq!(answer, 1);
    vm.host.take_calls();
    respond(&vm, 4);
    let calls = vm.host.take_calls();
    assert!(calls.iter().any(|call| call.contains("waits: context 2: proxy_on_request_headers: HTTP call: reset")), "{calls:?}");
    assert_eq!(
        calls.last().map(String::as_str),
        Some("proxy_send_local_response(500, proxy_filter_failure, , \0\0\0\0, 4294967295)")
    );
    assert_eq!(DROPPED.get(), 1);
}

/// CAL-15
#[test]
fn a_stream_that_ends_drops_its_task_and_forgets_its_call() {
    let (vm, answer) = started("call");
    assert_eq!(answer, 1);
    end(&vm, 2);
    assert_eq!(DROPPED.get(), 1);
    vm.host.take_calls();
    respond(&vm, 4);
    respond(&vm, 4);
    let late = "DEBUG, proxy_on_http_call_response: nobody waits for token 4 (it was forgotten, or answered before); said once";
    assert_eq!(vm.host.take_log(), [late]);
    respond(&vm, 8);
    respond(&vm, 8);
    let foreign = "WARN, proxy_on_http_call_response: nobody waits for token 8, which was never given; said once";
    assert_eq!(vm.host.take_log(), [foreign]);
}

#[test]
fn a_task_that_waits_for_nothing_decides_at_once() {
    let (vm, answer) = started("nothing");
    assert_eq!((answer, vm.host.take_calls()), (0, vec![]));
    let (vm, answer) = started("nothing, 403");
    assert_eq!((answer, vm.host.take_calls()), (1, vec!["proxy_send_local_response(403, , , \0\0\0\0, 4294967295)".to_owned()]));
}

/// CON-5: it is not continued in its own callback, which answers that it goes on.
#[test]
fn a_task_that_its_own_callback_wakes_lets_it_answer() {
    let (vm, answer) = started("woken at once");
    assert_eq!((answer, vm.host.take_calls()), (0, Vec::new()));
}

#[test]
fn a_task_is_woken_by_another_stream() {
    let (vm, answer) = started("oneshot");
    assert_eq!(answer, 1);
    let other = "send";
    vm.host.give("others");
    vm.call(Callback::proxy_on_context_create { context_id: 7, parent_id: 0 });
    vm.host.give(other);
    vm.call(Callback::proxy_on_configure { context_id: 7, configuration_size: 4 });
    vm.host.take_calls();
    vm.call(Callback::proxy_on_context_create { context_id: 8, parent_id: 7 });
    assert_eq!(vm.call(Callback::proxy_on_request_headers { context_id: 8, num_headers: 4, end_of_stream: 1 }), 0);
    assert_eq!(
        vm.host.take_calls(),
        [
            "proxy_set_effective_context(2)",
            "proxy_replace_header_map_value(HTTP_REQUEST_HEADERS, x-word, word)",
            "proxy_continue_stream(HTTP_REQUEST)",
        ]
    );
    assert_eq!(DROPPED.get(), 2, "one of each stream");
}

#[test]
fn what_is_refused_is_what_the_call_answers() {
    DROPPED.set(0);
    let vm = Started::new(&PLUGINS);
    vm.host.give("waits");
    vm.call(Callback::proxy_on_context_create { context_id: 1, parent_id: 0 });
    vm.host.give("call");
    vm.call(Callback::proxy_on_configure { context_id: 1, configuration_size: 4 });
    vm.host.take_calls();
    // CAL-1, CAL-5
    for (status, name, why) in [
        (2, "BAD_ARGUMENT", "the proxy has no cluster of this name, or the method or the path is empty"),
        (10, "INTERNAL_FAILURE", "it has no host"),
    ] {
        vm.host.answer(move |hostcall| (hostcall == "proxy_http_call").then_some(status));
        assert_eq!(request(&vm, 2), 1, "answered with 500");
        let line = format!(
            "ERROR, waits: context 2: proxy_on_request_headers: HTTP call to cluster \"authz\": proxy_http_call failed: {name}: {why}"
        );
        assert!(vm.host.take_log().contains(&line), "{line}");
        end(&vm, 2);
    }
}

#[test]
fn the_closure_form_does_the_same() {
    let (vm, answer) = started("then");
    assert_eq!(answer, 1);
    vm.host.take_calls();
    respond(&vm, 4);
    assert_eq!(
        vm.host.take_calls()[1..],
        [
            "proxy_set_effective_context(2)",
            "proxy_replace_header_map_value(HTTP_REQUEST_HEADERS, x-user, )",
            "proxy_continue_stream(HTTP_REQUEST)",
        ]
    );
}

#[test]
fn a_call_refused_before_the_closure_is_given_it_is_answered_in_the_callback() {
    let (vm, _) = started("then");
    vm.host.take_calls();
    vm.host.answer(|hostcall| (hostcall == "proxy_http_call").then_some(2));
    assert_eq!(request(&vm, 3), 1);
    let calls = vm.host.take_calls();
    assert!(calls.last().is_some_and(|call| call.starts_with("proxy_send_local_response(500")), "{calls:?}");
    assert!(!calls.iter().any(|call| call.starts_with("proxy_continue_stream")), "{calls:?}");
}

#[test]
fn a_root_spawns_and_drops_what_it_has_spawned() {
    let (vm, answer) = started("spawn");
    assert_eq!(answer, 0);
    assert_eq!(vm.host.take_calls(), [""; 0]);
    assert_eq!(DROPPED.get(), 1, "that of the stream");
}

/// What is spawned in `proxy_on_configure` runs when that is over.
#[test]
fn a_spawned_task_runs_after_configure_and_ends_with_its_root_or_its_configuration() {
    DROPPED.set(0);
    let vm = Started::new(&PLUGINS);
    vm.host.give("waits");
    vm.call(Callback::proxy_on_context_create { context_id: 1, parent_id: 0 });
    let configure = |what: &str| {
        vm.host.give(what);
        let configuration_size = u32::try_from(what.len()).expect("a short one");
        vm.call(Callback::proxy_on_configure { context_id: 1, configuration_size })
    };
    assert_eq!(configure("spawn"), 1);
    let calls = vm.host.take_calls();
    assert!(calls.last().is_some_and(|call| call.starts_with("proxy_http_call(keys, ")), "{calls:?}");
    assert_eq!(DROPPED.get(), 0);
    assert_eq!(configure("spawn"), 1);
    assert_eq!(DROPPED.get(), 1, "that of the configuration before");
    vm.call(Callback::proxy_on_done { context_id: 1 });
    assert_eq!(DROPPED.get(), 1, "a root that is done lives on");
    vm.call(Callback::proxy_on_delete { context_id: 1 });
    assert_eq!(DROPPED.get(), 2);
}

#[test]
fn a_spawned_task_that_fails_is_logged() {
    let (vm, _) = started("nothing");
    vm.host.give("refused");
    vm.call(Callback::proxy_on_configure { context_id: 1, configuration_size: 7 });
    let line = "ERROR, waits: context 1: a spawned task: an error occurred when formatting an argument";
    assert_eq!(vm.host.take_log(), [line]);
}

/// A root that is held by its tasks, which are held by the VM: dropping the VM drops all.
#[test]
fn a_vm_that_is_dropped_drops_its_tasks() {
    let (vm, _) = started("call");
    for id in 3..10 {
        vm.host.give_number(id * 4);
        assert_eq!(request(&vm, id), 1);
    }
    assert_eq!(DROPPED.get(), 0);
    drop(vm);
    assert_eq!(DROPPED.get(), 8);
}
