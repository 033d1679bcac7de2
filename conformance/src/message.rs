//! An HTTP/1.1 message as bytes in order, and a parser that takes what a lenient peer would take.

/// Names and values, in the order of the wire.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A message as it was received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The request line or the status line.
    pub start: Vec<u8>,
    /// Headers, in order.
    pub headers: Pairs,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// Trailers, in order.
    pub trailers: Pairs,
}

impl Message {
    /// The first value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| value.as_slice())
    }

    fn status(&self) -> Option<u16> {
        let code = self.start.split(|byte| *byte == b' ').nth(1)?;
        std::str::from_utf8(code).ok()?.parse().ok()
    }

    fn chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"))
    }

    fn length(&self) -> Option<usize> {
        std::str::from_utf8(self.header("content-length")?).ok()?.trim().parse().ok()
    }
}

/// Which message is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A request; without a length it has no body.
    Request,
    /// A response; without a length its body ends with the connection.
    Response,
    /// A response to HEAD; it has no body.
    ResponseToHead,
}

/// What the bytes so far amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Not even the header section is there.
    Nothing,
    /// The message goes on; this is the part that can be read.
    Partial(Message),
    /// As [`Parsed::Partial`], and whole if the connection ends here.
    WholeAtEnd(Message),
    /// The message and the number of bytes it took.
    Whole(Message, usize),
}

/// Reads one message from the start of `bytes`.
pub fn parse(bytes: &[u8], expected: Expected) -> Parsed {
    let Some(end) = position(bytes, b"\r\n\r\n") else {
        return Parsed::Nothing;
    };
    let mut lines = split_lines(&bytes[..end]);
    let start = lines.next().unwrap_or_default().to_vec();
    let mut message = Message { start, headers: lines.map(header).collect(), ..Message::default() };
    let body = end + 4;
    let bodiless = match message.status() {
        _ if expected == Expected::ResponseToHead => true,
        Some(status) if expected == Expected::Response => status == 204 || status == 304 || status < 200,
        _ => false,
    };
    if bodiless {
        Parsed::Whole(message, body)
    } else if message.chunked() {
        match chunks(&bytes[body..], &mut message) {
            Some(used) => Parsed::Whole(message, body + used),
            None => Parsed::Partial(message),
        }
    } else if let Some(length) = message.length() {
        let there = length.min(bytes.len() - body);
        message.body = bytes[body..body + there].to_vec();
        if there == length { Parsed::Whole(message, body + length) } else { Parsed::Partial(message) }
    } else if expected == Expected::Request {
        Parsed::Whole(message, body)
    } else {
        message.body = bytes[body..].to_vec();
        Parsed::WholeAtEnd(message)
    }
}

/// Reads a chunked body into `message`; the number of bytes it took, if it is whole.
fn chunks(bytes: &[u8], message: &mut Message) -> Option<usize> {
    let mut at = 0;
    loop {
        let line_end = at + position(&bytes[at..], b"\r\n")?;
        let size = std::str::from_utf8(&bytes[at..line_end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        at = line_end + 2;
        if size == 0 {
            break;
        }
        message.body.extend_from_slice(&bytes[at..bytes.len().min(at.saturating_add(size))]);
        at = at.checked_add(size)?.checked_add(2)?;
        bytes.get(..at)?;
    }
    loop {
        let line_end = at + position(&bytes[at..], b"\r\n")?;
        let line = &bytes[at..line_end];
        at = line_end + 2;
        if line.is_empty() {
            return Some(at);
        }
        message.trailers.push(header(line));
    }
}

fn header(line: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let value = line.get(colon + 1..).unwrap_or_default();
    (line[..colon].to_vec(), value.trim_ascii().to_vec())
}

fn split_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        match position(bytes, b"\r\n") {
            Some(end) => {
                rest = Some(&bytes[end + 2..]);
                Some(&bytes[..end])
            }
            None => rest.take(),
        }
    })
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8], expected: Expected) -> Message {
        match parse(bytes, expected) {
            Parsed::Whole(message, used) if used == bytes.len() => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_without_a_length_has_no_body() {
        let message = whole(b"GET / HTTP/1.1\r\nhost: a\r\nx-a:\r\nx-a:  b \r\n\r\n", Expected::Request);
        assert_eq!(message.start, b"GET / HTTP/1.1");
        let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        assert_eq!(message.headers, [pair("host", "a"), pair("x-a", ""), pair("x-a", "b")]);
    }

    #[test]
    fn a_chunked_body_ends_after_its_trailers() {
        let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\nx-t: 1\r\n\r\n";
        let message = whole(bytes, Expected::Response);
        assert_eq!(message.body, b"abc0123456789");
        assert_eq!(message.trailers, [(b"x-t".to_vec(), b"1".to_vec())]);
        for end in 50..bytes.len() {
            assert!(matches!(parse(&bytes[..end], Expected::Response), Parsed::Partial(_)), "{end}");
        }
    }

    #[test]
    fn lengths_decide_where_a_response_ends() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
        assert_eq!(whole(head, Expected::ResponseToHead).body, b"");
        assert!(matches!(parse(head, Expected::Response), Parsed::Partial(_)));
        assert!(matches!(parse(b"HTTP/1.1 204 No Content\r\n\r\n", Expected::Response), Parsed::Whole(..)));
        assert!(matches!(parse(b"HTTP/1.1 200 OK\r\n\r\nabc", Expected::Response), Parsed::WholeAtEnd(_)));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n", Expected::Response), Parsed::Nothing);
    }
}
