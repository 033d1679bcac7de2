//! A stream that a test drives step by step.

use crate::exchange::{Exchange, Outcome};
use crate::frames;
use crate::host::http_stream::{Came, Event, HttpStream, Side};
use crate::host::property::Told;
use crate::message::Message;
use crate::proxy::MockProxy;
use bytes::Bytes;
use std::fmt;
use std::ops::Deref;

/// A stream of which each piece is sent when the test says so, by the client and by the upstream; made by
/// [`MockProxy::open_stream`].
///
/// After each step the filters have done all that they can do, and the stream can be looked at: it is an [`Exchange`] that has not
/// ended. Its upstream is the test too: [`send_response`](Self::send_response) and what follows, or [`answer`](Self::answer) for the
/// proxy's. The steps are named as those of the crate `h2`; `end_of_stream` says that the message ends with this piece, and what a filter sees of that
/// is a matter of [`Builder::framing`](crate::Builder::framing).
///
/// ```
/// # mod hold {
/// #     use proxy_filter::prelude::*;
/// #     pub struct Hold;
/// #     impl RootContext for Hold { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
/// #     impl HttpPlugin for Hold { type Http = HoldStream; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> HoldStream { HoldStream } }
/// #     pub struct HoldStream;
/// #     impl HttpContext for HoldStream {
/// #         fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
/// #             Ok(if http.end_of_stream() { DataAction::Continue } else { DataAction::Buffer })
/// #         }
/// #     }
/// #     proxy_filter::register! { "hold" => http Hold }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use proxy_filter_test::{MockProxy, Outcome, Plugin};
///
/// // A filter that holds the body back until it is whole.
/// let proxy = MockProxy::new(Plugin::native(&hold::PLUGINS, "hold"))?;
/// let mut stream = proxy.open_stream();
/// stream.send_request(http::Request::post("http://shop.example/").body(())?, false);
/// stream.send_request_body("mil", false);
/// assert_eq!(stream.paused_by().as_deref(), Some("hold"));
/// assert_eq!(stream.upstream_request().body(), "");
///
/// stream.send_request_body("lion", true);
/// assert_eq!(stream.upstream_request().body(), "million");
///
/// stream.send_response(http::Response::new(()), false).send_response_body("well", false);
/// assert_eq!((stream.response().body(), stream.outcome()), (&"well".into(), Outcome::Open));
///
/// stream.disconnect();
/// assert_eq!(stream.details(), "downstream_remote_disconnect");
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent before the first step"]
pub struct OpenStream<'proxy> {
    proxy: &'proxy MockProxy,
    exchange: Exchange,
}

impl MockProxy {
    /// A new stream, of which nothing has come yet: see [`OpenStream`]. [`send`](Self::send) is the short way.
    pub fn open_stream(&self) -> OpenStream<'_> {
        let exchange = self.begin();
        self.with_stream(exchange.stream(), HttpStream::answer_by_hand);
        OpenStream { proxy: self, exchange }
    }
}

impl OpenStream<'_> {
    /// The client sends the headers of its request, and nothing is added to them.
    ///
    /// # Panics
    /// When this stream's request has begun; as [`MockProxy::send`].
    #[track_caller]
    pub fn send_request(&mut self, headers: impl IntoHeaders, end_of_stream: bool) -> &mut Self {
        assert_eq!(self.came(Side::Request), Came::Nothing, "this stream has its request: open another for another request");
        let headers = headers.into_headers();
        self.step([frames::headers(Side::Request, &headers, end_of_stream)])
    }

    /// The client sends a piece of the request's body.
    ///
    /// # Panics
    /// When the request has not begun or has ended; as [`MockProxy::send`].
    #[track_caller]
    pub fn send_request_body(&mut self, data: impl Into<Bytes>, end_of_stream: bool) -> &mut Self {
        self.expect_open(Side::Request);
        self.step(frames::data(Side::Request, &data.into(), end_of_stream, self.proxy.settings.downstream))
    }

    /// The client sends trailers, and with them the request ends.
    ///
    /// # Panics
    /// As [`send_request_body`](Self::send_request_body).
    #[track_caller]
    pub fn send_request_trailers<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        trailers: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Self {
        self.expect_open(Side::Request);
        let trailers = Message::new(trailers);
        self.step([frames::trailers(Side::Request, trailers.headers())])
    }

    /// The client sends bytes that are no HTTP (SEQ-17): its codec answers 400 past the filters, which only see the end.
    ///
    /// # Panics
    /// As [`send_request`](Self::send_request).
    #[track_caller]
    pub fn send_malformed_request(&mut self) -> &mut Self {
        assert_eq!(self.came(Side::Request), Came::Nothing, "this stream has its request: open another for another request");
        self.step([Event::Malformed])
    }

    /// The client closes its connection (SEQ-18); a stream that has ended is not affected.
    ///
    /// # Panics
    /// As [`MockProxy::send`].
    #[track_caller]
    pub fn disconnect(&mut self) -> &mut Self {
        self.proxy.disconnect(&self.exchange);
        self
    }

    /// The upstream sends the headers of its response; it may do so before it has the whole request. Those of status 1xx may come
    /// before, and filters do not see them (SEQ-9). A stream that has ended meanwhile, by a local reply say, takes no notice.
    ///
    /// # Panics
    /// When the request has not reached the upstream, or there is a response already; as [`MockProxy::send`].
    #[track_caller]
    pub fn send_response(&mut self, headers: impl IntoHeaders, end_of_stream: bool) -> &mut Self {
        self.expect_asked();
        assert!(
            self.takes_no_notice() || self.came(Side::Response) == Came::Nothing,
            "this stream has its response: it can only go on by send_response_body, send_response_trailers or reset_upstream"
        );
        let headers = headers.into_headers();
        self.step([frames::headers(Side::Response, &headers, end_of_stream)])
    }

    /// The upstream sends a piece of the response's body.
    ///
    /// # Panics
    /// When the response has not begun or has ended; as [`MockProxy::send`].
    #[track_caller]
    pub fn send_response_body(&mut self, data: impl Into<Bytes>, end_of_stream: bool) -> &mut Self {
        self.expect_open(Side::Response);
        self.step(frames::data(Side::Response, &data.into(), end_of_stream, self.proxy.settings.upstream))
    }

    /// The upstream sends trailers, and with them the response ends.
    ///
    /// # Panics
    /// As [`send_response_body`](Self::send_response_body).
    #[track_caller]
    pub fn send_response_trailers<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        trailers: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Self {
        self.expect_open(Side::Response);
        let trailers = Message::new(trailers);
        self.step([frames::trailers(Side::Response, trailers.headers())])
    }

    /// The upstream's connection breaks: before the response the client gets 503, within it a cut response (SEQ-19).
    ///
    /// # Panics
    /// When the request has not reached the upstream; as [`MockProxy::send`].
    #[track_caller]
    pub fn reset_upstream(&mut self) -> &mut Self {
        self.expect_asked();
        let begun = self.came(Side::Response) != Came::Nothing;
        self.step([if begun {
            frames::reset_after_headers(self.proxy.settings.upstream)
        } else {
            frames::reset_before_response()
        }])
    }

    /// The upstream of [`MockProxy::set_upstream`] answers, on what it has received.
    ///
    /// # Panics
    /// As [`send_response`](Self::send_response).
    #[track_caller]
    pub fn answer(&mut self) -> &mut Self {
        self.expect_asked();
        assert_eq!(self.came(Side::Response), Came::Nothing, "this stream has its response: the upstream answers once");
        self.proxy.ask_upstream(self.exchange.stream());
        self.step([])
    }

    /// What has come of it, when the test has no more to send.
    pub fn into_exchange(self) -> Exchange {
        self.exchange
    }

    pub(crate) fn with_told<R>(&self, f: impl FnOnce(&mut Told) -> R) -> R {
        self.proxy.with_stream(self.exchange.stream(), |stream| f(stream.told_mut()))
    }

    #[track_caller]
    fn step(&mut self, events: impl IntoIterator<Item = Event>) -> &mut Self {
        self.proxy.with_stream(self.exchange.stream(), |stream| events.into_iter().for_each(|event| stream.receive(event)));
        self.proxy.drive(self.exchange.stream());
        self
    }

    fn came(&self, side: Side) -> Came {
        self.proxy.with_stream(self.exchange.stream(), |stream| stream.came(side))
    }

    /// It has ended, or is answered by a local reply: what the upstream does is lost.
    fn takes_no_notice(&self) -> bool {
        self.local_reply().is_some() || matches!(self.outcome_unseen(), Outcome::Complete | Outcome::Reset)
    }

    #[track_caller]
    fn expect_open(&self, side: Side) {
        let (message, first) = match side {
            Side::Request => ("request", "send_request"),
            Side::Response => ("response", "send_response"),
        };
        match self.came(side) {
            Came::Headers => {}
            _ if side == Side::Response && self.takes_no_notice() => {}
            Came::Nothing => panic!("the {message} has not begun: {first} comes first"),
            Came::All => panic!("the {message} has ended: nothing of it can follow"),
        }
    }

    #[track_caller]
    fn expect_asked(&self) {
        assert!(
            self.reached_upstream() || self.takes_no_notice(),
            "the upstream has not received the request ({}): it cannot answer",
            self.summary()
        );
    }
}

/// What can be sent as the headers of a message, whose body comes piece by piece: an `http` type with the body `()`, or a [`Message`]
/// without a body.
pub trait IntoHeaders {
    /// The headers, in raw pairs.
    fn into_headers(self) -> Message;
}

impl IntoHeaders for Message {
    #[track_caller]
    fn into_headers(self) -> Message {
        assert!(
            self.chunks().is_empty() && self.trailers().is_empty(),
            "only the headers are sent here: send body and trailers in the next steps"
        );
        self
    }
}

impl IntoHeaders for http::Request<()> {
    fn into_headers(self) -> Message {
        self.map(|()| Bytes::new()).into()
    }
}

impl IntoHeaders for http::Response<()> {
    fn into_headers(self) -> Message {
        Message::of_response(&self.into_parts().0)
    }
}

impl Deref for OpenStream<'_> {
    type Target = Exchange;

    fn deref(&self) -> &Exchange {
        &self.exchange
    }
}

impl fmt::Debug for OpenStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.exchange, f)
    }
}
