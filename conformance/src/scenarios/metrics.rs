//! Metrics: their ids, their arithmetic, and what is seen of them outside.

use crate::scenario::{Plugin, Role, Scenario, get, scenario};

pub(super) fn all() -> Vec<Scenario> {
    [ids(), arithmetic(), outside(), everywhere()].concat()
}

fn ids() -> Vec<Scenario> {
    vec![
        scenario("metrics-ids", &["MET-1", "NUM-10"]).own_vm().script(
            "request_headers: define_metric counter ids.a as a from 0, define_metric counter ids.b as b from $a, \
             define_metric gauge ids.a as c from 0, define_metric gauge ids.b as d from $c, define_metric histogram ids.a as e from 0, \
             define_metric histogram ids.b as f from $e, define_metric counter ids.c as g from $b",
        ),
        scenario("metrics-of-one-name", &["MET-2"])
            .own_vm()
            .script(
                "request_headers: define_metric counter onename as a, define_metric counter onename as b from $a, increment $a 2, \
                 increment $b 3, get_metric $a, get_metric $b",
            )
            .metrics("onename"),
        scenario("metrics-of-one-name-and-several-types", &["MET-2", "MET-22"])
            .script(
                "request_headers: define_metric counter severaltypes as a, define_metric gauge severaltypes as b, \
                 define_metric histogram severaltypes as c, increment $a 2, record $b 7, record $c 9, get_metric $a, get_metric $b",
            )
            .metrics("severaltypes"),
        scenario("metrics-of-unknown-types", &["MET-4", "NUM-10"])
            .script("request_headers: define_metric 3 n, define_metric 4 n, define_metric 4294967295 n"),
        scenario("metrics-unknown-ids", &["MET-11"]).own_vm().script(
            "request_headers: increment 0 1, record 0 1, get_metric 0, increment 1 1, record 1 1, get_metric 1, increment 2 1, record 2 1, \
             get_metric 2, increment 3 1, record 3 1, get_metric 3, increment 400 1, record 400 1, get_metric 400, increment 401 -1, \
             record 401 1, get_metric 401, increment 402 0, record 402 1, get_metric 402, increment 403 0, record 403 1, get_metric 403, \
             increment 4294967292 1, record 4294967295 1, get_metric 4294967293",
        ),
        scenario("metrics-of-another-vm", &["MET-1", "MET-11"])
            .own_vm()
            .script("request_headers: define_metric counter anothervm.a as a from 0, increment 4 1")
            .with_plugin(
                Role::Filter,
                "other",
                "request_headers: get_metric 4, increment 4 1, record 4 1, define_metric gauge anothervm.b as b from 0, get_metric 4",
                apart("metrics-of-another-vm-2"),
            ),
        scenario("metrics-of-two-plugins-in-one-vm", &["MET-1", "MET-14"])
            .own_vm()
            .script("request_headers: define_metric counter oneplace as a from 0, increment $a 1")
            .behind("request_headers: increment 4 1, define_metric counter oneplace as b from 0, increment $b 1, get_metric 4, get_metric $b")
            .metrics("oneplace"),
    ]
}

fn arithmetic() -> Vec<Scenario> {
    vec![
        scenario("metrics-counter-increments", &["MET-6"]).script(
            "request_headers: define_metric counter counterincrements as a, get_metric $a, increment $a 5, increment $a 0, increment $a -1, \
             increment $a -9223372036854775808, get_metric $a, increment $a 1, get_metric $a",
        ),
        scenario("metrics-counter-overflows", &["MET-6"]).script(
            "request_headers: define_metric counter counteroverflows as a, increment $a 9223372036854775807, \
             increment $a 9223372036854775807, get_metric $a, increment $a 3, get_metric $a",
        ),
        scenario("metrics-counter-records", &["MET-7"])
            .script(
                "request_headers: define_metric counter counterrecords as a, record $a 5, record $a 5, record $a 0, get_metric $a, \
                 increment $a 1, get_metric $a",
            )
            .metrics("counterrecords"),
        scenario("metrics-gauge-increments", &["MET-8"])
            .script(
                "request_headers: define_metric gauge gaugeincrements as a, increment $a 5, increment $a -2, increment $a 0, get_metric $a, \
                 increment $a -4, get_metric $a, increment $a 3, get_metric $a, increment $a -3",
            )
            .metrics("gaugeincrements"),
        scenario("metrics-gauge-extremes", &["MET-8"]).script(
            "request_headers: define_metric gauge gaugeextremes as a, record $a 18446744073709551615, get_metric $a, increment $a 2, \
             get_metric $a, increment $a 9223372036854775807, get_metric $a, increment $a -9223372036854775808, get_metric $a, \
             record $a 0, increment $a -9223372036854775808, get_metric $a",
        ),
        scenario("metrics-gauge-records", &["MET-8"])
            .request(get("/1"))
            .request(get("/2"))
            .script(
                "request_headers: define_metric gauge gaugerecords as a, get_metric $a, record $a 5, get_metric $a, record $a 3, get_metric $a",
            )
            .metrics("gaugerecords"),
        scenario("metrics-histogram", &["MET-10", "MET-20"])
            .script(
                "request_headers: define_metric histogram histogramsamples as a, record $a 0, record $a 1, record $a 7, record $a 10, \
                 record $a 25, record $a 26, record $a 100, record $a 104, record $a 110, record $a 999, record $a 1099, \
                 record $a 4000000, increment $a 1, increment $a 0, get_metric $a",
            )
            .metrics("histogramsamples"),
        scenario("metrics-histogram-without-samples", &["MET-10"])
            .script("request_headers: define_metric histogram nosamples as a")
            .metrics("nosamples"),
        scenario("metrics-histogram-of-large-samples", &["MET-20", "MET-21"])
            .script(
                "request_headers: define_metric histogram largesamples as a, record $a 9223372036854775807, \
                 record $a 9223372036854775808, record $a 18446744073709551615, record $a 123456789012",
            )
            .metrics("largesamples"),
    ]
}

fn outside() -> Vec<Scenario> {
    vec![
        scenario("metrics-names-outside", &["MET-4", "MET-15"])
            .script(
                "request_headers: define_metric counter names%20outside.a-b/c as a, increment $a 1, define_metric counter outside:d.E as b, \
                 increment $b 2, define_metric gauge .outside as c, record $c 3, define_metric gauge outside..f as d, record $d 4, \
                 define_metric counter nul%00g as e, increment $e 5, get_metric $e, define_metric counter outside_%C3%A9 as f, increment $f 6",
            )
            .metrics("outside"),
        scenario("metrics-names-that-are-digits", &["MET-17"])
            .script("request_headers: define_metric counter 9digits as a, increment $a 1, define_metric counter _9digits as b, increment $b 2")
            .metrics("9digits"),
        scenario("metrics-names-with-dots-at-the-end", &["MET-4", "MET-19"])
            .script(
                "request_headers: define_metric counter dotsattheend as a, define_metric counter dotsattheend. as b, \
                 define_metric counter dotsattheend... as c, increment $a 1, increment $b 2, increment $c 4, get_metric $a, get_metric $c, \
                 define_metric gauge \"\" as d, define_metric gauge . as e, record $d 5, get_metric $e",
            )
            .metrics("dotsattheend"),
        scenario("metrics-tags-of-istio", &["MET-16"])
            .script(
                "request_headers: define_metric counter verdict%3D.%3D200%3B.%3Btenant%3D.%3Da.b%3B.%3Btagged as a, increment $a 1, \
                 define_metric counter verdict%3D.%3D404%3B.%3Btenant%3D.%3D%3B.%3Btagged as b, increment $b 2, \
                 define_metric gauge verdict%3D.%3D200%3B.%3Btagged as c, record $c 3, \
                 define_metric counter mid.tenant%3D.%3D%22x%5C%3B.%3Btagged as d, increment $d 4, \
                 define_metric counter verdict%3D.%3D1%3B.%3Bverdict%3D.%3D2%3B.%3Btagged as e, increment $e 5, \
                 define_metric counter zone%3D.%3D1%3B.%3Btagged as f, increment $f 6, \
                 define_metric counter verdict%3D.%3Dunended.tagged as g, increment $g 7, \
                 define_metric histogram verdict%3D.%3D200%3B.%3Btagged as h, record $h 8",
            )
            .metrics("tagged"),
        scenario("metrics-tags-of-envoy", &["MET-18"])
            .script(
                "request_headers: define_metric counter owntags_rq_200 as a, increment $a 1, define_metric counter owntags_rq_5xx as b, \
                 increment $b 2, define_metric counter owntags_rq_20 as c, increment $c 3, \
                 define_metric counter verdict%3D.%3D1%3B.%3Bowntags_rq_404 as d, increment $d 4",
            )
            .metrics("owntags"),
        scenario("metrics-that-are-zero", &["MET-15"])
            .script(
                "request_headers: define_metric counter thatarezero.a as a, define_metric gauge thatarezero.b as b, define_metric gauge \
                 thatarezero.c as c, increment $c 0",
            )
            .metrics("thatarezero"),
    ]
}

fn everywhere() -> Vec<Scenario> {
    vec![
        scenario("metrics-in-every-callback", &["MET-1"])
            .request(get("/").body(&["ab"]))
            .script(
                "request_headers: define_metric counter everycallback as a, increment $a 1; request_body: increment $a 1; \
                 response_headers: increment $a 1, get_metric $a; response_body: increment $a 1; log: increment $a 1; \
                 done: increment $a 1, get_metric $a; delete: increment $a 1, get_metric $a",
            )
            .metrics("everycallback"),
        scenario("metrics-in-two-vms", &["MET-14"])
            .own_vm()
            .script("request_headers: define_metric counter twovms as a from 0, increment $a 2, get_metric $a; log: get_metric $a")
            .with_plugin(
                Role::Filter,
                "other",
                "request_headers: define_metric counter twovms as a from 0, get_metric $a, increment $a 3, get_metric $a",
                apart("metrics-in-two-vms-2"),
            )
            .metrics("twovms"),
        scenario("metrics-in-every-instance", &["MET-14", "LIF-8"])
            .own_vm()
            .main_thread()
            .script(
                "configure: define_metric counter everyinstance as a from 0, increment $a 1; request_headers: increment $a 10, get_metric $a",
            )
            .metrics("everyinstance"),
        scenario("metrics-in-an-access-logger", &["MET-14"])
            .own_vm()
            .script("request_headers: define_metric gauge accesslogged as a, increment $a 1")
            .with(
                Role::AccessLogger,
                "logger",
                "log: define_metric gauge accesslogged as a, increment $a 1, get_metric $a",
            )
            .metrics("accesslogged"),
        scenario("metrics-of-a-vm-that-died", &["MET-14"])
            .own_vm()
            .script("request_headers: define_metric counter diedlater as a, increment $a 1; response_headers: trap")
            .metrics("diedlater"),
    ]
}

/// A VM of its own.
fn apart(vm_id: &'static str) -> impl FnOnce(Plugin) -> Plugin {
    move |plugin| Plugin { vm_id, ..plugin }
}
