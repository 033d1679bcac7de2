//! Each keyword: documents that are as it says, and documents that are not, with the keyword that the answer names.

use http::Request;
use json_validate::PLUGINS;
use proxy_filter_test::{MockProxy, TestResult, both_vms};
use serde_json::{Value, json};

/// A schema; documents that it takes; documents that it does not take, where and why.
type Case = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str, &'static str)]);

const CASES: &[Case] = &[
    ("true", &["1", "{}"], &[]),
    ("false", &[], &[("null", "", "false")]),
    (
        r#"{"type": "integer"}"#,
        &["1", "-0", "1.0", "1e3", "18446744073709551616"],
        &[("1.5", "", "type"), ("\"1\"", "", "type"), ("true", "", "type")],
    ),
    (r#"{"type": ["null", "number"]}"#, &["null", "1.5", "2"], &[("false", "", "type"), ("{}", "", "type"), ("[]", "", "type")]),
    (
        r#"{"enum": [1, "a", {"b": [2]}, null]}"#,
        &["1.0", "\"a\"", r#"{"b": [2.0]}"#, "null"],
        &[("2", "", "enum"), (r#"{"b": [2, 3]}"#, "", "enum")],
    ),
    (
        r#"{"const": {"a": 1, "b": 2}}"#,
        &[r#"{"b": 2, "a": 1}"#],
        &[(r#"{"a": 1}"#, "", "const"), (r#"{"a": 1, "b": true}"#, "", "const")],
    ),
    (
        r#"{"minimum": 1.5, "exclusiveMaximum": 3}"#,
        &["1.5", "2.999", "\"0\""],
        &[("1.4", "", "minimum"), ("3", "", "exclusiveMaximum"), ("3.0", "", "exclusiveMaximum")],
    ),
    (
        r#"{"maximum": 9007199254740993, "exclusiveMinimum": -1}"#,
        &["9007199254740993", "0"],
        &[("9007199254740994", "", "maximum"), ("-1", "", "exclusiveMinimum")],
    ),
    (r#"{"multipleOf": 0.01}"#, &["4.02", "0", "-7.5", "19.99"], &[("0.005", "", "multipleOf"), ("19.995", "", "multipleOf")]),
    (r#"{"multipleOf": 3}"#, &["9", "-9", "9.0"], &[("10", "", "multipleOf"), ("9.5", "", "multipleOf")]),
    (
        r#"{"minLength": 2, "maxLength": 3}"#,
        &["\"éé\"", "\"😀😀😀\"", "1"],
        &[("\"a\"", "", "minLength"), ("\"abcd\"", "", "maxLength")],
    ),
    (r#"{"pattern": "a+b"}"#, &["\"xaab!\"", "7"], &[("\"ba\"", "", "pattern")]),
    (r#"{"items": {"type": "integer"}}"#, &["[]", "[1, 2]", "{}"], &[("[1, \"2\", 3.5]", "/1", "type")]),
    (
        r#"{"prefixItems": [{"type": "string"}, true], "items": false}"#,
        &["[]", "[\"a\", 1]"],
        &[("[1]", "/0", "type"), ("[\"a\", 1, 2]", "/2", "false")],
    ),
    (r#"{"minItems": 1, "maxItems": 2}"#, &["[1]", "[1, 2]"], &[("[]", "", "minItems"), ("[1, 2, 3]", "", "maxItems")]),
    (
        r#"{"uniqueItems": true}"#,
        &["[1, true, \"1\", [1], {\"a\": 1}]"],
        &[("[1, 2, 1.0]", "", "uniqueItems"), (r#"[{"a": 1, "b": 2}, {"b": 2, "a": 1}]"#, "", "uniqueItems")],
    ),
    (r#"{"contains": {"minimum": 5}}"#, &["[1, 5]", "6"], &[("[]", "", "contains"), ("[1, 2]", "", "contains")]),
    (
        r#"{"contains": {"minimum": 5}, "minContains": 2, "maxContains": 3}"#,
        &["[5, 6, 1]"],
        &[("[5]", "", "minContains"), ("[5, 5, 5, 5]", "", "maxContains")],
    ),
    (r#"{"contains": {"minimum": 5}, "minContains": 0}"#, &["[]", "[1]"], &[]),
    (
        r#"{"properties": {"a": {"type": "null"}}, "patternProperties": {"^b": {"type": "boolean"}}, "additionalProperties": {"type": "string"}}"#,
        &[r#"{"a": null, "b1": true, "c": ""}"#, "{}", "[]"],
        &[(r#"{"a": 1}"#, "/a", "type"), (r#"{"b1": 1}"#, "/b1", "type"), (r#"{"c": 1}"#, "/c", "type")],
    ),
    (r#"{"propertyNames": {"maxLength": 2}}"#, &[r#"{"ab": 1}"#], &[(r#"{"abc": 1}"#, "/abc", "propertyNames")]),
    (
        r#"{"minProperties": 1, "maxProperties": 2}"#,
        &[r#"{"a": 1}"#],
        &[("{}", "", "minProperties"), (r#"{"a": 1, "b": 1, "c": 1}"#, "", "maxProperties")],
    ),
    (r#"{"required": ["a", "b"]}"#, &[r#"{"a": null, "b": null}"#, "1"], &[(r#"{"a": 1}"#, "", "required")]),
    (
        r#"{"dependentRequired": {"a": ["b"]}}"#,
        &[r#"{"a": 1, "b": 1}"#, r#"{"c": 1}"#],
        &[(r#"{"a": 1}"#, "", "dependentRequired")],
    ),
    (r#"{"dependentSchemas": {"a": {"required": ["b"]}}}"#, &["{}", r#"{"a": 1, "b": 1}"#], &[(r#"{"a": 1}"#, "", "required")]),
    (r#"{"allOf": [{"minimum": 1}, {"maximum": 2}]}"#, &["1", "2"], &[("0", "", "minimum"), ("3", "", "maximum")]),
    (r#"{"anyOf": [{"type": "string"}, {"minimum": 5}]}"#, &["\"a\"", "5"], &[("4", "", "anyOf")]),
    (r#"{"oneOf": [{"minimum": 2}, {"maximum": 3}]}"#, &["1", "4"], &[("2", "", "oneOf")]),
    (r#"{"not": {"type": "string"}}"#, &["1"], &[("\"a\"", "", "not")]),
    (
        r#"{"if": {"minimum": 5}, "then": {"multipleOf": 5}, "else": {"multipleOf": 2}}"#,
        &["10", "4"],
        &[("6", "", "multipleOf"), ("3", "", "multipleOf")],
    ),
    (r#"{"then": false, "else": false}"#, &["1"], &[]),
    (
        r##"{"type": "object", "properties": {"value": {"type": "integer"}, "next": {"$ref": "#"}}}"##,
        &[r#"{"value": 1, "next": {"next": {"value": 3}}}"#],
        &[(r#"{"next": {"next": {"value": "3"}}}"#, "/next/next/value", "type"), (r#"{"next": 1}"#, "/next", "type")],
    ),
    (
        r##"{"$id": "https://shop.example/a", "items": {"$ref": "#/$defs/a~1b%25"}, "$defs": {"a/b%": {"$anchor": "x", "type": "null"}}, "contains": {"$ref": "https://shop.example/a#x"}}"##,
        &["[null]"],
        &[("[1, null]", "/0", "type")],
    ),
    (
        r#"{"title": "a", "description": "b", "default": 1, "examples": [1], "format": "email", "deprecated": true, "$comment": "c"}"#,
        &["\"no address\""],
        &[],
    ),
];

fn errors(proxy: &MockProxy, document: &str) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let request = Request::post("http://shop.example/").header("content-type", "application/json").body(document.to_owned())?;
    let exchange = proxy.send(request);
    let response = exchange.response();
    match response.status().as_u16() {
        200 => Ok(Vec::new()),
        _ => Ok(serde_json::from_slice::<Value>(response.body())?["errors"].as_array().cloned().ok_or("errors")?),
    }
}

both_vms! {
    fn each_keyword_says_what_the_standard_says(vm) -> TestResult {
        for (schema, good, bad) in CASES {
            let config = format!(r#"{{"schema": {schema}}}"#);
            let proxy = MockProxy::new(vm.plugin(&PLUGINS, "json_validate").config(config))?;
            for document in *good {
                assert_eq!(errors(&proxy, document)?, Vec::<Value>::new(), "{schema} should take {document}");
            }
            for (document, pointer, keyword) in *bad {
                let errors = errors(&proxy, document)?;
                let named = errors.iter().any(|error| error["pointer"] == *pointer && error["keyword"] == *keyword);
                assert!(named, "{schema} of {document}: {errors:?}");
            }
        }
        Ok(())
    }

    fn errors_say_what_is_there_and_what_should_be(vm) -> TestResult {
        let details = [
            (r#"{"type": ["integer", "null"]}"#, "\"a\"", "is a string, not null or an integer"),
            (r#"{"enum": ["a", 1, [2], {}]}"#, "2", "is none of \"a\", 1, […], {}"),
            (r#"{"enum": [1, 2, 3, 4, 5, 6, 7, 8, 9]}"#, "0", "is none of 1, 2, 3, 4, 5, 6, 7, 8, …"),
            (r#"{"const": "\"quoted\""}"#, "2", "is not \"\\\"quoted\\\"\""),
            (r#"{"maxItems": 1}"#, "[1, 2]", "has 2 items, more than 1"),
            (r#"{"minLength": 2}"#, "\"\"", "has 0 characters, fewer than 2"),
            (r#"{"uniqueItems": true}"#, "[3, 1, 2, 1]", "has the same item at 1 and 3"),
            (r#"{"contains": {"type": "null"}}"#, "[3]", "has 0 items that are as \"contains\" says, fewer than 1"),
            (r#"{"exclusiveMinimum": 2.5}"#, "2.5", "is not more than 2.5"),
            (r#"{"oneOf": [true, true, false]}"#, "1", "is 2 of the 3 of which it must be one"),
            (r#"{"anyOf": [false, false]}"#, "1", "is none of the 2 that are allowed"),
            (r#"{"pattern": "^a$"}"#, "\"b\"", "does not match \"^a$\""),
        ];
        for (schema, document, detail) in details {
            let proxy = MockProxy::new(vm.plugin(&PLUGINS, "json_validate").config(format!(r#"{{"schema": {schema}}}"#)))?;
            let errors = errors(&proxy, document)?;
            assert_eq!(errors.first().map(|error| &error["detail"]), Some(&json!(detail)), "{schema}");
        }
        Ok(())
    }
}
