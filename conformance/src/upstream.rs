//! The upstream: records what it gets and answers as a scenario says.

use crate::{
    http1, http2,
    observation::Received,
    scenario::{Protocol, Upstream},
    wire::{Pace, prepare},
};
use std::{
    io,
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

/// What the connections of an upstream share.
pub(crate) struct Shared {
    /// How it answers.
    pub(crate) behaviour: Upstream,
    /// What tells its pieces apart.
    pub(crate) pace: Arc<dyn Pace + Send + Sync>,
    protocol: Protocol,
    stop: AtomicBool,
    received: Mutex<Vec<Received>>,
}

impl UpstreamServer {
    /// Starts to accept on `listener`.
    ///
    /// # Errors
    /// When the listener cannot be made non-blocking.
    pub fn start(
        listener: TcpListener,
        protocol: Protocol,
        behaviour: Upstream,
        pace: Arc<dyn Pace + Send + Sync>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared { behaviour, pace, protocol, stop: AtomicBool::new(false), received: Mutex::default() });
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

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    prepare(&stream)?;
    match shared.protocol {
        Protocol::Http1 => http1::upstream::serve(stream, shared),
        Protocol::Http2 => http2::upstream::serve(stream, shared),
    }
}

impl Shared {
    /// Notes what came of a request.
    pub(crate) fn record(&self, received: Received) {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    }

    /// The scenario is over.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
