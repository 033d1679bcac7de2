//! Reads a script: a line of text becomes, for each callback, a list of operations.

use crate::{
    names::Callback,
    pairs::Pairs,
    service::{Service, service},
    text,
    words::{Naming, Number, Words, number, pair},
};
use alloc::{format, string::String, vec::Vec};

/// What one hostcall or effect of the guest is to be, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the table of operations in the crate's documentation describes each, with its arguments in order"
)]
pub enum Action {
    Log { level: u32, message: Vec<u8> },
    LogLevel,
    Time(Option<Naming>),
    TickPeriod(u32),
    Get { map: u32, key: Vec<u8> },
    Pairs(u32),
    Size(u32),
    Add { map: u32, key: Vec<u8>, value: Vec<u8> },
    Replace { map: u32, key: Vec<u8>, value: Vec<u8> },
    Remove { map: u32, key: Vec<u8> },
    SetPairs { map: u32, pairs: Pairs },
    SetPairsRaw { map: u32, bytes: Vec<u8> },
    GetBuffer { buffer: u32, start: u32, length: u32 },
    SetBuffer { buffer: u32, start: u32, length: u32, bytes: Vec<u8> },
    BufferStatus(u32),
    Reply(Reply),
    Continue(u32),
    Close(u32),
    Property(Vec<u8>),
    PropertyLength(Vec<u8>),
    SetProperty { path: Vec<u8>, value: Vec<u8> },
    Context(Naming),
    Effective(Target),
    Done,
    Trap,
    Return(u32),
    OutOfBounds,
    ServicesOutOfBounds,
    Service(Service),
}

/// A local reply; an absent part goes to the host as a null pointer, an empty one as a pointer with length 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub code: u32,
    /// `response.code_details`.
    pub details: Option<Vec<u8>>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// Further headers, serialised.
    pub headers: Option<Vec<u8>>,
    /// The gRPC status; -1 as most SDKs send it when there is none.
    pub grpc_status: i32,
}

/// The context that hostcalls are to act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The root of the running callback's context.
    Root,
    /// The running callback's stream; in a root's callback, its oldest stream.
    Stream,
    /// A context by its number.
    Number(Number),
}

/// An operation, or why its text is not one; with the text for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The operation as the script spells it.
    pub text: String,
    /// What to do.
    pub action: Result<Action, String>,
}

/// The operations of one callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza {
    /// The callback.
    pub callback: Callback,
    /// Only its n-th call in this context, from 1; `None`: each.
    pub nth: Option<u32>,
    /// What to do, in order.
    pub operations: Vec<Operation>,
}

/// A whole script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The header `x-script` is not to be read.
    pub no_header: bool,
    /// The stanzas, in order.
    pub stanzas: Vec<Stanza>,
    /// What could not be read at all, for the log.
    pub errors: Vec<String>,
}

impl Script {
    /// Reads a script. What cannot be read becomes an error inside it, so that the rest still runs.
    pub fn parse(source: &[u8]) -> Self {
        let mut script = Self::default();
        let Ok(source) = core::str::from_utf8(source) else {
            script.errors.push("not UTF-8".into());
            return script;
        };
        for part in source.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            match stanza(part) {
                _ if part == "no-header" => script.no_header = true,
                Ok(stanza) => script.stanzas.push(stanza),
                Err(error) => script.errors.push(error),
            }
        }
        script
    }

    /// What to do in the n-th call of `callback`, in the order of the script.
    pub fn operations(&self, callback: Callback, nth: u32) -> impl Iterator<Item = &Operation> {
        let chosen = move |stanza: &&Stanza| stanza.callback == callback && stanza.nth.is_none_or(|only| only == nth);
        self.stanzas.iter().filter(chosen).flat_map(|stanza| &stanza.operations)
    }
}

fn stanza(text: &str) -> Result<Stanza, String> {
    let (head, body) = text.split_once(':').ok_or_else(|| format!("no colon in {text:?}"))?;
    let (name, nth) = match head.trim().split_once('#') {
        Some((name, nth)) => (name, Some(nth.parse().map_err(|_| format!("no number after # in {head:?}"))?)),
        None => (head.trim(), None),
    };
    let callback = Callback::from_name(name).ok_or_else(|| format!("unknown callback {name:?}"))?;
    let operations = body.split(',').map(str::trim).filter(|text| !text.is_empty());
    let operations = operations.map(|text| Operation { text: text.into(), action: action(text) }).collect();
    Ok(Stanza { callback, nth, operations })
}

fn action(text: &str) -> Result<Action, String> {
    let mut words = Words::of(text);
    let name = words.word()?;
    let action = match name {
        "log" => Action::Log { level: words.number()?, message: words.bytes()? },
        "log_level" => Action::LogLevel,
        "time" => Action::Time(words.naming()?),
        "tick_period" => Action::TickPeriod(words.number()?),
        "get" => Action::Get { map: words.map_type()?, key: words.bytes()? },
        "pairs" => Action::Pairs(words.map_type()?),
        "size" => Action::Size(words.map_type()?),
        "add" => Action::Add { map: words.map_type()?, key: words.bytes()?, value: words.bytes()? },
        "replace" => Action::Replace { map: words.map_type()?, key: words.bytes()?, value: words.bytes()? },
        "remove" => Action::Remove { map: words.map_type()?, key: words.bytes()? },
        "set_pairs" => Action::SetPairs { map: words.map_type()?, pairs: words.pairs()? },
        "set_pairs_raw" => Action::SetPairsRaw { map: words.map_type()?, bytes: words.bytes()? },
        "get_buffer" => Action::GetBuffer { buffer: words.buffer_type()?, start: words.number()?, length: words.number()? },
        "set_buffer" => {
            let (buffer, start, length) = (words.buffer_type()?, words.number()?, words.number()?);
            Action::SetBuffer { buffer, start, length, bytes: words.bytes()? }
        }
        "buffer_status" => Action::BufferStatus(words.buffer_type()?),
        "reply" => Action::Reply(reply(&mut words)?),
        "continue" => Action::Continue(words.number()?),
        "close" => Action::Close(words.number()?),
        "property" => Action::Property(words.rest().join(&0)),
        "property_length" => Action::PropertyLength(words.rest().join(&0)),
        "set_property" => Action::SetProperty { path: words.bytes()?, value: words.bytes()? },
        "effective" => Action::Effective(match words.word()? {
            "root" => Target::Root,
            "stream" => Target::Stream,
            word => Target::Number(number(word)?),
        }),
        "context" => Action::Context(words.naming()?.ok_or("the context wants a name: as NAME")?),
        "done" => Action::Done,
        "trap" => Action::Trap,
        "return" => Action::Return(words.number()?),
        "oob" => Action::OutOfBounds,
        "oob_services" => Action::ServicesOutOfBounds,
        _ => match service(name, &mut words) {
            Some(service) => Action::Service(service?),
            None => return Err(format!("unknown operation {name:?}")),
        },
    };
    match words.next() {
        Some(word) => Err(format!("{word:?} is one word too many")),
        None => Ok(action),
    }
}

fn reply(words: &mut Words<'_>) -> Result<Reply, String> {
    let mut reply = Reply { code: words.number()?, grpc_status: -1, ..Reply::default() };
    let mut headers = None;
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("no = in {word:?}"))?;
        match name {
            "details" => reply.details = Some(text::decode(value)),
            "body" => reply.body = Some(text::decode(value)),
            "header" => headers.get_or_insert_with(Pairs::new).push(pair(value)?),
            "headers_raw" => reply.headers = Some(text::decode(value)),
            "grpc" => reply.grpc_status = value.parse().map_err(|_| format!("{value:?} is no gRPC status"))?,
            _ => return Err(format!("a reply has no {name:?}")),
        }
    }
    if let Some(headers) = headers {
        reply.headers = Some(crate::pairs::encode(&headers));
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_falls_into_stanzas_and_operations() {
        let script = Script::parse(
            b"no-header; request_headers: get 0 x-a, return 1; request_body#2: set_buffer request_body 0 4294967295 a%20b",
        );
        assert!(script.no_header && script.errors.is_empty());
        let first: Vec<_> = script.operations(Callback::RequestHeaders, 7).map(|operation| operation.action.clone()).collect();
        assert_eq!(first, [Ok(Action::Get { map: 0, key: b"x-a".to_vec() }), Ok(Action::Return(1))]);
        assert_eq!(script.operations(Callback::RequestBody, 1).count(), 0);
        let second: Vec<_> = script.operations(Callback::RequestBody, 2).map(|operation| operation.action.clone()).collect();
        assert_eq!(second, [Ok(Action::SetBuffer { buffer: 0, start: 0, length: u32::MAX, bytes: b"a b".to_vec() })]);
    }

    #[test]
    fn a_reply_tells_absent_from_empty() {
        let absent = Reply { code: 403, grpc_status: -1, ..Reply::default() };
        assert_eq!(action("reply 403"), Ok(Action::Reply(absent.clone())));
        let empty = Reply { body: Some(Vec::new()), details: Some(b"d".to_vec()), grpc_status: 7, ..absent };
        assert_eq!(action("reply 403 body= details=d grpc=7"), Ok(Action::Reply(empty)));
    }

    #[test]
    fn a_property_path_is_joined_by_nul() {
        assert_eq!(action("property request headers x-a"), Ok(Action::Property(b"request\0headers\0x-a".to_vec())));
        assert_eq!(action("property"), Ok(Action::Property(Vec::new())));
    }

    #[test]
    fn mistakes_are_kept_beside_what_is_right() {
        let script = Script::parse(b"nonsense; request: get; request_headers: jump, get 0, add 0 a b c, time");
        assert_eq!(script.errors.len(), 2);
        let actions: Vec<_> = script.operations(Callback::RequestHeaders, 1).map(|operation| operation.action.is_ok()).collect();
        assert_eq!(actions, [false, false, false, true]);
        assert_eq!(Script::parse(b"\xff").errors, ["not UTF-8"]);
    }
}
