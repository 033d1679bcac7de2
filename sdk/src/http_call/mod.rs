//! HTTP calls of the plugin to a cluster of the proxy.

mod error;
mod reply;
mod request;

pub use error::CallError;
pub use reply::CallReply;
pub use request::HttpCall;
pub(crate) use request::to_millis;

use crate::pending::{Pending, Tokens};
use crate::phase::Phase;
use crate::{Context, Failure, Held, Paused, Plugin, sys::Sys};
use alloc::rc::Rc;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{self, Poll};

/// The calls of a VM that wait for their response.
pub(crate) type Calls = Tokens<Open>;

/// A call that was made.
pub(crate) struct Open {
    reply: Pending<Result<CallReply, CallError>>,
    wants_body: bool,
    has_timeout: bool,
}

/// By function pointer, so that only a module that calls links them.
pub(crate) struct Hooks {
    answered: fn(&Sys, u32, [u32; 3]),
}

static HOOKS: Hooks = Hooks {
    answered: |sys, token, sizes| match sys.calls().take(token) {
        Some(open) => open.reply.set(reply::read(sys, sizes, &open)),
        None => sys.calls().stray(sys, "proxy_on_http_call_response", token),
    },
};

impl Sys {
    /// The response to a call is here: how many headers, bytes and trailers. Nothing in a module that never calls.
    #[inline]
    pub(crate) fn call_answered(&self, token: u32, sizes: [u32; 3]) {
        if let Some(hooks) = self.call_hooks() {
            (hooks.answered)(self, token, sizes);
        }
    }
}

impl Context {
    /// Makes an HTTP call, which is sent when the running callback has answered; await it where a task runs. Several are on their way
    /// together when they are made before the first is awaited. One that is not awaited is sent all the same, and its response dropped.
    ///
    /// It may be made in every callback, also in those that log or end a stream (CAL-16). What the proxy refuses is what the call
    /// answers: [`CallError::Refused`].
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// # struct Stream;
    /// impl HttpContext for Stream {
    ///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
    ///         http.wait(async move |request| {
    ///             let token = request.headers().get("authorization")?.or_reply(|| LocalReply::new(401))?;
    ///             let reply = request.call(HttpCall::get("authz", "/check").header("authorization", token)).await?;
    ///             match reply.status() {
    ///                 200 => Ok(()),
    ///                 _ => LocalReply::new(403).send(),
    ///             }
    ///         })
    ///     }
    /// }
    /// ```
    pub fn call(&self, mut call: HttpCall) -> Call {
        self.sys.set_call_hooks(&HOOKS);
        let (reply, wants_body, has_timeout) = (Pending::new(), call.wants_body(), call.has_timeout());
        let open = Rc::new(Open { reply, wants_body, has_timeout });
        let token = match self.host().and_then(|host| call.send(&host)) {
            Ok(token) => {
                if let Some(earlier) = self.sys.calls().insert(token, Rc::clone(&open)) {
                    // A host that gives a token twice: only one of both can be answered.
                    earlier.reply.set(Err(CallError::Reset));
                }
                Some(token)
            }
            Err(error) => {
                open.reply.set(Err(CallError::Refused { cluster: call.cluster(), error }));
                None
            }
        };
        Call { sys: self.sys.clone(), token, open }
    }
}

/// An HTTP call on its way: a future of its response. See [`Context::call`].
///
/// Dropping it is to forget it: the proxy knows no way to take an HTTP call back, so it is still made, and its response ignored.
#[must_use = "its response is dropped unless it is awaited: `drop` it to say so"]
pub struct Call {
    sys: Sys,
    token: Option<u32>,
    open: Rc<Open>,
}

impl Call {
    /// Decides by a closure what is held, when the response is there: what [`wait`](crate::RequestHeaders::wait) is without async.
    /// `Ok` lets the message go on.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// # struct Stream;
    /// impl HttpContext for Stream {
    ///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
    ///         let call = http.call(HttpCall::get("authz", "/check"));
    ///         let (held, wait) = http.hold();
    ///         call.then(held, |reply, request| {
    ///             request.headers().set("x-authz", reply?.body())?;
    ///             Ok(())
    ///         });
    ///         Ok(wait)
    ///     }
    /// }
    /// ```
    pub fn then<P: Phase>(
        self,
        held: Held<P>,
        decide: impl FnOnce(Result<CallReply, CallError>, &Paused<P>) -> Result<(), P::Stop> + 'static,
    ) {
        crate::task::then(held, self, decide);
    }

    /// Gives the response to a closure of a root: what [`spawn`](Plugin::spawn) is without async.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// fn refresh(keys: &Rc<std::cell::RefCell<Vec<u8>>>, plugin: &Plugin<'_>) {
    ///     let keys = Rc::clone(keys);
    ///     plugin.call(HttpCall::get("keys", "/")).then_on(plugin, move |reply, _plugin| {
    ///         *keys.borrow_mut() = reply?.into_body();
    ///         Ok(())
    ///     });
    /// }
    /// ```
    pub fn then_on(
        self,
        plugin: &Plugin<'_>,
        then: impl FnOnce(Result<CallReply, CallError>, &Plugin<'_>) -> Result<(), Failure> + 'static,
    ) {
        plugin.spawn(async move |plugin| then(self.await, &plugin));
    }
}

impl Future for Call {
    type Output = Result<CallReply, CallError>;
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.open.reply.poll(cx)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.sys.calls().forget(token, &self.open);
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("token", &self.token).finish_non_exhaustive()
    }
}
