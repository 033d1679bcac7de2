//! What an author implements.

use crate::{
    AccessLog, BodyPolicy, ConfigError, DataAction, Failure, FailurePolicy, FromConfig, HeadersAction, HttpStream, LocalReply,
    Log, Plugin, QueueId, RequestBody, RequestHeaders, RequestTrailers, ResponseBody, ResponseHeaders, ResponseTrailers, Result,
    TrailersAction,
};
use alloc::{boxed::Box, rc::Rc};

/// A configured plugin: made when the proxy loads a configuration, shared by all its streams.
///
/// A VM may hold several, one for each configuration; a new configuration makes a new one while streams keep the old (LIF-19).
/// Envoy has a VM for each worker thread, so nothing here is shared between threads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is registered as a plugin but is no root context",
    note = "implement `RootContext` for it: `type Config` and `fn new` are all that is required"
)]
pub trait RootContext: Sized + 'static {
    /// What the configuration is read into: `()`, `Vec<u8>`, `String`, `Option<C>`, [`Json<T>`](crate::Json) or a type of yours.
    type Config: FromConfig;

    /// How a stream is answered when a callback of it fails. Fail closed with 500 unless you say otherwise.
    const FAILURE_POLICY: FailurePolicy = FailurePolicy::Reply(500);

    /// Makes the root from its configuration, in `proxy_on_configure`.
    ///
    /// # Errors
    /// Why it cannot be made: logged, and the proxy refuses to load the plugin (LIF-13: a static Envoy configuration makes it
    /// exit, an update is rejected and the old one stays).
    fn new(config: Self::Config, plugin: &Plugin<'_>) -> Result<Self, ConfigError>;

    /// The period of [`Plugin::set_tick_period`] has passed. No stream runs (TIM-4); one that is held can be let go from here, and a task
    /// that waits for a [`oneshot`](crate::oneshot) woken.
    ///
    /// # Errors
    /// A failure is logged.
    fn on_tick(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<(), Failure> {
        let _ = plugin;
        Ok(())
    }

    /// An item was put into a queue that this root has registered ([`Plugin::register_queue`]).
    ///
    /// It comes once for each item, after the callback that put it there, also when the item was taken meanwhile (QUE-8): take
    /// until [`dequeue`](crate::Context::dequeue) answers `None`, and do not count on there being one. Where several roots register one queue, only
    /// the last is told (QUE-9).
    ///
    /// # Errors
    /// A failure is logged.
    fn on_queue_ready(self: &Rc<Self>, queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
        let _ = (queue, plugin);
        Ok(())
    }

    /// A stream of the proxy is over: called where the plugin is configured as an access logger (`envoy.access_loggers.wasm`,
    /// ACL-1), for each stream of the listener or route, whichever filters it passed.
    ///
    /// The plugin may be registered as any kind; a plugin that is only an access logger is a `root`.
    ///
    /// # Errors
    /// A failure is logged.
    fn on_log(self: &Rc<Self>, log: AccessLog<'_>) -> Result<(), Failure> {
        let _ = log;
        Ok(())
    }

    /// The proxy wants to drop this root: its configuration was replaced and its streams have ended, or the proxy shuts down.
    /// Whether it is done.
    ///
    /// One that answers `false` lives on, with its ticks, queues and callouts, until it calls [`Plugin::done`] in one of their
    /// callbacks (LIF-20): what it has gathered can still be sent. A proxy that shuts down does not wait for it (LIF-23).
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// # use std::cell::Cell;
    /// struct Reporter {
    ///     unsent: Cell<u32>,
    ///     ending: Cell<bool>,
    /// }
    ///
    /// impl RootContext for Reporter {
    ///     # type Config = ();
    ///     # fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { unimplemented!() }
    ///     // …
    ///     fn on_done(self: &Rc<Self>, _plugin: Plugin<'_>) -> Result<bool, Failure> {
    ///         self.ending.set(true);
    ///         Ok(self.unsent.get() == 0)
    ///     }
    ///
    ///     fn on_queue_ready(self: &Rc<Self>, queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
    ///         while plugin.dequeue(queue)?.is_some() {
    ///             self.unsent.update(|count| count.saturating_sub(1));
    ///         }
    ///         if self.ending.get() && self.unsent.get() == 0 {
    ///             plugin.done()?;
    ///         }
    ///         Ok(())
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// A failure is logged, and the root is done.
    fn on_done(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<bool, Failure> {
        let _ = plugin;
        Ok(true)
    }
}

/// A root whose streams are HTTP requests; registered as `http`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is registered as `http` but creates no HTTP contexts",
    note = "implement `HttpPlugin` for it, or register it as `root` if it handles no streams"
)]
pub trait HttpPlugin: RootContext {
    /// The context of one request: a type of yours, or `Box<dyn HttpContext>` where there are several.
    type Http: HttpContext;

    /// Makes the context of a request, right before its headers are seen (CTX-2). No headers can be read yet.
    fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> Self::Http;
}

macro_rules! http_context {
    ($($(#[doc = $doc:literal])* fn $name:ident($handle:ident) -> $result:ty = $default:expr;)*
    policies { $($(#[doc = $policy_doc:literal])* fn $policy:ident() -> $ty:ty = $policy_default:expr;)* }) => {
        /// One HTTP request and its response.
        ///
        /// Callbacks come in the order in which they stand here; each is optional. Dropping the context is the end of the stream.
        ///
        /// # Errors
        /// What a callback returns as `Err` is a [`LocalReply`](crate::LocalReply), a reset ([`Interrupt::reset`](crate::Interrupt::reset)), or
        /// a failure, which is logged and answered by [`RootContext::FAILURE_POLICY`].
        #[diagnostic::on_unimplemented(
            message = "`{Self}` is made for each request but is no HTTP context",
            note = "implement `HttpContext` for it; every method has a default"
        )]
        pub trait HttpContext: 'static {
            $($(#[doc = $doc])*
            #[allow(clippy::missing_errors_doc, reason = "said once for all, above")]
            fn $name(&mut self, http: $handle<'_>) -> $result {
                let _ = http;
                $default
            })*

            $($(#[doc = $policy_doc])*
            fn $policy(&self) -> $ty {
                $policy_default
            })*
        }

        #[diagnostic::do_not_recommend]
        impl<T: HttpContext + ?Sized> HttpContext for Box<T> {
            $(fn $name(&mut self, http: $handle<'_>) -> $result {
                (**self).$name(http)
            })*
            $(fn $policy(&self) -> $ty {
                (**self).$policy()
            })*
        }
    };
}

http_context! {
    /// The request's headers came. They can be read and changed here.
    fn on_request_headers(RequestHeaders) -> Result<HeadersAction> = Ok(HeadersAction::Continue);
    /// A chunk of the request's body came. With HTTP/1 the last call has no data and says that it is the end (SEQ-4).
    ///
    /// Where trailers follow no call says that it is the end (SEQ-7).
    fn on_request_body(RequestBody) -> Result<DataAction> = Ok(DataAction::Continue);
    /// The request's trailers came; they are its end.
    fn on_request_trailers(RequestTrailers) -> Result<TrailersAction> = Ok(TrailersAction::Continue);
    /// The response's headers came, from the upstream or from a local reply. They can be read and changed here.
    fn on_response_headers(ResponseHeaders) -> Result<HeadersAction> = Ok(HeadersAction::Continue);
    /// A chunk of the response's body came. The headers have left, so nothing can be answered any more.
    fn on_response_body(ResponseBody) -> Result<DataAction, Failure> = Ok(DataAction::Continue);
    /// The response's trailers came; they are its end.
    fn on_response_trailers(ResponseTrailers) -> Result<TrailersAction, Failure> = Ok(TrailersAction::Continue);
    /// The stream is over, however it ended; headers of both sides can be read. A failure is only logged.
    fn on_log(Log) -> Result<(), Failure> = Ok(());
policies {
    /// How the request's body is to come; asked once, after [`on_request_headers`](Self::on_request_headers), unless that ends the request.
    fn request_body_policy() -> BodyPolicy = BodyPolicy::Stream;
    /// How the response's body is to come; asked once, after [`on_response_headers`](Self::on_response_headers), unless that ends the response.
    fn response_body_policy() -> BodyPolicy = BodyPolicy::Stream;
    /// The answer to a request whose body exceeds the limit of [`BodyPolicy::Collect`]: 413 unless you say otherwise.
    fn request_body_over_limit() -> LocalReply = LocalReply::new(413).details("request_payload_too_large");
    /// The answer in the place of a response whose body exceeds the limit of [`BodyPolicy::Collect`]: 500 unless you say otherwise, as Envoy
    /// answers for its own limit.
    ///
    /// It reaches the client while the response's headers are still here: where `content-length` says that the body is too
    /// large, or where they are held for it ([`HeadersAction::StopIteration`]). Otherwise they have left, so the proxy can only
    /// cut the response; the details are then those of the reply (LOC-6).
    fn response_body_over_limit() -> LocalReply = LocalReply::new(500).details("response_payload_too_large");
}
}
