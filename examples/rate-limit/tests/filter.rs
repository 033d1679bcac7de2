//! The filter on the mock host: natively, and as the real `.wasm`.

use http::{Request, Response};
use proxy_filter_test::abi::Status;
use proxy_filter_test::{Exchange, Fault, Message, MockProxy, Refused, TestResult, VmKind, both_vms};
use rate_limit::PLUGINS;
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn proxy(vm: VmKind, config: Value) -> Result<MockProxy, Refused> {
    MockProxy::new(vm.plugin(&PLUGINS, "rate_limit").config(config))
}

/// What the plugin logs of a configuration that it refuses.
fn refusal(vm: VmKind, config: &Value) -> String {
    let refused = MockProxy::new(vm.plugin(&PLUGINS, "rate_limit").config(config.clone())).expect_err("it should be refused");
    refused.log().iter().map(ToString::to_string).collect()
}

fn get(path: &str) -> Message {
    Request::get(format!("http://shop.example{path}")).body("").expect("a request").into()
}

fn with_key(key: &str) -> Message {
    get("/").with_header("x-api-key", key)
}

fn header(exchange: &Exchange, name: &str) -> Option<String> {
    exchange.response().headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned())
}

/// The statuses of so many equal requests.
fn statuses(proxy: &MockProxy, count: usize, request: &Message) -> Vec<u16> {
    (0..count).map(|_| proxy.send(request.clone()).response().status().as_u16()).collect()
}

both_vms! {
    fn takes_tokens_refuses_and_refills(vm) -> TestResult {
        let proxy = proxy(vm, json!({"rules": [{"name": "all", "requests": 2, "seconds": 10}]}))?;
        let told = |exchange: &Exchange| ["limit", "remaining", "reset"].map(|name| header(exchange, &format!("ratelimit-{name}")).unwrap());
        let first = proxy.send(get("/"));
        assert_eq!((first.response().status().as_u16(), told(&first)), (200, ["2", "1", "5"].map(String::from)));
        let second = proxy.send(get("/"));
        assert_eq!((second.response().status().as_u16(), told(&second)), (200, ["2", "0", "10"].map(String::from)));

        proxy.advance(SECOND);
        let third = proxy.send(get("/"));
        assert!(!third.reached_upstream());
        assert_eq!((third.response().status().as_u16(), told(&third)), (429, ["2", "0", "9"].map(String::from)));
        assert_eq!(header(&third, "retry-after").as_deref(), Some("4"));
        assert_eq!((third.response().body(), third.details()), (&"too many requests\n".into(), "rate_limited".into()));
        assert_eq!(proxy.counter(("rate_limit.limited", [("rule", "all")])), Some(1));

        // What it was told to wait is enough, and not too long.
        proxy.advance(4 * SECOND);
        assert_eq!(statuses(&proxy, 2, &get("/")), [200, 429]);
        proxy.advance(100 * SECOND);
        assert_eq!(statuses(&proxy, 3, &get("/")), [200, 200, 429]);
        Ok(())
    }

    fn the_burst_comes_at_once_and_the_rate_afterwards(vm) -> TestResult {
        let proxy = proxy(vm, json!({"rules": [{"name": "all", "requests": 1, "burst": 3}]}))?;
        assert_eq!(statuses(&proxy, 4, &get("/")), [200, 200, 200, 429]);
        proxy.advance(2 * SECOND);
        assert_eq!(statuses(&proxy, 3, &get("/")), [200, 200, 429]);
        Ok(())
    }

    fn the_first_rule_that_matches_decides(vm) -> TestResult {
        let proxy = proxy(vm, json!({"rules": [
            {"name": "login", "path_prefix": "/login", "methods": ["POST", "PUT"], "requests": 1, "seconds": 60},
            {"name": "keyed", "key": [{"header": "X-Api-Key"}], "requests": 2, "seconds": 60},
            {"name": "api", "path_prefix": "/api/", "requests": 3, "seconds": 60},
        ]}))?;
        let post: Message = Request::post("http://shop.example/login?next=/").body("a=b")?.into();
        assert_eq!(statuses(&proxy, 2, &post), [200, 429]);
        // Another method, and a request that no rule is for.
        assert_eq!(statuses(&proxy, 5, &get("/login")), [200; 5]);
        assert_eq!(header(&proxy.send(get("/login")), "ratelimit-limit"), None);
        // Each value has a bucket of its own; without the header the next rule is asked.
        assert_eq!(statuses(&proxy, 3, &with_key("a")), [200, 200, 429]);
        assert_eq!(statuses(&proxy, 3, &with_key("b")), [200, 200, 429]);
        assert_eq!(statuses(&proxy, 3, &with_key("")), [200, 200, 429]);
        assert_eq!(statuses(&proxy, 4, &get("/api/x")), [200, 200, 200, 429]);
        Ok(())
    }

    fn keys_are_what_they_are_made_of(vm) -> TestResult {
        let key = json!(["client_address", "host", "method", {"path_segments": 2}, {"header": "x-a"}, {"header": "x-b"}]);
        let proxy = proxy(vm, json!({"rules": [{"name": "all", "key": key, "requests": 1, "seconds": 60}]}))?;
        let request = |method: &str, url: &str, a: &str, b: &str| -> Message {
            Request::builder().method(method).uri(url).header("x-a", a).header("x-b", b).body("").expect("a request").into()
        };
        assert_eq!(statuses(&proxy, 2, &request("GET", "http://shop.example/a/b/c", "1", "2")), [200, 429]);
        let same = ["http://SHOP.example/a/b/c", "http://shop.example/a/b/d?e=f", "http://shop.example/a/b"];
        for url in same {
            assert_eq!(statuses(&proxy, 1, &request("GET", url, "1", "2")), [429], "{url}");
        }
        let others = [
            request("PUT", "http://shop.example/a/b", "1", "2"),
            request("GET", "http://www.example/a/b", "1", "2"),
            request("GET", "http://shop.example/a/c", "1", "2"),
            request("GET", "http://shop.example/a/b", "12", ""),
            request("GET", "http://shop.example/a/b", "", "12"),
        ];
        for other in &others {
            assert_eq!(statuses(&proxy, 2, other), [200, 429], "{other:?}");
        }
        proxy.set_property("source.address", "192.0.2.77:1234");
        assert_eq!(statuses(&proxy, 2, &request("GET", "http://shop.example/a/b", "1", "2")), [200, 429]);
        Ok(())
    }

    fn clients_are_told_apart_by_address_and_not_by_port(vm) -> TestResult {
        let proxy = proxy(vm, json!({"rules": [{"name": "all", "requests": 1, "seconds": 60}]}))?;
        let from = |address: &str| {
            proxy.set_property("source.address", address);
            proxy.send(get("/")).response().status().as_u16()
        };
        assert_eq!([from("192.0.2.1:1"), from("192.0.2.1:2"), from("192.0.2.2:1")], [200, 429, 200]);
        assert_eq!([from("[::ffff:192.0.2.1]:3"), from("[2001:db8::1]:1"), from("[2001:db8::2]:1")], [429, 200, 429]);
        assert_eq!([from("[2001:db8:0:1::2]:1"), from("/run/client.sock"), from("/run/client.sock")], [200, 200, 429]);
        Ok(())
    }

    fn one_bucket_for_all(vm) -> TestResult {
        let proxy = proxy(vm, json!({"rules": [{"name": "all", "key": [], "requests": 2, "seconds": 60}]}))?;
        let paths = ["/a", "/b", "/c"].map(|path| proxy.send(get(path)).response().status().as_u16());
        assert_eq!(paths, [200, 200, 429]);
        Ok(())
    }

    fn headers_as_the_newer_draft_has_them_or_none(vm) -> TestResult {
        let config = |headers| json!({"headers": headers, "rules": [{"name": "all", "requests": 2, "seconds": 10, "burst": 4}]});
        let newer = proxy(vm, config("draft-8"))?;
        let exchange = newer.send(get("/"));
        assert_eq!(header(&exchange, "ratelimit-policy").as_deref(), Some(r#""all";q=4;w=20"#));
        assert_eq!(header(&exchange, "ratelimit").as_deref(), Some(r#""all";r=3;t=5"#));
        assert_eq!(header(&exchange, "ratelimit-limit"), None);
        let none = proxy(vm, config("none"))?;
        assert_eq!(none.send(get("/")).response().headers().keys().filter(|name| name.as_str().starts_with("ratelimit")).count(), 0);
        Ok(())
    }

    fn what_the_upstream_says_of_limits_is_replaced(vm) -> TestResult {
        let proxy = proxy(vm, json!({"rules": [{"name": "all", "requests": 2}]}))?;
        proxy.set_upstream(|_| Response::builder().header("ratelimit-limit", "1000").body("").unwrap());
        let exchange = proxy.send(get("/"));
        assert_eq!(exchange.response().headers().get_all("ratelimit-limit").iter().collect::<Vec<_>>(), ["2"]);
        Ok(())
    }

    fn a_rule_that_is_tried_out_only_counts(vm) -> TestResult {
        let proxy = proxy(vm, json!({"rules": [{"name": "all", "requests": 1, "seconds": 60, "enforce": false}]}))?;
        assert_eq!(statuses(&proxy, 3, &get("/")), [200; 3]);
        assert_eq!(header(&proxy.send(get("/")), "ratelimit-limit"), None);
        assert_eq!(proxy.counter(("rate_limit.limited", [("rule", "all")])), Some(3));
        Ok(())
    }

    fn loc_12_grpc_is_told_that_the_resource_is_exhausted(vm) -> TestResult {
        let proxy = proxy(vm, json!({"rules": [{"name": "all", "requests": 1, "seconds": 60}]}))?;
        let call = get("/acme.Shop/Buy").with_header("content-type", "application/grpc");
        proxy.send(call.clone());
        let refused = proxy.send(call);
        assert_eq!((refused.response().status().as_u16(), header(&refused, "grpc-status").as_deref()), (200, Some("8")));
        assert_eq!(header(&refused, "retry-after").as_deref(), Some("60"));
        Ok(())
    }

    fn workers_share_buckets_and_vms_of_another_id_do_not(vm) -> TestResult {
        let plugin = || vm.plugin(&PLUGINS, "rate_limit").config(json!({"rules": [{"name": "all", "requests": 3, "seconds": 60}]}));
        let proxy = MockProxy::builder().plugin(plugin()).workers(4).start()?;
        assert_eq!(statuses(&proxy, 5, &get("/")), [200, 200, 200, 429, 429]);
        // A new configuration keeps what was counted, as a share of the burst.
        let halved = vm.plugin(&PLUGINS, "rate_limit").config(json!({"rules": [{"name": "all", "requests": 6, "seconds": 60}]}));
        proxy.update(halved)?;
        proxy.advance(10 * SECOND);
        assert_eq!(statuses(&proxy, 2, &get("/")), [200, 429]);
        Ok(())
    }

    fn a_clock_that_is_set_back_locks_nobody_out(vm) -> TestResult {
        let plugin = vm.plugin(&PLUGINS, "rate_limit").config(json!({"rules": [{"name": "all", "requests": 2, "seconds": 10}]}));
        let proxy = MockProxy::builder().plugin(plugin).time(Duration::from_secs(1_000_000)).start()?;
        assert_eq!(statuses(&proxy, 1, &get("/")), [200]);
        proxy.set_time(Duration::from_secs(1_000));
        // Empty, and refilled as ever.
        assert_eq!(statuses(&proxy, 2, &get("/")), [429, 429]);
        proxy.advance(5 * SECOND);
        assert_eq!(statuses(&proxy, 2, &get("/")), [200, 429]);
        // At the ends of time there is no overflow.
        for time in [Duration::ZERO, Duration::from_nanos(u64::MAX), Duration::from_nanos(u64::MAX / 2)] {
            proxy.set_time(time);
            statuses(&proxy, 3, &get("/"));
            assert!(proxy.trap().is_none());
        }
        Ok(())
    }

    fn who_shares_no_data_is_let_through_or_refused_as_configured(vm) -> TestResult {
        for (on_failure, expected) in [("allow", 200), ("refuse", 503)] {
            let proxy = proxy(vm, json!({"on_failure": on_failure, "rules": [{"name": "all", "requests": 1}]}))?;
            for fault in [
                Fault::new("proxy_get_shared_data", Status::InternalFailure),
                Fault::new("proxy_set_shared_data", Status::InternalFailure),
                Fault::new("proxy_get_current_time_nanoseconds", Status::Unimplemented),
                Fault::new("proxy_get_property", Status::InternalFailure),
            ] {
                proxy.inject(fault.clone());
                let exchange = proxy.send(get("/"));
                assert_eq!(exchange.response().status().as_u16(), expected, "{fault:?}");
                assert_eq!(header(&exchange, "ratelimit-limit"), None);
                proxy.clear_faults();
                proxy.advance(SECOND);
            }
            let lines: Vec<_> = proxy.log().iter().map(|line| line.message.clone()).collect();
            assert_eq!(lines[0], "rate_limit: rule all: proxy_get_shared_data failed: INTERNAL_FAILURE");
            assert_eq!(proxy.counter(("rate_limit.failed", [("rule", "all"), ("reason", "host")])), Some(3));
            assert_eq!(proxy.counter(("rate_limit.failed", [("rule", "unknown"), ("reason", "host")])), Some(1));
            assert_eq!(statuses(&proxy, 2, &get("/")), [200, 429]);
        }
        Ok(())
    }

    fn who_may_not_log_is_let_through_or_refused_as_configured(vm) -> TestResult {
        for (on_failure, expected) in [("allow", 200), ("refuse", 503)] {
            let proxy = proxy(vm, json!({"on_failure": on_failure, "rules": [{"name": "all", "requests": 1}]}))?;
            proxy.inject(Fault::new("proxy_get_shared_data", Status::InternalFailure));
            proxy.inject(Fault::new("proxy_log", Status::InternalFailure));
            assert_eq!(statuses(&proxy, 2, &get("/")), [expected; 2]);
        }
        Ok(())
    }

    fn a_bucket_that_all_workers_are_at_is_a_failure_told_once_a_second(vm) -> TestResult {
        let proxy = proxy(vm, json!({"on_failure": "refuse", "rules": [{"name": "all", "requests": 9}]}))?;
        proxy.inject(Fault::new("proxy_set_shared_data", Status::CasMismatch));
        let exchange = proxy.send(get("/"));
        assert_eq!((exchange.response().status().as_u16(), exchange.details()), (503, "rate_limit_failed".into()));
        assert_eq!(header(&exchange, "retry-after").as_deref(), Some("1"));
        statuses(&proxy, 3, &get("/"));
        assert_eq!(proxy.log().len(), 1);
        assert!(proxy.log()[0].message.contains("a hundred tries were not enough"), "{}", proxy.log()[0]);
        proxy.advance(SECOND);
        statuses(&proxy, 2, &get("/"));
        assert_eq!(proxy.log().len(), 2);
        assert_eq!(proxy.counter(("rate_limit.failed", [("rule", "all"), ("reason", "contended")])), Some(6));
        // A few who are quicker are no reason to fail.
        proxy.clear_faults();
        proxy.inject(Fault::new("proxy_set_shared_data", Status::CasMismatch).times(50));
        assert_eq!(statuses(&proxy, 1, &get("/")), [200]);
        Ok(())
    }

    fn any_number_of_keys_takes_a_bounded_number_of_shared_values(vm) -> TestResult {
        let config = |on_failure| json!({"on_failure": on_failure, "max_keys": 32,
            "rules": [{"name": "all", "key": [{"header": "x-api-key"}], "requests": 1, "seconds": 60}]});
        for (on_failure, expected) in [("allow", 200), ("refuse", 503)] {
            let proxy = proxy(vm, config(on_failure))?;
            let answers: Vec<_> = (0..200).flat_map(|key| statuses(&proxy, 1, &with_key(&key.to_string()))).collect();
            let keys = proxy.shared_data("").keys();
            assert!(keys.len() <= 3, "two sets and the secret: {keys:?}");
            assert!(keys.iter().all(|key| proxy.shared_data("").get(key).is_some_and(|value| value.len() <= 256)));
            assert!(answers[..8].iter().all(|status| *status == 200), "{answers:?}");
            assert_eq!(answers[199], expected);
            let failed = proxy.counter(("rate_limit.failed", [("rule", "all"), ("reason", "no_room")])).ok_or("it is full")?;
            assert!(failed >= 168, "{failed}");
            assert!(proxy.log()[0].message.contains("raise max_keys"), "{}", proxy.log()[0]);
            // Those that came first are held to their limit, and when they do not come any more, others have their room.
            assert_eq!(statuses(&proxy, 1, &with_key("0")), [429]);
            proxy.advance(60 * SECOND);
            assert_eq!(statuses(&proxy, 2, &with_key("new")), [200, 429]);
        }
        Ok(())
    }

    fn shared_values_of_another_plugin_are_survived(vm) -> TestResult {
        let plugin = || vm.plugin(&PLUGINS, "rate_limit").config(json!({"max_keys": 1, "rules": [{"name": "all", "requests": 1}]}));
        let proxy = MockProxy::builder().plugin(plugin()).start()?;
        proxy.send(get("/"));
        let data = proxy.shared_data("");
        let set = data.keys().into_iter().find(|key| key.starts_with(b"rate_limit/all/")).ok_or("a set")?;
        for garbage in [vec![0; 1], vec![0xff; 15], vec![0xff; 4_099], vec![1; 1_000]] {
            data.set(&set, &garbage);
            statuses(&proxy, 3, &get("/"));
            assert!(proxy.trap().is_none());
        }
        let foreign = MockProxy::builder().plugin(plugin()).shared_data("", "rate_limit/secret", "x").start();
        let said: String = foreign.expect_err("refused").log().iter().map(ToString::to_string).collect();
        assert!(said.contains("the shared value rate_limit/secret has 1 bytes"), "{said}");
        assert!(said.contains("give this one a vm_id of its own"), "{said}");
        Ok(())
    }

    fn hostile_requests_are_counted_like_others(vm) -> TestResult {
        let key = json!([{"header": "x-api-key"}, "path", "host", "method"]);
        let proxy = proxy(vm, json!({"rules": [{"name": "all", "key": key, "requests": 1, "seconds": 60}]}))?;
        let long = "k".repeat(60_000);
        let odd = [
            with_key(&long),
            with_key("\u{ff}\u{fe}"),
            Message::new([(":method", "BREW"), (":path", ""), (":authority", ""), (":scheme", "http"), ("x-api-key", "1")]),
            Message::new([(":method", "CONNECT"), (":authority", "shop.example:443"), ("x-api-key", "2")]),
            get("/").with_header("x-api-key", b"\x80\xff").with_header("x-api-key", "second"),
        ];
        for request in &odd {
            assert!(proxy.send(request.clone()).details() != "rate_limited", "{request:?}");
            assert_eq!(proxy.send(request.clone()).response().status().as_u16(), 429, "{request:?}");
        }
        let keys = proxy.shared_data("").keys();
        assert!(keys.iter().all(|key| key.len() < 100), "nothing of a request is stored but a hash");
        Ok(())
    }

    fn the_example_configuration_is_taken(vm) -> TestResult {
        let proxy = proxy(vm, serde_json::from_str(include_str!("../config.json"))?)?;
        assert_eq!(header(&proxy.send(get("/")), "ratelimit-limit").as_deref(), Some("50"));
        // Who makes up a key for each request has no bucket for each.
        let answers: Vec<u16> = (0..=200).flat_map(|key| statuses(&proxy, 1, &get("/api/x").with_header("x-api-key", key.to_string()))).collect();
        assert!(answers[..200].iter().all(|status| *status == 200) && answers[200] == 429, "{answers:?}");
        Ok(())
    }

    fn a_thousand_requests_leave_no_memory_behind(vm) -> TestResult {
        let proxy = proxy(vm, json!({"max_keys": 64, "rules": [{"name": "all", "key": [{"header": "x-api-key"}], "requests": 2}]}))?;
        let mut key = 0;
        proxy.memory_plateau(1_000, || {
            key += 1;
            proxy.send(with_key(&key.to_string()));
            proxy.advance(SECOND);
        });
        Ok(())
    }

    fn bad_configurations_are_refused_with_the_reason(vm) {
        let rule = |change: Value| {
            let mut rule = json!({"name": "all", "requests": 1});
            rule.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            json!({"rules": [rule]})
        };
        let with = |change: Value| {
            let mut config = rule(json!({}));
            config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            config
        };
        let cases = [
            (json!({}), "missing field `rules`"),
            (json!({"rules": []}), "rules: there is none, so that nothing would be limited"),
            (json!({"rules": [{"requests": 1}]}), "missing field `name`"),
            (json!({"rules": [{"name": "all"}]}), "missing field `requests`"),
            (rule(json!({"limit": 1})), "unknown field `limit`"),
            (with(json!({"rule": []})), "unknown field `rule`"),
            (rule(json!({"name": ""})), r#"rules[0].name: "" is no name: 1 to 64 letters"#),
            (rule(json!({"name": "a b"})), r#"rules[0].name: "a b" is no name"#),
            (rule(json!({"name": "a".repeat(65)})), "is no name"),
            (rule(json!({"path_prefix": "login"})), r#"rules[0].path_prefix: "login" begins no path"#),
            (rule(json!({"path_prefix": "/a?b=c"})), r#"rules[0].path_prefix: "/a?b=c" has a query"#),
            (rule(json!({"methods": ["get"]})), r#"rules[0].methods: "get" is no method: they are written in upper case"#),
            (rule(json!({"methods": [""]})), r#"rules[0].methods: "" is no method"#),
            (rule(json!({"key": ["ip"]})), "unknown variant `ip`, expected one of `client_address`, `host`, `method`, `path`, `path_segments`, `header`"),
            (rule(json!({"key": [{"header": "x a"}]})), r#"rules[0].key: "x a" is not a header name"#),
            (rule(json!({"key": [{"header": ":path"}]})), r#"rules[0].key: ":path" is not a header name"#),
            (rule(json!({"key": [{"path_segments": 0}]})), "rules[0].key: path_segments is 0: at least 1"),
            (rule(json!({"requests": 0})), "rules[0].requests: 0 is not between 1 and 1000000"),
            (rule(json!({"requests": 1_000_001})), "rules[0].requests: 1000001 is not between 1 and 1000000"),
            (rule(json!({"requests": -1})), "invalid value: integer `-1`, expected u32"),
            (rule(json!({"seconds": 0})), "rules[0].seconds: 0 is not between 1 and 2592000"),
            (rule(json!({"burst": 0})), "rules[0].burst: 0 is not between 1 and 1000000"),
            (rule(json!({"seconds": 86_400, "burst": 1_000})), "rules[0].burst: a bucket of 1000 would take more than 31536000 seconds (a year) to refill at 1 in 86400 s"),
            (rule(json!({"enforce": "no"})), "expected a boolean"),
            (with(json!({"on_failure": "open"})), "unknown variant `open`, expected `allow` or `refuse`"),
            (with(json!({"headers": "draft-7"})), "unknown variant `draft-7`, expected one of `draft-6`, `draft-8`, `none`"),
            (with(json!({"max_keys": 0})), "max_keys: 0 is not between 1 and 1000000"),
            (with(json!({"max_keys": 1_000_001})), "max_keys: 1000001 is not between 1 and 1000000"),
            (with(json!({"ipv6_prefix": 129})), "ipv6_prefix: 129 is not between 1 and 128"),
            (json!({"rules": [{"name": "a", "requests": 1}, {"name": "a", "requests": 2}]}), r#"rules[1].name: two rules are called "a""#),
        ];
        for (config, expected) in cases {
            let said = refusal(vm, &config);
            assert!(said.contains(expected), "{config}: {said}");
        }
    }

    fn a_proxy_without_shared_data_or_random_numbers_is_told_at_the_start(vm) {
        for hostcall in ["proxy_get_shared_data", "proxy_set_shared_data"] {
            let plugin = vm.plugin(&PLUGINS, "rate_limit").config(json!({"rules": [{"name": "all", "requests": 1}]}));
            let fault = Fault::new(hostcall, Status::Unimplemented);
            let refused = MockProxy::builder().plugin(plugin).inject(fault).start().expect_err("it cannot work");
            let said: String = refused.log().iter().map(ToString::to_string).collect();
            assert!(said.contains(&format!("{hostcall} failed: UNIMPLEMENTED")), "{said}");
        }
    }
}
