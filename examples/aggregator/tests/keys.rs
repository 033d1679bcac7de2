//! The key by which a collector knows a batch that it has.

use aggregator::PLUGINS;
use http::Response;
use proxy_filter_test::abi::Status;
use proxy_filter_test::{Fault, MockProxy, Plugin, TestResult, VmKind, both_vms};
use serde_json::json;

const CLOCK: &str = "proxy_get_current_time_nanoseconds";

/// A proxy that gives the service all that it asks for, but no random numbers.
const ALLOWED: [&str; 19] = [
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_queue_ready",
    "proxy_on_http_call_response",
    "proxy_on_tick",
    "proxy_define_metric",
    "proxy_dequeue_shared_queue",
    "proxy_get_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_get_metric",
    "proxy_get_property",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_register_shared_queue",
    "proxy_set_tick_period_milliseconds",
    CLOCK,
];

fn service(vm: VmKind) -> Plugin {
    let config = json!({"cluster": "collector", "batch_records": 1});
    vm.plugin(&PLUGINS, "aggregator").vm_id("aggregator").config(config)
}

/// The keys of three batches.
fn keys(plugin: Plugin, faults: &[Fault]) -> Result<Vec<Option<String>>, Box<dyn std::error::Error>> {
    let proxy = MockProxy::builder().plugin(plugin).cluster("collector", |_| Response::new("")).start()?;
    for fault in faults {
        proxy.inject(fault.clone());
    }
    for _ in 0..3 {
        proxy.queue("aggregator", "records").ok_or("registered")?.enqueue("{}");
    }
    let requests = proxy.requests_to("collector");
    assert_eq!(requests.len(), 3, "{}", proxy.trace());
    let key = |request: &http::Request<_>| Some(request.headers().get("idempotency-key")?.to_str().expect("ASCII").to_owned());
    Ok(requests.iter().map(key).collect())
}

fn no_clock() -> Fault {
    Fault::new(CLOCK, Status::InternalFailure)
}

both_vms! {
    fn each_batch_has_a_key_of_its_own_by_random_numbers_or_by_the_clock(vm) -> TestResult {
        let restricted = service(vm).allowed_capabilities(ALLOWED);
        for (plugin, faults) in [(service(vm), vec![]), (service(vm), vec![no_clock()]), (restricted, vec![])] {
            let mut keys: Vec<_> = keys(plugin, &faults)?.into_iter().flatten().filter(|key| *key != "0000000000000000").collect();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), 3, "{keys:?}");
        }
        Ok(())
    }

    fn no_batch_has_a_key_that_others_have_too(vm) -> TestResult {
        assert_eq!(keys(service(vm).allowed_capabilities(ALLOWED), &[no_clock()])?, [None, None, None]);
        Ok(())
    }
}
