//! What the filter costs as it ships: its size, its instructions, and what it asks of a proxy. The README shows the figures. A budget
//! that is exceeded is raised on purpose or not at all.

use http::{Request, Response};
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{MockProxy, Plugin, TestResult, imports};

const BYTES: usize = 96_000;
/// For a stream whose response is not rewritten.
const INSTRUCTIONS: u64 = 2_000;
/// For each KiB of a body.
const INSTRUCTIONS_A_KIB: [(&str, &str, u64); 4] = [
    ("text/plain", "The quick brown fox jumps over the lazy dog, and 12 more of them.\n", 24_000),
    ("application/json", "{\"id\": 17, \"name\": \"a fox\", \"at\": 1732200000003, \"tags\": [\"quick\", \"brown\"]},\n", 38_000),
    ("text/plain", "ann.lee@shop.example paid by 4111 1111 1111 1111 and not by 4222222222222\n", 220_000),
    ("text/plain", "0123456789abcdef", 27_000),
];

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    println!("{size} bytes");
    assert!(size <= BYTES, "redact.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

#[test]
fn a_stream_and_a_kib_cost_few_instructions() -> TestResult {
    let proxy = MockProxy::new(Plugin::from_bytes(shipped()?).config("{}"))?;
    let used = |content_type: &'static str, body: &'static str, kib: usize| {
        let body = body.repeat(kib * 1024 / body.len() + 1)[..kib * 1024].to_owned();
        proxy.set_upstream(move |_| {
            Response::builder().header("content-type", content_type).body(body.clone()).expect("a response")
        });
        let exchange = proxy.send(Request::get("http://shop.example/").body("").expect("a request"));
        exchange.callbacks().iter().map(|(_, instructions)| instructions).sum::<u64>()
    };
    // The first stream makes the table that later ones use.
    used("image/png", "x", 1);
    let stream = used("image/png", "x", 1);
    println!("{stream} instructions for a stream that is not rewritten");
    assert!(stream <= INSTRUCTIONS, "a stream takes {stream} instructions, the budget is {INSTRUCTIONS}");
    for (content_type, body, budget) in INSTRUCTIONS_A_KIB {
        let each = (used(content_type, body, 17) - used(content_type, body, 1)) / 16;
        println!("{each} instructions for a KiB of {content_type} as {body:?}");
        assert!(each <= budget, "a KiB of {body:?} takes {each} instructions, the budget is {budget}");
    }
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    let expected = [
        "env.proxy_define_metric",
        "env.proxy_get_buffer_bytes",
        "env.proxy_get_buffer_status",
        "env.proxy_get_header_map_value",
        "env.proxy_increment_metric",
        "env.proxy_log",
        "env.proxy_remove_header_map_value",
        "env.proxy_replace_header_map_value",
        "env.proxy_send_local_response",
        "env.proxy_set_buffer_bytes",
    ];
    assert_eq!(imports(&shipped()?)?, expected);
    Ok(())
}
