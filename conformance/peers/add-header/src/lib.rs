//! The example add-header, written on the crate proxy-wasm 0.2.5 as its users write: the same configuration, the same changes.
//!
//! Only for comparison; empty outside Wasm.
#![cfg(target_family = "wasm")]
#![allow(missing_docs, unsafe_code, reason = "proxy_wasm::main! expands to an undocumented unsafe export")]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use serde::Deserialize;
use std::rc::Rc;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root::default()) });
}}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    request: Changes,
    #[serde(default)]
    response: Changes,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Changes {
    remove: Vec<String>,
    set: Vec<(String, String)>,
    append: Vec<(String, String)>,
    add: Vec<(String, String)>,
}

#[derive(Default)]
struct Root {
    config: Rc<Config>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        match serde_json::from_slice(&self.get_plugin_configuration().unwrap_or_default()) {
            Ok(config) => {
                self.config = Rc::new(config);
                true
            }
            Err(error) => {
                log::error!("bad configuration: {error}");
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream(Rc::clone(&self.config))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream(Rc<Config>);

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let changes = &Rc::clone(&self.0).request;
        for name in &changes.remove {
            self.remove_http_request_header(name);
        }
        for (name, value) in &changes.set {
            self.set_http_request_header(name, Some(value));
        }
        for (name, value) in &changes.append {
            let old = self.get_http_request_header(name).unwrap_or_default();
            let joined = if old.is_empty() { value.clone() } else { format!("{old},{value}") };
            self.set_http_request_header(name, Some(&joined));
        }
        for (name, value) in &changes.add {
            self.add_http_request_header(name, value);
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let changes = &Rc::clone(&self.0).response;
        for name in &changes.remove {
            self.remove_http_response_header(name);
        }
        for (name, value) in &changes.set {
            self.set_http_response_header(name, Some(value));
        }
        for (name, value) in &changes.append {
            let old = self.get_http_response_header(name).unwrap_or_default();
            let joined = if old.is_empty() { value.clone() } else { format!("{old},{value}") };
            self.set_http_response_header(name, Some(&joined));
        }
        for (name, value) in &changes.add {
            self.add_http_response_header(name, value);
        }
        Action::Continue
    }
}
