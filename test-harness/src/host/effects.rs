//! What callbacks ask for that happens when they have returned, in order.

use super::http_stream::{AskedBy, Reply};
use super::{State, StreamKey, VmHost};
use proxy_filter_abi::{Callback, StreamType};
use std::collections::VecDeque;

/// What a callback has asked for, and of which filter's stream.
#[derive(Debug)]
pub(crate) struct Deferred {
    key: StreamKey,
    effect: Effect,
    by: AskedBy,
}

#[derive(Debug)]
pub(super) enum Effect {
    Continue(StreamType),
    Close,
    Reply(Reply),
    ContinueConnection,
    CloseConnection,
}

impl State {
    /// Carries out what the stream's callback that has just returned asked for, in order.
    pub(crate) fn run_effects(&self) {
        while self.run_effect() {}
    }

    /// Carries out the next of what was asked for; whether there was any. What a root's callback asks for is carried out one by one:
    /// the callbacks that follow from the first come before the second (SEQ-37).
    pub(crate) fn run_effect(&self) -> bool {
        let Some(Deferred { key, effect, by }) = self.effects.borrow_mut().pop_front() else { return false };
        let (mut streams, mut connections) = (self.streams.borrow_mut(), self.connections.borrow_mut());
        if let Some(stream) = streams.get_mut(&key.stream) {
            stream.set_now(self.events.now());
        }
        match (effect, streams.get_mut(&key.stream), connections.get_mut(&key.stream)) {
            (Effect::Continue(side), Some(stream), _) => stream.continue_stream(key.filter, side),
            (Effect::Close, Some(stream), _) => stream.close(key.filter, by),
            (Effect::Reply(reply), Some(stream), _) => stream.reply(key.filter, reply, by),
            (Effect::ContinueConnection, _, Some(connection)) => connection.continue_reading(key.filter),
            (Effect::CloseConnection, _, Some(connection)) => connection.close(),
            // What a stream of the one kind cannot be asked for, or one that is gone.
            _ => {}
        }
        if let Some(stream) = streams.get_mut(&key.stream) {
            self.note_faults(stream);
        }
        true
    }

    /// Whether something is to be done before anything else comes from a client or an upstream.
    pub(crate) fn has_effects(&self) -> bool {
        let nested = self.scheduler.is_nested();
        !self.effects.borrow().is_empty() || !nested && self.shared.queues.has_notices()
    }

    pub(crate) fn take_effects(&self) -> VecDeque<Deferred> {
        self.effects.take()
    }

    /// Before what was asked for meanwhile.
    pub(crate) fn put_effects_back(&self, mut effects: VecDeque<Deferred>) {
        let mut meanwhile = self.effects.borrow_mut();
        effects.append(&mut meanwhile);
        *meanwhile = effects;
    }

    /// Carries out what a callback of this stream asked for before it trapped, as far as it is about other streams: its own has
    /// failed (LOC-18), which Envoy may not survive (FAI-17, FAI-18).
    pub(crate) fn run_effects_after_trap(&self, own: StreamKey) {
        let effects = self.effects.take();
        let (of_own, of_others): (VecDeque<Deferred>, _) =
            effects.into_iter().partition(|deferred| deferred.key.stream == own.stream);
        self.effects.replace(of_others);
        if let Some(stream) = self.streams.borrow_mut().get_mut(&own.stream) {
            for deferred in of_own {
                match deferred.effect {
                    Effect::Continue(side) => stream.note_continue_and_trap(own.filter, side),
                    Effect::Close => stream.note_close_and_trap(own.filter),
                    Effect::Reply(_) => stream.note_reply_and_trap(own.filter),
                    Effect::ContinueConnection | Effect::CloseConnection => {}
                }
            }
            self.note_faults(stream);
        }
        self.run_effects();
    }
}

impl VmHost {
    /// Notes what is to happen after the callback.
    pub(super) fn after_callback(&self, effect: Effect) {
        if let Some(key) = self.stream() {
            let by = match self.running.get() {
                Some(Callback::proxy_on_log { .. } | Callback::proxy_on_done { .. } | Callback::proxy_on_delete { .. }) => {
                    AskedBy::End
                }
                _ if self.running_stream().is_none() => AskedBy::Root,
                _ => AskedBy::Stream,
            };
            self.state.effects.borrow_mut().push_back(Deferred { key, effect, by });
        }
    }
}
