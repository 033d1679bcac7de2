//! The filters of `examples/`, as they ship.

mod add_header;

use crate::scenario::Scenario;

pub(super) fn all() -> Vec<Scenario> {
    [add_header::all()].concat()
}
