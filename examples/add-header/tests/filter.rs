//! The filter on the mock host: natively, and as the real `.wasm`.

use add_header::PLUGINS;
use http::{Request, Response};
use proxy_filter_test::abi::Status;
use proxy_filter_test::{Fault, Message, MockProxy, Outcome, Refused, TestResult, VmKind, both_vms};
use serde_json::{Value, json};

fn proxy(vm: VmKind, config: Value) -> Result<MockProxy, Refused> {
    MockProxy::new(vm.plugin(&PLUGINS, "add_header").config(config))
}

/// What the plugin logs of a configuration that it refuses.
fn refusal(vm: VmKind, config: &str) -> String {
    let refused = MockProxy::new(vm.plugin(&PLUGINS, "add_header").config(config)).expect_err("it should be refused");
    refused.log().iter().map(ToString::to_string).collect()
}

fn values<'a>(message: &'a Message, name: &str) -> Vec<&'a [u8]> {
    message.headers().iter().filter(|(key, _)| key == name).map(|(_, value)| &value[..]).collect()
}

both_vms! {
    fn adds_sets_appends_and_removes_request_headers(vm) -> TestResult {
        let proxy = proxy(vm, json!({"request": {
            "remove": ["x-secret"],
            "set": [["x-proto", "https"]],
            "append": [["x-list", "c"], ["x-new", "d"]],
            "add": [["x-tenant", "shop"]],
        }}))?;
        let request = Request::get("http://shop.example/cart")
            .header("x-secret", "1").header("x-secret", "2")
            .header("x-proto", "http")
            .header("x-list", "a,b")
            .header("x-tenant", "cart")
            .body("")?;
        let exchange = proxy.send(request);
        let upstream = exchange.raw_upstream_request().ok_or("it should reach the upstream")?;
        assert!(values(&upstream, "x-secret").is_empty());
        assert_eq!(values(&upstream, "x-proto"), [b"https"]);
        assert_eq!(values(&upstream, "x-list"), [b"a,b,c"]);
        assert_eq!(values(&upstream, "x-new"), [b"d"]);
        assert_eq!(values(&upstream, "x-tenant"), [&b"cart"[..], b"shop"]);
        Ok(())
    }

    fn changes_response_headers(vm) -> TestResult {
        let proxy = proxy(vm, json!({"response": {
            "remove": ["x-powered-by"],
            "append": [["vary", "origin"]],
            "add": [["x-frame-options", "DENY"]],
        }}))?;
        proxy.set_upstream(|_| Response::builder().header("x-powered-by", "guesswork").header("vary", "accept").body("hi").unwrap());
        let exchange = proxy.send(Request::get("http://shop.example/").body("")?);
        let response = exchange.response();
        let headers = response.headers();
        assert!(!headers.contains_key("x-powered-by"));
        assert_eq!(headers["vary"], "accept,origin");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(exchange.response().body(), "hi");
        Ok(())
    }

    fn an_empty_configuration_object_changes_nothing(vm) -> TestResult {
        let proxy = proxy(vm, json!({}))?;
        let exchange = proxy.send(Request::post("http://shop.example/").header("x-a", "1").body("body")?);
        assert_eq!(exchange.outcome(), Outcome::Complete);
        assert_eq!(exchange.upstream_request().headers()["x-a"], "1");
        assert_eq!(exchange.upstream_request().body(), "body");
        Ok(())
    }

    fn values_that_are_not_utf8_pass_unharmed(vm) -> TestResult {
        let proxy = proxy(vm, json!({"request": {"append": [["x-raw", "b"]]}}))?;
        let request = Message::from(Request::get("http://shop.example/").body("")?).with_header("x-raw", b"\xff\xfe");
        let exchange = proxy.send(request);
        let upstream = exchange.raw_upstream_request().ok_or("it should reach the upstream")?;
        assert_eq!(values(&upstream, "x-raw"), [b"\xff\xfe,b"]);
        Ok(())
    }

    fn all_values_are_there_after_one_is_appended(vm) -> TestResult {
        let proxy = proxy(vm, json!({"request": {"append": [["X-List", "c"], ["x-empty", "d"], ["x-list", ""], ["accept", "b"]]}}))?;
        let request = Request::get("http://shop.example/")
            .header("x-list", "a").header("x-other", "1").header("x-list", "").header("x-list", "b")
            .header("x-empty", "").header("accept", "a");
        let exchange = proxy.send(request.body("")?);
        let upstream = exchange.raw_upstream_request().ok_or("it should reach the upstream")?;
        assert_eq!(values(&upstream, "x-list"), [b"a,b,c"]);
        assert_eq!(values(&upstream, "x-empty"), [b"d"]);
        assert_eq!(values(&upstream, "accept"), [b"a,b"]);
        Ok(())
    }

    fn what_a_request_is_can_be_set(vm) -> TestResult {
        let set = json!([[":path", "/new"], ["Host", "other.example"], [":method", "HEAD"]]);
        let exchange = proxy(vm, json!({"request": {"set": set}, "response": {"set": [[":status", "404"]]}}))?
            .send(Request::get("http://shop.example/old").body("")?);
        assert_eq!(exchange.upstream_request().uri(), "http://other.example/new");
        assert_eq!(exchange.upstream_request().method(), "HEAD");
        assert_eq!(exchange.response().status(), 404);
        Ok(())
    }

    fn whatever_the_client_sends_is_handled(vm) -> TestResult {
        let proxy = proxy(vm, json!({"request": {"remove": ["x-a"], "append": [["x-b", "1"]], "add": [["x-c", "1"]]}}))?;
        let many = (0..1_000).fold(Message::from(Request::get("http://shop.example/").body("")?), |message, number| {
            message.with_header(["x-a", "x-b", "x-c"][number % 3], vec![b'a'; number])
        });
        let upstream = proxy.send(many).raw_upstream_request().ok_or("it should reach the upstream")?;
        assert_eq!(["x-a", "x-b", "x-c"].map(|name| values(&upstream, name).len()), [0, 1, 334]);
        Ok(())
    }

    fn the_example_configuration_is_one(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "add_header").config(include_str!("../config.json")))?;
        let exchange = proxy.send(Request::get("http://shop.example/cart").header("x-tenant", "spoofed").body("")?);
        assert_eq!(exchange.upstream_request().headers()["x-tenant"], "shop");
        assert_eq!(exchange.upstream_request().headers()["x-hello"], "world");
        assert_eq!(exchange.response().headers()["vary"], "origin");
        Ok(())
    }

    fn a_hostcall_that_fails_is_answered_with_500(vm) -> TestResult {
        let proxy = proxy(vm, json!({"request": {"set": [["x-proto", "https"]]}}))?;
        proxy.inject(Fault::new("proxy_replace_header_map_value", Status::BadArgument));
        let exchange = proxy.send(Request::get("http://shop.example/").body("")?);
        assert_eq!((exchange.response().status().as_u16(), exchange.reached_upstream()), (500, false));
        assert!(exchange.log()[0].message.contains("proxy_replace_header_map_value failed: BAD_ARGUMENT"), "{:?}", exchange.log());
        Ok(())
    }

    fn bad_configurations_are_refused_with_the_reason(vm) {
        let unparsed = [
            ("", "the configuration is empty"),
            ("{", "EOF while parsing an object at line 1 column 1"),
            ("{\n  \"request\": 1\n}", "line 2 column 14"),
            (r#"{"requests": {}}"#, "unknown field `requests`, expected `request` or `response`"),
            (r#"{"request": {"delete": []}}"#, "unknown field `delete`, expected one of `remove`, `set`, `append`, `add`"),
            (r#"{"request": {"set": [["x-a"]]}}"#, "invalid length 1, expected a tuple of size 2"),
        ];
        for (config, reason) in unparsed {
            assert!(refusal(vm, config).contains(reason), "{reason}\n{}", refusal(vm, config));
        }
        let refused = [
            (json!({"request": {"remove": ["x a"]}}), r#"request.remove: "x a" is not a header name"#),
            (json!({"request": {"set": [["", "1"]]}}), r#"request.set: "" is not a header name"#),
            (json!({"request": {"append": [["x\n", "1"]]}}), r#"request.append: "x\n" is not a header name"#),
            (json!({"request": {"add": [["x:a", "1"]]}}), r#"request.add: "x:a" is not a header name"#),
            (json!({"response": {"add": [["\u{e4}", "1"]]}}), r#"response.add: "\xc3\xa4" is not a header name"#),
            (json!({"request": {"set": [[":status", "200"]]}}), r#"request.set: ":status" is not a header name"#),
            (json!({"response": {"set": [[":path", "/"]]}}), r#"response.set: ":path" is not a header name"#),
            (json!({"request": {"remove": [":path"]}}), r#"request.remove: ":path" is one that a proxy needs"#),
            (json!({"request": {"remove": ["Host"]}}), r#"request.remove: "Host" is one that a proxy needs"#),
            (json!({"request": {"remove": ["x-forwarded-proto"]}}), r#"request.remove: "x-forwarded-proto" is one that a proxy needs"#),
            (json!({"response": {"remove": [":status"]}}), r#"response.remove: ":status" is one that a proxy needs"#),
            (json!({"request": {"add": [[":path", "/"]]}}), r#"request.add: ":path" has one value: set it"#),
            (json!({"request": {"append": [["host", "a"]]}}), r#"request.append: "host" has one value: set it"#),
            (json!({"response": {"append": [["Set-Cookie", "a=1"]]}}), r#"response.append: "Set-Cookie" cannot be joined: add it"#),
            (json!({"response": {"set": [["x-a", "1\r\nset-cookie: 2"]]}}), r#"response.set: "x-a" has a control byte in its value"#),
            (json!({"request": {"append": [["x-a", "\0"]]}}), r#"request.append: "x-a" has a control byte in its value"#),
            (json!({"request": {"add": [["x-a", "1\u{7f}"]]}}), r#"request.add: "x-a" has a control byte in its value"#),
        ];
        for (config, reason) in refused {
            let told = refusal(vm, &config.to_string());
            assert!(told.contains(reason), "{reason}\n{told}");
        }
    }
}
