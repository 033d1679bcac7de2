//! Every hostcall that the filter makes fails in every way, and it traps in none.

use http::Request;
use proxy_filter_test::{Message, MockProxy, StatusTable, TestResult, both_vms};
use redact::PLUGINS;

both_vms! {
    fn no_status_of_a_hostcall_traps(vm) -> TestResult {
        let config = include_str!("../config.json");
        let table = StatusTable::run(
            || MockProxy::builder().plugin(vm.plugin(&PLUGINS, "redact").config(config)),
            |proxy| {
                let answer = Message::new([(":status", "200"), ("content-type", "text/plain"), ("trailer", "x-sum")]);
                let answer = answer.chunk("to ann@shop.exam").chunk("ple").trailer("x-sum", "1");
                proxy.set_raw_upstream(move |_| answer.clone());
                let post = || Request::post("http://shop.example/").header("content-type", "text/plain");
                proxy.send(Message::from(post().body("4111 1111 1111 1111")?).in_chunks_of(5));
                proxy.send(post().header("content-encoding", "gzip").body("x")?);
                Ok(())
            },
        )?;
        print!("{vm:?}: {table}");
        let made = ["proxy_log", "proxy_get_header_map_value", "proxy_replace_header_map_value", "proxy_remove_header_map_value",
            "proxy_get_buffer_bytes", "proxy_set_buffer_bytes", "proxy_get_buffer_status", "proxy_increment_metric"];
        for hostcall in made {
            assert!(table.hostcalls().contains(hostcall), "{hostcall} was not made: {table}");
        }
        Ok(())
    }
}
