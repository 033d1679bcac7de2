use proxy_filter::prelude::*;
use proxy_filter::property;

struct Root;

impl RootContext for Root {
    type Config = ();
    fn new((): (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let _ = plugin;
        Ok(Self)
    }
}

impl HttpPlugin for Root {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream
    }
}

struct Stream;

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let _code = http.property(property::RESPONSE_CODE)?;
        Ok(HeadersAction::Continue)
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
