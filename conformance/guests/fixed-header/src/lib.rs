//! Adds `x-hello: world` to each request: the smallest filter that does something, and so what the SDK itself costs.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

use proxy_filter::prelude::*;

proxy_filter::no_std_runtime!();

proxy_filter::register! { "fixed_header" => http FixedHeader }

struct FixedHeader;

impl RootContext for FixedHeader {
    type Config = ();

    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl HttpPlugin for FixedHeader {
    type Http = FixedHeaderStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> FixedHeaderStream {
        FixedHeaderStream
    }
}

struct FixedHeaderStream;

impl HttpContext for FixedHeaderStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        http.headers().add("x-hello", "world")?;
        Ok(HeadersAction::Continue)
    }
}
