//! One HTTP request and its response on their way through a chain of filters, as Envoy's filter manager moves them.
//!
//! A pure value, without a VM or a clock: it is told what came ([`HttpStream::receive`]), asked what to do next
//! ([`HttpStream::poll`]), and told how a callback answered ([`HttpStream::apply`]). What a callback asks for meanwhile
//! (continue, close, reply) is carried out between the two, in order: after the callback has returned, before its answer counts.
//!
//! Envoy iterates by recursion; here the frames that are still to be delivered stand on a stack.

mod access;
mod arriving;
mod ending;
mod event;
pub(crate) mod facts;
mod faults;
mod iteration;
mod local_reply;
mod router;

use super::header_map::{HeaderMap, MapKind};
use super::property::Told;
use crate::lint::Lint;
use crate::message::Message;
use std::collections::{BTreeMap, VecDeque};

pub(crate) use event::{Came, End, Event, Poll, Side, StreamCallback};
pub(crate) use faults::AskedBy;
pub(crate) use local_reply::{Reply, envoys_answer};
pub(crate) use router::{first_invalid, receive_response};

/// A frame on its way: `position` counts the filters of its direction, those of a response from the last.
#[derive(Clone, Debug)]
enum Work {
    Headers { side: Side, position: usize, end_of_stream: bool },
    Data { side: Side, position: usize, data: Vec<u8>, end_of_stream: bool },
    Trailers { side: Side, position: usize },
    Log { filter: usize },
    AccessLog { logger: usize },
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
    /// How many bytes of body came in.
    received: usize,
    /// The `content-length` that it came with.
    promised: Option<usize>,
    sent_to_end: bool,
}

/// A callback that is being made, or was answered and has not been applied.
#[derive(Clone, Debug)]
struct Running {
    filter: usize,
    frame: Option<Work>,
    /// What this callback has asked for of its own stream.
    asked: faults::Asked,
}

impl Running {
    fn new(filter: usize, frame: Option<Work>) -> Self {
        Self { filter, frame, asked: faults::Asked::default() }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct HttpStream {
    filters: Vec<Filter>,
    request: Half,
    response: Half,
    buffer_limit: usize,
    /// The client speaks HTTP/2: its connection outlives the stream.
    pub(crate) downstream_is_http2: bool,
    pub(crate) upstream_is_http2: bool,
    /// The letter of the specification counts, and not what Envoy does.
    pub(crate) by_spec: bool,
    /// Filters whose `on_done` has answered false.
    waiting: Vec<usize>,
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
    access_loggers: usize,
    x_request_id: String,
    date: String,
    /// What filters have set, by its key; that of `proxy_set_property` is its whole path after `wasm.` (PRO-10).
    filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What the test says of this stream's properties.
    told: Told,
    times: facts::Times,
    /// The status that the response came with, then that with which it left.
    code: Option<u16>,
    connection_id: u64,
    /// Mistakes that nobody has taken down yet, each with the filter that made it.
    faults: Vec<(Option<usize>, Lint)>,
    /// The test has seen that the stream is held back.
    seen_held: bool,
    /// The test looks at it no more.
    pub(crate) unwatched: bool,
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
            downstream_is_http2: false,
            upstream_is_http2: false,
            by_spec: false,
            waiting: Vec::new(),
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
            access_loggers: 0,
            x_request_id,
            date,
            filter_state: BTreeMap::new(),
            told: Told::default(),
            times: facts::Times::default(),
            code: None,
            connection_id: 0,
            faults: Vec::new(),
            seen_held: false,
            unwatched: false,
        }
    }

    /// A filter whose VM has died before: the request is answered with 503 when it comes to it (FAI-7).
    pub(crate) fn begin_dead(&mut self, filter: usize) {
        self.filters[filter].dead = true;
    }

    /// A filter whose VM has died before, and that requests skip then (FAI-8, FAI-9).
    pub(crate) fn begin_without(&mut self, filter: usize) {
        self.filters[filter].dead = true;
        self.filters[filter].created = true;
    }

    /// So many access loggers are to be told of its end (ACL-1).
    pub(crate) fn log_to(&mut self, access_loggers: usize) {
        self.access_loggers = access_loggers;
    }

    /// What is to be done next. Not to be asked between a callback and its [`apply`](Self::apply).
    pub(crate) fn poll(&mut self) -> Poll {
        loop {
            match self.poll_alone() {
                Poll::Idle => {}
                poll => return poll,
            }
            if let Some(event) = self.events.pop_front_if(|_| self.budget > 0) {
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

    /// What is to be done next before anything else comes from client or upstream.
    pub(crate) fn poll_alone(&mut self) -> Poll {
        loop {
            if let Some(work) = self.work.pop() {
                if let Some(poll) = self.start(work) {
                    return poll;
                }
            } else if let Some(reply) = self.prepared_reply.take() {
                self.begin_reply(reply);
            } else if self.end.is_some() {
                if self.finishing {
                    return if self.waiting.is_empty() { Poll::Finished } else { Poll::Idle };
                }
                self.finishing = true;
                self.times.ended = Some(self.times.now);
                self.events.clear();
                self.push_end();
            } else {
                return Poll::Idle;
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
            Work::AccessLog { logger } => return Some(self.start_access_log(logger)),
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
            self.push(past(work));
            return None;
        }
        match work {
            Work::Headers { end_of_stream, .. } => {
                let state = self.filters[filter].side(side);
                state.headers_here = true;
                state.ended = end_of_stream;
                self.running = Some(Running::new(filter, Some(work)));
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
                self.running = Some(Running::new(filter, Some(work)));
                let count = self.half(side).trailers.as_ref().map_or(0, HeaderMap::len);
                Some(Poll::Call { filter, callback: StreamCallback::Trailers { side, count } })
            }
        }
    }

    fn start_data(&mut self, filter: usize, side: Side, position: usize, data: Vec<u8>, end_of_stream: bool) -> Option<Poll> {
        let iteration = self.filters[filter].side(side).iteration;
        if iteration.stopped_all() {
            self.hold(side, &data, iteration == Iteration::StopAllWatermark);
            return None;
        }
        let ended = end_of_stream && self.half(side).trailers.is_none();
        let state = self.filters[filter].side(side);
        state.ended = ended;
        state.chunk_here = true;
        let data = if state.buffering {
            // What is held and the chunk are shown as one (ACT-9). Over the limit the callback still runs for a request (ACT-17);
            // a response has been answered or reset by then (ACT-18).
            self.hold(side, &data, false);
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
        let frame = Work::Data { side, position, data: Vec::new(), end_of_stream };
        self.running = Some(Running::new(filter, Some(frame)));
        Some(Poll::Call { filter, callback: StreamCallback::Body { side, size, end_of_stream: ended } })
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

    /// Whether its response is headers only, whatever they say of a length.
    fn is_bodiless_response(&self) -> bool {
        let status = self.response.headers.as_ref().and_then(|headers| headers.get(b":status"));
        self.is_head() || matches!(status, Some(b"204" | b"304"))
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

#[cfg(test)]
mod tests;
