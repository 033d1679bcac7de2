//! The guest two-calls, written on the crate proxy-wasm 0.2.5 as its users write: the same calls, the same answers.
//!
//! Only for comparison; empty outside Wasm.
#![cfg(target_family = "wasm")]
#![allow(missing_docs, unsafe_code, reason = "proxy_wasm::main! expands to an undocumented unsafe export")]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root) });
}}

const TIMEOUT: Duration = Duration::from_millis(200);

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::default()))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

#[derive(Default)]
struct Stream {
    user_call: Option<u32>,
    quota_call: Option<u32>,
    user: Option<(bool, Vec<u8>)>,
    quota: Option<bool>,
}

impl Stream {
    fn decide(&self) {
        let (Some((user_ok, user)), Some(quota_ok)) = (&self.user, self.quota) else { return };
        if *user_ok && quota_ok {
            self.set_http_request_header_bytes("x-user", Some(user));
            self.resume_http_request();
        } else {
            self.send_http_response(403, vec![], None);
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        let Some(token) = self.get_http_request_header("authorization") else {
            self.send_http_response(401, vec![], None);
            return Action::Pause;
        };
        let user = vec![(":method", "GET"), (":path", "/user"), (":authority", "authz"), ("authorization", &token)];
        self.user_call = self.dispatch_http_call("authz", user, None, vec![], TIMEOUT).ok();
        let quota = vec![(":method", "POST"), (":path", "/take"), (":authority", "quota")];
        self.quota_call = self.dispatch_http_call("quota", quota, Some(b"1"), vec![], TIMEOUT).ok();
        if self.user_call.is_none() || self.quota_call.is_none() {
            self.send_http_response(500, vec![], None);
        }
        Action::Pause
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_size: usize, _trailers: usize) {
        let ok = self.get_http_call_response_header(":status").as_deref() == Some("200");
        if Some(token) == self.user_call {
            self.user = Some((ok, self.get_http_call_response_body(0, body_size).unwrap_or_default()));
        } else if Some(token) == self.quota_call {
            self.quota = Some(ok);
        }
        self.decide();
    }
}
