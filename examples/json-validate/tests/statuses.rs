//! Every hostcall that the filter makes fails in every way, and it traps in none.

use http::Request;
use json_validate::PLUGINS;
use proxy_filter_test::{Message, MockProxy, StatusTable, TestResult, both_vms};

both_vms! {
    fn no_status_of_a_hostcall_traps(vm) -> TestResult {
        let config = r#"{"schema": {"type": "object"}, "hold_headers": true, "limit": 20}"#;
        let table = StatusTable::run(
            || MockProxy::builder().plugin(vm.plugin(&PLUGINS, "json_validate").config(config).allow_on_headers_stop_iteration(true)),
            |proxy| {
                let post = || Request::post("http://shop.example/").header("content-type", "application/json");
                for body in [r#"{"a": 1}"#, "[]", "{", "{}                       "] {
                    let message = Message::from(post().body(body)?).in_chunks_of(3);
                    proxy.disconnect(&proxy.send(message.clone()));
                    proxy.disconnect(&proxy.send(message.trailer("x-sum", "1")));
                }
                proxy.disconnect(&proxy.send(post().header("content-encoding", "gzip").body("x")?));
                proxy.disconnect(&proxy.send(Request::post("http://shop.example/").body("")?));
                Ok(())
            },
        )?;
        print!("{vm:?}: {table}");
        let made = ["proxy_get_header_map_value", "proxy_replace_header_map_value", "proxy_remove_header_map_value",
            "proxy_get_header_map_size", "proxy_get_buffer_bytes", "proxy_send_local_response"];
        for hostcall in made {
            assert!(table.hostcalls().contains(hostcall), "{hostcall} was not made: {table}");
        }
        Ok(())
    }
}
