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

impl Stream {
    fn checked(&mut self) {}
}

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        http.wait(async move |request| {
            request.call(HttpCall::get("authz", "/")).await?;
            self.checked();
            Ok(())
        })
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
