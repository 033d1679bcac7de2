use proxy_filter::prelude::*;

struct Root;

impl RootContext for Root {
    type Config = ();
    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
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
        http.wait(async |_log| Ok(()))
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
