//! A long body streams through in constant memory. `PROXY_FILTER_STREAM_MIB` says how long it is: 4 MiB unless it is set, 256 under
//! `cargo make soak`.

mod reference;

use http::{Request, Response};
use proxy_filter_test::{MockProxy, Plugin, TestResult};
use redact::{Format, PLUGINS, Rules};
use reference::reference;

const PIECE: usize = 16 << 10;
const RULES: Rules = Rules { cards: true, keep_last_four: true, emails: true, keep_domain: false };
/// Of such a length that pieces end everywhere in it.
const LINE: &str =
    "order 17 of ann.lee@shop-1.example (card 4111 1111 1111 1111, or 378282246310005), 2026-11-21, to logo@2x.png\n";

#[test]
fn a_long_body_streams_in_constant_memory() -> TestResult {
    let mib: usize = std::env::var("PROXY_FILTER_STREAM_MIB").ok().and_then(|mib| mib.parse().ok()).unwrap_or(4);
    let pieces = mib * (1 << 20) / PIECE;
    let lines = LINE.repeat(PIECE / LINE.len() + 2);

    let proxy = MockProxy::new(Plugin::wasm(&PLUGINS, "redact").config(r#"{"keep_last_four": true}"#))?;
    let mut stream = proxy.open_stream();
    stream.send_request(Request::get("http://shop.example/").body(())?, true);
    stream.send_response(Response::builder().header("content-type", "text/plain").body(())?, false);
    let mut memory = None;
    for piece in 0..pieces {
        let from = piece * PIECE % LINE.len();
        stream.send_response_body(lines[from..from + PIECE].to_owned(), piece + 1 == pieces);
        if piece == 32 {
            memory = proxy.memory_size();
        }
    }
    assert!(memory.is_some());
    assert_eq!(proxy.memory_size(), memory, "the guest's memory has grown");

    // Nothing goes on over the end of a line, so each is masked as it would be alone.
    let line = reference(Format::Text, RULES, LINE.as_bytes());
    let last = reference(Format::Text, RULES, &LINE.as_bytes()[..pieces * PIECE % LINE.len()]);
    let whole = pieces * PIECE / LINE.len() * line.len();
    let expected = line.repeat(PIECE / line.len() + 2);
    let response = stream.raw_response().ok_or("a response")?;
    let mut seen = 0;
    for chunk in response.chunks() {
        let (of_lines, of_last) = chunk.split_at(chunk.len().min(whole - seen));
        let from = seen % line.len();
        assert!(of_lines == &expected[from..from + of_lines.len()], "at {seen}");
        assert_eq!(
            of_last.escape_ascii().to_string(),
            if of_last.is_empty() { String::new() } else { last.escape_ascii().to_string() }
        );
        seen += chunk.len();
    }
    assert_eq!(seen, whole + last.len());
    println!("{mib} MiB in {pieces} pieces, {} KiB of guest memory all the time", memory.unwrap_or(0) >> 10);
    Ok(())
}
