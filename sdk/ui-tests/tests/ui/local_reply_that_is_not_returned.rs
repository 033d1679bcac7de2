#![deny(unused_must_use)]
use proxy_filter::prelude::*;

struct Stream;

impl HttpContext for Stream {
    fn on_request_headers(&mut self, _http: RequestHeaders<'_>) -> Result<HeadersAction> {
        LocalReply::new(403).body("no");
        Ok(HeadersAction::Continue)
    }
}

fn main() {}
