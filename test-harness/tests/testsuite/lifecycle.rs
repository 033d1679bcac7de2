//! Roots that come and go: instances of the main thread, updates, deferred ends, shutting down.

use super::get;
use super::guest::{callback, module};
use proxy_filter_test::{MockProxy, Outcome, Plugin, Reason};
use std::time::Duration;

fn guest(definitions: &[String]) -> Plugin {
    Plugin::from_bytes(module(&definitions.join("\n"))).name("p")
}

fn start(definitions: &[String]) -> MockProxy {
    MockProxy::new(guest(definitions)).expect("the guest starts")
}

/// The callbacks from here on in the trace, without `proxy_on_`.
fn callbacks(trace: &str) -> Vec<String> {
    trace.lines().filter(|line| !line.starts_with(' ')).map(|line| line.replace("proxy_on_", "")).collect()
}

fn after(proxy: &MockProxy, before: &str) -> Vec<String> {
    callbacks(&proxy.trace()[before.len()..])
}

fn pausing() -> String {
    callback("proxy_on_request_headers", "", 1)
}

fn tick_every_second() -> String {
    callback("proxy_on_configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 1000)))", 1)
}

#[test]
fn lif_8_with_the_main_thread_a_plugin_is_configured_three_times_and_ticks_twice() {
    let proxy = MockProxy::builder().plugin(guest(&[tick_every_second()])).main_thread().start().unwrap();
    let started: Vec<String> = ["p (canary)", "p (main thread)", "p"]
        .iter()
        .flat_map(|place| {
            [
                "context_create(context_id=1, parent_id=0)",
                "vm_start(context_id=1, configuration_size=0)",
                "configure(context_id=1, configuration_size=0)",
            ]
            .map(|callback| format!("{place}: {callback}"))
        })
        .collect();
    assert_eq!(callbacks(&proxy.trace()), started);
    let before = proxy.trace();
    proxy.advance(Duration::from_secs(1));
    let mut ticks = after(&proxy, &before);
    ticks.sort();
    assert_eq!(ticks, ["p (main thread): tick(context_id=1)", "p: tick(context_id=1)"]);
    let before = proxy.trace();
    get(&proxy);
    assert!(after(&proxy, &before).iter().all(|line| line.starts_with("p: ")), "{}", proxy.trace());
}

#[test]
fn lif_8_a_canary_that_says_no_or_traps_refuses_the_plugin_before_any_other_instance() {
    for (configure, trapped) in
        [(callback("proxy_on_configure", "", 0), false), (callback("proxy_on_configure", "unreachable", 0), true)]
    {
        let refused = MockProxy::builder().plugin(guest(&[configure])).main_thread().start().expect_err("it says no");
        assert_eq!(matches!(refused.reason(), Reason::Trap(_)), trapped, "{refused}");
    }
}

#[test]
fn lif_17_what_is_not_exported_counts_as_yes_and_what_envoy_never_calls_is_not_called() {
    let never = r#"(func (export "proxy_validate_configuration") (param i32 i32) (result i32) unreachable)"#.to_owned();
    let proxy = start(&[never]);
    assert_eq!(get(&proxy).outcome(), Outcome::Complete);
    proxy.shut_down();
    // Without `proxy_on_context_create` the others come all the same.
    let proxy = start(&[callback("proxy_on_request_headers", "(call $report (local.get 0))", 0)]);
    assert_eq!(super::messages(&get(&proxy).log()), ["2"]);
}

#[test]
fn lif_19_an_update_is_a_new_root_in_the_same_vm_and_the_old_one_ends_with_its_last_stream() {
    let plugin = guest(&[pausing()]);
    let proxy = MockProxy::new(plugin.clone()).unwrap();
    let waiting = get(&proxy);
    assert_eq!(waiting.outcome(), Outcome::Paused);
    let before = proxy.trace();
    proxy.update(plugin.config("new")).unwrap();
    assert_eq!(
        after(&proxy, &before),
        [
            "p (canary): context_create(context_id=1, parent_id=0)",
            "p (canary): vm_start(context_id=1, configuration_size=0)",
            "p (canary): configure(context_id=1, configuration_size=3)",
            "p: context_create(context_id=3, parent_id=0)",
            "p: vm_start(context_id=3, configuration_size=0)",
            "p: configure(context_id=3, configuration_size=3)",
        ]
    );
    let before = proxy.trace();
    let newer = get(&proxy);
    assert_eq!(after(&proxy, &before)[0], "p: context_create(context_id=4, parent_id=3)");
    let before = proxy.trace();
    proxy.disconnect(&newer);
    assert_eq!(after(&proxy, &before), ["p: log(context_id=4)", "p: done(context_id=4)", "p: delete(context_id=4)"]);
    let before = proxy.trace();
    proxy.disconnect(&waiting);
    assert_eq!(
        after(&proxy, &before),
        [
            "p: log(context_id=2)",
            "p: done(context_id=2)",
            "p: delete(context_id=2)",
            "p: done(context_id=1)",
            "p: delete(context_id=1)"
        ]
    );
}

#[test]
fn lif_19_an_update_without_streams_ends_the_old_root_at_once_and_one_that_changes_nothing_does_nothing() {
    let proxy = start(&[]);
    let before = proxy.trace();
    proxy.update(guest(&[])).unwrap();
    assert!(after(&proxy, &before).iter().all(|line| line.starts_with("p (canary)")), "{}", proxy.trace());
    proxy.update(guest(&[]).config("new")).unwrap();
    assert_eq!(after(&proxy, &before).last().map(String::as_str), Some("p: delete(context_id=1)"));
    // Other code, another VM: ids count from 1.
    let before = proxy.trace();
    proxy.update(guest(&["(global i32 (i32.const 1))".to_owned()])).unwrap();
    let found = after(&proxy, &before);
    assert_eq!(found[3], "p: context_create(context_id=1, parent_id=0)");
    assert_eq!(found[6..], ["p: done(context_id=2)", "p: delete(context_id=2)"]);
}

#[test]
fn lif_13_a_refused_update_leaves_the_old_plugin_as_it_is() {
    let proxy = start(&[]);
    for definition in ["proxy_on_vm_start", "proxy_on_configure"] {
        for (instructions, trapped) in [("", false), ("unreachable", true)] {
            let refused = proxy.update(guest(&[callback(definition, instructions, 0)])).expect_err("it is refused");
            assert_eq!(matches!(refused.reason(), Reason::Trap(_)), trapped, "{refused}");
        }
    }
    assert!(proxy.update(Plugin::from_bytes("(module)").name("p")).is_err());
    // What became of a canary is not the proxy's trap.
    assert!(proxy.trap().is_none());
    let before = proxy.trace();
    assert_eq!(get(&proxy).outcome(), Outcome::Complete);
    assert_eq!(after(&proxy, &before)[0], "p: context_create(context_id=2, parent_id=1)");
}

#[test]
fn lif_19_fai_7_an_update_starts_a_dead_plugin_anew() {
    let proxy = start(&[callback("proxy_on_log", "unreachable", 0)]);
    get(&proxy);
    assert_eq!(get(&proxy).response().status(), 503);
    proxy.update(guest(&[])).unwrap();
    assert_eq!(get(&proxy).response().status(), 200);
}

#[test]
#[should_panic(expected = "no filter and no access logger is named \"q\": update one by its name")]
fn an_update_of_a_plugin_that_is_not_there_is_the_testers_mistake() {
    let _ = start(&[]).update(guest(&[]).name("q"));
}

#[test]
fn lif_20_a_root_that_is_not_done_ticks_until_it_says_so() {
    let done_in_the_second_tick = "(global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
        (if (i32.eq (global.get $ticks) (i32.const 2)) (then (call $report (call $proxy_done)) (call $report (call $proxy_done))))";
    let plugin = guest(&[
        "(global $ticks (mut i32) (i32.const 0))".to_owned(),
        tick_every_second(),
        callback("proxy_on_tick", done_in_the_second_tick, 0),
        callback("proxy_on_done", "", 0),
    ]);
    let proxy = MockProxy::new(plugin).unwrap();
    proxy.update(guest(&[])).unwrap();
    let before = proxy.trace();
    proxy.advance(Duration::from_secs(5));
    assert_eq!(after(&proxy, &before), ["p: tick(context_id=1)", "p: tick(context_id=1)", "p: delete(context_id=1)"]);
    // LIF-22: the second call finds nothing.
    assert_eq!(super::messages(&proxy.log()), ["0", "1"]);
}

#[test]
fn lif_22_proxy_done_at_any_other_time_finds_nothing() {
    let report = "(call $report (call $proxy_done))";
    let definitions: Vec<String> = [("proxy_on_configure", 1), ("proxy_on_request_headers", 0), ("proxy_on_done", 1)]
        .map(|(name, answer)| callback(name, report, answer))
        .to_vec();
    let proxy = start(&definitions);
    get(&proxy);
    assert_eq!(super::messages(&proxy.log()), ["1", "1", "1"]);
}

#[test]
fn lif_23_shutting_down_ends_all_roots_whatever_they_answer() {
    let report = |name: &str, number: u32, answer| callback(name, &format!("(call $report (i32.const {number}))"), answer);
    for answer in [0, 1] {
        let definitions = [report("proxy_on_done", 1, answer), report("proxy_on_log", 2, 0), report("proxy_on_delete", 3, 0)];
        let builder = MockProxy::builder().plugin(guest(&definitions)).plugin(guest(&definitions).name("q")).main_thread();
        let proxy = builder.start().unwrap();
        let log = proxy.shut_down();
        // Two roots in the worker, two on the main thread; the canaries get nothing.
        assert_eq!(super::messages(&log), ["1", "3", "1", "3", "1", "3", "1", "3"]);
    }
}
