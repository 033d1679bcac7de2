//! The client: one request on one connection.

use super::{Connection, Event, START, headers, pieces, send};
use crate::{
    message::Message,
    observation::{End, Outcome},
    scenario::Request,
    wire::Pace,
};
use std::{
    io,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// Sends `request` frame by frame and reads its response until that is whole, the stream or connection ends or `patience` does.
///
/// # Errors
/// When the connection cannot be made or used. That the proxy resets the stream is an outcome, not an error.
pub fn exchange(address: SocketAddr, request: &Request, pace: &dyn Pace, patience: Duration) -> io::Result<Outcome> {
    let mut connection = Connection::client(TcpStream::connect_timeout(&address, Duration::from_secs(5))?)?;
    let mut answer = Answer::default();
    let (hosts, others): (Vec<_>, Vec<_>) =
        request.headers.iter().cloned().partition(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    let mut pseudo = vec![
        (":method", request.method.as_bytes().to_vec()),
        (":scheme", b"http".to_vec()),
        (":path", request.path.as_bytes().to_vec()),
    ];
    pseudo.extend(hosts.into_iter().map(|(_, host)| (":authority", host)));
    let outgoing = pieces(headers(pseudo, &others, request.framing, &request.body), &request.body, &request.trailers);
    let last = outgoing.len() - 1;
    for (index, piece) in outgoing.iter().enumerate() {
        let mark = pace.mark();
        if send(&mut connection, 1, piece, index == last).is_err() {
            break;
        }
        if index == 0 && !request.metadata.is_empty() {
            pace.settle(mark);
            connection.send_metadata(1, &request.metadata)?;
        }
        if request.disconnect_after == Some(index + 1) {
            pace.settle(mark);
            return Ok(Outcome { response: answer.message, end: End::Left, ..Outcome::default() });
        }
        if index < last {
            pace.settle(mark);
            // An answer before the end makes the rest pointless.
            if answer.read(&mut connection)? {
                break;
            }
        }
    }
    let deadline = Instant::now() + patience;
    while answer.end.is_none() && Instant::now() < deadline {
        answer.read(&mut connection)?;
    }
    Ok(Outcome {
        response: answer.message,
        informational: answer.informational,
        end: answer.end.unwrap_or(End::Hung),
        ..Outcome::default()
    })
}

/// The response so far.
#[derive(Default)]
struct Answer {
    informational: Vec<Message>,
    message: Option<Message>,
    end: Option<End>,
}

impl Answer {
    /// Takes what has come; whether there was anything of the response.
    fn read(&mut self, connection: &mut Connection) -> io::Result<bool> {
        let mut anything = false;
        loop {
            let end = match connection.next()? {
                Event::Headers { pairs, end, .. } => {
                    let informational = pairs.first().is_some_and(|(name, value)| name == b":status" && value.starts_with(b"1"));
                    match &mut self.message {
                        Some(message) => message.trailers.extend(pairs),
                        None if informational => {
                            self.informational.push(Message { start: START.to_vec(), headers: pairs, ..Message::default() });
                        }
                        none => *none = Some(Message { start: START.to_vec(), headers: pairs, ..Message::default() }),
                    }
                    end.then_some(End::Complete)
                }
                Event::Data { data, end, .. } => {
                    self.message.get_or_insert_default().body.extend(data);
                    end.then_some(End::Complete)
                }
                Event::Reset { .. } | Event::Ended => Some(End::Cut),
                Event::Nothing => return Ok(anything),
            };
            anything = true;
            if let Some(end) = end {
                // After a whole response a reset only says that the rest of the request is not wanted.
                self.end.get_or_insert(end);
                return Ok(true);
            }
        }
    }
}
