//! The filter on the mock host: natively, and as the real `.wasm`.

use proxy_filter_test::abi::Status;
use proxy_filter_test::{Connection, Ending, Fault, MockProxy, PeerType, Refused, TestResult, VmKind, both_vms};
use serde_json::{Value, json};
use std::time::Duration;
use tcp_allow::PLUGINS;

const HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
const MS: Duration = Duration::from_millis(1);

fn proxy(vm: VmKind, config: Value) -> Result<MockProxy, Refused> {
    MockProxy::new(vm.plugin(&PLUGINS, "tcp_allow").config(config))
}

/// What the plugin logs of a configuration that it refuses.
fn refusal(vm: VmKind, config: &Value) -> String {
    let refused = MockProxy::new(vm.plugin(&PLUGINS, "tcp_allow").config(config.clone())).expect_err("it should be refused");
    refused.log().iter().map(ToString::to_string).collect()
}

fn from<'p>(proxy: &'p MockProxy, address: &str) -> Connection<'p> {
    proxy.set_property("source.address", address);
    proxy.connect()
}

fn lines(connection: &Connection<'_>) -> Vec<String> {
    connection.log().into_iter().map(|line| line.message).collect()
}

fn refused(proxy: &MockProxy, reason: &str) -> Option<u64> {
    proxy.counter(("tcp_allow.refused", [("reason", reason)]))
}

fn first_bytes(patterns: &Value) -> Value {
    json!({"allow": [{"name": "all", "first_bytes": patterns}]})
}

/// Whether these first bytes are let in.
fn lets_in(proxy: &MockProxy, said: &[u8]) -> bool {
    let connection = proxy.connect();
    connection.send(said);
    let passed = connection.to_upstream() == said && !connection.is_closed();
    assert!(passed || connection.to_upstream().is_empty(), "all or nothing: {connection:?}");
    passed
}

both_vms! {
    fn lets_in_by_source(vm) -> TestResult {
        let sources = json!(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]);
        let proxy = proxy(vm, json!({"allow": [{"name": "office", "sources": sources}]}))?;
        let inside = [
            "10.0.0.0:1", "10.255.255.255:65535", "192.0.2.7:1", "[2001:db8::]:1", "[2001:db8:ffff::1]:1", "[::1]:1", "[::ffff:10.1.2.3]:1",
        ];
        for address in inside {
            let connection = from(&proxy, address);
            connection.send("anything").upstream_sends("welcome");
            assert_eq!((connection.to_upstream(), connection.to_client()), ("anything".into(), "welcome".into()), "{address}");
            assert!(lines(&connection).is_empty(), "{connection:?}");
        }
        let outside = ["11.0.0.0:1", "9.255.255.255:1", "192.0.2.8:1", "[2001:db9::]:1", "[::2]:1", "[::ffff:11.1.2.3]:1", "[::10.1.2.3]:1"];
        for address in outside {
            let connection = from(&proxy, address);
            assert_eq!((connection.closed_by(), connection.client_ending()), (Some(PeerType::Local), Some(Ending::End)), "{address}");
            assert!(!connection.reached_upstream());
            assert_eq!(lines(&connection), [format!("tcp_allow: refused {address}: no rule has this source")]);
        }
        assert_eq!(proxy.counter(("tcp_allow.allowed", [("rule", "office")])), Some(inside.len() as u64));
        assert_eq!(refused(&proxy, "source"), Some(outside.len() as u64));
        Ok(())
    }

    fn a_client_without_an_ip_address_comes_in_only_where_any_may(vm) -> TestResult {
        let strict = proxy(vm, json!({"allow": [{"name": "all", "sources": ["0.0.0.0/0", "::/0"]}]}))?;
        for address in ["/run/client.sock", "", "@", "10.0.0.1", "10.0.0.1:99999", "[::1"] {
            assert!(from(&strict, address).is_closed(), "{address}");
        }
        let any = proxy(vm, first_bytes(&json!(["http1_request"])))?;
        any.set_property("source.address", "/run/client.sock");
        assert!(lets_in(&any, b"GET / HTTP/1.1\r\n"));
        Ok(())
    }

    fn lets_in_by_the_first_bytes(vm) -> TestResult {
        let proxy = proxy(vm, first_bytes(&json!(["tls_client_hello", "http1_request", "http2_preface", {"text": "SSH-2.0-"}, {"hex": "00ff7F"}])))?;
        let good = [HELLO, b"GET /", b"DELETE /x HTTP/1.1", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0", b"SSH-2.0-OpenSSH", b"\x00\xff\x7f"];
        for said in good {
            assert!(lets_in(&proxy, said), "{}", said.escape_ascii());
        }
        let bad: [&[u8]; 7] = [b"\x16\x02\x01", b"\x15\x03\x01\x00\x02\x02", b"get /", b"PRI * HTTP/1.1", b"SSH-1.99", b"\x00\xff\x80", b"\n"];
        for said in bad {
            assert!(!lets_in(&proxy, said), "{}", said.escape_ascii());
        }
        assert_eq!(proxy.counter(("tcp_allow.allowed", [("rule", "all")])), Some(good.len() as u64));
        assert_eq!(refused(&proxy, "first_bytes"), Some(bad.len() as u64));
        Ok(())
    }

    fn tcp_3_bytes_are_kept_until_they_decide(vm) -> TestResult {
        let proxy = proxy(vm, first_bytes(&json!(["tls_client_hello"])))?;
        let connection = proxy.connect();
        for (at, byte) in HELLO[..5].iter().enumerate() {
            connection.send([*byte]);
            assert_eq!((connection.to_upstream().len(), connection.is_closed()), (0, false), "after {at}");
        }
        connection.send(&HELLO[5..]).send("more").upstream_sends("answer");
        assert_eq!(connection.to_upstream(), [HELLO, b"more"].concat());
        assert_eq!(connection.to_client(), "answer");
        // The deadline was for the first bytes.
        proxy.advance(60_000 * MS);
        assert!(!connection.is_closed());
        connection.end().upstream_ends();
        assert!(connection.is_closed() && lines(&connection).is_empty(), "{connection:?}");
        Ok(())
    }

    fn what_is_wrong_is_closed_at_the_first_byte_that_is(vm) -> TestResult {
        let proxy = proxy(vm, first_bytes(&json!([{"text": "HELO"}])))?;
        let connection = proxy.connect();
        connection.send("HE");
        assert!(!connection.is_closed());
        connection.send("X and a long line that is not shown");
        assert_eq!((connection.closed_by(), connection.to_upstream().len()), (Some(PeerType::Local), 0));
        let address = lines(&connection)[0].split(": ").nth(1).unwrap_or_default().to_owned();
        assert_eq!(lines(&connection), [format!("tcp_allow: {address}: no rule has its first bytes \"HEX and a long l\"")]);
        let noise = proxy.connect();
        noise.send(vec![0xff; 1 << 20]);
        assert!(noise.is_closed());
        assert!(lines(&noise)[0].ends_with(&format!("first bytes \"{}\"", r"\xff".repeat(16))), "{noise:?}");
        Ok(())
    }

    fn who_stays_silent_is_closed_in_time(vm) -> TestResult {
        let config = json!({"timeout_ms": 3_000, "allow": [{"name": "all", "first_bytes": [{"text": "HELO"}]}]});
        let proxy = proxy(vm, config)?;
        let silent = from(&proxy, "192.0.2.1:1");
        proxy.advance(1_000 * MS);
        // Each has its own time, from when it came; a byte now and then is no help.
        let slow = from(&proxy, "192.0.2.2:2");
        slow.send("H");
        proxy.advance(1_999 * MS);
        slow.send("E");
        assert!(!silent.is_closed() && !slow.is_closed());
        proxy.advance(MS);
        assert_eq!((silent.closed_by(), slow.is_closed()), (Some(PeerType::Local), false));
        assert_eq!(lines(&silent), ["tcp_allow: refused 192.0.2.1:1: said too little in 3000 ms"]);
        proxy.advance(999 * MS);
        assert!(!slow.is_closed());
        proxy.advance(MS);
        assert!(slow.is_closed());
        assert_eq!((refused(&proxy, "timeout"), slow.to_upstream().len()), (Some(2), 0));
        Ok(())
    }

    fn tcp_7_a_client_that_ends_too_early_is_closed(vm) -> TestResult {
        let proxy = proxy(vm, first_bytes(&json!([{"text": "HELO"}])))?;
        let connection = from(&proxy, "192.0.2.1:1");
        connection.send("HE").end();
        assert!(connection.is_closed());
        assert_eq!(lines(&connection), ["tcp_allow: refused 192.0.2.1:1: ended before it said enough"]);
        let complete = proxy.connect();
        complete.send("HELO").end();
        assert_eq!((complete.to_upstream(), complete.is_closed()), ("HELO".into(), false));
        assert_eq!(refused(&proxy, "end"), Some(1));
        // One that goes away is nobody's fault.
        let gone = proxy.connect();
        gone.send("HE").disconnect();
        proxy.advance(10_000 * MS);
        assert_eq!((gone.closed_by(), lines(&gone).len()), (Some(PeerType::Remote), 0));
        Ok(())
    }

    fn the_upstream_does_not_speak_to_strangers(vm) -> TestResult {
        let proxy = proxy(vm, first_bytes(&json!([{"text": "HELO"}])))?;
        let connection = from(&proxy, "192.0.2.1:1");
        connection.upstream_sends("220 mail.example, version 1.2.3");
        assert_eq!((connection.is_closed(), connection.to_client().len()), (true, 0));
        assert_eq!(lines(&connection), ["tcp_allow: refused 192.0.2.1:1: the upstream spoke before it did"]);
        assert_eq!(refused(&proxy, "upstream"), Some(1));
        // That it ends is no word.
        let ended = proxy.connect();
        ended.upstream_ends();
        assert!(!ended.is_closed());
        ended.send("HELO");
        assert_eq!(ended.to_upstream(), "HELO");
        Ok(())
    }

    fn one_rule_that_holds_is_enough(vm) -> TestResult {
        let proxy = proxy(vm, json!({"allow": [
            {"name": "partners", "sources": ["192.0.2.0/24"], "first_bytes": ["tls_client_hello"]},
            {"name": "ssh", "first_bytes": [{"text": "SSH-"}]},
            {"name": "office", "sources": ["10.0.0.0/8"]},
        ]}))?;
        let passes = |address: &str, said: &[u8]| {
            let connection = from(&proxy, address);
            connection.send(said);
            !connection.is_closed()
        };
        assert!(passes("10.1.2.3:1", b"anything"));
        assert!(passes("192.0.2.1:1", HELLO) && passes("192.0.2.1:1", b"SSH-2.0-x") && passes("198.51.100.1:1", b"SSH-2.0-x"));
        assert!(!passes("198.51.100.1:1", HELLO) && !passes("192.0.2.1:1", b"GET / HTTP/1.1"));
        let allowed = |rule| proxy.counter(("tcp_allow.allowed", [("rule", rule)]));
        assert_eq!(["partners", "ssh", "office"].map(allowed), [Some(1), Some(2), Some(1)]);
        Ok(())
    }

    fn refusals_are_counted_and_not_logged_if_so_configured(vm) -> TestResult {
        let proxy = proxy(vm, json!({"log_refused": false, "allow": [{"name": "office", "sources": ["10.0.0.0/8"]}]}))?;
        let connection = from(&proxy, "192.0.2.1:1");
        assert!(connection.is_closed() && lines(&connection).is_empty());
        assert_eq!(refused(&proxy, "source"), Some(1));
        Ok(())
    }

    fn it_fails_closed(vm) -> TestResult {
        let proxy = proxy(vm, first_bytes(&json!([{"text": "HELO"}])))?;
        for hostcall in ["proxy_get_property", "proxy_get_buffer_bytes", "proxy_get_current_time_nanoseconds", "proxy_set_tick_period_milliseconds"] {
            proxy.inject(Fault::new(hostcall, Status::InternalFailure));
            let connection = proxy.connect();
            connection.send("HELO");
            let late = connection.to_upstream().is_empty() || hostcall == "proxy_set_tick_period_milliseconds";
            assert!(late, "{hostcall}: {connection:?}");
            assert!(connection.log().iter().any(|line| line.message.contains(hostcall)), "{hostcall}: {connection:?}");
            proxy.clear_faults();
            proxy.advance(10_000 * MS);
        }
        // What cannot be counted or logged changes nothing.
        for hostcall in ["proxy_define_metric", "proxy_increment_metric", "proxy_log"] {
            proxy.inject(Fault::new(hostcall, Status::InternalFailure));
            assert!(lets_in(&proxy, b"HELO") && !lets_in(&proxy, b"GET "), "{hostcall}");
            proxy.clear_faults();
        }
        Ok(())
    }

    fn the_example_configuration_is_taken(vm) -> TestResult {
        let proxy = proxy(vm, serde_json::from_str(include_str!("../config.json"))?)?;
        proxy.set_property("source.address", "198.51.100.1:1");
        assert!(lets_in(&proxy, HELLO) && !lets_in(&proxy, b"GET / HTTP/1.1\r\n"));
        Ok(())
    }

    fn a_thousand_connections_leave_no_memory_behind(vm) -> TestResult {
        let proxy = proxy(vm, first_bytes(&json!([{"text": "HELO"}])))?;
        let mut turn = 0;
        proxy.memory_plateau(1_000, || {
            turn += 1;
            let connection = proxy.connect();
            match turn % 4 {
                0 => drop(connection.send("HELO")),
                1 => drop(connection.send("GET ")),
                2 => drop(connection.send("H")),
                _ => {}
            }
            connection.disconnect();
            proxy.advance(MS);
        });
        Ok(())
    }

    fn bad_configurations_are_refused_with_the_reason(vm) {
        let rule = |change: Value| {
            let mut rule = json!({"name": "all"});
            rule.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            json!({"allow": [rule]})
        };
        let with = |change: Value| {
            let mut config = rule(json!({"sources": ["::/0"]}));
            config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            config
        };
        let cases = [
            (json!({}), "missing field `allow`"),
            (json!({"allow": []}), "allow: there is no rule, so that nobody would be let in"),
            (json!({"allow": [{"sources": ["::/0"]}]}), "missing field `name`"),
            (with(json!({"deny": []})), "unknown field `deny`"),
            (rule(json!({"source": []})), "unknown field `source`"),
            (json!({"allow": [{"name": "a b", "sources": ["::/0"]}]}), r#"allow[0].name: "a b" is no name"#),
            (json!({"allow": [{"name": "", "sources": ["::/0"]}]}), r#"allow[0].name: "" is no name"#),
            (rule(json!({})), "allow[0]: it has neither sources nor first_bytes, so that everybody would be let in"),
            (rule(json!({"sources": []})), "allow[0].sources: the list is empty, so that nobody would be let in"),
            (rule(json!({"first_bytes": []})), "allow[0].first_bytes: the list is empty"),
            (rule(json!({"sources": ["10.0.0.1/8"]})), r#"allow[0].sources: "10.0.0.1/8" is no network: host part of address was not zero"#),
            (rule(json!({"sources": ["10.0.0.0/33"]})), r#""10.0.0.0/33" is no network: invalid length for network"#),
            (rule(json!({"sources": ["10.0.0"]})), r#""10.0.0" is no network: couldn't parse address in network"#),
            (rule(json!({"sources": ["10.0.0.0/x"]})), r#""10.0.0.0/x" is no network: couldn't parse length in network"#),
            (rule(json!({"sources": ["shop.example"]})), r#""shop.example" is no network"#),
            (rule(json!({"sources": ["::ffff:10.0.0.0/104"]})), r#""::ffff:10.0.0.0/104" is IPv4 within IPv6: write the IPv4 network"#),
            (rule(json!({"first_bytes": ["smtp"]})), "unknown variant `smtp`, expected one of `tls_client_hello`, `http1_request`, `http2_preface`, `text`, `hex`"),
            (rule(json!({"first_bytes": [{"text": ""}]})), "allow[0].first_bytes: an empty prefix allows whatever comes"),
            (rule(json!({"first_bytes": [{"hex": "0"}]})), r#"allow[0].first_bytes: "0" is not hexadecimal: Odd number of digits"#),
            (rule(json!({"first_bytes": [{"hex": "0g"}]})), r#"allow[0].first_bytes: "0g" is not hexadecimal: Invalid character 'g' at position 1"#),
            (rule(json!({"first_bytes": [{"text": "a".repeat(1_025)}]})), "a prefix of 1025 bytes is too long: at most 1024"),
            (with(json!({"timeout_ms": 0})), "timeout_ms: 0 is not between 1 and 3600000 (an hour)"),
            (with(json!({"timeout_ms": 3_600_001})), "timeout_ms: 3600001 is not between 1 and 3600000"),
            (with(json!({"log_refused": 1})), "expected a boolean"),
            (json!({"allow": [{"name": "a", "sources": ["::/0"]}, {"name": "a", "sources": ["::/0"]}]}), r#"allow[1].name: two rules are called "a""#),
        ];
        for (config, expected) in cases {
            let said = refusal(vm, &config);
            assert!(said.contains(expected), "{config}: {said}");
        }
    }
}
