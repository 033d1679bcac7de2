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
    held: Option<Held<phase::RequestHeaders>>,
    pause: Option<HeadersAction>,
}

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let (held, wait) = http.hold();
        self.held = Some(held);
        self.pause = Some(wait.clone());
        Ok(wait)
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
