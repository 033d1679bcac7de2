//! The clusters that gRPC calls and streams go to.

use bytes::Bytes;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

pub(crate) type Pairs = Vec<(Bytes, Bytes)>;
pub(crate) type Handler = Box<dyn FnMut(GrpcEvent, &mut GrpcReply)>;

/// A gRPC service of the proxy, by which filters make unary calls and open streams; given to
/// [`MockProxy::grpc_cluster`](crate::MockProxy::grpc_cluster).
///
/// ```
/// use proxy_filter_test::{GrpcCluster, GrpcEvent, GrpcStatus, MockProxy};
/// use std::time::Duration;
/// # let proxy = MockProxy::builder().start()?;
/// // Unary: a message for a message, or a status.
/// proxy.grpc_cluster("authz", GrpcCluster::unary(|request| match request.message() {
///     b"let me in" => Ok("welcome"),
///     _ => Err(GrpcStatus::new(7, "no way")),
/// }));
/// // A stream: one closure for each, told of what comes.
/// proxy.grpc_cluster("chat", GrpcCluster::stream(|_request| |event, reply| match event {
///     GrpcEvent::Start => reply.metadata([("x-room", "1")]),
///     GrpcEvent::Message(message) => reply.after(Duration::from_millis(5)).message(message),
///     GrpcEvent::HalfClose => reply.end(GrpcStatus::ok()),
///     GrpcEvent::Cancel => {}
/// }));
/// // Down.
/// proxy.grpc_cluster("quota", GrpcCluster::refuse());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GrpcCluster {
    serve: Box<dyn FnMut(&GrpcRequest) -> Handler>,
    latency: Duration,
    refuses: bool,
}

impl GrpcCluster {
    /// A service that answers the message of each call, once it is whole, by a message or a status.
    pub fn unary<B: Into<Bytes>>(mut answer: impl FnMut(&GrpcRequest) -> Result<B, GrpcStatus> + 'static) -> Self {
        let answer = Rc::new(RefCell::new(move |request: &GrpcRequest| answer(request).map(Into::into)));
        Self::stream(move |request| {
            let (mut request, answer) = (request.clone(), Rc::clone(&answer));
            move |event, reply| match event {
                GrpcEvent::Message(message) => request.messages.push(message),
                GrpcEvent::HalfClose => match (*answer.borrow_mut())(&request) {
                    Ok(message) => {
                        reply.message(message);
                        reply.end(GrpcStatus::ok());
                    }
                    Err(status) => reply.end(status),
                },
                GrpcEvent::Start | GrpcEvent::Cancel => {}
            }
        })
    }

    /// A service that is told of what comes in each call or stream, by a closure of its own for each: the outer one sees how it
    /// begins, the inner one what follows.
    pub fn stream<H>(mut serve: impl FnMut(&GrpcRequest) -> H + 'static) -> Self
    where
        H: FnMut(GrpcEvent, &mut GrpcReply) + 'static,
    {
        Self { serve: Box::new(move |request| Box::new(serve(request))), latency: Duration::ZERO, refuses: false }
    }

    /// Nobody listens: `UNAVAILABLE`, 14 (GRP-7, GRP-9).
    pub fn refuse() -> Self {
        Self { refuses: true, ..Self::never() }
    }

    /// It takes everything and never answers: a unary call ends by its timeout, a stream does not.
    pub fn never() -> Self {
        Self::stream(|_| |_, _: &mut GrpcReply| {})
    }

    /// A server of plain HTTP that answers so: not gRPC (GRP-7, GRP-9).
    pub fn http(status: u16) -> Self {
        Self::stream(move |_| {
            move |event, reply: &mut GrpcReply| {
                if let GrpcEvent::Start = event {
                    reply.headers([(":status", status.to_string())], true);
                }
            }
        })
    }

    /// How much time passes on the proxy's clock until what the service sends is there; none unless you say otherwise. See
    /// [`GrpcReply::after`] for single messages.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    pub(crate) fn refuses(&self) -> bool {
        self.refuses
    }

    pub(crate) fn latency_of_all(&self) -> Duration {
        self.latency
    }

    pub(crate) fn begin(&mut self, request: &GrpcRequest) -> Handler {
        (self.serve)(request)
    }
}

impl fmt::Debug for GrpcCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcCluster").field("latency", &self.latency).field("refuses", &self.refuses).finish_non_exhaustive()
    }
}

/// A unary call or a stream as its service has received it so far.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct GrpcRequest {
    pub(crate) metadata: Pairs,
    pub(crate) messages: Vec<Bytes>,
    pub(crate) half_closed: bool,
    pub(crate) cancelled: bool,
}

impl GrpcRequest {
    /// The service that is called, such as `envoy.service.auth.v3.Authorization`.
    pub fn service(&self) -> &str {
        self.path().0
    }

    /// The method that is called, such as `Check`.
    pub fn method(&self) -> &str {
        self.path().1
    }

    fn path(&self) -> (&str, &str) {
        let path = self.metadata(":path").and_then(|path| std::str::from_utf8(path).ok()).unwrap_or_default();
        path.strip_prefix('/').unwrap_or(path).rsplit_once('/').unwrap_or((path, ""))
    }

    /// The first value of this name, in lower case, among the initial metadata.
    pub fn metadata(&self, name: &str) -> Option<&[u8]> {
        self.metadata.iter().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| value.as_ref())
    }

    /// The request's headers, pseudo-headers first: those of gRPC itself, then the initial metadata (GRP-16).
    pub fn raw_metadata(&self) -> &[(Bytes, Bytes)] {
        &self.metadata
    }

    /// The first message; empty where none has come.
    pub fn message(&self) -> &[u8] {
        self.messages.first().map_or(&[], |message| message)
    }

    /// All messages, in order.
    pub fn messages(&self) -> &[Bytes] {
        &self.messages
    }

    /// Whether the filter has ended its side; that of a unary call ends with its message.
    pub fn half_closed(&self) -> bool {
        self.half_closed
    }

    /// Whether it was reset: cancelled, timed out, or not wanted any more because it had failed.
    pub fn cancelled(&self) -> bool {
        self.cancelled
    }
}

impl fmt::Debug for GrpcRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, half_closed, cancelled, .. } = self;
        let (service, method) = self.path();
        f.debug_struct("GrpcRequest")
            .field("service", &service)
            .field("method", &method)
            .field("messages", messages)
            .field("half_closed", half_closed)
            .field("cancelled", cancelled)
            .finish_non_exhaustive()
    }
}

/// What a service is told of a call or stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcEvent {
    /// It has begun.
    Start,
    /// A message has come.
    Message(Bytes),
    /// The filter has ended its side.
    HalfClose,
    /// It was reset; nothing can be sent any more.
    Cancel,
}

/// How a call or stream ends: a status, and trailing metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcStatus {
    code: u32,
    message: String,
    metadata: Pairs,
}

impl GrpcStatus {
    /// A status by its number, such as 7 for `PERMISSION_DENIED`, and a message.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), metadata: Pairs::new() }
    }

    /// That all went well.
    pub fn ok() -> Self {
        Self::new(0, "")
    }

    /// Adds to the trailing metadata.
    #[must_use]
    pub fn with_metadata(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.metadata.extend(owned([(name, value)]));
        self
    }

    fn into_pairs(self) -> Pairs {
        let code = self.code.to_string();
        let mut pairs = owned([("grpc-status", code.as_str())]);
        if !self.message.is_empty() {
            pairs.extend(owned([("grpc-message", &self.message)]));
        }
        pairs.extend(self.metadata);
        pairs
    }
}

/// What a service sends: in the order of the calls of its methods.
///
/// Headers go before the first message by themselves. What can be sent after the end is not.
#[derive(Debug)]
pub struct GrpcReply {
    pub(crate) sent: Vec<(Duration, Frame)>,
    pub(crate) begun: bool,
    after: Duration,
}

/// A frame of what a service sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Headers { pairs: Pairs, end: bool },
    Data { bytes: Bytes, end: bool },
    Trailers(Pairs),
    Reset,
    Cut,
}

impl Frame {
    /// Whether the service ends its side with it.
    pub(crate) fn ends(&self) -> bool {
        match self {
            Self::Headers { end, .. } | Self::Data { end, .. } => *end,
            Self::Trailers(_) | Self::Reset | Self::Cut => true,
        }
    }
}

impl GrpcReply {
    pub(crate) fn new(begun: bool, latency: Duration) -> Self {
        Self { sent: Vec::new(), begun, after: latency }
    }

    /// What follows is sent so much later, on the proxy's clock.
    pub fn after(&mut self, time: Duration) -> &mut Self {
        self.after += time;
        self
    }

    /// Sends headers with this initial metadata.
    pub fn metadata<K: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, metadata: impl IntoIterator<Item = (K, V)>) {
        let mut pairs = Self::of_grpc();
        pairs.extend(owned(metadata));
        self.send(Frame::Headers { pairs, end: false });
    }

    /// Sends a message.
    pub fn message(&mut self, message: impl Into<Bytes>) {
        self.data(framed(&message.into()), false);
    }

    /// Ends the call or stream by this status, which goes in the headers where nothing was sent before.
    pub fn end(&mut self, status: GrpcStatus) {
        if self.begun {
            self.send(Frame::Trailers(status.into_pairs()));
        } else {
            let mut pairs = Self::of_grpc();
            pairs.extend(status.into_pairs());
            self.send(Frame::Headers { pairs, end: true });
        }
    }

    /// Resets the stream.
    pub fn reset(&mut self) {
        self.send(Frame::Reset);
    }

    /// Closes the connection.
    pub fn close_connection(&mut self) {
        self.send(Frame::Cut);
    }

    /// Sends exactly these headers, which may be the end; for what is no proper gRPC.
    pub fn headers<K: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, headers: impl IntoIterator<Item = (K, V)>, end: bool) {
        self.send(Frame::Headers { pairs: owned(headers), end });
    }

    /// Sends exactly these bytes of a body, which may be the end; for what is no proper message.
    pub fn data(&mut self, bytes: impl Into<Bytes>, end: bool) {
        if !self.begun {
            self.send(Frame::Headers { pairs: Self::of_grpc(), end: false });
        }
        self.send(Frame::Data { bytes: bytes.into(), end });
    }

    /// Sends exactly these trailers, which are the end.
    pub fn trailers<K: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, trailers: impl IntoIterator<Item = (K, V)>) {
        self.send(Frame::Trailers(owned(trailers)));
    }

    fn of_grpc() -> Pairs {
        owned([(":status", "200"), ("content-type", "application/grpc")])
    }

    fn send(&mut self, frame: Frame) {
        self.begun = true;
        self.sent.push((self.after, frame));
    }
}

/// A message as gRPC frames it: not compressed, its length, itself.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[0], &length[..], message].concat().into()
}

pub(crate) fn owned<K: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (K, V)>) -> Pairs {
    let copy = Bytes::copy_from_slice;
    pairs.into_iter().map(|(name, value)| (copy(name.as_ref()), copy(value.as_ref()))).collect()
}
