//! `examples/canary`: the plugins `canary` and `redirects`.

use crate::scenario::{Guest, Scenario, get, post, respond, scenario};

/// Weights by which half of the users here have each version, and one that is for testers only.
const CANARY: &str = r#"{
    "versions": [{"name": "v1", "weight": 3}, {"name": "v2", "weight": 3}, {"name": "v3", "weight": 0}],
    "hash": [{"header": "x-user-id"}, {"cookie": {"name": "canary", "set": {}}}],
    "override": {"header": "x-canary", "cookie": "canary-version", "versions": ["v3"]}
}"#;

const REDIRECTS: &str = r#"{"redirects": [
    {"from": "/old", "to": "/new"},
    {"from": "/help", "to": "https://help.example/#top", "status": 302, "keep_query": false},
    {"from": "/part", "to": "/whole?of=all#part", "status": 307},
    {"host": "shop.example", "from": "/", "to": "https://www.shop.example/", "status": 308}
]}"#;

pub(super) fn all() -> Vec<Scenario> {
    let user = |id| get("/cart").header("x-user-id", id);
    vec![
        scenario("canary-by-a-header", &["FOR-13", "HDR-9", "HDR-13", "HDR-14"])
            .guest(Guest::Example("canary"), "canary")
            .config(CANARY)
            .request(user("ann"))
            .request(user("bob").header("x-canary", "v2").header("x-canary", "v1"))
            .request(user("cleo").header("x-canary", ""))
            .request(user("dora").header("x-canary", "v3").header("x-canary", "v1"))
            .request(user("\u{fc}"))
            .response(respond(200).body(&["hello"])),
        scenario("canary-by-a-cookie", &["FOR-13", "HDR-11", "HDR-36"])
            .guest(Guest::Example("canary"), "canary")
            .config(CANARY)
            .request(get("/").header("cookie", "session=1; canary=0123456789abcdef"))
            .request(get("/").header("cookie", "session=1").header("cookie", "canary=fedcba9876543210"))
            .request(post("/").header("cookie", "canary=\"; canary-version=v2").body(&["order"]))
            .request(get("/").header("cookie", "canary=a; canary-version=v3"))
            .response(respond(200).header("set-cookie", "session=2")),
        scenario("canary-of-one-version-for-every-address", &["FOR-13", "HDR-14"])
            .guest(Guest::Example("canary"), "canary")
            .config(r#"{"header": "x-version", "versions": [{"name": "v1", "percent": 100}, {"name": "v2", "percent": 0}]}"#)
            .request(get("/").header("x-version", "v2"))
            .response(respond(404)),
        scenario("redirects", &["LOC-2", "LOC-8", "LOC-9", "LOC-11"])
            .guest(Guest::Example("canary"), "redirects")
            .config(REDIRECTS)
            .request(get("/old?page=2&q=%20"))
            .request(get("/help?page=2"))
            .request(get("/part?page=2"))
            .request(get("/"))
            .request(post("/old").body(&["order"]))
            .request(get("/old/"))
            .request(get("/new"))
            .response(respond(200).body(&["hello"])),
    ]
}
