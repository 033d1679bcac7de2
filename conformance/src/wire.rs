//! What both protocols need of a connection: bytes as they come, and the time between pieces.

use std::{io, net::TcpStream, time::Duration};

/// Keeps the pieces of a message apart, so that the proxy sees each as an event of its own.
pub trait Pace {
    /// The state before a piece is sent.
    fn mark(&self) -> usize;

    /// Waits until the proxy has dealt with what was sent since `mark`, or a while if that cannot be seen.
    fn settle(&self, mark: usize);
}

/// No read waits longer than this before it looks whether it should stop.
const POLL: Duration = Duration::from_millis(5);

/// What one attempt to read gave.
pub(crate) enum Read {
    Bytes,
    Nothing,
    End,
}

/// Reads what is there into `bytes`, waiting at most [`POLL`].
pub(crate) fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Read> {
    let mut buffer = [0; 16384];
    match io::Read::read(stream, &mut buffer) {
        Ok(0) => Ok(Read::End),
        Ok(count) => {
            bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
            Ok(Read::Bytes)
        }
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted) =>
        {
            Ok(Read::Nothing)
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => Ok(Read::End),
        Err(error) => Err(error),
    }
}

pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(POLL))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))
}
