//! The filter on the mock host: natively, and as the real `.wasm`.

use http::Request;
use json_validate::PLUGINS;
use proxy_filter_test::{
    Exchange, Framing, IntoConfiguration, Message, MockProxy, Outcome, Refused, TestResult, VmKind, both_vms,
};
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("../config.json");
const ORDER: &str = r#"{"items": [{"sku": "pear-3", "count": 2}]}"#;

fn proxy(vm: VmKind, config: impl IntoConfiguration) -> Result<MockProxy, Refused> {
    MockProxy::new(vm.plugin(&PLUGINS, "json_validate").config(config))
}

/// What the plugin logs of a configuration that it refuses.
fn refusal(vm: VmKind, config: &str) -> String {
    match MockProxy::new(vm.plugin(&PLUGINS, "json_validate").config(config)) {
        Ok(_) => "it is not refused".into(),
        Err(refused) => refused.log().iter().map(ToString::to_string).collect(),
    }
}

fn post(proxy: &MockProxy, body: impl AsRef<[u8]>) -> Exchange {
    let request = Request::post("http://shop.example/orders").header("content-type", "application/json");
    proxy.send(request.body(body.as_ref().to_vec()).expect("a request"))
}

/// Status and body of the answer to a request that did not pass.
fn problem(exchange: &Exchange) -> (u16, Value) {
    let response = exchange.response();
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{exchange:?}");
    let problem: Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!(problem["status"], response.status().as_u16());
    (response.status().as_u16(), problem)
}

/// The detail of the 400 that this body gets.
fn detail(proxy: &MockProxy, body: impl AsRef<[u8]>) -> String {
    let (status, problem) = problem(&post(proxy, body));
    assert_eq!(status, 400);
    problem["detail"].as_str().expect("a text").to_owned()
}

both_vms! {
    fn valid_bodies_pass_unharmed(vm) -> TestResult {
        let proxy = proxy(vm, EXAMPLE)?;
        let exchange = post(&proxy, ORDER);
        assert_eq!((exchange.outcome(), exchange.upstream_request().body().as_ref()), (Outcome::Complete, ORDER.as_bytes()));
        Ok(())
    }

    fn others_are_answered_with_what_is_wrong_where(vm) -> TestResult {
        let proxy = proxy(vm, EXAMPLE)?;
        let (status, problem) = problem(&post(&proxy, r#"{"items": [{"sku": "pear-3", "count": 0}, {"sku": 7}], "a/b~c": 1}"#));
        assert_eq!(status, 400);
        assert_eq!(problem, json!({
            "title": "Bad Request", "status": 400, "detail": "The body is not what the schema says.",
            "errors": [
                {"pointer": "/a~1b~0c", "keyword": "false", "detail": "is not allowed"},
                {"pointer": "/items/0/count", "keyword": "minimum", "detail": "is less than 1"},
                {"pointer": "/items/1", "keyword": "required", "detail": "\"count\" is missing"},
                {"pointer": "/items/1/sku", "keyword": "type", "detail": "is a number, not a string"},
            ],
        }));
        Ok(())
    }

    fn no_more_errors_are_told_than_configured(vm) -> TestResult {
        let proxy = proxy(vm, json!({"schema": {"items": {"type": "null"}}, "max_errors": 2}))?;
        let (_, problem) = problem(&post(&proxy, "[1, 2, 3, 4]"));
        assert_eq!(problem["errors"].as_array().map(Vec::len), Some(2));
        Ok(())
    }

    fn what_is_not_json_is_told_with_line_and_column(vm) -> TestResult {
        let proxy = proxy(vm, json!({"schema": true, "max_depth": 3}))?;
        let cases: [(&[u8], &str); 10] = [
            (b"{\n  \"a\": trux}", "expected ident at line 2 column 11"),
            (b"{\"a\": 1,}", "trailing comma at line 1 column 9"),
            (b"[1] 2", "trailing characters at line 1 column 5"),
            (b"[1", "EOF while parsing a list at line 1 column 2"),
            (b"{\"a\": 1,\n \"b\": {\"c\": 1, \"c\": 2}}", "the key \"c\" is there twice at line 2 column 18"),
            (b"[[[[1]]]]", "more than 3 arrays and objects within each other at line 1 column 4"),
            (b"\"\xff\"", "invalid unicode code point at line 1 column 2"),
            (b"\"\\ud800\"", "unexpected end of hex escape at line 1 column 8"),
            (b"1e999", "number out of range at line 1 column 5"),
            (b"  \n ", "EOF while parsing a value at line 2 column 1"),
        ];
        let wrong = cases.iter().map(|(body, reason)| (body.escape_ascii().to_string(), reason, detail(&proxy, *body)));
        let wrong: Vec<_> = wrong.filter(|(_, reason, detail)| !detail.contains(**reason)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(post(&proxy, "[[[1]]]").response().status(), 200);
        Ok(())
    }

    fn empty_bodies_are_refused_where_one_is_required(vm) -> TestResult {
        let proxy = proxy(vm, json!({"schema": {"type": "object"}, "body_required": ["POST", "PURGE"]}))?;
        for method in ["POST", "PURGE"] {
            let (status, problem) = problem(&proxy.send(Request::builder().method(method).uri("http://shop.example/").body("")?));
            assert_eq!((status, &problem["detail"]), (400, &json!("A body is required, and there is none.")));
        }
        for method in ["GET", "DELETE", "PUT", "post"] {
            assert_eq!(proxy.send(Request::builder().method(method).uri("http://shop.example/").body("")?).response().status(), 200);
        }
        // Chunked, and then nothing.
        for (method, status) in [("POST", 400), ("GET", 200)] {
            let mut stream = proxy.open_stream();
            let request = Request::builder().method(method).uri("http://shop.example/").header("content-type", "application/json");
            stream.send_request(request.body(())?, false).send_request_body("", true);
            if status == 200 {
                stream.answer();
            }
            assert_eq!(stream.response().status(), status, "{method}");
        }
        Ok(())
    }

    fn other_content_types_are_refused_or_pass(vm) -> TestResult {
        let send = |proxy: &MockProxy, content_type: &str| {
            proxy.send(Request::post("http://shop.example/").header("content-type", content_type).body("a=1").expect("a request"))
        };
        let refuses = proxy(vm, json!({"schema": true}))?;
        let exchange = send(&refuses, "application/x-www-form-urlencoded");
        let (status, problem) = problem(&exchange);
        assert_eq!((status, &problem["title"]), (415, &json!("Unsupported Media Type")));
        assert_eq!(problem["detail"], "The body must be of one of these types: application/json, +json.");
        assert_eq!(exchange.response().headers()["accept"], "application/json");
        assert!(!exchange.reached_upstream());
        assert_eq!(refuses.send(Request::post("http://shop.example/").body("{}")?).response().status(), 415);
        for taken in ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"] {
            assert_eq!(send(&refuses, taken).response().status(), 400, "{taken} is JSON, and a=1 is not");
        }
        let passes = proxy(vm, json!({"schema": true, "other_content_types": "pass"}))?;
        assert_eq!(send(&passes, "text/plain").upstream_request().body(), "a=1");
        Ok(())
    }

    fn encoded_bodies_are_refused(vm) -> TestResult {
        let proxy = proxy(vm, json!({"schema": true}))?;
        let request = |encoding| Request::post("http://shop.example/").header("content-type", "application/json").header("content-encoding", encoding).body("1");
        let exchange = proxy.send(request("gzip")?);
        assert_eq!(problem(&exchange).0, 415);
        assert_eq!(exchange.response().headers()["accept-encoding"], "identity");
        assert_eq!(proxy.send(request("identity")?).response().status(), 200);
        Ok(())
    }

    fn bodies_over_the_limit_are_refused(vm) -> TestResult {
        let proxy = proxy(vm, json!({"schema": true, "limit": 10}))?;
        assert_eq!(post(&proxy, "1234567890").response().status(), 200);
        let (status, said) = problem(&post(&proxy, "12345678901"));
        assert_eq!((status, &said["detail"]), (413, &json!("The body is larger than 10 bytes.")));
        // One that does not say how long it is.
        let chunked = Message::new([(":authority", "shop.example"), (":path", "/"), (":method", "POST"), (":scheme", "http"),
            ("content-type", "application/json")]).chunk("123456").chunk("789012");
        assert_eq!(problem(&proxy.send(chunked)).0, 413);
        Ok(())
    }

    fn pieces_framing_and_trailers_make_no_difference(vm) -> TestResult {
        for framing in [Framing::Http1, Framing::Http2] {
            let plugin = vm.plugin(&PLUGINS, "json_validate").config(EXAMPLE);
            let proxy = MockProxy::builder().plugin(plugin).framing(framing).start()?;
            for (body, status) in [(ORDER, 200), (r#"{"items": []}"#, 400)] {
                for size in [1, 7, 100] {
                    let request = Request::post("http://shop.example/").header("content-type", "application/json").body(body)?;
                    let message = Message::from(request).in_chunks_of(size);
                    assert_eq!(proxy.send(message.clone()).response().status(), status, "{framing:?} {size}");
                    assert_eq!(proxy.send(message.trailer("x-sum", "1")).response().status(), status, "{framing:?} {size}");
                }
            }
        }
        Ok(())
    }

    fn held_headers_go_with_the_body_and_its_length(vm) -> TestResult {
        let config = json!({"schema": {"type": "object"}, "hold_headers": true});
        let plugin = vm.plugin(&PLUGINS, "json_validate").config(config.to_string()).allow_on_headers_stop_iteration(true);
        let proxy = MockProxy::new(plugin)?;
        let refused = post(&proxy, "[]");
        assert!(problem(&refused).0 == 400 && !refused.reached_upstream());
        let passed = post(&proxy, r#"{"a": 1}"#);
        assert_eq!(passed.upstream_request().headers()["content-length"], "8");
        Ok(())
    }

    fn hostile_documents_are_answered(vm) -> TestResult {
        // Each level is asked of by two alternatives, each of which asks the next: 2^100 questions.
        let schema = json!({"anyOf": [
            {"properties": {"a": {"$ref": "#"}, "b": {"type": "null"}}}, {"properties": {"a": {"$ref": "#"}, "b": {"type": "null"}}},
        ]});
        let proxy = proxy(vm, json!({"schema": schema, "max_depth": 100}))?;
        let nested = format!(r#"{}{{"b": 1}}{}"#, r#"{"a":"#.repeat(60), "}".repeat(60));
        assert_eq!(detail(&proxy, &nested), "The body takes too long to validate.");

        // Schemas within schemas at each level of the document: the stack is bounded.
        let chain: serde_json::Map<_, _> = (0..12).map(|at| (format!("d{at}"), json!({"allOf": [{"$ref": format!("#/$defs/d{}", at + 1)}]}))).collect();
        let mut schema = json!({"$ref": "#/$defs/d0", "$defs": chain});
        schema["$defs"]["d12"] = json!({"items": {"$ref": "#"}});
        let proxy = self::proxy(vm, json!({"schema": schema, "max_depth": 100}))?;
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(detail(&proxy, nested(100)), "The body takes too long to validate.");
        assert_eq!(post(&proxy, nested(14)).response().status(), 200);
        assert!(detail(&proxy, nested(60_000 / 2)).contains("more than 100 arrays and objects"));

        // Many items that are to differ are sorted, not compared with each other.
        let proxy = self::proxy(vm, json!({"schema": {"uniqueItems": true}}))?;
        let many: Vec<u32> = (0..10_000).collect();
        assert_eq!(post(&proxy, json!(many).to_string()).response().status(), 200);
        assert!(proxy.trap().is_none());
        Ok(())
    }

    fn bad_configurations_are_refused_with_the_reason(vm) {
        let refusals = [
            ("", "the configuration is empty"),
            ("{}", "missing field `schema`"),
            ("{\n  \"schema\": true,\n  \"limits\": 1\n}", "unknown field `limits`, expected one of `schema`, `limit`"),
            (r#"{"schema": {"type": 1, "type": 2}}"#, "the key \"type\" is there twice at line 1 column 29"),
            (r#"{"schema": true, "limit": 0}"#, "limit: 0 is not between 1 and 16777216"),
            (r#"{"schema": true, "limit": 16777217}"#, "limit: 16777217 is not between 1 and 16777216"),
            (r#"{"schema": true, "max_depth": 101}"#, "max_depth: 101 is not between 1 and 100"),
            (r#"{"schema": true, "max_errors": 0}"#, "max_errors: 0 is not between 1 and 100"),
            (r#"{"schema": true, "max_evaluations": 0}"#, "max_evaluations: 0 is not between 1 and 100000000"),
            (r#"{"schema": true, "content_types": []}"#, "content_types is empty: nothing would be JSON"),
            (r#"{"schema": true, "content_types": ["json"]}"#, "content_types: \"json\" is neither type/subtype nor +suffix"),
            (r#"{"schema": true, "other_content_types": "drop"}"#, "unknown variant `drop`, expected `refuse` or `pass`"),
            (r#"{"schema": true, "body_required": ["A B"]}"#, "body_required: \"A B\" is not a method"),
            (r#"{"schema": 1}"#, "schema: #: a schema is an object or a boolean, not a number"),
            (r#"{"schema": {"properties": {"a/b": {"unevaluatedItems": false}}}}"#, "schema: #/properties/a~1b: the keyword \"unevaluatedItems\" is not supported"),
            (r#"{"schema": {"$defs": {"a": {"minimun": 1}}}}"#, "schema: #/$defs/a: the keyword \"minimun\" is not supported"),
            (r#"{"schema": {"$schema": "http://json-schema.org/draft-07/schema#"}}"#, "is not draft 2020-12"),
            (r#"{"schema": {"items": {"$id": "x"}}}"#, "schema: #/items: the keyword \"$id\" is not supported within a schema"),
            (r##"{"schema": {"$ref": "#/$defs/a"}}"##, "schema: #/$ref: there is no \"#/$defs/a\""),
            (r#"{"schema": {"$ref": "other.json"}}"#, "schema: #/$ref: \"other.json\" is not in this schema, and others are not fetched"),
            (r##"{"schema": {"anyOf": [{"$ref": "#"}]}}"##, "refers to itself without going into the document"),
            (r#"{"schema": {"pattern": "(?=a)"}}"#, "schema: #/pattern: \"(?=a)\" cannot be matched: look-around"),
            (r#"{"schema": {"pattern": "("}}"#, "schema: #/pattern: \"(\" cannot be matched: unclosed group"),
            (r#"{"schema": {"patternProperties": {"\\p{L}": true}}}"#, "schema: #/patternProperties: \"\\\\p{L}\" cannot be matched"),
            (r#"{"schema": {"type": "int"}}"#, "schema: #/type: must be the name of a type or a list of such, not \"int\""),
            (r#"{"schema": {"enum": 1}}"#, "schema: #/enum: must be an array, not 1"),
            (r#"{"schema": {"minLength": -1}}"#, "schema: #/minLength: must be a number from 0 on, without a fraction, not -1"),
            (r#"{"schema": {"multipleOf": 0}}"#, "schema: #/multipleOf: must be more than 0, not 0"),
            (r#"{"schema": {"maximum": "1"}}"#, "schema: #/maximum: must be a number, not \"1\""),
            (r#"{"schema": {"required": "a"}}"#, "schema: #/required: must be an array of names, not \"a\""),
            (r#"{"schema": {"allOf": []}}"#, "schema: #/allOf: must be an array of at least one schema, not []"),
            (r#"{"schema": {"properties": []}}"#, "schema: #/properties: must be an object of schemas, not []"),
            (r#"{"schema": {"uniqueItems": 1}}"#, "schema: #/uniqueItems: must be a boolean, not 1"),
            (r#"{"schema": {"items": [true]}}"#, "schema: #/items: a schema is an object or a boolean, not an array"),
        ];
        let wrong = refusals.iter().map(|(config, reason)| (config, reason, refusal(vm, config)));
        let wrong: Vec<_> = wrong.filter(|(_, reason, log)| !log.contains(*reason)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
