//! Callouts: the configuration is what to do, a timeout in milliseconds, and the clusters.

use crate::{say, text};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, Status};
use std::time::Duration;

/// Asks a cluster; what is refused is said.
pub(crate) fn ask(context: &dyn Context, cluster: &str, timeout: u64) -> Option<u32> {
    let headers = vec![(":method", "GET"), (":path", "/user"), (":authority", "auth.example"), ("X-Asks", "1")];
    let call = context.dispatch_http_call(cluster, headers, Some(b"who?"), vec![], Duration::from_millis(timeout));
    call.map_err(|status: Status| say(&format!("refused: {status:?}"))).ok()
}

/// The timeout, and the clusters.
pub(crate) fn services(text: &str) -> (u64, Vec<String>) {
    let mut words = text.split(' ');
    (words.next().and_then(|timeout| timeout.parse().ok()).unwrap_or(0), words.map(str::to_owned).collect())
}

/// What has come.
pub(crate) fn tell(context: &dyn Context, headers: usize, size: usize, trailers: usize) {
    let status = context.get_http_call_response_header(":status");
    let body = context.get_http_call_response_body(0, size).map(text);
    say(&format!("answer: {status:?} {body:?} ({headers} headers, {size} bytes, {trailers} trailers)"));
    say(&format!("map of {}, get_status {:?}", context.get_http_call_response_headers().len(), hostcalls::get_grpc_status()));
}

/// A stream that waits for the answers of one or two clusters, and lets a request through when all are 200.
pub(crate) struct Waits {
    pub(crate) clusters: Vec<String>,
    pub(crate) timeout: u64,
    pub(crate) open: Vec<u32>,
}

impl Context for Waits {
    fn on_http_call_response(&mut self, token: u32, headers: usize, size: usize, trailers: usize) {
        tell(self, headers, size, trailers);
        self.open.retain(|open| *open != token);
        match self.get_http_call_response_header(":status").as_deref() {
            Some("200") if self.open.is_empty() => {
                self.set_http_request_header("x-user", self.get_http_call_response_body(0, size).map(text).as_deref());
                self.resume_http_request();
            }
            Some("200") => {}
            status => self.send_http_response(403, vec![("x-why", status.unwrap_or("nothing came"))], Some(b"no")),
        }
    }
}

impl HttpContext for Waits {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.open = self.clusters.iter().filter_map(|cluster| ask(self, cluster, self.timeout)).collect();
        if self.open.is_empty() { Action::Continue } else { Action::Pause }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        say("response headers");
        Action::Continue
    }
}
