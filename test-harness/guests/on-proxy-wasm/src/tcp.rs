//! Each method that concerns TCP streams.

use crate::{say, text};
use proxy_wasm::traits::{Context, StreamContext};
use proxy_wasm::types::{Action, PeerType};

pub(crate) struct Tcp;

impl Context for Tcp {
    fn on_done(&mut self) -> bool {
        say("done");
        true
    }
}

impl StreamContext for Tcp {
    fn on_new_connection(&mut self) -> Action {
        say("new connection");
        Action::Continue
    }

    fn on_downstream_data(&mut self, size: usize, end: bool) -> Action {
        let data = self.get_downstream_data(0, size).map(text);
        say(&format!("downstream {size} {end} {data:?}"));
        match data.as_deref() {
            Some("wait") => return Action::Pause,
            Some("bye") => self.close_downstream(),
            Some("bye upstream") => self.close_upstream(),
            _ if end => {}
            _ => self.set_downstream_data(0, 0, b">"),
        }
        Action::Continue
    }

    fn on_downstream_close(&mut self, peer: PeerType) {
        say(&format!("downstream close {peer:?}"));
    }

    fn on_upstream_data(&mut self, size: usize, end: bool) -> Action {
        say(&format!("upstream {size} {end} {:?}", self.get_upstream_data(0, size).map(text)));
        if !end {
            self.set_upstream_data(size, 0, b"<");
        }
        self.resume_downstream();
        Action::Continue
    }

    fn on_upstream_close(&mut self, peer: PeerType) {
        say(&format!("upstream close {peer:?}"));
    }

    fn on_log(&mut self) {
        say("log");
    }
}
