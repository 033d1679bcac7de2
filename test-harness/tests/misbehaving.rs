//! A filter that traps, loops for ever, recurses or asks for 4 GiB: each ends at its limit, in a value that a test can look at.
#![cfg(feature = "wasmtime")]

use http::{Request, StatusCode};
use misbehaving::PLUGINS;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, GuestTarget};
use proxy_filter_test::{Exchange, LogLevel, MockProxy, Plugin, TestResult, TrapKind, VmKind, both_vms};

fn send(plugin: Plugin, harm: &str) -> Result<Exchange, Box<dyn std::error::Error>> {
    let proxy = MockProxy::new(plugin.config(harm))?;
    Ok(proxy.send(Request::get("http://shop.example/").body("")?))
}

fn wasm() -> Plugin {
    Plugin::wasm(&PLUGINS, "misbehaving")
}

both_vms! {
    fn a_panic_is_a_trap_and_is_logged_with_its_place(vm) -> TestResult {
        let exchange = send(vm.plugin(&PLUGINS, "misbehaving"), "panic")?;
        let trap = exchange.trap().ok_or("it should have trapped")?;
        assert_eq!(trap.kind, TrapKind::Unreachable);
        assert!(trap.callback.starts_with("proxy_on_request_headers(context_id=2"), "{trap}");
        let log = exchange.log();
        let line = log.iter().find(|line| line.level == LogLevel::Critical).ok_or("a panic is logged")?;
        assert!(line.message.contains("panicked at ") && line.message.contains("misbehaving/src/lib.rs:"), "{line}");
        assert!(line.message.ends_with(": it was on purpose"), "{line}");
        // FAI-2: the stream at hand fails closed.
        assert_eq!(exchange.response().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(exchange.details(), "wasm_fail_stream");
        if vm == VmKind::Wasm {
            assert!(trap.backtrace.iter().any(|frame| frame.contains("misbehaving::misbehave")), "{trap}");
        }
        Ok(())
    }

    fn what_does_no_harm_goes_through(vm) -> TestResult {
        let exchange = send(vm.plugin(&PLUGINS, "misbehaving"), "nothing")?;
        assert_eq!(exchange.upstream_request().headers()["x-did"], "nothing");
        Ok(())
    }
}

#[test]
fn a_loop_ends_when_its_instructions_are_used_up() -> TestResult {
    let trap = send(wasm().fuel_limit(1_000_000), "loop")?.trap().ok_or("it should have trapped")?;
    assert_eq!(trap.kind, TrapKind::OutOfFuel);
    assert!(trap.message.contains("1000000 instructions"), "{trap}");
    Ok(())
}

#[test]
fn endless_recursion_ends_at_the_stacks_limit() -> TestResult {
    let trap = send(wasm(), "recurse")?.trap().ok_or("it should have trapped")?;
    assert!(matches!(trap.kind, TrapKind::StackOverflow | TrapKind::MemoryOutOfBounds), "{trap}");
    Ok(())
}

#[test]
fn four_gibibytes_are_refused_at_the_memory_limit() -> TestResult {
    let exchange = send(wasm().memory_limit(256 << 20), "allocate")?;
    let trap = exchange.trap().ok_or("it should have trapped")?;
    let TrapKind::OutOfMemory { wanted, limit } = trap.kind else { return Err(trap.into()) };
    assert_eq!(limit, 256 << 20);
    assert!(wanted > limit, "{wanted}");
    assert_eq!(exchange.response().status(), StatusCode::SERVICE_UNAVAILABLE);
    Ok(())
}

#[test]
fn the_same_filter_runs_as_wasip1() -> TestResult {
    let options = BuildOptions { target: GuestTarget::Wasm32Wasip1, ..BuildOptions::default() };
    let wasm = FilterCrate::build_once(PLUGINS.manifest_dir(), &options)?.wasm;
    let exchange = send(Plugin::from_file(&wasm).root_id("misbehaving"), "nothing")?;
    assert_eq!(exchange.upstream_request().headers()["x-did"], "nothing");
    let trap = send(Plugin::from_file(&wasm), "panic")?.trap().ok_or("it should have trapped")?;
    assert_eq!(trap.kind, TrapKind::Unreachable);
    Ok(())
}

#[test]
fn lines_below_the_proxys_level_are_not_even_written() -> TestResult {
    for (level, lines) in [(LogLevel::Trace, 1), (LogLevel::Debug, 1), (LogLevel::Info, 0)] {
        let proxy = MockProxy::builder().log_level(level).plugin(wasm().config("nothing")).start()?;
        assert_eq!(proxy.log().len(), lines, "{level}");
        // With `host-log-level` a dropped line costs no hostcall.
        assert_eq!(proxy.trace().contains("proxy_log("), lines == 1, "{level}");
    }
    Ok(())
}
