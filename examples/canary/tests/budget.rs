//! What the plugins cost as they ship: their size, their instructions and memory, and what they ask of a proxy. README.md has the same
//! figures. A budget that is exceeded is raised on purpose or not at all.

use http::{Request, request};
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use proxy_filter_test::{MockProxy, Plugin, TestResult, imports};
use serde_json::json;

const BYTES: usize = 139_264;
/// Of a stream, by what the client is known by.
const USER: u64 = 760;
const COOKIE: u64 = 3_500;
const NO_COOKIE: u64 = 3_250;
const ADDRESS: u64 = 1_120;
/// Of a stream, with 10,000 redirects for all hosts.
const REDIRECTED: u64 = 6_800;
const NOT_REDIRECTED: u64 = 1_560;
/// Of 10,000 redirects, 74 bytes of JSON each, while they are read and as long as they are there.
const CONFIGURE: u64 = 90_000_000;
const MEMORY: u64 = 3_604_480;

fn shipped() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    Ok(std::fs::read(FilterCrate::build_once(env!("CARGO_MANIFEST_DIR"), &options)?.wasm)?)
}

fn start(root_id: &str, config: String) -> Result<MockProxy, Box<dyn std::error::Error>> {
    let plugin = Plugin::from_bytes(shipped()?).root_id(root_id).config(config);
    Ok(MockProxy::new(plugin)?)
}

/// What a second stream takes: the first makes the table that later ones use.
fn instructions(proxy: &MockProxy, request: impl Fn() -> request::Builder) -> Result<u64, Box<dyn std::error::Error>> {
    drop(proxy.send(request().body("")?));
    let exchange = proxy.send(request().body("")?);
    let counted =
        ["proxy_on_context_create", "proxy_on_request_headers", "proxy_on_response_headers", "proxy_on_done", "proxy_on_delete"];
    Ok(exchange.callbacks().iter().filter(|(name, _)| counted.contains(name)).map(|(_, fuel)| fuel).sum())
}

fn get(path: &str) -> request::Builder {
    Request::get(format!("http://shop.example{path}"))
}

#[test]
fn the_module_is_small() -> TestResult {
    let size = shipped()?.len();
    assert!(size <= BYTES, "canary.wasm has {size} bytes, the budget is {BYTES}");
    Ok(())
}

#[test]
fn a_stream_costs_few_instructions() -> TestResult {
    let versions = json!([{"name": "v1", "weight": 95}, {"name": "v2", "weight": 5}]);
    let by_address = start("canary", json!({ "versions": versions }).to_string())?;
    let by_user = start("canary", json!({"versions": versions, "hash": [{"header": "x-user-id"}]}).to_string())?;
    let by_cookie =
        start("canary", json!({"versions": versions, "hash": [{"cookie": {"name": "canary", "set": {}}}]}).to_string())?;
    let user = instructions(&by_user, || get("/").header("x-user-id", "5f0c1de2"))?;
    let cookie = instructions(&by_cookie, || get("/").header("cookie", "session=1; canary=0123456789abcdef"))?;
    let no_cookie = instructions(&by_cookie, || get("/"))?;
    let address = instructions(&by_address, || get("/"))?;
    println!("by a header {user}, by a cookie {cookie}, without one {no_cookie}, by address {address}");
    for (what, used, budget) in
        [("header", user, USER), ("cookie", cookie, COOKIE), ("new cookie", no_cookie, NO_COOKIE), ("address", address, ADDRESS)]
    {
        assert!(used <= budget, "a stream by its {what} takes {used} instructions, the budget is {budget}");
    }
    Ok(())
}

/// The paths of a shop that has moved its catalogue.
fn ten_thousand() -> String {
    let entry = |n: u32| format!(r#"{{"from":"/catalogue/item-{n:05}.html","to":"/products/{n:05}","status":308}}"#);
    format!(r#"{{"redirects":[{}]}}"#, (0..10_000).map(entry).collect::<Vec<_>>().join(","))
}

#[test]
fn ten_thousand_redirects_cost_little() -> TestResult {
    let config = ten_thousand();
    let bytes = config.len();
    let proxy = start("redirects", config)?;
    let configured =
        proxy.callbacks().iter().filter(|(name, _)| *name == "proxy_on_configure").map(|(_, fuel)| fuel).sum::<u64>();
    let memory = proxy.memory_size().ok_or("it is Wasm")?;
    let all = (0..10_000).step_by(37).map(|n| instructions(&proxy, || get(&format!("/catalogue/item-{n:05}.html?a=1"))));
    let redirected = all.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or_default();
    let passed = instructions(&proxy, || get("/catalogue/item-10000.html?a=1"))?;
    println!(
        "{bytes} bytes of JSON: {configured} instructions, {memory} bytes of memory; redirected {redirected}, passed {passed}"
    );
    assert!(configured <= CONFIGURE, "10,000 redirects are read in {configured} instructions, the budget is {CONFIGURE}");
    assert!(memory <= MEMORY, "10,000 redirects take {memory} bytes of memory, the budget is {MEMORY}");
    assert!(redirected <= REDIRECTED, "a request that is redirected takes {redirected} instructions, the budget is {REDIRECTED}");
    assert!(passed <= NOT_REDIRECTED, "a request that is not takes {passed} instructions, the budget is {NOT_REDIRECTED}");
    Ok(())
}

#[test]
fn it_imports_only_the_hostcalls_that_it_uses() -> TestResult {
    let expected = [
        "env.proxy_add_header_map_value",
        "env.proxy_call_foreign_function",
        "env.proxy_get_buffer_bytes",
        "env.proxy_get_header_map_pairs",
        "env.proxy_get_header_map_value",
        "env.proxy_get_property",
        "env.proxy_log",
        "env.proxy_remove_header_map_value",
        "env.proxy_replace_header_map_value",
        "env.proxy_send_local_response",
        "wasi_snapshot_preview1.random_get",
    ];
    assert_eq!(imports(&shipped()?)?, expected);
    Ok(())
}
