//! A client and an upstream that speak HTTP/2 frame by frame, on loopback, and judge nothing: what a library would refuse is seen.

pub mod client;
mod connection;
pub mod upstream;

use crate::{message::Pairs, scenario::Framing};
pub(crate) use connection::{Connection, Event};

/// What stands in a message's first line: HTTP/2 has pseudo-headers instead.
pub(crate) const START: &[u8] = b"HTTP/2";

/// The pseudo-headers, the given headers in lower case, and a `content-length` if `framing` says so: nothing else tells a length here.
fn headers(pseudo: Vec<(&str, Vec<u8>)>, given: &Pairs, framing: Framing, body: &[Vec<u8>]) -> Pairs {
    let mut headers: Pairs = pseudo.into_iter().map(|(name, value)| (name.into(), value)).collect();
    headers.extend(given.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
    if framing == Framing::ContentLength {
        let length: usize = body.iter().map(Vec::len).sum();
        headers.push((b"content-length".to_vec(), length.to_string().into_bytes()));
    }
    headers
}

/// A frame of a message, to be sent.
enum Piece<'a> {
    Headers(Pairs),
    Data(&'a [u8]),
    Trailers(&'a Pairs),
}

/// The frames of a message: the last ends the stream.
fn pieces<'a>(headers: Pairs, body: &'a [Vec<u8>], trailers: &'a Pairs) -> Vec<Piece<'a>> {
    let mut pieces = vec![Piece::Headers(headers)];
    pieces.extend(body.iter().map(|data| Piece::Data(data)));
    if !trailers.is_empty() {
        pieces.push(Piece::Trailers(trailers));
    }
    pieces
}

fn send(connection: &mut Connection, stream: u32, piece: &Piece<'_>, end: bool) -> std::io::Result<()> {
    match piece {
        Piece::Headers(pairs) => connection.send_headers(stream, pairs, end),
        Piece::Data(data) => connection.send_data(stream, data, end),
        Piece::Trailers(pairs) => connection.send_headers(stream, pairs, end),
    }
}
