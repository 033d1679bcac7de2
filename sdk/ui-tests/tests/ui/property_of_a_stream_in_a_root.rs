use proxy_filter::prelude::*;
use proxy_filter::property;

struct Root;

impl RootContext for Root {
    type Config = ();
    fn new((): (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let _route = plugin.property(property::XDS_ROUTE_NAME)?;
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
    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        let _ = http;
        Ok(())
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
