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
}

impl HttpContext for Stream {
    fn on_request_body(&mut self, _http: RequestBody<'_>) -> Result<DataAction> {
        if let Some(held) = &self.held {
            let headers = held.with(|request| request.headers())?;
            headers.set("x-late", "1")?;
        }
        Ok(DataAction::Continue)
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
