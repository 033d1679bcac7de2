//! Messages: how `http` types and raw pairs convert, and how bodies come by framing, chunks and trailers.

use bytes::Bytes;
use plugin::PLUGINS;
use proxy_filter_test::{Framing, Message, MockProxy, Outcome, Plugin, TestResult};

mod plugin {
    use proxy_filter::HeadersAction::{self, Continue};
    use proxy_filter::{
        ConfigError, DataAction, Failure, HttpContext, HttpPlugin, HttpStream, Plugin, RequestBody, RequestHeaders,
        RequestTrailers, ResponseBody, ResponseHeaders, ResponseTrailers, Result, RootContext, TrailersAction,
    };
    use std::rc::Rc;

    /// Logs each callback.
    pub(super) struct Watch;

    impl RootContext for Watch {
        type Config = ();
        fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            Ok(Self)
        }
    }

    impl HttpPlugin for Watch {
        type Http = WatchStream;
        fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> WatchStream {
            WatchStream
        }
    }

    pub(super) struct WatchStream;

    impl HttpContext for WatchStream {
        fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
            log::info!("> headers end={}", http.end_of_stream());
            Ok(Continue)
        }
        fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
            log::info!("> body {} end={}", http.size(), http.end_of_stream());
            Ok(DataAction::Continue)
        }
        fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
            log::info!("> trailers {}", http.trailers().all()?.len());
            Ok(TrailersAction::Continue)
        }
        fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
            log::info!("< headers end={}", http.end_of_stream());
            Ok(Continue)
        }
        fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
            log::info!("< body {} end={}", http.size(), http.end_of_stream());
            Ok(DataAction::Continue)
        }
        fn on_response_trailers(&mut self, http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
            log::info!("< trailers {}", http.trailers().all()?.len());
            Ok(TrailersAction::Continue)
        }
    }

    proxy_filter::register! { "watch" => http Watch }
}

/// What the filter is told of a request, or of the response to an ordinary one.
fn told(framing: Framing, side: &str, message: &Message) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let proxy = MockProxy::builder().plugin(Plugin::native(&PLUGINS, "watch")).framing(framing).start()?;
    let exchange = if side == ">" {
        proxy.send(message.clone())
    } else {
        let response = message.clone();
        proxy.set_raw_upstream(move |_| response.clone());
        super::get(&proxy)
    };
    assert_eq!(exchange.outcome(), Outcome::Complete);
    let arrived = if side == ">" { exchange.raw_upstream_request() } else { exchange.raw_response() }.ok_or("it arrived")?;
    assert_eq!(arrived.body(), message.body());
    assert_eq!(arrived.trailers(), message.trailers());
    let lines = exchange.log();
    Ok(lines.iter().filter_map(|line| Some(line.message.strip_prefix(side)?.trim().to_owned())).collect())
}

#[test]
fn seq_3_to_seq_9_the_end_of_a_message_comes_as_its_protocol_says() -> TestResult {
    let (http1, http2) = (Framing::Http1, Framing::Http2);
    let chunked = |message: Message| message.with_header("transfer-encoding", "chunked");
    let no_body = ["headers end=true"];
    for side in [">", "<"] {
        let message = || match side {
            ">" => Message::from(http::Request::post("http://shop.example/").body("").unwrap()),
            _ => Message::new([(":status", "200")]),
        };
        for (framing, message, expected) in [
            (http1, message().chunk("abc"), &["headers end=false", "body 3 end=false", "body 0 end=true"][..]),
            (http2, message().chunk("abc"), &["headers end=false", "body 3 end=true"]),
            (
                http1,
                message().chunk("abcde").in_chunks_of(2),
                &["headers end=false", "body 2 end=false", "body 2 end=false", "body 1 end=false", "body 0 end=true"],
            ),
            (
                http2,
                message().chunk("abcde").in_chunks_of(2),
                &["headers end=false", "body 2 end=false", "body 2 end=false", "body 1 end=true"],
            ),
            (http1, message().chunk("abc").trailer("x-a", "1"), &["headers end=false", "body 3 end=false", "trailers 1"]),
            (http2, message().chunk("abc").trailer("x-a", "1"), &["headers end=false", "body 3 end=false", "trailers 1"]),
            (http1, message().trailer("x-a", "1").trailer("x-a", "2"), &["headers end=false", "trailers 2"]),
            (http1, chunked(message()), &["headers end=false", "body 0 end=true"]),
        ] {
            assert_eq!(told(framing, side, &message)?, expected, "{framing:?} {side} {message:?}");
        }
    }
    for framing in [http1, http2] {
        let get = Message::from(http::Request::get("http://shop.example/").body("")?);
        assert_eq!(told(framing, ">", &get)?, no_body);
        for response in [
            Message::new([(":status", "204")]),
            Message::new([(":status", "304")]),
            Message::new([(":status", "200"), ("content-length", "0")]),
            Message::from(http::Response::new("")),
        ] {
            assert_eq!(told(framing, "<", &response)?, no_body, "{response:?}");
        }
    }
    Ok(())
}

fn text(message: &Message) -> Vec<String> {
    message.headers().iter().map(|(name, value)| format!("{}={}", name.escape_ascii(), value.escape_ascii())).collect()
}

#[test]
fn an_http_request_becomes_pairs_with_pseudo_headers_first() -> TestResult {
    let post = http::Request::post("https://shop.example:8443/cart?a=1").header("x-a", "1").header("x-a", "2").body("abc")?;
    assert_eq!(
        text(&post.into()),
        [
            ":authority=shop.example:8443",
            ":path=/cart?a=1",
            ":method=POST",
            ":scheme=https",
            "x-a=1",
            "x-a=2",
            "content-length=3"
        ]
    );
    // Without a host in the target that of the header counts, and without both there is one nevertheless.
    let host = http::Request::get("/").header("host", "h").body("")?;
    assert_eq!(text(&host.into())[0], ":authority=h");
    let bare = http::Request::get("/").body("")?;
    assert_eq!(text(&bare.into()), [":authority=localhost", ":path=/", ":method=GET", ":scheme=http"]);
    // A length or an encoding that is given stays as it is.
    let given = http::Request::post("/").header("content-length", "9").body("abc")?;
    assert_eq!(text(&given.into())[4..], ["content-length=9"]);
    let chunked = http::Request::post("/").header("transfer-encoding", "chunked").body("abc")?;
    assert!(Message::from(chunked).chunked());
    Ok(())
}

#[test]
fn an_http_response_becomes_pairs_with_its_length() -> TestResult {
    let table = [
        (200, "hi", &[":status=200", "content-length=2"][..]),
        (200, "", &[":status=200", "content-length=0"]),
        (204, "", &[":status=204"]),
        (304, "", &[":status=304"]),
    ];
    for (status, body, expected) in table {
        assert_eq!(text(&http::Response::builder().status(status).body(body)?.into()), expected);
    }
    Ok(())
}

#[test]
fn pairs_become_http_types_again_where_these_can_hold_them() -> TestResult {
    let request = http::Request::post("http://shop.example/cart?a=1").header("x-a", "1").body(Bytes::from("abc"))?;
    let again = Message::from(request.clone()).to_request()?;
    assert_eq!((again.method(), again.uri(), again.body()), (request.method(), request.uri(), request.body()));
    assert_eq!(again.headers()["x-a"], "1");
    let response = Message::new([(":status", "201"), ("x-a", "1")]).chunk("a").chunk("b").to_response()?;
    assert_eq!((response.status().as_u16(), &response.body()[..]), (201, &b"ab"[..]));

    for headers in [
        &[(":status", "0")][..],
        &[(":status", "1000")],
        &[(":status", "abc")],
        &[("x-a", "1")],
        &[(":status", "200"), ("", "1")],
        &[(":status", "200"), ("x a", "1")],
        &[(":status", "200"), ("x-a", "a\nb")],
    ] {
        assert!(Message::new(headers.iter().copied()).to_response().is_err(), "{headers:?}");
    }
    for headers in [&[(":method", "A B")][..], &[(":path", "no slash")], &[(":authority", "a b")], &[("x\0", "1")]] {
        assert!(Message::new(headers.iter().copied()).to_request().is_err(), "{headers:?}");
    }
    Ok(())
}

#[test]
fn a_request_that_http_types_cannot_hold_is_answered_with_400_by_an_upstream_of_these() {
    let proxy = MockProxy::new(Plugin::native(&PLUGINS, "watch")).unwrap();
    proxy.set_upstream(|_| http::Response::new(""));
    let odd = Message::new([(":authority", "a"), (":path", "/a b"), (":method", "GET"), (":scheme", "http")]);
    assert_eq!(proxy.send(odd).response().status(), 400);
}

#[test]
fn a_message_is_printed_as_on_the_wire_with_odd_bytes_escaped() {
    let message = Message::new([(":status", "200")]).with_header("x-a", b"\xff").chunk("a\n").trailer("x-b", "2");
    assert_eq!(format!("{message:?}"), ":status: 200\nx-a: \\xff\n[2 bytes] a\\n\ntrailer x-b: 2\n");
}
