//! A gRPC server on loopback, HTTP/2 frame by frame: what it does with each call is a list of steps, and what it gets is recorded.

mod server;

pub use server::Server;
pub(crate) use server::framed;

use crate::message::{Message, Pairs};
use std::borrow::Cow;

/// What the server does next with a call or stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waits for a message.
    AwaitMessage,
    /// Waits until the client has ended its side.
    AwaitEnd,
    /// Waits until the client has reset the stream.
    AwaitReset,
    /// Sends headers; with nothing after them where they end the stream.
    Headers(Pairs, bool),
    /// Sends a message.
    Message(Cow<'static, [u8]>),
    /// Sends these bytes, which need be no message.
    Data(Cow<'static, [u8]>, bool),
    /// Sends trailers.
    Trailers(Pairs),
    /// Resets the stream.
    Reset,
    /// Closes the connection.
    Close,
}

/// A server, as a scenario has it: the cluster of the name `grpc.` and the scenario's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// What it does with each call.
    pub steps: Vec<Step>,
    /// Nobody listens.
    pub refuses: bool,
}

/// The cluster that stands for a scenario's server. A name with this beginning is no protobuf (GRP-4).
pub fn cluster(scenario: &str) -> String {
    format!("grpc.{scenario}")
}

/// What the server got of one call or stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Its headers and all bytes of its messages, framed as gRPC does.
    pub request: Message,
    /// The client has ended its side.
    pub complete: bool,
    /// The client has reset it.
    pub reset: bool,
}

/// Headers as a gRPC server sends them first.
pub fn headers() -> Step {
    headers_with(&[])
}

/// The same, with these after them.
pub fn headers_with(more: &[(&str, &str)]) -> Step {
    Step::Headers(pairs(&[(":status", "200"), ("content-type", "application/grpc")], more), false)
}

/// A message.
pub fn message(bytes: &'static str) -> Step {
    Step::Message(bytes.as_bytes().into())
}

/// Trailers with this status and message, and others.
pub fn trailers(code: &'static str, message: &'static str, more: &[(&str, &str)]) -> Step {
    let status =
        if message.is_empty() { vec![("grpc-status", code)] } else { vec![("grpc-status", code), ("grpc-message", message)] };
    Step::Trailers(pairs(&status, more))
}

/// Headers that are trailers too: a response with nothing else.
pub fn trailers_only(code: &'static str, message: &'static str) -> Step {
    let first = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", code)];
    let message = [("grpc-message", message)];
    Step::Headers(pairs(&first, if message[0].1.is_empty() { &[] } else { &message }), true)
}

/// What a server of plain HTTP answers.
pub fn plain_http(status: &'static str) -> Vec<Step> {
    vec![Step::Headers(pairs(&[(":status", status)], &[("content-type", "text/plain")]), false), Step::Data(b"no".into(), true)]
}

fn pairs(first: &[(&str, &str)], more: &[(&str, &str)]) -> Pairs {
    first.iter().chain(more).map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}
