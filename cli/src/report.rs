//! An exchange as text for people.

use crate::diff::{Diff, Line, Mark};
use crate::escape::{grouped, printable};
use crate::notes;
use crate::paint::{self, ADDED, QUIET, REMOVED, TITLE, WARNING};
use crate::transcript::{Passage, Transcript};
use proxy_filter_test::{LogLine, Outcome, Trap};
use std::fmt::Write;
use std::time::Duration;

/// The whole report. Writing to a string cannot fail, so the results of the macros are let go.
pub(crate) fn transcript(transcript: &Transcript, with_trace: bool) -> String {
    let mut text = String::new();
    if with_trace {
        trace(&mut text, &transcript.trace);
    }
    request(&mut text, &transcript.request);
    response(&mut text, transcript);
    if !transcript.log.is_empty() {
        let _ = writeln!(text, "{TITLE}log{TITLE:#}");
        log_lines(&mut text, &transcript.log);
        text.push('\n');
    }
    if let Some(dead) = &transcript.trap {
        let _ = writeln!(text, "{TITLE}trap{TITLE:#}");
        trap(&mut text, dead);
        text.push('\n');
    }
    for note in notes::of(transcript) {
        let _ = writeln!(text, "{WARNING}note{WARNING:#}  {note}\n");
    }
    summary(&mut text, transcript);
    text
}

fn request(text: &mut String, passage: &Passage) {
    match (&passage.before, &passage.after) {
        (Some(before), Some(after)) => {
            let diff = Diff::between(before, after);
            compared(text, "request", &diff, "as the client sent it", "as the upstream received it", passage.complete);
        }
        (Some(before), None) => {
            alone(text, "request", "as the client sent it; it did not reach the upstream", QUIET, &Diff::of(before));
        }
        // Without the filter it would not have got there either.
        (None, Some(after)) => alone(text, "request", "as the upstream received it", QUIET, &Diff::of(after)),
        (None, None) => alone(text, "request", "it did not reach the upstream", QUIET, &Diff::default()),
    }
}

fn response(text: &mut String, transcript: &Transcript) {
    let passage = &transcript.response;
    match (&passage.before, &passage.after) {
        (Some(before), Some(after)) => {
            let after_is = match transcript.local_reply {
                Some(_) => "the local reply that the client received instead",
                None => "as the client received it",
            };
            compared(text, "response", &Diff::between(before, after), "as the upstream sent it", after_is, passage.complete);
        }
        (Some(before), None) => {
            alone(text, "response", "as the upstream sent it; it did not reach the client", QUIET, &Diff::of(before));
        }
        (None, Some(after)) => {
            let what = "a local reply, as the client received it; the upstream was not asked";
            alone(text, "response", what, anstyle::Style::new(), &Diff::of(after));
        }
        (None, None) => alone(text, "response", "there is none; the upstream was not asked", QUIET, &Diff::default()),
    }
}

fn compared(text: &mut String, title: &str, diff: &Diff, before: &str, after: &str, complete: bool) {
    let part = if complete { "" } else { "; only its beginning got there" };
    if diff.is_empty() {
        let _ = writeln!(text, "{TITLE}{title}{TITLE:#}  unchanged, {after}{part}");
    } else {
        let _ = writeln!(text, "{TITLE}{title}{TITLE:#}  {REMOVED}-{REMOVED:#} {before}, {ADDED}+{ADDED:#} {after}{part}");
    }
    lines(text, diff, QUIET);
}

fn alone(text: &mut String, title: &str, what: &str, style: anstyle::Style, diff: &Diff) {
    let _ = writeln!(text, "{TITLE}{title}{TITLE:#}  {what}");
    lines(text, diff, style);
}

/// Headers, body and trailers, each part after an empty line.
fn lines(text: &mut String, diff: &Diff, same: anstyle::Style) {
    for line in &diff.headers {
        self::line(text, "", line, same);
    }
    for (part, name) in [(&diff.body, ""), (&diff.trailers, "trailer ")] {
        if !part.is_empty() {
            text.push('\n');
        }
        part.iter().for_each(|line| self::line(text, name, line, same));
    }
    text.push('\n');
}

fn line(text: &mut String, prefix: &str, Line { mark, text: content }: &Line, same: anstyle::Style) {
    let (style, mark) = match mark {
        Mark::Same => (same, ' '),
        Mark::Elided => (QUIET, ' '),
        Mark::Removed => (REMOVED, '-'),
        Mark::Added => (ADDED, '+'),
    };
    let line = format!("{mark} {prefix}{content}");
    let line = line.trim_end_matches(' ');
    let _ = if line.is_empty() { writeln!(text) } else { writeln!(text, "{style}{line}{style:#}") };
}

/// The lines of a log, coloured by level; a line of several stays together.
pub(crate) fn log_lines(text: &mut String, log: &[LogLine]) {
    for line in log {
        let style = paint::level(line.level);
        let level = line.level.name().to_ascii_lowercase();
        let message = line.message.lines().map(|line| printable(line.as_bytes())).collect::<Vec<_>>().join("\n    ");
        let _ = writeln!(text, "  {style}[{level}]{style:#} {}: {message}", printable(line.plugin.as_bytes()));
    }
}

/// Why a VM died, and where.
pub(crate) fn trap(text: &mut String, trap: &Trap) {
    let _ = writeln!(text, "  {REMOVED}{}: {}{REMOVED:#}", trap.callback, printable(trap.message.as_bytes()));
    for (depth, frame) in trap.backtrace.iter().enumerate() {
        let _ = writeln!(text, "  {depth:>4}: {}", printable(frame.as_bytes()));
    }
    if trap.trace.is_empty() {
        return;
    }
    let _ = writeln!(text, "  before it:");
    for line in &trap.trace {
        let _ = writeln!(text, "    {QUIET}{}{QUIET:#}", printable(line.as_bytes()));
    }
}

fn trace(text: &mut String, trace: &str) {
    let _ = writeln!(text, "{TITLE}trace{TITLE:#}");
    for line in trace.lines() {
        let style = if line.starts_with(' ') { QUIET } else { anstyle::Style::new() };
        let _ = writeln!(text, "  {style}{}{style:#}", printable(line.as_bytes()));
    }
    text.push('\n');
}

/// How it ended and what it cost, a line each.
fn summary(text: &mut String, transcript: &Transcript) {
    let mut row = |name: &str, style: anstyle::Style, value: &str| {
        let _ = writeln!(text, "{TITLE}{name:<8}{TITLE:#}  {style}{value}{style:#}");
    };
    if let Some(reply) = &transcript.local_reply {
        let details = printable(reply.details.as_bytes());
        let details = if details.is_empty() { details } else { format!(", details \"{details}\"") };
        row("reply", anstyle::Style::new(), &format!("local, status {}{details}", reply.status));
    }
    let details = printable(transcript.details.as_bytes());
    match transcript.outcome {
        Outcome::Complete => row("outcome", anstyle::Style::new(), "complete: the client has the whole response"),
        Outcome::Reset if transcript.response.after.is_some() => {
            row("outcome", WARNING, &format!("reset: the connection was cut in the middle of the response ({details})"));
        }
        Outcome::Reset => {
            row("outcome", WARNING, &format!("reset: the client saw its connection closed without a response ({details})"));
        }
        Outcome::Paused => row("outcome", WARNING, "paused: the filter holds the exchange back"),
        other => row("outcome", WARNING, &format!("{other:?}")),
    }
    let fuel = &transcript.fuel;
    let (exchange, start, configure) = (grouped(fuel.exchange), grouped(fuel.start), grouped(fuel.configure));
    let fuel = format!("{exchange} guest instructions; {start} to start, {configure} to configure");
    row("fuel", anstyle::Style::new(), &fuel);
    if let Some(bytes) = transcript.memory {
        row("memory", anstyle::Style::new(), &format!("{} KiB", grouped(bytes >> 10)));
    }
    let time = &transcript.time;
    row("time", QUIET, &format!("{} in the exchange, {} to load and start", rounded(time.exchange), rounded(time.start)));
}

fn rounded(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        ..1e6 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}
