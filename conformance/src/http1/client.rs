//! The client: one request on one connection.

use super::{head, pieces};
use crate::{
    message::{Expected, Message, Parsed, parse},
    observation::{End, Outcome},
    scenario::Request,
    wire::{Pace, Read, prepare, read},
};
use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// Sends `request` piece by piece and reads its response until that is whole, the connection ends or `patience` does.
///
/// # Errors
/// When the connection cannot be made or used. That the proxy closes it is an outcome, not an error.
pub fn exchange(address: SocketAddr, request: &Request, pace: &dyn Pace, patience: Duration) -> io::Result<Outcome> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    prepare(&stream)?;
    let (mut bytes, mut informational) = (Vec::new(), Vec::new());
    let start = format!("{} {} HTTP/1.1", request.method, request.path);
    let mut outgoing = vec![head(&start, &request.headers, request.framing, &request.body)];
    outgoing.extend(pieces(request.framing, &request.body, &request.trailers));
    if let Some(raw) = &request.raw {
        outgoing = vec![raw.to_vec()];
    }
    let last = outgoing.len() - 1;
    for (index, piece) in outgoing.iter().enumerate() {
        let mark = pace.mark();
        // A proxy that has already answered may have closed: what it said is still to be read.
        if stream.write_all(piece).is_err() {
            break;
        }
        if request.disconnect_after == Some(index + 1) {
            pace.settle(mark);
            return Ok(Outcome { end: End::Left, ..Outcome::default() });
        }
        if index < last {
            pace.settle(mark);
            // An answer before the end makes the rest pointless, unless it only says to go on.
            let ended = matches!(read(&mut stream, &mut bytes)?, Read::End);
            take_informational(&mut bytes, &mut informational);
            if ended || !bytes.is_empty() {
                break;
            }
        }
    }
    let expected = if request.method == "HEAD" { Expected::ResponseToHead } else { Expected::Response };
    receive(&mut stream, bytes, informational, expected, patience)
}

/// Moves responses of 1xx out of `bytes`.
fn take_informational(bytes: &mut Vec<u8>, taken: &mut Vec<Message>) {
    while let Parsed::Whole(message, used) = parse(bytes, Expected::Response)
        && message.start.get(9) == Some(&b'1')
    {
        taken.push(message);
        bytes.drain(..used);
    }
}

fn receive(
    stream: &mut TcpStream,
    mut bytes: Vec<u8>,
    mut informational: Vec<Message>,
    expected: Expected,
    patience: Duration,
) -> io::Result<Outcome> {
    let deadline = Instant::now() + patience;
    loop {
        take_informational(&mut bytes, &mut informational);
        let parsed = parse(&bytes, expected);
        if let Parsed::Whole(mut message, used) = parsed {
            let second = surplus(&mut message, stream, &mut bytes, used, deadline)?;
            return Ok(Outcome { informational, response: Some(message), second, end: End::Complete });
        }
        match read(stream, &mut bytes)? {
            Read::Bytes => {}
            Read::Nothing if Instant::now() < deadline => {}
            Read::Nothing => {
                return Ok(Outcome { informational, response: partial(parsed), end: End::Hung, ..Outcome::default() });
            }
            Read::End => {
                let end = if matches!(parsed, Parsed::WholeAtEnd(_)) { End::Complete } else { End::Cut };
                return Ok(Outcome { informational, response: partial(parsed), end, ..Outcome::default() });
            }
        }
    }
}

fn partial(parsed: Parsed) -> Option<Message> {
    match parsed {
        Parsed::Nothing => None,
        Parsed::Partial(message) | Parsed::WholeAtEnd(message) | Parsed::Whole(message, _) => Some(message),
    }
}

/// Bytes after the end of a response belong to no request: a second response, or what is shown as if it were the body of the first.
fn surplus(
    message: &mut Message,
    stream: &mut TcpStream,
    bytes: &mut Vec<u8>,
    used: usize,
    deadline: Instant,
) -> io::Result<Option<Message>> {
    for _ in 0..2 {
        if !matches!(read(stream, bytes)?, Read::Bytes) {
            break;
        }
    }
    // Its head may have been taken for the body of the first.
    let start = used - message.body.len();
    if !bytes.get(start..).unwrap_or_default().starts_with(b"HTTP/1.1 ") {
        message.body.extend_from_slice(bytes.get(used..).unwrap_or_default());
        return Ok(None);
    }
    message.body.clear();
    while Instant::now() < deadline && !matches!(read(stream, bytes)?, Read::End) {}
    Ok(partial(parse(bytes.get(start..).unwrap_or_default(), Expected::Response)))
}
