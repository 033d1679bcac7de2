use crate::dispatch::Place;
use crate::error::Kind;
use crate::holds::{Holds, On, Stream};
use crate::phase::{Answerable, Closable, Phase};
use crate::task::Stopped;
use crate::{Error, Failure, Interrupt, LocalReply, LogLevel, sys::Sys};
use alloc::{boxed::Box, rc::Rc};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use proxy_filter_abi::{Status, StreamType};

/// A message that is held: what `hold()` of a phase's handle gives, beside the action that makes the proxy wait.
///
/// It is the only thing that lets the message go on or answers it later, from another callback: keep it in the stream's context,
/// or give it to the root. It is neither `Clone` nor borrowed, and both [`resume`](Self::resume) and [`reply`](Self::reply) take it, so
/// nothing is let go twice. In its own callback it may be resolved at once: resuming then becomes the callback's answer (a call
/// of `proxy_continue_stream` there makes Envoy send the message twice: CON-5 to CON-7).
///
/// Where several holds keep one message, say its headers and a part of its body, it goes on when the last is let go; until then what
/// later callbacks of the message answer does not let it go either.
///
/// # When it is dropped
///
/// Dropping it without a decision is a failure of the filter: it is logged, and the stream is answered by the root's
/// [`FAILURE_POLICY`](crate::RootContext::FAILURE_POLICY), so that what was to be checked does not pass unchecked. When the stream has
/// ended it is dropped in silence.
///
/// ```
/// use proxy_filter::prelude::*;
/// use std::cell::{Cell, RefCell};
/// # struct Leader { busy: Cell<bool>, waiting: RefCell<Vec<Held<phase::RequestHeaders>>> }
/// /// Lets a first request go to the upstream, and all others when it is answered.
/// struct Stream(Rc<Leader>);
/// impl HttpContext for Stream {
///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
///         if !self.0.busy.replace(true) {
///             return Ok(HeadersAction::Continue);
///         }
///         let (held, wait) = http.hold();
///         self.0.waiting.borrow_mut().push(held);
///         Ok(wait)
///     }
///     fn on_response_headers(&mut self, _http: ResponseHeaders<'_>) -> Result<HeadersAction> {
///         let waiting = self.0.waiting.take();
///         self.0.busy.set(!waiting.is_empty());
///         for held in waiting {
///             // `Gone` is a client that did not wait so long: no failure of the stream that runs, so not with `?`.
///             let _ = held.with(|request| request.headers().set("x-waited", "yes"));
///             let _ = held.resume();
///         }
///         Ok(HeadersAction::Continue)
///     }
/// }
/// ```
#[must_use = "dropping it is a failure: keep it, and `resume` or `reply` later"]
pub struct Held<P: Phase> {
    paused: Paused<P>,
    hold: Rc<Hold>,
}

/// A held message as it can be read and changed meanwhile; what [`Held::with`] shows.
///
/// It acts on its own stream from wherever it is used: it sets the host's effective context when that is another, and sets it back
/// (CTX-4). It cannot let the message go.
pub struct Paused<P: Phase> {
    stream: P::Stream,
    phase: PhantomData<fn() -> P>,
}

/// What is held is not there any more: the stream has ended (the client went away, a timeout struck), or was answered otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone(());

/// The part of a pausing action that only `hold()` makes: a pause that nobody would end cannot be written (ACT-8).
#[must_use = "the message waits when the callback returns the action that holds this"]
pub struct Pause(Rc<Hold>);

/// What a [`Held`] and its [`Pause`] share.
pub(crate) struct Hold {
    stream: Rc<Stream>,
    message: StreamType,
    state: Cell<State>,
    origin: Cell<Option<Origin>>,
    failure: Cell<Option<Failure>>,
}

/// Where a message was held, and how its stream is answered when the hold is forgotten.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) place: Place,
    pub(crate) fail_open: bool,
    /// Logs the failure and answers the stream; a function of its plugin, so that only what its policy needs is imported.
    pub(crate) fail: fn(&Place, &Sys, &Failure) -> u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its own callback runs and has not answered yet.
    Asked,
    /// The proxy waits.
    Waiting,
    /// Its own callback runs; it was dropped there, or failed.
    Failed,
    /// Its own callback runs; it was answered there.
    Answered,
    /// It was let go, or never waited.
    Resolved,
}

impl Hold {
    /// Makes the message of the running callback wait.
    pub(crate) fn new<P: Phase>(sys: &Sys, id: u32) -> (Rc<Self>, Pause) {
        let stream = Holds::holding(sys, id, P::STREAM);
        let hold = Rc::new(Self {
            stream,
            message: P::STREAM,
            state: Cell::new(State::Asked),
            origin: Cell::new(None),
            failure: Cell::new(None),
        });
        (Rc::clone(&hold), Pause(hold))
    }

    /// What a task beside a message is given, which does not wait: where a failure of it is told, once the callback has answered with the
    /// pause.
    pub(crate) fn beside<P: Phase>(sys: &Sys, id: u32) -> (Rc<Self>, Pause) {
        let (hold, pause) = Self::new::<P>(sys, id);
        hold.state.set(State::Resolved);
        (hold, pause)
    }

    /// Ends the connection that a task beside it does not let go on.
    pub(crate) fn stop(&self, sys: &Sys, stopped: &Stopped) {
        if self.stream.is_over(sys) {
            return;
        }
        match (stopped, self.origin.get()) {
            (Stopped::Interrupt(Interrupt(Kind::Failure(failure))), Some(origin)) => {
                (origin.fail)(&origin.place, sys, failure);
            }
            // Also a failure in a callback that has not answered with the pause: nobody says what it means, so it is closed.
            _ => drop(self.close_stream(sys)),
        }
    }

    /// Whether the proxy waits, or will when the callback has answered.
    fn is_open(&self, sys: &Sys) -> bool {
        matches!(self.state.get(), State::Asked | State::Waiting) && !self.stream.is_over(sys)
    }

    /// Takes the right to decide; nothing when it is too late.
    fn resolve(&self, sys: &Sys, state: State) -> Option<State> {
        let before = self.state.get();
        let open = self.is_open(sys);
        self.state.set(match before {
            State::Asked => state,
            State::Waiting => State::Resolved,
            decided => decided,
        });
        if before == State::Waiting {
            self.stream.let_go(self.message);
        }
        open.then_some(before)
    }

    pub(crate) fn resume(&self, sys: &Sys) -> Result<(), Gone> {
        match self.resolve(sys, State::Resolved) {
            None => Err(Gone(())),
            Some(State::Waiting) => self.go_on(sys),
            // Its own callback then answers that the message goes on.
            Some(_) => Ok(()),
        }
    }

    fn reply(&self, sys: &Sys, reply: LocalReply) -> Result<(), Gone> {
        self.resolve(sys, State::Answered).ok_or(Gone(()))?;
        self.end(sys, move |sys| reply.send_to(sys));
        Ok(())
    }

    pub(crate) fn close(&self, sys: &Sys) -> Result<(), Gone> {
        self.resolve(sys, State::Answered).ok_or(Gone(()))?;
        self.close_stream(sys)
    }

    fn close_stream(&self, sys: &Sys) -> Result<(), Gone> {
        let on = self.on(sys)?;
        on.over(self.stream.id());
        on.proxy_close_stream(StreamType::Downstream).map_err(|error| self.refused(sys, error))
    }

    /// Decides as a task's result says.
    pub(crate) fn conclude(&self, sys: &Sys, result: Result<(), Stopped>) {
        match result {
            Ok(()) => drop(self.resume(sys)),
            Err(Stopped::Close) => drop(self.close(sys)),
            Err(Stopped::Interrupt(Interrupt(Kind::Reply(reply)))) => drop(self.reply(sys, *reply)),
            Err(Stopped::Interrupt(Interrupt(Kind::Reset(reset)))) => {
                if self.resolve(sys, State::Answered).is_some() {
                    self.end(sys, reset);
                }
            }
            Err(Stopped::Interrupt(Interrupt(Kind::Failure(failure)))) => self.fail(sys, failure),
        }
    }

    /// Logs a failure and answers as the root's policy says.
    fn fail(&self, sys: &Sys, failure: Failure) {
        match self.resolve(sys, State::Failed) {
            Some(State::Waiting) => {}
            // Its own callback answers so.
            Some(State::Asked) => return self.failure.set(Some(failure)),
            _ => return,
        }
        let Some(origin) = self.origin.get() else { return };
        if origin.fail_open {
            (origin.fail)(&origin.place, sys, &failure);
            let _ = self.go_on(sys);
        } else {
            self.end(sys, move |sys| {
                (origin.fail)(&origin.place, sys, &failure);
                Ok(())
            });
        }
    }

    fn end(&self, sys: &Sys, act: impl FnOnce(&Sys) -> Result<(), Error> + 'static) {
        let (origin, id) = (self.origin.get(), self.stream.id());
        let act = move |sys: &Sys| {
            let done = match sys.on(id) {
                Err(error) if is_gone(&error) => return,
                on => on.and_then(|on| act(&on)),
            };
            if let (Err(error), Some(origin)) = (done, origin) {
                origin.place.log_failure(sys, &Failure::from(error));
            }
        };
        Holds::end(sys, id, Box::new(act));
    }

    fn go_on(&self, sys: &Sys) -> Result<(), Gone> {
        let message = self.message;
        // Something else keeps it; or a callback of this very message runs, whose answer decides (CON-8).
        if self.stream.waits(message) || sys.holds().runs(self.stream.id(), message) {
            return Ok(());
        }
        let on = self.on(sys)?;
        self.stream.goes_on(message);
        on.proxy_continue_stream(message).map_err(|error| self.refused(sys, error))
    }

    fn on<'a>(&self, sys: &'a Sys) -> Result<On<'a>, Gone> {
        sys.on(self.stream.id()).map_err(|error| self.unreachable(sys, error))
    }

    /// Its stream cannot be acted on: it has ended, or else the host has said why not, without which it waits for ever.
    pub(crate) fn unreachable(&self, sys: &Sys, error: Error) -> Gone {
        if is_gone(&error) { Gone(()) } else { self.refused(sys, error) }
    }

    /// A host that refuses to let a held message go, or to answer it, has none.
    #[cold]
    fn refused(&self, sys: &Sys, error: Error) -> Gone {
        if let Some(origin) = self.origin.get() {
            origin.place.log_failure(sys, &Failure::from(error));
        }
        Gone(())
    }
}

/// Whether this says that a context is no more: the host forgets ids of streams that have ended (CTX-5).
pub(crate) fn is_gone(error: &Error) -> bool {
    matches!(error.status, Status::BadArgument | Status::NotFound)
}

impl<P: Phase> Held<P> {
    pub(crate) fn new(sys: &Sys, id: u32) -> (Self, Pause) {
        let (hold, pause) = Hold::new::<P>(sys, id);
        (Self { paused: Paused::new(sys, id), hold }, pause)
    }

    /// Reads or changes what is held, acting on its stream throughout: one switch of the effective context for all that `f` does.
    ///
    /// # Errors
    /// [`Gone`] when there is nothing held any more; `f` is then not called.
    pub fn with<T>(&self, f: impl FnOnce(&Paused<P>) -> T) -> Result<T, Gone> {
        if !self.hold.is_open(self.sys()) {
            return Err(Gone(()));
        }
        let _on = self.hold.on(self.sys())?;
        Ok(f(&self.paused))
    }

    /// Lets the message go on, with what was changed meanwhile (CON-1): after the running callback has returned.
    ///
    /// # Errors
    /// [`Gone`] when there is nothing held any more.
    pub fn resume(self) -> Result<(), Gone> {
        self.hold.resume(self.sys())
    }

    /// Answers the client instead, and drops what is held (LOC-2, LOC-5): after the running callback has returned.
    ///
    /// From a callback of another stream's message the reply waits until that callback is over, at the latest for that stream's
    /// `on_log`: Envoy stops the message whose callback replies, whichever stream is answered (LOC-30).
    ///
    /// # Errors
    /// [`Gone`] when there is nothing held any more.
    pub fn reply(self, reply: LocalReply) -> Result<(), Gone>
    where
        P: Answerable,
    {
        self.hold.reply(self.sys(), reply)
    }

    /// Closes the held TCP connection, and drops what is held (TCP-5): after the running callback has returned.
    ///
    /// # Errors
    /// [`Gone`] when there is nothing held any more.
    pub fn close(self) -> Result<(), Gone>
    where
        P: Closable,
    {
        self.hold.close(self.sys())
    }

    pub(crate) fn conclude(self, result: Result<(), Stopped>) {
        self.hold.conclude(self.sys(), result);
    }

    /// Whether there is something to decide.
    pub(crate) fn is_open(&self) -> bool {
        self.hold.is_open(self.sys())
    }

    pub(crate) fn paused(&self) -> &Paused<P> {
        &self.paused
    }

    pub(crate) fn sys(&self) -> &Sys {
        &self.paused.stream.sys
    }

    pub(crate) fn id(&self) -> u32 {
        self.hold.stream.id()
    }
}

impl<P: Phase> Drop for Held<P> {
    fn drop(&mut self) {
        self.hold.fail(self.sys(), Failure::from(Undecided));
    }
}

impl<P: Phase> Paused<P> {
    pub(crate) fn new(sys: &Sys, id: u32) -> Self {
        Self { stream: P::stream(sys, id), phase: PhantomData }
    }
}

impl<P: Phase> Deref for Paused<P> {
    type Target = P::Stream;
    fn deref(&self) -> &P::Stream {
        &self.stream
    }
}

impl Pause {
    /// Whether the message waits, now that the callback has returned and nothing more can be decided inside of it.
    pub(crate) fn settle(self, sys: &Sys, origin: Origin) -> bool {
        let hold = &self.0;
        if !sys.holds().runs(hold.stream.id(), hold.message) {
            origin.place.log(
                sys,
                LogLevel::Error,
                "answered with the pause of another message, which nobody would end: this one goes on",
            );
            return false;
        }
        hold.origin.set(Some(origin));
        match hold.state.get() {
            State::Asked => {
                hold.state.set(State::Waiting);
                hold.stream.hold(hold.message);
                true
            }
            State::Failed => {
                let failure = hold.failure.take().unwrap_or_else(|| Failure::from(Undecided));
                (origin.fail)(&origin.place, sys, &failure) != 0
            }
            State::Answered => true,
            State::Waiting | State::Resolved => false,
        }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        // The callback has answered otherwise: the message did not wait.
        if self.0.state.get() == State::Asked {
            self.0.state.set(State::Resolved);
        }
    }
}

/// A [`Held`] was dropped.
#[derive(Debug)]
struct Undecided;

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a held message was dropped without `resume` or `reply`")
    }
}

impl core::error::Error for Undecided {}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing is held any more: the stream has ended or was answered")
    }
}

impl core::error::Error for Gone {}

impl<P: Phase> fmt::Debug for Held<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&self.paused.stream).finish()
    }
}

impl<P: Phase> fmt::Debug for Paused<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Paused").field(&self.stream).finish()
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pause")
    }
}
