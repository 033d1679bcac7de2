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
        Stream::default()
    }
}

#[derive(Default)]
struct Stream {
    held: Vec<Held<phase::RequestHeaders>>,
}

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let (first, _wait) = http.hold();
        let (second, wait) = http.hold();
        self.held.extend([first, second]);
        Ok(wait)
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
