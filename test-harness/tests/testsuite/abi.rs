//! Guests of older ABIs, written by hand: what each of them is offered, and what is answered otherwise than today.

use super::{get, messages};
use http::Request;
use proxy_filter_test::{MockProxy, Outcome, Plugin};
use std::time::Duration;

const V0_1_0: &str = include_str!("../../guests/other/abi-0.1.0.wat");
const V0_2_0: &str = include_str!("../../guests/other/abi-0.2.0.wat");

fn proxy(text: &str) -> MockProxy {
    MockProxy::new(Plugin::from_bytes(text).name("old").vm_config("of the VM").config("of the plugin")).unwrap()
}

#[test]
fn lif_1_a_guest_of_abi_0_1_0_is_driven_by_its_own_rules() {
    let proxy = proxy(V0_1_0);
    assert_eq!(
        messages(&proxy.log()),
        [
            "vm_start: get_configuration 0",
            "of the VM",
            "configure: get_configuration 0",
            "of the plugin",
            "configure: buffer 7 0",
            "of the plugin",
        ]
    );
    let exchange = get(&proxy);
    assert_eq!(exchange.upstream_request().headers()["x-abi"], "0.1.0");
    assert_eq!(exchange.response().headers()["x-abi"], "0.1.0");
    let log = exchange.log();
    let words = messages(&log);
    // HDR-7: what is missing is Ok and empty, in on_log even of a map that is not there (HDR-1); elsewhere such a map is BadArgument.
    assert!(words.contains(&"missing header 0"), "{words:?}");
    assert_eq!(words.iter().filter(|word| word.ends_with(" 99")).count(), 0, "sizes are written: {words:?}");
    assert!(words.contains(&"request header in response 2"), "{words:?}");
    assert!(words.contains(&"clear_route_cache 0"), "{words:?}");
    let at_the_end =
        ["log: trailer of no map 0", "log: trailer of no map 0", "log: present header 0", "log: present header 5", "done 0"];
    assert!(words.ends_with(&at_the_end), "{words:?}");
    assert!(proxy.trace().contains("proxy_clear_route_cache() -> OK"));
}

// CON-1
#[test]
fn con_1_abi_0_1_0_continues_by_proxy_continue_request() {
    let proxy = proxy(V0_1_0);
    let exchange = proxy.send(Request::get("http://shop.example/").header("x-hold", "1").body("").unwrap());
    assert_eq!(exchange.outcome(), Outcome::Paused);
    proxy.advance(Duration::from_millis(40));
    assert_eq!(exchange.outcome(), Outcome::Complete);
    assert!(proxy.trace().contains("proxy_continue_request() -> OK"));
}

#[test]
fn lif_6_a_guest_of_abi_0_2_0_begins_by_start_and_hands_out_its_memory() {
    let proxy = proxy(V0_2_0);
    assert_eq!(messages(&proxy.log()), ["start 1", "vm_start: buffer 6 0", "of the VM"]);
    let exchange = get(&proxy);
    assert_eq!(exchange.response().headers()["x-abi"], "0.2.0");
    let log = exchange.log();
    let words = messages(&log);
    // HDR-7: NotFound, and the size stays as it was.
    assert_eq!(words[1..4], ["end of stream 1", "missing header 1", "missing header 99"]);
    assert_eq!(words.last(), Some(&"log: trailer of no map 1"));
}

#[test]
fn cap_2_legacy_hostcalls_are_capabilities_of_their_own_names() {
    let all = ["proxy_log", "proxy_on_vm_start", "proxy_get_configuration"];
    let start = |names: &[&str]| {
        let plugin = Plugin::from_bytes(V0_1_0).vm_config("of the VM").allowed_capabilities(names);
        MockProxy::new(plugin).unwrap().log()
    };
    assert_eq!(messages(&start(&all)), ["vm_start: get_configuration 0", "of the VM"]);
    let restricted = "Attempted call to restricted proxy-wasm capability: proxy_get_configuration";
    assert_eq!(messages(&start(&all[..2]))[..2], [restricted, "vm_start: get_configuration 10"]);
}
