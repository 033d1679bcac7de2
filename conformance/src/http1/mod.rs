//! A client and an upstream that speak HTTP/1.1 byte by byte, on loopback.

pub mod client;
pub mod upstream;

use crate::{message::Pairs, scenario::Framing};
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

/// Header section of a message: start line, headers, then what `framing` adds.
fn head(start: &str, headers: &Pairs, framing: Framing, body: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("{start}\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    match framing {
        Framing::ContentLength => {
            let length: usize = body.iter().map(Vec::len).sum();
            bytes.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
        }
        Framing::Chunked => bytes.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::AsGiven => {}
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// The pieces after the header section, as they go over the wire one by one.
fn pieces(framing: Framing, body: &[Vec<u8>], trailers: &Pairs) -> Vec<Vec<u8>> {
    if framing != Framing::Chunked {
        return body.to_vec();
    }
    let mut pieces: Vec<Vec<u8>> = body.iter().map(|piece| chunk(piece)).collect();
    let mut end = b"0\r\n".to_vec();
    for (name, value) in trailers {
        end.extend_from_slice(&[name, b": ".as_slice(), value, b"\r\n"].concat());
    }
    end.extend_from_slice(b"\r\n");
    pieces.push(end);
    pieces
}

fn chunk(piece: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
}

/// What one attempt to read gave.
enum Read {
    Bytes,
    Nothing,
    End,
}

/// Reads what is there into `bytes`, waiting at most [`POLL`].
fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Read> {
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

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(POLL))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))
}
