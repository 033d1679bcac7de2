//! What is held may be kept in the stream, given to the root, or resolved at once.
#![deny(unused_must_use)]

use proxy_filter::prelude::*;
use std::cell::RefCell;

#[derive(Default)]
struct Root(RefCell<Vec<Held<phase::RequestHeaders>>>);

impl RootContext for Root {
    type Config = ();
    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self::default())
    }
}

impl HttpPlugin for Root {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream { root: Rc::clone(self), body: None }
    }
}

struct Stream {
    root: Rc<Root>,
    body: Option<Held<phase::ResponseBody>>,
}

fn count<P: phase::Phase>(held: &[Held<P>]) -> usize {
    held.len()
}

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let (held, wait) = http.hold();
        self.root.0.borrow_mut().push(held);
        let _ = count(&self.root.0.borrow());
        Ok(wait.stop_all_buffer())
    }
    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        let (held, wait) = http.hold();
        held.with(|request| request.body().append("!"))??;
        held.resume()?;
        Ok(wait)
    }
    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        let (held, wait) = http.hold();
        self.body = Some(held);
        Ok(wait)
    }
}

proxy_filter::register! { "root" => http Root }

fn main() {}
