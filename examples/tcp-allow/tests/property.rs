//! Whatever a client says and however it is cut: what is let in is what a reader of the whole would let in, and nothing else goes on.

use proptest::prelude::*;
use proxy_filter_test::{MockProxy, Plugin};
use serde_json::json;
use std::net::Ipv6Addr;
use tcp_allow::PLUGINS;

const PREFIXES: [&[u8]; 5] = [b"GET ", b"POST ", b"SSH-2.0-", b"\x00\x01\x02", b"GEX"];

/// Something that begins as a prefix does, or goes wrong after some of it, or is anything.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..20);
    let near = (0..PREFIXES.len(), 0..9_usize, bytes()).prop_map(|(which, length, rest)| {
        let prefix = PREFIXES[which];
        [&prefix[..length.min(prefix.len())], &rest].concat()
    });
    prop_oneof![4 => near, 1 => bytes()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(256), ..ProptestConfig::default() })]

    #[test]
    fn the_pieces_do_not_matter(said in said(), cuts in prop::collection::vec(0_usize..28, 0..6)) {
        let patterns = json!([{"text": "GET "}, {"text": "POST "}, {"text": "SSH-2.0-"}, {"hex": "000102"}, {"text": "GEX"}]);
        let config = json!({"allow": [{"name": "all", "first_bytes": patterns}]});
        let proxy = MockProxy::new(Plugin::native(&PLUGINS, "tcp_allow").config(config)).expect("a good configuration");
        let connection = proxy.connect();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(said.len())).chain([0, said.len()]).collect();
        cuts.sort_unstable();
        for piece in cuts.windows(2).map(|ends| &said[ends[0]..ends[1]]).filter(|piece| !piece.is_empty()) {
            connection.send(piece);
        }
        let allowed = PREFIXES.iter().any(|prefix| said.starts_with(prefix));
        let open = PREFIXES.iter().any(|prefix| prefix.starts_with(&said));
        prop_assert_eq!(connection.to_upstream(), if allowed { &said[..] } else { &[] });
        prop_assert_eq!(connection.is_closed(), !allowed && !open, "{:?}", connection);
        connection.end();
        prop_assert_eq!(connection.is_closed(), !allowed);
        prop_assert_eq!(connection.to_upstream(), if allowed { &said[..] } else { &[] });
    }

    #[test]
    fn networks_are_what_their_bits_say(network: u128, length in 0_u32..=128, address: u128, near in 0_u32..=128) {
        let mask = |length: u32| u128::MAX.checked_shl(128 - length).unwrap_or(0);
        // As near as that to the network's first address.
        let address = (network & mask(near)) | (address & !mask(near));
        let (first, address) = (Ipv6Addr::from(network & mask(length)), Ipv6Addr::from(address));
        prop_assume!(first.to_ipv4_mapped().is_none() && address.to_ipv4_mapped().is_none());
        let config = json!({"allow": [{"name": "all", "sources": [format!("{first}/{length}")]}]});
        let proxy = MockProxy::new(Plugin::native(&PLUGINS, "tcp_allow").config(config)).expect("a good configuration");
        proxy.set_property("source.address", format!("[{address}]:80"));
        prop_assert_eq!(proxy.connect().is_closed(), u128::from(address) & mask(length) != u128::from(first));
    }
}
