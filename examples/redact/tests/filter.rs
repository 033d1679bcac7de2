//! The filter on the mock host: natively, and as the real `.wasm`.

use http::{Request, Response};
use proxy_filter_test::{Exchange, Framing, Message, MockProxy, Outcome, Refused, TestResult, VmKind, both_vms};
use redact::PLUGINS;
use serde_json::{Value, json};

fn proxy(vm: VmKind, config: Value) -> Result<MockProxy, Refused> {
    MockProxy::new(vm.plugin(&PLUGINS, "redact").config(config))
}

/// What the plugin logs of a configuration that it refuses.
fn refusal(vm: VmKind, config: &str) -> String {
    let refused = MockProxy::new(vm.plugin(&PLUGINS, "redact").config(config)).expect_err("it should be refused");
    refused.log().iter().map(ToString::to_string).collect()
}

/// A request in pieces, of this content type.
fn upload(content_type: &str, pieces: &[&str]) -> Message {
    let request = Request::post("http://shop.example/").header("content-type", content_type).body("").expect("a request");
    pieces.iter().fold(Message::from(request), |message, piece| message.chunk(piece.to_string()))
}

/// A response in pieces, of this content type.
fn download(content_type: &str, pieces: &[&str]) -> Message {
    let response = Message::new([(":status", "200"), ("content-type", content_type)]);
    pieces.iter().fold(response, |message, piece| message.chunk(piece.to_string()))
}

/// What a client gets of this answer.
fn get(proxy: &MockProxy, answer: Message) -> Exchange {
    proxy.set_raw_upstream(move |_| answer.clone());
    proxy.send(Request::get("http://shop.example/").body("").expect("a request"))
}

/// The body that a client gets of these pieces.
fn got(proxy: &MockProxy, content_type: &str, pieces: &[&str]) -> String {
    String::from_utf8_lossy(&get(proxy, download(content_type, pieces)).raw_response().expect("a response").body()).into_owned()
}

both_vms! {
    fn masks_responses_across_pieces(vm) -> TestResult {
        let proxy = proxy(vm, json!({"keep_last_four": true}))?;
        let pieces = ["pay 4111 11", "11 1111 11", "11 or write to an", "n@sho", "p.exa", "mple."];
        assert_eq!(got(&proxy, "text/plain", &pieces), "pay **** **** **** 1111 or write to ***@***.");
        assert_eq!(proxy.counter("redact.cards"), Some(1));
        assert_eq!(proxy.counter("redact.emails"), Some(1));
        Ok(())
    }

    fn masks_requests_as_well(vm) -> TestResult {
        let proxy = proxy(vm, json!({"request": true, "response": false, "keep_domain": true}))?;
        proxy.set_upstream(|_| Response::builder().header("content-type", "text/plain").body("ann@shop.example").unwrap());
        let request = upload("application/x-www-form-urlencoded", &["card=4111+1111%201111-11", "11&mail=ann%4", "0shop.example&x=1"]);
        let exchange = proxy.send(request.with_header("content-length", "64"));
        assert_eq!(exchange.upstream_request().body(), "card=****+****%20****-****&mail=***%40shop.example&x=1");
        assert!(!exchange.upstream_request().headers().contains_key("content-length"));
        assert_eq!(exchange.response().body(), "ann@shop.example");
        Ok(())
    }

    fn json_stays_json(vm) -> TestResult {
        let proxy = proxy(vm, json!({"keep_last_four": true}))?;
        let body = r#"{"card":4111111111111111,"text":"to:\nann@shop.example or \u00fcann\u0040shop.example","cards":["4111-1111-1111-1111"],
            "time":1732200000003,"price":0.4111111111111111,"id":"a4111111111111111"}"#;
        let masked = got(&proxy, "application/problem+json; charset=utf-8", &[body]);
        assert_eq!(serde_json::from_str::<Value>(&masked)?, json!({
            "card": 4_000_000_000_001_111_u64, "text": "to:\n***@*** or ü***@***", "cards": ["****-****-****-1111"],
            "time": 1_732_200_000_003_u64, "price": 0.411_111_111_111_111_1, "id": "a4111111111111111",
        }));
        Ok(())
    }

    fn what_is_no_address_and_no_number_stays(vm) -> TestResult {
        let proxy = proxy(vm, json!({}))?;
        let texts = [
            "logo@2x.png react@18.2.0 @ann ann@ ann@localhost ann@.example",
            "4111111111111112 1111111111111111 41111111111111111111 411111111111 x4111111111111111 4111111111111111_",
            "12 34 56 78 90 12 34 56 2026-11-21",
        ];
        for text in texts {
            assert_eq!(got(&proxy, "text/plain", &[text]), text);
        }
        // Longer than any can be: let through.
        let local = "a".repeat(65) + "@shop.example ";
        assert_eq!(got(&proxy, "text/plain", &[&local]), local);
        let local = "a".repeat(64) + "@shop.example ";
        assert_eq!(got(&proxy, "text/plain", &[&local]), "***@*** ");
        Ok(())
    }

    fn only_configured_content_types_are_rewritten(vm) -> TestResult {
        let mail = "ann@shop.example ";
        let masks = |config: Value, content_type: &str| -> Result<bool, Refused> {
            Ok(got(&proxy(vm, config)?, content_type, &[mail]) != mail)
        };
        for yes in ["text/html", "TEXT/HTML; charset=utf-8", "application/json", "application/hal+json", "application/atom+xml", "application/xml"] {
            assert!(masks(json!({}), yes)?, "{yes}");
        }
        for no in ["application/octet-stream", "image/png", "", "text", "application/jsonp"] {
            assert!(!masks(json!({}), no)?, "{no}");
        }
        assert!(masks(json!({"content_types": ["*/*"]}), "image/png")?);
        assert!(masks(json!({"content_types": [""]}), "")?);
        assert!(!masks(json!({"content_types": ["application/json"]}), "text/plain")?);
        assert!(!masks(json!({"emails": false}), "text/plain")?);
        Ok(())
    }

    fn lengths_and_digests_of_the_body_before_are_removed(vm) -> TestResult {
        let proxy = proxy(vm, json!({}))?;
        let headers = [("content-length", "17"), ("content-md5", "x"), ("digest", "x"), ("content-digest", "x"), ("repr-digest", "x")];
        let with = |message: Message| headers.iter().fold(message, |message, (name, value)| message.with_header(name, value));
        let rewritten = get(&proxy, with(download("text/plain", &["ann@shop.example\n"]))).raw_response().ok_or("a response")?;
        assert!(headers.iter().all(|(name, _)| rewritten.header(name).is_none()), "{rewritten:?}");
        let other = get(&proxy, with(download("image/png", &["ann@shop.example\n"]))).raw_response().ok_or("a response")?;
        assert!(headers.iter().all(|(name, _)| other.header(name).is_some()), "{other:?}");
        Ok(())
    }

    fn encoded_bodies_are_left_alone_and_said_so(vm) -> TestResult {
        let config = json!({"encoded": {"header": "x-not-redacted"}, "request": true});
        let proxy = proxy(vm, config)?;
        let gzip = download("text/plain", &["ann@shop.example"]).with_header("content-encoding", "gzip").with_header("content-length", "16");
        let exchange = get(&proxy, gzip);
        let response = exchange.response();
        assert_eq!((response.headers()["x-not-redacted"].as_bytes(), response.headers()["content-length"].as_bytes()), (&b"gzip"[..], &b"16"[..]));
        assert_eq!(response.body(), "ann@shop.example");
        let log: String = exchange.log().iter().map(ToString::to_string).collect();
        assert!(log.contains("the body of the response is not masked, since its content-encoding is gzip"), "{log}");
        assert_eq!(proxy.counter("redact.encoded"), Some(1));

        // The client's own word for it is not believed.
        proxy.set_upstream(|_| Response::new(""));
        for identity in ["identity", "Identity, IDENTITY"] {
            let forged = upload("text/plain", &["ann@shop.example"]).with_header("x-not-redacted", "gzip").with_header("content-encoding", identity);
            let exchange = proxy.send(forged);
            assert!(!exchange.upstream_request().headers().contains_key("x-not-redacted"));
            assert_eq!(exchange.upstream_request().body(), "***@***", "{identity}");
        }
        assert_eq!(proxy.counter("redact.encoded"), Some(1));
        Ok(())
    }

    fn how_it_is_said_is_configured(vm) -> TestResult {
        let proxy = proxy(vm, json!({"encoded": {"log": false, "metric": false}}))?;
        let encoded = download("text/plain", &["x"]).with_header("content-encoding", "identity, br");
        let exchange = get(&proxy, encoded);
        assert!(exchange.log().is_empty(), "{:?}", exchange.log());
        assert_eq!(proxy.counter("redact.encoded"), Some(0));
        assert!(!exchange.response().headers().contains_key("x-not-redacted"));
        Ok(())
    }

    fn upstreams_can_be_asked_for_plain_bodies(vm) -> TestResult {
        let request = || Request::get("http://shop.example/").header("accept-encoding", "gzip").body("");
        let asked = proxy(vm, json!({"remove_accept_encoding": true}))?.send(request()?);
        assert!(!asked.upstream_request().headers().contains_key("accept-encoding"));
        let not_asked = proxy(vm, json!({}))?.send(request()?);
        assert!(not_asked.upstream_request().headers().contains_key("accept-encoding"));
        Ok(())
    }

    fn announced_trailers_find_the_end_still_here(vm) -> TestResult {
        let proxy = proxy(vm, json!({"request": true}))?;
        let pieces = ["write to an", "n@shop.exam", "ple"];
        let answer = download("text/plain", &pieces).with_header("trailer", "x-sum").trailer("x-sum", "1");
        proxy.set_raw_upstream(move |_| answer.clone());
        let exchange = proxy.send(upload("text/plain", &pieces).with_header("trailer", "x-sum").trailer("x-sum", "1"));
        for message in [exchange.raw_upstream_request(), exchange.raw_response()] {
            let message = message.ok_or("a message")?;
            assert_eq!(message.body(), "write to ***@***");
            assert_eq!(message.trailers().len(), 1);
        }
        assert_eq!(exchange.outcome(), Outcome::Complete);
        Ok(())
    }

    fn held_pieces_go_on_when_they_are_decided_or_too_many(vm) -> TestResult {
        let proxy = proxy(vm, json!({"expect_trailers": true, "hold_bytes": 1024}))?;
        let mut stream = proxy.open_stream();
        stream.send_request(Request::get("http://shop.example/").body(())?, true);
        stream.send_response(Response::builder().header("content-type", "text/plain").body(())?, false);
        stream.send_response_body("to an", false);
        assert_eq!(stream.response().body(), "");
        stream.send_response_body("n@shop.example\n", false);
        assert_eq!(stream.response().body(), "to ***@***\n");
        let words = "word ".repeat(204);
        stream.send_response_body(words.clone() + "word", false);
        assert_eq!(stream.response().body(), "to ***@***\n", "1,024 bytes are held");
        stream.send_response_body("s", false);
        assert_eq!(stream.response().body().len(), 11 + words.len(), "1,025 are not; the last word waits");
        stream.send_response_body(" an", false);
        stream.send_response_trailers([("x-sum", "1")]);
        assert_eq!(stream.response().body(), &format!("to ***@***\n{words}words an"));
        assert_eq!(stream.outcome(), Outcome::Complete);
        Ok(())
    }

    fn trailers_that_nobody_announced_do_not_lose_the_end_unsaid(vm) -> TestResult {
        let proxy = proxy(vm, json!({"request": true}))?;
        // Decided at its end: nothing is missing.
        let exchange = get(&proxy, download("text/plain", &["ann@shop.example\n"]).trailer("x-sum", "1"));
        assert_eq!((exchange.outcome(), &exchange.response().body()[..]), (Outcome::Complete, &b"***@***\n"[..]));
        // Not decided: the client can tell that the message is cut.
        let exchange = get(&proxy, download("text/plain", &["to ann"]).trailer("x-sum", "1"));
        assert_eq!(exchange.outcome(), Outcome::Reset);
        let log: String = exchange.log().iter().map(ToString::to_string).collect();
        assert!(log.contains("the last 3 bytes of the body were not decided: set expect_trailers"), "{log}");
        // A request is answered.
        let exchange = proxy.send(upload("text/plain", &["to ann"]).trailer("x-sum", "1"));
        assert_eq!(exchange.response().status(), 500);
        Ok(())
    }

    fn the_framing_makes_no_difference(vm) -> TestResult {
        for framing in [Framing::Http1, Framing::Http2] {
            let plugin = vm.plugin(&PLUGINS, "redact").config(json!({"request": true}));
            let proxy = MockProxy::builder().plugin(plugin).framing(framing).upstream_framing(framing).start()?;
            let body = "a".repeat(100) + " ann@shop.example 4111 1111 1111 1111 ann@shop.example";
            for size in [1, 2, 7, 16, 1000] {
                let exchange = proxy.send(upload("text/plain", &[&body]).in_chunks_of(size));
                assert_eq!(exchange.upstream_request().body(), &("a".repeat(100) + " ***@*** **** **** **** **** ***@***"), "{framing:?} {size}");
            }
        }
        Ok(())
    }

    fn hostile_bodies_pass(vm) -> TestResult {
        let proxy = proxy(vm, json!({}))?;
        let zeros = "4".repeat(10_000);
        let signs = "@".repeat(10_000);
        let pairs = "a@".repeat(10_000);
        let backslashes = "\\".repeat(9_999);
        for body in [&zeros, &signs, &pairs, &backslashes, "\\u00", "%4", "\"", "", "\u{0}\u{1}"] {
            for content_type in ["text/plain", "application/json", "application/x-www-form-urlencoded"] {
                if !body.is_empty() {
                    assert_eq!(got(&proxy, content_type, &[body]), *body, "{content_type}");
                }
            }
        }
        let bytes = Message::new([(":status", "200"), ("content-type", "text/plain")]).chunk(&b"\xff\xfe ann@shop.example \xc3"[..]);
        assert_eq!(get(&proxy, bytes).raw_response().ok_or("a response")?.body(), &b"\xff\xfe ***@*** \xc3"[..]);
        Ok(())
    }

    fn bad_configurations_are_refused_with_the_reason(vm) {
        let refusals = [
            ("", "the configuration is empty"),
            ("{\n  \"request\": 1\n}", "invalid type: integer `1`, expected a boolean at line 2 column 14"),
            (r#"{"requests": true}"#, "unknown field `requests`, expected one of `request`, `response`"),
            (r#"{"response": false}"#, "request and response are both false: nothing would be masked"),
            (r#"{"cards": false, "emails": false}"#, "cards and emails are both false: nothing would be masked"),
            (r#"{"cards": false, "keep_last_four": true}"#, "keep_last_four needs cards, which is false"),
            (r#"{"emails": false, "keep_domain": true}"#, "keep_domain needs emails, which is false"),
            (r#"{"content_types": []}"#, "content_types is empty: nothing would be masked"),
            (r#"{"content_types": ["text"]}"#, "\"text\" is no content type, type/*, */* or +suffix"),
            (r#"{"content_types": ["*/json"]}"#, "\"*/json\" is no content type"),
            (r#"{"content_types": ["a b/c"]}"#, "\"a b/c\" is no content type"),
            (r#"{"encoded": {"header": "x redacted"}}"#, "encoded.header: \"x redacted\" is not a header name"),
            (r#"{"encoded": {"header": ":status"}}"#, "encoded.header: \":status\" is not a header name"),
            (r#"{"encoded": {"trailer": "x"}}"#, "unknown field `trailer`, expected one of `log`, `header`, `metric`"),
            (r#"{"hold_bytes": 1023}"#, "hold_bytes: 1023 is not between 1024 and 16777216"),
            (r#"{"hold_bytes": 16777217}"#, "hold_bytes: 16777217 is not between 1024 and 16777216"),
        ];
        for (config, reason) in refusals {
            let log = refusal(vm, config);
            assert!(log.contains(reason), "{config}: {log}");
        }
    }

    fn the_example_configuration_loads(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "redact").config(include_str!("../config.json")))?;
        assert_eq!(got(&proxy, "text/plain", &["4111111111111111"]), "************1111");
        Ok(())
    }
}
