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
    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        let _code: Option<String> = http.property(property::RESPONSE_CODE)?;
        Ok(())
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
