//! The filter on the mock host: natively, and as the real `.wasm`.

use add_header::PLUGINS;
use http::{Request, Response};
use proxy_filter_test::{Message, MockProxy, Outcome, Refused, TestResult, VmKind, both_vms};
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

    fn bad_configurations_are_refused_with_the_reason(vm) {
        assert!(refusal(vm, "").contains("the configuration is empty"), "{}", refusal(vm, ""));
        assert!(refusal(vm, "{\n  \"request\": 1\n}").contains("line 2 column 14"), "{}", refusal(vm, "{\n  \"request\": 1\n}"));
        assert!(refusal(vm, r#"{"requests": {}}"#).contains("unknown field `requests`, expected `request` or `response`"));
        let name = refusal(vm, r#"{"request": {"add": [["x a", "1"]]}}"#);
        assert!(name.contains(r#"request.add: "x a" is not a header name"#), "{name}");
        let value = refusal(vm, r#"{"response": {"set": [["x-a", "1\r\nset-cookie: 2"]]}}"#);
        assert!(value.contains(r#"response.set: the value of "x-a" holds the byte 0x0d"#), "{value}");
    }
}
