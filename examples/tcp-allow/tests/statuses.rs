//! Every hostcall answers every failure: the filter lets nobody in by mistake that it can tell, and never traps.

use proxy_filter_test::{MockProxy, StatusTable, TestResult, both_vms};
use serde_json::json;
use std::time::Duration;
use tcp_allow::PLUGINS;

both_vms! {
    fn every_status_of_every_hostcall_is_survived(vm) -> TestResult {
        let config = json!({"timeout_ms": 10, "allow": [
            {"name": "office", "sources": ["10.0.0.0/8"], "first_bytes": ["tls_client_hello"]},
            {"name": "all", "first_bytes": [{"text": "HELO"}]},
        ]});
        let table = StatusTable::run(
            || MockProxy::builder().plugin(vm.plugin(&PLUGINS, "tcp_allow").config(config.clone())),
            |proxy| {
                let (good, bad, slow, early) = (proxy.connect(), proxy.connect(), proxy.connect(), proxy.connect());
                good.send("HE").send("LO, and more");
                bad.send("GET / HTTP/1.1");
                slow.send("H");
                early.send("HE").end();
                assert!(bad.to_upstream().is_empty() && slow.to_upstream().is_empty(), "{bad:?} {slow:?}");
                if good.reached_upstream() && !good.is_closed() {
                    good.upstream_sends("welcome");
                }
                proxy.advance(Duration::from_millis(20));
                for connection in [&good, &bad, &slow, &early] {
                    connection.disconnect();
                }
                Ok(())
            },
        )?;
        println!("{vm:?}: {table}");
        for hostcall in [
            "proxy_get_property",
            "proxy_get_buffer_bytes",
            "proxy_get_current_time_nanoseconds",
            "proxy_set_tick_period_milliseconds",
            "proxy_close_stream",
            "proxy_set_effective_context",
            "proxy_increment_metric",
            "proxy_log",
        ] {
            assert!(table.hostcalls().contains(hostcall), "{hostcall} did not fail in every way: {table}");
        }
        Ok(())
    }
}
