//! The author's ticks and tasks that sleep, on one period of the host.

use crate::host::Started;
use proxy_filter::abi::Callback;
use proxy_filter::prelude::*;
use std::time::Duration;

/// Ticks every so many microseconds, the first number of its configuration; its streams sleep for the second, in milliseconds.
struct Ticking {
    sleep: u64,
}

impl RootContext for Ticking {
    type Config = String;
    fn new(config: String, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let (period, sleep) = config.split_once(' ').ok_or(std::fmt::Error)?;
        if period != "-" {
            plugin.set_tick_period(Duration::from_micros(period.parse()?))?;
        }
        Ok(Self { sleep: sleep.parse()? })
    }

    fn on_tick(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<(), Failure> {
        plugin.log(LogLevel::Info, "tick")?;
        Ok(())
    }
}

impl HttpPlugin for Ticking {
    type Http = Sleeping;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Sleeping {
        Sleeping(self.sleep)
    }
}

struct Sleeping(u64);

impl HttpContext for Sleeping {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let time = Duration::from_millis(self.0);
        http.wait(async move |request| {
            request.sleep(time).await?;
            Ok(())
        })
    }

    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        let time = Duration::from_millis(self.0);
        http.wait(async move |response| {
            response.timeout(time, std::future::pending::<()>()).await.or_reply(|| LocalReply::new(504))?;
            Ok(())
        })
    }
}

proxy_filter::register! { "ticking" => http Ticking }

fn configure(vm: &Started, root: u32, configuration: &str) {
    assert!(vm.configure(root, configuration));
}

fn request(vm: &Started, context_id: u32, parent_id: u32) {
    vm.call(Callback::proxy_on_context_create { context_id, parent_id });
    vm.call(Callback::proxy_on_request_headers { context_id, num_headers: 4, end_of_stream: 1 });
}

/// The root ticks at this time: what it asked of the host, but the time.
fn tick(vm: &Started, root: u32, millis: u64) -> Vec<String> {
    vm.host.set_clock(millis);
    vm.call(Callback::proxy_on_tick { context_id: root });
    calls(vm)
}

fn calls(vm: &Started) -> Vec<String> {
    let calls = vm.host.take_calls();
    calls.into_iter().filter(|call| !call.starts_with("proxy_get_current_time_nanoseconds")).collect()
}

const TICK: &str = "proxy_log(INFO, tick)";
const ON_2: &str = "proxy_set_effective_context(2)";
const GO_ON: &str = "proxy_continue_stream(HTTP_REQUEST)";

fn started(configuration: &str) -> Started {
    let vm = Started::new(&PLUGINS);
    vm.host.set_clock(1_000);
    configure(&vm, 1, configuration);
    vm
}

fn period(millis: u32) -> String {
    format!("proxy_set_tick_period_milliseconds({millis})")
}

/// TIM-1
#[test]
fn a_period_is_rounded_up_and_the_host_repeats_it() {
    let vm = started("1500 0");
    assert_eq!(calls(&vm).last(), Some(&period(2)));
    for time in [1_002, 1_004, 1_006] {
        assert_eq!(tick(&vm, 1, time), [TICK]);
    }
    configure(&vm, 1, "0 0");
    assert_eq!(calls(&vm).last(), Some(&period(0)));
    assert_eq!(tick(&vm, 1, 1_008), [""; 0], "one that was on its way");
    configure(&vm, 1, "9000000000000000 0");
    assert_eq!(calls(&vm).last(), Some(&period(i32::MAX.unsigned_abs())));
}

/// TIM-4: what a task does when a tick wakes it, it does on its stream.
#[test]
fn a_stream_sleeps_without_an_on_tick() {
    let vm = started("- 10");
    vm.host.take_calls();
    request(&vm, 2, 1);
    assert_eq!(calls(&vm), [period(10)]);
    assert_eq!(tick(&vm, 1, 1_010), [ON_2.to_owned(), GO_ON.to_owned(), "proxy_set_effective_context(1)".to_owned(), period(0)]);
}

#[test]
fn who_sleeps_and_the_author_share_a_period() {
    let vm = started("100000 30");
    vm.host.set_clock(1_050);
    vm.host.take_calls();
    request(&vm, 2, 1);
    assert_eq!(calls(&vm), [period(30)]);
    // The author's tick is 20 ms later, and then comes again by itself.
    assert_eq!(tick(&vm, 1, 1_080), [ON_2.to_owned(), GO_ON.to_owned(), "proxy_set_effective_context(1)".to_owned(), period(20)]);
    assert_eq!(tick(&vm, 1, 1_100), [TICK.to_owned(), period(100)]);
    assert_eq!(tick(&vm, 1, 1_200), [TICK]);
    // One that would sleep beyond the author's tick does not delay it.
    vm.host.set_clock(1_290);
    request(&vm, 3, 1);
    assert_eq!(calls(&vm), [period(10)]);
    assert_eq!(tick(&vm, 1, 1_300), [TICK.to_owned(), period(20)]);
    let woken = tick(&vm, 1, 1_320);
    assert!(woken.contains(&GO_ON.to_owned()), "{woken:?}");
    assert_eq!(woken.last(), Some(&period(80)));
}

#[test]
fn several_sleep_in_the_order_of_their_time() {
    let vm = started("- 30");
    vm.host.take_calls();
    request(&vm, 2, 1);
    vm.host.set_clock(1_010);
    request(&vm, 3, 1);
    assert_eq!(calls(&vm), [period(30)], "the second sleeps longer");
    let on_3 = "proxy_set_effective_context(3)".to_owned();
    let on_1 = "proxy_set_effective_context(1)".to_owned();
    assert_eq!(tick(&vm, 1, 1_030), [ON_2.to_owned(), GO_ON.to_owned(), on_1.clone(), period(10)]);
    assert_eq!(tick(&vm, 1, 1_040), [on_3, GO_ON.to_owned(), on_1, period(0)]);
}

#[test]
fn one_whose_stream_ends_sleeps_no_more() {
    let vm = started("- 30");
    request(&vm, 2, 1);
    vm.call(Callback::proxy_on_done { context_id: 2 });
    vm.call(Callback::proxy_on_delete { context_id: 2 });
    vm.host.take_calls();
    assert_eq!(tick(&vm, 1, 1_030), [period(0)]);
}

#[test]
fn a_tick_that_comes_early_or_a_clock_set_back_wakes_nobody_too_soon() {
    let vm = started("- 30");
    request(&vm, 2, 1);
    vm.host.take_calls();
    assert_eq!(tick(&vm, 1, 1_020), [period(10)]);
    // From here on the root is known, and with it how long it waited, whatever the clock says.
    assert!(tick(&vm, 1, 500).contains(&GO_ON.to_owned()));
}

#[test]
fn on_a_host_without_ticks_nobody_waits() {
    let vm = started("- 30");
    vm.host.take_calls();
    vm.host.answer(|hostcall| (hostcall == "proxy_set_tick_period_milliseconds").then_some(12));
    request(&vm, 2, 1);
    let calls = calls(&vm);
    assert!(calls.iter().any(|call| call.contains("proxy_set_tick_period_milliseconds failed: UNIMPLEMENTED")), "{calls:?}");
    assert!(calls.last().is_some_and(|call| call.starts_with("proxy_send_local_response(500")), "{calls:?}");
}

#[test]
fn on_a_host_without_a_clock_nobody_waits_and_the_author_ticks() {
    let vm = Started::new(&PLUGINS);
    vm.host.answer(|hostcall| (hostcall == "proxy_get_current_time_nanoseconds").then_some(12));
    configure(&vm, 1, "10000 30");
    assert_eq!(calls(&vm).last(), Some(&period(10)));
    assert_eq!(tick(&vm, 1, 0), [TICK]);
    request(&vm, 2, 1);
    assert!(calls(&vm).iter().any(|call| call.starts_with("proxy_send_local_response(500")));
    assert_eq!(tick(&vm, 1, 0), [TICK]);
}

/// A root that ticked for a stream of another is deleted: that stream's own ticks for it.
#[test]
fn a_root_that_is_deleted_leaves_its_ticks_to_others() {
    let vm = started("- 30");
    configure(&vm, 5, "- 50");
    request(&vm, 2, 1);
    request(&vm, 6, 5);
    vm.host.take_calls();
    let woken = tick(&vm, 1, 1_030);
    assert_eq!(woken.last(), Some(&period(20)), "root 1 ticks for stream 6");
    vm.call(Callback::proxy_on_done { context_id: 1 });
    vm.call(Callback::proxy_on_delete { context_id: 1 });
    assert_eq!(calls(&vm), ["proxy_set_effective_context(6)".to_owned(), period(20)]);
    let woken = tick(&vm, 5, 1_050);
    assert!(woken.contains(&GO_ON.to_owned()), "{woken:?}");
    assert_eq!(woken.last(), Some(&period(0)));
}

/// LIF-19: a root whose timer serves all, and that has not ticked yet, is deleted after the configuration that took its place.
#[test]
fn a_root_that_never_ticked_leaves_its_timer_to_others() {
    let vm = started("- 60");
    request(&vm, 2, 1);
    assert_eq!(calls(&vm).last(), Some(&period(60)));
    vm.host.set_clock(1_010);
    configure(&vm, 3, "- 60");
    request(&vm, 4, 3);
    assert_eq!(calls(&vm), ["proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, 4)"], "root 1 ticks in time");
    vm.host.set_clock(1_020);
    for context_id in [2, 1] {
        vm.call(Callback::proxy_on_done { context_id });
        vm.call(Callback::proxy_on_delete { context_id });
    }
    assert_eq!(calls(&vm), ["proxy_set_effective_context(4)".to_owned(), period(50)]);
}

/// What is left to sleep is counted from when the root is deleted, not from the last tick.
#[test]
fn a_root_that_is_deleted_late_makes_nobody_sleep_longer() {
    let vm = started("- 10");
    configure(&vm, 5, "- 60");
    request(&vm, 2, 1);
    request(&vm, 6, 5);
    tick(&vm, 1, 1_010);
    vm.host.set_clock(1_055);
    vm.call(Callback::proxy_on_done { context_id: 1 });
    vm.call(Callback::proxy_on_delete { context_id: 1 });
    assert_eq!(calls(&vm), ["proxy_set_effective_context(6)".to_owned(), period(5)]);
}

#[test]
fn a_time_that_passes_ends_what_it_was_given_to() {
    let vm = started("- 30");
    vm.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    vm.host.take_calls();
    assert_eq!(vm.call(Callback::proxy_on_response_headers { context_id: 2, num_headers: 1, end_of_stream: 1 }), 1);
    assert_eq!(calls(&vm), [period(30)]);
    let calls = tick(&vm, 1, 1_030);
    assert!(calls.iter().any(|call| call.starts_with("proxy_send_local_response(504, ")), "{calls:?}");
}
