//! Timers, clock, log, status.

use crate::scenario::{Scenario, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![scenario("service-pointers-outside-memory", &["MEM-5"]).script("request_headers: oob_services")]
}
