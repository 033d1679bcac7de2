//! `examples/tcp-allow`, as a network filter before a TCP proxy.

use crate::connection::Step::{ClientEnds, ClientResets, ClientSends, UpstreamEnds, UpstreamSends, Wait};
use crate::scenario::{Guest, Scenario, scenario};

fn allowing(name: &'static str, rows: &'static [&'static str], config: &'static str) -> Scenario {
    scenario(name, rows).guest(Guest::Example("tcp-allow"), "tcp_allow").own_vm().config(config)
}

pub(super) fn all() -> Vec<Scenario> {
    vec![
        allowing(
            "tcp-allow-by-source",
            &["TCP-1", "PRO-24", "MET-14"],
            r#"{"allow": [{"name": "elsewhere", "sources": ["10.0.0.0/8", "::1"]}, {"name": "by-source", "sources": ["127.0.0.0/8"]}]}"#,
        )
        .connection([ClientSends("hello"), UpstreamSends("world"), ClientEnds, UpstreamEnds])
        .metrics("by-source"),
        allowing(
            "tcp-allow-refuses-by-source",
            &["TCP-5", "TCP-9", "PRO-24"],
            r#"{"allow": [{"name": "elsewhere", "sources": ["10.0.0.0/8", "127.0.0.2", "::/0"]}]}"#,
        )
        .connection([Wait(100)]),
        allowing(
            "tcp-allow-by-first-bytes",
            &["TCP-3", "TCP-5", "TCP-7", "MET-14"],
            r#"{"allow": [{"name": "by-first-bytes", "first_bytes": ["http1_request", {"hex": "5353482d"}]}]}"#,
        )
        .connection([ClientSends("SS"), ClientSends("H"), ClientSends("-2.0-x"), UpstreamSends("SSH-2.0-y"), ClientEnds, UpstreamEnds])
        .connection([ClientSends("GE"), ClientSends("X / HTTP/1.1")])
        .connection([ClientSends("GE"), ClientEnds])
        .connection([ClientSends("PO"), ClientResets])
        .connection([ClientSends("POST / HTTP/1.1"), UpstreamSends("ok")])
        .metrics("by-first-bytes"),
        allowing(
            "tcp-allow-closes-who-stays-silent",
            &["TIM-1", "CTX-8", "TCP-5", "TCP-9"],
            r#"{"timeout_ms": 400, "allow": [{"name": "all", "first_bytes": [{"text": "HELO"}]}]}"#,
        )
        .connection([Wait(700)])
        .connection([ClientSends("HE"), Wait(700)])
        .connection([ClientSends("HELO"), Wait(700), UpstreamSends("welcome"), ClientSends(" again")]),
        allowing(
            "tcp-allow-lets-the-upstream-not-speak-first",
            &["TCP-5", "TCP-9"],
            r#"{"allow": [{"name": "all", "first_bytes": [{"text": "HELO"}]}]}"#,
        )
        .connection([UpstreamSends("220 mail.example"), ClientSends("HELO")])
        .connection([ClientSends("HELO"), UpstreamSends("220 mail.example")]),
        allowing("tcp-allow-refuses-a-configuration", &["LIF-13"], r#"{"allow": [{"name": "all", "sources": ["10.0.0.1/8"]}]}"#)
            .only_loads(),
    ]
}
