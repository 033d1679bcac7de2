//! Filters that hold messages, collect bodies and rewrite them, natively and as the real `.wasm`.
#![cfg(feature = "wasmtime")]

use http::Request;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{Exchange, Framing, Message, MockProxy, Outcome, TestResult, VmKind, both_vms, imports};
use streams::PLUGINS;

/// A request with this body, answered with the same.
fn echo(proxy: &MockProxy, chunks: &[&'static str], trailers: bool) -> Exchange {
    let with = |message: Message| {
        let message = chunks.iter().fold(message, |message, chunk| message.chunk(*chunk));
        if trailers { message.trailer("x-end", "1") } else { message }
    };
    let response = with(Message::new([(":status", "200")]));
    proxy.set_raw_upstream(move |_| response.clone());
    let headers = [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "shop.example")];
    proxy.send(with(Message::new(headers).with_header("transfer-encoding", "chunked")))
}

fn proxy(vm: VmKind, root_id: &str, config: &str, framing: Framing) -> Result<MockProxy, Box<dyn std::error::Error>> {
    let plugin = vm.plugin(&PLUGINS, root_id).config(config).allow_on_headers_stop_iteration(config.ends_with("held"));
    Ok(MockProxy::builder().plugin(plugin).framing(framing).start()?)
}

fn get(path: &str) -> Request<&'static str> {
    Request::get(format!("http://shop.example{path}")).body("").expect("a request")
}

both_vms! {
    // SEQ-4, SEQ-5, SEQ-7, ACT-15
    fn a_body_is_collected_once_however_it_comes(vm) -> TestResult {
        for (framing, trailers, config) in [
            (Framing::Http1, false, "20"), (Framing::Http1, true, "20"), (Framing::Http2, false, "20"), (Framing::Http2, true, "20 held"),
            (Framing::Http1, false, "20 held"),
        ] {
            let proxy = proxy(vm, "collect", config, framing)?;
            let exchange = echo(&proxy, &["one ", "two ", "three"], trailers);
            assert_eq!(exchange.outcome(), Outcome::Complete);
            let request = exchange.raw_upstream_request().ok_or("it went on")?;
            let response = exchange.raw_response().ok_or("it came")?;
            for message in [&request, &response] {
                assert_eq!(message.body(), "13:one two three", "{config}");
                assert_eq!(message.header("x-length"), config.ends_with("held").then_some(&b"13"[..]));
                assert_eq!(message.trailers().iter().any(|(name, _)| name == "x-seen"), trailers);
            }
            let log: Vec<_> = exchange.log().iter().map(|line| line.message.clone()).collect();
            assert_eq!(log, ["request body of 13, at the end: true", "response body of 13, at the end: true"]);
        }
        Ok(())
    }

    // LOC-2, LOC-6, ACT-18
    fn a_body_over_the_limit_is_refused(vm) -> TestResult {
        let request = echo(&proxy(vm, "collect", "8", Framing::Http1)?, &["one ", "two ", "three"], false);
        assert_eq!((request.response().status().as_u16(), &request.details()[..]), (413, "request_payload_too_large"));

        let proxy = proxy(vm, "collect", "8", Framing::Http1)?;
        proxy.set_raw_upstream(|_| Message::new([(":status", "200"), ("content-length", "9")]).chunk("too large"));
        let said = proxy.send(get("/"));
        assert_eq!(said.response().status(), 500, "the headers said so while they were here");
        proxy.set_raw_upstream(|_| Message::new([(":status", "200")]).chunk("too large"));
        let unsaid = proxy.send(get("/"));
        assert_eq!((unsaid.outcome(), &unsaid.details()[..]), (Outcome::Reset, "response_payload_too_large"));
        Ok(())
    }

    // ACT-9, ACT-15, HDR-25
    fn a_word_is_masked_wherever_it_is_cut(vm) -> TestResult {
        for trailers in [false, true] {
            for framing in [Framing::Http1, Framing::Http2] {
                let proxy = proxy(vm, "mask", "", framing)?;
                for chunks in [&["a secret, a sec", "r", "et se"][..], &["a ", "secret, a secret s", "e"]] {
                    let exchange = echo(&proxy, chunks, trailers);
                    assert_eq!(exchange.upstream_request().body(), "a ***, a *** se");
                    assert_eq!(exchange.response().body(), "a ***, a *** se");
                    assert!(exchange.log().is_empty(), "{:?}", exchange.log());
                }
            }
        }
        Ok(())
    }

    // CON-1, CTX-4, SEQ-18: the client of the third does not wait, so the fourth has its turn.
    fn what_waits_goes_on_when_another_is_answered(vm) -> TestResult {
        let proxy = proxy(vm, "one_at_a_time", "", Framing::Http1)?;
        let mut first = proxy.open_stream();
        first.send_request(get("/1").map(drop), true);
        let (second, third) = (proxy.send(get("/2")), proxy.send(get("/3")));
        for exchange in [&second, &third] {
            assert_eq!(exchange.outcome(), Outcome::Paused);
        }
        proxy.disconnect(&third);
        first.answer();
        assert_eq!(first.into_exchange().outcome(), Outcome::Complete);
        assert_eq!(second.outcome(), Outcome::Complete);
        assert_eq!(second.upstream_request().headers()["x-waited"], "yes");
        assert_eq!(proxy.send(get("/4")).outcome(), Outcome::Complete, "nobody has the turn");
        assert!(proxy.log().is_empty(), "{:?}", proxy.log());
        Ok(())
    }

    // LOC-2, LOC-30: those that wait are answered, and the one that answers them goes on.
    fn what_waits_can_be_answered_by_another(vm) -> TestResult {
        let proxy = proxy(vm, "one_at_a_time", "", Framing::Http1)?;
        let mut first = proxy.open_stream();
        first.send_request(get("/1").map(drop), true);
        let waiting = [proxy.send(get("/2")), proxy.send(get("/3"))];
        let impatient = proxy.send(get("/impatient"));
        assert_eq!(impatient.response().status(), 200);
        for exchange in &waiting {
            assert_eq!(exchange.response().status(), 503);
            assert_eq!(exchange.response().body(), "busy");
            assert!(!exchange.reached_upstream());
        }
        first.answer();
        assert_eq!(first.into_exchange().outcome(), Outcome::Complete);
        Ok(())
    }
}

/// What a module that holds asks of a proxy beyond one that does not; that one is held to its list by its own budget.
#[test]
fn holding_imports_two_hostcalls() -> TestResult {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/guests/streams");
    let wasm = std::fs::read(FilterCrate::build_once(dir, &options)?.wasm)?;
    let imports = imports(&wasm)?;
    for hostcall in ["env.proxy_continue_stream", "env.proxy_set_effective_context"] {
        assert!(imports.iter().any(|import| import == hostcall), "{imports:?}");
    }
    assert!(!imports.iter().any(|import| import == "env.proxy_close_stream"), "nothing here resets: {imports:?}");
    Ok(())
}
