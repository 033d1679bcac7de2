//! Faults that a test injects, natively and as the real module: which call they strike, and what a filter makes of it.
#![cfg(feature = "wasmtime")]

use http::{Request, StatusCode};
use proxy_filter_abi::Status;
use proxy_filter_test::{Exchange, Fault, MockProxy, Outcome, Plugin, TestResult, TrapKind, VmKind, both_vms};

fn start(vm: VmKind) -> Result<MockProxy, Box<dyn std::error::Error>> {
    Ok(MockProxy::new(vm.plugin(&metered::PLUGINS, "metered"))?)
}

/// What the filter answers to these operations.
fn perform(proxy: &MockProxy, operations: &[&str]) -> Result<Exchange, Box<dyn std::error::Error>> {
    let request = operations.iter().fold(Request::get("http://shop.example/"), |request, op| request.header("x-do", *op));
    Ok(proxy.send(request.body("")?))
}

both_vms! {
    fn only_calls_with_the_key_fail(vm) -> TestResult {
        let proxy = start(vm)?;
        proxy.inject(Fault::new("proxy_define_metric", Status::InternalFailure).key("size").times(1));
        let exchange = perform(&proxy, &["requests add", "size record 1", "size record 1"])?;
        assert_eq!(exchange.response().body(), "ok, proxy_define_metric failed: INTERNAL_FAILURE, ok");
        assert_eq!(proxy.faults_injected(), 1);
        Ok(())
    }

    // MEM-3
    fn an_allocator_without_memory_fails_what_is_handed_over(vm) -> TestResult {
        for (after, times, expected) in [(0, 1, [500, 200, 200]), (1, 1, [200, 500, 200]), (0, u64::MAX, [500, 500, 500])] {
            let proxy = start(vm)?;
            proxy.inject(Fault::allocation().after(after).times(times));
            for status in expected {
                let exchange = perform(&proxy, &["requests add"])?;
                assert_eq!(exchange.response().status().as_u16(), status);
                assert!(exchange.trap().is_none());
            }
            let failure = "proxy_get_header_map_pairs failed: INVALID_MEMORY_ACCESS";
            assert_eq!(proxy.log().iter().filter(|line| line.message.ends_with(failure)).count(), expected.iter().filter(|s| **s == 500).count());
            assert!(proxy.trace().contains("-> INVALID_MEMORY_ACCESS (injected)"));
        }
        Ok(())
    }

    // FAI-2
    fn a_trap_in_a_callback_kills_the_vm(vm) -> TestResult {
        let proxy = start(vm)?;
        proxy.inject(Fault::trap_in("proxy_on_request_headers").after(1).times(1));
        assert_eq!(perform(&proxy, &[])?.response().status(), StatusCode::OK);
        let exchange = perform(&proxy, &["requests add"])?;
        let trap = exchange.trap().ok_or("it should have trapped")?;
        assert_eq!(trap.kind, TrapKind::Injected);
        assert!(trap.callback.starts_with("proxy_on_request_headers("), "{trap}");
        assert_eq!((exchange.response().status(), proxy.counter("requests")), (StatusCode::SERVICE_UNAVAILABLE, None));
        assert_eq!(perform(&proxy, &[])?.response().status(), StatusCode::SERVICE_UNAVAILABLE, "the VM is dead");
        Ok(())
    }

    fn a_trap_while_it_is_configured_refuses_the_plugin(vm) -> TestResult {
        let builder = MockProxy::builder().plugin(vm.plugin(&metered::PLUGINS, "metered"));
        let refused = builder.inject(Fault::trap_in("proxy_on_configure")).start().err().ok_or("it cannot start")?;
        assert!(refused.to_string().contains("the test injected a fault"), "{refused}");
        Ok(())
    }

    fn fuel_ends_in_the_callback_that_the_test_names(vm) -> TestResult {
        let proxy = start(vm)?;
        proxy.inject(Fault::out_of_fuel_in("proxy_on_log", 3).times(1));
        let exchange = perform(&proxy, &["requests add"])?;
        let trap = exchange.trap().ok_or("it should have trapped")?;
        assert_eq!(trap.kind, TrapKind::OutOfFuel);
        assert!(trap.callback.starts_with("proxy_on_log("), "{trap}");
        assert_eq!((exchange.outcome(), proxy.counter("requests")), (Outcome::Complete, Some(1)));
        Ok(())
    }

    fn faults_that_do_not_strike_change_nothing(vm) -> TestResult {
        let proxy = start(vm)?;
        proxy.inject(Fault::trap_in("proxy_on_tick")).inject(Fault::new("proxy_get_property", Status::NotFound).key("a"));
        assert_eq!(perform(&proxy, &["requests add"])?.response().body(), "ok");
        assert_eq!(proxy.faults_injected(), 0);
        Ok(())
    }
}

#[test]
fn enough_fuel_is_no_fault() -> TestResult {
    let proxy = start(VmKind::Wasm)?;
    proxy.inject(Fault::out_of_fuel_in("proxy_on_request_headers", 50_000));
    assert_eq!(perform(&proxy, &["requests add"])?.response().body(), "ok");
    proxy.clear_faults();
    proxy.inject(Fault::out_of_fuel_in("proxy_on_request_headers", 500));
    let trap = perform(&proxy, &["requests add"])?.trap().ok_or("it should have trapped")?;
    assert!(trap.message.contains("500 instructions"), "{trap}");
    Ok(())
}

#[test]
fn memory_that_may_not_grow_ends_the_guest_that_needs_more() -> TestResult {
    let proxy = MockProxy::new(Plugin::wasm(&misbehaving::PLUGINS, "misbehaving").config("allocate"))?;
    let before = proxy.memory_size();
    proxy.inject(Fault::memory_growth());
    let trap = perform(&proxy, &[])?.trap().ok_or("it should have trapped")?;
    assert!(matches!(trap.kind, TrapKind::OutOfMemory { limit, .. } if Some(limit) == before), "{trap}");
    assert_eq!(proxy.memory_size(), before);

    // The third time: the first two pieces are there.
    let proxy = MockProxy::new(Plugin::wasm(&misbehaving::PLUGINS, "misbehaving").config("allocate"))?;
    proxy.inject(Fault::memory_growth().after(2).times(1));
    assert!(perform(&proxy, &[])?.trap().is_some());
    assert!(proxy.memory_size() > before.map(|bytes| bytes + (128 << 20)));
    Ok(())
}

#[test]
#[should_panic(expected = "the ABI has no callback \"proxy_on_request_header\"")]
fn a_callback_that_does_not_exist_is_a_mistake_of_the_test() {
    let _ = Fault::trap_in("proxy_on_request_header");
}
