//! An exchange as one JSON object for programs.

use crate::args::Call;
use crate::diff::{Diff, Mark};
use crate::notes;
use crate::refusal;
use crate::transcript::{Passage, Transcript};
use bytes::Bytes;
use proxy_filter_test::{Finding, LogLine, Message, Outcome, Reason, Refused, Trap};
use serde_json::{Value, json};
use std::fmt::Write;

/// The object of an exchange that was run.
pub(crate) fn transcript(transcript: &Transcript, paused: Option<&str>, with_trace: bool) -> String {
    let mut object = json!({
        "outcome": outcome(transcript.outcome),
        "details": transcript.details,
        "request": passage(&transcript.request),
        "response": passage(&transcript.response),
        "local_reply": transcript.local_reply.as_ref().map(|reply| json!({
            "status": reply.status,
            "details": reply.details,
            "body": bytes(&reply.body),
            "grpc_status": reply.grpc_status,
        })),
        "log": log(&transcript.log),
        "trap": transcript.trap.as_ref().map(trap),
        "paused": paused,
        "notes": notes::of(transcript),
        "findings": transcript.findings.iter().map(finding).collect::<Vec<_>>(),
        "callbacks": transcript.callbacks.iter().map(|(name, fuel)| json!({"name": name, "fuel": fuel})).collect::<Vec<_>>(),
        "fuel": {
            "start": transcript.fuel.start,
            "configure": transcript.fuel.configure,
            "exchange": transcript.fuel.exchange,
        },
        "memory_bytes": transcript.memory,
        "time_seconds": {
            "start": transcript.time.start.as_secs_f64(),
            "exchange": transcript.time.exchange.as_secs_f64(),
        },
    });
    if with_trace {
        object["trace"] = transcript.trace.lines().collect();
    }
    text(&object)
}

/// The object of a filter that did not come to run.
pub(crate) fn refused(refused: &Refused, call: &Call) -> String {
    let trapped = match refused.reason() {
        Reason::Trap(dead) | Reason::Load(proxy_filter_test::LoadError::Trap(dead)) => Some(trap(dead)),
        _ => None,
    };
    let error = anstream::adapter::strip_str(&refusal::text(refused.reason(), call)).to_string();
    text(&json!({ "outcome": "refused", "error": error.trim_end(), "log": log(refused.log()), "trap": trapped }))
}

fn text(object: &Value) -> String {
    // The alternate form is indented; values made here can be written.
    format!("{object:#}\n")
}

fn outcome(outcome: Outcome) -> String {
    format!("{outcome:?}").to_ascii_lowercase()
}

fn finding(finding: &Finding) -> Value {
    let lint = finding.lint();
    json!({
        "row": lint.row(),
        "cause": lint.cause(),
        "consequence": lint.consequence(),
        "mend": lint.mend(),
        "callback": finding.callback(),
    })
}

fn passage(passage: &Passage) -> Value {
    let changes = match (&passage.before, &passage.after) {
        (Some(before), Some(after)) => Diff::between(before, after),
        _ => Diff::default(),
    };
    let change = |mark| if mark == Mark::Removed { "removed" } else { "added" };
    json!({
        "before": passage.before.as_ref().map(message),
        "after": passage.after.as_ref().map(message),
        "complete": passage.complete,
        "changes": changes.changes().map(|line| json!({ change(line.mark): line.text })).collect::<Vec<_>>(),
    })
}

fn message(message: &Message) -> Value {
    let pairs =
        |pairs: &[(Bytes, Bytes)]| pairs.iter().map(|(name, value)| json!([bytes(name), bytes(value)])).collect::<Value>();
    json!({ "headers": pairs(message.headers()), "body": bytes(&message.body()), "trailers": pairs(message.trailers()) })
}

/// A string, or where it is not UTF-8 `{"hex": …}`.
fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "hex": bytes.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }) }),
    }
}

fn log(log: &[LogLine]) -> Value {
    let line = |line: &LogLine| json!({ "level": line.level.name().to_ascii_lowercase(), "plugin": line.plugin, "message": line.message });
    log.iter().map(line).collect()
}

fn trap(trap: &Trap) -> Value {
    json!({
        "kind": format!("{:?}", trap.kind),
        "callback": trap.callback,
        "message": trap.message,
        "backtrace": trap.backtrace,
        "trace": trap.trace,
    })
}
