//! What a service says of a request, and what then becomes of it.

use crate::config::Reason;
use proxy_filter::prelude::*;
use proxy_filter::{HeaderMap, Headers};

/// What Envoy's own filter tells the upstream of a request that passed because the service did not answer.
pub(crate) const FAILED_OPEN: &str = "x-envoy-auth-failure-mode-allowed";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) verdict: Verdict,
    /// For the upstream, or with a refusal for the client.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// That the upstream is not to see.
    pub(crate) remove: Vec<String>,
    /// Whether it may be given to others that ask the same.
    pub(crate) storable: bool,
    pub(crate) failed_open: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    Denied { status: u16, body: Vec<u8>, details: String },
}

impl Answer {
    pub(crate) fn allowed() -> Self {
        Self { verdict: Verdict::Allowed, headers: Vec::new(), remove: Vec::new(), storable: true, failed_open: false }
    }

    pub(crate) fn denied(status: u16) -> Self {
        let verdict = Verdict::Denied { status, body: Vec::new(), details: "ext_auth_denied".to_string() };
        Self { verdict, ..Self::allowed() }
    }

    pub(crate) fn failed_open() -> Self {
        Self { failed_open: true, storable: false, ..Self::allowed() }
    }

    pub(crate) fn failed_closed(status: u16, reason: Reason) -> Self {
        let verdict = Verdict::Denied { status, body: Vec::new(), details: format!("ext_auth_error{{{reason}}}") };
        Self { verdict, storable: false, ..Self::allowed() }
    }

    /// The refusal.
    pub(crate) fn reply(&self) -> LocalReply {
        let Verdict::Denied { status, body, details } = &self.verdict else { return LocalReply::new(500) };
        let reply = LocalReply::new(*status).details(details).body(body);
        self.headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}

/// Takes what the client says under these names away, from headers or trailers.
pub(crate) fn remove(headers: &Headers<'_>, sent: &HeaderMap, names: &[String]) -> Result<(), Error> {
    if names.is_empty() {
        return Ok(());
    }
    let mut removed: Vec<&[u8]> = Vec::new();
    for (name, _) in sent {
        if names.iter().any(|own| is_same(own.as_bytes(), name)) && !removed.contains(&name) {
            headers.remove(name)?;
            removed.push(name);
        }
    }
    Ok(())
}

/// Servers that hand headers on as CGI does read `x_user` and `x-user` as one.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| plain(*a) == plain(*b))
}
