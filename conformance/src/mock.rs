//! Runs a scenario on the mock host, and writes what came of it as HTTP/1.1 would carry it.

use crate::envoy::Artifacts;
use crate::error::Error;
use crate::message::{Message, Pairs};
use crate::observation::{End, Observation, Outcome, Received};
use crate::scenario::{Framing, Guest, Request, Response, Scenario, Upstream};
use http::StatusCode;
use proxy_filter_test::{self as harness, Answer, MockProxy, Plugin};
use std::time::Duration;

/// What the sender of a message waits for at least before it sends on.
const PACE: Duration = Duration::from_millis(10);

/// Runs a scenario on the mock host.
///
/// # Errors
/// When the mock host refuses the plugin.
pub fn run(scenario: &Scenario, artifacts: &Artifacts) -> Result<Observation, Error> {
    let plugin = match &scenario.guest {
        Guest::Scripted => Plugin::from_file(&artifacts.scripted_guest),
        Guest::AddHeader => Plugin::from_file(&artifacts.add_header),
        Guest::Wasm(bytes) => Plugin::from_bytes(bytes.as_ref()),
    };
    let plugin = plugin
        .name(scenario.name)
        .root_id(scenario.root_id())
        .vm_id(scenario.vm_id())
        .config(scenario.config.as_deref().unwrap_or_default())
        .allow_on_headers_stop_iteration(scenario.allow_on_headers_stop_iteration);
    let mut builder = MockProxy::builder().plugin(plugin).log_level(harness::LogLevel::Info).pace(PACE);
    // What fails a test is here a row like any other.
    builder = harness::Lint::ALL.iter().fold(builder, |builder, lint| builder.allow(*lint));
    if let Some(limit) = scenario.buffer_limit {
        builder = builder.buffer_limit(limit as usize);
    }
    let proxy = builder.start().map_err(Error::while_doing(format!("start the mock host for {}", scenario.name)))?;
    let upstream = scenario.upstream.clone();
    proxy.set_raw_upstream(move |_| match &upstream {
        Upstream::Respond(response) if response.then_close => Answer::ResetAfter(response_of(response)),
        Upstream::Respond(response) => Answer::Response(response_of(response)),
        Upstream::CloseBeforeResponse => Answer::ResetBeforeResponse,
        Upstream::Refuse => Answer::Refuse,
    });
    let mut observation = Observation::default();
    for request in scenario.requests() {
        let exchange = proxy.send(request_of(&request));
        if exchange.outcome() == harness::Outcome::Paused {
            proxy.advance(scenario.patience);
        }
        // Who has lost patience closes the connection.
        let hung = exchange.outcome() == harness::Outcome::Paused;
        proxy.disconnect(&exchange);
        let head = request.method == "HEAD";
        // A request reaches a server that listens; nobody does where connections are refused.
        if let Some(message) = exchange.raw_upstream_request().filter(|_| scenario.upstream != Upstream::Refuse) {
            let complete = exchange.upstream_request_is_complete();
            let (request, fits) = encode_request(&message, complete);
            observation.upstream.push(Received { request, complete: complete && fits });
        }
        let end = match exchange.outcome() {
            _ if hung => End::Hung,
            harness::Outcome::Complete => End::Complete,
            harness::Outcome::Reset => End::Cut,
            _ => End::Hung,
        };
        let response = exchange.raw_response().map(|message| encode_response(&message, head));
        let end = match &response {
            // Fewer bytes than its length says: the client waits for the rest.
            Some((_, false)) if end == End::Complete => End::Hung,
            _ => end,
        };
        observation.client.push(Outcome { response: response.map(|(response, _)| response), end });
    }
    observation.log = proxy.log().into_iter().map(|line| line.message).collect();
    Ok(observation.normalised())
}

fn request_of(request: &Request) -> harness::Message {
    let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host")).map(|(_, value)| value.as_slice());
    let mut message = harness::Message::default();
    if let Some(host) = host {
        message = message.with_header(":authority", host);
    }
    message = message
        .with_header(":path", request.path.as_bytes())
        .with_header(":method", request.method.as_bytes())
        .with_header(":scheme", "http");
    let others: Vec<_> = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"host")).cloned().collect();
    finish(message, &others, &request.body, request.framing, &request.trailers)
}

fn response_of(response: &Response) -> harness::Message {
    let message = harness::Message::new([(":status", response.status.to_string())]);
    finish(message, &response.headers, &response.body, response.framing, &response.trailers)
}

fn finish(
    mut message: harness::Message,
    headers: &Pairs,
    body: &[Vec<u8>],
    framing: Framing,
    trailers: &Pairs,
) -> harness::Message {
    for (name, value) in headers {
        message = message.with_header(name, value);
    }
    message = match framing {
        Framing::ContentLength => message.with_header("content-length", body.iter().map(Vec::len).sum::<usize>().to_string()),
        Framing::Chunked => message.with_header("transfer-encoding", "chunked"),
        Framing::AsGiven => message,
    };
    for chunk in body {
        message = message.chunk(chunk.clone());
    }
    for (name, value) in trailers {
        message = message.trailer(name, value);
    }
    message
}

/// The request as the HTTP/1.1 codec writes it, and whether it has all the bytes that its length says.
fn encode_request(message: &harness::Message, complete: bool) -> (Message, bool) {
    let text = |name| message.header(name).unwrap_or_default();
    let start = [text(":method"), text(":path"), b"HTTP/1.1"].join(&b' ');
    let bodiless = matches!(text(":method"), b"GET" | b"HEAD" | b"CONNECT" | b"DELETE");
    let headers_only = complete && message.ended_with_headers();
    let mut encoded = plain(start, message);
    for (name, _) in &mut encoded.headers {
        if name == b":authority" {
            *name = b"host".to_vec();
        }
    }
    encoded.headers.retain(|(name, _)| !name.starts_with(b":"));
    let fits = add_framing(&mut encoded, message, headers_only, bodiless);
    (encoded, fits)
}

/// The response, likewise.
fn encode_response(message: &harness::Message, head: bool) -> (Message, bool) {
    let code = message.header(":status").unwrap_or_default();
    let number = std::str::from_utf8(code).ok().and_then(|code| code.parse::<u16>().ok()).unwrap_or_default();
    // Envoy's list has no teapot.
    let known = StatusCode::from_u16(number).ok().filter(|status| *status != StatusCode::IM_A_TEAPOT);
    let reason = known.and_then(|status| status.canonical_reason()).unwrap_or("Unknown");
    let start = [b"HTTP/1.1", code, reason.as_bytes()].join(&b' ');
    let bodiless = head || number < 200 || number == 204 || number == 304;
    let mut encoded = plain(start, message);
    encoded.headers.retain(|(name, _)| !name.starts_with(b":"));
    encoded.headers = encoded.headers.into_iter().flat_map(split).collect();
    let fits = add_framing(&mut encoded, message, message.ended_with_headers(), bodiless);
    (encoded, fits || bodiless)
}

fn plain(start: Vec<u8>, message: &harness::Message) -> Message {
    let pairs =
        |pairs: &[(bytes::Bytes, bytes::Bytes)]| pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    Message { start, headers: pairs(message.headers()), body: message.body().to_vec(), trailers: pairs(message.trailers()) }
}

/// HDR-20: a line break in a value makes two headers of one.
fn split((name, value): (Vec<u8>, Vec<u8>)) -> Pairs {
    let text = [&name, &b": "[..], &value].concat();
    let lines = String::from_utf8_lossy(&text).into_owned();
    if !lines.contains("\r\n") {
        return vec![(name, value)];
    }
    let pair =
        |line: &str| line.split_once(':').map(|(name, value)| (name.as_bytes().to_vec(), value.trim().as_bytes().to_vec()));
    lines.split("\r\n").filter_map(pair).collect()
}

/// The codec adds what tells the body's length where no `content-length` does; the reader reads no further than that.
fn add_framing(encoded: &mut Message, message: &harness::Message, headers_only: bool, bodiless: bool) -> bool {
    let length = message.header("content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok());
    match length {
        Some(length) => {
            let fits = encoded.body.len() >= length;
            encoded.body.truncate(length);
            encoded.trailers.clear();
            return fits;
        }
        None if headers_only && bodiless => {}
        None if headers_only => encoded.headers.push((b"content-length".to_vec(), b"0".to_vec())),
        None => encoded.headers.push((b"transfer-encoding".to_vec(), b"chunked".to_vec())),
    }
    true
}
