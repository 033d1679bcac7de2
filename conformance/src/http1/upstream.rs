//! A connection of the upstream.

use super::{head, pieces};
use crate::{
    message::{Expected, Parsed, parse},
    observation::Received,
    scenario::{Framing, Response, Upstream},
    upstream::Shared,
    wire::{Pace, Read, read},
};
use std::{
    io::{self, Write},
    net::TcpStream,
};

/// Serves one connection.
pub(crate) fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let parsed = parse(&bytes, Expected::Request);
        if let Parsed::Whole(request, used) = parsed {
            let is_head = request.start.starts_with(b"HEAD ");
            bytes.drain(..used);
            shared.record(Received { request, complete: true });
            match shared.answer() {
                Upstream::Respond(response) => {
                    answer(&mut stream, response, is_head, shared.pace.as_ref());
                    if response.then_close {
                        return Ok(());
                    }
                }
                Upstream::Silent => {}
                Upstream::CloseBeforeResponse | Upstream::Refuse | Upstream::NoCluster => return Ok(()),
            }
            continue;
        }
        let ended = match read(&mut stream, &mut bytes)? {
            Read::Bytes => false,
            Read::Nothing => shared.stopped(),
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
    for code in &response.informational {
        let informational = head(&format!("HTTP/1.1 {code} {}", reason(*code)), &Vec::new(), Framing::AsGiven, &[]);
        if stream.write_all(&informational).is_err() {
            return;
        }
    }
    let start = format!("HTTP/1.1 {} {}", response.status, reason(response.status));
    let mut outgoing = vec![head(&start, &response.headers, response.framing, &response.body)];
    let cut = !is_head && response.then_close && response.framing == Framing::Chunked;
    if !is_head {
        outgoing.extend(pieces(response.framing, &response.body, &response.trailers));
    }
    if cut {
        // Who closes in the middle of a chunked body does not say that it ends.
        outgoing.pop();
    }
    let last = outgoing.len() - 1;
    for (index, piece) in outgoing.iter().enumerate() {
        let mark = pace.mark();
        if stream.write_all(piece).is_err() {
            return;
        }
        if index < last || cut {
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
