//! How the mock proxy moves TCP connections: its plugins are network filters then.

use super::MockProxy;
use crate::chain::Chain;
use crate::connection::Connection;
use crate::host::StreamKey;
use crate::host::tcp_stream::{Incoming, Poll, Side, TcpCallback, TcpStream};
use proxy_filter_abi::Callback;
use std::rc::Rc;

impl MockProxy {
    /// A client connects: the plugins run as network filters, before a TCP proxy to the upstream.
    ///
    /// # Panics
    /// As [`send`](Self::send), and so does each step of the connection.
    #[track_caller]
    pub fn connect(&self) -> Connection<'_> {
        let (log, costs) = (self.state.log.borrow().len(), self.state.costs.borrow().count());
        let number = self.next_stream.get();
        self.next_stream.set(number + 1);
        let worker = self.take_worker();
        let chain = Chain::new(number, worker, &self.workers[worker], false);
        let mut stream = TcpStream::new(chain.len(), self.settings.buffer_limit);
        stream.begin_at(self.state.events.wall(), number);
        chain.begin_connection(&mut stream);
        self.chains.borrow_mut().insert(number, Rc::new(chain));
        self.state.connections.borrow_mut().insert(number, stream);
        self.run();
        self.check();
        Connection::new(self, Rc::clone(&self.state), number, log, costs)
    }

    /// Nobody listens at the upstream from now on: TCP connections to it are refused. (For HTTP: [`Answer::Refuse`](crate::Answer::Refuse).)
    pub fn refuse_connections(&self) -> &Self {
        self.refuses_connections.set(true);
        self
    }

    /// One end of a connection does something, and what follows happens.
    #[track_caller]
    pub(crate) fn receive_from(&self, number: u64, side: Side, incoming: Incoming) {
        self.with_connection(number, |stream| stream.receive(side, incoming));
        self.run();
        self.check();
    }

    /// Moves all connections on; whether anything was done.
    pub(super) fn run_connections(&self) -> bool {
        let numbers: Vec<u64> = self.state.connections.borrow().keys().copied().collect();
        numbers.into_iter().fold(false, |moved, number| self.run_connection(number) | moved)
    }

    fn run_connection(&self, number: u64) -> bool {
        let mut moved = false;
        while self.step_connection(number) {
            moved = true;
        }
        moved
    }

    /// Moves one connection on by one callback; whether anything was done.
    pub(super) fn step_connection(&self, number: u64) -> bool {
        // After a crash nothing moves; the next check of the test says so.
        if self.is_gone() || !self.state.connections.borrow().contains_key(&number) {
            return false;
        }
        match self.with_connection(number, TcpStream::poll) {
            Poll::Create { filter } => self.call_connection(StreamKey { stream: number, filter }, None),
            Poll::Call { filter, callback } => self.call_connection(StreamKey { stream: number, filter }, Some(callback)),
            Poll::ConnectUpstream => {
                self.with_connection(number, |stream| stream.connected(!self.refuses_connections.get()));
            }
            Poll::Finished => {
                self.chains.borrow_mut().remove(&number);
                if self.with_connection(number, |stream| stream.unwatched) {
                    self.state.connections.borrow_mut().remove(&number);
                }
                self.end_retired();
                return false;
            }
            Poll::Idle => return false,
        }
        true
    }

    fn with_connection<R>(&self, number: u64, f: impl FnOnce(&mut TcpStream) -> R) -> R {
        let mut connections = self.state.connections.borrow_mut();
        let stream = connections.get_mut(&number).unwrap_or_else(|| unreachable!("a connection that runs is in the table"));
        let result = f(stream);
        self.state.note_connection_faults(stream);
        result
    }

    /// Makes a callback, or the context where it is none, and does what it asked for and answered. In a VM that has died the connection
    /// fails instead (FAI-14).
    fn call_connection(&self, key: StreamKey, callback: Option<TcpCallback>) {
        let Some(chain) = self.chains.borrow().get(&key.stream).cloned() else { return };
        let plugin = chain.instance(key.filter);
        let answer = chain.context(key.filter).and_then(|context_id| {
            let create = Callback::proxy_on_context_create { context_id, parent_id: plugin.root.id };
            let answer = plugin.vm.call(callback.map_or(create, |callback| callback.to_abi(context_id)));
            Some((context_id, answer.ok()?))
        });
        let Some((context_id, answer)) = answer else {
            if plugin.root.plugin.fail_open {
                // Nothing takes back what the callback asked for before it trapped (FAI-16).
                self.state.run_effects();
                self.with_connection(key.stream, |stream| stream.fail_open(key.filter));
            } else {
                self.state.run_effects_after_trap(key);
                self.with_connection(key.stream, |stream| stream.fail(key.filter));
            }
            return;
        };
        self.state.run_effects();
        self.with_connection(key.stream, |stream| stream.apply(answer));
        if callback == Some(TcpCallback::Delete) {
            plugin.vm.host.delete_context(context_id);
        }
    }
}
