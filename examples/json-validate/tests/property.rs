//! Whatever comes: documents near to those of the example's schema are judged as plain Rust judges them, and other bytes are answered.

use http::Request;
use json_validate::PLUGINS;
use proptest::prelude::*;
use proxy_filter_test::{Message, MockProxy, Plugin};
use serde_json::{Value, json};

fn proxy() -> MockProxy {
    MockProxy::new(Plugin::native(&PLUGINS, "json_validate").config(include_str!("../config.json"))).expect("it starts")
}

fn status(proxy: &MockProxy, body: Vec<u8>, pieces: usize) -> u16 {
    let request = Request::post("http://shop.example/").header("content-type", "application/json").body(body).expect("a request");
    proxy.send(Message::from(request).in_chunks_of(pieces)).response().status().as_u16()
}

/// The schema of `config.json`, as somebody would check it by hand.
fn is_order(document: &Value) -> bool {
    let is_item = |item: &Value| {
        let Some(item) = item.as_object() else { return false };
        let sku = |sku: &str| {
            let Some((name, number)) = sku.rsplit_once('-') else { return false };
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_lowercase())
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        };
        item.len() == 2
            && item.get("sku").and_then(Value::as_str).is_some_and(sku)
            && item
                .get("count")
                .and_then(Value::as_f64)
                .is_some_and(|count| count.fract() == 0.0 && (1.0..=99.0).contains(&count))
    };
    let Some(order) = document.as_object() else { return false };
    order
        .get("items")
        .and_then(Value::as_array)
        .is_some_and(|items| (1..=100).contains(&items.len()) && items.iter().all(is_item))
        && order.get("note").is_none_or(|note| note.as_str().is_some_and(|note| note.chars().count() <= 200))
        && order.keys().all(|key| key == "items" || key == "note")
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!(1.0)),
        Just(json!(1.5)),
        Just(json!([])),
        Just(json!({})),
        (-2..102_i64).prop_map(Value::from),
        "[a-z]{0,3}-?[0-9]{0,3}\n?".prop_map(Value::from),
    ]
}

fn items() -> impl Strategy<Value = Value> {
    let good = ("[a-z]{1,3}-[0-9]{1,3}", 1..=99_u8).prop_map(|(sku, count)| json!({"sku": sku, "count": count}));
    let near = (values(), values(), prop::option::weighted(0.1, values()));
    let near = near.prop_map(|(sku, count, more)| match more {
        Some(more) => json!({"sku": sku, "count": count, "more": more}),
        None => json!({"sku": sku, "count": count}),
    });
    prop_oneof![20 => good, 1 => near, 1 => values()]
}

fn documents() -> impl Strategy<Value = Value> {
    let items = prop_oneof![10 => prop::collection::vec(items(), 0..8), 1 => prop::collection::vec(items(), 99..102)];
    let note = prop::option::of(
        prop_oneof![10 => ".{0,20}".prop_map(Value::from), 1 => Just(json!("é".repeat(200))), 1 => Just(json!("é".repeat(201))), 1 => values()],
    );
    (items, note, prop::option::weighted(0.1, "[a-z]{1,5}")).prop_map(|(items, note, more)| {
        let mut order = json!({"items": items});
        note.into_iter().for_each(|note| order["note"] = note);
        more.into_iter().for_each(|more| order[more.as_str()] = json!(1));
        order
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn orders_are_judged_as_by_hand(document in documents(), pieces in 1..200_usize) {
        let proxy = proxy();
        let expected = if is_order(&document) { 200 } else { 400 };
        prop_assert_eq!(status(&proxy, document.to_string().into_bytes(), pieces), expected, "{}", document);
    }

    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:0e-\\u".to_vec())], 1..60)) {
        let proxy = proxy();
        let expected = if serde_json::from_slice::<Value>(&body).is_ok_and(|document| is_order(&document)) { 200 } else { 400 };
        prop_assert_eq!(status(&proxy, body, 7), expected);
        prop_assert!(proxy.trap().is_none());
    }
}
