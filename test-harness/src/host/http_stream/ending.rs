//! How a stream ends, what its filters are told then, and what came of it.

use super::{AskedBy, End, HttpStream, Poll, Reply, Running, StreamCallback, Work};
use crate::message::Message;

impl HttpStream {
    /// `proxy_close_stream`, carried out after the callback that asked for it.
    pub(crate) fn close(&mut self, filter: usize, by: AskedBy) {
        self.note_close(filter, by);
        let details = self.details.clone().unwrap_or_else(|| b"wasm_close_stream".to_vec());
        self.reset(&details);
    }

    /// The codec refuses the request: it is answered past all filters, which are told of the end only (SEQ-17).
    pub(super) fn refuse_malformed(&mut self) {
        self.send_direct(Reply::of_envoy(400, "http1.codec_error", "Bad Request"));
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
        self.running = None;
        if self.finishing {
            return;
        }
        // The frame for which the context was being made goes no further either.
        self.creating = false;
        self.send_reply(Reply::of_failed_vm());
    }

    /// A filter's VM has trapped, in a callback of this stream or of another one, and the stream goes on without it (FAI-8).
    pub(crate) fn fail_open(&mut self, filter: usize) {
        self.filters[filter].dead = true;
        self.filters[filter].stop = false;
        self.apply(0);
    }

    /// The chain is told of the end in the order of the configuration: logs, those of access loggers too, then done and delete of
    /// each (SEQ-1, SEQ-15).
    pub(super) fn push_end(&mut self) {
        let filters = 0..self.filters.len();
        if self.by_spec {
            self.work.extend((0..self.access_loggers).rev().map(|logger| Work::AccessLog { logger }));
            let created = filters.rev().filter(|filter| self.filters[*filter].created);
            self.work.extend(created.flat_map(|filter| [Work::Delete { filter }, Work::Log { filter }, Work::Done { filter }]));
            return;
        }
        self.work.extend(filters.clone().rev().flat_map(|filter| [Work::Delete { filter }, Work::Done { filter }]));
        self.work.extend((0..self.access_loggers).rev().map(|logger| Work::AccessLog { logger }));
        self.work.extend(filters.rev().map(|filter| Work::Log { filter }));
    }

    /// A filter's `on_done` has answered false: by the specification the rest waits for `proxy_done`, in Envoy it does not (SEQ-2).
    pub(crate) fn wait_for_done(&mut self, filter: usize) {
        if self.by_spec {
            self.work.retain(|work| !matches!(work, Work::Log { filter: f } | Work::Delete { filter: f } if *f == filter));
            self.waiting.push(filter);
        }
    }

    /// `proxy_done`; whether the filter's context was waiting for it.
    pub(crate) fn done(&mut self, filter: usize) -> bool {
        let Some(at) = self.waiting.iter().position(|waiting| *waiting == filter) else { return false };
        self.waiting.remove(at);
        self.work.extend([Work::Delete { filter }, Work::Log { filter }]);
        true
    }

    /// Nothing more comes of it.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some() && self.waiting.is_empty()
    }

    pub(super) fn start_log(&mut self, filter: usize) -> Option<Poll> {
        if self.filters[filter].dead {
            return None;
        }
        if !self.filters[filter].created {
            self.filters[filter].created = true;
            self.work.push(Work::Log { filter });
            return Some(Poll::Create { filter });
        }
        self.log_phase = true;
        self.running = Some(Running::new(filter, None));
        Some(Poll::Call { filter, callback: StreamCallback::Log })
    }

    pub(super) fn start_access_log(&mut self, logger: usize) -> Poll {
        self.log_phase = true;
        Poll::AccessLog { logger }
    }

    pub(super) fn start_end(&mut self, filter: usize, callback: StreamCallback) -> Option<Poll> {
        self.log_phase = false;
        if self.filters[filter].dead {
            return None;
        }
        self.running = Some(Running::new(filter, None));
        Some(Poll::Call { filter, callback })
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
}
