//! Filters on the crate proxy-wasm 0.2.5, as its users write them: the plugin's configuration says which.
//!
//! `ask` and `ask-on-tick` call the clusters whose names follow; `everything` calls each method that concerns HTTP streams where that is legal; `tcp` those of TCP streams; the others do what their
//! name says, or what a row of `docs/envoy.md` describes. All of them log what they see. Empty outside Wasm.
#![cfg(target_family = "wasm")]
#![allow(missing_docs, unsafe_code, reason = "proxy_wasm::main! expands to an undocumented unsafe export")]

mod callouts;
mod everything;
mod mistakes;
mod tcp;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext, StreamContext};
use proxy_wasm::types::{Action, ContextType, GrpcStatusCode, LogLevel};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root::default()) });
}}

/// Not by the crate's logger, which also reports panics with paths of the machine that built it.
pub(crate) fn say(text: &str) {
    let _ = hostcalls::log(LogLevel::Info, text);
}

/// The names of a map's entries, without what Envoy makes up.
pub(crate) fn names<V>(map: &[(String, V)]) -> String {
    map.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
}

#[derive(Default)]
struct Root {
    mode: String,
    /// The stream that waits for a tick.
    held: Rc<Cell<Option<u32>>>,
}

impl Context for Root {
    fn on_done(&mut self) -> bool {
        say("root done");
        true
    }

    fn on_http_call_response(&mut self, _: u32, headers: usize, size: usize, trailers: usize) {
        say("of the root");
        callouts::tell(self, headers, size, trailers);
    }
}

impl RootContext for Root {
    fn on_vm_start(&mut self, size: usize) -> bool {
        say(&format!("vm_start {size} {:?}", self.get_vm_configuration().map(text)));
        true
    }

    fn on_configure(&mut self, size: usize) -> bool {
        self.mode = self.get_plugin_configuration().map(text).unwrap_or_default();
        say(&format!("configure {size} {}", self.mode));
        match self.mode.as_str() {
            "refuse" => return false,
            "SDK-13" => proxy_wasm::set_log_level(LogLevel::Trace),
            "hold-request" | "hold-response" => self.set_tick_period(Duration::from_millis(40)),
            _ => {}
        }
        true
    }

    fn on_tick(&mut self) {
        if let Some(service) = self.mode.strip_prefix("ask-on-tick ") {
            for cluster in callouts::services(service).1 {
                callouts::ask(self, &cluster, 5000);
            }
            return self.set_tick_period(Duration::ZERO);
        }
        let Some(stream) = self.held.take() else { return };
        say(&format!("tick: {:?}", hostcalls::set_effective_context(stream)));
        match self.mode.as_str() {
            "hold-request" => say(&format!("tick: {:?}", hostcalls::resume_http_request())),
            _ => say(&format!("tick: {:?}", hostcalls::resume_http_response())),
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        if self.mode == "everything" {
            return Some(Box::new(everything::Everything));
        }
        if let Some(services) = self.mode.strip_prefix("ask ") {
            let (timeout, clusters) = callouts::services(services);
            return Some(Box::new(callouts::Waits { clusters, timeout, open: Vec::new() }));
        }
        if self.mode.starts_with("ask-on-tick ") {
            // Not when it is configured: the main thread has a root too.
            self.set_tick_period(Duration::from_millis(40));
        }
        if self.mode.starts_with("SDK-") {
            return Some(Box::new(mistakes::Mistake(self.mode.clone())));
        }
        Some(Box::new(One { id, mode: self.mode.clone(), held: Rc::clone(&self.held) }))
    }

    fn create_stream_context(&self, _id: u32) -> Option<Box<dyn StreamContext>> {
        Some(Box::new(tcp::Tcp))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(if self.mode == "tcp" { ContextType::StreamContext } else { ContextType::HttpContext })
    }
}

pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}

/// Does one thing.
struct One {
    id: u32,
    mode: String,
    held: Rc<Cell<Option<u32>>>,
}

impl Context for One {}

impl HttpContext for One {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match self.mode.as_str() {
            "reply" => self.send_http_response(403, vec![("x-why", "asked")], Some(b"no")),
            "grpc-reply" => self.send_grpc_response(GrpcStatusCode::PermissionDenied, Some("no"), vec![("x-why", b"asked")]),
            "reset-request" => self.reset_http_request(),
            "hold-request" => self.held.set(Some(self.id)),
            _ => return Action::Continue,
        }
        Action::Pause
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        say("response headers");
        match self.mode.as_str() {
            "reset-response" => self.reset_http_response(),
            "reply-instead" => self.send_http_response(502, vec![], Some(b"no such answer")),
            "hold-response" => self.held.set(Some(self.id)),
            _ => return Action::Continue,
        }
        Action::Pause
    }
}
