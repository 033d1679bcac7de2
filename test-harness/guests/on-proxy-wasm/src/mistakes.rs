//! What the crate panics at, or answers nothing to, because the proxy refuses it: the rows SDK-1 to SDK-13.

use crate::{say, text};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

pub(crate) struct Mistake(pub(crate) String);

impl Context for Mistake {}

impl HttpContext for Mistake {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match self.0.as_str() {
            "SDK-1-response" => say(&format!("{:?}", self.get_http_response_header("x"))),
            "SDK-1-trailer" => say(&format!("{:?}", self.get_http_request_trailer("x"))),
            "SDK-2-body" => say(&format!("{:?}", self.get_http_request_body(0, 9))),
            "SDK-3-body" => self.set_http_request_body(0, 0, b"x"),
            "SDK-5" => say(&format!("{:?}", self.get_property(vec!["request"]))),
            "SDK-6-path" => {
                self.set_property(vec!["a", "b"], Some(b"c"));
                say(&format!("{:?}", self.get_property(vec!["a", "b"]).map(text)));
            }
            "SDK-13" => panic!("as asked"),
            _ => {}
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        say("response headers");
        match self.0.as_str() {
            "SDK-1" => say(&format!("{:?}", self.get_http_request_header("x"))),
            "SDK-2" => say(&format!("{:?}", self.get_http_request_headers())),
            "SDK-3" => self.set_http_request_header("x", Some("y")),
            "SDK-6" => say(&format!("{:?}", self.get_property(vec!["request", "path"]).map(text))),
            _ => {}
        }
        Action::Continue
    }
}
