//! Random guests: whatever they call, with whatever arguments, and answer, the proxy does not panic and each exchange has an end.
//!
//! `PROPTEST_CASES` says how many there are; 256 unless it is set.

use super::guest::{callback, data, module};
use http::Request;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::Config;
use proxy_filter_abi::{HOSTCALLS, WireKind, pairs};
use proxy_filter_test::{Framing, Lint, Message, MockProxy, Outcome, Plugin};
use std::fmt::Write;
use std::time::Duration;

const CALLBACKS: [&str; 10] = [
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_tick",
    "proxy_on_log",
    "proxy_on_done",
    "proxy_on_delete",
];

/// Numbers that mean something: codes, ids, small sizes, places of data, ends of memory.
fn number() -> impl Strategy<Value = i32> {
    prop_oneof![
        6 => 0..5,
        3 => prop_oneof![Just(64), Just(512), Just(1024), Just(37), Just(3)],
        1 => prop_oneof![Just(-1), Just(65_535), Just(65_536), Just(i32::MIN), Just(i32::MAX)],
        1 => any::<i32>(),
    ]
}

/// A hostcall as an instruction.
fn hostcall() -> impl Strategy<Value = String> {
    (0..HOSTCALLS.len(), vec(number(), 16)).prop_map(|(row, numbers)| {
        let row = &HOSTCALLS[row];
        let mut numbers = numbers.into_iter();
        let mut text = format!("(drop (call ${}", row.name);
        for (kind, out) in row.arguments.iter().map(|p| (p.kind, false)).chain(row.results.iter().map(|p| (p.kind, true))) {
            let (count, ty) = match kind {
                WireKind::Bytes => (2, "i32"),
                WireKind::U64 | WireKind::I64 if !out => (1, "i64"),
                _ => (1, "i32"),
            };
            for number in numbers.by_ref().take(count) {
                let _ = write!(text, " ({ty}.const {number})");
            }
        }
        text + "))\n"
    })
}

/// A guest of random callbacks; some are left out, some trap.
fn guest() -> impl Strategy<Value = String> {
    let instruction = prop_oneof![24 => hostcall(), 1 => Just("unreachable\n".to_owned())];
    let body = (vec(instruction, 0..6), prop_oneof![3 => Just(0_u32), 2 => 1_u32..5]);
    vec(proptest::option::weighted(0.6, body), CALLBACKS.len()).prop_map(|bodies| {
        let map = pairs::encode([("x-a", "1"), (":path", "/b"), (":status", "404")]);
        let mut text = data(64, b"x-a") + &data(512, &map) + &data(1024, b":path\0\r\n request.headers");
        for (name, body) in CALLBACKS.iter().zip(bodies) {
            let Some((instructions, answer)) = body else { continue };
            let answer = if *name == "proxy_on_configure" { 1 } else { answer };
            text.push_str(&callback(name, &instructions.concat(), answer));
        }
        module(&text)
    })
}

fn run(guests: Vec<String>, framing: Framing, limit: usize) {
    let builder = MockProxy::builder().framing(framing).buffer_limit(limit);
    let builder = Lint::ALL.iter().fold(builder, |builder, lint| builder.allow(*lint));
    // One that traps while it is configured is refused.
    let Ok(proxy) = guests.into_iter().fold(builder, |proxy, guest| proxy.plugin(Plugin::from_bytes(guest))).start() else {
        return;
    };
    proxy.set_raw_upstream(|_| Message::new([(":status", "200")]).chunk("answer").chunk("s").trailer("x-end", "1"));
    let get = Message::from(Request::get("http://shop.example/").body("").expect("a request"));
    let post = Message::from(Request::post("http://shop.example/").body("question").expect("a request"));
    let exchanges: Vec<_> = [get.clone(), post.clone().in_chunks_of(3), post.trailer("x-end", "1"), get]
        .into_iter()
        .map(|request| proxy.send(request))
        .collect();
    proxy.advance(Duration::from_millis(20));
    for exchange in &exchanges {
        proxy.disconnect(exchange);
        assert_ne!(exchange.outcome(), Outcome::Paused, "{exchange:?}");
        assert!(exchange.outcome() == Outcome::Reset || exchange.raw_response().is_some(), "{exchange:?}");
    }
    drop(exchanges);
    proxy.shut_down();
}

proptest::proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]
    #[test]
    fn random_guests_are_survived(guests in vec(guest(), 1..3), http2 in any::<bool>(), limit in 0_usize..16) {
        run(guests, if http2 { Framing::Http2 } else { Framing::Http1 }, limit);
    }
}
