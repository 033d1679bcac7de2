//! Every hostcall answers every status: the filter may fail to count, but never traps, and no request suffers.

mod mesh;

use http::Request;
use proxy_filter_test::{MockProxy, Outcome, StatusTable, TestResult, both_vms};
use serde_json::json;
use telemetry::PLUGINS;

/// What this filter asks of a proxy while it serves.
const HOSTCALLS: [&str; 6] = [
    "proxy_define_metric",
    "proxy_get_header_map_value",
    "proxy_get_property",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
];

both_vms! {
    fn the_filter_survives_every_status_of_every_hostcall(vm) -> TestResult {
        let fields = json!(["status", "path", "request_header:x-a", "response_header:x-b", "request_bytes", "source_workload"]);
        let config = json!({"access_log": {"fields": fields, "sample_percent": 50, "always_errors": false}, "max_series": 100_000});
        let paths = std::cell::Cell::new(0);
        let table = StatusTable::run(
            || mesh::in_mesh(MockProxy::builder().plugin(vm.plugin(&PLUGINS, "telemetry").config(config.clone()))),
            |proxy: &MockProxy| {
                // A service that was not there before has series to be defined.
                paths.set(paths.get() + 1);
                proxy.set_property("xds.cluster_metadata.filter_metadata.istio", json!({"services": [{"host": format!("cart-{}", paths.get())}]}));
                // The one is in the sample by its id; for the other chance decides.
                for id in ["00000000-0000-4000-8000-000000000000", "none"] {
                    let request = Request::post("http://shop.example/cart").header("x-request-id", id).body("body")?;
                    let exchange = proxy.send(request);
                    assert_eq!(exchange.outcome(), Outcome::Complete);
                    assert_eq!(exchange.response().status(), 200);
                }
                Ok(())
            },
        )?;
        println!("{vm:?}: {table}");
        for hostcall in HOSTCALLS {
            assert!(table.hostcalls().contains(hostcall), "{hostcall} never failed in every way: {:?}", table.hostcalls());
        }
        Ok(())
    }
}
