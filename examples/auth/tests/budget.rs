//! What the filter costs as it ships: its size, its instructions for each request, and what it asks of a proxy. A budget that is exceeded
//! is raised on purpose or not at all.

mod signed;

use base64ct::{Base64, Encoding};
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{Message, MockProxy, Plugin, TestResult, imports};
use serde_json::json;
use sha2::{Digest, Sha256};
use signed::*;
use std::time::Duration;

const BYTES: usize = 378_000;

/// Each kind of request, and the most instructions for it.
const INSTRUCTIONS: [(&str, u64); 8] = [
    ("open", 7_000),
    ("no credentials", 22_000),
    ("api key", 21_000),
    ("HS256", 265_000),
    ("RS256", 18_500_000),
    ("ES256", 18_000_000),
    ("EdDSA", 3_200_000),
    ("again", 68_000),
];

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    println!("{size} bytes");
    assert!(size <= BYTES, "auth.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

#[test]
fn a_request_costs_what_its_credential_does() -> TestResult {
    let digest: String = Sha256::digest("key").iter().map(|byte| format!("{byte:02x}")).collect();
    let mut config = config();
    config["api_keys"] = json!({"keys": [{"id": "batch", "sha256": digest, "headers": [["x-user", "batch"]]}]});
    config["signed_requests"] = json!({"keys": [{"id": "till", "secret": Base64::encode_string(&[42; 32])}]});
    config["rules"] = json!([{"prefix": "/health", "open": true}]);
    let plugin = Plugin::from_bytes(shipped()?).config(config);
    let proxy = MockProxy::builder().plugin(plugin).time(Duration::from_secs(NOW)).start()?;
    for (name, budget) in INSTRUCTIONS {
        let request = |user: &str| -> Message {
            match name {
                "open" => get("/health"),
                "no credentials" => get("/cart"),
                "api key" => get("/cart").with_header("x-api-key", "key"),
                "again" => bearer(&token(&claims())),
                _ => {
                    let (algorithm, kid, sign) =
                        ALGORITHMS.into_iter().find(|(algorithm, ..)| *algorithm == name).expect("one of ours");
                    bearer(&signed(
                        format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{kid}"}}"#),
                        claims_with("sub", user).to_string(),
                        sign,
                    ))
                }
            }
        };
        // The first request makes the tables that later ones use; it is of another user, for a token that was verified is known again.
        drop(proxy.send(request("bob")));
        let exchange = proxy.send(request("ann"));
        assert_eq!(exchange.reached_upstream(), name != "no credentials", "{name}");
        println!("{name}: {} instructions", exchange.fuel_used());
        assert!(exchange.fuel_used() <= budget, "{name} takes {} instructions, the budget is {budget}", exchange.fuel_used());
    }
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    let expected = [
        "env.proxy_close_stream",
        "env.proxy_continue_stream",
        "env.proxy_get_buffer_bytes",
        "env.proxy_get_current_time_nanoseconds",
        "env.proxy_get_header_map_pairs",
        "env.proxy_get_header_map_value",
        "env.proxy_http_call",
        "env.proxy_log",
        "env.proxy_remove_header_map_value",
        "env.proxy_replace_header_map_value",
        "env.proxy_send_local_response",
        "env.proxy_set_effective_context",
        "env.proxy_set_tick_period_milliseconds",
    ];
    assert_eq!(imports(&shipped()?)?, expected);
    Ok(())
}
