//! The scenarios, by the part of the table `docs/envoy.md` that they show.

mod around;
mod body;
mod buffers;
mod callouts;
mod capabilities;
mod examples;
mod expression;
mod failure;
mod fatal;
mod filters;
mod flow;
mod foreign;
mod grpc;
mod grpc_stream;
mod guest;
mod headers;
mod http2;
mod instances;
mod loading;
mod local_reply;
mod local_reply_later;
mod metrics;
mod pairs;
mod property_presence;
mod property_values;
mod proxy_wasm;
mod resume;
mod sdk_streams;
mod sequence;
mod sharing;
mod status;
mod tcp;
mod tcp_ending;
mod trailers;
mod wasi;

use crate::scenario::Scenario;

/// Every scenario. What would crash Envoy is not among them.
pub fn all() -> Vec<Scenario> {
    [
        sequence::all(),
        headers::all(),
        pairs::all(),
        body::all(),
        buffers::all(),
        callouts::all(),
        trailers::all(),
        resume::all(),
        local_reply::all(),
        local_reply_later::all(),
        filters::all(),
        examples::all(),
        flow::all(),
        around::all(),
        http2::all(),
        grpc::all(),
        fatal::all(),
        loading::all(),
        capabilities::all(),
        wasi::all(),
        proxy_wasm::all(),
        tcp::all(),
        tcp_ending::all(),
        sdk_streams::all(),
        status::all(),
        foreign::all(),
        expression::all(),
        metrics::all(),
        failure::all(),
        instances::all(),
        property_presence::all(),
        property_values::all(),
        sharing::all(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::all;
    use crate::scenario::Guest;
    use scripted_guest::script::Script;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_in_kebab_case() {
        let mut seen = BTreeSet::new();
        for scenario in all() {
            assert!(seen.insert(scenario.name), "{} twice", scenario.name);
            assert!(
                scenario.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{}",
                scenario.name
            );
            assert!(!scenario.rows.is_empty(), "{} shows no row", scenario.name);
            assert_ne!(
                scenario.name, "no-such-cluster",
                "a scenario's name is that of its cluster, and scripts call this one as nobody's"
            );
        }
    }

    #[test]
    fn every_script_can_be_read() {
        for scenario in all().iter().filter(|scenario| scenario.guest == Guest::Scripted) {
            let headers = scenario.requests().into_iter().flat_map(|request| request.headers);
            let in_headers = headers.filter(|(name, _)| name == b"x-script").map(|(_, value)| value);
            let configured = scenario.config.iter().map(|config| config.as_bytes().to_vec());
            for source in in_headers.chain(configured) {
                let script = Script::parse(&source);
                let bad: Vec<_> =
                    script.stanzas.iter().flat_map(|stanza| &stanza.operations).filter(|op| op.action.is_err()).collect();
                let expected = matches!(scenario.name, "script-errors" | "configuration-as-a-struct");
                assert_eq!(
                    !script.errors.is_empty() || !bad.is_empty(),
                    expected,
                    "{}: {:?} {bad:?}",
                    scenario.name,
                    script.errors
                );
            }
        }
    }
}
