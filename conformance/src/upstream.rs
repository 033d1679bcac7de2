//! The upstream: records what it gets and answers as a scenario says.

use crate::{
    http1, http2,
    observation::Received,
    scenario::{Answer, Protocol, Upstream},
    wire::{Pace, prepare},
};
use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A running upstream.
pub struct UpstreamServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: JoinHandle<io::Result<()>>,
}

/// What the connections of an upstream share.
pub(crate) struct Shared {
    /// How it answers each request; the last stands for all further ones.
    answers: Vec<Answer>,
    asked: AtomicUsize,
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
    /// When the listener has no address.
    pub fn start(
        listener: TcpListener,
        protocol: Protocol,
        answers: Vec<Answer>,
        pace: Arc<dyn Pace + Send + Sync>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (asked, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { answers, asked, pace, protocol, stop, received: Mutex::default() });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { shared, address, acceptor })
    }

    /// Stops, and tells what was received, partial requests included.
    ///
    /// # Errors
    /// When accepting or serving a connection failed.
    pub fn finish(self) -> io::Result<Vec<Received>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        // It waits for a connection, as it need not look out for anything else.
        drop(TcpStream::connect(self.address));
        self.acceptor.join().map_err(|_| io::Error::other("the upstream panicked"))??;
        let mut received = self.shared.received.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut received))
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> io::Result<()> {
    let mut connections = Vec::new();
    loop {
        let (stream, _) = listener.accept()?;
        if shared.stopped() {
            break;
        }
        let shared = Arc::clone(shared);
        connections.push(thread::spawn(move || serve(stream, &shared)));
    }
    for connection in connections {
        connection.join().map_err(|_| io::Error::other("a connection of the upstream panicked"))??;
    }
    Ok(())
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
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

    /// What is done with the next request, once it is time for it.
    pub(crate) fn answer(&self) -> &Upstream {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let Some(answer) = self.answers.get(asked).or(self.answers.last()) else { return &Upstream::Silent };
        let deadline = Instant::now() + answer.after;
        while Instant::now() < deadline && !self.stopped() {
            thread::sleep(Duration::from_millis(2).min(answer.after));
        }
        &answer.then
    }

    /// The scenario is over.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
