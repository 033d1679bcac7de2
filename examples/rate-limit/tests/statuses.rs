//! Every hostcall answers every failure: the filter does what its configuration says, and never traps.

use http::Request;
use proxy_filter_test::{Message, MockProxy, StatusTable, TestResult, both_vms};
use rate_limit::PLUGINS;
use serde_json::json;
use std::cell::Cell;

both_vms! {
    fn every_status_of_every_hostcall_is_survived(vm) -> TestResult {
        let mut faults = 0;
        let next = Cell::new(0_u32);
        for (on_failure, headers) in [("allow", "draft-6"), ("refuse", "draft-8")] {
            let key = json!(["client_address", "host", "method", "path", {"path_segments": 1}, {"header": "x-api-key"}]);
            let rule = json!({"name": "all", "methods": ["GET"], "key": key, "requests": 1, "seconds": 3_600});
            let config = json!({"on_failure": on_failure, "headers": headers, "rules": [rule]});
            let table = StatusTable::run(
                || MockProxy::builder().plugin(vm.plugin(&PLUGINS, "rate_limit").config(config.clone())),
                |proxy| {
                    // A bucket of its own, so that there is something to take and something to refuse each time.
                    next.set(next.get() + 1);
                    let request: Message = Request::get("http://shop.example/").header("x-api-key", next.get()).body("")?.into();
                    proxy.send(request.clone());
                    proxy.send(request);
                    Ok(())
                },
            )?;
            println!("{vm:?}, {on_failure}: {table}");
            for hostcall in [
                "proxy_get_header_map_value",
                "proxy_get_property",
                "proxy_get_shared_data",
                "proxy_set_shared_data",
                "proxy_get_current_time_nanoseconds",
                "proxy_replace_header_map_value",
                "proxy_send_local_response",
                "proxy_increment_metric",
            ] {
                assert!(table.hostcalls().contains(hostcall), "{hostcall} did not fail in every way: {table}");
            }
            faults += table.faults();
        }
        assert!(faults > 1_000, "{faults}");
        Ok(())
    }
}
