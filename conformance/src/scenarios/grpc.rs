//! Unary gRPC calls. In scripts `@` stands for the cluster of the scenario's gRPC server.

use crate::grpc::{Step, cluster, headers, headers_with, message, plain_http, trailers, trailers_only};
use crate::scenario::{Scenario, scenario};

/// A scenario of the scripted guest with a gRPC server.
pub(super) fn grpc(name: &'static str, rows: &'static [&'static str], script: &str, steps: Vec<Step>) -> Scenario {
    scenario(name, rows).config(script.replace('@', &cluster(name))).grpc(steps)
}

/// Calls in the request's headers and pauses; what happens when the call is over, by either callback.
fn call(name: &'static str, rows: &'static [&'static str], steps: Vec<Step>) -> Scenario {
    grpc(
        name,
        rows,
        "request_headers: grpc_call @ s.S M message=hi as c, return 1; \
         grpc_receive: get_buffer grpc_message 0 99, get_status, effective stream, continue 0; \
         grpc_close: get_status, effective stream, get_status, continue 0",
        steps,
    )
}

fn answered(status: &'static str, text: &'static str) -> Vec<Step> {
    vec![Step::AwaitEnd, headers(), trailers(status, text, &[])]
}

fn well() -> Vec<Step> {
    vec![Step::AwaitEnd, headers(), message("yes"), trailers("0", "", &[])]
}

pub(super) fn all() -> Vec<Scenario> {
    let mut all = vec![
        grpc(
            "grpc-call",
            &["BUF-14", "GRP-5", "GRP-1", "GRP-16", "CAL-6", "GRP-18", "GRP-19"],
            "request_headers: grpc_call @ s.S M metadata=X-A=1 metadata=x-b=2 message=hi as c, return 1; \
             grpc_receive: get_buffer grpc_message 0 99, buffer_status grpc_message, set_buffer grpc_message 0 1 x, get_buffer grpc_message 1 1, get_status, \
             pairs grpc_initial_metadata, get grpc_initial_metadata x-v, pairs grpc_trailing_metadata, get grpc_trailing_metadata x-t, \
             effective stream, get_buffer grpc_message 0 99, continue 0",
            vec![Step::AwaitEnd, headers_with(&[("x-v", "1")]), message("yes"), trailers("0", "", &[("x-t", "1")])],
        ),
        grpc(
            "grpc-call-by-service",
            &["GRP-1", "GRP-16"],
            "request_headers: grpc_call envoy_grpc=@ s.S M message=hi as c, return 1; grpc_receive: get_buffer grpc_message 0 99, effective stream, continue 0",
            well(),
        ),
        call("grpc-call-several-messages", &["GRP-6"], vec![Step::AwaitEnd, headers(), message("one"), message("two"), message("three"), trailers("0", "", &[])]),
        call("grpc-call-empty-message", &["GRP-5"], vec![Step::AwaitEnd, headers(), message(""), trailers("0", "", &[])]),
        call("grpc-call-fails", &["GRP-7", "STA-4", "GRP-24"], answered("5", "mm")),
        call("grpc-call-fails-after-message", &["GRP-7"], vec![Step::AwaitEnd, headers(), message("yes"), trailers("7", "no%20way", &[])]),
        call("grpc-call-trailers-only", &["GRP-7", "STA-4"], vec![Step::AwaitEnd, trailers_only("16", "who")]),
        call("grpc-call-without-message", &["GRP-7"], answered("0", "")),
        call("grpc-call-http-500", &["GRP-7", "GRP-24"], [vec![Step::AwaitEnd], plain_http("500")].concat()),
        call("grpc-call-http-403", &["GRP-7", "GRP-24"], [vec![Step::AwaitEnd], plain_http("403")].concat()),
        call("grpc-call-http-200", &["GRP-7", "GRP-24"], [vec![Step::AwaitEnd], plain_http("200")].concat()),
        call("grpc-call-refused", &["GRP-7"], Vec::new()).no_grpc(),
        call("grpc-call-reset", &["GRP-7"], vec![Step::AwaitEnd, Step::Reset]),
        call("grpc-call-reset-after-headers", &["GRP-7", "GRP-24"], vec![Step::AwaitEnd, headers(), Step::Reset]),
        call("grpc-call-reset-after-message", &["GRP-7"], vec![Step::AwaitEnd, headers(), message("yes"), Step::Reset]),
        call("grpc-call-cut", &["GRP-7"], vec![Step::AwaitEnd, Step::Close]),
        call("grpc-call-cut-after-headers", &["GRP-7"], vec![Step::AwaitEnd, headers(), Step::Close]),
        call("grpc-call-without-trailers", &["GRP-7", "GRP-24"], vec![Step::AwaitEnd, headers(), message("yes"), Step::Data(b"".into(), true)]),
        call("grpc-call-without-status", &["GRP-7", "GRP-24"], vec![Step::AwaitEnd, headers(), message("yes"), Step::Trailers(vec![(b"x-t".to_vec(), b"1".to_vec())])]),
        call("grpc-call-odd-status", &["GRP-7", "GRP-24"], answered("99", "mm")),
        call("grpc-call-malformed-status", &["GRP-7", "GRP-24"], answered("abc", "mm")),
        call("grpc-call-compressed", &["GRP-7", "GRP-24"], vec![Step::AwaitEnd, headers(), Step::Data(b"\x01\0\0\0\x03abc".into(), false), trailers("0", "", &[])]),
        call("grpc-call-malformed-data", &["GRP-7", "GRP-24"], vec![Step::AwaitEnd, headers(), Step::Data(b"\x09\0\0\0\x03abc".into(), false), trailers("0", "", &[])]),
        call("grpc-call-cut-message", &["GRP-7"], vec![Step::AwaitEnd, headers(), Step::Data(b"\0\0\0\0\x09abc".into(), false), trailers("0", "", &[])]),
        grpc(
            "grpc-call-times-out",
            &["GRP-7", "GRP-16"],
            "request_headers: grpc_call @ s.S M message=hi timeout=120 as c, return 1; grpc_close: get_status, effective stream, continue 0",
            vec![Step::AwaitEnd],
        ),
        grpc(
            "grpc-call-times-out-late",
            &["GRP-7", "GRP-16", "GRP-23"],
            "request_headers: grpc_call @ s.S M message=hi timeout=300 as c, return 1; grpc_close: get_status, effective stream, continue 0",
            vec![Step::AwaitEnd, headers(), message("yes")],
        ),
        grpc(
            "grpc-call-timeouts",
            &["GRP-16", "GRP-23"],
            "request_headers: grpc_call @ s.S M timeout=0 as a, grpc_call @ s.S M timeout=4294967295 as b, grpc_call @ s.S M timeout=200000000 as c, return 1; grpc_receive#3: effective stream, continue 0",
            well(),
        ),
        grpc(
            "grpc-call-to-unknown",
            &["GRP-2", "CAL-6", "GRP-17"],
            "request_headers: grpc_call nowhere s.S M as c, grpc_call envoy_grpc=nowhere s.S M as d, grpc_stream nowhere s.S M as e, grpc_stream envoy_grpc=nowhere s.S M as f, grpc_call @ s.S M as g from 0, grpc_stream @ s.S M as h from 0, grpc_cancel $g, grpc_cancel $h",
            vec![Step::AwaitReset],
        )
        .own_vm(),
        grpc(
            "grpc-call-service-in-full",
            &["GRP-1", "GRP-16", "GRP-26"],
            // Fields 1 (cluster, authority), 3 (a timeout of 0.1 s) and 5 (metadata) of GrpcService.
            "request_headers: grpc_call %0A%25%0A%1E@%12%03a.b%1A%05%10%80%C2%D7%2F%2A%0A%0A%03X-S%12%03svc s.S M metadata=x-a=1 timeout=900 as c, return 1; grpc_receive: effective stream, continue 0; grpc_close: get_status, effective stream, continue 0",
            well(),
        ),
        grpc(
            "grpc-call-cancelled",
            &["GRP-12"],
            "request_headers: grpc_call @ s.S M message=hi as c, tick_period 100, return 1; tick: tick_period 0, grpc_cancel $c, grpc_cancel $c, grpc_close $c, effective stream, continue 0",
            vec![Step::AwaitReset],
        ),
        grpc(
            "grpc-call-closed",
            &["GRP-12"],
            "request_headers: grpc_call @ s.S M message=hi as c, tick_period 100, return 1; tick: tick_period 0, grpc_close $c, grpc_close $c, effective stream, continue 0",
            vec![Step::AwaitReset],
        ),
        grpc(
            "grpc-call-cancelled-at-once",
            &["GRP-12"],
            "request_headers: grpc_call @ s.S M message=hi as c, grpc_cancel $c",
            well(),
        ),
        grpc(
            "grpc-call-cancelled-in-its-callback",
            &["GRP-12"],
            "request_headers: grpc_call @ s.S M message=hi as c, return 1; grpc_receive: grpc_cancel $c, grpc_cancel $c, get_buffer grpc_message 0 99, effective stream, continue 0",
            well(),
        ),
        grpc(
            "grpc-tokens",
            &["CAL-6", "GRP-11", "GRP-15", "GRP-12"],
            "request_headers: grpc_call @ s.S M as a from 0, grpc_call @ s.S M as b from $a, grpc_stream @ s.S M as s from 0, grpc_stream @ s.S M as t from $s, \
             grpc_send $a x 0, grpc_send 4 x 0, grpc_send 7 x 0, grpc_send 4002 x 0, grpc_cancel 4, grpc_cancel 7, grpc_cancel 4001, grpc_cancel 4002, grpc_close 4, grpc_close 7, grpc_close 4001, grpc_close 4002, \
             grpc_cancel $a, grpc_cancel $b, grpc_cancel $s, grpc_cancel $t, grpc_cancel $s, grpc_send $s x 0",
            vec![Step::AwaitReset],
        )
        .own_vm(),
        grpc(
            "grpc-call-outlives-the-stream",
            &["GRP-16", "CAL-15"],
            "request_headers: grpc_call @ s.S M message=hi as c; grpc_receive: effective stream, get_buffer grpc_message 0 99",
            well(),
        ),
        grpc(
            "grpc-call-from-log",
            &["GRP-16", "CAL-16"],
            "log: grpc_call @ s.S M message=log as l; done: grpc_call @ s.S M message=done as d",
            well(),
        ),
        grpc(
            "grpc-call-from-its-callback",
            &["GRP-16", "CAL-16"],
            "request_headers: grpc_call @ s.S M message=hi as c, return 1; grpc_receive#1: grpc_call @ s.S M message=again as d; grpc_receive#2: effective stream, continue 0",
            well(),
        ),
        grpc(
            "grpc-call-with-odd-metadata",
            &["GRP-16", "GRP-25"],
            "request_headers: grpc_call @ s.S M metadata=:authority=x metadata=:path=/other metadata=te=no metadata=content-type=application/grpc%2Bproto metadata=grpc-timeout=9S metadata=X-Bin-bin=%00%FF as c, return 1; grpc_receive: effective stream, continue 0; grpc_close: get_status, effective stream, continue 0",
            well(),
        ),
        grpc(
            "grpc-call-with-malformed-metadata",
            &["GRP-16", "SER-5"],
            "request_headers: grpc_call @ s.S M metadata_raw=%01 as c, return 1; grpc_receive: effective stream, continue 0; grpc_close: get_status, effective stream, continue 0",
            well(),
        ),
    ];
    all.extend(super::grpc_stream::all());
    all
}
