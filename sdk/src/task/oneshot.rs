//! A value from one callback to a task that waits for it: of another stream, of a tick, of a queue.
//!
//! ```
//! use proxy_filter::prelude::*;
//! use std::cell::RefCell;
//! /// All streams wait for the first that has asked for the token.
//! # #[derive(Default)]
//! struct Tokens {
//!     waiting: RefCell<Vec<oneshot::Sender<String>>>,
//! }
//! struct Stream(Rc<Tokens>);
//! impl HttpContext for Stream {
//!     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
//!         let (sender, token) = oneshot::channel();
//!         self.0.waiting.borrow_mut().push(sender);
//!         http.wait(async move |request| {
//!             request.headers().set("authorization", token.await?)?;
//!             Ok(())
//!         })
//!     }
//! }
//! impl Tokens {
//!     fn fetched(&self, token: &str) {
//!         for sender in self.waiting.take() {
//!             // One whose stream is gone gives the value back.
//!             let _ = sender.send(token.to_string());
//!         }
//!     }
//! }
//! ```

use crate::pending::Pending;
use alloc::rc::Rc;
use core::cell::Cell;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// Both ends of a channel for one value.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared { value: Pending::new(), closed: Cell::new(false) });
    (Sender(Rc::clone(&shared)), Receiver(shared))
}

struct Shared<T> {
    value: Pending<T>,
    /// One of both ends is no more.
    closed: Cell<bool>,
}

/// The end that gives the value.
pub struct Sender<T>(Rc<Shared<T>>);

impl<T> Sender<T> {
    /// Gives the value. The task that waits for it goes on when the running callback has answered.
    ///
    /// # Errors
    /// The value, when nobody waits any more.
    pub fn send(self, value: T) -> Result<(), T> {
        if self.is_closed() {
            return Err(value);
        }
        self.0.value.set(value);
        Ok(())
    }

    /// Whether nobody waits any more: the stream is gone.
    pub fn is_closed(&self) -> bool {
        self.0.closed.get()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.closed.set(true);
        self.0.value.wake();
    }
}

/// The end that waits for the value.
#[must_use = "it does nothing unless it is awaited"]
pub struct Receiver<T>(Rc<Shared<T>>);

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.value.poll(cx) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending if self.0.closed.get() => Poll::Ready(Err(Closed(()))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.closed.set(true);
    }
}

/// The [`Sender`] was dropped without giving a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed(());

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender was dropped without a value")
    }
}

impl core::error::Error for Closed {}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}
