//! What comes from the client and the upstream, and waits until it is taken up.

use super::{Came, Event, HttpStream, Reply, Side, Work, router};

impl HttpStream {
    /// Something came from the client or the upstream.
    pub(crate) fn receive(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Its upstream is not asked when it has the request: what it answers comes by itself.
    pub(crate) fn answer_by_hand(&mut self) {
        self.asked_upstream = true;
    }

    /// How much of a message has come from outside.
    pub(crate) fn came(&self, side: Side) -> Came {
        let half = match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        };
        match half.headers {
            None => Came::Nothing,
            Some(_) if half.complete => Came::All,
            Some(_) => Came::Headers,
        }
    }

    /// Takes up only so many of the events that wait, until it is told again. Whether there are any.
    pub(crate) fn allow_events(&mut self, budget: usize) -> bool {
        self.budget = budget;
        !self.events.is_empty()
    }

    fn note_answered(&mut self, side: Side, end_of_stream: bool) {
        if side == Side::Response && end_of_stream {
            self.times.answered = Some(self.times.now);
        }
    }

    /// Takes up an event: from here on it stands on the stack.
    pub(super) fn accept(&mut self, event: Event) {
        // LOC-2: nobody hears an upstream any more whose request was answered by a reply, though a filter still holds that.
        if self.reply.is_some() && event.is_of_upstream() {
            return;
        }
        match event {
            Event::Headers { side, mut headers, end_of_stream } => {
                match side {
                    Side::Request => router::receive_request(&mut headers, &self.x_request_id, self.downstream_is_http2),
                    // SEQ-9: informational; the response is still to come.
                    Side::Response if router::is_informational(&headers) => return,
                    Side::Response => {
                        router::receive_response(&mut headers);
                        self.details = Some(b"via_upstream".to_vec());
                        self.code = headers.get(b":status").and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
                    }
                }
                let half = self.half(side);
                half.promised = headers.get(b"content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
                half.headers = Some(headers);
                half.complete = end_of_stream;
                self.note_answered(side, end_of_stream);
                self.push(Work::Headers { side, position: 0, end_of_stream });
            }
            Event::Data { side, data, end_of_stream } => {
                let half = self.half(side);
                half.complete = end_of_stream;
                half.received += data.len();
                self.note_answered(side, end_of_stream);
                self.push(Work::Data { side, position: 0, data, end_of_stream });
            }
            Event::Trailers { side, trailers } => {
                let half = self.half(side);
                half.trailers = Some(trailers);
                half.complete = true;
                self.note_answered(side, true);
                self.push(Work::Trailers { side, position: 0 });
            }
            Event::UpstreamReset { status, details, body } => {
                if self.response.headers.is_some() {
                    self.reset(details.as_bytes());
                } else {
                    self.send_reply(Reply::of_envoy(status, details, body));
                }
            }
            Event::RouteTimeout if self.response.headers.is_some() && self.reply.is_none() => self.reset(b"response_timeout"),
            Event::RouteTimeout => self.send_reply(Reply::of_envoy(504, "response_timeout", "upstream request timeout")),
            Event::Malformed => self.refuse_malformed(),
        }
    }
}
