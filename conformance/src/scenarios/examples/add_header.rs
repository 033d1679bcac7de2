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
        scenario("add-header-of-several-values", &["HDR-6", "HDR-10", "HDR-11", "HDR-14", "HDR-27"])
            .guest(Guest::Example("add-header"), "add_header")
            .config(
                r#"{"request":{"remove":["X-Secret"],"set":[[":path","/new"],["Host","other.example"]],"append":[["X-List","c"],["accept","b"],["x-list",""]]},
                   "response":{"set":[[":status","404"]],"append":[["x-list","c"]],"add":[["set-cookie","b=2"]]}}"#,
            )
            .request(
                get("/old").header("x-list", "a").header("x-secret", "1").header("x-list", "b").header("accept", "a").header("X-SECRET", "2"),
            )
            .request(get("/old").header("x-list", "").header("x-list", b"\xff"))
            .response(respond(200).header("set-cookie", "a=1").header("x-list", "a").header("x-list", "b").body(&["hello"])),
    ]
}
