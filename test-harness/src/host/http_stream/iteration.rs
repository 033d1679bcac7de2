//! What a callback's answer does to its frame, and how a message that was stopped goes on.

use super::{HttpStream, Iteration, Reply, Running, Side, Work};
use proxy_filter_abi::StreamType;

impl HttpStream {
    /// The running callback has returned this.
    pub(crate) fn apply(&mut self, answer: u32) {
        let Some(Running { filter, frame: Some(frame), asked }) = self.running.take() else { return };
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
                if !stopped {
                    self.note_headers_answer(filter, side, end_of_stream, iteration == Iteration::Continue, asked);
                }
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
                if !stopped {
                    self.note_trailers_answer(filter, side, answer == 0, asked);
                }
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
            Work::Log { .. } | Work::AccessLog { .. } | Work::Done { .. } | Work::Delete { .. } => {}
        }
    }

    fn apply_data(&mut self, filter: usize, side: Side, position: usize, data: Vec<u8>, end_of_stream: bool, answer: u32) {
        let trailers_added = end_of_stream && self.half(side).trailers.is_some();
        let state = self.filters[filter].side(side);
        state.buffering = answer == 1;
        state.chunk_here = answer != 0;
        if answer == 0 {
            if state.iteration == Iteration::StopSingle {
                self.note_trailers(filter, side, trailers_added);
                self.hold(side, &data, false);
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
            1 | 2 => self.hold(side, &data, answer == 2),
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
    pub(super) fn hold(&mut self, side: Side, data: &[u8], watermark: bool) {
        let half = self.half(side);
        let held = half.held.get_or_insert_default();
        held.extend_from_slice(data);
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
        let faults = self.faults.len();
        self.note_continue(filter, side);
        // CON-9: what is not stopped is not affected. Inside its own headers or trailers callback a message is still held, and so
        // leaves here and, should the callback answer that it may go on, once more (CON-5, CON-6, CON-16).
        let inside = self.is_inside(filter, side);
        if self.filters[filter].side(side).iteration != Iteration::Continue || inside {
            self.filters[filter].side(side).buffering = false;
            self.continue_iteration(side, position);
        } else {
            self.note_nothing_to_continue(filter, faults);
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
}
