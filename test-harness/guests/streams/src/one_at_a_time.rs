//! Lets one request at a time go to the upstream: others wait until its response is there, or it ends. One that asks for `/impatient`
//! does not wait but answers all that do.

use core::cell::{Cell, RefCell};
use proxy_filter::prelude::*;

#[derive(Default)]
pub(crate) struct OneAtATime {
    /// The stream whose request is at the upstream.
    turn: Cell<Option<u32>>,
    waiting: RefCell<Vec<Held<phase::RequestHeaders>>>,
}

impl OneAtATime {
    /// Gives the turn of this stream, if it is its, to one that waits.
    fn next_after(&self, id: u32) {
        if self.turn.get() != Some(id) {
            return;
        }
        self.turn.set(None);
        loop {
            let waiting = self.waiting.borrow_mut().pop();
            let Some(held) = waiting else { return };
            let marked = held.with(|request| request.headers().set("x-waited", "yes").map(|()| request.id()));
            // A client that did not wait so long is gone.
            if let (Ok(Ok(id)), Ok(())) = (marked, held.resume()) {
                self.turn.set(Some(id));
                return;
            }
        }
    }
}

impl RootContext for OneAtATime {
    type Config = ();

    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self::default())
    }
}

impl HttpPlugin for OneAtATime {
    type Http = Stream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream(Rc::clone(self))
    }
}

pub(crate) struct Stream(Rc<OneAtATime>);

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        if http.path()?.is_some_and(|path| path == "/impatient") {
            for held in self.0.waiting.take() {
                let _ = held.reply(LocalReply::new(503).header("retry-after", "1").body("busy"));
            }
            return Ok(HeadersAction::Continue);
        }
        if self.0.turn.get().is_none() {
            self.0.turn.set(Some(http.id()));
            return Ok(HeadersAction::Continue);
        }
        let (held, wait) = http.hold();
        self.0.waiting.borrow_mut().push(held);
        Ok(wait)
    }

    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        self.0.next_after(http.id());
        Ok(HeadersAction::Continue)
    }

    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        self.0.next_after(http.id());
        Ok(())
    }
}
