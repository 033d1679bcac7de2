//! What a callback asks the proxy to do with the message.

use crate::Pause;

/// An action on its way to the proxy.
pub(crate) trait Action {
    /// The code, or the pause whose hold decides.
    fn to_wire(self) -> Result<u32, (Pause, u32)>;
}

/// What to do after a headers callback.
///
/// # What Envoy makes of it
///
/// | action | the headers | body and trailers | goes on when |
/// |---|---|---|---|
/// | [`Continue`](Self::Continue) | go to the next filter | follow as they come | at once |
/// | [`Paused`](Self::Paused) | wait and can be changed | by default wait in the proxy, uncalled; at its buffer limit the sender is held back (ACT-1) | the [`Held`](crate::Held) is let go; what came meanwhile is then one chunk (ACT-2) |
/// | [`StopAllBuffer`](Self::StopAllBuffer) | as `Paused` | wait, uncalled; over the buffer limit a request is refused with 413 (ACT-3) | as `Paused` |
/// | [`StopAllWatermark`](Self::StopAllWatermark) | as `Paused` | as `Paused` by default, however the plugin is configured | as `Paused` |
/// | [`StopIteration`](Self::StopIteration) | wait and can be changed | are called for, if the plugin is configured so | a body callback continues (ACT-5) |
///
/// Where the plugin is configured with `allow_on_headers_stop_iteration: true`, `Paused` lets body callbacks come as well (ACT-5); what
/// they answer does not let the headers go while the `Held` lives.
#[derive(Debug)]
#[must_use = "it acts when the callback returns it"]
#[non_exhaustive]
pub enum HeadersAction {
    /// The headers go on to the next filter; this filter cannot read or change them any more.
    Continue,
    /// The message waits until its [`Held`](crate::Held) is let go: what `hold()` gives, portable to every host.
    Paused(Pause),
    /// The headers wait while body callbacks come; the first of these that answers [`DataAction::Continue`] releases both.
    ///
    /// Envoy does so only for plugins configured with `allow_on_headers_stop_iteration: true` (ACT-5); by default it treats this as a
    /// pause of everything, which nobody ends: the stream hangs (ACT-8). Where the message ends with its headers no
    /// body callback would come (ACT-6), so there the SDK answers [`Continue`](Self::Continue).
    StopIteration,
    /// As [`Paused`](Self::Paused), but no body callback comes however the plugin is configured, and a request whose body exceeds
    /// the proxy's buffer limit is refused with 413 (ACT-3). Made by [`stop_all_buffer`](Self::stop_all_buffer).
    StopAllBuffer(Pause),
    /// As [`Paused`](Self::Paused), but no body callback comes however the plugin is configured, and at the buffer limit the
    /// sender is held back (ACT-1). Made by [`stop_all_watermark`](Self::stop_all_watermark).
    StopAllWatermark(Pause),
    /// The headers go on, and the message ends with them: for hosts other than Envoy, which takes it as [`Continue`](Self::Continue).
    ContinueAndEndStream,
}

impl HeadersAction {
    /// Turns a pause into [`StopAllBuffer`](Self::StopAllBuffer); other actions stay.
    ///
    /// ```
    /// use proxy_filter::prelude::*;
    /// # #[derive(Default)] struct Checked { held: Option<Held<phase::RequestHeaders>> }
    /// impl HttpContext for Checked {
    ///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
    ///         let (held, wait) = http.hold();
    ///         self.held = Some(held);
    ///         Ok(wait.stop_all_buffer())
    ///     }
    /// }
    /// ```
    pub fn stop_all_buffer(self) -> Self {
        match self {
            Self::Paused(pause) | Self::StopAllWatermark(pause) => Self::StopAllBuffer(pause),
            other => other,
        }
    }

    /// Turns a pause into [`StopAllWatermark`](Self::StopAllWatermark); other actions stay.
    pub fn stop_all_watermark(self) -> Self {
        match self {
            Self::Paused(pause) | Self::StopAllBuffer(pause) => Self::StopAllWatermark(pause),
            other => other,
        }
    }

    /// Where nothing follows, nobody would release what waits for it.
    #[inline]
    pub(crate) fn at_end(self, end_of_stream: bool) -> Self {
        match self {
            Self::StopIteration if end_of_stream => Self::Continue,
            other => other,
        }
    }
}

impl Action for HeadersAction {
    #[inline]
    fn to_wire(self) -> Result<u32, (Pause, u32)> {
        match self {
            Self::Continue => Ok(0),
            Self::StopIteration => Ok(1),
            Self::ContinueAndEndStream => Ok(2),
            Self::Paused(pause) => Err((pause, 1)),
            Self::StopAllBuffer(pause) => Err((pause, 3)),
            Self::StopAllWatermark(pause) => Err((pause, 4)),
        }
    }
}

/// What to do after a body callback.
///
/// # What Envoy makes of it
///
/// | action | this chunk | what is kept already | the next callback sees |
/// |---|---|---|---|
/// | [`Continue`](Self::Continue) | goes on | goes on before it | its own chunk (ACT-10) |
/// | [`Paused`](Self::Paused) | kept | kept | all that is kept (ACT-9), unless it was let go meanwhile (ACT-14) |
/// | [`Buffer`](Self::Buffer) | kept | kept | all that is kept (ACT-9) |
/// | [`Watermark`](Self::Watermark) | kept | kept | its own chunk (ACT-11) |
/// | [`NoBuffer`](Self::NoBuffer) | dropped | kept | its own chunk |
#[derive(Debug)]
#[must_use = "it acts when the callback returns it"]
#[non_exhaustive]
pub enum DataAction {
    /// The chunk goes on, and with it all that was held back.
    Continue,
    /// What is here waits until its [`Held`](crate::Held) is let go: what `hold()` gives. Callbacks for further chunks come.
    Paused(Pause),
    /// The proxy keeps the chunk; the next callback sees all that is kept (ACT-9). Over the buffer limit a request is refused
    /// with 413 and a response is reset (ACT-17, ACT-18).
    ///
    /// At the end of the message no further callback would let it go (ACT-13), so there the SDK answers [`Continue`](Self::Continue).
    Buffer,
    /// The proxy keeps the chunk, but the next callback sees only its own (ACT-11); at the buffer limit the sender is held back.
    ///
    /// At the end of the message it is [`Continue`](Self::Continue), as `Buffer`.
    Watermark,
    /// The chunk is dropped. At the end of the message Envoy then waits for ever (ACT-8): to drop the last chunk, empty it
    /// ([`Body::replace`](crate::Body::replace)) and continue.
    NoBuffer,
}

impl DataAction {
    /// Where nothing follows, nobody would release what waits for it.
    #[inline]
    pub(crate) fn at_end(self, end_of_stream: bool) -> Self {
        match self {
            Self::Buffer | Self::Watermark if end_of_stream => Self::Continue,
            other => other,
        }
    }
}

impl Action for DataAction {
    #[inline]
    fn to_wire(self) -> Result<u32, (Pause, u32)> {
        match self {
            Self::Continue => Ok(0),
            Self::Buffer => Ok(1),
            Self::Watermark => Ok(2),
            Self::NoBuffer => Ok(3),
            Self::Paused(pause) => Err((pause, 1)),
        }
    }
}

/// What to do after a trailers callback.
#[derive(Debug)]
#[must_use = "it acts when the callback returns it"]
#[non_exhaustive]
pub enum TrailersAction {
    /// The trailers go on, and with them all of the message that was held back.
    Continue,
    /// The trailers wait until their [`Held`](crate::Held) is let go: what `hold()` gives. They can be changed meanwhile (ACT-16).
    Paused(Pause),
}

impl Action for TrailersAction {
    #[inline]
    fn to_wire(self) -> Result<u32, (Pause, u32)> {
        match self {
            Self::Continue => Ok(0),
            Self::Paused(pause) => Err((pause, 1)),
        }
    }
}

/// How a stream is answered when a callback of it fails; see [`RootContext::FAILURE_POLICY`](crate::RootContext::FAILURE_POLICY).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailurePolicy {
    /// Fail closed: the client gets this HTTP status. Where response headers have already left, the stream is cut (LOC-6); a TCP
    /// connection is closed.
    Reply(u16),
    /// Fail open: the message goes on as if the callback had answered that it should.
    Continue,
    /// Fail closed without an answer: the stream is reset, the TCP connection closed.
    Reset,
}
