//! Whatever is configured and sent, the headers are those that a plain list would have, natively. `PROPTEST_CASES` says how many are tried.

use add_header::PLUGINS;
use http::Request;
use proptest::collection::vec;
use proptest::prelude::*;
use proxy_filter_test::{Message, MockProxy, Plugin};
use serde_json::json;

type Pairs = Vec<(String, String)>;

/// Few names, so that they meet.
fn name() -> impl Strategy<Value = String> {
    "[Xx]-[a-dA-D]"
}

fn pairs() -> impl Strategy<Value = Pairs> {
    vec((name(), "[a-z ]{0,4}"), 0..6)
}

/// What README.md says of the four lists, on a plain list.
fn changed(mut headers: Pairs, remove: &[String], set: &Pairs, append: &Pairs, add: &Pairs) -> Pairs {
    let lower = |name: &String| name.to_ascii_lowercase();
    for name in remove {
        headers.retain(|(other, _)| *other != lower(name));
    }
    for (name, value) in set {
        headers.retain(|(other, _)| *other != lower(name));
        headers.push((lower(name), value.clone()));
    }
    for (name, value) in append {
        let of_name = headers.iter().filter(|(other, _)| *other == lower(name)).map(|(_, value)| value.clone());
        let values: Vec<String> = of_name.chain([value.clone()]).filter(|value| !value.is_empty()).collect();
        headers.retain(|(other, _)| *other != lower(name));
        headers.push((lower(name), values.join(",")));
    }
    headers.extend(add.iter().map(|(name, value)| (lower(name), value.clone())));
    headers
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn headers_are_as_on_a_plain_list(
        sent in pairs(), remove in vec(name(), 0..3), set in pairs(), append in pairs(), add in pairs(),
    ) {
        let changes = json!({"remove": remove, "set": set, "append": append, "add": add});
        let proxy = MockProxy::new(Plugin::native(&PLUGINS, "add_header").config(json!({"request": changes, "response": changes}))).unwrap();
        let with = |message: Message| sent.iter().fold(message, |message, (name, value)| message.with_header(name.to_ascii_lowercase(), value));
        let response = with(Message::new([(":status", "200")]));
        proxy.set_raw_upstream(move |_| response.clone());
        let exchange = proxy.send(with(Request::get("http://shop.example/").body("").unwrap().into()));
        let lower: Pairs = sent.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        let expected = changed(lower, &remove, &set, &append, &add);
        for message in [exchange.raw_upstream_request().unwrap(), exchange.raw_response().unwrap()] {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let seen: Pairs = message.headers().iter().map(|(name, value)| (text(name), text(value))).collect();
            // Beside them there are those of the proxy.
            let seen: Pairs = seen.into_iter().filter(|(name, _)| ["x-a", "x-b", "x-c", "x-d"].contains(&&**name)).collect();
            prop_assert_eq!(&seen, &expected);
        }
    }
}
