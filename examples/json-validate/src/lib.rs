//! Lets requests pass whose JSON body is what a JSON Schema says.
//!
//! ```json
//! {
//!   "schema": {
//!     "type": "object",
//!     "required": ["sku", "count"],
//!     "properties": { "sku": { "type": "string", "pattern": "^[a-z]+-[0-9]+$" }, "count": { "type": "integer", "minimum": 1 } },
//!     "additionalProperties": false
//!   }
//! }
//! ```
//!
//! Others are answered with 400 and what is wrong where, as `application/problem+json`.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod config;
mod pattern;
mod pointer;
mod problem;
mod schema;
mod value;

use alloc::format;
use alloc::string::ToString;
use config::{Config, Other};
use problem::Problem;
use proxy_filter::prelude::*;
use schema::{Findings, Schema};
use value::Value;

proxy_filter::no_std_runtime!();

proxy_filter::register! { "json_validate" => http JsonValidate }

struct JsonValidate {
    config: Config,
    schema: Schema,
}

impl RootContext for JsonValidate {
    type Config = Json<Config>;

    fn new(Json(config): Json<Config>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        config.check()?;
        let schema = schema::compile(&config.schema).map_err(|refusal| ConfigError::new(format!("schema: {refusal}")))?;
        Ok(Self { config, schema })
    }
}

impl HttpPlugin for JsonValidate {
    type Http = JsonValidateStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> JsonValidateStream {
        JsonValidateStream { root: Rc::clone(self), validates: false, body_required: false }
    }
}

impl JsonValidate {
    /// What is wrong with a body, if anything is.
    fn problem(&self, body: &[u8]) -> Option<Problem> {
        let document = match Value::parse(body, self.config.max_depth) {
            Ok(document) => document,
            Err(error) => return Some(Problem::new(400, format!("The body is not JSON as it must be: {error}."))),
        };
        let mut findings = Findings::new(self.config.max_errors, self.config.max_evaluations);
        if self.schema.is_valid(&document, &mut findings) {
            return None;
        }
        Some(match findings.gave_up() {
            true => Problem::new(400, "The body takes too long to validate."),
            false => Problem::new(400, "The body is not what the schema says.").errors(findings.findings),
        })
    }
}

struct JsonValidateStream {
    root: Rc<JsonValidate>,
    validates: bool,
    body_required: bool,
}

impl HttpContext for JsonValidateStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let config = &self.root.config;
        let method = http.method()?;
        self.body_required =
            config.body_required.iter().any(|name| method.as_ref().is_some_and(|method| method == name.as_str()));
        if http.end_of_stream() {
            return if self.body_required { no_body().reply().send() } else { Ok(HeadersAction::Continue) };
        }
        if !http.content_type()?.is_some_and(|value| config.takes(&value)) {
            return match config.other_content_types {
                Other::Pass => Ok(HeadersAction::Continue),
                Other::Refuse => {
                    let detail = format!("The body must be of one of these types: {}.", config.content_types.join(", "));
                    let reply = Problem::new(415, detail).reply();
                    // As RFC 9110, 15.5.16 has it.
                    config
                        .content_types
                        .iter()
                        .filter(|text| !text.starts_with('+'))
                        .fold(reply, |reply, text| reply.header("accept", text))
                        .send()
                }
            };
        }
        let encoding = http.headers().get("content-encoding")?;
        if encoding.is_some_and(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity")) {
            return Problem::new(415, "The body must not be encoded.").reply().header("accept-encoding", "identity").send();
        }
        self.validates = true;
        Ok(if config.hold_headers { HeadersAction::StopIteration } else { HeadersAction::Continue })
    }

    fn request_body_policy(&self) -> BodyPolicy {
        if self.validates { BodyPolicy::Collect { limit: self.root.config.limit } } else { BodyPolicy::Stream }
    }

    fn request_body_over_limit(&self) -> LocalReply {
        Problem::new(413, format!("The body is larger than {} bytes.", self.root.config.limit)).reply()
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        if !self.validates {
            return Ok(DataAction::Continue);
        }
        let body = http.body().bytes()?;
        match self.root.problem(&body) {
            _ if body.is_empty() && !self.body_required => {}
            _ if body.is_empty() => return no_body().reply().send(),
            Some(problem) => return problem.reply().send(),
            None => {}
        }
        if let Some(headers) = http.held_headers() {
            // All of the body is here, and its length is that of before.
            headers.set("content-length", body.len().to_string())?;
        }
        Ok(DataAction::Continue)
    }
}

fn no_body() -> Problem {
    Problem::new(400, "A body is required, and there is none.")
}
