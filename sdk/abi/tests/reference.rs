//! Holds `docs/hostcalls.md` to the tables.

#[test]
fn the_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/hostcalls.md");
    let expected = proxy_filter_abi::hostcalls_markdown();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == expected, "docs/hostcalls.md is out of date: BLESS=1 cargo test -p proxy-filter-abi --test reference");
}
