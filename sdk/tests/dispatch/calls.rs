//! What a call answers that the proxy could not write.

use super::lines;
use proxy_filter::prelude::*;
use proxy_filter_test::{MockProxy, Plugin as TestPlugin};

#[derive(Default)]
struct Asks;

impl RootContext for Asks {
    type Config = ();
    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl HttpPlugin for Asks {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream
    }
}

struct Stream;

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let path = if http.headers().get("x-odd")?.is_some() { "/a\nb" } else { "/" };
        http.wait(async move |request| {
            let reply = request.call(HttpCall::get("answers", path).header("x-\u{e9}", "1").header("x-a", "1\u{1}2")).await;
            request.log(LogLevel::Info, format!("{:?}", reply.map(|reply| reply.status())))?;
            Ok(())
        })
    }
}

proxy_filter::register! { "asks" => http Asks }

/// CAL-12: Envoy's own 503 is told from a server's, and what can be mended of a header is.
#[test]
fn a_call_that_cannot_be_written_has_no_answer_of_a_server() {
    let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "asks")).expect("it starts");
    proxy.cluster("answers", |_| http::Response::new("yes"));
    for (header, told) in [("x-plain", "Ok(200)"), ("x-odd", "Err(Unreachable(\"invalid header value for: :path\"))")] {
        let exchange = proxy.send(http::Request::get("http://shop.example/").header(header, "1").body("").expect("a request"));
        assert_eq!(lines(&exchange.log()), [format!("[info] asks: {told}")]);
    }
    let sent = proxy.requests_to("answers");
    assert_eq!(sent[0].headers()["x-a"], "1 2");
}
