//! Every rule of Envoy's that is due has a test.

use proxy_filter_conformance::rows::Coverage;
use std::path::Path;

#[test]
fn what_is_cited_exists() {
    let coverage = Coverage::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    assert!(coverage.mistakes.is_empty(), "{}", coverage.mistakes.join("\n"));
}
