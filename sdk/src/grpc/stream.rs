use super::{GrpcCall, GrpcError, Said, metadata};
use crate::pending::{Pending, Tokens};
use crate::{Context, HeaderMap, sys::Sys};
use alloc::{collections::VecDeque, rc::Rc, vec::Vec};
use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::poll_fn;
use core::task::Poll;
use proxy_filter_abi::{BufferType, MapType};

/// The streams of a VM that are open.
pub(crate) type Streams = Tokens<Open>;

/// A stream that was opened.
pub(crate) struct Open {
    messages: RefCell<VecDeque<Vec<u8>>>,
    initial: RefCell<Option<HeaderMap>>,
    trailing: RefCell<Option<HeaderMap>>,
    /// How it ended.
    end: RefCell<Option<Result<(), GrpcError>>>,
    /// This side was ended by `proxy_grpc_close`: the host then forgets the token when the other ends too.
    closed: Cell<bool>,
    news: Pending<()>,
}

impl Open {
    fn end(&self, end: Result<(), GrpcError>) {
        self.end.replace(Some(end));
        self.news.set(());
    }
}

/// By function pointer, so that only a module that opens streams links them.
pub(crate) struct Hooks {
    /// Whether it is about a stream of ours.
    pub(super) said: fn(&Sys, u32, Said) -> bool,
}

static HOOKS: Hooks = Hooks {
    said: |sys, token, said| {
        let Some(open) = sys.grpc_streams().get(token) else { return false };
        match said {
            Said::Initial(entries) => {
                open.initial.replace(Some(metadata(sys, entries, MapType::GrpcCallInitialMetadata)));
                open.news.set(());
            }
            Said::Message(size) => {
                let message = match size {
                    0 => Ok(Vec::new()),
                    _ => sys.proxy_get_buffer_bytes(BufferType::GrpcCallMessage, 0, size),
                };
                match message {
                    Ok(message) => {
                        if let Ok(mut messages) = open.messages.try_borrow_mut() {
                            messages.push_back(message);
                        }
                        open.news.set(());
                    }
                    Err(error) => {
                        sys.grpc_streams().forget(token, &open);
                        let _ = sys.proxy_grpc_cancel(token);
                        open.end(Err(GrpcError::Unreadable(error)));
                    }
                }
            }
            Said::Trailing(entries) => {
                open.trailing.replace(Some(metadata(sys, entries, MapType::GrpcCallTrailingMetadata)));
            }
            Said::Close(code) => {
                sys.grpc_streams().forget(token, &open);
                let end = if code == 0 { Ok(()) } else { Err(GrpcError::of_status(sys, code)) };
                if !open.closed.get() {
                    // GRP-21: the host would keep it for good.
                    let _ = sys.proxy_grpc_close(token);
                }
                open.end(end);
            }
        }
        true
    },
};

impl Context {
    /// Opens a gRPC stream; the [message](GrpcCall::message) of the request is its first. What the proxy refuses is what
    /// [`next`](GrpcStream::next) answers.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// struct Flags(Rc<std::cell::RefCell<Vec<u8>>>);
    /// impl RootContext for Flags {
    ///     type Config = ();
    ///     fn new(_: (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
    ///         let flags = Rc::<std::cell::RefCell<_>>::default();
    ///         let latest = Rc::clone(&flags);
    ///         // The server sends flags whenever they change.
    ///         plugin.spawn(async move |plugin| {
    ///             let mut stream = plugin.grpc_stream(GrpcCall::new("flags", "acme.Flags", "Watch").message(b"all"));
    ///             while let Some(message) = stream.next().await? {
    ///                 *latest.borrow_mut() = message;
    ///                 stream.send(b"seen")?;
    ///             }
    ///             Ok(())
    ///         });
    ///         Ok(Self(flags))
    ///     }
    /// }
    /// ```
    pub fn grpc_stream(&self, mut call: GrpcCall) -> GrpcStream {
        self.sys.set_grpc_stream_hooks(&HOOKS);
        let open = Rc::new(Open {
            messages: RefCell::default(),
            initial: RefCell::new(None),
            trailing: RefCell::new(None),
            end: RefCell::new(None),
            closed: Cell::new(false),
            news: Pending::new(),
        });
        let opened = self.host().and_then(|host| {
            let token = call.open(&host)?;
            let sent = call.first_message().map_or(Ok(()), |message| host.proxy_grpc_send(token, message, 0));
            if sent.is_err() {
                // Nobody else knows of it.
                let _ = host.proxy_grpc_cancel(token);
            }
            sent.map(|()| token)
        });
        let token = match opened {
            Ok(token) => {
                if let Some(earlier) = self.sys.grpc_streams().insert(token, Rc::clone(&open)) {
                    earlier.end(Err(GrpcError::Status { code: 1, message: "its token was given again".into() }));
                }
                Some(token)
            }
            Err(error) => {
                open.end(Err(GrpcError::Refused { cluster: call.into_cluster(), error }));
                None
            }
        };
        GrpcStream { sys: self.sys.clone(), token, open }
    }
}

/// An open gRPC stream. See [`Context::grpc_stream`].
///
/// Dropping it cancels what is not over (GRP-12).
#[must_use = "dropping it cancels the stream"]
pub struct GrpcStream {
    sys: Sys,
    token: Option<u32>,
    open: Rc<Open>,
}

impl GrpcStream {
    /// The next message; `None` when the server has ended the stream well.
    ///
    /// # Errors
    /// How it ended otherwise.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, GrpcError> {
        poll_fn(|cx| {
            loop {
                let message = self.open.messages.try_borrow_mut().ok().and_then(|mut messages| messages.pop_front());
                if let Some(message) = message {
                    return Poll::Ready(Ok(Some(message)));
                }
                if let Some(end) = self.status() {
                    return Poll::Ready(end.map(|()| None));
                }
                if self.open.news.poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Sends a message; to a server that has ended its side nothing is sent (GRP-21).
    ///
    /// # Errors
    /// How the stream has ended; [`GrpcError::Refused`] where the host has lost it.
    pub fn send(&self, message: impl AsRef<[u8]>) -> Result<(), GrpcError> {
        let token = self.token()?;
        self.sys
            .proxy_grpc_send(token, message.as_ref(), 0)
            .map_err(|error| GrpcError::Refused { cluster: "of an open stream".into(), error })
    }

    /// Ends this side: nothing more is sent, and what the server says still comes (GRP-14).
    pub fn half_close(&self) {
        if self.open.closed.replace(true) {
            return;
        }
        if let Ok(token) = self.token() {
            // A host that has no such stream has no more to say of it either.
            let _ = self.sys.proxy_grpc_close(token);
        }
    }

    /// The metadata that came first; `None` until then. It has come when there is a message.
    pub fn initial_metadata(&self) -> Option<HeaderMap> {
        self.open.initial.try_borrow().ok().and_then(|metadata| metadata.clone())
    }

    /// The metadata that came last; `None` until then.
    pub fn trailing_metadata(&self) -> Option<HeaderMap> {
        self.open.trailing.try_borrow().ok().and_then(|metadata| metadata.clone())
    }

    /// How it has ended; `None` while it is open.
    pub fn status(&self) -> Option<Result<(), GrpcError>> {
        self.open.end.try_borrow().ok().and_then(|end| end.clone())
    }

    /// The token, while the stream is open.
    fn token(&self) -> Result<u32, GrpcError> {
        match (self.status(), self.token) {
            (None, Some(token)) => Ok(token),
            (Some(Err(error)), _) => Err(error),
            _ => Err(GrpcError::Status { code: 0, message: "the server has ended the stream".into() }),
        }
    }
}

impl Drop for GrpcStream {
    fn drop(&mut self) {
        let Some(token) = self.token.filter(|_| self.status().is_none()) else { return };
        self.sys.grpc_streams().forget(token, &self.open);
        let _ = self.sys.proxy_grpc_cancel(token);
    }
}

impl fmt::Debug for GrpcStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcStream").field("token", &self.token).field("status", &self.status()).finish_non_exhaustive()
    }
}
