//! The plugin `canary` on the mock host: natively, and as the real `.wasm`.

use canary::PLUGINS;
use http::{Request, Response};
use proxy_filter_test::abi::Status;
use proxy_filter_test::{Exchange, Fault, Message, MockProxy, Outcome, Refused, TestResult, VmKind, both_vms};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn proxy(vm: VmKind, config: Value) -> Result<MockProxy, Refused> {
    MockProxy::new(vm.plugin(&PLUGINS, "canary").config(config))
}

/// Two versions, half and half, with more of the configuration.
fn halves(more: Value) -> Value {
    let mut config = json!({"versions": [{"name": "v1", "weight": 1}, {"name": "v2", "weight": 1}]});
    if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    config
}

/// What the plugin logs of a configuration that it refuses.
fn refusal(vm: VmKind, config: &Value) -> String {
    let refused = MockProxy::new(vm.plugin(&PLUGINS, "canary").config(config.to_string())).expect_err("it should be refused");
    refused.log().iter().map(ToString::to_string).collect()
}

fn get(proxy: &MockProxy, headers: &[(&str, &str)]) -> Exchange {
    let request =
        headers.iter().fold(Request::get("http://shop.example/"), |request, (name, value)| request.header(*name, *value));
    proxy.send(request.body("").unwrap())
}

fn values<'a>(message: &'a Message, name: &str) -> Vec<&'a [u8]> {
    message.headers().iter().filter(|(key, _)| key == name).map(|(_, value)| &value[..]).collect()
}

/// The version by which the routes would choose.
fn version(exchange: &Exchange) -> String {
    let upstream = exchange.raw_upstream_request().expect("it should reach the upstream");
    let versions = values(&upstream, "x-canary");
    assert_eq!(versions.len(), 1, "{versions:?}");
    String::from_utf8(versions[0].to_vec()).unwrap()
}

/// How many of a hundred users each version has.
fn shares(proxy: &MockProxy) -> BTreeMap<String, u32> {
    let mut shares = BTreeMap::new();
    for user in 0..100 {
        *shares.entry(version(&get(proxy, &[("x-user-id", &user.to_string())]))).or_default() += 1;
    }
    shares
}

both_vms! {
    fn a_user_has_the_same_version_each_time_and_the_route_is_chosen_again(vm) -> TestResult {
        let config = halves(json!({"hash": [{"header": "x-user-id"}]}));
        let (one, other) = (proxy(vm, config.clone())?, proxy(vm, config)?);
        assert_eq!(shares(&one), shares(&other));
        for user in ["ann", "bob", "cleo", "\u{fc}"] {
            assert_eq!(version(&get(&one, &[("x-user-id", user)])), version(&get(&other, &[("x-user-id", user)])), "{user}");
        }
        assert_eq!(one.foreign_calls().len(), 104);
        assert!(one.foreign_calls().iter().all(|call| call.function == "clear_route_cache"));
        Ok(())
    }

    fn each_version_has_its_share(vm) -> TestResult {
        let versions = json!([{"name": "v1", "percent": 69.5}, {"name": "v2", "percent": 30.5}, {"name": "v3", "percent": 0}]);
        let shares = shares(&proxy(vm, json!({"versions": versions, "hash": [{"header": "x-user-id"}]}))?);
        assert!(shares["v2"].abs_diff(30) < 10 && !shares.contains_key("v3"), "{shares:?}");
        Ok(())
    }

    fn what_the_client_says_of_its_version_is_taken_away(vm) -> TestResult {
        let config = json!({"header": "x-version", "versions": [{"name": "v1", "weight": 1}, {"name": "v2", "weight": 0}]});
        let exchange = get(&proxy(vm, config)?, &[("x-version", "v2"), ("x-version", "v2"), ("X-Version", "")]);
        let upstream = exchange.raw_upstream_request().ok_or("it should reach the upstream")?;
        assert_eq!(values(&upstream, "x-version"), [b"v1"]);
        Ok(())
    }

    fn testers_choose_by_header_or_cookie_what_they_may(vm) -> TestResult {
        let versions = json!([{"name": "v1", "weight": 1}, {"name": "v2", "weight": 0}, {"name": "v3", "weight": 0}]);
        let testers = json!({"header": "x-canary", "cookie": "canary-version", "versions": ["v2"]});
        let proxy = proxy(vm, json!({"versions": versions, "override": testers}))?;
        assert_eq!(version(&get(&proxy, &[("x-canary", "v2")])), "v2");
        assert_eq!(version(&get(&proxy, &[("cookie", "a=b; canary-version=v2")])), "v2");
        assert_eq!(version(&get(&proxy, &[("x-canary", "nonsense"), ("cookie", "canary-version=v2")])), "v2");
        for refused in ["v3", "V2", "v2 ", "", "v1,v2", "\u{fc}"] {
            assert_eq!(version(&get(&proxy, &[("x-canary", refused)])), "v1", "{refused}");
        }
        let all = proxy_of_all(vm, &versions)?;
        assert_eq!(version(&get(&all, &[("x-tester", "v3")])), "v3");
        Ok(())
    }

    fn a_client_that_is_not_known_is_given_a_cookie_and_known_by_it(vm) -> TestResult {
        let set = json!({"path": "/cart", "max_age": 60, "same_site": "strict", "secure": false, "http_only": false});
        let proxy = proxy(vm, halves(json!({"hash": [{"cookie": {"name": "c", "set": set}}]})))?;
        proxy.set_upstream(|_| Response::builder().header("set-cookie", "session=1").body("").unwrap());
        let mut versions = BTreeMap::new();
        for _ in 0..20 {
            let first = get(&proxy, &[]);
            let response = first.raw_response().ok_or("it should be answered")?;
            let cookies = values(&response, "set-cookie");
            assert_eq!(cookies[0], b"session=1");
            let cookie = String::from_utf8(cookies[1].to_vec())?;
            let (pair, attributes) = cookie.split_once("; ").ok_or("it has attributes")?;
            assert_eq!(attributes, "Path=/cart; Max-Age=60; SameSite=Strict");
            let id = pair.strip_prefix("c=").ok_or("it has the name")?;
            assert!(id.len() == 16 && id.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit)), "{id}");
            let again = get(&proxy, &[("cookie", "session=1"), ("cookie", pair)]);
            assert_eq!(version(&again), version(&first));
            assert_eq!(values(&again.raw_response().ok_or("it should be answered")?, "set-cookie"), [b"session=1"]);
            *versions.entry(version(&first)).or_insert(0) += 1;
        }
        assert_eq!(versions.len(), 2, "each client has an id of its own: {versions:?}");
        Ok(())
    }

    fn a_cookie_is_safe_unless_it_is_said(vm) -> TestResult {
        let proxy = proxy(vm, halves(json!({"hash": [{"cookie": {"name": "__Host-c", "set": {}}}]})))?;
        let cookie = get(&proxy, &[]).response().headers()["set-cookie"].to_str()?.to_owned();
        assert!(cookie.starts_with("__Host-c=") && cookie.ends_with("; Path=/; Max-Age=2592000; SameSite=Lax; Secure; HttpOnly"), "{cookie}");
        Ok(())
    }

    fn the_first_key_that_a_request_has_counts(vm) -> TestResult {
        let keys = json!([{"header": "x-user-id"}, {"cookie": {"name": "session"}}, "client_address"]);
        let proxy = proxy(vm, json!({"versions": (0..50).map(|n| json!({"name": format!("v{n}"), "weight": 1})).collect::<Vec<_>>(), "hash": keys}))?;
        proxy.set_property("source.address", "192.0.2.7:4000");
        let user = version(&get(&proxy, &[("x-user-id", "ann"), ("cookie", "session=s")]));
        let session = version(&get(&proxy, &[("x-user-id", ""), ("cookie", "session=s")]));
        let address = version(&get(&proxy, &[("cookie", "session=")]));
        assert_eq!(user, version(&get(&proxy, &[("x-user-id", "ann")])));
        assert_eq!(session, version(&get(&proxy, &[("cookie", "a=b; session=s; session=t")])));
        assert!(user != session && session != address && user != address, "{user} {session} {address}");
        // The port is another for each connection.
        proxy.set_property("source.address", "192.0.2.7:4001");
        assert_eq!(address, version(&get(&proxy, &[])));
        proxy.set_property("source.address", "[2001:db8::7]:4001");
        assert_ne!(address, version(&get(&proxy, &[])));
        assert!(!get(&proxy, &[]).response().headers().contains_key("set-cookie"));
        Ok(())
    }

    fn another_seed_shuffles_the_clients(vm) -> TestResult {
        let config = |seed: u64| halves(json!({"hash": [{"header": "x-user-id"}], "seed": seed}));
        let (one, other) = (proxy(vm, config(1))?, proxy(vm, config(u64::MAX))?);
        let differ = (0..100).filter(|user| {
            let of = |proxy| version(&get(proxy, &[("x-user-id", &user.to_string())]));
            of(&one) != of(&other)
        });
        assert!(differ.count().abs_diff(50) < 20);
        Ok(())
    }

    fn the_example_configuration_is_one(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "canary").config(include_str!("../config.json")))?;
        assert_eq!(version(&get(&proxy, &[("x-canary", "v2")])), "v2");
        assert!(get(&proxy, &[]).response().headers().contains_key("set-cookie"));
        assert!(!get(&proxy, &[("x-user-id", "ann")]).response().headers().contains_key("set-cookie"));
        Ok(())
    }

    fn requests_go_on_where_the_proxy_refuses(vm) -> TestResult {
        let proxy = proxy(vm, halves(json!({"hash": [{"cookie": {"name": "c", "set": {}}}]})))?;
        proxy.inject(Fault::new("proxy_get_header_map_pairs", Status::InternalFailure));
        let exchange = get(&proxy, &[("x-canary", "v2")]);
        assert_eq!((exchange.outcome(), exchange.response().status().as_u16()), (Outcome::Complete, 200));
        assert!(!exchange.upstream_request().headers().contains_key("x-canary"), "the routes' own default has it");
        assert!(exchange.log()[0].message.contains("proxy_get_header_map_pairs failed"), "{:?}", exchange.log());
        proxy.clear_faults();

        let testers = MockProxy::new(vm.plugin(&PLUGINS, "canary").config(halves(json!({"override": {"header": "x-tester"}}))))?;
        testers.inject(Fault::new("proxy_get_header_map_value", Status::InternalFailure));
        let exchange = get(&testers, &[("x-canary", "v2")]);
        assert!(!exchange.upstream_request().headers().contains_key("x-canary"), "what testers ask for could not be read");
        assert!(exchange.log()[0].message.contains("proxy_get_header_map_value failed"), "{:?}", exchange.log());

        // A proxy that cannot choose again: it has chosen by what the client sent.
        proxy.inject(Fault::new("proxy_call_foreign_function", Status::NotFound));
        let exchange = get(&proxy, &[("x-canary", "v2")]);
        assert_eq!((exchange.outcome(), exchange.response().status().as_u16()), (Outcome::Complete, 200));
        let told = &exchange.log()[0].message;
        assert!(told.contains("foreign function clear_route_cache failed: NOT_FOUND: the proxy has no such function"), "{told}");
        Ok(())
    }

    fn bad_configurations_are_refused_with_the_reason(vm) {
        assert!(refusal(vm, &json!({})).contains("missing field `versions` at line 1 column 2"));
        assert!(refusal(vm, &halves(json!({"weights": []}))).contains("unknown field `weights`"));
        assert!(refusal(vm, &halves(json!({"hash": ["ip"]}))).contains("unknown variant `ip`, expected one of `header`, `cookie`, `client_address`"));
        let refused = [
            (halves(json!({"header": "x canary"})), r#"header: "x canary" is not a header name"#),
            (json!({"versions": []}), "versions: there is none with a weight above 0"),
            (json!({"versions": [{"name": "v1", "weight": 0}]}), "versions: there is none with a weight above 0"),
            (json!({"versions": [{"name": "v1"}]}), r#"versions[0]: "v1" needs a weight or a percent"#),
            (json!({"versions": [{"name": "v 1", "weight": 1}]}), r#"versions[0].name: "v 1" is not a name of letters, digits"#),
            (json!({"versions": [{"name": "", "weight": 1}]}), r#"versions[0].name: "" is not a name of letters, digits"#),
            (json!({"versions": [{"name": "a", "weight": 1}, {"name": "a", "weight": 2}]}), r#"versions[1]: "a" stands there twice"#),
            (json!({"versions": [{"name": "a", "percent": 90}, {"name": "b", "weight": 10}]}), r#"versions[1]: "b" has a weight where there are percents"#),
            (json!({"versions": [{"name": "a", "percent": 100, "weight": 1}]}), r#"versions[0]: "a" has a weight where there are percents"#),
            (json!({"versions": [{"name": "a", "percent": 90}, {"name": "b", "percent": 9.95}]}), "versions: the percents add up to 99.95, not to 100"),
            (json!({"versions": [{"name": "a", "percent": 101}]}), r#"versions[0]: "a" has a percent that is not a number from 0 to 100 with at most three decimals"#),
            (json!({"versions": [{"name": "a", "percent": 0.0001}]}), r#"versions[0]: "a" has a percent that is not a number from 0 to 100"#),
            (json!({"versions": [{"name": "a", "weight": u32::MAX}, {"name": "b", "weight": 1}]}), "versions: the weights add up to 4294967296, more than 4294967295"),
            (halves(json!({"hash": [{"header": ""}]})), r#"hash[0].header: "" is not a header name"#),
            (halves(json!({"hash": [{"cookie": {"name": "a=b"}}]})), r#"hash[0].cookie.name: "a=b" is not a cookie name"#),
            (halves(json!({"hash": [{"cookie": {"name": "c", "set": {}}}, "client_address"]})), r#"hash[0]: what follows the cookie "c" is never asked"#),
            (halves(json!({"hash": ["client_address", {"header": "a"}]})), "hash[0]: what follows the client_address is never asked"),
            (halves(json!({"override": {}})), "override: needs a header or a cookie"),
            (halves(json!({"override": {"header": "a\n"}})), r#"override.header: "a\n" is not a header name"#),
            (halves(json!({"override": {"cookie": "a;b"}})), r#"override.cookie: "a;b" is not a cookie name"#),
            (halves(json!({"override": {"cookie": "a", "versions": ["v1", "v9"]}})), r#"override.versions: "v9" is none of the versions"#),
        ];
        for (config, reason) in refused {
            let told = refusal(vm, &config);
            assert!(told.contains(reason), "{reason}\n{told}");
        }
        let cookies = [
            ("c", json!({"path": "cart"}), r#"the path "cart" does not begin with /"#),
            ("c", json!({"path": "/; Domain=example"}), "does not begin with / or holds what no path does"),
            ("c", json!({"max_age": 0}), "a max_age of 0 would delete the cookie at once"),
            ("c", json!({"same_site": "none", "secure": false}), "same_site none needs secure"),
            ("__Secure-c", json!({"secure": false}), "a name with __Secure- needs secure"),
            ("__Host-c", json!({"path": "/cart"}), "a name with __Host- needs secure and the path /"),
        ];
        for (name, set, reason) in cookies {
            let told = refusal(vm, &halves(json!({"hash": [{"cookie": {"name": name, "set": set}}]})));
            assert!(told.contains("hash[0].cookie.set: ") && told.contains(reason), "{reason}\n{told}");
        }
    }
}

fn proxy_of_all(vm: VmKind, versions: &Value) -> Result<MockProxy, Refused> {
    proxy(vm, json!({"versions": versions, "override": {"header": "x-tester"}}))
}
