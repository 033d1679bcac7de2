//! HTTP plugins: each callback of a stream is one look-up and one call in place.

use super::contexts::Contexts;
use super::{CONTINUE, Row};
use crate::action::Action;
use crate::body_policy::{self, Step};
use crate::held::Origin;
use crate::{
    DataAction, Failure, FailurePolicy, HttpContext, HttpPlugin, HttpStream, Interrupt, Log, Pause, RequestBody, RequestHeaders,
    RequestTrailers, ResponseBody, ResponseHeaders, ResponseTrailers, sys::Sys,
};
use proxy_filter_abi::StreamType;

/// A plugin whose streams are HTTP requests: registered as `http`.
pub struct HttpRow<R: HttpPlugin>(Contexts<R, R::Http>);

impl<R: HttpPlugin> HttpRow<R> {
    /// The plugin of this root id.
    pub const fn new(id: &'static str) -> Self {
        Self(Contexts::new(id))
    }

    /// Calls a stream's context; an `Err` becomes what the failure policy says.
    #[inline]
    fn call<A: Action, E: Into<Interrupt>>(
        &self,
        sys: &Sys,
        id: u32,
        callback: &'static str,
        f: impl FnOnce(&mut R::Http) -> Result<A, E>,
    ) -> Option<u32> {
        self.0.stream(id, |http| match f(http) {
            Ok(action) => action.to_wire().unwrap_or_else(|pause| self.pause(sys, id, callback, pause)),
            // Still inside, so that nothing of it is kept for later.
            Err(error) => self.interrupt(sys, id, callback, error.into()),
        })
    }

    /// Calls the body callback of a collected body that trailers follow; gives an answer where the trailers have no callback then.
    fn collected<E: Into<Interrupt>>(
        &self,
        sys: &Sys,
        id: u32,
        callback: &'static str,
        f: impl FnOnce(&mut R::Http) -> Result<DataAction, E>,
    ) -> Option<u32> {
        let mut ended = true;
        let answer = self.call(sys, id, callback, |http| {
            let action = f(http).map_err(Into::into)?;
            ended = false;
            Ok::<_, Interrupt>(action)
        })?;
        (ended && answer != CONTINUE).then_some(answer)
    }

    /// The size of a body that was collected for a stream of this plugin, to which its trailers have come; once.
    #[inline]
    fn size_collected(&self, sys: &Sys, id: u32, message: StreamType) -> Option<u32> {
        sys.hooks()?;
        if self.0.has_stream(id) { sys.collected(id, message) } else { None }
    }

    #[cold]
    fn pause(&self, sys: &Sys, id: u32, callback: &'static str, (pause, code): (Pause, u32)) -> u32 {
        let place = self.0.place(id, callback);
        let fail_open = matches!(R::FAILURE_POLICY, FailurePolicy::Continue);
        let origin = Origin { place, fail_open, fail: |place, sys, failure| place.fail(sys, R::FAILURE_POLICY, failure) };
        if sys.settle(pause, origin) { code } else { CONTINUE }
    }

    #[cold]
    fn interrupt(&self, sys: &Sys, id: u32, callback: &'static str, interrupt: Interrupt) -> u32 {
        self.0.place(id, callback).interrupt(sys, R::FAILURE_POLICY, interrupt)
    }
}

impl<R: HttpPlugin> Row for HttpRow<R> {
    fn id(&self) -> &'static str {
        self.0.plugin()
    }

    fn create_root(&self, id: u32) {
        self.0.create_root(id);
    }

    #[inline]
    fn create_stream(&self, sys: &Sys, id: u32, root_id: u32) -> Option<()> {
        self.0.create_stream(sys, id, root_id, |root| root.create_http_context(&HttpStream::new(sys, id)))
    }

    fn tick(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.tick(sys, id)
    }

    fn queue_ready(&self, sys: &Sys, id: u32, queue: u32) -> Option<u32> {
        self.0.queue_ready(sys, id, queue)
    }

    fn configure(&self, sys: &Sys, id: u32, size: u32) -> Option<u32> {
        self.0.configure(sys, id, size)
    }

    #[inline]
    fn request_headers(&self, sys: &Sys, id: u32, end_of_stream: bool) -> Option<u32> {
        self.call(sys, id, "proxy_on_request_headers", |http| {
            let action = http.on_request_headers(RequestHeaders::new(sys, id, end_of_stream))?.at_end(end_of_stream);
            if !end_of_stream {
                body_policy::apply(sys, id, StreamType::HttpRequest, http.request_body_policy(), || {
                    http.request_body_over_limit()
                })?;
            }
            Ok::<_, Interrupt>(action)
        })
    }

    #[inline]
    fn request_body(&self, sys: &Sys, id: u32, size: u32, end_of_stream: bool) -> Option<u32> {
        self.call(sys, id, "proxy_on_request_body", |http| match sys.chunk(id, StreamType::HttpRequest, size, end_of_stream) {
            Step::Deliver => Ok(http.on_request_body(RequestBody::new(sys, id, size, end_of_stream))?.at_end(end_of_stream)),
            Step::Wait => Ok(DataAction::Buffer),
            Step::OverLimit => Err(Interrupt::from(http.request_body_over_limit())),
        })
    }

    #[inline]
    fn request_trailers(&self, sys: &Sys, id: u32) -> Option<u32> {
        if let Some(size) = self.size_collected(sys, id, StreamType::HttpRequest) {
            let ended = self.collected(sys, id, "proxy_on_request_body", |http| {
                http.on_request_body(RequestBody::new(sys, id, size, true)).map(|action| action.at_end(true))
            });
            if ended.is_some() {
                return ended;
            }
        }
        self.call(sys, id, "proxy_on_request_trailers", |http| http.on_request_trailers(RequestTrailers::new(sys, id)))
    }

    #[inline]
    fn response_headers(&self, sys: &Sys, id: u32, end_of_stream: bool) -> Option<u32> {
        self.call(sys, id, "proxy_on_response_headers", |http| {
            let action = http.on_response_headers(ResponseHeaders::new(sys, id, end_of_stream))?.at_end(end_of_stream);
            if !end_of_stream {
                body_policy::apply(sys, id, StreamType::HttpResponse, http.response_body_policy(), || {
                    http.response_body_over_limit()
                })?;
            }
            Ok::<_, Interrupt>(action)
        })
    }

    #[inline]
    fn response_body(&self, sys: &Sys, id: u32, size: u32, end_of_stream: bool) -> Option<u32> {
        self.call(sys, id, "proxy_on_response_body", |http| match sys.chunk(id, StreamType::HttpResponse, size, end_of_stream) {
            Step::Deliver => Ok(http.on_response_body(ResponseBody::new(sys, id, size, end_of_stream))?.at_end(end_of_stream)),
            Step::Wait => Ok(DataAction::Buffer),
            Step::OverLimit => Err(Interrupt::from(http.response_body_over_limit())),
        })
    }

    #[inline]
    fn response_trailers(&self, sys: &Sys, id: u32) -> Option<u32> {
        if let Some(size) = self.size_collected(sys, id, StreamType::HttpResponse) {
            let ended = self.collected(sys, id, "proxy_on_response_body", |http| {
                http.on_response_body(ResponseBody::new(sys, id, size, true)).map(|action| action.at_end(true))
            });
            if ended.is_some() {
                return ended;
            }
        }
        self.call(sys, id, "proxy_on_response_trailers", |http| http.on_response_trailers(ResponseTrailers::new(sys, id)))
    }

    #[inline]
    fn done(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.done(sys, id)
    }

    /// A stream that is being logged cannot be answered any more, so a failure is only told.
    #[inline]
    fn log(&self, sys: &Sys, id: u32) -> Option<u32> {
        match self.0.stream(id, |http| http.on_log(Log::new(sys, id))) {
            Some(Ok(())) => Some(CONTINUE),
            Some(Err(failure)) => Some(self.log_failed(sys, id, &failure)),
            None => self.0.root_log(sys, id),
        }
    }

    #[inline]
    fn delete(&self, sys: &Sys, id: u32) -> Option<u32> {
        self.0.delete(sys, id)
    }
}

impl<R: HttpPlugin> HttpRow<R> {
    #[cold]
    fn log_failed(&self, sys: &Sys, id: u32, failure: &Failure) -> u32 {
        self.0.place(id, "proxy_on_log").log_failure(sys, failure);
        CONTINUE
    }
}
