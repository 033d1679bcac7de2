//! What waits on a phase's handle, and on a root's.

use super::{Boxed, End, HOOKS, Stopped, Task, Work, insert, spawn};
use crate::held::Hold;
use crate::holds::Holds;
use crate::phase::{self, Phase};
use crate::tcp::StreamEnd;
use crate::{
    ConnectionAction, DataAction, DownstreamData, Failure, HeadersAction, Held, Interrupt, NewConnection, Pause, Paused, Plugin,
    RequestBody, RequestHeaders, RequestTrailers, ResponseBody, ResponseHeaders, ResponseTrailers, Result, StreamAction,
    StreamInterrupt, TrailersAction, sys::Sys,
};
use alloc::{boxed::Box, sync::Arc};
use core::future::Future;
use core::task::{self, Poll, Waker};

/// What a task can end in, other than well.
pub(crate) trait Stop: Sized + 'static {
    fn work(future: Boxed<Self>) -> Work;
    fn stopped(self) -> Stopped;
}

impl Stop for Interrupt {
    fn work(future: Boxed<Self>) -> Work {
        Work::Http(future)
    }
    fn stopped(self) -> Stopped {
        Stopped::Interrupt(self)
    }
}

impl Stop for StreamInterrupt {
    fn work(future: Boxed<Self>) -> Work {
        Work::Tcp(future)
    }
    fn stopped(self) -> Stopped {
        match self.0 {
            StreamEnd::Close => Stopped::Close,
            StreamEnd::Failure(failure) => Stopped::Interrupt(failure.into()),
        }
    }
}

impl Stop for Failure {
    fn work(future: Boxed<Self>) -> Work {
        Work::Plain(future)
    }
    fn stopped(self) -> Stopped {
        Stopped::Interrupt(self.into())
    }
}

/// Polls a task for the first time, in the callback that makes it; only one that waits for something is kept, with the end that is
/// then made for it.
fn start<S: Stop, T>(sys: &Sys, owner: u32, mut future: Boxed<S>, end: impl FnOnce() -> (End, T)) -> Result<Result<(), S>, T> {
    sys.set_task_hooks(&HOOKS);
    let Some((number, signal)) = sys.tasks().reserve(owner) else { return Ok(Ok(())) };
    let waker = Waker::from(Arc::clone(&signal));
    // A host that calls back from inside of a hostcall wakes it before it is kept: it is polled again when this callback has answered.
    let polling = sys.tasks().polling.replace(true);
    let polled = future.as_mut().poll(&mut task::Context::from_waker(&waker));
    sys.tasks().polling.set(polling);
    match polled {
        Poll::Ready(result) => {
            drop(future);
            drop(sys.tasks().release(number, &signal));
            Ok(result)
        }
        Poll::Pending => {
            let (end, rest) = end();
            insert(sys, owner, Task { work: S::work(future), end }, number, &signal);
            Err(rest)
        }
    }
}

/// Runs a task that decides what is held; nothing is held when it needs not wait.
fn wait<P: Phase, S: Stop, F>(sys: &Sys, id: u32, task: F) -> Result<Option<Pause>, S>
where
    F: AsyncFnOnce(Paused<P>) -> Result<(), S> + 'static,
{
    Holds::watch(sys, id, Some(P::STREAM));
    let paused = Paused::new(sys, id);
    let hold = || {
        let (hold, pause) = Hold::new::<P>(sys, id);
        (End::Hold(hold), pause)
    };
    match start(sys, id, Box::pin(async move { task(paused).await }), hold) {
        Ok(result) => result.map(|()| None),
        Err(pause) => Ok(Some(pause)),
    }
}

/// Decides what is held when the future is there, as a task would.
pub(crate) fn then<P: Phase, T>(
    held: Held<P>,
    future: impl Future<Output = T> + 'static,
    decide: impl FnOnce(T, &Paused<P>) -> Result<(), P::Stop> + 'static,
) {
    // The stream has ended, so nobody would end its task.
    if !held.is_open() {
        return;
    }
    let (sys, id) = (held.sys().clone(), held.id());
    let decided = async move {
        let value = future.await;
        let result = decide(value, held.paused());
        P::conclude(held, result);
        Ok::<_, Failure>(())
    };
    let _ = start(&sys, id, Box::pin(decided), || (End::Nothing, ()));
}

macro_rules! wait {
    ($($handle:ident -> Result<$action:ident, $stop:ident>;)*) => {
        $(impl $handle<'_> {
            /// Makes the message wait for what the task awaits: when it has answered `Ok` the message goes on, and what it ends in
            /// otherwise is what a callback can end in. A task that has nothing to wait for decides at once, without a pause.
            ///
            /// The task ends, wherever it waits, when the stream does: HTTP calls of it are forgotten, gRPC calls cancelled. See
            /// [the chapter on waiting](crate#waiting).
            ///
            /// # Errors
            /// What the task answers without having waited.
            pub fn wait<F>(self, task: F) -> Result<$action, $stop>
            where
                F: AsyncFnOnce(Paused<phase::$handle>) -> Result<(), $stop> + 'static,
            {
                wait(&self.sys, self.id(), task).map(|pause| pause.map_or($action::Continue, $action::Paused))
            }
        })*
    };
}

wait! {
    RequestHeaders -> Result<HeadersAction, Interrupt>;
    RequestBody -> Result<DataAction, Interrupt>;
    RequestTrailers -> Result<TrailersAction, Interrupt>;
    ResponseHeaders -> Result<HeadersAction, Interrupt>;
    ResponseBody -> Result<DataAction, Failure>;
    ResponseTrailers -> Result<TrailersAction, Failure>;
    NewConnection -> Result<ConnectionAction, StreamInterrupt>;
    DownstreamData -> Result<StreamAction, StreamInterrupt>;
}

impl NewConnection<'_> {
    /// Lets the connection go on, and runs a task beside it that may close it: a deadline by which the client must have said something,
    /// a question whose answer may come late.
    ///
    /// Its `Ok` means nothing; [`StreamInterrupt::close`] closes the connection; a failure is logged and answered by
    /// [`FAILURE_POLICY`](crate::RootContext::FAILURE_POLICY). It ends, wherever it waits, when the connection does. (What is to keep the connection from
    /// going on is [`wait`](Self::wait): the proxy reads nothing from the client then, TCP-13.)
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// use std::time::Duration;
    /// # struct Greeted;
    /// # impl RootContext for Greeted { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
    /// # impl TcpPlugin for Greeted {
    /// #     type Stream = Stream;
    /// #     fn create_stream_context(self: &Rc<Self>, _: &Tcp) -> Stream { Stream::default() }
    /// # }
    /// #[derive(Default)]
    /// struct Stream {
    ///     greeted: Option<oneshot::Sender<()>>,
    /// }
    ///
    /// impl StreamContext for Stream {
    ///     fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
    ///         let (sender, greeted) = oneshot::channel();
    ///         self.greeted = Some(sender);
    ///         tcp.watch(async move |connection| match connection.timeout(Duration::from_secs(3), greeted).await {
    ///             Ok(_) => Ok(()),
    ///             Err(_) => Err(StreamInterrupt::close()),
    ///         })
    ///     }
    ///
    ///     fn on_downstream_data(&mut self, _tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
    ///         if let Some(greeted) = self.greeted.take() {
    ///             let _ = greeted.send(());
    ///         }
    ///         Ok(StreamAction::Continue)
    ///     }
    /// }
    ///
    /// # proxy_filter::register! { "greeted" => tcp Greeted }
    /// # use proxy_filter_test::{MockProxy, Plugin as TestPlugin};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, "greeted"))?;
    /// let (silent, polite) = (proxy.connect(), proxy.connect());
    /// polite.send("HELO");
    /// proxy.advance(Duration::from_secs(3));
    /// assert!(silent.is_closed() && !polite.is_closed());
    /// assert_eq!(polite.to_upstream(), "HELO");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What the task answers without having waited.
    pub fn watch<F>(self, task: F) -> Result<ConnectionAction, StreamInterrupt>
    where
        F: AsyncFnOnce(Paused<phase::NewConnection>) -> Result<(), StreamInterrupt> + 'static,
    {
        let (sys, id) = (&self.sys, self.id());
        Holds::watch(sys, id, Some(phase::NewConnection::STREAM));
        let paused = Paused::new(sys, id);
        let end = || {
            let (hold, pause) = Hold::beside::<phase::NewConnection>(sys, id);
            (End::Beside(hold), pause)
        };
        match start(sys, id, Box::pin(async move { task(paused).await }), end) {
            Ok(result) => result.map(|()| ConnectionAction::Continue),
            Err(pause) => Ok(ConnectionAction::Paused(pause)),
        }
    }
}

impl Plugin<'_> {
    /// Runs a task of this root: first when the running callback is over, then whenever what it awaits is there. It ends with the
    /// root, or with a configuration that takes the root's place. A failure is logged.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// use std::cell::RefCell;
    /// struct Keys(Rc<RefCell<Vec<u8>>>);
    /// impl RootContext for Keys {
    ///     type Config = ();
    ///     fn new(_: (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
    ///         let keys = Rc::<RefCell<_>>::default();
    ///         let fetched = Rc::clone(&keys);
    ///         plugin.spawn(async move |plugin| {
    ///             let reply = plugin.call(HttpCall::get("keys", "/.well-known/jwks.json")).await?;
    ///             *fetched.borrow_mut() = reply.into_body();
    ///             Ok(())
    ///         });
    ///         Ok(Self(keys))
    ///     }
    /// }
    /// ```
    pub fn spawn<F>(&self, task: F)
    where
        F: AsyncFnOnce(Plugin<'static>) -> Result<(), Failure> + 'static,
    {
        let plugin = self.detached();
        spawn(&self.sys, self.place("a spawned task"), Box::pin(async move { task(plugin).await }));
    }
}
