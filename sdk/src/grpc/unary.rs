use super::{GrpcCall, GrpcError, Said};
use crate::pending::{Pending, Tokens};
use crate::phase::Phase;
use crate::{Context, Failure, Held, Paused, Plugin, sys::Sys};
use alloc::{rc::Rc, vec::Vec};
use core::cell::Cell;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{self, Poll};
use proxy_filter_abi::BufferType;

type Answer = Result<Vec<u8>, GrpcError>;

/// The unary calls of a VM that wait for their answer.
pub(crate) type Calls = Tokens<Open>;

/// A call that was made.
pub(crate) struct Open {
    answer: Pending<Answer>,
    answered: Cell<bool>,
}

impl Open {
    fn set(&self, answer: Answer) {
        self.answered.set(true);
        self.answer.set(answer);
    }
}

/// By function pointer, so that only a module that calls links them.
pub(crate) struct Hooks {
    /// Whether it is about a call of ours.
    pub(super) said: fn(&Sys, u32, Said) -> bool,
}

static HOOKS: Hooks = Hooks {
    said: |sys, token, said| match said {
        Said::Message(size) => sys.grpc_calls().take(token).is_some_and(|open| {
            let message = match size {
                0 => Ok(Vec::new()),
                _ => sys.proxy_get_buffer_bytes(BufferType::GrpcCallMessage, 0, size),
            };
            open.set(message.map_err(GrpcError::Unreadable));
            true
        }),
        Said::Close(code) => sys.grpc_calls().take(token).is_some_and(|open| {
            open.set(Err(GrpcError::of_status(sys, code)));
            true
        }),
        // Envoy says nothing of them (GRP-5); a host that does need not be told that nobody wants to know.
        Said::Initial(_) | Said::Trailing(_) => sys.grpc_calls().get(token).is_some(),
    },
};

impl Context {
    /// Makes a unary gRPC call, which is sent when the running callback has answered; await its message where a task runs. Several are on
    /// their way together when they are made before the first is awaited.
    ///
    /// It may be made in every callback (CAL-16). What the proxy refuses is what the call answers: [`GrpcError::Refused`].
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// # struct Stream;
    /// impl HttpContext for Stream {
    ///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
    ///         http.wait(async move |request| {
    ///             let token = request.headers().get("authorization")?.or_reply(|| LocalReply::new(401))?;
    ///             let check = GrpcCall::new("authz", "acme.Auth", "Check").message(&*token);
    ///             match request.grpc_call(check).await {
    ///                 Ok(user) => request.headers().set("x-user", user)?,
    ///                 // PERMISSION_DENIED
    ///                 Err(error) if error.code() == Some(7) => return LocalReply::new(403).send(),
    ///                 Err(error) => return Err(error.into()),
    ///             }
    ///             Ok(())
    ///         })
    ///     }
    /// }
    /// ```
    pub fn grpc_call(&self, mut call: GrpcCall) -> Unary {
        self.sys.set_grpc_hooks(&HOOKS);
        let open = Rc::new(Open { answer: Pending::new(), answered: Cell::new(false) });
        let token = match self.host().and_then(|host| call.send(&host)) {
            Ok(token) => {
                if let Some(earlier) = self.sys.grpc_calls().insert(token, Rc::clone(&open)) {
                    // A host that gives a token twice: only one of both can be answered.
                    earlier.set(Err(GrpcError::Status { code: 1, message: "its token was given again".into() }));
                }
                Some(token)
            }
            Err(error) => {
                open.set(Err(GrpcError::Refused { cluster: call.into_cluster(), error }));
                None
            }
        };
        Unary { sys: self.sys.clone(), token, open }
    }
}

/// A unary gRPC call on its way: a future of its message. See [`Context::grpc_call`].
///
/// Dropping it cancels the call (GRP-12).
#[must_use = "dropping it cancels the call"]
pub struct Unary {
    sys: Sys,
    token: Option<u32>,
    open: Rc<Open>,
}

impl Unary {
    /// Decides by a closure what is held, when the answer is there: what [`wait`](crate::RequestHeaders::wait) is without async.
    /// `Ok` lets the message go on.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// # struct Stream;
    /// impl HttpContext for Stream {
    ///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
    ///         let call = http.grpc_call(GrpcCall::new("authz", "acme.Auth", "Check").message(b"ann"));
    ///         let (held, wait) = http.hold();
    ///         call.then(held, |user, request| {
    ///             request.headers().set("x-user", user?)?;
    ///             Ok(())
    ///         });
    ///         Ok(wait)
    ///     }
    /// }
    /// ```
    pub fn then<P: Phase>(
        self,
        held: Held<P>,
        decide: impl FnOnce(Result<Vec<u8>, GrpcError>, &Paused<P>) -> Result<(), P::Stop> + 'static,
    ) {
        crate::task::then(held, self, decide);
    }

    /// Leaves the call on its way with nobody waiting for its answer: from [`on_log`](crate::HttpContext::on_log), where a stream ends, say,
    /// or for what is only told. The answer is dropped when it comes.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// # struct Stream;
    /// impl HttpContext for Stream {
    ///     fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
    ///         http.grpc_call(GrpcCall::new("audit", "acme.Audit", "Note").message(b"seen")).detach();
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub fn detach(mut self) {
        self.token = None;
    }

    /// Gives the answer to a closure of a root: what [`spawn`](Plugin::spawn) is without async.
    pub fn then_on(
        self,
        plugin: &Plugin<'_>,
        then: impl FnOnce(Result<Vec<u8>, GrpcError>, &Plugin<'_>) -> Result<(), Failure> + 'static,
    ) {
        plugin.spawn(async move |plugin| then(self.await, &plugin));
    }
}

impl Future for Unary {
    type Output = Result<Vec<u8>, GrpcError>;
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.open.answer.poll(cx)
    }
}

impl Drop for Unary {
    fn drop(&mut self) {
        let Some(token) = self.token.filter(|_| !self.open.answered.get()) else { return };
        self.sys.grpc_calls().forget(token, &self.open);
        // What the host answers changes nothing: nobody waits any more.
        let _ = self.sys.proxy_grpc_cancel(token);
    }
}

impl fmt::Debug for Unary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unary").field("token", &self.token).finish_non_exhaustive()
    }
}
