//! Tasks beside a TCP connection: it goes on meanwhile, and is closed when they say so.

use crate::host::Started;
use proxy_filter::abi::{Callback, Status};
use proxy_filter::prelude::*;
use std::cell::Cell;
use std::time::Duration;

thread_local! {
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

/// Counts when it is dropped.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

/// Sleeps for 10 ms beside a connection, and then ends as the configuration says.
struct Watches<const OPEN: bool>(String);

impl<const OPEN: bool> RootContext for Watches<OPEN> {
    type Config = String;
    const FAILURE_POLICY: FailurePolicy = if OPEN { FailurePolicy::Continue } else { FailurePolicy::Reset };
    fn new(what: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self(what))
    }
}

impl<const OPEN: bool> TcpPlugin for Watches<OPEN> {
    type Stream = Stream;
    fn create_stream_context(self: &Rc<Self>, _stream: &Tcp) -> Stream {
        Stream(self.0.clone())
    }
}

struct Stream(String);

fn end(what: &str) -> Result<(), StreamInterrupt> {
    match what {
        "closes" | "closes at once" => Err(StreamInterrupt::close()),
        "fails" | "is forgotten" => Err(std::io::Error::other("as told").into()),
        _ => Ok(()),
    }
}

impl StreamContext for Stream {
    fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        let what = self.0.clone();
        let action = tcp.watch(async move |connection| {
            let _counted = Counted;
            if !what.ends_with("at once") {
                connection.sleep(Duration::from_millis(10)).await?;
            }
            end(&what)
        })?;
        Ok(if self.0 == "is forgotten" { ConnectionAction::Continue } else { action })
    }

    fn on_downstream_data(&mut self, _tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        if self.0 == "closes itself" { Err(StreamInterrupt::close()) } else { Ok(StreamAction::Continue) }
    }
}

mod closed {
    proxy_filter::register! { "watches" => tcp super::Watches<false> }
}

mod open {
    proxy_filter::register! { "watches" => tcp super::Watches<true> }
}

/// A connection that goes on, with a task beside it.
fn connected(module: &proxy_filter::Module, what: &str) -> (Started, u32) {
    let vm = Started::new(module);
    vm.host.set_clock(1_000);
    assert!(vm.configure(1, what));
    vm.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    let answer = vm.call(Callback::proxy_on_new_connection { context_id: 2 });
    vm.host.take_calls();
    (vm, answer)
}

/// The root ticks after so many milliseconds: what is asked of the host but the time.
fn tick(vm: &Started, millis: u64) -> Vec<String> {
    vm.host.set_clock(1_000 + millis);
    vm.call(Callback::proxy_on_tick { context_id: 1 });
    calls(vm)
}

fn calls(vm: &Started) -> Vec<String> {
    let calls = vm.host.take_calls();
    calls.into_iter().filter(|call| !call.starts_with("proxy_get_current_time") && !call.starts_with("proxy_set_tick")).collect()
}

const ON_2: &str = "proxy_set_effective_context(2)";
const BACK: &str = "proxy_set_effective_context(1)";
const CLOSE: &str = "proxy_close_stream(DOWNSTREAM)";
const FAILED: &str = "proxy_log(ERROR, watches: context 2: proxy_on_new_connection: as told)";

#[test]
fn a_task_beside_a_connection_lets_it_go_on_and_may_close_it() {
    let (vm, answer) = connected(&closed::PLUGINS, "closes");
    assert_eq!(answer, 0);
    assert_eq!(vm.call(Callback::proxy_on_downstream_data { context_id: 2, size: 5, end_of_stream: 0 }), 0);
    assert_eq!(tick(&vm, 10), [ON_2, CLOSE, BACK]);
    assert_eq!(tick(&vm, 20), [""; 0], "once");
}

#[test]
fn one_that_ends_well_changes_nothing() {
    let (vm, answer) = connected(&closed::PLUGINS, "ends well");
    assert_eq!((answer, tick(&vm, 10)), (0, vec![ON_2.to_owned(), BACK.to_owned()]));
    assert_eq!(vm.call(Callback::proxy_on_downstream_data { context_id: 2, size: 5, end_of_stream: 0 }), 0);
}

#[test]
fn one_that_needs_not_wait_decides_in_the_callback() {
    assert_eq!(connected(&closed::PLUGINS, "ends at once").1, 0);
    let vm = Started::new(&closed::PLUGINS);
    assert!(vm.configure(1, "closes at once"));
    vm.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    vm.host.take_calls();
    assert_eq!(vm.call(Callback::proxy_on_new_connection { context_id: 2 }), 1);
    assert_eq!(calls(&vm), [CLOSE]);
}

#[test]
fn a_failure_is_logged_and_answered_by_the_policy() {
    let (vm, _) = connected(&closed::PLUGINS, "fails");
    assert_eq!(tick(&vm, 10), [ON_2, FAILED, CLOSE, BACK]);
    let (vm, _) = connected(&open::PLUGINS, "fails");
    assert_eq!(tick(&vm, 10), [ON_2, FAILED, BACK]);
    // The callback has answered otherwise, so that nobody knows whose failure it is.
    let (vm, answer) = connected(&open::PLUGINS, "is forgotten");
    assert_eq!((answer, tick(&vm, 10)), (0, [ON_2, CLOSE, BACK].map(String::from).to_vec()));
}

#[test]
fn it_ends_with_the_connection() {
    let before = DROPPED.get();
    let (vm, _) = connected(&closed::PLUGINS, "closes");
    vm.call(Callback::proxy_on_done { context_id: 2 });
    vm.call(Callback::proxy_on_delete { context_id: 2 });
    assert_eq!((DROPPED.get() - before, tick(&vm, 10)), (1, vec![]));

    let (vm, _) = connected(&closed::PLUGINS, "closes itself");
    vm.call(Callback::proxy_on_downstream_data { context_id: 2, size: 5, end_of_stream: 0 });
    assert_eq!(calls(&vm), [CLOSE]);
    assert_eq!((DROPPED.get() - before, tick(&vm, 10)), (2, vec![]));
}

#[test]
fn a_host_that_does_not_close_or_has_no_clock_is_survived() {
    let (vm, _) = connected(&closed::PLUGINS, "closes");
    vm.host.answer(|name| (name == "proxy_close_stream").then_some(Status::InternalFailure.to_wire()));
    let line = "proxy_log(ERROR, watches: context 2: proxy_on_new_connection: proxy_close_stream failed: INTERNAL_FAILURE)";
    assert_eq!(tick(&vm, 10), [ON_2, CLOSE, line, BACK]);

    let vm = Started::new(&closed::PLUGINS);
    assert!(vm.configure(1, "closes"));
    vm.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    vm.host.answer(|name| (name == "proxy_get_current_time_nanoseconds").then_some(Status::Unimplemented.to_wire()));
    assert_eq!(vm.call(Callback::proxy_on_new_connection { context_id: 2 }), 1, "a task that cannot sleep has failed at once");
}
