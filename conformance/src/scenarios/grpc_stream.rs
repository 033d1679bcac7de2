//! gRPC streams.

use super::grpc::grpc;
use crate::grpc::{Step, headers, headers_with, message, plain_http, trailers, trailers_only};
use crate::scenario::{Scenario, post, scenario};

/// Opens a stream, sends a message and ends its side; goes on when the stream is closed.
fn stream(name: &'static str, rows: &'static [&'static str], steps: Vec<Step>) -> Scenario {
    grpc(
        name,
        rows,
        "request_headers: grpc_stream @ s.S M metadata=X-A=1 as s, grpc_send $s hi 1, return 1; \
         grpc_receive_initial_metadata: pairs grpc_initial_metadata; \
         grpc_receive: get_buffer grpc_message 0 99; \
         grpc_receive_trailing_metadata: pairs grpc_trailing_metadata; \
         grpc_close: get_status, effective stream, continue 0",
        steps,
    )
}

/// What is done when the other side is over.
fn after_the_end(name: &'static str, rows: &'static [&'static str], at_end: &str) -> Scenario {
    grpc(
        name,
        rows,
        &format!(
            "request_headers: grpc_stream @ s.S M as s, return 1; grpc_close: effective stream, continue 0; response_headers: {at_end}"
        ),
        vec![headers(), message("yes"), trailers("0", "", &[])],
    )
}

pub(super) fn all() -> Vec<Scenario> {
    vec![
        grpc(
            "grpc-stream",
            &["GRP-8", "GRP-10", "GRP-14", "GRP-16", "GRP-18", "GRP-19"],
            "request_headers: grpc_stream @ s.S M metadata=X-A=1 as s, grpc_send $s one 0, grpc_send $s two 0, return 1; \
             grpc_receive_initial_metadata: pairs grpc_initial_metadata, get grpc_initial_metadata X-V, get grpc_initial_metadata x-w, size grpc_initial_metadata, add grpc_initial_metadata x-n 1, get grpc_initial_metadata x-n, get_status, \
               effective stream, get grpc_initial_metadata x-v, get_buffer grpc_message 0 9; \
             grpc_receive: get_buffer grpc_message 0 99, pairs grpc_initial_metadata, get grpc_initial_metadata x-v; \
             grpc_receive#1: grpc_send $s three 0; grpc_receive#2: grpc_close $s, grpc_close $s, grpc_send $s four 0; \
             grpc_receive_trailing_metadata: pairs grpc_trailing_metadata, get grpc_trailing_metadata x-t, get_buffer grpc_message 0 9, get_status; \
             grpc_close: get_status, get grpc_trailing_metadata x-t, grpc_close $s, grpc_close $s, effective stream, continue 0",
            vec![Step::AwaitMessage, headers_with(&[("x-v", "1")]), message("a"), Step::AwaitMessage, Step::AwaitMessage, message("b"), Step::AwaitEnd, trailers("0", "fine", &[("x-t", "1")])],
        ),
        stream("grpc-stream-ended-by-send", &["GRP-8", "GRP-10", "GRP-20"], vec![Step::AwaitEnd, headers(), message("a"), message(""), trailers("0", "", &[])]),
        stream("grpc-stream-fails", &["GRP-8", "STA-4"], vec![Step::AwaitEnd, headers(), message("a"), trailers("9", "mm", &[("x-t", "1")])]),
        stream("grpc-stream-trailers-only", &["GRP-9", "STA-4", "GRP-20"], vec![Step::AwaitEnd, trailers_only("16", "who")]),
        stream("grpc-stream-http-500", &["GRP-9"], [vec![Step::AwaitEnd], plain_http("500")].concat()),
        stream("grpc-stream-refused", &["GRP-9"], Vec::new()).no_grpc(),
        stream("grpc-stream-reset", &["GRP-9"], vec![Step::AwaitEnd, Step::Reset]),
        stream("grpc-stream-reset-after-message", &["GRP-9"], vec![Step::AwaitEnd, headers(), message("a"), Step::Reset]),
        stream("grpc-stream-cut", &["GRP-9"], vec![Step::AwaitEnd, Step::Close]),
        stream("grpc-stream-cut-after-message", &["GRP-9"], vec![Step::AwaitEnd, headers(), message("a"), Step::Close]),
        stream("grpc-stream-without-trailers", &["GRP-9"], vec![Step::AwaitEnd, headers(), message("a"), Step::Data(b"".into(), true)]),
        stream("grpc-stream-without-status", &["GRP-9"], vec![Step::AwaitEnd, headers(), Step::Trailers(vec![(b"x-t".to_vec(), b"1".to_vec())])]),
        stream("grpc-stream-compressed", &["GRP-9"], vec![Step::AwaitEnd, headers(), Step::Data(b"\x01\0\0\0\x03abc".into(), false), trailers("0", "", &[])]),
        stream("grpc-stream-two-messages-at-once", &["GRP-8"], vec![Step::AwaitEnd, headers(), Step::Data(b"\0\0\0\0\x01a\0\0\0\0\x01b".into(), false), trailers("0", "", &[])]),
        stream("grpc-stream-message-in-parts", &["GRP-8"], vec![Step::AwaitEnd, headers(), Step::Data(b"\0\0\0\0\x04ab".into(), false), Step::Data(b"cd".into(), false), trailers("0", "", &[])]),
        grpc(
            "grpc-stream-cancelled",
            &["GRP-12"],
            "request_headers: grpc_stream @ s.S M as s, grpc_send $s hi 0, return 1; grpc_receive: grpc_cancel $s, grpc_cancel $s, grpc_send $s x 0, grpc_close $s, get_buffer grpc_message 0 99, effective stream, continue 0",
            vec![Step::AwaitMessage, headers(), message("a"), message("b"), Step::AwaitReset],
        ),
        grpc(
            "grpc-stream-cancelled-in-initial-metadata",
            &["GRP-12"],
            "request_headers: grpc_stream @ s.S M as s, grpc_send $s hi 0, return 1; grpc_receive_initial_metadata: grpc_cancel $s, effective stream, continue 0",
            vec![Step::AwaitMessage, headers(), Step::AwaitReset],
        ),
        grpc(
            "grpc-stream-half-closed-before-it-answers",
            &["GRP-14", "GRP-10"],
            "request_headers: grpc_stream @ s.S M as s, grpc_close $s, grpc_close $s, grpc_send $s hi 0, return 1; grpc_close: effective stream, continue 0; response_headers: grpc_close $s, grpc_send $s x 0, grpc_cancel $s",
            vec![Step::AwaitEnd, headers(), trailers("0", "", &[])],
        ),
        after_the_end("grpc-stream-closed-after-the-end", &["GRP-14", "GRP-21"], "grpc_close $s, grpc_close $s"),
        after_the_end("grpc-stream-cancelled-after-the-end", &["GRP-12", "GRP-21"], "grpc_cancel $s, grpc_cancel $s"),
        after_the_end("grpc-stream-sends-after-the-end", &["GRP-10", "GRP-21"], "grpc_send $s x 0, grpc_send $s x 1, grpc_send $s x 0, grpc_close $s, grpc_close $s"),
        grpc(
            "grpc-stream-ended-by-send-then-closed",
            &["GRP-14", "GRP-10", "GRP-21"],
            "request_headers: grpc_stream @ s.S M as s, grpc_send $s hi 1, return 1; grpc_close: effective stream, continue 0; response_headers: grpc_close $s, grpc_close $s",
            vec![Step::AwaitEnd, headers(), trailers("0", "", &[])],
        ),
        grpc(
            "grpc-stream-sends-after-its-own-end",
            &["GRP-10", "GRP-22"],
            "request_headers: grpc_stream @ s.S M as s, grpc_send $s hi 1, grpc_send $s x 0, grpc_send $s y 1, grpc_close $s, return 1; grpc_close: effective stream, continue 0; response_headers: grpc_close $s, grpc_close $s",
            vec![Step::AwaitEnd, headers(), trailers("0", "", &[])],
        ),
        grpc(
            "grpc-stream-sends-late-after-its-own-end",
            &["GRP-10", "GRP-22"],
            "request_headers: grpc_stream @ s.S M as s, grpc_send $s hi 1, return 1; grpc_receive_initial_metadata: grpc_send $s x 0, grpc_close $s; grpc_close: effective stream, continue 0; response_headers: grpc_close $s, grpc_close $s",
            vec![Step::AwaitEnd, headers(), message("a"), trailers("0", "", &[])],
        ),
        scenario("grpc-service-of-google", &["GRP-1", "GRP-26"]).script("request_headers: grpc_call %12%11%0A%0B127.0.0.1:1%22%02gg s.S M as c, return 1; grpc_close: get_status, effective stream, continue 0"),
        grpc(
            "grpc-stream-with-a-body",
            &["GRP-8", "GRP-10"],
            "request_headers: grpc_stream @ s.S M as s; request_body#1: grpc_send $s a 0, return 1; request_body#2: grpc_send $s b 1, return 1; grpc_close: effective stream, continue 0",
            vec![headers(), Step::AwaitMessage, message("1"), Step::AwaitMessage, message("2"), Step::AwaitEnd, trailers("0", "", &[])],
        )
        .request(post("/").chunked(&["abc", "def"])),
        scenario("grpc-service-empty", &["GRP-4"]).script("request_headers: grpc_call \"\" s.S M").crashes(),
        scenario("grpc-service-a-name-that-parses", &["GRP-4"]).script("request_headers: grpc_call empty s.S M").crashes(),
        scenario("grpc-service-of-nine-letters", &["GRP-4"]).script("request_headers: grpc_call auth-grpc s.S M").crashes(),
        scenario("grpc-service-a-group", &["GRP-4"]).script("request_headers: grpc_call kl s.S M").crashes(),
        scenario("grpc-service-of-a-stream", &["GRP-4"]).script("request_headers: grpc_stream \"\" s.S M").crashes(),
        scenario("grpc-service-without-cluster", &["GRP-2"]).script("request_headers: grpc_call %0A%00 s.S M, grpc_call %0A%03%0A%01%FF s.S M, grpc_call %0A%05%0A s.S M"),
    ]
}
