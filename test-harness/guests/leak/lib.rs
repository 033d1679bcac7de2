//! A filter that reads all headers of each request, and keeps nothing of them.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_http_context(|_, _| -> Box<dyn HttpContext> { Box::new(ReadsHeaders) });
}}

struct ReadsHeaders;

impl Context for ReadsHeaders {}

impl HttpContext for ReadsHeaders {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let _ = self.get_http_request_headers();
        Action::Continue
    }
}
