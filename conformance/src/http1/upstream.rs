//! The upstream: records what it gets and answers as a scenario says.

use super::{Pace, Read, head, pieces, prepare, read};
use crate::{
    message::{Expected, Parsed, parse},
    observation::Received,
    scenario::{Response, Upstream},
};
use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// A running upstream.
pub struct UpstreamServer {
    shared: Arc<Shared>,
    acceptor: JoinHandle<io::Result<()>>,
}

struct Shared {
    behaviour: Upstream,
    pace: Arc<dyn Pace + Send + Sync>,
    stop: AtomicBool,
    received: Mutex<Vec<Received>>,
}

impl UpstreamServer {
    /// Starts to accept on `listener`.
    ///
    /// # Errors
    /// When the listener cannot be made non-blocking.
    pub fn start(listener: TcpListener, behaviour: Upstream, pace: Arc<dyn Pace + Send + Sync>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared { behaviour, pace, stop: AtomicBool::new(false), received: Mutex::default() });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { shared, acceptor })
    }

    /// Stops, and tells what was received, partial requests included.
    ///
    /// # Errors
    /// When accepting or serving a connection failed.
    pub fn finish(self) -> io::Result<Vec<Received>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.acceptor.join().map_err(|_| io::Error::other("the upstream panicked"))??;
        let mut received = self.shared.received.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut received))
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
        connection.join().map_err(|_| io::Error::other("a connection of the upstream panicked"))??;
    }
    Ok(())
}

fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    prepare(&stream)?;
    let mut bytes = Vec::new();
    loop {
        let parsed = parse(&bytes, Expected::Request);
        if let Parsed::Whole(request, used) = parsed {
            let is_head = request.start.starts_with(b"HEAD ");
            bytes.drain(..used);
            shared.record(Received { request, complete: true });
            match &shared.behaviour {
                Upstream::Respond(response) => {
                    answer(&mut stream, response, is_head, shared.pace.as_ref());
                    if response.then_close {
                        return Ok(());
                    }
                }
                Upstream::CloseBeforeResponse | Upstream::Refuse => return Ok(()),
            }
            continue;
        }
        let ended = match read(&mut stream, &mut bytes)? {
            Read::Bytes => false,
            Read::Nothing => shared.stop.load(Ordering::Relaxed),
            Read::End => true,
        };
        if ended {
            if let Parsed::Partial(request) | Parsed::WholeAtEnd(request) = parsed {
                shared.record(Received { request, complete: false });
            }
            return Ok(());
        }
    }
}

/// Sends the response; a proxy that no longer wants it closes the connection, which the next read sees.
fn answer(stream: &mut TcpStream, response: &Response, is_head: bool, pace: &dyn Pace) {
    let start = format!("HTTP/1.1 {} {}", response.status, reason(response.status));
    let mut outgoing = vec![head(&start, &response.headers, response.framing, &response.body)];
    if !is_head {
        outgoing.extend(pieces(response.framing, &response.body, &response.trailers));
    }
    let last = outgoing.len() - 1;
    for (index, piece) in outgoing.iter().enumerate() {
        let mark = pace.mark();
        if stream.write_all(piece).is_err() {
            return;
        }
        if index < last {
            pace.settle(mark);
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

impl Shared {
    fn record(&self, received: Received) {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    }
}
