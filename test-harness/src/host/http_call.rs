//! `proxy_http_call`: what is in flight, and what comes of it.

use super::arrived::Arrived;
use super::events::{Event, EventId};
use super::http_stream::{envoys_answer, first_invalid, receive_response};
use super::tokens::CalloutKind;
use super::{HeaderMap, MapKind, Root, State, VmHost, header_map};
use crate::message::Message;
use crate::upstream::Answer;
use proxy_filter_abi::{BufferType, Callback, MapType, Status};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// The HTTP calls of a proxy that are in flight, by number.
#[derive(Debug, Default)]
pub(crate) struct HttpCalls {
    in_flight: RefCell<BTreeMap<u64, HttpCall>>,
    /// How many of them go to each cluster.
    by_cluster: RefCell<BTreeMap<String, usize>>,
    begun: Cell<u64>,
}

#[derive(Debug)]
struct HttpCall {
    vm: u32,
    root: u32,
    plugin: String,
    token: u32,
    cluster: String,
    request: Message,
    /// When it ends whether there is an answer or not.
    timeout: Option<Duration>,
    /// What happens next with it; nothing where no answer will ever come.
    next: Option<EventId>,
    end: CallEnd,
}

/// What comes back of a call, if the timeout lets it.
enum Comes {
    Nothing,
    /// Headers, and then not the whole body.
    InPart,
    Whole(CallEnd),
}

/// How a call ends.
#[derive(Debug)]
enum CallEnd {
    Response {
        headers: HeaderMap,
        body: Vec<u8>,
        trailers: HeaderMap,
    },
    /// CAL-13.
    Reset,
}

/// What the root is told of a call that has ended.
pub(crate) struct Ended {
    pub(crate) vm: u32,
    pub(crate) root: u32,
    token: u32,
    end: CallEnd,
}

impl State {
    /// A request is sent to its cluster, which decides what comes of it.
    pub(crate) fn send_http_call(&self, call: u64) {
        let mut in_flight = self.http_calls.in_flight.borrow_mut();
        let Some(call_in_flight) = in_flight.get_mut(&call) else { return };
        let (cluster, request, timeout) =
            (call_in_flight.cluster.clone(), call_in_flight.request.clone(), call_in_flight.timeout);
        drop(in_flight);
        // CAL-12: what the codec refuses is never sent.
        let (latency, answer) = match invalid(&request) {
            Some(text) => (Duration::ZERO, Comes::Whole(CallEnd::instead(503, &text))),
            None => {
                let (latency, answer) = self.clusters.ask(&cluster, &request);
                (latency, CallEnd::of(answer, &request))
            }
        };
        let in_time = timeout.is_none_or(|timeout| latency < timeout);
        let end = match answer {
            Comes::Whole(end) if in_time => Some((latency, end)),
            // The headers are there.
            Comes::InPart if in_time => timeout.map(|timeout| (timeout, CallEnd::Reset)),
            // CAL-11: what comes at the same time comes too late.
            _ => timeout.map(|timeout| (timeout, CallEnd::instead(504, "upstream request timeout"))),
        };
        let next = end.map(|(after, end)| (self.events.schedule(after, Event::HttpCallEnds { call }), end));
        if let Some(call) = self.http_calls.in_flight.borrow_mut().get_mut(&call) {
            call.next = next.as_ref().map(|(event, _)| *event);
            call.end = next.map_or(CallEnd::Reset, |(_, end)| end);
        }
    }

    /// A call has ended.
    pub(crate) fn end_http_call(&self, call: u64) -> Option<Ended> {
        let HttpCall { vm, root, token, end, .. } = self.http_calls.remove(call)?;
        Some(Ended { vm, root, token, end })
    }

    /// CAL-18: the calls of a root end with it, without a word; of all roots of a VM where none is named.
    pub(super) fn cancel_http_calls(&self, vm: u32, root: Option<u32>) {
        let goes = |call: &HttpCall| call.vm == vm && root.is_none_or(|root| call.root == root);
        let of_it: Vec<u64> =
            self.http_calls.in_flight.borrow().iter().filter(|(_, call)| goes(call)).map(|(number, _)| *number).collect();
        for call in of_it.into_iter().filter_map(|number| self.http_calls.remove(number)) {
            if let Some(next) = call.next {
                self.events.cancel(next);
            }
        }
    }
}

impl HttpCalls {
    /// The VM that waits for a call.
    pub(crate) fn vm_of(&self, call: u64) -> Option<u32> {
        self.in_flight.borrow().get(&call).map(|call| call.vm)
    }

    /// Whether a call of this VM will end yet.
    pub(crate) fn may_wake(&self, vm: u32) -> bool {
        self.in_flight.borrow().values().any(|call| call.vm == vm && call.next.is_some())
    }

    /// The plugins of calls that nothing will ever end, each with its VM.
    pub(crate) fn never_answered(&self) -> Vec<(u32, String)> {
        let calls = self.in_flight.borrow();
        calls.values().filter(|call| call.next.is_none()).map(|call| (call.vm, call.plugin.clone())).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.in_flight.borrow().len()
    }

    fn to_cluster(&self, cluster: &str) -> usize {
        self.by_cluster.borrow().get(cluster).copied().unwrap_or(0)
    }

    fn insert(&self, number: u64, call: HttpCall) {
        *self.by_cluster.borrow_mut().entry(call.cluster.clone()).or_default() += 1;
        self.in_flight.borrow_mut().insert(number, call);
    }

    fn remove(&self, number: u64) -> Option<HttpCall> {
        let call = self.in_flight.borrow_mut().remove(&number)?;
        if let Some(count) = self.by_cluster.borrow_mut().get_mut(&call.cluster) {
            *count -= 1;
        }
        Some(call)
    }
}

impl CallEnd {
    /// What an answer comes to.
    fn of(answer: Answer, request: &Message) -> Comes {
        const RESET: &str = "upstream connect error or disconnect/reset before headers. reset reason: ";
        let end = match answer {
            Answer::Response(response) => return Self::of_response(&response, request),
            Answer::Later(_, answer) => return Self::of(*answer, request),
            Answer::Timeout => return Comes::Nothing,
            Answer::Refuse => Self::instead(503, &format!("{RESET}remote connection failure")),
            Answer::ResetBeforeResponse => Self::instead(503, &format!("{RESET}connection termination")),
            Answer::NoCluster => Self::instead(503, ""),
            Answer::ResetAfter(_) => Self::Reset,
        };
        Comes::Whole(end)
    }

    fn of_response(response: &Message, request: &Message) -> Comes {
        /// `http.async_response_buffer_limit` (CAL-13).
        const MOST: usize = 32 << 20;
        let mut headers = HeaderMap::from_entries(MapKind::ResponseHeaders, response.headers().to_vec());
        let trailers = HeaderMap::from_entries(MapKind::ResponseTrailers, response.trailers().to_vec());
        let bodiless = request.header(":method") == Some(b"HEAD")
            || response.header(":status").is_some_and(|status| matches!(status, b"204" | b"304"));
        let body = if bodiless { Vec::new() } else { response.body().to_vec() };
        let length = headers.get(b"content-length").and_then(|length| std::str::from_utf8(length).ok()?.parse::<usize>().ok());
        receive_response(&mut headers);
        if body.len() > MOST {
            return Comes::Whole(Self::Reset);
        }
        match length {
            Some(length) if length > body.len() && !bodiless => Comes::InPart,
            _ => Comes::Whole(Self::Response { headers, body, trailers }),
        }
    }

    /// What Envoy answers in the service's place (CAL-11, CAL-12).
    fn instead(status: u16, text: &str) -> Self {
        let (headers, body) = envoys_answer(status, text);
        Self::Response { headers, body, trailers: HeaderMap::new(MapKind::ResponseTrailers) }
    }
}

impl Ended {
    /// The callback that says so, with what can be read in it; STA-2: what `proxy_get_status` says in it, and after it.
    pub(crate) fn arrive(self, root: &Root, host: &VmHost, call: impl FnOnce(Callback)) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (context_id, call_id, nothing) = (root.id, self.token, Arrived::nothing(root.id));
        match self.end {
            CallEnd::Response { headers, body, trailers } => {
                let (num_headers, body_size, num_trailers) = (number(headers.len()), number(body.len()), number(trailers.len()));
                let arrived = nothing
                    .map(MapType::HttpCallResponseHeaders, headers)
                    .trailers(MapType::HttpCallResponseTrailers, trailers)
                    .body(BufferType::HttpCallResponseBody, body);
                let callback =
                    Callback::proxy_on_http_call_response { context_id, call_id, num_headers, body_size, num_trailers };
                host.with_arrived(arrived, callback, call);
            }
            CallEnd::Reset => {
                /// `BrokenConnection`.
                const BROKEN: u32 = 11;
                root.set_status(BROKEN, b"reset");
                let callback =
                    Callback::proxy_on_http_call_response { context_id, call_id, num_headers: 0, body_size: 0, num_trailers: 0 };
                host.with_arrived(nothing, callback, call);
                root.set_status(BROKEN, b"");
            }
        }
    }
}

impl VmHost {
    pub(super) fn http_call(&self, upstream: &[u8], headers: &[u8], body: &[u8], timeout: u32) -> Result<u32, Status> {
        let refuse = |status, why: String| Err(self.state.refuse(status, why));
        if i32::try_from(timeout).is_err() {
            return refuse(Status::BadArgument, format!("CAL-3: a timeout of {timeout} ms is more than 2^31-1"));
        }
        let Some(cluster) = std::str::from_utf8(upstream).ok().filter(|name| self.state.clusters.knows(name)) else {
            return refuse(Status::BadArgument, self.state.clusters.unknown(upstream));
        };
        let mut headers = HeaderMap::from_entries(MapKind::RequestHeaders, header_map::parse_leniently(headers));
        if let Some(missing) = [":path", ":method", ":authority"].into_iter().find(|name| !headers.contains(name)) {
            return refuse(Status::BadArgument, format!("CAL-2: the headers have no {missing}"));
        }
        let Some(root) = self.root() else {
            return refuse(Status::InternalFailure, "no context runs".to_owned());
        };
        let token = self.tokens.next(CalloutKind::HttpCall);
        if let Some(why) = self.state.clusters.refusal(cluster, self.state.http_calls.to_cluster(cluster)) {
            return refuse(Status::InternalFailure, why);
        }
        // CAL-8.
        if !body.is_empty() {
            headers.set_in_place("content-length", body.len().to_string().as_bytes());
        }
        headers.set_in_place("x-envoy-internal", b"true");
        // CAL-22: the trailers go nowhere.
        let mut request = Message::sent(headers.entries(), body.is_empty());
        request.push_chunk(body.to_vec());
        self.state.begin_callout(&self.plugin().name, request.size())?;
        let calls = &self.state.http_calls;
        let call = calls.begun.replace(calls.begun.get() + 1);
        let next = Some(self.state.events.schedule(Duration::ZERO, Event::HttpCallSent { call }));
        let timeout = (timeout > 0).then(|| Duration::from_millis(timeout.into()));
        let (vm, plugin) = (self.id, self.plugin().name.clone());
        let in_flight = HttpCall {
            vm,
            root: root.id,
            plugin,
            token,
            cluster: cluster.to_owned(),
            request,
            timeout,
            next,
            end: CallEnd::Reset,
        };
        calls.insert(call, in_flight);
        Ok(token)
    }

    /// STA-1 to STA-4: always of the root (CTX-9).
    pub(super) fn status(&self) -> (u32, Vec<u8>) {
        self.root().map(|root| root.status()).unwrap_or_default()
    }
}

/// The header that no codec would write, in Envoy's words.
fn invalid(request: &Message) -> Option<String> {
    first_invalid(request.headers().iter().map(|(name, value)| (name.as_ref(), value.as_ref())))
}
