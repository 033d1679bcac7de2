//! The plugin `redirects` on the mock host: natively, and as the real `.wasm`.

use canary::PLUGINS;
use http::Request;
use proxy_filter_test::{Message, MockProxy, Refused, TestResult, VmKind, both_vms};
use serde_json::{Value, json};

fn proxy(vm: VmKind, config: Value) -> Result<MockProxy, Refused> {
    MockProxy::new(vm.plugin(&PLUGINS, "redirects").config(config))
}

/// What the plugin logs of redirects that it refuses.
fn refusal(vm: VmKind, redirects: &Value) -> String {
    let config = json!({ "redirects": redirects }).to_string();
    let refused = MockProxy::new(vm.plugin(&PLUGINS, "redirects").config(config)).expect_err("it should be refused");
    refused.log().iter().map(ToString::to_string).collect()
}

/// How a request is answered: status and location, or that it goes on.
fn answer(proxy: &MockProxy, url: &str) -> Option<(u16, String)> {
    let exchange = proxy.send(Request::get(url).body("").unwrap());
    let response = exchange.response();
    let location = response.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
    assert_eq!(exchange.reached_upstream(), location.is_none());
    location.map(|location| (response.status().as_u16(), location))
}

fn to(status: u16, location: &str) -> Option<(u16, String)> {
    Some((status, location.to_owned()))
}

both_vms! {
    fn what_has_moved_is_redirected_and_nothing_else(vm) -> TestResult {
        let proxy = proxy(vm, serde_json::from_str(include_str!("../redirects.json"))?)?;
        assert_eq!(answer(&proxy, "http://shop.example/old"), to(301, "/new"));
        assert_eq!(answer(&proxy, "http://shop.example/old?a=1&b=%20"), to(301, "/new?a=1&b=%20"));
        assert_eq!(answer(&proxy, "http://other.example/help?a=1"), to(302, "https://help.shop.example/"));
        assert_eq!(answer(&proxy, "http://shop.example/"), to(308, "https://www.shop.example/"));
        for other in ["/new", "/old/", "/OLD", "/olds", "/ol", "/%6fld", "//old"] {
            assert_eq!(answer(&proxy, &format!("http://shop.example{other}")), None, "{other}");
        }
        let exchange = proxy.send(Request::post("http://shop.example/old").body("order")?);
        assert_eq!((exchange.response().status().as_u16(), exchange.details().as_str()), (301, "redirected"));
        Ok(())
    }

    fn a_redirect_of_the_host_goes_before_one_of_all(vm) -> TestResult {
        let proxy = proxy(vm, json!({"redirects": [
            {"from": "/a", "to": "/all"},
            {"host": "Shop.Example", "from": "/a", "to": "/shop"},
            {"host": "[2001:DB8::7]", "from": "/a", "to": "/six"},
            {"host": "shop.example", "from": "/b", "to": "http://shop.example:8080/c"},
        ]}))?;
        for (url, location) in [
            ("http://other.example/a", "/all"),
            ("http://shop.example/a", "/shop"),
            ("http://SHOP.example:8080/a", "/shop"),
            ("http://[2001:db8::7]:80/a", "/six"),
            ("http://[2001:db8::7]/a", "/six"),
            ("http://shop.example/b", "http://shop.example:8080/c"),
        ] {
            assert_eq!(answer(&proxy, url), to(301, location), "{url}");
        }
        assert_eq!(answer(&proxy, "http://other.example/b"), None);
        Ok(())
    }

    fn the_query_is_kept_as_it_is_said(vm) -> TestResult {
        let proxy = proxy(vm, json!({"keep_query": false, "status": 307, "redirects": [
            {"from": "/drop", "to": "/new"},
            {"from": "/join", "to": "/new?x=1", "keep_query": true},
            {"from": "/part", "to": "/new#part", "keep_query": true, "status": 308},
            {"from": "/both", "to": "/new?#part?", "keep_query": true},
        ]}))?;
        assert_eq!(answer(&proxy, "http://shop.example/drop?a=1"), to(307, "/new"));
        assert_eq!(answer(&proxy, "http://shop.example/join?a=1"), to(307, "/new?x=1&a=1"));
        assert_eq!(answer(&proxy, "http://shop.example/join"), to(307, "/new?x=1"));
        assert_eq!(answer(&proxy, "http://shop.example/part?a=?"), to(308, "/new?a=?#part"));
        assert_eq!(answer(&proxy, "http://shop.example/part?"), to(308, "/new#part"));
        assert_eq!(answer(&proxy, "http://shop.example/both?a"), to(307, "/new?&a#part?"));
        Ok(())
    }

    fn paths_of_every_kind_are_survived(vm) -> TestResult {
        let proxy = proxy(vm, json!({"redirects": [{"host": "shop.example", "from": "/a", "to": "/b"}]}))?;
        let send = |path: &[u8], host: &[u8]| {
            let method = if path.is_empty() { &b"CONNECT"[..] } else { b"GET" };
            proxy.send(Message::new([(&b":method"[..], method), (b":scheme", b"http"), (b":authority", host), (b":path", path)]))
        };
        for path in [&b"*"[..], b"/a\xff", b"/a/", b"?", b"a", &[b'/'; 60_000]] {
            assert!(send(path, b"shop.example").reached_upstream(), "{}", path.escape_ascii());
        }
        for host in [&b":"[..], b"[", b"]:", b"::::", b"\xff", b"shop.example.", b"shop.exampl", b"shop.example]:1"] {
            assert!(send(b"/a", host).reached_upstream(), "{}", host.escape_ascii());
        }
        // Whatever stands in the query, it begins no header of its own and leads to no other host.
        let exchange = send(b"/a?\xff//evil.example\x0b#frag", b"shop.example:1");
        let response = exchange.raw_response().ok_or("it should be answered")?;
        let location = response.headers().iter().find(|(name, _)| name == "location").ok_or("it is a redirect")?;
        assert_eq!(&location.1[..], b"/b?\xff//evil.example\x0b");
        Ok(())
    }

    fn ten_thousand_redirects_are_found_each(vm) -> TestResult {
        let redirects: Vec<_> = (0..10_000).map(|n| json!({"from": format!("/old/{n}"), "to": format!("/new/{n}")})).collect();
        let proxy = proxy(vm, json!({ "redirects": redirects }))?;
        for n in (0..10_000).step_by(97) {
            assert_eq!(answer(&proxy, &format!("http://shop.example/old/{n}")), to(301, &format!("/new/{n}")));
        }
        assert_eq!(answer(&proxy, "http://shop.example/old/10000"), None);
        Ok(())
    }

    fn no_redirect_at_all_is_fine(vm) -> TestResult {
        assert_eq!(answer(&proxy(vm, json!({"redirects": []}))?, "http://shop.example/"), None);
        Ok(())
    }

    fn bad_configurations_are_refused_with_the_reason(vm) {
        let path = r#"" is not a path: that begins with /, is percent-encoded, and has neither query nor fragment"#;
        let target = r#"" is neither a path that begins with a single / nor a URL with http:// or https://, percent-encoded"#;
        let bad = |from: &str| (json!([{"from": from, "to": "/b"}]), format!("redirects: from: \"{}{path}", from.as_bytes().escape_ascii()));
        let bad_target = |to: &str| (json!([{"from": "/a", "to": to}]), format!("redirects: \"/a\": to: \"{}{target}", to.as_bytes().escape_ascii()));
        let bad_host = |host: &str| {
            (json!([{"host": host, "from": "/a", "to": "/b"}]), format!("redirects: \"/a\": host: \"{host}\" is not a host name, without a port"))
        };
        let refused = [
            bad(""), bad("a"), bad("/a?b"), bad("/a#b"), bad("/a b"), bad("/\u{e4}"), bad("/a\r\n"), bad("https://shop.example/a"),
            bad_target(""), bad_target("b"), bad_target("//evil.example/"), bad_target("https://"), bad_target("https:///a"),
            bad_target("ftp://a/"), bad_target("/b c"), bad_target("/b\r\nx-evil: 1"), bad_target("/\u{e4}"), bad_target("javascript:alert(1)"),
            bad_host(""), bad_host("shop.example:80"), bad_host("shop example"), bad_host("*.example"), bad_host("[::1]:80"),
            (json!([{"from": "/a", "to": "/b"}, {"from": "/a", "to": "/c"}]), "redirects: \"/a\" stands there twice at line 1 column ".into()),
            (json!([{"host": "A", "from": "/a", "to": "/b"}, {"host": "a", "from": "/a", "to": "/c"}]), "redirects: \"a/a\" stands there twice".into()),
            (json!([{"from": "/a", "to": "/b", "status": 303}]), "the status 303 is none of 301, 302, 307 and 308 at line 1".into()),
            (json!([{"from": "/a", "to": "/b", "code": 301}]), "unknown field `code`, expected one of `host`, `from`, `to`, `status`, `keep_query`".into()),
            (json!([{"from": "/a"}]), "missing field `to`".into()),
            (json!({"/a": "/b"}), "invalid type: map, expected a list of redirects".into()),
            (json!([{"from": format!("/{}", "a".repeat(1 << 16)), "to": "/b"}]), "is too long".into()),
            (json!([{"from": "/a", "to": format!("/{}", "a".repeat(1 << 16))}]), "redirects: \"/a\" is too long".into()),
            (json!([{"host": "a".repeat(256), "from": "/a", "to": "/b"}]), "is too long".into()),
        ];
        for (redirects, reason) in refused {
            let told = refusal(vm, &redirects);
            assert!(told.contains(&reason), "{reason}\n{told}");
        }
        let told = MockProxy::new(vm.plugin(&PLUGINS, "redirects").config(json!({"status": 200, "redirects": []}))).expect_err("no redirect");
        assert!(told.to_string().contains("the status 200 is none of 301, 302, 307 and 308"), "{told}");
    }

    fn loops_are_refused_with_the_way(vm) {
        let from_to = |pairs: &[(&str, &str)]| -> Value { pairs.iter().map(|(from, to)| json!({"from": from, "to": to})).collect() };
        let on = |host: &str, from: &str, to: &str| json!({"host": host, "from": from, "to": to});
        let refused = [
            (from_to(&[("/a", "/a?x=1#y")]), r#"redirects: a loop: "/a" -> "/a""#),
            (from_to(&[("/", "https://shop.example")]), r#"redirects: a loop: "/" -> "shop.example/" -> "shop.example/""#),
            (from_to(&[("/a", "https://Shop.Example:8443/b"), ("/b", "/a")]), r#"a loop: "/a" -> "shop.example/b" -> "shop.example/a" -> "shop.example/b""#),
            (json!([on("shop.example", "/a", "http://shop.example/a")]), r#"a loop: "shop.example/a" -> "shop.example/a""#),
            (json!([on("a", "/", "https://b/"), on("b", "/", "https://a/")]), "a loop: "),
            // No loop on any other host than this.
            (json!([{"from": "/a", "to": "/b"}, on("a", "/b", "/a")]), r#"a loop: "a/b" -> "a/a" -> "a/b""#),
        ];
        for (redirects, reason) in refused {
            let told = refusal(vm, &redirects);
            assert!(told.contains(reason), "{reason}\n{told}");
        }
        let chain = |length: usize| (0..length).map(|n| json!({"from": format!("/{n}"), "to": format!("/{}", n + 1)})).collect::<Value>();
        let told = refusal(vm, &chain(11));
        assert!(told.contains(r#"redirects: more than 10 redirects in a row: "/0" -> "/1" -> "/2" -> "#), "{told}");
        assert!(proxy(vm, json!({ "redirects": chain(10) })).is_ok());
        // It leads elsewhere, since the host's own goes before.
        assert!(proxy(vm, json!({"redirects": [{"from": "/a", "to": "https://a/b"}, {"from": "/b", "to": "/a"}, on("a", "/b", "/c")]})).is_ok());
    }
}
