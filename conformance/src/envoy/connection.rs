//! Plays both ends of a TCP connection through Envoy, step by step, on sockets.

use super::LogPace;
use crate::connection::{Ending, Seen, Step};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Without anything new for so long, on the wire and in the log, a step is over.
const QUIET: Duration = Duration::from_millis(40);

/// A step that shows nothing at all is given so long.
const UNSEEN: Duration = Duration::from_millis(150);

const POLL: Duration = Duration::from_millis(2);

/// One end's socket and what came through it.
#[derive(Default)]
struct Peer {
    stream: Option<TcpStream>,
    ended: bool,
    seen: Seen,
}

impl Peer {
    fn adopt(&mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        *self = Self { stream: Some(stream), ended: false, seen: Seen::default() };
        Ok(())
    }

    /// Reads what is there; whether anything was.
    fn poll(&mut self) -> io::Result<bool> {
        let Some(stream) = self.stream.as_mut().filter(|_| !self.ended) else { return Ok(false) };
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => self.seen.ending = Some(Ending::End),
            Ok(count) => self.seen.bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.seen.ending = Some(Ending::Reset),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => return Ok(false),
            Err(error) => return Err(error),
        }
        self.ended |= self.seen.ending.is_some();
        Ok(true)
    }

    /// Sends; that the proxy no longer takes it shows elsewhere.
    fn send(&mut self, text: &str) {
        if let Some(stream) = &mut self.stream {
            let _ = stream.write_all(text.as_bytes());
        }
    }

    fn end(&mut self) {
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    fn reset(&mut self) -> io::Result<()> {
        if let Some(stream) = self.stream.take() {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        }
        Ok(())
    }
}

struct Ends<'a> {
    client: Peer,
    upstream: Peer,
    listener: &'a TcpListener,
    pace: &'a LogPace,
}

impl Ends<'_> {
    fn poll(&mut self) -> io::Result<bool> {
        let mut news = self.client.poll()? | self.upstream.poll()?;
        match self.listener.accept() {
            Ok((stream, _)) => {
                self.upstream.adopt(stream)?;
                self.upstream.seen.connected = true;
                news = true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(news)
    }

    /// Waits until the proxy has dealt with a step, and writes down what the ends have seen.
    fn settle(&mut self, mut lines: usize, transcript: &mut Vec<String>) -> io::Result<()> {
        let mut deadline = Instant::now() + UNSEEN;
        while Instant::now() < deadline {
            let count = self.pace.count();
            if self.poll()? || count != lines {
                lines = count;
                deadline = Instant::now() + QUIET;
            }
            std::thread::sleep(POLL);
        }
        std::mem::take(&mut self.client.seen).write_lines("client", transcript);
        std::mem::take(&mut self.upstream.seen).write_lines("upstream", transcript);
        Ok(())
    }

    fn step(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::ClientSends(text) => self.client.send(text),
            Step::ClientEnds => self.client.end(),
            Step::ClientResets => self.client.reset()?,
            Step::UpstreamSends(text) => self.upstream.send(text),
            Step::UpstreamEnds => self.upstream.end(),
            Step::UpstreamResets => self.upstream.reset()?,
            Step::Wait(milliseconds) => {
                let deadline = Instant::now() + Duration::from_millis(milliseconds);
                while Instant::now() < deadline {
                    self.poll()?;
                    std::thread::sleep(POLL);
                }
            }
        }
        Ok(())
    }
}

/// What the ends of a connection saw after each step.
pub(super) struct Played {
    pub(super) wire: Vec<String>,
    /// Envoy may still hold on to it: closing it shows in the plugin's log.
    _upstream: Option<TcpStream>,
}

/// Makes a connection, takes these steps, and leaves: what comes of that is seen in the plugin's log only.
///
/// # Errors
/// When a socket cannot be used.
pub(super) fn play(address: SocketAddr, listener: &TcpListener, steps: &[Step], pace: &LogPace) -> io::Result<Played> {
    listener.set_nonblocking(true)?;
    let mut transcript = vec!["client connects".to_owned()];
    let mut ends = Ends { client: Peer::default(), upstream: Peer::default(), listener, pace };
    let before = pace.count();
    ends.client.adopt(TcpStream::connect_timeout(&address, Duration::from_secs(5))?)?;
    ends.settle(before, &mut transcript)?;
    for step in steps {
        transcript.push(step.to_string());
        let before = pace.count();
        ends.step(*step)?;
        ends.settle(before, &mut transcript)?;
    }
    let before = pace.count();
    ends.client.reset()?;
    ends.settle(before, &mut Vec::new())?;
    Ok(Played { wire: transcript, _upstream: ends.upstream.stream.take() })
}
