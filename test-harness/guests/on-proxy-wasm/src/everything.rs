//! Each method that concerns HTTP streams, where it is legal.

use crate::{names, say, text};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use std::time::SystemTime;

pub(crate) struct Everything;

impl Context for Everything {
    fn on_done(&mut self) -> bool {
        say("done");
        true
    }
}

/// The methods of a map are the same four times over, but for their names.
macro_rules! edit {
    ($self:ident, $what:literal, $all:ident, $all_bytes:ident, $set_all:ident, $set_all_bytes:ident, $get:ident, $get_bytes:ident, $set:ident,
     $set_bytes:ident, $add:ident, $add_bytes:ident, $remove:ident) => {
        say(&format!("{} begin: {}", $what, names(&$self.$all())));
        $self.$set("x-set", Some("1"));
        $self.$set_bytes("x-set-bytes", Some(&b"\xe9"[..]));
        $self.$set("x-gone", None);
        $self.$set_bytes("x-gone-too", None);
        $self.$add("x-added", "1");
        $self.$add_bytes("x-added", b"2");
        $self.$add("x-removed", "1");
        $self.$remove("x-removed");
        say(&format!("{}: {:?} {:?} {:?}", $what, $self.$get("x-set"), $self.$get_bytes("x-set-bytes"), $self.$get("x-added")));
        say(&format!("{}: {:?} {:?}", $what, $self.$get("x-gone"), $self.$get_bytes("x-removed")));
        let all = $self.$all_bytes();
        $self.$set_all_bytes(all.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect());
        $self.$set_bytes("x-set-bytes", None);
        let all = $self.$all();
        let mut all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.push(("x-last", "1"));
        $self.$set_all(all);
        say(&format!("{} end: {}", $what, names(&$self.$all())));
    };
}

impl HttpContext for Everything {
    fn on_http_request_headers(&mut self, count: usize, end: bool) -> Action {
        say(&format!("request headers {count} {end}"));
        edit!(
            self,
            "request headers",
            get_http_request_headers,
            get_http_request_headers_bytes,
            set_http_request_headers,
            set_http_request_headers_bytes,
            get_http_request_header,
            get_http_request_header_bytes,
            set_http_request_header,
            set_http_request_header_bytes,
            add_http_request_header,
            add_http_request_header_bytes,
            remove_http_request_header
        );
        // What the body will be is another length.
        self.remove_http_request_header("content-length");
        let property = |path: Vec<&str>| self.get_property(path).map(text);
        say(&format!("properties {:?} {:?}", property(vec!["request", "path"]), property(vec!["plugin_root_id"])));
        self.set_property(vec!["note"], Some(b"kept"));
        say(&format!("note {:?}, none {:?}", property(vec!["note"]), property(vec!["no", "such"])));
        say(&format!("time {}", self.get_current_time() > SystemTime::UNIX_EPOCH));
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        say(&format!("request body {size} {end} {:?}", self.get_http_request_body(0, size).map(text)));
        say(&format!("request body from 1: {:?}", self.get_http_request_body(1, 1).map(text)));
        if !end {
            return Action::Pause;
        }
        self.set_http_request_body(0, 0, b"<");
        self.set_http_request_body(size + 1, 0, b">");
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        say(&format!("request trailers {count}"));
        edit!(
            self,
            "request trailers",
            get_http_request_trailers,
            get_http_request_trailers_bytes,
            set_http_request_trailers,
            set_http_request_trailers_bytes,
            get_http_request_trailer,
            get_http_request_trailer_bytes,
            set_http_request_trailer,
            set_http_request_trailer_bytes,
            add_http_request_trailer,
            add_http_request_trailer_bytes,
            remove_http_request_trailer
        );
        Action::Continue
    }

    fn on_http_response_headers(&mut self, count: usize, end: bool) -> Action {
        say(&format!("response headers {count} {end}"));
        edit!(
            self,
            "response headers",
            get_http_response_headers,
            get_http_response_headers_bytes,
            set_http_response_headers,
            set_http_response_headers_bytes,
            get_http_response_header,
            get_http_response_header_bytes,
            set_http_response_header,
            set_http_response_header_bytes,
            add_http_response_header,
            add_http_response_header_bytes,
            remove_http_response_header
        );
        self.remove_http_response_header("content-length");
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        say(&format!("response body {size} {end} {:?}", self.get_http_response_body(0, size).map(text)));
        if !end {
            return Action::Pause;
        }
        self.set_http_response_body(0, size, b"replaced");
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        say(&format!("response trailers {count}"));
        edit!(
            self,
            "response trailers",
            get_http_response_trailers,
            get_http_response_trailers_bytes,
            set_http_response_trailers,
            set_http_response_trailers_bytes,
            get_http_response_trailer,
            get_http_response_trailer_bytes,
            set_http_response_trailer,
            set_http_response_trailer_bytes,
            add_http_response_trailer,
            add_http_response_trailer_bytes,
            remove_http_response_trailer
        );
        Action::Continue
    }

    fn on_log(&mut self) {
        say(&format!("log {:?} {:?}", self.get_http_request_header("x-set"), self.get_http_response_header("x-set")));
        say(&format!("log {:?}", self.get_property(vec!["note"]).map(text)));
    }
}
