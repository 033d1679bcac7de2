//! Whatever the proxy answers to whichever hostcall, the filter does not trap. `--nocapture` prints the table.

use add_header::PLUGINS;
use http::{Request, Response};
use proxy_filter_test::{MockProxy, StatusTable, TestResult, both_vms};
use serde_json::json;

both_vms! {
    fn every_status_of_every_hostcall_is_survived(vm) -> TestResult {
        let changes = json!({"remove": ["x-a"], "set": [["x-b", "1"]], "append": [["x-c", "1"]], "add": [["x-d", "1"]]});
        let config = json!({"request": changes, "response": changes});
        let table = StatusTable::run(
            || MockProxy::builder().plugin(vm.plugin(&PLUGINS, "add_header").config(config.clone())),
            |proxy| {
                proxy.set_upstream(|_| Response::builder().header("x-a", "1").header("x-c", "1").body("hello").unwrap());
                proxy.send(Request::post("http://shop.example/").header("x-a", "1").header("x-c", "1").body("order")?);
                Ok(())
            },
        )?;
        println!("{vm:?}: {table}");
        for hostcall in ["proxy_add_header_map_value", "proxy_get_header_map_pairs", "proxy_remove_header_map_value", "proxy_replace_header_map_value"] {
            assert!(table.hostcalls().contains(hostcall), "{hostcall} did not fail in every way: {table}");
        }
        Ok(())
    }
}
