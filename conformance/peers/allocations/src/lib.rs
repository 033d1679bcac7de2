//! The twin of `conformance/guests/allocations` on the crate proxy-wasm.
#![cfg(target_family = "wasm")]
#![allow(missing_docs, unsafe_code, reason = "proxy_wasm::main! expands to an undocumented unsafe export")]

#[path = "../../../guests/allocations/src/counting.rs"]
mod counting;

use counting::count;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_http_context(|_, _| -> Box<dyn HttpContext> { Box::new(Stream) });
}}

struct Stream;

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let counts = [
            ("all", count(|| self.get_http_request_headers())),
            ("get", count(|| self.get_http_request_header("x-1"))),
            ("absent", count(|| self.get_http_request_header("x-none"))),
            ("add", count(|| self.add_http_request_header("x-new", "1"))),
            ("set", count(|| self.set_http_request_header("x-new", Some("2")))),
            ("remove", count(|| self.set_http_request_header("x-new", None))),
            ("walk", {
                let all = self.get_http_request_headers();
                count(|| all.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>())
            }),
        ];
        for (what, count) in counts {
            log::info!("{what} {count}");
        }
        Action::Continue
    }
}
