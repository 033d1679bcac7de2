//! A connection of the upstream.

use super::{Connection, Event, START, headers, pieces, send};
use crate::{
    message::Message,
    observation::Received,
    scenario::{Response, Upstream},
    upstream::Shared,
    wire::Pace,
};
use std::{collections::BTreeMap, io, net::TcpStream};

/// Serves one connection.
pub(crate) fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut connection = Connection::server(stream)?;
    let mut requests: BTreeMap<u32, Message> = BTreeMap::new();
    loop {
        let (stream, end) = match connection.next()? {
            Event::Headers { stream, pairs, end } => {
                if let Some(request) = requests.get_mut(&stream) {
                    request.trailers.extend(pairs);
                } else {
                    requests.insert(stream, Message { start: START.to_vec(), headers: pairs, ..Message::default() });
                }
                (stream, end)
            }
            Event::Data { stream, data, end } => {
                if let Some(request) = requests.get_mut(&stream) {
                    request.body.extend(data);
                }
                (stream, end)
            }
            Event::Reset { stream } => {
                shared.record_all(requests.remove(&stream), false);
                continue;
            }
            Event::Nothing if !shared.stopped() => continue,
            Event::Nothing | Event::Ended => {
                shared.record_all(requests.into_values(), false);
                return Ok(());
            }
        };
        let Some(request) = end.then(|| requests.remove(&stream)).flatten() else { continue };
        let is_head = request.header(":method") == Some(b"HEAD");
        shared.record_all([request], true);
        match shared.answer() {
            Upstream::Respond(response) => {
                answer(&mut connection, stream, response, is_head, shared.pace.as_ref());
                if response.then_close {
                    return Ok(());
                }
            }
            Upstream::Silent => {}
            Upstream::CloseBeforeResponse | Upstream::Refuse | Upstream::NoCluster => return Ok(()),
        }
    }
}

impl Shared {
    fn record_all(&self, requests: impl IntoIterator<Item = Message>, complete: bool) {
        for request in requests {
            self.record(Received { request, complete });
        }
    }
}

/// Sends the response; a proxy that no longer wants it has reset the stream, which the next frame tells.
fn answer(connection: &mut Connection, stream: u32, response: &Response, is_head: bool, pace: &dyn Pace) {
    let status = |code: u16| vec![(":status", code.to_string().into_bytes())];
    for code in &response.informational {
        let pairs = headers(status(*code), &Vec::new(), crate::scenario::Framing::AsGiven, &[]);
        if connection.send_headers(stream, &pairs, false).is_err() {
            return;
        }
    }
    let head = headers(status(response.status), &response.headers, response.framing, &response.body);
    let (body, trailers) = if is_head { (&[][..], &Vec::new()) } else { (&response.body[..], &response.trailers) };
    let outgoing = pieces(head, body, trailers);
    let last = outgoing.len() - 1;
    for (index, piece) in outgoing.iter().enumerate() {
        let mark = pace.mark();
        // Who closes afterwards has not come to the end.
        if send(connection, stream, piece, index == last && !response.then_close).is_err() {
            return;
        }
        if index < last || response.then_close {
            pace.settle(mark);
        }
    }
}
