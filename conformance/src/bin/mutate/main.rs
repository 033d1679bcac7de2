//! Puts deliberate faults into the mock host and the SDK, one at a time, and fails if the tests let one through.
//!
//! ```text
//! cargo run -p proxy-filter-conformance --bin mutate              all of them: half an hour on two cores
//! cargo run -p proxy-filter-conformance --bin mutate LOC slots    those whose rule or file contains one of these
//! cargo run -p proxy-filter-conformance --bin mutate -- --check   only whether each fault still fits the sources
//! ```
//!
//! It works on a copy under `target/mutate`; the sources are not touched.

mod faults;
mod services;

use faults::{Fault, Suite};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// A fault that makes the tests run for ever is caught too.
const LONGEST_RUN: Duration = Duration::from_secs(300);

/// What became of a fault.
enum Verdict {
    /// This test failed.
    Caught(String),
    /// Every test passed.
    Survived,
    /// It is no fault of the tests: the text is not there (once), or does not compile.
    Unfit(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let check_only = arguments.iter().any(|argument| argument == "--check");
    let wanted: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| !argument.starts_with("--")).collect();
    let chosen: Vec<&Fault> = faults::all()
        .filter(|fault| wanted.is_empty() || wanted.iter().any(|word| fault.breaks.contains(word) || fault.file.contains(word)))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let misfits: Vec<String> = chosen.iter().filter_map(|fault| fits(&root, fault).err()).collect();
    if check_only || !misfits.is_empty() {
        misfits.iter().for_each(|misfit| eprintln!("{misfit}"));
        println!("{} faults, {} do not fit the sources", chosen.len(), misfits.len());
        return if misfits.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    match run(&root, &chosen) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot run the mutations: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the text that a fault replaces stands in its file exactly once.
fn fits(root: &Path, fault: &Fault) -> Result<(), String> {
    let text = fs::read_to_string(root.join(fault.file)).map_err(|error| format!("{}: {error}", fault.file))?;
    match text.matches(fault.from).count() {
        1 => Ok(()),
        count => Err(format!("{}: found {count} times, expected once ({}):\n    {}", fault.file, fault.breaks, fault.from)),
    }
}

/// Tries each fault on a copy; how many were not caught.
fn run(root: &Path, chosen: &[&Fault]) -> io::Result<usize> {
    let copy = copy_of(root)?;
    println!("the tests without a fault, in {}", copy.display());
    for suite in [Suite::Engine, Suite::Dispatcher, Suite::Services] {
        if let Verdict::Caught(test) | Verdict::Unfit(test) = test(&copy, suite)? {
            return Err(io::Error::other(format!("they fail as they are: {test}")));
        }
    }
    let mut bad = 0;
    for (index, fault) in chosen.iter().enumerate() {
        print!("{:>3}/{} {:<44} {:<52} ", index + 1, chosen.len(), fault.breaks, fault.file);
        io::stdout().flush()?;
        let begun = Instant::now();
        let path = copy.join(fault.file);
        let original = fs::read_to_string(&path)?;
        fs::write(&path, original.replacen(fault.from, fault.to, 1))?;
        let verdict = test(&copy, fault.suite);
        fs::write(&path, original)?;
        let seconds = begun.elapsed().as_secs();
        match verdict? {
            Verdict::Caught(test) => println!("caught in {seconds} s by {test}"),
            Verdict::Survived => {
                bad += 1;
                println!("SURVIVED ({seconds} s)");
            }
            Verdict::Unfit(why) => {
                bad += 1;
                println!("UNFIT: {why}");
            }
        }
    }
    println!("{} faults, {} caught", chosen.len(), chosen.len() - bad);
    Ok(bad)
}

/// The workspace as it is now, committed or not; what has not changed since the last time keeps its date, and so is not built again.
fn copy_of(root: &Path) -> io::Result<PathBuf> {
    let copy = root.join("target/mutate/workspace");
    let listed = Command::new("git").args(["ls-files", "-co", "--exclude-standard", "-z"]).current_dir(root).output()?;
    for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root.join(name), copy.join(name));
        let Ok(text) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|there| there == text) {
            continue;
        }
        fs::create_dir_all(to.parent().unwrap_or(&copy))?;
        fs::write(to, text)?;
    }
    copy.canonicalize()
}

/// Runs a suite until its first failing test.
fn test(copy: &Path, suite: Suite) -> io::Result<Verdict> {
    for arguments in suite.commands() {
        let built = cargo(copy, &[&["test", "--no-run", "--quiet"], *arguments].concat())?;
        if !built.success {
            let error = built.text.lines().find(|line| line.starts_with("error")).unwrap_or("the build failed").to_owned();
            return Ok(Verdict::Unfit(error));
        }
        let ran = cargo(copy, &[&["test"], *arguments].concat())?;
        if !ran.success {
            let failed = ran.text.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
            let silent = if ran.ended { "a test binary that died" } else { "a test that never ends" };
            return Ok(Verdict::Caught(failed.unwrap_or(silent).to_owned()));
        }
    }
    Ok(Verdict::Survived)
}

struct Ran {
    success: bool,
    /// It ended by itself.
    ended: bool,
    text: String,
}

fn cargo(copy: &Path, arguments: &[&str]) -> io::Result<Ran> {
    let output = copy.with_file_name("output.txt");
    let file = fs::File::create(&output)?;
    let mut child = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy.with_file_name("target"))
        .stdin(Stdio::null())
        .stderr(file.try_clone()?)
        .stdout(file)
        .spawn()?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if begun.elapsed() > LONGEST_RUN && arguments.get(1) != Some(&"--no-run") {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(100));
    };
    Ok(Ran {
        success: status.is_some_and(|s| s.success()),
        ended: status.is_some(),
        text: String::from_utf8_lossy(&fs::read(&output)?).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_fits_the_sources() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let misfits: Vec<String> = faults::all().filter_map(|fault| fits(&root, fault).err()).collect();
        assert!(misfits.is_empty(), "{}", misfits.join("\n"));
    }
}
