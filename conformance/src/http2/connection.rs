//! Frames of one connection.

use crate::{
    message::Pairs,
    wire::{Read, prepare, read},
};
use loona_hpack::Decoder;
use std::{
    io::{self, Write},
    net::TcpStream,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const METADATA: u8 = 0x4d;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const END_METADATA: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// What came.
pub(crate) enum Event {
    /// A section of headers or trailers.
    Headers { stream: u32, pairs: Pairs, end: bool },
    /// A piece of a body.
    Data { stream: u32, data: Vec<u8>, end: bool },
    /// The stream was reset.
    Reset { stream: u32 },
    /// Nothing, for now.
    Nothing,
    /// The connection has ended.
    Ended,
}

/// A connection; settings and pings are answered by itself.
pub(crate) struct Connection {
    stream: TcpStream,
    bytes: Vec<u8>,
    decoder: Decoder<'static>,
    /// A section of headers whose end has not come: stream, its first frame's flags, block.
    open: Option<(u32, u8, Vec<u8>)>,
    preface: bool,
}

impl Connection {
    /// The client's side: says so at once.
    pub(crate) fn client(stream: TcpStream) -> io::Result<Self> {
        let mut connection = Self::new(stream, false)?;
        connection.stream.write_all(PREFACE)?;
        connection.send(SETTINGS, 0, 0, &[])?;
        Ok(connection)
    }

    /// The server's side.
    pub(crate) fn server(stream: TcpStream) -> io::Result<Self> {
        let mut connection = Self::new(stream, true)?;
        connection.send(SETTINGS, 0, 0, &[])?;
        Ok(connection)
    }

    fn new(stream: TcpStream, preface: bool) -> io::Result<Self> {
        prepare(&stream)?;
        Ok(Self { stream, bytes: Vec::new(), decoder: Decoder::new(), open: None, preface })
    }

    pub(crate) fn send_headers(&mut self, stream: u32, pairs: &Pairs, end: bool) -> io::Result<()> {
        self.send(HEADERS, END_HEADERS | (u8::from(end) * END_STREAM), stream, &encode(pairs))
    }

    pub(crate) fn send_data(&mut self, stream: u32, data: &[u8], end: bool) -> io::Result<()> {
        self.send(DATA, u8::from(end) * END_STREAM, stream, data)
    }

    pub(crate) fn reset(&mut self, stream: u32) -> io::Result<()> {
        const INTERNAL_ERROR: u32 = 2;
        self.send(RST_STREAM, 0, stream, &INTERNAL_ERROR.to_be_bytes())
    }

    pub(crate) fn send_metadata(&mut self, stream: u32, pairs: &Pairs) -> io::Result<()> {
        self.send(METADATA, END_METADATA, stream, &encode(pairs))
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?.to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame)
    }

    /// The next event, or that there is none yet.
    pub(crate) fn next(&mut self) -> io::Result<Event> {
        loop {
            if self.preface && self.bytes.starts_with(PREFACE) {
                self.bytes.drain(..PREFACE.len());
                self.preface = false;
            }
            if !self.preface
                && let Some((kind, flags, stream, payload)) = self.frame()
            {
                match self.event(kind, flags, stream, payload)? {
                    Some(event) => return Ok(event),
                    None => continue,
                }
            }
            match read(&mut self.stream, &mut self.bytes)? {
                Read::Bytes => {}
                Read::Nothing => return Ok(Event::Nothing),
                Read::End => return Ok(Event::Ended),
            }
        }
    }

    fn frame(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let head: [u8; 9] = self.bytes.get(..9)?.try_into().ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = self.bytes.get(9..9 + length)?.to_vec();
        self.bytes.drain(..9 + length);
        Some((head[3], head[4], u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]), payload))
    }

    fn event(&mut self, kind: u8, flags: u8, stream: u32, payload: Vec<u8>) -> io::Result<Option<Event>> {
        match kind {
            HEADERS => {
                let mut block = unpadded(flags, payload);
                if flags & PRIORITY != 0 {
                    block.drain(..block.len().min(5));
                }
                self.open = Some((stream, flags, block));
                self.section(flags)
            }
            CONTINUATION => {
                if let Some((_, _, block)) = &mut self.open {
                    block.extend_from_slice(&payload);
                }
                self.section(flags)
            }
            DATA => Ok(Some(Event::Data { stream, data: unpadded(flags, payload), end: flags & END_STREAM != 0 })),
            RST_STREAM => Ok(Some(Event::Reset { stream })),
            SETTINGS if flags & ACK == 0 => self.send_lossy(SETTINGS, &[]),
            PING if flags & ACK == 0 => self.send_lossy(PING, &payload),
            _ => Ok(None),
        }
    }

    /// An acknowledgement; who closed meanwhile does not need it.
    fn send_lossy(&mut self, kind: u8, payload: &[u8]) -> io::Result<Option<Event>> {
        let _ = self.send(kind, ACK, 0, payload);
        Ok(None)
    }

    fn section(&mut self, flags: u8) -> io::Result<Option<Event>> {
        if flags & END_HEADERS == 0 {
            return Ok(None);
        }
        let Some((stream, first, block)) = self.open.take() else { return Ok(None) };
        let pairs =
            self.decoder.decode(&block).map_err(|error| io::Error::other(format!("headers cannot be decoded: {error:?}")))?;
        Ok(Some(Event::Headers { stream, pairs, end: first & END_STREAM != 0 }))
    }
}

fn unpadded(flags: u8, mut payload: Vec<u8>) -> Vec<u8> {
    if flags & PADDED != 0 && !payload.is_empty() {
        let padding = usize::from(payload.remove(0));
        payload.truncate(payload.len().saturating_sub(padding));
    }
    payload
}

/// HPACK in its plainest form: literals that enter no table (RFC 7541, 6.2.2).
fn encode(pairs: &Pairs) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in pairs {
        block.push(0);
        for text in [name, value] {
            length(text.len(), &mut block);
            block.extend_from_slice(text);
        }
    }
    block
}

/// An integer with a prefix of 7 bits (RFC 7541, 5.1).
fn length(length: usize, block: &mut Vec<u8>) {
    let Some(mut rest) = length.checked_sub(127) else {
        block.extend(u8::try_from(length));
        return;
    };
    block.push(127);
    while rest >= 128 {
        block.push(128 | (rest % 128) as u8);
        rest /= 128;
    }
    block.extend(u8::try_from(rest));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_can_be_decoded() {
        let pairs: Pairs = vec![
            (b":path".to_vec(), vec![b'a'; 126]),
            (b"x-127".to_vec(), vec![b'b'; 127]),
            (b"x-big".to_vec(), vec![0xff; 70_000]),
            (b"x-empty".to_vec(), Vec::new()),
        ];
        assert_eq!(Decoder::new().decode(&encode(&pairs)).unwrap(), pairs);
    }

    #[test]
    fn padding_is_taken_off() {
        assert_eq!(unpadded(PADDED, b"\x02abc\0\0".to_vec()), b"abc");
        assert_eq!(unpadded(PADDED, b"\xff".to_vec()), b"");
        assert_eq!(unpadded(0, b"abc".to_vec()), b"abc");
    }
}
