//! The request that the client sends and the response that the upstream gives, made from the command line.

use crate::args::Call;
use crate::data;
use crate::escape::printable;
use crate::header::{self, Header};
use crate::verdict::InputError;
use http::{Method, Uri};
use proxy_filter_test::Message;

/// The pseudo-headers of a request, in the order in which the mock proxy has them.
const REQUEST_PSEUDO_HEADERS: [&str; 4] = ["authority", "path", "method", "scheme"];

/// What the client sends.
pub(crate) fn request(call: &Call) -> Result<Message, InputError> {
    let bodies = call.data.iter().map(|data| data::read("--data", data)).collect::<Result<Vec<_>, _>>()?;
    let body = bodies.join(&b"&"[..]);
    let has_body = !call.data.is_empty();
    let method = method(call.request.as_deref(), has_body)?;
    let target = Target::parse(&call.path)?;
    let mut pseudo = [target.authority, target.path, method, target.scheme.clone()];

    let mut headers = Headers::default();
    if target.scheme == "https" {
        // As a proxy says that has ended TLS.
        headers.plain.push(("x-forwarded-proto".into(), "https".into()));
    }
    for text in &call.headers {
        match header::parse("-H", text)? {
            Header::Plain(name, value) if name == "host" => pseudo[0] = value,
            Header::Pseudo(name, value) => match REQUEST_PSEUDO_HEADERS.iter().position(|known| *known == name) {
                Some(index) => pseudo[index] = value,
                None => {
                    return Err(InputError(format!(
                        "header \"{}\" is no pseudo-header of a request: there are :authority, :path, :method and :scheme",
                        printable(text.as_bytes())
                    )));
                }
            },
            header => headers.add(header),
        }
    }
    if has_body {
        headers.by_itself("content-type", "application/x-www-form-urlencoded");
    }
    let trailers = trailers("--trailer", &call.trailers)?;
    if has_body || !trailers.is_empty() {
        headers.frame(body.len(), !trailers.is_empty(), call.http2);
    }
    let names = REQUEST_PSEUDO_HEADERS.map(|name| format!(":{name}"));
    let message = Message::new(names.into_iter().zip(pseudo).chain(headers.plain));
    Ok(with_body(message, body, call.chunk_size, trailers))
}

/// What the upstream answers.
pub(crate) fn response(call: &Call) -> Result<Message, InputError> {
    let status = call.response_status;
    let bodiless = matches!(status, 204 | 304);
    let body = match &call.response_body {
        Some(_) if bodiless => {
            return Err(InputError(format!("a response of status {status} has no body: leave out --response-body")));
        }
        Some(body) => data::read("--response-body", body)?,
        None if bodiless => Vec::new(),
        None => b"hello\n".to_vec(),
    };
    let trailers = trailers("--response-trailer", &call.response_trailers)?;
    if bodiless && !trailers.is_empty() {
        return Err(InputError(format!("a response of status {status} has no trailers: leave out --response-trailer")));
    }
    let mut headers = Headers::default();
    for text in &call.response_headers {
        match header::parse("--response-header", text)? {
            Header::Pseudo(..) => {
                return Err(InputError(format!(
                    "header \"{}\" cannot be set: a response has the pseudo-header :status only, which --response-status sets",
                    printable(text.as_bytes())
                )));
            }
            header => headers.add(header),
        }
    }
    if !body.is_empty() {
        headers.by_itself("content-type", "text/plain");
    }
    if !bodiless {
        headers.frame(body.len(), !trailers.is_empty(), call.http2);
    }
    let message = Message::new([(":status".to_owned(), status.to_string())].into_iter().chain(headers.plain));
    Ok(with_body(message, body, call.chunk_size, trailers))
}

fn method(given: Option<&str>, has_body: bool) -> Result<String, InputError> {
    let method = given.unwrap_or(if has_body { "POST" } else { "GET" });
    match Method::from_bytes(method.as_bytes()) {
        Ok(method) => Ok(method.as_str().to_owned()),
        Err(_) => Err(InputError(format!(
            "method \"{}\" is not one that HTTP allows: write a word such as -X PUT",
            printable(method.as_bytes())
        ))),
    }
}

fn trailers(flag: &str, texts: &[String]) -> Result<Vec<(String, String)>, InputError> {
    texts.iter().map(|text| header::parse_trailer(flag, text)).collect()
}

fn with_body(message: Message, body: Vec<u8>, chunk_size: Option<u64>, trailers: Vec<(String, String)>) -> Message {
    let mut message = if body.is_empty() { message } else { message.chunk(body) };
    if let Some(size) = chunk_size {
        message = message.in_chunks_of(usize::try_from(size).unwrap_or(usize::MAX));
    }
    trailers.into_iter().fold(message, |message, (name, value)| message.trailer(name, value))
}

/// Where the request goes.
#[derive(Debug)]
struct Target {
    scheme: String,
    authority: String,
    path: String,
}

impl Target {
    fn parse(text: &str) -> Result<Self, InputError> {
        let shown = printable(text.as_bytes());
        let fail = |what: &str| Err(InputError(format!("the path \"{shown}\" {what}")));
        let uri = match text.parse::<Uri>() {
            Ok(uri) => uri,
            Err(error) => return fail(&format!("cannot be asked for ({error}): write /cart or http://shop.example/cart")),
        };
        let path = match uri.path_and_query().map_or("/", |path| path.as_str()) {
            query if query.starts_with('?') => format!("/{query}"),
            path => path.to_owned(),
        };
        match (uri.scheme_str(), uri.authority()) {
            (None, None) => Ok(Self { scheme: "http".into(), authority: "localhost".into(), path }),
            (Some(scheme @ ("http" | "https")), Some(authority)) if !authority.as_str().contains('@') => {
                Ok(Self { scheme: scheme.into(), authority: authority.as_str().into(), path })
            }
            (Some("http" | "https"), _) => {
                fail("names a user, which is not part of a request: write -H 'authorization: …' instead")
            }
            (Some(_), _) => fail("has a scheme that is not HTTP's: write http:// or https://"),
            (None, Some(_)) => fail(&format!("begins with neither / nor http://: write /{shown} or http://{shown}")),
        }
    }
}

/// The headers of a message, pseudo-headers apart.
#[derive(Debug, Default)]
struct Headers {
    plain: Vec<(String, String)>,
    without: Vec<String>,
}

impl Headers {
    fn add(&mut self, header: Header) {
        match header {
            Header::Plain(name, value) => self.plain.push((name, value)),
            Header::Without(name) => self.without.push(name),
            Header::Pseudo(..) => {}
        }
    }

    /// Adds what a client or a server would send of its own, unless the command line speaks of it.
    fn by_itself(&mut self, name: &str, value: &str) {
        if !self.has(name) && !self.without.iter().any(|without| without == name) {
            self.plain.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Says where the body ends, as the protocol does.
    fn frame(&mut self, length: usize, trailers: bool, http2: bool) {
        if self.has("content-length") || self.has("transfer-encoding") {
            return;
        }
        match (trailers, http2) {
            (false, _) => self.by_itself("content-length", &length.to_string()),
            (true, false) => self.by_itself("transfer-encoding", "chunked"),
            (true, true) => {}
        }
    }

    fn has(&self, name: &str) -> bool {
        self.plain.iter().any(|(known, _)| known == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    fn lines(message: &Message) -> Vec<String> {
        let text = |(name, value): &(bytes::Bytes, bytes::Bytes)| format!("{}: {}", printable(name), printable(value));
        message.headers().iter().map(text).collect()
    }

    fn call(arguments: &[&str]) -> Call {
        match Args::parse_from(["proxy-filter", "call", "x.wasm"].iter().chain(arguments)).command {
            Command::Call(call) => *call,
            Command::Hostcalls => unreachable!("it says call"),
        }
    }

    #[test]
    fn a_request_is_what_curl_would_send() {
        let message = request(&call(&["/a?b=c", "-H", "X-Tenant: shop", "-d", "a=1", "-d", "b=2"])).unwrap();
        assert_eq!(
            lines(&message),
            [
                ":authority: localhost",
                ":path: /a?b=c",
                ":method: POST",
                ":scheme: http",
                "x-tenant: shop",
                "content-type: application/x-www-form-urlencoded",
                "content-length: 7"
            ]
        );
        assert_eq!(message.body(), "a=1&b=2");
    }

    #[test]
    fn headers_override_what_is_sent_by_itself() {
        let arguments = ["https://shop.example", "-d", "x", "-H", "content-type:", "-H", "host: other", "-H", ":path: /p"];
        let message = request(&call(&arguments)).unwrap();
        assert_eq!(
            lines(&message),
            [
                ":authority: other",
                ":path: /p",
                ":method: POST",
                ":scheme: https",
                "x-forwarded-proto: https",
                "content-length: 1"
            ]
        );
    }

    #[test]
    fn trailers_are_framed_as_the_protocol_does() {
        let message = request(&call(&["-d", "abc", "--trailer", "x-sum: 9", "--chunk-size", "2"])).unwrap();
        assert!(message.chunked());
        assert_eq!(message.chunks().len(), 2);
        let message = request(&call(&["-d", "abc", "--trailer", "x-sum: 9", "--http2"])).unwrap();
        assert!(!message.chunked() && message.header("content-length").is_none());
    }

    #[test]
    fn a_response_without_a_body_has_none_by_default() {
        let message = response(&call(&["--response-status", "204"])).unwrap();
        assert_eq!(lines(&message), [":status: 204"]);
        assert!(response(&call(&["--response-status", "304", "--response-body", "x"])).unwrap_err().0.contains("has no body"));
        let message = response(&call(&["--response-body", ""])).unwrap();
        assert_eq!(lines(&message), [":status: 200", "content-length: 0"]);
    }

    #[test]
    fn paths_that_cannot_be_asked_for_are_refused() {
        for (path, why) in [
            ("cart", "begins with neither"),
            ("", "cannot be asked for"),
            ("/a b", "cannot be asked for"),
            ("ftp://x/", "not HTTP's"),
            ("http://u:p@x/", "names a user"),
            ("shop.example:80/x", ""),
        ] {
            let text = Target::parse(path).unwrap_err().0;
            assert!(text.contains(why), "{path}: {text}");
        }
        assert_eq!(Target::parse("http://shop.example?q").unwrap().path, "/?q");
        assert_eq!(Target::parse("*").unwrap().path, "*");
    }
}
