//! A client and an upstream that speak HTTP/1.1 byte by byte, on loopback.

pub mod client;
pub mod upstream;

use crate::{message::Pairs, scenario::Framing};

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
