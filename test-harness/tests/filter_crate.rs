//! A filter's crate is built to Wasm when needed, and only then.
//!
//! Each test writes tiny `no_std` crates into a directory of its own and really builds them; nothing needs the network.
#![cfg(feature = "wasmtime")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proxy_filter_test::filter_crate::{BuildError, BuildOptions, Built, FilterCrate, GuestTarget, Profile};

type TestResult = Result<(), Box<dyn std::error::Error>>;

const TEST: BuildOptions = BuildOptions { target: GuestTarget::Wasm32UnknownUnknown, profile: Profile::Test, progress: false };
const SHIPPED: BuildOptions = BuildOptions { profile: Profile::Shipped, ..TEST };

const NO_STD: &str = "#![no_std]\n#[panic_handler]\nfn panic(_: &core::panic::PanicInfo) -> ! { loop {} }\n";

/// A directory of one test, empty at its start.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("filter_crate").join(test);
        if directory.exists() {
            fs::remove_dir_all(&directory).expect("an old run's directory can be removed");
        }
        fs::create_dir_all(&directory).expect("the directory can be made");
        Self(directory)
    }

    /// A scratch directory with a filter in it, whose only function returns `41`.
    fn with_filter(test: &str) -> Self {
        let scratch = Self::new(test);
        scratch.write("Cargo.toml", &manifest("tiny-filter", "[workspace]\n[profile.release]\nstrip = \"symbols\"\n"));
        scratch.write("src/lib.rs", &answering("41"));
        scratch
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("the directory can be made");
        fs::write(path, content).expect("the file can be written");
    }

    /// Builds in this process's environment with changes, and without the outer workspace's target directory.
    fn build(&self, variables: &[(&str, Option<&str>)], options: &BuildOptions) -> Result<Built, BuildError> {
        let none = [("CARGO_TARGET_DIR", None), ("CARGO_BUILD_TARGET_DIR", None)];
        FilterCrate::open_in(&self.0, none.into_iter().chain(variables.iter().copied()))?.build(options)
    }
}

fn manifest(name: &str, rest: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n{rest}"
    )
}

fn answering(expression: &str) -> String {
    format!("{NO_STD}#[unsafe(no_mangle)]\npub extern \"C\" fn answer() -> usize {{ {expression} }}\n")
}

fn text_of<T>(result: Result<T, BuildError>) -> String {
    result.err().expect("there is an error").to_string()
}

#[test]
fn builds_a_wasm_module() -> TestResult {
    let scratch = Scratch::with_filter("builds_a_wasm_module");
    let built = scratch.build(&[], &TEST)?;
    assert!(!built.fresh);
    assert!(fs::read(&built.wasm)?.starts_with(b"\0asm"));
    assert!(built.wasm.starts_with(scratch.path("target/proxy-filter").canonicalize()?), "{built:?}");
    assert!(built.wasm.ends_with("tiny_filter.wasm"), "{built:?}");
    Ok(())
}

#[test]
fn the_manifest_may_be_given_instead() -> TestResult {
    let scratch = Scratch::with_filter("the_manifest_may_be_given_instead");
    let filter = FilterCrate::open(scratch.path("Cargo.toml"))?;
    assert_eq!(filter.name(), "tiny-filter");
    assert_eq!(filter.manifest(), scratch.path("Cargo.toml").canonicalize()?);
    Ok(())
}

#[test]
fn lib_name_and_wasip1() -> TestResult {
    let scratch = Scratch::with_filter("lib_name_and_wasip1");
    scratch.write("Cargo.toml", &manifest("tiny-filter", "name = \"other\"\n[workspace]\n"));
    let wasip1 = BuildOptions { target: GuestTarget::Wasm32Wasip1, ..TEST };
    let built = scratch.build(&[], &wasip1)?;
    assert!(built.wasm.ends_with("wasm32-wasip1/release/other.wasm"), "{built:?}");
    assert!(scratch.build(&[], &wasip1)?.fresh);
    Ok(())
}

/// Cargo behind a link that can be taken away.
#[cfg(unix)]
#[test]
fn a_fresh_build_runs_no_cargo() -> TestResult {
    let scratch = Scratch::with_filter("a_fresh_build_runs_no_cargo");
    let cargo = scratch.path("cargo");
    std::os::unix::fs::symlink(std::env::var("CARGO")?, &cargo)?;
    let variables = [("CARGO", cargo.to_str())];
    let first = scratch.build(&variables, &TEST)?;
    fs::remove_file(&cargo)?;
    let second = scratch.build(&variables, &TEST)?;
    assert_eq!(second, Built { wasm: first.wasm, fresh: true });

    scratch.write("src/lib.rs", &answering("42"));
    let text = text_of(scratch.build(&variables, &TEST));
    assert!(text.contains(&format!("cannot run `{}`", cargo.display())) && text.contains("CARGO"), "{text}");
    Ok(())
}

#[test]
fn a_touched_source_is_built_again() -> TestResult {
    let scratch = Scratch::with_filter("a_touched_source_is_built_again");
    let before = fs::read(scratch.build(&[], &TEST)?.wasm)?;
    assert!(scratch.build(&[], &TEST)?.fresh);
    scratch.write("src/lib.rs", &answering("42"));
    let built = scratch.build(&[], &TEST)?;
    assert!(!built.fresh);
    assert_ne!(fs::read(built.wasm)?, before);
    assert!(scratch.build(&[], &TEST)?.fresh);
    Ok(())
}

#[test]
fn a_changed_path_dependency_is_built_again() -> TestResult {
    let scratch = Scratch::with_filter("a_changed_path_dependency_is_built_again");
    scratch.write("Cargo.toml", &manifest("tiny-filter", "[dependencies]\nother = { path = \"a dependency\" }\n[workspace]\n"));
    scratch.write("src/lib.rs", &answering("other::ANSWER"));
    let dependency = "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    scratch.write("a dependency/Cargo.toml", dependency);
    scratch.write("a dependency/src/lib.rs", "#![no_std]\npub const ANSWER: usize = 41;\n");
    let before = fs::read(scratch.build(&[], &TEST)?.wasm)?;
    assert!(scratch.build(&[], &TEST)?.fresh);

    scratch.write("a dependency/src/lib.rs", "#![no_std]\npub const ANSWER: usize = 42;\n");
    let built = scratch.build(&[], &TEST)?;
    assert!(!built.fresh);
    assert_ne!(fs::read(built.wasm)?, before);
    assert!(scratch.build(&[], &TEST)?.fresh);

    scratch.write("a dependency/Cargo.toml", &format!("{dependency}description = \"\"\n"));
    assert!(!scratch.build(&[], &TEST)?.fresh);
    Ok(())
}

#[test]
fn a_new_cargo_configuration_is_obeyed() -> TestResult {
    let scratch = Scratch::with_filter("a_new_cargo_configuration_is_obeyed");
    scratch.build(&[], &TEST)?;
    assert!(scratch.build(&[], &TEST)?.fresh);
    scratch.write(".cargo/config.toml", "[profile.release]\nopt-level = 0\n");
    assert!(!scratch.build(&[], &TEST)?.fresh);
    Ok(())
}

#[test]
fn a_variable_that_the_filter_reads_is_watched() -> TestResult {
    let scratch = Scratch::with_filter("a_variable_that_the_filter_reads_is_watched");
    scratch.write("src/lib.rs", &answering("option_env!(\"TINY_GREETING\").map_or(0, str::len)"));
    let hello = [("TINY_GREETING", Some("hello"))];
    assert!(!scratch.build(&hello, &TEST)?.fresh);
    assert!(scratch.build(&hello, &TEST)?.fresh);
    assert!(!scratch.build(&[], &TEST)?.fresh);
    Ok(())
}

#[test]
fn what_a_build_script_reads_is_watched() -> TestResult {
    let scratch = Scratch::with_filter("what_a_build_script_reads_is_watched");
    scratch.write("src/lib.rs", &answering("include!(concat!(env!(\"OUT_DIR\"), \"/answer.rs\"))"));
    scratch.write(
        "build.rs",
        "fn main() {\n\
         let answer = std::fs::read(\"answer.txt\").unwrap();\n\
         std::fs::write(std::env::var(\"OUT_DIR\").unwrap() + \"/answer.rs\", answer).unwrap();\n}\n",
    );
    scratch.write("answer.txt", "41");
    let before = fs::read(scratch.build(&[], &TEST)?.wasm)?;
    assert!(scratch.build(&[], &TEST)?.fresh);
    scratch.write("answer.txt", "42");
    let built = scratch.build(&[], &TEST)?;
    assert!(!built.fresh);
    assert_ne!(fs::read(built.wasm)?, before);
    Ok(())
}

#[test]
fn profiles_do_not_evict_each_other_and_only_tests_have_names() -> TestResult {
    let scratch = Scratch::with_filter("profiles_do_not_evict_each_other_and_only_tests_have_names");
    let test = scratch.build(&[], &TEST)?.wasm;
    let shipped = scratch.build(&[], &SHIPPED)?.wasm;
    assert!(scratch.build(&[], &TEST)?.fresh);
    assert!(scratch.build(&[], &SHIPPED)?.fresh);
    let has = |wasm: &Path, section: &[u8]| fs::read(wasm).map(|bytes| bytes.windows(section.len()).any(|part| part == section));
    assert!(has(&test, b"\x04name")?);
    assert!(!has(&shipped, b"\x04name")?);
    assert!(!has(&test, b".debug_info")?);
    Ok(())
}

#[test]
fn the_outer_build_does_not_leak() -> TestResult {
    let scratch = Scratch::with_filter("the_outer_build_does_not_leak");
    scratch.write("src/lib.rs", &format!("{}#[cfg(leaked)]\ncompile_error!(\"leaked\");\n", answering("41")));
    let variables = [
        ("RUSTFLAGS", Some("--cfg leaked -Cinstrument-coverage")),
        ("CARGO_ENCODED_RUSTFLAGS", Some("--cfg\x1fleaked")),
        ("CARGO_BUILD_RUSTFLAGS", Some("--cfg leaked")),
        ("RUSTC_WRAPPER", Some("/nonexistent")),
        ("RUSTC_WORKSPACE_WRAPPER", Some("/nonexistent")),
        ("CARGO_BUILD_RUSTC_WRAPPER", Some("/nonexistent")),
        ("CARGO_BUILD_TARGET", Some("nonexistent")),
    ];
    scratch.build(&variables, &TEST)?;
    // Nor is it any reason to build again.
    assert!(scratch.build(&[], &TEST)?.fresh);
    // What is meant for the guest is obeyed.
    let for_guest = [("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", Some("--cfg leaked"))];
    assert!(text_of(scratch.build(&for_guest, &TEST)).contains("leaked"));
    Ok(())
}

#[test]
fn a_target_directory_elsewhere_is_used_and_not_shared_with_other_workspaces() -> TestResult {
    let name = "a_target_directory_elsewhere_is_used_and_not_shared_with_other_workspaces";
    let (one, other) = (Scratch::with_filter(&format!("{name}/one")), Scratch::with_filter(&format!("{name}/other")));
    let elsewhere = one.path("../elsewhere");
    let variables = [("CARGO_TARGET_DIR", elsewhere.to_str())];
    let (in_one, in_other) = (one.build(&variables, &TEST)?, other.build(&variables, &TEST)?);
    assert_ne!(in_one.wasm, in_other.wasm);
    assert!(in_one.wasm.canonicalize()?.starts_with(elsewhere.canonicalize()?));
    assert!(one.build(&variables, &TEST)?.fresh && other.build(&variables, &TEST)?.fresh);
    assert!(!one.path("target").exists());
    Ok(())
}

#[test]
fn threads_build_once() -> TestResult {
    let scratch = Scratch::with_filter("threads_build_once");
    let all: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| scratch.build(&[], &TEST))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect::<Result<_, _>>()
    })?;
    assert_eq!(all.iter().filter(|built| !built.fresh).count(), 1, "{all:?}");
    Ok(())
}

#[test]
fn one_process_looks_once() -> TestResult {
    let scratch = Scratch::with_filter("one_process_looks_once");
    let first = FilterCrate::build_once(&scratch.0, &TEST)?;
    scratch.write("src/lib.rs", "not Rust");
    assert_eq!(FilterCrate::build_once(&scratch.0, &TEST)?, first);
    assert!(FilterCrate::build_once(&scratch.0, &SHIPPED).is_err());
    scratch.write("src/lib.rs", &answering("41"));
    assert!(FilterCrate::build_once(&scratch.0, &SHIPPED).is_err());
    Ok(())
}

#[test]
fn the_compilers_message_is_in_the_error() {
    let scratch = Scratch::with_filter("the_compilers_message_is_in_the_error");
    scratch.write("src/lib.rs", &answering("not_there()"));
    let text = text_of(scratch.build(&[("CARGO_TERM_COLOR", Some("always"))], &TEST));
    assert!(text.contains("error[E0425]: cannot find function `not_there`"), "{text}");
    assert!(text.contains("src/lib.rs:5"), "{text}");
    assert!(text.contains("--crate-type=cdylib"), "{text}");
}

#[test]
fn missing_directory() {
    let scratch = Scratch::new("missing_directory");
    let text = text_of(FilterCrate::open(scratch.path("nowhere")));
    assert!(text.starts_with("there is no `") && text.contains("missing_directory/nowhere"), "{text}");
}

#[test]
fn no_manifest() {
    let scratch = Scratch::new("no_manifest");
    let text = text_of(FilterCrate::open(&scratch.0));
    assert!(text.contains("no_manifest` has no Cargo.toml"), "{text}");
}

#[test]
fn broken_manifest() {
    let scratch = Scratch::new("broken_manifest");
    scratch.write("Cargo.toml", "[package\n");
    let text = text_of(FilterCrate::open(&scratch.0));
    assert!(text.contains("broken_manifest/Cargo.toml") && text.contains("[package"), "{text}");
}

#[test]
fn a_virtual_workspace_names_its_filters() {
    let scratch = Scratch::new("a_virtual_workspace_names_its_filters");
    scratch.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"filter\", \"plain\"]\n");
    scratch.write("filter/Cargo.toml", &manifest("filter", ""));
    scratch.write("filter/src/lib.rs", "");
    scratch.write("plain/Cargo.toml", "[package]\nname = \"plain\"\nedition = \"2024\"\n");
    scratch.write("plain/src/lib.rs", "");
    let text = text_of(FilterCrate::open(&scratch.0));
    assert!(text.contains("without a package of its own"), "{text}");
    assert!(text.contains("a_virtual_workspace_names_its_filters/filter"), "{text}");
    assert!(!text.contains("plain"), "{text}");
}

#[test]
fn a_package_without_cdylib_is_told_what_to_add() {
    let scratch = Scratch::new("a_package_without_cdylib_is_told_what_to_add");
    scratch.write("Cargo.toml", "[package]\nname = \"plain\"\nedition = \"2024\"\n[workspace]\n");
    scratch.write("src/lib.rs", "");
    let text = text_of(FilterCrate::open(&scratch.0));
    assert!(text.contains("\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]"), "{text}");
}

/// Stand-ins for rustc and rustup, first on the path.
#[cfg(unix)]
mod toolchain_without_the_target {
    use super::*;
    use std::io::Write;
    use std::process::Stdio;

    /// A child writes it: while this process has it open for writing, a fork of another thread would keep it busy.
    fn script(scratch: &Scratch, name: &str, content: &str) -> TestResult {
        let path = scratch.path(name);
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        let mut child =
            Command::new("sh").args(["-c", "cat > \"$0\" && chmod +x \"$0\""]).arg(path).stdin(Stdio::piped()).spawn()?;
        child.stdin.take().ok_or("no stdin")?.write_all(content.as_bytes())?;
        assert!(child.wait()?.success());
        Ok(())
    }

    fn rustc(scratch: &Scratch, otherwise: &str) -> TestResult {
        let library = scratch.path("library");
        let content =
            format!("#!/bin/sh\ncase \"$*\" in *target-libdir*) echo '{}';; *) {otherwise};; esac\n", library.display());
        script(scratch, "bin/rustc", &content)
    }

    fn path(scratch: &Scratch) -> String {
        format!("{}:/usr/bin:/bin", scratch.path("bin").display())
    }

    #[test]
    fn it_is_installed() -> TestResult {
        let scratch = Scratch::with_filter("it_is_installed");
        let sysroot = String::from_utf8(Command::new("rustc").args(["--print", "sysroot"]).output()?.stdout)?;
        rustc(&scratch, &format!("exec '{}/bin/rustc' \"$@\"", sysroot.trim()))?;
        let (library, log) = (scratch.path("library"), scratch.path("log"));
        let install = format!(
            "#!/bin/sh\necho \"$@\" >> '{}'\nmkdir -p '{}'\necho > '{1}/libcore-0.rlib'\n",
            log.display(),
            library.display()
        );
        script(&scratch, "bin/rustup", &install)?;
        let path = path(&scratch);
        let variables = [("PATH", Some(path.as_str())), ("RUSTC", None), ("RUSTUP_TOOLCHAIN", Some("some-toolchain"))];
        scratch.build(&variables, &TEST)?;
        assert_eq!(fs::read_to_string(&log)?, "target add wasm32-unknown-unknown --toolchain some-toolchain\n");
        // Not a second time.
        scratch.write("src/lib.rs", &answering("42"));
        assert!(!scratch.build(&variables, &TEST)?.fresh);
        assert_eq!(fs::read_to_string(&log)?.lines().count(), 1);
        Ok(())
    }

    #[test]
    fn rustup_fails() -> TestResult {
        let scratch = Scratch::with_filter("rustup_fails");
        rustc(&scratch, "echo 'the compiler says no' >&2; exit 1")?;
        script(&scratch, "bin/rustup", "#!/bin/sh\necho 'could not download' >&2\nexit 1\n")?;
        let path = path(&scratch);
        let variables = [("PATH", Some(path.as_str())), ("RUSTC", None), ("RUSTUP_TOOLCHAIN", None)];
        let text = text_of(scratch.build(&variables, &TEST));
        assert!(text.contains("lacks the target wasm32-unknown-unknown"), "{text}");
        assert!(text.contains("\n  rustup target add wasm32-unknown-unknown\n"), "{text}");
        assert!(text.contains("could not download") && text.contains("the compiler says no"), "{text}");
        Ok(())
    }

    #[test]
    fn there_is_no_rustup() -> TestResult {
        let scratch = Scratch::with_filter("there_is_no_rustup");
        rustc(&scratch, "echo 'the compiler says no' >&2; exit 1")?;
        let bin = scratch.path("bin");
        let variables = [("PATH", bin.to_str()), ("RUSTC", None), ("RUSTUP_TOOLCHAIN", None)];
        let text = text_of(scratch.build(&variables, &TEST));
        assert!(text.contains("\n  rustup target add wasm32-unknown-unknown\n"), "{text}");
        assert!(text.contains("there is no rustup to run"), "{text}");
        Ok(())
    }
}
