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
    held: Option<Held<phase::RequestBody>>,
}

impl HttpContext for Stream {
    fn on_response_headers(&mut self, _http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        if let Some(held) = self.held.take() {
            held.resume()?;
            held.reply(LocalReply::new(403))?;
        }
        Ok(HeadersAction::Continue)
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
