//! Answers as RFC 9457 has them: `application/problem+json`.

use crate::schema::Finding;
use alloc::{string::String, vec::Vec};
use proxy_filter::LocalReply;
use serde::Serialize;

/// What is told of a request that does not pass.
#[derive(Serialize)]
pub(crate) struct Problem {
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Finding>,
}

impl Problem {
    pub(crate) fn new(status: u16, detail: impl Into<String>) -> Self {
        let title = match status {
            413 => "Content Too Large",
            415 => "Unsupported Media Type",
            _ => "Bad Request",
        };
        Self { title, status, detail: detail.into(), errors: Vec::new() }
    }

    pub(crate) fn errors(mut self, errors: Vec<Finding>) -> Self {
        self.errors = errors;
        self
    }

    pub(crate) fn reply(&self) -> LocalReply {
        let body = serde_json::to_vec(self).unwrap_or_default();
        LocalReply::new(self.status).header("content-type", "application/problem+json").body(body).details("json_validate")
    }
}
