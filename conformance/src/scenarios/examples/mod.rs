//! The filters of `examples/`, as they ship.

mod add_header;
mod rate_limit;

use crate::scenario::Scenario;

pub(super) fn all() -> Vec<Scenario> {
    [add_header::all(), rate_limit::all()].concat()
}
