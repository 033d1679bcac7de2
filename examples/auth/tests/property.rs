//! Whatever is done to a good token or signed request, it is refused.

mod signed;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use proxy_filter_test::{MockProxy, VmKind};
use signed::*;

/// One edit of a text: a byte becomes another, comes in, or goes.
#[derive(Clone, Debug)]
enum Edit {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Cut(prop::sample::Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    // Bytes that a header can hold, most of them of the token's own alphabet.
    let byte = prop_oneof![
        4 => prop::sample::select(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.".to_vec()),
        1 => (0x21..=0xff_u8).prop_filter("a control character", |byte| *byte != 0x7f),
    ];
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), byte.clone()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (at(), byte).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        at().prop_map(Edit::Remove),
        (at(), at()).prop_map(|(a, b)| Edit::Swap(a, b)),
        at().prop_map(Edit::Cut),
    ]
}

fn edited(token: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = token.as_bytes().to_vec();
    for edit in edits {
        let len = bytes.len();
        match edit {
            Edit::Insert(at, byte) => bytes.insert(at.index(len + 1), *byte),
            _ if len == 0 => {}
            Edit::Replace(at, byte) => bytes[at.index(len)] = *byte,
            Edit::Remove(at) => drop(bytes.remove(at.index(len))),
            Edit::Swap(a, b) => bytes.swap(a.index(len), b.index(len)),
            Edit::Cut(at) => bytes.truncate(at.index(len)),
        }
    }
    bytes
}

fn passes(proxy: &MockProxy, token: &[u8]) -> bool {
    let exchange = proxy.send(get("/cart").with_header("authorization", [b"Bearer ", token].concat()));
    assert!(exchange.reached_upstream() || matches!(exchange.response().status().as_u16(), 400 | 401));
    exchange.reached_upstream()
}

/// `PROPTEST_CASES` says how many.
fn cases(default: u32) -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default);
    Config { failure_persistence: None, cases, ..Config::default() }
}

#[test]
fn any_change_of_a_good_token_is_refused() {
    let proxy = proxy(VmKind::Native, config()).expect("a configuration");
    let tokens = ALGORITHMS
        .map(|(algorithm, kid, sign)| signed(format!(r#"{{"alg":"{algorithm}","kid":"{kid}"}}"#), claims().to_string(), sign));
    for token in &tokens {
        assert!(passes(&proxy, token.as_bytes()), "{token}");
    }
    let strategy = (0..tokens.len(), prop::collection::vec(edit(), 1..4));
    let result = TestRunner::new(cases(400)).run(&strategy, |(which, edits)| {
        let token = &tokens[which];
        let other = edited(token, &edits);
        // White space around a header's value is not of it.
        prop_assume!(other.trim_ascii() != token.as_bytes());
        prop_assert!(!passes(&proxy, &other), "{}", other.escape_ascii());
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn any_header_and_claims_that_nobody_signed_are_refused() {
    let proxy = proxy(VmKind::Native, config()).expect("a configuration");
    let word = prop::sample::select(vec![
        "alg", "kid", "typ", "jwk", "crit", "iss", "aud", "exp", "none", "HS256", "ES256", "ec", "shop", ISSUER,
    ]);
    let leaf = prop_oneof![
        word.clone().prop_map(|word| format!("\"{word}\"")),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("null".to_owned())
    ];
    let json = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    let strategy = (json.clone(), json, prop::collection::vec(any::<u8>(), 0..80));
    let result = TestRunner::new(cases(400)).run(&strategy, |(header, payload, signature)| {
        let token = signed(&header, &payload, |_| signature.clone());
        prop_assert!(!passes(&proxy, token.as_bytes()), "{header} {payload}");
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
