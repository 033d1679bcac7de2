//! `examples/rate-limit`. Its limits refill over hours, so that nothing depends on how fast the requests follow one another.

use crate::scenario::{Guest, Scenario, get, post, respond, scenario};

fn limited(name: &'static str, rows: &'static [&'static str], config: &'static str) -> Scenario {
    scenario(name, rows).guest(Guest::Example("rate-limit"), "rate_limit").own_vm().config(config)
}

pub(super) fn all() -> Vec<Scenario> {
    vec![
        limited(
            "rate-limit-refuses-what-is-over",
            &["SHD-1", "SHD-3", "LOC-2", "LOC-9", "PRO-24", "TIM-5"],
            r#"{"rules": [{"name": "all", "requests": 2, "seconds": 7200}]}"#,
        )
        .request(get("/a"))
        .request(post("/b").body(&["abc"]))
        .request(get("/c"))
        .request(post("/d").chunked(&["a", "b"]))
        .response(respond(200).header("ratelimit-limit", "1000").body(&["hello"])),
        limited(
            "rate-limit-keys-and-rules",
            &["SHD-3", "SHD-9", "HDR-9", "LOC-12"],
            r#"{"headers": "draft-8", "rules": [
                {"name": "login", "path_prefix": "/login", "methods": ["POST"], "requests": 1, "seconds": 3600},
                {"name": "keyed", "key": [{"header": "x-api-key"}, "host", {"path_segments": 1}], "requests": 1, "seconds": 3600},
                {"name": "tried", "requests": 1, "seconds": 3600, "enforce": false}]}"#,
        )
        .request(post("/login?next=/").body(&["a=b"]))
        .request(post("/login").body(&["a=b"]))
        .request(get("/login").header("x-api-key", "1"))
        .request(get("/login/again?q=1").header("x-api-key", "1").header("x-api-key", "2"))
        .request(get("/other").header("x-api-key", "1"))
        .request(get("/login").header("x-api-key", "1").header("content-type", "application/grpc"))
        .request(get("/tried"))
        .request(get("/tried")),
        limited(
            "rate-limit-counts-what-it-refuses",
            &["MET-14", "MET-16", "SHD-3"],
            r#"{"headers": "none", "rules": [{"name": "counted", "key": [], "requests": 1, "seconds": 3600}]}"#,
        )
        .request(get("/"))
        .request(get("/"))
        .request(get("/"))
        .metrics("counted"),
        limited("rate-limit-refuses-a-configuration", &["LIF-13"], r#"{"rules": [{"name": "all", "requests": 0}]}"#).only_loads(),
    ]
}
