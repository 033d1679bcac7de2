//! Logs how many allocations the guest makes for each kind of access to the request's headers, those of the host's hand-overs included.
//! It has a twin on the crate proxy-wasm, `conformance/peers/allocations`.
#![cfg(target_family = "wasm")]

mod counting;

use counting::count;
use proxy_filter::prelude::*;

proxy_filter::register! { "allocations" => http Allocations }

struct Allocations;

impl RootContext for Allocations {
    type Config = ();

    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl HttpPlugin for Allocations {
    type Http = Stream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream
    }
}

struct Stream;

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let headers = http.headers();
        let counts = [
            ("all", count(|| headers.all())),
            ("get", count(|| headers.get("x-1"))),
            ("absent", count(|| headers.get("x-none"))),
            ("add", count(|| headers.add("x-new", "1"))),
            ("set", count(|| headers.set("x-new", "2"))),
            ("remove", count(|| headers.remove("x-new"))),
            ("walk", {
                let all = headers.all()?;
                count(|| all.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>())
            }),
        ];
        for (what, count) in counts {
            http.log(LogLevel::Info, format!("{what} {count}"))?;
        }
        Ok(HeadersAction::Continue)
    }
}
