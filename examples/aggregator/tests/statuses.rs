//! Every hostcall answers every status: records may be lost, but no plugin traps, and no request suffers.

use aggregator::PLUGINS;
use http::{Request, Response};
use proxy_filter_test::{Answer, Cluster, MockProxy, Outcome, StatusTable, TestResult, both_vms};
use serde_json::json;
use std::time::Duration;

/// What both plugins ask of a proxy while they serve.
const HOSTCALLS: [&str; 12] = [
    "proxy_define_metric",
    "proxy_dequeue_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_metric",
    "proxy_get_property",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_set_tick_period_milliseconds",
];

both_vms! {
    fn both_plugins_survive_every_status_of_every_hostcall(vm) -> TestResult {
        let filter = vm.plugin(&PLUGINS, "aggregator_filter").config(json!({"fields": ["path", "request_header:x-a"]}));
        let config = json!({"cluster": "collector", "batch_records": 3, "max_wait_ms": 5, "max_attempts": 2, "backoff_ms": 1, "max_backoff_ms": 1});
        let service = vm.plugin(&PLUGINS, "aggregator").vm_id("aggregator").config(config);
        let down = || Answer::from(Response::builder().status(503).body("").expect("a response"));
        let table = StatusTable::run(
            || {
                // Every third time, so that there are retries.
                let answers = (0..9_999).map(move |turn| if turn % 3 == 0 { down() } else { Response::new("").into() });
                let builder = MockProxy::builder().plugin(filter.clone()).service(service.clone());
                builder.set_cluster("collector", Cluster::answers(answers))
            },
            |proxy| {
                for path in ["/a", "/b", "/c", "/d"] {
                    let request = Request::get(format!("http://shop.example{path}")).header("x-a", "1").body("")?;
                    let exchange = proxy.send(request);
                    assert_eq!((exchange.outcome(), exchange.response().status().as_u16()), (Outcome::Complete, 200));
                }
                proxy.advance(Duration::from_millis(50));
                Ok(())
            },
        )?;
        println!("{vm:?}: {table}");
        for (hostcall, failed) in HOSTCALLS.map(|name| (name, table.by_hostcall().any(|(row, _)| row == name))) {
            assert!(failed, "{hostcall} never failed: {table}");
        }
        Ok(())
    }
}
