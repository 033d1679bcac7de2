//! What filters do to a stream that Envoy does not forgive: each is noted, whatever becomes of the stream here.

use super::{HttpStream, Running, Side, Work};
use crate::lint::Lint;
use crate::message::Message;
use proxy_filter_abi::StreamType;

/// What one callback has asked for of its own stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    reply: bool,
    close: bool,
    /// The message that the callback itself is about.
    continue_own: bool,
}

/// Whose callback asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AskedBy {
    /// A stream's, on its way.
    Stream,
    /// A stream's `on_log`, `on_done` or `on_delete`.
    End,
    Root,
}

impl HttpStream {
    /// Takes the mistakes out, each with the filter that made it where that is known.
    pub(crate) fn take_faults(&mut self) -> Vec<(Option<usize>, Lint)> {
        std::mem::take(&mut self.faults)
    }

    fn fault(&mut self, filter: usize, lint: Lint) {
        self.faults.push((Some(filter), lint));
    }

    /// Which message the running callback is about.
    pub(super) fn running_side(&self) -> Option<Side> {
        match &self.running.as_ref()?.frame {
            Some(Work::Headers { side, .. } | Work::Data { side, .. } | Work::Trailers { side, .. }) => Some(*side),
            _ => None,
        }
    }

    /// Notes what the running callback asks for, and gives what it had asked for before.
    fn asks(&mut self, note: impl FnOnce(&mut Asked)) -> Asked {
        let Some(Running { asked, .. }) = &mut self.running else { return Asked::default() };
        let before = *asked;
        note(asked);
        before
    }

    /// Whether the same callback has closed the stream before.
    pub(super) fn note_reply(&mut self, filter: usize, by: AskedBy) -> bool {
        let before = self.asks(|asked| asked.reply = true);
        match (self.finishing, by, self.running_side()) {
            (true, AskedBy::End, _) => self.fault(filter, Lint::ReplyAfterEnd),
            // A root's first reply has ended the stream.
            (true, ..) => self.fault(filter, Lint::ReplyTwiceInResponse),
            (false, _, Some(Side::Response)) if before.reply => self.fault(filter, Lint::ReplyTwiceInResponse),
            (false, _, Some(Side::Request)) if before.close => self.fault(filter, Lint::ReplyAndClose),
            (false, _, Some(Side::Request)) if before.reply => self.fault(filter, Lint::ReplyTwiceInRequest),
            _ => {}
        }
        before.close
    }

    /// The running callback replies in the name of the root: nobody does, and its own stream stops (LOC-15).
    pub(crate) fn note_reply_on_root(&mut self, filter: usize) {
        self.seen_held = true;
        self.fault(filter, Lint::ReplyOnRoot);
    }

    pub(super) fn note_close(&mut self, filter: usize, by: AskedBy) {
        let before = self.asks(|asked| asked.close = true);
        let side = self.running_side();
        let lint = if self.finishing {
            match by {
                AskedBy::End => Lint::CloseAfterEnd,
                _ if self.reply.is_some() => Lint::ReplyThenCloseInResponse,
                _ => Lint::CloseTwiceInResponse,
            }
        } else if self.creating && self.running.is_none() {
            Lint::CloseInContextCreate
        } else if before.close {
            if side == Some(Side::Request) { Lint::CloseTwiceInRequest } else { Lint::CloseTwiceInResponse }
        } else if before.reply && side == Some(Side::Response) {
            Lint::ReplyThenCloseInResponse
        } else if before.reply || by == AskedBy::Root && self.reply.is_some() {
            Lint::ReplyAndClose
        } else {
            return;
        };
        self.fault(filter, lint);
    }

    pub(crate) fn note_reply_and_trap(&mut self, filter: usize) {
        if self.running_side() == Some(Side::Response) {
            self.fault(filter, Lint::ReplyThenTrap);
        }
    }

    pub(crate) fn note_close_and_trap(&mut self, filter: usize) {
        self.fault(filter, Lint::CloseThenTrap);
    }

    pub(crate) fn note_continue_and_trap(&mut self, filter: usize, stream: StreamType) {
        if stream == StreamType::HttpResponse && self.response.headers.is_none() {
            self.fault(filter, Lint::ContinueResponseTooEarly);
        }
    }

    pub(super) fn note_continue(&mut self, filter: usize, side: Side) {
        if self.finishing || self.end.is_some() {
            return;
        }
        if side == Side::Response && self.response.headers.is_none() {
            self.fault(filter, Lint::ContinueResponseTooEarly);
        } else if side == Side::Request && self.creating && self.running.is_none() {
            self.fault(filter, Lint::ContinueInContextCreate);
        }
        let own = self.is_inside(filter, side);
        self.asks(|asked| asked.continue_own |= own);
    }

    /// CON-9: unless worse was found of it.
    pub(super) fn note_nothing_to_continue(&mut self, filter: usize, faults: usize) {
        if self.faults.len() == faults {
            self.fault(filter, Lint::ContinueWhatIsNotPaused);
        }
    }

    /// Whether the headers or trailers callback of this message runs in this filter: the message is still held there.
    pub(super) fn is_inside(&self, filter: usize, side: Side) -> bool {
        matches!(
            &self.running,
            Some(Running { filter: running, frame: Some(Work::Headers { side: s, .. } | Work::Trailers { side: s, .. }), .. })
                if *running == filter && *s == side
        )
    }

    /// A headers callback has answered: it may have continued its own message.
    pub(super) fn note_headers_answer(&mut self, filter: usize, side: Side, end_of_stream: bool, continues: bool, asked: Asked) {
        if !asked.continue_own {
            return;
        }
        let lint = match (side, continues) {
            (Side::Request, true) => Lint::ContinueInRequestHeaders,
            // CON-4: it works.
            (Side::Request, false) if end_of_stream => return,
            (Side::Request, false) => Lint::ContinueAndPauseRequestHeaders,
            (Side::Response, true) => Lint::ContinueInResponseHeaders,
            (Side::Response, false) => Lint::ContinueAndPauseResponseHeaders,
        };
        // Those hang.
        self.seen_held |= !continues;
        self.fault(filter, lint);
    }

    /// A trailers callback has answered, likewise.
    pub(super) fn note_trailers_answer(&mut self, filter: usize, side: Side, continues: bool, asked: Asked) {
        if asked.continue_own && continues {
            self.fault(
                filter,
                match side {
                    Side::Request => Lint::ContinueInRequestTrailers,
                    Side::Response => Lint::ContinueInResponseTrailers,
                },
            );
        }
    }

    pub(super) fn note_trailers(&mut self, filter: usize, side: Side, added: bool) {
        let paused_before = self.half(side).held.as_ref().is_some_and(|held| !held.is_empty());
        if side == Side::Request && added && paused_before && !self.upstream_is_http2 {
            self.fault(filter, Lint::TrailersAfterPausedBody);
        }
    }

    /// HDR-20: the HTTP/1 codec writes these bytes as they are.
    pub(super) fn note_split(&mut self, sent: &Message) {
        let breaks = |bytes: &[u8]| bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'));
        if !self.downstream_is_http2 && sent.headers().iter().any(|(name, value)| breaks(name) || breaks(value)) {
            self.faults.push((None, Lint::SplitResponse));
        }
    }

    /// HDR-25: a message has left to its end. One that came with a wrong length is the peer's mistake.
    pub(super) fn note_length(&mut self, side: Side) {
        let bodiless = side == Side::Response && self.is_bodiless_response();
        let half = self.half(side);
        let Some(sent) = &half.sent else { return };
        let length = sent.header("content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok());
        let Some(length) = length else { return };
        let bytes: usize = sent.chunks().iter().map(bytes::Bytes::len).sum();
        let as_it_came = half.promised == Some(length) && half.received == bytes;
        if bytes != length && !bodiless && !as_it_came {
            self.faults.push((None, Lint::ContentLengthMismatch));
        }
    }

    /// The filter that holds a message back, or a part of it.
    pub(crate) fn paused_by(&self) -> Option<usize> {
        let stopped = |state: &super::FilterSide| state.iteration != super::Iteration::Continue;
        self.filters
            .iter()
            .position(|filter| stopped(&filter.request) || stopped(&filter.response))
            .filter(|_| self.end.is_none())
    }

    /// The filter that holds the stream back when nothing more will come by itself: its message is whole, or stopped as a whole.
    pub(crate) fn holder(&self) -> Option<usize> {
        if self.end.is_some() || self.prepared_reply.is_some() || !self.events.is_empty() {
            return None;
        }
        self.filters.iter().position(|filter| {
            [(&filter.request, &self.request), (&filter.response, &self.response)]
                .iter()
                .any(|(state, half)| state.iteration != super::Iteration::Continue && half.complete)
        })
    }

    /// Whether the filter's VM has died while the filter held the stream back, so that it hangs (FAI-6).
    pub(crate) fn hangs_without(&mut self, filter: usize) {
        if self.holder() == Some(filter) {
            self.seen_held = true;
            self.fault(filter, Lint::TrapWhilePaused);
        }
    }

    /// The test knows, or has been told, that the stream is held back.
    pub(crate) fn saw_held(&mut self) {
        self.seen_held = true;
    }

    /// ACT-8: the filter that holds the stream back for good, of which the test knows nothing.
    pub(crate) fn unseen_holder(&self) -> Option<usize> {
        self.holder().filter(|_| !self.seen_held)
    }

    /// Envoy is gone, and this connection with it; nobody is told.
    pub(crate) fn vanish(&mut self) {
        self.end.get_or_insert(super::End::Reset);
        self.finishing = true;
        self.prepared_reply = None;
        self.work.clear();
        self.events.clear();
    }
}
