//! Holds `docs/conformance.md` to the scenarios.

#[test]
fn the_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/conformance.md");
    let expected = proxy_filter_conformance::report::markdown();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == expected,
        "docs/conformance.md is out of date: BLESS=1 cargo test -p proxy-filter-conformance --test report"
    );
}
