//! `examples/redact`.

use crate::scenario::{Guest, Scenario, get, post, respond, scenario};

/// Bodies that end in the middle of what is masked, again and again, and a last piece that leaves its end open.
const PIECES: [&str; 5] = ["pay by 4111 11", "11 1111 1111 or an", "n@sh", "op.exam", "ple"];

pub(super) fn all() -> Vec<Scenario> {
    let redact = |name, rows| {
        scenario(name, rows).guest(Guest::Example("redact"), "redact").config(r#"{"request":true,"keep_last_four":true}"#)
    };
    let text = |scenario: Scenario| {
        scenario
            .request(post("/").header("content-type", "text/plain").body(&PIECES))
            .response(respond(200).header("content-type", "text/plain").body(&PIECES))
    };
    let trailers = |scenario: Scenario, announced: bool| {
        let (mut request, mut response) =
            (post("/").header("content-type", "text/plain"), respond(200).header("content-type", "text/plain"));
        if announced {
            (request, response) = (request.header("trailer", "x-t"), response.header("trailer", "x-v"));
        }
        scenario.request(request.chunked(&PIECES).trailer("x-t", "1")).response(response.chunked(&PIECES).trailer("x-v", "2"))
    };
    // Pieces of which nothing goes out become empty ones, which neither end a message nor count as one.
    let small = ["ann", "@", "x", ".", "co ", "411111", "111", "1111", "111"];
    vec![
        text(redact("redact-bodies-of-known-length", &["HDR-25", "BUF-16"])),
        text(redact("redact-over-http2", &["SEQ-5", "HDR-25"])).http2().http2_upstream(),
        redact("redact-piece-by-piece", &["BUF-10", "BUF-16"])
            .request(post("/").header("content-type", "text/plain").chunked(&small))
            .response(respond(200).header("content-type", "text/plain").chunked(&small)),
        redact("redact-piece-by-piece-over-http2", &["BUF-10", "SEQ-5"])
            .request(post("/").header("content-type", "text/plain").chunked(&small))
            .response(respond(200).header("content-type", "text/plain").chunked(&small))
            .http2()
            .http2_upstream(),
        trailers(redact("redact-up-to-announced-trailers", &["ACT-15", "SEQ-7"]), true),
        trailers(redact("redact-up-to-announced-trailers-over-http2", &["ACT-15", "SEQ-7"]), true).http2().http2_upstream(),
        trailers(redact("redact-unannounced-trailers", &["BUF-13", "LOC-2"]), false),
        redact("redact-unannounced-response-trailers", &["BUF-13", "LOC-6"])
            .response(respond(200).header("content-type", "text/plain").chunked(&["to ann"]).trailer("x-v", "2")),
        redact("redact-leaves-encoded-bodies-alone", &["HDR-14"])
            .config(r#"{"request":true,"encoded":{"header":"x-not-redacted"}}"#)
            .request(
                post("/")
                    .header("content-type", "text/plain")
                    .header("content-encoding", "br")
                    .header("x-not-redacted", "no")
                    .body(&["ann@shop.example"]),
            )
            .request(get("/"))
            .response(
                respond(200).header("content-type", "text/plain").header("content-encoding", "gzip").body(&["ann@shop.example"]),
            ),
    ]
}
