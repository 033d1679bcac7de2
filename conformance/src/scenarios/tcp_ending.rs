//! How TCP connections through a plugin end: by either side, by the plugin, by its death.

use crate::connection::Step::{ClientEnds, ClientResets, ClientSends, UpstreamEnds, UpstreamResets, UpstreamSends, Wait};
use crate::scenario::{FailurePolicy, Scenario, Upstream, scenario};

pub(super) fn all() -> Vec<Scenario> {
    [by_the_ends(), by_the_plugin(), by_a_trap(), by_a_trap_under_policies()].concat()
}

fn by_the_ends() -> Vec<Scenario> {
    vec![
        scenario("tcp-client-ends-first", &["TCP-7", "TCP-8", "TCP-9", "NUM-12"]).connection([
            ClientSends("hello"),
            ClientEnds,
            UpstreamSends("late"),
            UpstreamEnds,
        ]),
        scenario("tcp-upstream-ends-first", &["TCP-7", "TCP-8", "TCP-9"]).connection([
            UpstreamSends("hello"),
            UpstreamEnds,
            ClientSends("late"),
            ClientEnds,
        ]),
        scenario("tcp-client-resets", &["TCP-9", "NUM-12"]).connection([ClientSends("hello"), ClientResets]),
        scenario("tcp-upstream-resets", &["TCP-8", "TCP-18"]).connection([UpstreamSends("hello"), UpstreamResets]),
        scenario("tcp-upstream-refuses", &["TCP-9", "TCP-18"]).upstream(Upstream::Refuse).connection([]),
        scenario("tcp-client-ends-and-the-end-is-held", &["TCP-7", "TCP-16"])
            .script("downstream_data: get_buffer 2 0 99, return 1")
            .connection([ClientSends("one"), ClientEnds, Wait(100), UpstreamEnds]),
        scenario("tcp-upstream-ends-and-the-end-is-held", &["TCP-7", "TCP-8", "TCP-16"])
            .script("upstream_data: get_buffer 3 0 99, return 1")
            .connection([UpstreamSends("one"), UpstreamEnds, Wait(100), ClientSends("x"), ClientEnds]),
        scenario("tcp-client-ends-last-and-the-end-is-held", &["TCP-9", "TCP-16"])
            .script("downstream_data: return 1")
            .connection([UpstreamEnds, ClientSends("one"), ClientEnds]),
        scenario("tcp-upstream-ends-last-and-the-end-is-held", &["TCP-9", "TCP-16"])
            .script("upstream_data: return 1")
            .connection([ClientSends("one"), ClientEnds, UpstreamSends("two"), UpstreamEnds]),
        scenario("tcp-both-ends-are-held", &["TCP-16"])
            .script("downstream_data: return 1; upstream_data: return 1")
            .connection([ClientSends("one"), ClientEnds, UpstreamSends("two"), UpstreamEnds]),
        scenario("tcp-client-ends-and-resets", &["TCP-9"]).connection([
            ClientSends("one"),
            ClientEnds,
            ClientResets,
            UpstreamSends("two"),
            UpstreamSends("three"),
            UpstreamEnds,
        ]),
        scenario("tcp-upstream-ends-and-resets", &["TCP-18"]).connection([
            UpstreamSends("one"),
            UpstreamEnds,
            UpstreamResets,
            ClientSends("two"),
            ClientSends("three"),
            ClientEnds,
        ]),
        scenario("tcp-the-clients-end-is-held-and-the-upstream-resets", &["TCP-16", "TCP-18"])
            .script("downstream_data: return 1")
            .connection([ClientSends("one"), ClientEnds, UpstreamResets]),
        scenario("tcp-the-upstreams-end-is-held-and-the-client-resets", &["TCP-9", "TCP-16"])
            .script("upstream_data: return 1; downstream_close: get_buffer 3 0 99")
            .connection([UpstreamSends("one"), UpstreamEnds, ClientResets]),
    ]
}

fn by_the_plugin() -> Vec<Scenario> {
    vec![
        scenario("tcp-close-in-new-connection", &["TCP-5", "TCP-9"]).script("new_connection: close 2").connection([]),
        scenario("tcp-close-in-new-connection-and-pause", &["TCP-5"]).script("new_connection: close 3, return 1").connection([]),
        scenario("tcp-close-of-a-paused-new-connection", &["TCP-5", "TCP-13"])
            .script("new_connection: tick_period 500, return 1; tick: tick_period 0, effective stream, close 2")
            .connection([ClientSends("hello"), Wait(700)]),
        scenario("tcp-close-in-downstream-data", &["TCP-5", "TCP-9"])
            .script("downstream_data: close 2")
            .connection([ClientSends("hello"), UpstreamSends("late")]),
        scenario("tcp-close-in-downstream-data-and-pause", &["TCP-5", "TCP-9"])
            .script("downstream_data: close 3, return 1")
            .connection([ClientSends("hello")]),
        scenario("tcp-close-in-upstream-data", &["TCP-5", "TCP-8"])
            .script("upstream_data: close 2")
            .connection([UpstreamSends("hello")]),
        scenario("tcp-close-in-upstream-data-and-pause", &["TCP-5", "TCP-8"])
            .script("upstream_data: close 3, return 1")
            .connection([UpstreamSends("hello")]),
        scenario("tcp-close-in-upstream-close", &["TCP-5", "TCP-8"])
            .script("upstream_close: close 2")
            .connection([UpstreamSends("hello"), UpstreamEnds]),
        scenario("tcp-close-from-a-tick", &["TCP-5"])
            .script("new_connection: tick_period 300; tick: tick_period 0, effective stream, close 2")
            .connection([ClientSends("hello"), Wait(500)]),
        scenario("tcp-close-then-continue", &["TCP-5"])
            .script("downstream_data: tick_period 300, return 1; tick: tick_period 0, effective stream, close 2, continue 2")
            .connection([UpstreamSends("one"), ClientSends("two"), Wait(500)]),
        scenario("tcp-continue-then-close", &["TCP-5"])
            .script("downstream_data: tick_period 300, return 1; tick: tick_period 0, effective stream, continue 2, close 2")
            .connection([UpstreamSends("one"), ClientSends("two"), Wait(500)]),
        scenario("tcp-continue-then-close-inside", &["TCP-5"])
            .script("downstream_data: continue 2, close 2")
            .connection([ClientSends("two")]),
        scenario("tcp-close-twice-and-when-it-is-over", &["TCP-5"])
            .script(
                "downstream_data: close 2, close 3; upstream_close: close 2; downstream_close: close 2, continue 2; done: close 2; \
                 log: close 2, continue 2; delete: close 2",
            )
            .connection([ClientSends("hello")]),
        scenario("tcp-close-by-the-first-of-two", &["TCP-5", "TCP-14"])
            .script("new_connection: close 2, log 2 first; done: log 2 first")
            .behind("")
            .connection([]),
        scenario("tcp-close-of-data-by-the-first-of-two", &["TCP-5", "TCP-14"])
            .script("downstream_data: close 2, log 2 first; done: log 2 first")
            .behind("")
            .connection([ClientSends("one")]),
        scenario("tcp-close-of-data-by-the-second-of-two", &["TCP-5", "TCP-14"])
            .script("done: log 2 first")
            .behind("upstream_data: close 2")
            .connection([UpstreamSends("one")]),
    ]
}

fn by_a_trap() -> Vec<Scenario> {
    let trapping = |name, script| scenario(name, &["FAI-14"]).own_vm().script(script);
    vec![
        trapping("tcp-trap-in-context-create", "context_create: trap").connection([]),
        trapping("tcp-trap-in-new-connection", "new_connection: trap").connection([]).connection([]),
        trapping("tcp-trap-in-downstream-data", "downstream_data: trap").connection([ClientSends("hello")]).connection([]),
        trapping("tcp-trap-in-upstream-data", "upstream_data: trap").connection([UpstreamSends("hello")]),
        trapping("tcp-trap-in-upstream-close", "upstream_close: trap").connection([UpstreamEnds, ClientSends("x")]),
        trapping("tcp-trap-in-downstream-close", "downstream_close: trap").connection([
            ClientSends("x"),
            ClientEnds,
            UpstreamEnds,
        ]),
        trapping("tcp-trap-in-done", "done: trap").connection([ClientSends("x"), ClientEnds, UpstreamEnds]),
        trapping("tcp-trap-in-log", "log: trap").connection([ClientSends("x"), ClientResets]).connection([]),
        trapping("tcp-trap-after-close", "downstream_data: close 2, trap").connection([ClientSends("one")]),
        trapping("tcp-trap-in-a-tick", "new_connection: tick_period 300; tick: trap").connection([
            ClientSends("one"),
            Wait(500),
            ClientSends("two"),
        ]),
        trapping("tcp-trap-in-a-tick-then-upstream-data", "new_connection: tick_period 300; tick: trap").connection([
            ClientSends("one"),
            Wait(500),
            UpstreamSends("two"),
        ]),
        trapping("tcp-trap-in-a-tick-then-the-clients-end", "new_connection: tick_period 300; tick: trap").connection([
            ClientSends("one"),
            Wait(500),
            ClientEnds,
        ]),
        trapping("tcp-trap-in-the-second-of-two", "downstream_data: log 2 first; done: log 2 first")
            .behind("downstream_data: trap")
            .connection([ClientSends("one")]),
    ]
}

fn by_a_trap_under_policies() -> Vec<Scenario> {
    let trapping = |name, policy, script| {
        // The wait is longer than the short back-off.
        let data = [ClientSends("hello"), UpstreamSends("bye"), ClientSends("more"), Wait(50)];
        scenario(name, &["FAI-14"]).failure_policy(policy).script(script).connection(data).connection(data)
    };
    let before = |name, script| scenario(name, &["FAI-16", "FAI-14"]).failure_policy(FailurePolicy::FailOpen).script(script);
    let (closed, open, fail_open) = (FailurePolicy::Closed, FailurePolicy::Open, FailurePolicy::FailOpen);
    let (reload, late) = (FailurePolicy::Reload(2), FailurePolicy::Reload(3_600_000));
    vec![
        trapping("tcp-closed-trap-in-new-connection", closed, "new_connection: trap"),
        trapping("tcp-closed-trap-in-downstream-data", closed, "downstream_data: trap"),
        trapping("tcp-closed-trap-in-upstream-data", closed, "upstream_data: trap"),
        trapping("tcp-open-trap-in-new-connection", open, "new_connection: trap"),
        trapping("tcp-open-trap-in-downstream-data", open, "downstream_data: trap"),
        trapping("tcp-open-trap-in-upstream-data", open, "upstream_data: trap"),
        trapping("tcp-fail-open-trap-in-new-connection", fail_open, "new_connection: trap"),
        trapping("tcp-fail-open-trap-in-downstream-data", fail_open, "downstream_data: trap"),
        trapping("tcp-fail-open-trap-in-upstream-data", fail_open, "upstream_data: trap"),
        before("tcp-fail-open-trap-after-close-in-new-connection", "new_connection: close 2, trap")
            .connection([ClientSends("hello"), UpstreamSends("bye")]),
        before("tcp-fail-open-trap-after-close-in-downstream-data", "downstream_data: close 2, trap")
            .connection([ClientSends("hello"), UpstreamSends("bye")]),
        before("tcp-fail-open-trap-after-close-in-upstream-data", "upstream_data: close 2, trap")
            .connection([ClientSends("hello"), UpstreamSends("bye")]),
        before("tcp-fail-open-trap-after-continue", "downstream_data: continue 2, trap")
            .connection([ClientSends("hello"), UpstreamSends("bye")]),
        trapping("tcp-reload-trap-in-new-connection", reload, "new_connection: trap"),
        trapping("tcp-reload-trap-in-downstream-data", reload, "downstream_data: trap"),
        trapping("tcp-reload-trap-in-upstream-data", reload, "upstream_data: trap"),
        trapping("tcp-reload-not-before-its-time", late, "downstream_data: trap"),
    ]
}
