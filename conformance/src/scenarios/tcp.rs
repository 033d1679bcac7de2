//! TCP connections through a plugin as a network filter: what passes, what waits.

use crate::connection::Step::{ClientEnds, ClientResets, ClientSends, UpstreamEnds, UpstreamSends, Wait};
use crate::scenario::{Scenario, scenario};

/// Lets go of the oldest connection's data, once.
macro_rules! continue_in_tick {
    ($($rest:literal)?) => {
        concat!("tick: tick_period 0, effective stream, continue 2", $($rest)?)
    };
}

pub(super) fn all() -> Vec<Scenario> {
    [passing(), pausing_a_new_connection(), pausing_data(), several_filters()].concat()
}

fn passing() -> Vec<Scenario> {
    vec![
        scenario("tcp-order", &["TCP-1"]).connection([ClientSends("hello"), UpstreamSends("world"), ClientSends("more")]),
        scenario("tcp-done-answers-false", &["TCP-1"])
            .script("done: done, return 0")
            .connection([ClientSends("hello"), ClientResets])
            .connection([]),
        scenario("tcp-buffers-rewritten", &["TCP-7", "BUF-9", "BUF-10", "BUF-11", "BUF-12"])
            .script(
                "downstream_data#1: buffer_status 2, set_buffer 2 0 0 >, set_buffer 2 99 0 <, set_buffer 2 2 1 x, get_buffer 2 0 99; \
                 downstream_data#2: set_buffer 2 0 99 \"\", get_buffer 2 0 99; downstream_data#3: set_buffer 2 0 0 bye; \
                 upstream_data#1: set_buffer 3 0 3 J, buffer_status 3; upstream_data#2: set_buffer 3 0 0 bye, buffer_status 3",
            )
            .connection([ClientSends("hello"), ClientSends("gone"), UpstreamSends("world"), ClientEnds, UpstreamEnds]),
        scenario("tcp-buffers-elsewhere", &["TCP-12", "BUF-4", "BUF-7", "BUF-13"])
            .script(
                "context_create: get_buffer 2 0 9, get_buffer 3 0 9; \
                 new_connection: get_buffer 2 0 9, buffer_status 2, set_buffer 2 0 0 x, set_buffer 3 0 0 x, get_buffer 0 0 9, set_buffer 0 0 0 x, get_buffer 7 0 9; \
                 downstream_data: get_buffer 3 0 9, set_buffer 3 0 0 x, buffer_status 3; \
                 upstream_data: get_buffer 2 0 9, buffer_status 2, set_buffer 2 0 0 x; upstream_close: get_buffer 3 0 9, set_buffer 3 0 0 x; \
                 downstream_close: get_buffer 2 0 9, get_buffer 3 0 9, set_buffer 2 0 0 x; \
                 done: get_buffer 2 0 9; log: get_buffer 2 0 9, set_buffer 3 0 0 x; delete: get_buffer 2 0 9",
            )
            .connection([ClientSends("hello"), UpstreamSends("world"), ClientEnds, UpstreamEnds]),
        scenario("tcp-buffers-held-seen-elsewhere", &["TCP-12"])
            .script(
                "upstream_data#1: return 1; downstream_data#1: get_buffer 3 0 99, set_buffer 3 0 0 >, get_buffer 3 0 99, return 1; \
                 upstream_data#2: get_buffer 2 0 99, set_buffer 2 0 0 <; downstream_data#2: get_buffer 3 0 99; upstream_data#3: get_buffer 2 0 99",
            )
            .connection([
                UpstreamSends("one"),
                ClientSends("uno"),
                UpstreamSends("two"),
                ClientSends("due"),
                UpstreamSends("three"),
            ]),
        scenario("tcp-local-reply", &["TCP-12"])
            .script("new_connection: reply 403 body=no; downstream_data: reply 403 body=no; log: reply 403")
            .connection([ClientSends("hello"), UpstreamSends("world")]),
        scenario("tcp-properties", &["TCP-12", "PRO-4", "PRO-11", "PRO-12"])
            .script(
                "new_connection: set_property a 1, property a, property filter_state wasm.a, property source, property request, \
                 property request path, property request protocol, property response code, property nothing, property upstream; \
                 downstream_data: property a, set_property a 2; log: property a, set_property b 1; delete: property a, property b",
            )
            .connection([ClientSends("hello")]),
        scenario("tcp-header-maps", &["TCP-12"])
            .script("new_connection: get 0 a, pairs 0, add 0 a b, size 0; log: get 0 a, pairs 0")
            .connection([]),
    ]
}

fn pausing_a_new_connection() -> Vec<Scenario> {
    vec![
        scenario("tcp-new-connection-paused", &["TCP-2", "TCP-13"]).script("new_connection: return 1").connection([
            ClientSends("hello"),
            ClientSends("more"),
            ClientResets,
        ]),
        scenario("tcp-new-connection-continued", &["TCP-2", "TCP-13"])
            .script(concat!(
                "new_connection: tick_period 500, return 1; downstream_data: get_buffer 2 0 99; ",
                continue_in_tick!(", get_buffer 2 0 99")
            ))
            .connection([ClientSends("hel"), ClientSends("lo"), Wait(700), ClientSends("more")]),
        scenario("tcp-new-connection-continued-after-the-clients-end", &["TCP-13"])
            .script(concat!("new_connection: tick_period 500, return 1; ", continue_in_tick!()))
            .connection([ClientSends("hello"), ClientEnds, Wait(700), UpstreamEnds]),
        scenario("tcp-new-connection-continued-after-the-client-left", &["TCP-13"])
            .script(concat!("new_connection: tick_period 500, return 1; ", continue_in_tick!()))
            .connection([ClientSends("hello"), ClientResets, Wait(700)]),
        scenario("tcp-new-connection-continued-inside", &["TCP-2"])
            .script("new_connection: continue 2, return 1")
            .connection([ClientSends("hello")]),
        scenario("tcp-new-connection-continued-inside-and-answered", &["TCP-2"])
            .script("new_connection: continue 2")
            .connection([ClientSends("hello")]),
    ]
}

fn pausing_data() -> Vec<Scenario> {
    vec![
        scenario("tcp-downstream-paused", &["TCP-3"])
            .script("downstream_data#1: return 1; downstream_data#2: return 1; downstream_data: get_buffer 2 0 99")
            .connection([ClientSends("one "), ClientSends("two "), ClientSends("three "), ClientSends("four")]),
        scenario("tcp-upstream-paused", &["TCP-3"])
            .script("upstream_data#1: return 1; upstream_data#2: return 1; upstream_data: get_buffer 3 0 99")
            .connection([UpstreamSends("one "), UpstreamSends("two "), UpstreamSends("three "), UpstreamSends("four")]),
        scenario("tcp-data-answered-with-more-than-1", &["TCP-3", "NUM-6"])
            .script("downstream_data#1: return 2; upstream_data#1: return 3")
            .connection([ClientSends("one"), ClientSends("two"), UpstreamSends("one"), UpstreamSends("two")]),
        scenario("tcp-downstream-continued", &["TCP-3"])
            .script(
                "downstream_data#1: tick_period 300, return 1; \
                 tick: tick_period 0, effective stream, get_buffer 2 0 99, set_buffer 2 0 0 >, continue 2, get_buffer 2 0 99, set_buffer 2 0 0 !; \
                 downstream_data: get_buffer 2 0 99; upstream_data: get_buffer 2 0 99",
            )
            .connection([ClientSends("one"), Wait(500), UpstreamSends("world"), ClientSends("two")]),
        scenario("tcp-downstream-continued-inside", &["TCP-3"])
            .script("downstream_data#1: continue 2, return 1")
            .connection([ClientSends("one"), ClientSends("two")]),
        scenario("tcp-downstream-continued-inside-and-answered", &["TCP-3"])
            .script("downstream_data#1: continue 2")
            .connection([ClientSends("one"), ClientSends("two")]),
        scenario("tcp-continued-with-nothing-held", &["TCP-3"])
            .script(concat!("new_connection: tick_period 300; ", continue_in_tick!()))
            .connection([ClientSends("one "), Wait(500), ClientSends("two ")]),
        scenario("tcp-other-streams-continued-and-closed", &["TCP-5"])
            .script(
                "upstream_data#1: continue 3, return 1; \
                 downstream_data: continue 3, continue 0, continue 1, continue 4, close 0, close 1, close 4",
            )
            .connection([UpstreamSends("one"), ClientSends("x"), UpstreamSends("two")]),
        scenario("tcp-end-released-with-what-is-held", &["TCP-3", "TCP-7"])
            .script("upstream_data#1: return 1; downstream_data#1: return 1; upstream_data: get_buffer 3 0 99; downstream_data: get_buffer 2 0 99")
            .connection([ClientSends("one"), UpstreamSends("two"), ClientEnds, UpstreamEnds]),
        scenario("tcp-end-continued", &["TCP-3", "TCP-7"])
            .script(concat!("downstream_data#2: tick_period 300, return 1; ", continue_in_tick!()))
            .connection([ClientSends("one"), ClientEnds, Wait(500), UpstreamSends("x"), UpstreamEnds]),
        scenario("tcp-held-over-the-limit", &["TCP-17"])
            .buffer_limit(8)
            .script("downstream_data: return 1; upstream_data: return 1")
            .connection([
                ClientSends("0123456"),
                ClientSends("0123456"),
                ClientSends("0123456"),
                UpstreamSends("0123456"),
                UpstreamSends("0123456"),
                ClientResets,
            ]),
        scenario("tcp-held-over-the-limit-and-continued", &["TCP-17"])
            .buffer_limit(8)
            .script(concat!("downstream_data: get_buffer 2 0 99; downstream_data#1: tick_period 1500, return 1; ", continue_in_tick!()))
            .connection([ClientSends("0123456789"), ClientSends("abc"), ClientSends("def"), ClientEnds, Wait(2000), UpstreamEnds]),
    ]
}

fn several_filters() -> Vec<Scenario> {
    vec![
        scenario("tcp-two-filters", &["TCP-14"])
            .script(
                "context_create: log 2 first; new_connection: log 2 first; downstream_data: log 2 first; upstream_data: log 2 first; \
                 downstream_close: log 2 first; upstream_close: log 2 first; done: log 2 first; log: log 2 first; delete: log 2 first",
            )
            .behind("")
            .connection([ClientSends("hello"), UpstreamSends("world"), ClientEnds, UpstreamEnds]),
        scenario("tcp-two-filters-the-second-pauses-downstream", &["TCP-15"])
            .script("downstream_data: get_buffer 2 0 99, set_buffer 2 0 0 >, log 2 first")
            .behind("downstream_data#1: return 1; downstream_data#2: return 1; downstream_data: get_buffer 2 0 99")
            .connection([ClientSends("one "), ClientSends("two "), ClientSends("three "), ClientSends("four")]),
        scenario("tcp-two-filters-the-first-pauses-downstream", &["TCP-15"])
            .script("downstream_data#1: return 1; downstream_data: log 2 first")
            .behind("downstream_data: get_buffer 2 0 99")
            .connection([ClientSends("one "), ClientSends("two "), ClientSends("three ")]),
        scenario("tcp-two-filters-the-first-pauses-upstream", &["TCP-15"])
            .script("upstream_data#1: return 1; upstream_data: log 2 first, get_buffer 3 0 99")
            .behind("upstream_data: get_buffer 3 0 99, set_buffer 3 0 0 >")
            .connection([UpstreamSends("one "), UpstreamSends("two "), UpstreamSends("three ")]),
        scenario("tcp-two-filters-the-second-pauses-upstream", &["TCP-15"])
            .script("upstream_data: log 2 first, get_buffer 3 0 99")
            .behind("upstream_data: get_buffer 3 0 99; upstream_data#1: return 1")
            .connection([UpstreamSends("one "), UpstreamSends("two "), UpstreamSends("three ")]),
        scenario("tcp-two-filters-the-first-continues-what-the-second-holds", &["TCP-15"])
            .script(concat!("new_connection: tick_period 500; downstream_data: log 2 first; ", continue_in_tick!(", get_buffer 2 0 99")))
            .behind("downstream_data#1: return 1; downstream_data: get_buffer 2 0 99")
            .connection([ClientSends("one "), Wait(700), ClientSends("two ")]),
        scenario("tcp-two-filters-the-first-holds-and-continues", &["TCP-15"])
            .script(concat!("new_connection: tick_period 500; downstream_data#1: log 2 first, return 1; ", continue_in_tick!()))
            .behind("downstream_data: get_buffer 2 0 99")
            .connection([ClientSends("one "), Wait(700), ClientSends("two ")]),
        scenario("tcp-two-filters-the-second-holds-and-continues", &["TCP-15"])
            .script("downstream_data: log 2 first")
            .behind(concat!("new_connection: tick_period 500; downstream_data#1: return 1; ", continue_in_tick!()))
            .connection([ClientSends("one "), Wait(700), ClientSends("two ")]),
        scenario("tcp-two-filters-the-second-pauses-the-new-connection", &["TCP-13", "TCP-14"])
            .script("new_connection: log 2 first; downstream_data: get_buffer 2 0 99")
            .behind(concat!("new_connection: tick_period 500, return 1; ", continue_in_tick!()))
            .connection([ClientSends("one "), Wait(700), ClientSends("two ")]),
        scenario("tcp-two-filters-the-first-pauses-the-new-connection", &["TCP-13", "TCP-14"])
            .script(concat!("new_connection: tick_period 500, return 1; ", continue_in_tick!()))
            .behind("new_connection: log 2 second; downstream_data: get_buffer 2 0 99")
            .connection([ClientSends("one "), Wait(700), ClientSends("two ")]),
        scenario("tcp-two-filters-continued-after-the-clients-end", &["TCP-15"])
            .script(concat!("downstream_data#2: log 2 first, tick_period 300; ", continue_in_tick!()))
            .behind("")
            .connection([ClientSends("one "), ClientEnds, Wait(500), UpstreamEnds]),
    ]
}
