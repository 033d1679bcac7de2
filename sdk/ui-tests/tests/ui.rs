//! An author's mistakes do not compile, and the compiler's words name the mend.
//!
//! Each file of `tests/ui` has its `.stderr` beside it; `TRYBUILD=overwrite cargo test -p proxy-filter-ui-tests` writes them anew.
//! The words are those of the compiler that CI uses.

#[test]
fn mistakes_are_told_by_the_compiler() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
