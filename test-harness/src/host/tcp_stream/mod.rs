//! One TCP connection of a client on its way through a chain of network filters to an upstream, as Envoy's filter manager and TCP proxy
//! move it.
//!
//! A pure value, without a VM or a clock: it is told what the two ends do ([`TcpStream::receive`]), asked what to do next
//! ([`TcpStream::poll`]), and told how a callback answered ([`TcpStream::apply`]). What a callback asks for meanwhile (continue, close) is
//! carried out between the two.

mod access;
mod ending;
mod event;
mod facts;
mod faults;

use super::property::Told;
use crate::connection::Ending;
use crate::lint::Lint;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(crate) use event::{Incoming, Poll, Side, TcpCallback};

/// What is to be done, the next on top.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// Bring what was read from the client to the filter at this place, or past the last to the upstream.
    Read { position: usize },
    /// Bring what was read from the upstream to the filter at this place from behind, or past the first to the client.
    Write { position: usize },
    /// A callback that tells a filter of the end.
    Tell { filter: usize, callback: TcpCallback },
}

#[derive(Clone, Debug, Default)]
struct Filter {
    created: bool,
    /// It has been told of the new connection.
    connected: bool,
    /// Its VM has trapped: no callback any more.
    dead: bool,
    /// Its VM has trapped, and it fails open: the connection passes it.
    skipped: bool,
    /// It is in the middle of a callback on these bytes, or has kept them: hostcalls reach the buffer (TCP-12).
    downstream_here: bool,
    upstream_here: bool,
}

impl Filter {
    fn here(&mut self, side: Side) -> &mut bool {
        match side {
            Side::Downstream => &mut self.downstream_here,
            Side::Upstream => &mut self.upstream_here,
        }
    }
}

/// What comes from one of the two ends.
#[derive(Clone, Debug, Default)]
struct Half {
    /// What it has done that has not been read.
    unread: VecDeque<Incoming>,
    /// What was read and has not gone on: one buffer for the whole chain (TCP-15).
    buffer: Vec<u8>,
    /// How many bytes were read altogether.
    received: usize,
    /// Its end was read.
    ended: bool,
    /// What has gone on to the other end, and whether the end has.
    sent: Vec<u8>,
    sent_end: bool,
    /// How the connection to this end looks from there, once nothing more comes from the proxy.
    ending: Option<Ending>,
    /// It has left: it sees nothing any more.
    gone: bool,
    /// Its reset stands right behind what was read, which is never sent on.
    cut: bool,
}

impl Half {
    /// Takes what waits into the buffer, as far as one read gives it.
    fn read(&mut self) -> Option<Read> {
        let mut read = None;
        while let Some(incoming) = self.unread.pop_front() {
            match incoming {
                Incoming::Bytes(bytes) => {
                    self.received += bytes.len();
                    self.buffer.extend(bytes);
                }
                Incoming::End => self.ended = true,
                // Nobody looks at an end that has ended already: it shows when something is sent to it (TCP-18).
                Incoming::Reset if self.ended => continue,
                Incoming::Reset if read.is_none() => return Some(Read::Reset),
                Incoming::Reset => {
                    self.unread.push_front(Incoming::Reset);
                    self.cut = true;
                    break;
                }
            }
            read = Some(Read::Data);
        }
        read
    }

    fn sees(&mut self, ending: Ending) {
        if !self.gone {
            self.ending.get_or_insert(ending);
        }
    }
}

/// What one read gave.
enum Read {
    Data,
    Reset,
}

/// The proxy's connection to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upstream {
    NotAsked,
    Asked,
    Connected,
}

/// A callback that is being made, or was answered and has not been applied.
#[derive(Clone, Copy, Debug)]
struct Running {
    filter: usize,
    callback: TcpCallback,
    position: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct TcpStream {
    filters: Vec<Filter>,
    downstream: Half,
    upstream: Half,
    connection: Upstream,
    buffer_limit: usize,
    work: Vec<Work>,
    running: Option<Running>,
    /// Which end was read last.
    last_read: Side,
    /// A filter has asked to close: done once what was asked for before is.
    closing: bool,
    /// It has asked so in the running callback, whose answer then does not count.
    stop: bool,
    closed: Option<proxy_filter_abi::PeerType>,
    /// What filters have done that Envoy does not forgive.
    faults: Vec<(usize, Lint)>,
    /// The test has seen that the connection waits.
    seen_waiting: bool,
    /// The test looks at it no more.
    pub(crate) unwatched: bool,
    /// What filters have set, by its key; that of `proxy_set_property` is its whole path after `wasm.` (PRO-10).
    filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What the test says of this connection's properties.
    told: Told,
    /// The upstream's reset was read.
    upstream_was_reset: bool,
    /// Since the epoch.
    began: Duration,
    connection_id: u64,
}

impl TcpStream {
    /// A client has connected.
    pub(crate) fn new(filters: usize, buffer_limit: usize) -> Self {
        Self {
            filters: vec![Filter::default(); filters],
            downstream: Half::default(),
            upstream: Half::default(),
            connection: Upstream::NotAsked,
            buffer_limit,
            work: vec![Work::Read { position: 0 }],
            running: None,
            last_read: Side::Downstream,
            closing: false,
            stop: false,
            closed: None,
            faults: Vec::new(),
            seen_waiting: false,
            unwatched: false,
            filter_state: BTreeMap::new(),
            told: Told::default(),
            upstream_was_reset: false,
            began: Duration::ZERO,
            connection_id: 0,
        }
    }

    /// A filter whose VM has died before: the connection is closed when it comes to it.
    pub(crate) fn begin_dead(&mut self, filter: usize) {
        self.filters[filter].dead = true;
    }

    /// A filter whose VM has died before and that fails open: the connection skips it (FAI-14).
    pub(crate) fn begin_without(&mut self, filter: usize) {
        self.filters[filter].skipped = true;
    }

    /// One end has done something. An upstream that is not connected to cannot.
    pub(crate) fn receive(&mut self, side: Side, incoming: Incoming) {
        let half = self.half(side);
        half.gone |= incoming == Incoming::Reset;
        half.unread.push_back(incoming);
    }

    /// The upstream was asked for: it accepts, or refuses (TCP-18).
    pub(crate) fn connected(&mut self, accepts: bool) {
        match accepts {
            true => self.connection = Upstream::Connected,
            false => self.close_as(proxy_filter_abi::PeerType::Local, Ending::End, Ending::End),
        }
    }

    /// What is to be done next. Not to be asked between a callback and its [`apply`](Self::apply).
    pub(crate) fn poll(&mut self) -> Poll {
        loop {
            if let Some(work) = self.work.pop() {
                if let Some(poll) = self.start(work) {
                    return poll;
                }
            } else if self.closed.is_some() {
                return Poll::Finished;
            } else if self.closing {
                self.close_as(proxy_filter_abi::PeerType::Local, Ending::End, Ending::End);
            } else if !self.close_if_ended() && !self.read() {
                return Poll::Idle;
            }
        }
    }

    /// Reads what one of the ends has done, if it can be read now. From the client nothing is before the upstream is connected (TCP-13),
    /// or while more than the limit is kept (TCP-17).
    fn read(&mut self) -> bool {
        if self.connection != Upstream::Connected {
            return false;
        }
        let room = self.downstream.buffer.len() <= self.buffer_limit;
        for side in [Side::Downstream, Side::Upstream] {
            if side == Side::Downstream && !room {
                continue;
            }
            let Some(read) = self.half(side).read() else { continue };
            self.last_read = side;
            match (read, side) {
                (Read::Reset, _) => {
                    self.upstream_was_reset |= side == Side::Upstream;
                    self.reset(side);
                }
                (Read::Data, Side::Downstream) => self.work.push(Work::Read { position: 0 }),
                (Read::Data, Side::Upstream) => self.work.push(Work::Write { position: 0 }),
            }
            return true;
        }
        false
    }

    fn start(&mut self, work: Work) -> Option<Poll> {
        match work {
            Work::Read { position } if self.filters.get(position).is_some_and(|filter| filter.skipped) => {
                self.work.push(Work::Read { position: position + 1 });
                None
            }
            Work::Read { position } => self.start_read(position),
            Work::Write { position } => self.start_write(position),
            Work::Tell { filter, .. } if self.filters[filter].dead || self.filters[filter].skipped => None,
            Work::Tell { filter, callback } => Some(self.call(filter, callback, 0)),
        }
    }

    fn start_read(&mut self, position: usize) -> Option<Poll> {
        let Some(filter) = self.filters.get_mut(position) else {
            return self.reach_upstream();
        };
        let (size, end_of_stream) = (self.downstream.buffer.len(), self.downstream.ended);
        let callback = if !filter.connected {
            if filter.dead {
                self.fail(position);
                return None;
            }
            if !filter.created {
                filter.created = true;
                self.work.push(Work::Read { position });
                return Some(Poll::Create { filter: position });
            }
            filter.connected = true;
            TcpCallback::NewConnection
        } else if size > 0 || end_of_stream {
            if filter.dead {
                self.fail(position);
                return None;
            }
            filter.downstream_here = true;
            TcpCallback::Data { side: Side::Downstream, size, end_of_stream }
        } else {
            self.work.push(Work::Read { position: position + 1 });
            return None;
        };
        Some(self.call(position, callback, position))
    }

    /// The TCP proxy, behind the last filter: it connects first, and then sends on what there is.
    fn reach_upstream(&mut self) -> Option<Poll> {
        match self.connection {
            Upstream::NotAsked => {
                self.connection = Upstream::Asked;
                return Some(Poll::ConnectUpstream);
            }
            Upstream::Asked => {}
            Upstream::Connected => self.send_on(Side::Downstream),
        }
        None
    }

    fn start_write(&mut self, position: usize) -> Option<Poll> {
        let Some(filter) = self.filters.len().checked_sub(position + 1) else {
            self.send_on(Side::Upstream);
            return None;
        };
        if self.filters[filter].skipped {
            self.work.push(Work::Write { position: position + 1 });
            return None;
        }
        if self.filters[filter].dead {
            self.fail(filter);
            return None;
        }
        self.filters[filter].upstream_here = true;
        let callback =
            TcpCallback::Data { side: Side::Upstream, size: self.upstream.buffer.len(), end_of_stream: self.upstream.ended };
        Some(self.call(filter, callback, position))
    }

    fn call(&mut self, filter: usize, callback: TcpCallback, position: usize) -> Poll {
        self.running = Some(Running { filter, callback, position });
        Poll::Call { filter, callback }
    }

    /// Past the last filter: the other end gets it. That this has left shows now, if it did not before.
    fn send_on(&mut self, side: Side) {
        if self.half(side.other()).gone {
            return self.reset(side.other());
        }
        let half = self.half(side);
        if half.cut {
            return half.buffer.clear();
        }
        let bytes = std::mem::take(&mut half.buffer);
        half.sent.extend(bytes);
        half.sent_end |= half.ended;
        if half.sent_end {
            self.half(side.other()).sees(Ending::End);
        }
    }

    /// The running callback has returned this: 0 is continue, anything else keeps the bytes (NUM-6).
    pub(crate) fn apply(&mut self, answer: u32) {
        let Some(Running { filter, callback, position }) = self.running.take() else { return };
        if std::mem::take(&mut self.stop) {
            return;
        }
        match callback {
            TcpCallback::NewConnection if answer == 0 => self.work.push(Work::Read { position }),
            TcpCallback::Data { side, end_of_stream, .. } => {
                if answer == 0 {
                    *self.filters[filter].here(side) = false;
                    self.work.push(match side {
                        Side::Downstream => Work::Read { position: position + 1 },
                        Side::Upstream => Work::Write { position: position + 1 },
                    });
                }
                // TCP-8: whatever the answer is.
                if side == Side::Upstream && end_of_stream {
                    self.work.push(Work::Tell { filter, callback: TcpCallback::UpstreamClose });
                }
            }
            _ => {}
        }
    }

    /// `proxy_continue_stream(2)`, carried out after the callback that asked for it: what was read goes on behind this filter.
    pub(crate) fn continue_reading(&mut self, filter: usize) {
        if self.closed.is_none() && !self.closing {
            self.work.push(Work::Read { position: filter + 1 });
        }
    }

    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Downstream => &mut self.downstream,
            Side::Upstream => &mut self.upstream,
        }
    }
}

#[cfg(test)]
mod tests;
