//! A native filter that a test puts anywhere into the chain: it sees what passes there, and acts as it is told.

use crate::host::{Traced, VmHost};
use crate::message::Message;
use crate::plugin::{Plugin, Source};
use crate::vm::{Trap, Vm};
use bytes::Bytes;
use proxy_filter_abi::{BufferType, Callback, Host, MapType, pairs::Pairs};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// A filter of the test's own: it writes down what passes its place in the chain, and may act by closure.
///
/// ```
/// use proxy_filter_test::abi::{Callback, Host, MapType};
/// use proxy_filter_test::{MockProxy, Spy};
///
/// // Stands for an authorization filter before the others, which adds who the client is.
/// let before = Spy::acting("auth", |callback, host: &dyn Host| match callback {
///     Callback::proxy_on_request_headers { .. } => {
///         host.proxy_add_header_map_value(MapType::HttpRequestHeaders, b"x-user", b"ann").unwrap();
///         Some(0)
///     }
///     _ => None,
/// });
/// let after = Spy::new("after");
/// let proxy = MockProxy::builder().plugin(before.plugin()).plugin(after.plugin()).start()?;
///
/// proxy.send(http::Request::get("http://shop.example/cart").body("")?);
/// assert_eq!(after.request().headers()["x-user"], "ann");
/// assert_eq!(after.response().status(), 200);
/// assert_eq!(after.callbacks().last().map(|callback| callback.name()), Some("proxy_on_delete"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Spy(Rc<Inner>);

/// What an acting spy answers to a callback; `None`: as if it were not exported.
type Filter = dyn FnMut(Callback, &dyn Host) -> Option<u32>;

struct Inner {
    name: String,
    filter: RefCell<Box<Filter>>,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    callbacks: Vec<Callback>,
    /// In the order in which their first messages came.
    streams: Vec<Passing>,
    /// Which of them is that of a context, by the number of its VM and its own: each worker has a VM that counts for itself.
    by_context: BTreeMap<(u32, u32), usize>,
}

impl Seen {
    fn stream(&mut self, vm: u32, context_id: u32) -> &mut Passing {
        let index = *self.by_context.entry((vm, context_id)).or_insert(self.streams.len());
        if index == self.streams.len() {
            self.streams.push(Passing::default());
        }
        &mut self.streams[index]
    }
}

#[derive(Default)]
struct Passing {
    request: Passed,
    response: Passed,
}

/// A message as it came by.
#[derive(Default)]
struct Passed {
    message: Option<Message>,
    /// The spy's filter has asked to buffer, so that its next callback shows this piece again (ACT-9).
    buffering: bool,
    /// Its last body callback had something to show.
    shown: bool,
}

impl Spy {
    /// A spy that only looks.
    pub fn new(name: impl Into<String>) -> Self {
        Self::acting(name, |_, _| None)
    }

    /// A spy that is a filter besides: the closure is called for each callback, with the hostcalls at hand, and its answer counts;
    /// `None` is that of a plugin which does not export the callback. When it panics the test fails.
    pub fn acting(name: impl Into<String>, filter: impl FnMut(Callback, &dyn Host) -> Option<u32> + 'static) -> Self {
        Self(Rc::new(Inner { name: name.into(), filter: RefCell::new(Box::new(filter)), seen: RefCell::default() }))
    }

    /// Its place in a chain: [`Builder::plugin`](crate::Builder::plugin).
    pub fn plugin(&self) -> Plugin {
        Plugin::new(Source::Spy(self.clone()), &self.0.name)
    }

    /// The callbacks that it got, in their order.
    pub fn callbacks(&self) -> Vec<Callback> {
        self.0.seen.borrow().callbacks.clone()
    }

    /// The requests that came by, as far as they did, in raw pairs: those of all streams, before the spy's filter has touched them.
    pub fn raw_requests(&self) -> Vec<Message> {
        self.0.seen.borrow().streams.iter().filter_map(|stream| stream.request.message.clone()).collect()
    }

    /// The responses that came by, likewise.
    pub fn raw_responses(&self) -> Vec<Message> {
        self.0.seen.borrow().streams.iter().filter_map(|stream| stream.response.message.clone()).collect()
    }

    /// The last request that came by.
    ///
    /// # Panics
    /// When there was none, or what `http` cannot hold (see [`raw_requests`](Self::raw_requests)).
    #[track_caller]
    pub fn request(&self) -> http::Request<Bytes> {
        match self.raw_requests().last().map(Message::to_request) {
            Some(Ok(request)) => request,
            Some(Err(error)) => panic!("the spy saw what http::Request cannot hold ({error}): look at raw_requests()"),
            None => panic!("no request came by the spy \"{}\": a filter before it has kept or answered it", self.0.name),
        }
    }

    /// The last response that came by.
    ///
    /// # Panics
    /// As [`request`](Self::request).
    #[track_caller]
    pub fn response(&self) -> http::Response<Bytes> {
        match self.raw_responses().last().map(Message::to_response) {
            Some(Ok(response)) => response,
            Some(Err(error)) => panic!("the spy saw what http::Response cannot hold ({error}): look at raw_responses()"),
            None => panic!("no response came by the spy \"{}\"", self.0.name),
        }
    }

    /// Writes down what a callback shows.
    fn note(&self, callback: Callback, host: &VmHost) {
        let mut seen = self.0.seen.borrow_mut();
        seen.callbacks.push(callback);
        let pairs = |map| {
            let wire = host.proxy_get_header_map_pairs(map).unwrap_or_default();
            Message::new(Pairs::parse(&wire).iter().flat_map(Pairs::iter))
        };
        let body = |buffer, size| host.proxy_get_buffer_bytes(buffer, 0, size).unwrap_or_default();
        match callback {
            Callback::proxy_on_request_headers { context_id, .. } => {
                seen.stream(host.id(), context_id).request.message = Some(pairs(MapType::HttpRequestHeaders));
            }
            Callback::proxy_on_response_headers { context_id, .. } => {
                seen.stream(host.id(), context_id).response.message = Some(pairs(MapType::HttpResponseHeaders));
            }
            Callback::proxy_on_request_body { context_id, size, .. } => {
                seen.stream(host.id(), context_id).request.chunk(body(BufferType::HttpRequestBody, size));
            }
            Callback::proxy_on_response_body { context_id, size, .. } => {
                seen.stream(host.id(), context_id).response.chunk(body(BufferType::HttpResponseBody, size));
            }
            Callback::proxy_on_request_trailers { context_id, .. } => {
                seen.stream(host.id(), context_id).request.trailers(&pairs(MapType::HttpRequestTrailers));
            }
            Callback::proxy_on_response_trailers { context_id, .. } => {
                seen.stream(host.id(), context_id).response.trailers(&pairs(MapType::HttpResponseTrailers));
            }
            _ => {}
        }
    }

    /// Writes down how the filter has answered.
    fn note_answer(&self, callback: Callback, host: &VmHost, answer: u32) {
        let mut seen = self.0.seen.borrow_mut();
        match callback {
            Callback::proxy_on_request_body { context_id, .. } => {
                seen.stream(host.id(), context_id).request.buffering = answer == 1;
            }
            Callback::proxy_on_response_body { context_id, .. } => {
                seen.stream(host.id(), context_id).response.buffering = answer == 1;
            }
            _ => {}
        }
    }
}

impl Passed {
    fn chunk(&mut self, chunk: Vec<u8>) {
        let message = self.message.get_or_insert_default();
        if self.buffering && self.shown {
            message.pop_chunk();
        }
        self.shown = !chunk.is_empty();
        message.push_chunk(chunk);
    }

    fn trailers(&mut self, trailers: &Message) {
        self.message.get_or_insert_default().set_trailers(trailers.headers().to_vec());
    }
}

impl fmt::Debug for Spy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.0.seen.borrow();
        write!(f, "Spy(\"{}\", {} callbacks, {} streams)", self.0.name, seen.callbacks.len(), seen.streams.len())
    }
}

/// A spy in its place. Its own looking is not traced, its filter's hostcalls are.
pub(crate) struct SpyVm {
    spy: Spy,
    host: Traced,
}

impl SpyVm {
    pub(crate) fn new(spy: &Spy, host: Rc<VmHost>) -> Self {
        // Its closure cannot be called while it runs.
        host.set_atomic();
        Self { spy: spy.clone(), host: Traced(host) }
    }
}

impl Vm for SpyVm {
    fn call(&self, callback: Callback) -> Result<u32, Trap> {
        self.spy.note(callback, &self.host.0);
        let answer = (self.spy.0.filter.borrow_mut())(callback, &self.host);
        let answer = answer.unwrap_or_else(|| callback.returns().of_missing_export());
        self.spy.note_answer(callback, &self.host.0, answer);
        Ok(answer)
    }
}

/// Two are equal when they are the same.
impl PartialEq for Spy {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
