//! `examples/add-header`.

use crate::scenario::{Guest, Scenario, get, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario("add-header", &["HDR-12", "HDR-13", "HDR-14"])
            .guest(Guest::Example("add-header"), "add_header")
            .config(
                r#"{"request":{"remove":["x-secret"],"set":[["x-proto","https"]],"append":[["accept","b"],["x-list","2"]],"add":[["x-tenant","shop"]]},
                   "response":{"append":[["vary","origin"]],"add":[["x-served-by","filter"]],"remove":["x-powered-by"]}}"#,
            )
            .request(get("/").header("x-secret", "s").header("x-proto", "http").header("accept", "a").header("x-list", "1"))
            .response(respond(200).header("vary", "accept").header("x-powered-by", "php").body(&["hello"])),
    ]
}
