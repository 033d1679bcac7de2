//! Whatever the proxy answers to whichever hostcall, neither plugin traps. `--nocapture` prints the table.

use canary::PLUGINS;
use http::Request;
use proxy_filter_test::{MockProxy, StatusTable, TestResult, VmKind, both_vms};
use std::collections::BTreeSet;

/// Clients that are known by each key, that are not known, and testers.
fn clients(proxy: &MockProxy) -> TestResult {
    let request = || Request::get("http://shop.example/old?a=1");
    proxy.send(request().header("x-user-id", "ann").body("")?);
    proxy.send(request().header("cookie", "canary=1; canary-version=v2").body("")?);
    proxy.send(request().header("x-canary", "v2").body("")?);
    proxy.send(request().body("")?);
    Ok(())
}

fn failed(vm: VmKind, root_id: &str, config: &str) -> Result<BTreeSet<&'static str>, Box<dyn std::error::Error>> {
    let table = StatusTable::run(|| MockProxy::builder().plugin(vm.plugin(&PLUGINS, root_id).config(config)), clients)?;
    println!("{root_id}: {table}");
    Ok(table.hostcalls().clone())
}

both_vms! {
    fn canary_survives_every_status_of_every_hostcall(vm) -> TestResult {
        let mut hostcalls = failed(vm, "canary", include_str!("../config.json"))?;
        let by_address = r#"{"versions": [{"name": "v1", "weight": 1}], "hash": ["client_address"]}"#;
        hostcalls.extend(failed(vm, "canary", by_address)?);
        let expected = [
            "proxy_add_header_map_value",
            "proxy_call_foreign_function",
            "proxy_get_header_map_pairs",
            "proxy_get_header_map_value",
            "proxy_get_property",
            "proxy_remove_header_map_value",
            "proxy_replace_header_map_value",
        ];
        assert!(expected.iter().all(|hostcall| hostcalls.contains(hostcall)), "{hostcalls:?}");
        Ok(())
    }

    fn redirects_survives_every_status_of_every_hostcall(vm) -> TestResult {
        let hostcalls = failed(vm, "redirects", include_str!("../redirects.json"))?;
        let expected = ["proxy_get_header_map_value", "proxy_send_local_response"];
        assert!(expected.iter().all(|hostcall| hostcalls.contains(hostcall)), "{hostcalls:?}");
        Ok(())
    }
}
