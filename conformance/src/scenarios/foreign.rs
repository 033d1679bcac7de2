//! Foreign functions but for expressions and signatures.

use crate::scenario::{Guest, Role, Scenario, get, scenario};
use proxy_filter_test::abi::protobuf::Message;
use std::fmt::Write;

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario("foreign-unknown", &["FOR-1", "MEM-6"]).script(
            "configure: foreign nope; request_headers: foreign nope, foreign nope abc, foreign \"\", foreign set_upstream_override_host 127.0.0.1:80, \
             foreign get_upstream_override_host, foreign drain, foreign get_node_subset, foreign Compress; log: foreign nope",
        ),
        scenario("foreign-results-not-wanted", &["FOR-2"]).script(
            "request_headers: foreign uncompress %78%9c%03%00%00%00%00%01 null, foreign compress abc null, foreign nope \"\" null, \
             foreign uncompress bad null, foreign clear_route_cache \"\" null",
        ),
        scenario("foreign-compress-nothing", &["FOR-3"]).script("configure: foreign compress; request_headers: foreign compress \"\""),
        scenario("foreign-uncompress", &["FOR-3"]).config(format!(
            "configure: foreign uncompress {WHOLE}; request_headers: foreign uncompress {WHOLE}, foreign uncompress {NOTHING}"
        )),
        scenario("foreign-uncompress-bad", &["FOR-3", "MEM-6"]).config(format!(
            "request_headers: foreign uncompress bad, foreign uncompress, foreign uncompress %78, foreign uncompress {}, foreign uncompress {}",
            &WHOLE[..WHOLE.len() - 3],
            WHOLE.replace("%73", "%74"),
        )),
        scenario("foreign-uncompress-more-after-the-end", &["FOR-4"])
            .config(format!("request_headers: foreign uncompress {WHOLE}more")),
        calls("foreign-declare-twice", &["FOR-10"], &[("configure", &declare("a", &[])), ("configure", &declare("a", &[])), ("configure", &declare("b", &[]))]),
        calls("foreign-declare-nothing", &["FOR-18"], &[("configure", b""), ("configure", b""), ("configure", b"\x0a"), ("configure", b"\x0a\x01\xff")]),
        read_only("foreign-declare-read-only", &["PRO-17", "FOR-10"], "configure"),
        read_only("foreign-declare-in-a-stream", &["FOR-18"], "request_headers"),
        kinds(),
        scenario("foreign-declare-flat-buffers-read-only", &["PRO-17", "FOR-17"]).config(format!(
            "configure: foreign declare_property {}; request_headers: set_property fb-once one, set_property fb-once two, property fb-once",
            word(&declare("fb-once", &[(2, 1), (3, 2)])),
        )),
        scenario("crash-flat-buffers-without-a-schema", &["FOR-17"])
            .script("configure: foreign declare_property %0a%02fb%18%02; request_headers: set_property fb one, property fb, property filter_state wasm.fb")
            .crashes(),
        scenario("foreign-declare-of-another-plugin", &["FOR-10"])
            .config(format!("configure: foreign declare_property {}", word(&declare("foreign-other", &[(2, 1)]))))
            .with(Role::Filter, "behind", "request_headers: set_property foreign-other 1, set_property foreign-other 2, property foreign-other"),
        filter_state("foreign-filter-state-text", &["FOR-11", "FOR-12"], &[
            ("envoy.string", "v"),
            ("envoy.hashable_string", "v"),
            ("envoy.tcp_proxy.cluster", "blue"),
            ("envoy.tcp_proxy.cluster", ""),
            ("envoy.upstream.dynamic_host", "a.example"),
            ("envoy.network.upstream_server_name", "a.example"),
            ("envoy.network.upstream_subject_alt_names", "a,b"),
            ("envoy.network.network_namespace", "/run/netns/a"),
            ("envoy.ai.model.request", "m"),
            ("envoy.ai.model.request", ""),
        ]),
        filter_state("foreign-filter-state-number", &["FOR-12"], &[
            ("envoy.ratelimit.hits_addend", "5"),
            ("envoy.ratelimit.hits_addend", "-1"),
            ("envoy.ratelimit.hits_addend", "4294967296"),
            ("envoy.upstream.dynamic_port", "65536"),
            ("envoy.upstream.dynamic_port", "http"),
            ("envoy.upstream.dynamic_port", ""),
            ("envoy.tcp_proxy.per_connection_idle_timeout_ms", "0"),
            ("envoy.tcp_proxy.per_connection_idle_timeout_ms", "-1"),
            ("envoy.tcp_proxy.disable_tunneling", "true"),
            ("envoy.tcp_proxy.disable_tunneling", "yes"),
        ]),
        filter_state("foreign-filter-state-address", &["FOR-12", "SER-3"], &[
            ("envoy.network.ip", "192.0.2.7"),
            ("envoy.network.ip", "192.0.2.7:80"),
            ("envoy.network.ip", "::1"),
            ("envoy.network.transport_socket.original_dst_address", "192.0.2.7:80"),
            ("envoy.network.transport_socket.original_dst_address", "192.0.2.7"),
            ("envoy.filters.listener.original_dst.local_ip", "[::1]:80"),
            ("envoy.filters.listener.original_dst.remote_ip", "a.example:80"),
            ("envoy.network.transport_socket.http_11_proxy.info", "a.example:80"),
        ]),
        filter_state("foreign-filter-state-unreadable", &["FOR-12"], &[
            ("envoy.network.application_protocols", "h2,http/1.1"),
            ("envoy.router.debug_config", "v"),
        ]),
        filter_state("foreign-filter-state-unknown", &["FOR-11"], &[("acme.key", "v"), ("envoy.string.not", "v")]),
        of_filter_state("foreign-filter-state-malformed", &["FOR-11"], &[b"", b"\x0a", b"\x0a\x01\xff", b"\x0a\x0cenvoy.string\x12\x01\xff"]),
        scenario("foreign-filter-state-of-a-root", &["FOR-16"]).config(format!(
            "configure: foreign set_envoy_filter_state {}, foreign set_envoy_filter_state {}, foreign set_envoy_filter_state {}",
            word(&object("envoy.string", "v")),
            word(&object("envoy.ratelimit.hits_addend", "v")),
            word(&object("acme.key", "v")),
        )),
        scenario("foreign-filter-state-and-property", &["FOR-11", "PRO-12"]).config(format!(
            "request_headers: set_property envoy.string mine, foreign set_envoy_filter_state {}, property envoy.string, \
             property filter_state envoy.string, property filter_state wasm.envoy.string; \
             log: property filter_state envoy.string, foreign set_envoy_filter_state {}, property filter_state envoy.string",
            word(&object("envoy.string", "theirs")),
            word(&object("envoy.string", "late")),
        )),
        scenario("foreign-filter-state-of-the-effective-context", &["CTX-10"])
            .config(format!(
                "request_headers: tick_period 100, return 1; \
                 tick#1: effective stream, foreign set_envoy_filter_state {}, continue 0, tick_period 0; log: property filter_state envoy.string",
                word(&object("envoy.string", "from the root")),
            ))
            .own_vm(),
        scenario("foreign-filter-state-seen-behind", &["FOR-11"])
            .config(format!("request_headers: foreign set_envoy_filter_state {}", word(&object("envoy.string", "v"))))
            .behind("request_headers: property filter_state envoy.string; log: property filter_state envoy.string"),
        signatures("foreign-signature-without-a-key", &["FOR-14"], &[&[], &[(1, b"sha256"), (4, b"text")], &[(1, b"sha256"), (2, b"a"), (4, b"a"), (5, b"a")], &[(9, b"")]]),
        signatures("foreign-signature-of-another-hash", &["FOR-20"], &[&[(1, b"md5"), (2, b"key")], &[(2, b"key")]]),
        signatures("foreign-signature-by-a-key-that-is-none", &["FOR-20"], &[&[(1, b"sha256"), (2, b"key"), (3, b"a")], &[(1, b"SHA1"), (2, b"key"), (3, b"a")]]),
        scenario("foreign-clear-route-cache", &["FOR-13"]).script(
            "configure: foreign clear_route_cache; request_headers: foreign clear_route_cache, foreign clear_route_cache abc; \
             response_headers: foreign clear_route_cache; log: foreign clear_route_cache",
        ),
        scenario("foreign-functions-through-the-sdk", &["FOR-3", "FOR-5", "FOR-7", "FOR-9", "FOR-11", "FOR-13", "PRO-17", "ENV-1"])
            .guest(Guest::Functions, "functions")
            .config("request.method == 'GET'")
            .environment(&[("REGION", "eu")])
            .request(get("/cart")),
        scenario("foreign-signatures-through-the-sdk", &["FOR-14"])
            .guest(Guest::Functions, "functions")
            .config("true")
            .request(get("/cart").header("x-sign", "yes"))
            .not_modelled("the mock proxy has no cryptography; a test gives it functions of its own"),
        scenario("foreign-clear-route-cache-later", &["FOR-13"])
            .script("request_headers: add request_headers x-a 1, foreign clear_route_cache; request_body: foreign clear_route_cache")
            .request(get("/a")),
    ]
}

/// `abcabcabc`, compressed.
const WHOLE: &str = "%78%9c%4b%4c%4a%4e%04%23%00%11%3d%03%73";
/// Nothing, compressed.
const NOTHING: &str = "%78%9c%03%00%00%00%00%01";

/// Bytes as a script's word.
pub(super) fn word(bytes: &[u8]) -> String {
    let mut word = String::new();
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => word.push(char::from(*byte)),
            _ => {
                let _ = write!(word, "%{byte:02x}");
            }
        }
    }
    if word.is_empty() { "\"\"".to_owned() } else { word }
}

fn declare(name: &str, fields: &[(u32, u64)]) -> Vec<u8> {
    fields
        .iter()
        .fold(Message::new().bytes(1, name.as_bytes()), |message, (number, value)| message.varint(*number, *value))
        .into_bytes()
}

/// Declarations, each in a callback.
fn calls(name: &'static str, rows: &'static [&'static str], calls: &[(&str, &[u8])]) -> Scenario {
    let stanzas: Vec<String> =
        calls.iter().map(|(callback, arguments)| format!("{callback}: foreign declare_property {}", word(arguments))).collect();
    scenario(name, rows).config(stanzas.join("; "))
}

/// A property declared read-only in this callback, and set twice.
fn read_only(name: &'static str, rows: &'static [&'static str], callback: &str) -> Scenario {
    let arguments = word(&declare(name, &[(2, 1)]));
    scenario(name, rows).config(format!(
        "{callback}: foreign declare_property {arguments}, foreign declare_property {arguments}; \
         request_headers: set_property {name} one, set_property {name} two, property {name}; \
         response_headers: set_property {name} three, property {name}, property filter_state wasm.{name}",
    ))
}

/// Each type and each span; the declared types do not change what is set and read. FlatBuffers read otherwise crash Envoy (FOR-17).
fn kinds() -> Scenario {
    let mut script = String::from("configure: ");
    let mut request = String::from("; request_headers: ");
    for (index, fields) in [[(3, 0), (5, 0)], [(3, 1), (5, 1)], [(3, 3), (5, 0)], [(3, 9), (5, 9)]].iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let name = format!("foreign-kind-{index}");
        let _ = write!(script, "{comma}foreign declare_property {}", word(&declare(&name, fields)));
        let _ = write!(request, "{comma}set_property {name} one, set_property {name} two, property {name}");
    }
    scenario("foreign-declare-kinds", &["FOR-10"]).config(script + &request)
}

/// Both functions with each of these messages.
fn signatures(name: &'static str, rows: &'static [&'static str], messages: &[&[(u32, &[u8])]]) -> Scenario {
    let mut calls = Vec::new();
    for fields in messages {
        let message = fields.iter().fold(Message::new(), |message, (number, value)| message.bytes(*number, value)).into_bytes();
        calls.extend(["verify_signature", "sign"].map(|function| format!("foreign {function} {}", word(&message))));
    }
    scenario(name, rows).config(format!("request_headers: {}", calls.join(", ")))
}

fn object(key: &str, value: &str) -> Vec<u8> {
    Message::new().bytes(1, key.as_bytes()).bytes(2, value.as_bytes()).into_bytes()
}

/// Objects that are set and read again.
fn filter_state(name: &'static str, rows: &'static [&'static str], objects: &[(&str, &str)]) -> Scenario {
    let set = objects.iter().map(|(key, value)| {
        let key_word = word(key.as_bytes());
        format!("foreign set_envoy_filter_state {}, property filter_state {key_word}", word(&object(key, value)))
    });
    scenario(name, rows).config(format!("request_headers: {}", set.collect::<Vec<_>>().join(", ")))
}

fn of_filter_state(name: &'static str, rows: &'static [&'static str], arguments: &[&[u8]]) -> Scenario {
    let set = arguments.iter().map(|arguments| format!("foreign set_envoy_filter_state {}", word(arguments)));
    scenario(name, rows).config(format!("request_headers: {}", set.collect::<Vec<_>>().join(", ")))
}
