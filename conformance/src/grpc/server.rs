//! The server.

use super::{Behaviour, Received, Step};
use crate::http2::{Connection, Event, START};
use crate::message::Message;
use crate::wire::{Pace, prepare};
use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A running server.
pub struct Server {
    shared: Arc<Shared>,
    acceptor: JoinHandle<io::Result<()>>,
}

struct Shared {
    steps: Vec<Step>,
    pace: Arc<dyn Pace + Send + Sync>,
    stop: AtomicBool,
    calls: Mutex<Vec<Record>>,
}

/// A call, and whether all steps are done that can be.
#[derive(Default)]
struct Record {
    received: Received,
    at_rest: bool,
}

/// What a call still has before it.
struct Call {
    record: usize,
    next: usize,
    /// Bytes of messages that no step has waited for.
    unread: Vec<u8>,
    ended: bool,
    reset: bool,
}

impl Server {
    /// Starts to accept on `listener`.
    ///
    /// # Errors
    /// When the listener cannot be made non-blocking.
    pub fn start(listener: TcpListener, behaviour: &Behaviour, pace: Arc<dyn Pace + Send + Sync>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let shared = Shared { steps: behaviour.steps.clone(), pace, stop: AtomicBool::new(false), calls: Mutex::default() };
        let shared = Arc::new(shared);
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { shared, acceptor })
    }

    /// Waits until no call goes on by itself.
    pub fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(1);
        while Instant::now() < deadline {
            let mark = self.shared.pace.mark();
            self.shared.pace.settle(mark);
            if self.shared.calls().iter().all(|call| call.at_rest) {
                return;
            }
        }
    }

    /// Stops, and tells what was received.
    ///
    /// # Errors
    /// When accepting or serving a connection failed.
    pub fn finish(self) -> io::Result<Vec<Received>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.acceptor.join().map_err(|_| io::Error::other("the gRPC server panicked"))??;
        Ok(self.shared.calls().drain(..).map(|call| call.received).collect())
    }
}

impl Shared {
    fn calls(&self) -> MutexGuard<'_, Vec<Record>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note<R>(&self, record: usize, note: impl FnOnce(&mut Record) -> R) -> Option<R> {
        self.calls().get_mut(record).map(note)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> io::Result<()> {
    let mut connections = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                let shared = Arc::clone(shared);
                connections.push(thread::spawn(move || serve(stream, &shared)));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(2)),
            Err(error) => return Err(error),
        }
    }
    for connection in connections {
        connection.join().map_err(|_| io::Error::other("a connection of the gRPC server panicked"))??;
    }
    Ok(())
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    prepare(&stream)?;
    let mut connection = Connection::server(stream)?;
    let mut calls: BTreeMap<u32, Call> = BTreeMap::new();
    loop {
        match connection.next()? {
            Event::Headers { stream, pairs, end } => {
                let request = Message { start: START.to_vec(), headers: pairs, ..Message::default() };
                let mut all = shared.calls();
                let record = all.len();
                all.push(Record { received: Received { request, complete: end, reset: false }, at_rest: false });
                calls.insert(stream, Call { record, next: 0, unread: Vec::new(), ended: end, reset: false });
            }
            Event::Data { stream, data, end } => {
                if let Some(call) = calls.get_mut(&stream) {
                    shared.note(call.record, |record| {
                        record.received.request.body.extend(&data);
                        record.received.complete |= end;
                    });
                    call.unread.extend(data);
                    call.ended |= end;
                }
            }
            Event::Reset { stream } => {
                if let Some(call) = calls.get_mut(&stream) {
                    call.reset = true;
                    shared.note(call.record, |record| record.received.reset = true);
                }
            }
            Event::Nothing if shared.stop.load(Ordering::Relaxed) => return Ok(()),
            Event::Nothing => {}
            Event::Ended => return Ok(()),
        }
        for (stream, call) in &mut calls {
            if let Done::Close = go_on(&mut connection, *stream, call, shared) {
                shared.note(call.record, |record| record.at_rest = true);
                return Ok(());
            }
        }
    }
}

enum Done {
    Rests,
    Close,
}

/// Does all steps that can be done now; a proxy that no longer wants them has reset the stream, which the next frame tells.
fn go_on(connection: &mut Connection, stream: u32, call: &mut Call, shared: &Shared) -> Done {
    while let Some(step) = shared.steps.get(call.next) {
        let ready = match step {
            Step::AwaitMessage => take_message(&mut call.unread),
            Step::AwaitEnd => call.ended,
            Step::AwaitReset => call.reset,
            _ => true,
        };
        if !ready || (call.reset && *step != Step::AwaitReset) {
            break;
        }
        shared.note(call.record, |record| record.at_rest = false);
        let mark = shared.pace.mark();
        call.next += 1;
        let sent = match step {
            Step::Headers(pairs, end) => connection.send_headers(stream, pairs, *end),
            Step::Message(message) => connection.send_data(stream, &framed(message), false),
            Step::Data(data, end) => connection.send_data(stream, data, *end),
            Step::Trailers(pairs) => connection.send_headers(stream, pairs, true),
            Step::Reset => connection.reset(stream),
            Step::Close => return Done::Close,
            Step::AwaitMessage | Step::AwaitEnd | Step::AwaitReset => continue,
        };
        if sent.is_err() {
            break;
        }
        shared.pace.settle(mark);
    }
    shared.note(call.record, |record| record.at_rest = true);
    Done::Rests
}

/// A message as gRPC frames it: not compressed, its length, itself.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// Takes the first message, if it is whole.
fn take_message(bytes: &mut Vec<u8>) -> bool {
    let length = bytes.get(1..5).and_then(|length| length.try_into().ok()).map(u32::from_be_bytes);
    let Some(size) = length.map(|length| 5 + length as usize).filter(|size| bytes.len() >= *size) else { return false };
    bytes.drain(..size);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_whole() {
        let mut bytes = [framed(b"ab"), framed(b""), b"\0\0\0\0\x02a".to_vec()].concat();
        assert!(take_message(&mut bytes) && take_message(&mut bytes) && !take_message(&mut bytes));
        assert_eq!(bytes, b"\0\0\0\0\x02a");
    }
}
