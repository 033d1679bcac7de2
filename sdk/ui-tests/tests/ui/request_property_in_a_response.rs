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
    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        http.headers().set("x-path", http.property(property::REQUEST_PATH)?.unwrap_or_default())?;
        Ok(HeadersAction::Continue)
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
