//! One HTTP request and its response on their way through a chain of filters, as Envoy's filter manager moves them.
//!
//! A pure value, without a VM or a clock: it is told what came ([`HttpStream::receive`]), asked what to do next
//! ([`HttpStream::poll`]), and told how a callback answered ([`HttpStream::apply`]). What a callback asks for meanwhile
//! (continue, close, reply) is carried out between the two, in order: after the callback has returned, before its answer counts.
//!
//! Envoy iterates by recursion; here the frames that are still to be delivered stand on a stack.

mod access;
mod local_reply;
pub(crate) mod property;
mod router;

use super::header_map::{HeaderMap, MapKind};
use crate::message::Message;
use proxy_filter_abi::StreamType;
use std::collections::{BTreeMap, VecDeque};

pub(crate) use local_reply::Reply;

/// Which message of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// What comes from the client or the upstream.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Headers {
        side: Side,
        headers: HeaderMap,
        end_of_stream: bool,
    },
    Data {
        side: Side,
        data: Vec<u8>,
        end_of_stream: bool,
    },
    Trailers {
        side: Side,
        trailers: HeaderMap,
    },
    /// The upstream's connection broke or never came to be; after response headers the stream is reset, before them 503.
    UpstreamReset {
        details: &'static str,
        body: &'static str,
    },
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Poll {
    /// Make the context of this filter.
    Create { filter: usize },
    /// Make this callback, then [`HttpStream::apply`] its answer.
    Call { filter: usize, callback: StreamCallback },
    /// The request has reached the upstream as a whole: its answer is awaited.
    AskUpstream,
    /// Nothing, until something comes or a paused message is continued.
    Idle,
    /// Nothing any more.
    Finished,
}

/// A callback of an HTTP stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamCallback {
    Headers { side: Side, count: usize, end_of_stream: bool },
    Body { side: Side, size: usize, end_of_stream: bool },
    Trailers { side: Side, count: usize },
    Log,
    Done,
    Delete,
}

/// How a stream ended, as the client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The response was sent to its end.
    Complete,
    /// The stream was reset: the client saw a cut response, or none.
    Reset,
}

/// A frame on its way: `position` counts the filters of its direction, those of a response from the last.
#[derive(Clone, Debug)]
enum Work {
    Headers { side: Side, position: usize, end_of_stream: bool },
    Data { side: Side, position: usize, data: Vec<u8>, end_of_stream: bool },
    Trailers { side: Side, position: usize },
    Log { filter: usize },
    Done { filter: usize },
    Delete { filter: usize },
}

impl Work {
    fn is_of(&self, side: Side) -> bool {
        matches!(self, Self::Headers { side: s, .. } | Self::Data { side: s, .. } | Self::Trailers { side: s, .. } if *s == side)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Iteration {
    #[default]
    Continue,
    StopSingle,
    StopAllBuffer,
    StopAllWatermark,
}

impl Iteration {
    fn stopped_all(self) -> bool {
        matches!(self, Self::StopAllBuffer | Self::StopAllWatermark)
    }
}

/// How one filter stands towards one message.
#[derive(Clone, Debug, Default)]
struct FilterSide {
    iteration: Iteration,
    headers_continued: bool,
    /// It has seen the end of the message.
    ended: bool,
    /// The maps and the chunk that hostcalls of this filter reach.
    headers_here: bool,
    trailers_here: bool,
    chunk_here: bool,
    /// Its last body callback asked to buffer: the body that it sees is the one that is held.
    buffering: bool,
}

#[derive(Clone, Debug)]
struct Filter {
    allow_stop_iteration: bool,
    created: bool,
    /// Its VM has trapped: no callback any more (FAI-1).
    dead: bool,
    /// A local reply or a close was asked for in the running callback, whose answer then does not count (LOC-1, CLO-1).
    stop: bool,
    request: FilterSide,
    response: FilterSide,
}

impl Filter {
    fn side(&mut self, side: Side) -> &mut FilterSide {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }
}

/// One message as far as it has come.
#[derive(Clone, Debug, Default)]
struct Half {
    headers: Option<HeaderMap>,
    trailers: Option<HeaderMap>,
    /// Body bytes that a filter holds back.
    held: Option<Vec<u8>>,
    /// The chunk that is being looked at, and whether the message ends with it.
    chunk: Option<Vec<u8>>,
    /// The sender has said that this is the end.
    complete: bool,
    /// What has left the chain, to the upstream or to the client.
    sent: Option<Message>,
    sent_to_end: bool,
}

/// A callback that is being made, or was answered and has not been applied.
#[derive(Clone, Debug)]
struct Running {
    filter: usize,
    frame: Option<Work>,
}

#[derive(Clone, Debug)]
pub(crate) struct HttpStream {
    filters: Vec<Filter>,
    request: Half,
    response: Half,
    buffer_limit: usize,
    events: VecDeque<Event>,
    /// How many of them may be taken up before time has passed.
    budget: usize,
    work: Vec<Work>,
    running: Option<Running>,
    prepared_reply: Option<Reply>,
    reply: Option<Reply>,
    asked_upstream: bool,
    details: Option<Vec<u8>>,
    end: Option<End>,
    /// A filter's context is being made: its headers callback follows whatever happens there.
    creating: bool,
    log_phase: bool,
    finishing: bool,
    x_request_id: String,
    date: String,
    /// What filters have set by `proxy_set_property`, by its whole path (PRO-10).
    filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl HttpStream {
    /// A stream through filters, of each of which is said whether `allow_on_headers_stop_iteration` is set.
    pub(crate) fn new(filters: &[bool], buffer_limit: usize, x_request_id: String, date: String) -> Self {
        let filter = |allow: &bool| Filter {
            allow_stop_iteration: *allow,
            created: false,
            dead: false,
            stop: false,
            request: FilterSide::default(),
            response: FilterSide::default(),
        };
        Self {
            filters: filters.iter().map(filter).collect(),
            request: Half::default(),
            response: Half::default(),
            buffer_limit,
            events: VecDeque::new(),
            budget: usize::MAX,
            work: Vec::new(),
            running: None,
            prepared_reply: None,
            reply: None,
            asked_upstream: false,
            details: None,
            end: None,
            creating: false,
            log_phase: false,
            finishing: false,
            x_request_id,
            date,
            filter_state: BTreeMap::new(),
        }
    }

    /// A filter whose VM has died before: the request is answered with 503 when it comes to it (FAI-7).
    pub(crate) fn begin_dead(&mut self, filter: usize) {
        self.filters[filter].dead = true;
    }

    /// Something came from the client or the upstream.
    pub(crate) fn receive(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Takes up only so many of the events that wait, until it is told again. Whether there are any.
    pub(crate) fn allow_events(&mut self, budget: usize) -> bool {
        self.budget = budget;
        !self.events.is_empty()
    }

    /// What is to be done next. Not to be asked between a callback and its [`apply`](Self::apply).
    pub(crate) fn poll(&mut self) -> Poll {
        loop {
            if let Some(work) = self.work.pop() {
                if let Some(poll) = self.start(work) {
                    return poll;
                }
            } else if let Some(reply) = self.prepared_reply.take() {
                self.begin_reply(reply);
            } else if self.end.is_some() {
                if self.finishing {
                    return Poll::Finished;
                }
                self.finishing = true;
                self.events.clear();
                self.push_end();
            } else if let Some(event) = self.events.pop_front_if(|_| self.budget > 0) {
                self.budget -= usize::from(self.budget < usize::MAX);
                self.accept(event);
            } else if self.request.sent_to_end && !self.asked_upstream && self.events.is_empty() {
                self.asked_upstream = true;
                return Poll::AskUpstream;
            } else {
                return Poll::Idle;
            }
        }
    }

    /// The chain is told of the end in the order of the configuration: logs, then done and delete of each (SEQ-1, SEQ-15).
    fn push_end(&mut self) {
        let filters = 0..self.filters.len();
        self.work.extend(filters.clone().rev().flat_map(|filter| [Work::Delete { filter }, Work::Done { filter }]));
        self.work.extend(filters.rev().map(|filter| Work::Log { filter }));
    }

    fn accept(&mut self, event: Event) {
        match event {
            Event::Headers { side, mut headers, end_of_stream } => {
                match side {
                    Side::Request => router::receive_request(&mut headers, &self.x_request_id),
                    Side::Response => {
                        router::receive_response(&mut headers);
                        self.details = Some(b"via_upstream".to_vec());
                    }
                }
                let half = self.half(side);
                half.headers = Some(headers);
                half.complete = end_of_stream;
                self.work.push(Work::Headers { side, position: 0, end_of_stream });
            }
            Event::Data { side, data, end_of_stream } => {
                self.half(side).complete = end_of_stream;
                self.work.push(Work::Data { side, position: 0, data, end_of_stream });
            }
            Event::Trailers { side, trailers } => {
                let half = self.half(side);
                half.trailers = Some(trailers);
                half.complete = true;
                self.work.push(Work::Trailers { side, position: 0 });
            }
            Event::UpstreamReset { details, body } => {
                if self.response.headers.is_some() {
                    self.reset(details.as_bytes());
                } else {
                    self.send_reply(Reply::of_envoy(503, details, body));
                }
            }
        }
    }

    /// Begins a frame at a filter, or delivers it past the last.
    fn start(&mut self, work: Work) -> Option<Poll> {
        let (side, position) = match work {
            Work::Headers { side, position, .. } | Work::Data { side, position, .. } | Work::Trailers { side, position } => {
                (side, position)
            }
            Work::Log { filter } => return self.start_log(filter),
            Work::Done { filter } => return self.start_end(filter, StreamCallback::Done),
            Work::Delete { filter } => return self.start_end(filter, StreamCallback::Delete),
        };
        let Some(filter) = self.filter_at(side, position) else {
            self.deliver(work);
            return None;
        };
        if side == Side::Request && !self.filters[filter].created && !self.filters[filter].dead {
            self.filters[filter].created = true;
            self.creating = true;
            self.work.push(work);
            return Some(Poll::Create { filter });
        }
        self.creating = false;
        if side == Side::Request && !self.filters[filter].created {
            self.send_reply(Reply::of_failed_vm());
            return None;
        }
        // A filter that never saw the request has no context to be told of the response (SEQ-16).
        if self.filters[filter].dead || !self.filters[filter].created {
            self.work.push(past(work));
            return None;
        }
        match work {
            Work::Headers { end_of_stream, .. } => {
                let state = self.filters[filter].side(side);
                state.headers_here = true;
                state.ended = end_of_stream;
                self.running = Some(Running { filter, frame: Some(work) });
                let count = self.half(side).headers.as_ref().map_or(0, HeaderMap::len);
                Some(Poll::Call { filter, callback: StreamCallback::Headers { side, count, end_of_stream } })
            }
            Work::Data { data, end_of_stream, .. } => self.start_data(filter, side, position, data, end_of_stream),
            _ => {
                if self.filters[filter].side(side).iteration.stopped_all() {
                    return None;
                }
                let state = self.filters[filter].side(side);
                state.trailers_here = true;
                state.ended = true;
                self.running = Some(Running { filter, frame: Some(work) });
                let count = self.half(side).trailers.as_ref().map_or(0, HeaderMap::len);
                Some(Poll::Call { filter, callback: StreamCallback::Trailers { side, count } })
            }
        }
    }

    fn start_data(&mut self, filter: usize, side: Side, position: usize, data: Vec<u8>, end_of_stream: bool) -> Option<Poll> {
        let iteration = self.filters[filter].side(side).iteration;
        if iteration.stopped_all() {
            self.hold(side, data, iteration == Iteration::StopAllWatermark);
            return None;
        }
        let ended = end_of_stream && self.half(side).trailers.is_none();
        let state = self.filters[filter].side(side);
        state.ended = ended;
        state.chunk_here = true;
        let data = if state.buffering {
            // What is held and the chunk are shown as one (ACT-9). Over the limit the callback still runs for a request (ACT-17);
            // a response has been answered or reset by then (ACT-18).
            self.hold(side, data, false);
            if self.end.is_some() {
                return None;
            }
            Vec::new()
        } else {
            data
        };
        let size = if self.filters[filter].side(side).buffering {
            self.half(side).held.as_ref().map_or(0, Vec::len)
        } else {
            data.len()
        };
        self.half(side).chunk = Some(data);
        // The frame's data stands in `chunk` meanwhile, where hostcalls change it.
        self.running = Some(Running { filter, frame: Some(Work::Data { side, position, data: Vec::new(), end_of_stream }) });
        Some(Poll::Call { filter, callback: StreamCallback::Body { side, size, end_of_stream: ended } })
    }

    fn start_log(&mut self, filter: usize) -> Option<Poll> {
        if self.filters[filter].dead {
            return None;
        }
        if !self.filters[filter].created {
            self.filters[filter].created = true;
            self.work.push(Work::Log { filter });
            return Some(Poll::Create { filter });
        }
        self.log_phase = true;
        self.running = Some(Running { filter, frame: None });
        Some(Poll::Call { filter, callback: StreamCallback::Log })
    }

    fn start_end(&mut self, filter: usize, callback: StreamCallback) -> Option<Poll> {
        self.log_phase = false;
        if self.filters[filter].dead {
            return None;
        }
        self.running = Some(Running { filter, frame: None });
        Some(Poll::Call { filter, callback })
    }

    /// The running callback has returned this.
    pub(crate) fn apply(&mut self, answer: u32) {
        let Some(Running { filter, frame: Some(frame) }) = self.running.take() else { return };
        let stopped = std::mem::take(&mut self.filters[filter].stop);
        match frame {
            Work::Headers { side, position, end_of_stream } => {
                let iteration = match answer {
                    _ if stopped => Iteration::StopAllWatermark,
                    0 | 2 => Iteration::Continue,
                    1 if self.filters[filter].allow_stop_iteration => Iteration::StopSingle,
                    3 => Iteration::StopAllBuffer,
                    _ => Iteration::StopAllWatermark,
                };
                let state = self.filters[filter].side(side);
                if iteration == Iteration::Continue {
                    state.headers_here = false;
                    state.headers_continued = true;
                    self.push(Work::Headers { side, position: position + 1, end_of_stream });
                } else {
                    state.iteration = iteration;
                }
            }
            Work::Data { side, position, end_of_stream, .. } => {
                let data = self.half(side).chunk.take().unwrap_or_default();
                self.apply_data(filter, side, position, data, end_of_stream, if stopped { 3 } else { answer });
            }
            Work::Trailers { side, position } => {
                let state = self.filters[filter].side(side);
                if answer == 0 && !stopped {
                    state.trailers_here = false;
                    state.chunk_here = false;
                    state.buffering = false;
                    if state.iteration == Iteration::StopSingle {
                        self.continue_iteration(side, position);
                    } else {
                        self.push(Work::Trailers { side, position: position + 1 });
                    }
                } else if state.iteration == Iteration::Continue {
                    state.iteration = Iteration::StopSingle;
                }
            }
            Work::Log { .. } | Work::Done { .. } | Work::Delete { .. } => {}
        }
    }

    fn apply_data(&mut self, filter: usize, side: Side, position: usize, data: Vec<u8>, end_of_stream: bool, answer: u32) {
        let trailers_added = end_of_stream && self.half(side).trailers.is_some();
        let state = self.filters[filter].side(side);
        state.buffering = answer == 1;
        state.chunk_here = answer != 0;
        if answer == 0 {
            if state.iteration == Iteration::StopSingle {
                self.hold(side, data, false);
                self.continue_iteration(side, position);
                return;
            }
            if trailers_added {
                self.push(Work::Trailers { side, position: position + 1 });
            }
            self.push(Work::Data { side, position: position + 1, data, end_of_stream: end_of_stream && !trailers_added });
            return;
        }
        state.iteration = Iteration::StopSingle;
        match answer {
            1 | 2 => self.hold(side, data, answer == 2),
            // Dropped. At the end an empty body is held, so that what stands before it can still be let go.
            _ => {
                let half = self.half(side);
                if half.complete && half.trailers.is_none() && half.held.is_none() {
                    half.held = Some(Vec::new());
                }
            }
        }
    }

    /// Keeps data back. What is over the buffer limit is refused, unless the filter asked for back-pressure instead.
    fn hold(&mut self, side: Side, data: Vec<u8>, watermark: bool) {
        let half = self.half(side);
        let held = half.held.get_or_insert_default();
        held.extend_from_slice(&data);
        let over = held.len() > self.buffer_limit;
        if over && !watermark && self.end.is_none() && self.reply.is_none() && self.prepared_reply.is_none() {
            match side {
                Side::Request => self.send_reply(Reply::of_envoy(413, "request_payload_too_large", "Payload Too Large")),
                Side::Response => self.send_reply(Reply::of_envoy(500, "response_payload_too_large", "Internal Server Error")),
            }
        }
    }

    /// Lets a message go on from a filter that has stopped it: headers, then what is held of the body, then trailers.
    fn continue_iteration(&mut self, side: Side, position: usize) {
        let Some(filter) = self.filter_at(side, position) else { return };
        if self.end.is_some() || self.aborted(side) {
            return;
        }
        let state = self.filters[filter].side(side);
        // A filter that stopped everything has not seen body and trailers yet.
        let from = if state.iteration.stopped_all() { position } else { position + 1 };
        state.iteration = Iteration::Continue;
        let headers_held = !std::mem::replace(&mut state.headers_continued, true);
        let half = self.half(side);
        let (complete, trailers) = (half.complete, half.trailers.is_some());
        let held = half.held.take();
        if trailers {
            self.push(Work::Trailers { side, position: from });
        }
        let body = held.is_some();
        if let Some(data) = held {
            self.push(Work::Data { side, position: from, data, end_of_stream: complete && !trailers });
        }
        if headers_held {
            self.push(Work::Headers { side, position: position + 1, end_of_stream: complete && !body && !trailers });
        }
    }

    /// `proxy_continue_stream`, carried out after the callback that asked for it.
    pub(crate) fn continue_stream(&mut self, filter: usize, stream: StreamType) {
        let side = match stream {
            StreamType::HttpRequest => Side::Request,
            StreamType::HttpResponse => Side::Response,
            StreamType::Downstream | StreamType::Upstream => return,
        };
        let position = match side {
            Side::Request => filter,
            Side::Response => self.filters.len() - 1 - filter,
        };
        // CON-9: what is not stopped is not affected. Inside its own headers callback a message is still held, and so leaves
        // here and, should the callback answer that it may go on, once more (CON-5, CON-6).
        let inside = self.running.as_ref().is_some_and(|running| {
            running.filter == filter && matches!(running.frame, Some(Work::Headers { side: s, .. }) if s == side)
        });
        if self.filters[filter].side(side).iteration != Iteration::Continue || inside {
            self.filters[filter].side(side).buffering = false;
            self.continue_iteration(side, position);
        }
    }

    /// CON-2, CON-3: the request's maps are out of reach at once, the response's stay.
    pub(crate) fn release_request_maps(&mut self, filter: usize) {
        let state = &mut self.filters[filter].request;
        state.headers_here = false;
        state.trailers_here = false;
    }

    /// The answer of the running callback does not count any more (LOC-1, CLO-1).
    pub(crate) fn stop_iteration(&mut self, filter: usize) {
        self.filters[filter].stop = true;
    }

    /// `proxy_close_stream`, carried out after the callback that asked for it.
    pub(crate) fn close(&mut self) {
        let details = self.details.clone().unwrap_or_else(|| b"wasm_close_stream".to_vec());
        self.reset(&details);
    }

    /// The client has closed its connection.
    pub(crate) fn disconnect(&mut self) {
        if self.end.is_none() {
            self.reset(b"downstream_remote_disconnect");
        }
    }

    /// The stream ends without, or in the middle of, a response.
    pub(crate) fn reset(&mut self, details: &[u8]) {
        self.details = Some(details.to_vec());
        self.end.get_or_insert(End::Reset);
        self.work.clear();
    }

    /// A filter's VM has trapped in a callback of this stream (FAI-2, FAI-3); with `log` or later nothing is left to fail.
    pub(crate) fn fail(&mut self, filter: usize) {
        self.filters[filter].dead = true;
        self.filters[filter].stop = false;
        if self.finishing {
            return;
        }
        self.send_reply(Reply::of_failed_vm());
        if let Some(Running { frame: Some(frame), .. }) = self.running.take() {
            // Without a reply on its way, as in a response callback, the stream has been answered or reset already.
            drop(frame);
        }
    }

    /// Takes a frame past the last filter: to the upstream, or to the client.
    fn deliver(&mut self, work: Work) {
        match work {
            Work::Headers { side: Side::Request, end_of_stream, .. } => self.send_request_headers(end_of_stream),
            Work::Headers { side: Side::Response, end_of_stream, .. } => self.send_response_headers(end_of_stream),
            Work::Data { side, data, end_of_stream, .. } => {
                let half = self.half(side);
                if let Some(sent) = &mut half.sent {
                    sent.push_chunk(data);
                }
                self.sent(side, end_of_stream);
            }
            Work::Trailers { side, .. } => {
                let half = self.half(side);
                if let (Some(sent), Some(trailers)) = (&mut half.sent, &half.trailers) {
                    sent.set_trailers(trailers.entries().iter().map(|(name, value)| (name, value)));
                }
                self.sent(side, true);
            }
            Work::Log { .. } | Work::Done { .. } | Work::Delete { .. } => {}
        }
    }

    /// Notes that a message has left, and whether with its end.
    fn sent(&mut self, side: Side, end_of_stream: bool) {
        self.half(side).sent_to_end |= end_of_stream;
        if side == Side::Response && end_of_stream {
            self.end.get_or_insert(End::Complete);
        }
    }

    /// Work of a message that was answered meanwhile is not taken up.
    fn push(&mut self, work: Work) {
        let dropped = [Side::Request, Side::Response].into_iter().any(|side| work.is_of(side) && self.aborted(side));
        if self.end.is_none() && !dropped {
            self.work.push(work);
        }
    }

    /// A reply is on its way, so the request goes no further.
    fn aborted(&self, side: Side) -> bool {
        side == Side::Request && (self.prepared_reply.is_some() || self.reply.is_some())
    }

    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }

    fn filter_at(&self, side: Side, position: usize) -> Option<usize> {
        match side {
            Side::Request => (position < self.filters.len()).then_some(position),
            Side::Response => self.filters.len().checked_sub(position + 1),
        }
    }

    pub(crate) fn end(&self) -> Option<End> {
        self.end
    }

    /// Envoy's `response.code_details`.
    pub(crate) fn details(&self) -> Option<&[u8]> {
        self.details.as_deref()
    }

    /// What the upstream has received.
    pub(crate) fn upstream_request(&self) -> Option<&Message> {
        self.request.sent.as_ref()
    }

    /// Whether it has received all of it.
    pub(crate) fn upstream_request_is_complete(&self) -> bool {
        self.request.sent_to_end
    }

    /// What the client has received.
    pub(crate) fn client_response(&self) -> Option<&Message> {
        self.response.sent.as_ref()
    }

    /// The local reply that answered, a filter's or Envoy's own, as it was asked for.
    pub(crate) fn local_reply(&self) -> Option<&Reply> {
        self.reply.as_ref()
    }

    /// Whether the request was one for headers only.
    fn is_head(&self) -> bool {
        self.request.headers.as_ref().is_some_and(|headers| headers.get(b":method") == Some(b"HEAD"))
    }
}

/// The same frame, one filter further.
fn past(work: Work) -> Work {
    match work {
        Work::Headers { side, position, end_of_stream } => Work::Headers { side, position: position + 1, end_of_stream },
        Work::Data { side, position, data, end_of_stream } => Work::Data { side, position: position + 1, data, end_of_stream },
        Work::Trailers { side, position } => Work::Trailers { side, position: position + 1 },
        end => end,
    }
}

/// An empty map for trailers that a filter adds.
fn no_trailers(side: Side) -> HeaderMap {
    HeaderMap::new(match side {
        Side::Request => MapKind::RequestTrailers,
        Side::Response => MapKind::ResponseTrailers,
    })
}
