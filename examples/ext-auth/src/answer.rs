//! What a service says of a request, and what then becomes of it.

use crate::config::Reason;
use proxy_filter::Headers;
use proxy_filter::prelude::*;

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

    /// Of the headers that are the service's to set the upstream sees its values, and none of the client's.
    pub(crate) fn set_upstream(&self, headers: &Headers<'_>, names: &[String]) -> Result<(), Error> {
        for name in names {
            let mut values = self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
            match values.next() {
                Some(value) => headers.set(name, value)?,
                None => headers.remove(name)?,
            }
            for value in values {
                headers.add(name, value)?;
            }
        }
        Ok(())
    }

    /// The refusal.
    pub(crate) fn reply(&self) -> LocalReply {
        let Verdict::Denied { status, body, details } = &self.verdict else { return LocalReply::new(500) };
        let reply = LocalReply::new(*status).details(details).body(body);
        self.headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}
