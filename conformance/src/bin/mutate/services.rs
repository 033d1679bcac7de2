//! Faults in the services, on both sides.

use super::faults::{Fault, Suite, engine};

const fn services(breaks: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Fault {
    Fault { breaks, file, from, to, suite: Suite::Services }
}

const HTTP_CALL: &str = "test-harness/src/host/http_call.rs";
const EVENTS: &str = "test-harness/src/host/events.rs";
const DATA: &str = "test-harness/src/host/shared/data.rs";
const QUEUES: &str = "test-harness/src/host/shared/queues.rs";
const METRICS: &str = "test-harness/src/host/metrics.rs";
const PROPERTY_VALUE: &str = "test-harness/src/host/property/value.rs";
const SHARED_DATA: &str = "sdk/src/shared_data.rs";
const PENDING: &str = "sdk/src/pending.rs";
const TASK: &str = "sdk/src/task/mod.rs";
const WAIT: &str = "sdk/src/task/wait.rs";
const HOLDS: &str = "sdk/src/holds.rs";
const TIME: &str = "sdk/src/time/mod.rs";
const SLEEP: &str = "sdk/src/time/sleep.rs";
const COUNTERS: &str = "sdk/src/metrics.rs";

pub(super) const SERVICES: &[Fault] = &[
    engine("CAL-2 a call names its authority", HTTP_CALL, "[\":path\", \":method\", \":authority\"]", "[\":path\", \":method\"]"),
    engine("CAL-8 a call is marked as Envoy's own", HTTP_CALL, "headers.set_in_place(\"x-envoy-internal\", b\"true\");", ""),
    engine("CAL-11 what comes at its timeout is late", HTTP_CALL, "latency < timeout", "latency <= timeout"),
    engine(
        "CAL-12 a service that is down is a 503",
        HTTP_CALL,
        "Answer::Refuse => Self::instead(503,",
        "Answer::Refuse => Self::instead(502,",
    ),
    services("CAL-18 a root takes its calls with it", HTTP_CALL, "root.is_none_or(|root| call.root == root)", "root.is_none()"),
    engine("STA-2 a late reset has a status", HTTP_CALL, "const BROKEN: u32 = 11;", "const BROKEN: u32 = 14;"),
    engine(
        "CAL-9 equal times keep the order of asking",
        EVENTS,
        "let id = EventId { due: self.now.get().saturating_add(after), sequence };",
        "let id = EventId { due: self.now.get().saturating_add(after), sequence: u64::MAX - sequence };",
    ),
    engine(
        "SHD-3 a number of before stores nothing",
        DATA,
        "old.is_some_and(|old| old.cas != cas)",
        "old.is_some_and(|old| old.cas < cas)",
    ),
    engine(
        "SHD-6 one number for all keys",
        DATA,
        "self.next_cas.replace(self.next_cas.get().wrapping_add(1));",
        "old.map_or(1, |old| old.cas.wrapping_add(1));",
    ),
    engine("SHQ queues give the oldest first", QUEUES, ".items.pop_front()", ".items.pop_back()"),
    engine("MET-6 counters only grow", METRICS, ".filter(|offset| *offset > 0)", ""),
    engine(
        "MET-7 recording adds to a counter",
        METRICS,
        "MetricValue::Counter(value) => *value = value.wrapping_add(sample),",
        "MetricValue::Counter(value) => *value = sample,",
    ),
    engine(
        "PRO-5 a boolean is one byte",
        PROPERTY_VALUE,
        "Self::Bool(value) => vec![u8::from(*value)],",
        "Self::Bool(value) => vec![u8::from(*value); 8],",
    ),
    engine(
        "SER-3 an empty map has a count",
        PROPERTY_VALUE,
        "if entries.is_empty() { vec![0; 4] } else {",
        "if entries.is_empty() { vec![] } else {",
    ),
    services(
        "an update is tried again",
        SHARED_DATA,
        "Err(Error { status: Status::CasMismatch, .. }) => {}",
        "Err(Error { status: Status::CasMismatch, .. }) => return Ok(result),",
    ),
    services(
        "an update stores by what it read",
        SHARED_DATA,
        "match self.store(key, new, stored.as_ref().map_or(ABSENT, |stored| stored.cas.0)) {",
        "match self.store(key, new, ANY) {",
    ),
    services("a token that is forgotten has no waiter", PENDING, "is_some_and(|found| Rc::ptr_eq(&found, waiter))", "is_none()"),
    services(
        "what ends drops its tasks",
        TASK,
        "            drop(self.release(number, &signal));\n            number = next;",
        "            number = next;",
    ),
    services(
        "tasks run for the stream that they are of",
        TASK,
        "if let Err(error) = sys.switch_to(owner) {",
        "if let Err(error) = Ok::<(), Error>(()) {",
    ),
    services("a sleeper wakes at its time", SLEEP, "first.key().0 <= now", "first.key().0 < now"),
    services(
        "LIF-19 a deleted root leaves its timer to others",
        TIME,
        "self.clock.read(sys);\n        self.armed.set(NEVER);",
        "self.clock.read(sys);",
    ),
    services(
        "CTX-4 what ends with a stream goes back to it",
        HOLDS,
        "if sys.proxy_set_effective_context(before).is_ok() {",
        "if before != 0 && sys.proxy_set_effective_context(before).is_ok() {",
    ),
    services(
        "a task is kept before it is polled again",
        WAIT,
        "let polling = sys.tasks().polling.replace(true);",
        "let polling = sys.tasks().polling.get();",
    ),
    services("a gauge stops at nothing", COUNTERS, "match by.min(sys.proxy_get_metric(id)?) {", "match by {"),
];
