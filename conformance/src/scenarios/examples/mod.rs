//! The filters of `examples/`, as they ship.

mod add_header;
mod aggregator;
mod auth;
mod canary;
mod ext_auth;
mod json_validate;
mod rate_limit;
mod redact;
mod tcp_allow;
mod telemetry;

use crate::scenario::Scenario;

pub(super) fn all() -> Vec<Scenario> {
    [
        add_header::all(),
        aggregator::all(),
        auth::all(),
        canary::all(),
        ext_auth::all(),
        json_validate::all(),
        rate_limit::all(),
        redact::all(),
        tcp_allow::all(),
        telemetry::all(),
    ]
    .concat()
}
