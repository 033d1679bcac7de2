//! `examples/json-validate`.

use crate::scenario::{Guest, Scenario, get, post, scenario};

/// Asks much of a deep document: twelve schemas of each level.
const DEEP: &str = r##"{"max_depth": 100, "schema": {"$ref": "#/$defs/a", "$defs": {
    "a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"allOf": [{"$ref": "#/$defs/c"}]}, "c": {"allOf": [{"$ref": "#/$defs/d"}]},
    "d": {"allOf": [{"$ref": "#/$defs/e"}]}, "e": {"allOf": [{"$ref": "#/$defs/f"}]}, "f": {"items": {"$ref": "#"}}}}}"##;

pub(super) fn all() -> Vec<Scenario> {
    let validate = |name, rows| {
        scenario(name, rows).guest(Guest::Example("json-validate"), "json_validate").config(
            r#"{"limit": 40, "schema": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string", "pattern": "^[a-z]+-[0-9]+$"},
               "count": {"type": "integer", "minimum": 1}}, "additionalProperties": false}}"#,
        )
    };
    let json = || post("/orders").header("content-type", "application/json");
    let deep: &'static str = ("[".repeat(100) + &"]".repeat(100)).leak();
    vec![
        validate("json-validate", &["LOC-2", "LOC-8", "LOC-9", "HDR-25", "ACT-9"])
            .request(json().body(&[r#"{"sku": "pear-3","#, r#" "count": 2}"#]))
            .request(json().body(&[r#"{"sku": "PEAR", "#, r#""count": 0}"#]))
            .request(json().chunked(&[r#"{"sku": "#, "}"]))
            .request(json().chunked(&[r#"{"sku": "pear-3"}"#]).trailer("x-t", "1"))
            .request(get("/")),
        validate("json-validate-over-http2", &["LOC-2", "SEQ-5", "SEQ-7"])
            .request(json().body(&[r#"{"sku": "pear-3","#, r#" "count": 2}"#]))
            .request(json().body(&[r#"{"sku": "PEAR", "#, r#""count": 0}"#]))
            .request(json().chunked(&[r#"{"skus": 1}"#]).trailer("x-t", "1"))
            .http2()
            .http2_upstream(),
        validate("json-validate-over-the-limit", &["LOC-2", "LOC-8"])
            .request(json().body(&[r#"{"sku": "pear-3", "count": 2}"#, "                "]))
            .request(json().chunked(&[r#"{"sku": "pear-3", "count": 2}"#, "                "])),
        validate("json-validate-other-bodies", &["LOC-9", "SEQ-3", "SEQ-4"])
            .request(post("/orders").header("content-type", "text/plain").body(&["a=1"]))
            .request(json().header("content-encoding", "gzip").body(&["a=1"]))
            .request(json().body(&[]))
            .request(json().chunked(&[])),
        scenario("json-validate-with-held-headers", &["ACT-5", "LOC-2"])
            .guest(Guest::Example("json-validate"), "json_validate")
            .config(r#"{"hold_headers": true, "schema": {"type": "object"}}"#)
            .headers_stop_iteration()
            .request(json().body(&["{\"a\": ", "1}"]))
            .request(json().body(&["[1, ", "2]"])),
        scenario("json-validate-deep-documents", &["LOC-2"])
            .guest(Guest::Example("json-validate"), "json_validate")
            .config(DEEP)
            .request(json().body(&[deep]))
            .request(json().body(&["[[[[[[[[[[]]]]]]]]]]"])),
    ]
}
