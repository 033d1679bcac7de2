//! What holds for any weights and any clients, natively. `PROPTEST_CASES` says how many are tried.

use canary::PLUGINS;
use http::Request;
use proptest::collection::{btree_map, hash_set, vec};
use proptest::prelude::*;
use proxy_filter_test::{Message, MockProxy, Plugin};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CLIENTS: usize = 200;

fn started(root_id: &str, config: &Value) -> MockProxy {
    MockProxy::new(Plugin::native(&PLUGINS, root_id).config(config.to_string())).unwrap()
}

/// The version of each of these users.
fn versions(weights: &[u32], users: &[String]) -> Vec<usize> {
    let versions: Vec<_> =
        weights.iter().enumerate().map(|(n, weight)| json!({"name": n.to_string(), "weight": weight})).collect();
    let proxy = started("canary", &json!({"versions": versions, "hash": [{"header": "x-user-id"}]}));
    let version = |user: &String| {
        let exchange = proxy.send(Request::get("http://shop.example/").header("x-user-id", user).body("").unwrap());
        exchange.upstream_request().headers()["x-canary"].to_str().unwrap().parse().unwrap()
    };
    users.iter().map(version).collect()
}

fn users() -> impl Strategy<Value = Vec<String>> {
    hash_set("[a-z0-9-]{4,40}", CLIENTS).prop_map(|users| users.into_iter().collect())
}

/// Weights with a sum above 0.
fn weights(most: u32) -> impl Strategy<Value = Vec<u32>> {
    (vec(0..most, 0..4), 1..most).prop_map(|(mut weights, last)| {
        weights.push(last);
        weights
    })
}

/// Those that a proxy lets through.
fn byte() -> impl Strategy<Value = u8> {
    any::<u8>().prop_map(|byte| if byte.is_ascii_control() { b';' } else { byte })
}

/// Each case sends hundreds of requests.
fn few() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(asked.unwrap_or(12)) }
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn shares_are_as_the_weights_say(weights in weights(100), users in users()) {
        let versions = versions(&weights, &users);
        let total: u32 = weights.iter().sum();
        for (version, weight) in weights.iter().enumerate() {
            let share = f64::from(*weight) / f64::from(total);
            let seen = versions.iter().filter(|other| **other == version).count() as f64 / CLIENTS as f64;
            // Six standard deviations: once in a thousand million tries.
            let tolerance = 6.0 * (share * (1.0 - share) / CLIENTS as f64).sqrt();
            prop_assert!((seen - share).abs() <= tolerance, "version {}: {} instead of {}", version, seen, share);
        }
    }

    #[test]
    fn only_the_share_moves_that_changes_hands(first in 0..=100_u32, second in 0..=100_u32, users in users()) {
        let (before, after) = (versions(&[100 - first, first], &users), versions(&[100 - second, second], &users));
        let moved: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
        // All of them in one direction: who stays in a version that grows has been there before.
        prop_assert!(moved.iter().all(|(_, after)| **after == usize::from(second > first)));
        let share = f64::from(first.abs_diff(second)) / 100.0;
        let tolerance = 6.0 * (share * (1.0 - share) / CLIENTS as f64).sqrt();
        prop_assert!((moved.len() as f64 / CLIENTS as f64 - share).abs() <= tolerance, "{} moved instead of {}", moved.len(), share);
    }

    #[test]
    fn equal_shares_are_equal_whatever_they_are_counted_in(weights in weights(1000), times in 1..1_000_000_u32, users in users()) {
        let scaled: Vec<_> = weights.iter().map(|weight| weight * times.min(u32::MAX / 5_000)).collect();
        prop_assert_eq!(versions(&weights, &users), versions(&scaled, &users));
    }

    #[test]
    fn whatever_a_client_sends_it_has_one_of_the_versions(
        headers in vec(("(x-canary|x-user-id|cookie|[a-z]{1,3})", vec(byte(), 0..40)), 0..12),
        address in "\\PC{0,30}",
    ) {
        let proxy = started("canary", &serde_json::from_str(include_str!("../config.json")).unwrap());
        proxy.set_property("source.address", address);
        let message = Message::from(Request::get("http://shop.example/").body("").unwrap());
        let message = headers.into_iter().fold(message, |message, (name, value)| message.with_header(name, value));
        let exchange = proxy.send(message);
        let upstream = exchange.raw_upstream_request().unwrap();
        let versions: Vec<_> = upstream.headers().iter().filter(|(name, _)| name == "x-canary").map(|(_, value)| &value[..]).collect();
        prop_assert!(versions == [b"v1"] || versions == [b"v2"], "{:?}", versions);
    }

    #[test]
    fn the_map_finds_what_a_plain_one_finds(
        redirects in btree_map((0..3_u8, "/[ab]{0,3}"), "/to/[a-z]{0,8}", 0..60),
        requests in vec((0..4_u8, "/[ab]{0,3}"), 40),
    ) {
        let host = |number: u8| format!("host-{number}.example");
        // Number 0 stands for every host.
        let entry = |((number, from), to): (&(u8, String), &String)| match number {
            0 => json!({"from": from, "to": to}),
            _ => json!({"host": host(*number), "from": from, "to": to}),
        };
        let proxy = started("redirects", &json!({"redirects": redirects.iter().map(entry).collect::<Vec<_>>()}));
        for (number, path) in requests {
            let exchange = proxy.send(Request::get(format!("http://{}{path}", host(number))).body("").unwrap());
            let location = exchange.response().headers().get("location").map(|location| location.to_str().unwrap().to_owned());
            let expected = redirects.get(&(number, path.clone())).filter(|_| number > 0).or_else(|| redirects.get(&(0, path)));
            prop_assert_eq!(location.as_ref(), expected);
        }
    }

    #[test]
    fn what_is_accepted_leads_to_an_end(targets in vec((0..3_u8, 0..12_u8, 0..3_u8, 0..12_u8), 0..16)) {
        let host = |number: u8| format!("host-{number}.example");
        // By host and path: what it leads to. Number 0 stands for every host, as a target for the same one.
        let redirects: BTreeMap<_, _> = targets.into_iter().map(|(host, path, to_host, to_path)| ((host, path), (to_host, to_path))).collect();
        let entry = |((of, from), (on, to)): (&(u8, u8), &(u8, u8))| {
            let to = if *on == 0 { format!("/{to}") } else { format!("https://{}/{to}", host(*on)) };
            match of {
                0 => json!({"from": format!("/{from}"), "to": to}),
                _ => json!({"host": host(*of), "from": format!("/{from}"), "to": to}),
            }
        };
        let config = json!({"redirects": redirects.iter().map(entry).collect::<Vec<_>>()});
        let ends = |mut host: u8, mut path: u8| {
            for _ in 0..=10 {
                let Some((to_host, to_path)) = redirects.get(&(host, path)).filter(|_| host > 0).or_else(|| redirects.get(&(0, path))) else {
                    return true;
                };
                (host, path) = (if *to_host == 0 { host } else { *to_host }, *to_path);
            }
            false
        };
        // Host 3 is one that no redirect names.
        let all_end = (0..4).all(|host| (0..12).all(|path| ends(host, path)));
        let accepted = MockProxy::new(Plugin::native(&PLUGINS, "redirects").config(config.to_string())).is_ok();
        prop_assert_eq!(accepted, all_end);
    }
}
