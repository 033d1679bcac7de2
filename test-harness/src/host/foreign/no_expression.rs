//! Expressions, where the feature `cel` is off: refused, and the trace says why.

use super::{Answer, VmHost};
use proxy_filter_abi::Status;

#[derive(Debug, Default)]
pub(crate) struct Expressions {}

impl Expressions {
    pub(crate) fn forget(&self, _root: u32) {}
}

pub(super) fn create(host: &VmHost, _arguments: &[u8]) -> Answer {
    let problem =
        "the mock proxy evaluates expressions with the feature `cel` of proxy-filter-test: enable it in your Cargo.toml";
    Err(host.refuse(problem, Status::Unimplemented))
}

pub(super) fn evaluate(host: &VmHost, arguments: &[u8]) -> Answer {
    create(host, arguments)
}

pub(super) fn delete(host: &VmHost, arguments: &[u8]) -> Answer {
    create(host, arguments)
}
