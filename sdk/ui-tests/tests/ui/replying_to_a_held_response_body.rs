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
    held: Option<Held<phase::ResponseBody>>,
}

impl HttpContext for Stream {
    fn on_response_trailers(&mut self, _http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
        if let Some(held) = self.held.take() {
            held.reply(LocalReply::new(502))?;
        }
        Ok(TrailersAction::Continue)
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
