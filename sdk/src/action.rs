//! What a callback asks the proxy to do with the message.

/// What to do after a headers callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadersAction {
    /// The headers go on to the next filter; this filter cannot read or change them any more.
    Continue,
    /// The headers wait while body callbacks come; the first of these that answers [`DataAction::Continue`] releases both.
    ///
    /// Envoy does so only for plugins configured with `allow_on_headers_stop_iteration: true` (ACT-5); by default it treats
    /// this as [`StopAllWatermark`](Self::StopAllWatermark), and a stream that nobody continues hangs (ACT-8).
    StopIteration,
    /// Nothing of the message moves and no body callback comes until the stream is continued; a body over the proxy's buffer
    /// limit is refused with 413 (ACT-3).
    StopAllBuffer,
    /// As [`StopAllBuffer`](Self::StopAllBuffer), but at the buffer limit the sender is held back instead (ACT-1).
    StopAllWatermark,
}

impl HeadersAction {
    pub(crate) const fn to_wire(self) -> u32 {
        match self {
            Self::Continue => 0,
            Self::StopIteration => 1,
            Self::StopAllBuffer => 3,
            Self::StopAllWatermark => 4,
        }
    }
}

/// What to do after a body callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataAction {
    /// The chunk goes on, and with it all that was held back.
    Continue,
    /// The proxy keeps the chunk; the next callback sees all that is kept (ACT-9). Over the buffer limit a request is refused
    /// with 413 and a response is reset (ACT-17, ACT-18).
    Buffer,
    /// The proxy keeps the chunk, but the next callback sees only its own (ACT-11); at the buffer limit the sender is held back.
    Watermark,
    /// The chunk is dropped.
    NoBuffer,
}

impl DataAction {
    pub(crate) const fn to_wire(self) -> u32 {
        match self {
            Self::Continue => 0,
            Self::Buffer => 1,
            Self::Watermark => 2,
            Self::NoBuffer => 3,
        }
    }
}

/// What to do after a trailers callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrailersAction {
    /// The trailers go on, and with them all of the message that was held back.
    Continue,
}

impl TrailersAction {
    pub(crate) const fn to_wire(self) -> u32 {
        match self {
            Self::Continue => 0,
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
