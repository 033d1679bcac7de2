//! What is remembered of the authorization service's answers.

use crate::{SECOND, authz, get, proxy};
use http::{Request, Response};
use proxy_filter_test::{Answer, Cluster, Message, MockProxy, TestResult, VmKind, both_vms};
use serde_json::{Value, json};

/// A cache whose only place all requests share, unless more is said of it.
fn config(cache: &Value) -> Value {
    let authorization = json!({"protocol": "http", "cluster": "authz", "upstream_headers": ["x-user"], "client_headers": ["www-authenticate", "set-cookie"]});
    json!({"authorization": authorization, "cache": cache})
}

fn start(vm: VmKind, cache: &Value) -> Result<MockProxy, Box<dyn std::error::Error>> {
    let proxy = proxy(vm, config(cache))?;
    proxy.cluster("authz", |request| authz(&request));
    Ok(proxy)
}

fn asked(proxy: &MockProxy) -> usize {
    proxy.requests_to("authz").len()
}

both_vms! {
    fn an_answer_is_remembered_for_its_time(vm) -> TestResult {
        let proxy = start(vm, &json!({"allowed_ttl_s": 60, "denied_ttl_s": 5}))?;
        for _ in 0..3 {
            assert_eq!(proxy.send(get("ann's")).upstream_request().headers()["x-user"], "ann");
            let response = proxy.send(get("nobody's")).response();
            assert_eq!((response.status().as_u16(), &response.body()[..]), (401, &b"who are you?"[..]));
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
        assert_eq!((asked(&proxy), proxy.counter("ext_auth.cache_hit")), (2, Some(4)));
        proxy.advance(5 * SECOND);
        proxy.send(get("ann's"));
        assert_eq!(asked(&proxy), 2);
        proxy.send(get("nobody's"));
        assert_eq!(asked(&proxy), 3, "a refusal is forgotten sooner");
        proxy.advance(55 * SECOND);
        proxy.send(get("ann's"));
        assert_eq!(asked(&proxy), 4);
        Ok(())
    }

    fn what_the_client_says_of_itself_is_removed_on_a_hit_too(vm) -> TestResult {
        let proxy = start(vm, &json!({}))?;
        proxy.send(get("ann's"));
        let exchange = proxy.send(Message::from(get("ann's")).with_header("x-user", "root"));
        assert_eq!((asked(&proxy), &exchange.upstream_request().headers()["x-user"]), (1, &"ann".parse()?));
        Ok(())
    }

    fn requests_are_alike_when_all_that_the_service_is_told_is(vm) -> TestResult {
        let proxy = start(vm, &json!({}))?;
        let send = |method: &str, uri: &str, tokens: &[&str], other: &str| {
            let request = Request::builder().method(method).uri(uri).header("x-other", other).body("").expect("a request");
            proxy.send(tokens.iter().fold(Message::from(request), |request, token| request.with_header("authorization", token)));
            asked(&proxy)
        };
        assert_eq!(send("GET", "http://shop.example/", &["ann's"], "1"), 1);
        assert_eq!(send("GET", "http://shop.example/", &["ann's"], "2"), 1, "the service is not told of x-other");
        assert_eq!(send("POST", "http://shop.example/", &["ann's"], "1"), 2);
        assert_eq!(send("GET", "http://shop.example/?q", &["ann's"], "1"), 3);
        assert_eq!(send("GET", "http://other.example/", &["ann's"], "1"), 4);
        assert_eq!(send("GET", "http://shop.example/", &[], "1"), 5);
        assert_eq!(send("GET", "http://shop.example/", &[""], "1"), 6);
        assert_eq!(send("GET", "http://shop.example/", &["ann's", ""], "1"), 7);
        assert_eq!(send("GET", "http://shop.example/", &["ann", "'s"], "1"), 8);
        Ok(())
    }

    fn the_key_can_be_chosen(vm) -> TestResult {
        let proxy = start(vm, &json!({"key": ["Authorization"]}))?;
        proxy.send(get("ann's"));
        proxy.send(Request::post("http://other.example/").header("authorization", "ann's").body("")?);
        assert_eq!(asked(&proxy), 1);
        proxy.send(get("nobody's"));
        assert_eq!(asked(&proxy), 2);
        Ok(())
    }

    fn who_connects_counts_where_the_service_is_told(vm) -> TestResult {
        let mut config = config(&json!({"key": ["authorization"]}));
        config["authorization"]["source"] = json!(true);
        let proxy = proxy(vm, config)?;
        proxy.cluster("authz", |request| authz(&request));
        for (address, times) in [("192.0.2.1:1", 1), ("192.0.2.1:2", 1), ("192.0.2.2:1", 2)] {
            proxy.set_property("source.address", address);
            proxy.send(get("ann's"));
            assert_eq!(asked(&proxy), times, "{address}");
        }
        Ok(())
    }

    fn the_quota_is_asked_each_time(vm) -> TestResult {
        let mut config = config(&json!({}));
        config["quota"] = json!({"protocol": "http", "cluster": "quota"});
        let proxy = proxy(vm, config)?;
        proxy.cluster("authz", |request| authz(&request));
        let response = |status: u16| Response::builder().status(status).body("").map(Answer::from);
        proxy.set_cluster("quota", Cluster::answers([response(200)?, response(200)?, response(429)?]));
        let answers = [(); 3].map(|()| proxy.send(get("ann's")).response().status().as_u16());
        assert_eq!((asked(&proxy), answers), (1, [200, 200, 429]));
        Ok(())
    }

    fn some_answers_are_not_remembered(vm) -> TestResult {
        let refuses = || Response::builder().status(401);
        let once: [(&str, Answer); 6] = [
            ("a cookie", refuses().header("set-cookie", "a=1").body("")?.into()),
            ("said so", refuses().header("cache-control", "private, no-store").body("")?.into()),
            ("said so in other letters", refuses().header("cache-control", "private, No-Store").body("")?.into()),
            ("large", Response::builder().header("x-user", "a".repeat(400)).body("")?.into()),
            ("failed", Answer::Refuse),
            ("broken", Response::builder().status(500).body("")?.into()),
        ];
        for (what, answer) in once {
            let proxy = proxy(vm, config(&json!({"max_entry_bytes": 400})))?;
            proxy.set_cluster("authz", Cluster::answers([answer, Response::new("").into()]));
            proxy.send(get("ann's"));
            assert!(proxy.shared_data("").keys().is_empty(), "{what}");
            assert_eq!(proxy.send(get("ann's")).response().status(), 200, "{what}");
        }
        Ok(())
    }

    fn a_ttl_of_zero_remembers_nothing_of_its_kind(vm) -> TestResult {
        let proxy = start(vm, &json!({"denied_ttl_s": 0}))?;
        for token in ["ann's", "ann's", "nobody's", "nobody's"] {
            proxy.send(get(token));
        }
        assert_eq!(asked(&proxy), 3);
        Ok(())
    }

    // SHD-8: nothing is ever deleted.
    fn the_cache_has_so_many_places_and_no_more(vm) -> TestResult {
        let proxy = start(vm, &json!({"entries": 8}))?;
        for number in 0..100 {
            proxy.send(get(&format!("token {number}")));
        }
        assert!(proxy.shared_data("").keys().len() <= 8, "{:?}", proxy.shared_data("").keys());
        Ok(())
    }

    fn no_secret_stands_in_shared_data(vm) -> TestResult {
        let proxy = start(vm, &json!({}))?;
        proxy.send(get("ann's"));
        let (keys, data) = (proxy.shared_data("").keys(), proxy.shared_data(""));
        let all: Vec<u8> = keys.iter().flat_map(|key| [key.clone(), data.get(key).unwrap_or_default()].concat()).collect();
        assert!(all.windows(3).any(|bytes| bytes == b"ann") && !all.windows(5).any(|bytes| bytes == b"ann's"));
        Ok(())
    }

    fn a_damaged_entry_is_a_miss(vm) -> TestResult {
        let proxy = start(vm, &json!({}))?;
        proxy.send(get("ann's"));
        let key = proxy.shared_data("").keys().remove(0);
        let entry = proxy.shared_data("").get(&key).ok_or("an entry")?;
        let flipped = (0..entry.len()).map(|at| {
            let mut entry = entry.clone();
            entry[at] ^= 1;
            entry
        });
        let cut = (0..entry.len()).map(|length| entry[..length].to_vec());
        let others = [[&entry[..], b"\0"].concat(), vec![0xff; 5_000]];
        for (number, damaged) in flipped.chain(cut).chain(others).enumerate() {
            proxy.shared_data("").set(&key, &damaged);
            assert_eq!(proxy.send(get("ann's")).upstream_request().headers()["x-user"], "ann");
            assert_eq!(asked(&proxy), number + 2, "{}", damaged.escape_ascii());
        }
        // Another's, who has put an entry of theirs in its place.
        proxy.shared_data("").set(&key, &entry);
        assert_eq!(proxy.send(get("nobody's")).response().status(), 401);
        Ok(())
    }

    fn a_clock_that_is_set_back_prolongs_nothing(vm) -> TestResult {
        let proxy = start(vm, &json!({"allowed_ttl_s": 60}))?;
        proxy.set_time(1_000 * SECOND);
        proxy.send(get("ann's"));
        proxy.set_time(999 * SECOND);
        proxy.send(get("ann's"));
        assert_eq!(asked(&proxy), 2, "this one would be there for 61 seconds");
        Ok(())
    }

    fn another_configuration_does_not_ask_for_what_was_remembered(vm) -> TestResult {
        let proxy = start(vm, &json!({"entries": 1}))?;
        proxy.send(get("ann's"));
        let mut other = config(&json!({"entries": 1}));
        other["authorization"]["path"] = json!("/other");
        proxy.update(vm.plugin(&ext_auth::PLUGINS, "ext_auth").config(other))?;
        proxy.send(get("ann's"));
        assert_eq!((asked(&proxy), proxy.shared_data("").keys().len()), (2, 1));
        Ok(())
    }

    fn all_workers_share_it(vm) -> TestResult {
        let plugin = vm.plugin(&ext_auth::PLUGINS, "ext_auth").config(config(&json!({})));
        let proxy = MockProxy::builder().plugin(plugin).workers(4).start()?;
        proxy.cluster("authz", |request| authz(&request));
        for _ in 0..8 {
            proxy.send(get("ann's"));
        }
        assert_eq!(asked(&proxy), 1);
        Ok(())
    }
}
