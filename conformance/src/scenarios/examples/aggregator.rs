//! `examples/aggregator`: its filter and its service, which share a queue from the workers to the main thread.

use crate::scenario::{Guest, Plugin, Role, Scenario, get, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        // The second batch fails once, so that it is told when all is over.
        aggregator(
            "aggregator-ships-full-batches",
            &["QUE-3", "QUE-5", "QUE-8", "SVC-1", "CAL-8", "CAL-14"],
            r#"{"vm_id": "aggregator-ships-full-batches", "fields": ["path", "status", "request_header:x-a"]}"#,
            r#"{"cluster": "full-batches", "path": "/records", "batch_records": 2, "backoff_ms": 20, "max_wait_ms": 60000}"#,
        )
        .cluster_answers("full-batches", [respond(200).into(), respond(503).into(), respond(204).into()])
        .request(get("/1").header("x-a", "\"\t\u{fc}"))
        .request(get("/2"))
        .request(get("/3"))
        .request(get("/4"))
        .wait_for("was taken by attempt 2", 1),
        aggregator(
            "aggregator-ships-after-a-time",
            &["QUE-8", "SVC-1", "TIM-1"],
            r#"{"vm_id": "aggregator-ships-after-a-time", "fields": ["path"]}"#,
            r#"{"cluster": "after-a-time", "max_wait_ms": 1500}"#,
        )
        // Without a record more it would never be full; a status that is rejected is told.
        .cluster("after-a-time", respond(400))
        .request(get("/1"))
        .request(get("/2"))
        .wait_for("rejects it with status 400", 1),
        aggregator(
            "aggregator-gives-up",
            &["CAL-14", "MET-14", "SVC-1"],
            r#"{"vm_id": "aggregator-gives-up", "fields": ["path"]}"#,
            r#"{"cluster": "gives-up", "batch_records": 1, "max_attempts": 3, "backoff_ms": 10}"#,
        )
        .cluster("gives-up", respond(500))
        .metrics("given_up")
        .wait_for("attempt 3 of 3 failed", 1),
        scenario("aggregator-without-a-service", &["QUE-3", "MET-14", "MET-16"])
            .guest(Guest::Example("aggregator"), "aggregator_filter")
            .config(r#"{"vm_id": "nobody's"}"#)
            .request(get("/1"))
            .request(get("/2"))
            .metrics("no_queue"),
    ]
}

fn aggregator(name: &'static str, rows: &'static [&'static str], filter: &'static str, service: &'static str) -> Scenario {
    let plugin = |plugin| Plugin { root_id: "aggregator", ..plugin };
    let scenario = scenario(name, rows).guest(Guest::Example("aggregator"), "aggregator_filter").config(filter).main_thread();
    scenario.with_plugin(Role::Service, name, service, plugin)
}
