//! The operations on a proxy's services: callouts, shared state, metrics, foreign functions.

use crate::{
    pairs::{self, Pairs},
    text,
    words::{Naming, Number, Words, number, pair},
};
use alloc::{format, string::String, vec::Vec};

/// A hostcall on a service, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the table of operations in the crate's documentation describes each, with its arguments in order"
)]
pub enum Service {
    HttpCall(HttpCall),
    GrpcCall(GrpcCall),
    GrpcStream(GrpcCall),
    GrpcSend { id: Number, message: Vec<u8>, end: u32 },
    GrpcCancel(Number),
    GrpcClose(Number),
    GetStatus,
    GetSharedData { key: Vec<u8>, naming: Option<Naming> },
    SetSharedData { key: Vec<u8>, value: Vec<u8>, cas: Number },
    RegisterQueue { name: Vec<u8>, naming: Option<Naming> },
    ResolveQueue { vm_id: Vec<u8>, name: Vec<u8>, naming: Option<Naming> },
    Enqueue { queue: Number, value: Vec<u8> },
    Dequeue(Number),
    DefineMetric { metric_type: u32, name: Vec<u8>, naming: Option<Naming> },
    Increment { metric: Number, offset: i64 },
    Record { metric: Number, value: u64 },
    GetMetric(Number),
    Foreign(Foreign),
}

/// An HTTP call; an absent part goes to the host as a null pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpCall {
    /// A cluster.
    pub upstream: Vec<u8>,
    /// Serialised.
    pub headers: Vec<u8>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// Serialised.
    pub trailers: Option<Vec<u8>>,
    /// In milliseconds.
    pub timeout: u32,
    /// What its token is called.
    pub naming: Option<Naming>,
}

/// A gRPC call or stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcCall {
    /// A cluster or a serialised `GrpcService`.
    pub upstream: Vec<u8>,
    /// The service.
    pub service: Vec<u8>,
    /// The method.
    pub method: Vec<u8>,
    /// Serialised.
    pub metadata: Option<Vec<u8>>,
    /// Of a call only.
    pub message: Option<Vec<u8>>,
    /// In milliseconds; of a call only.
    pub timeout: u32,
    /// What its token is called.
    pub naming: Option<Naming>,
}

/// A call of a foreign function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// The function.
    pub name: Vec<u8>,
    /// Its argument.
    pub argument: Argument,
    /// The pointers for the result are null.
    pub null: bool,
    /// What the result, four bytes, is called as a number.
    pub naming: Option<Naming>,
}

/// What a foreign function gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Bytes.
    Bytes(Vec<u8>),
    /// Four bytes that hold a number, little-endian.
    Number(Number),
}

impl Default for Argument {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

/// The operation of this name; `None` if it is none on a service.
pub(crate) fn service(name: &str, words: &mut Words<'_>) -> Option<Result<Service, String>> {
    Some(match name {
        "http_call" => http_call(words).map(Service::HttpCall),
        "grpc_call" => grpc_call(words).map(Service::GrpcCall),
        "grpc_stream" => grpc_call(words).map(Service::GrpcStream),
        "foreign" => foreign(words).map(Service::Foreign),
        _ => return plain(name, words).transpose(),
    })
}

fn plain(name: &str, words: &mut Words<'_>) -> Result<Option<Service>, String> {
    Ok(Some(match name {
        "grpc_send" => Service::GrpcSend { id: words.named_number()?, message: words.bytes()?, end: words.number()? },
        "grpc_cancel" => Service::GrpcCancel(words.named_number()?),
        "grpc_close" => Service::GrpcClose(words.named_number()?),
        "get_status" => Service::GetStatus,
        "get_shared_data" => {
            let naming = words.naming()?;
            Service::GetSharedData { key: words.bytes()?, naming }
        }
        "set_shared_data" => Service::SetSharedData { key: words.bytes()?, value: words.bytes()?, cas: words.named_number()? },
        "register_queue" => {
            let naming = words.naming()?;
            Service::RegisterQueue { name: words.bytes()?, naming }
        }
        "resolve_queue" => {
            let naming = words.naming()?;
            Service::ResolveQueue { vm_id: words.bytes()?, name: words.bytes()?, naming }
        }
        "enqueue" => Service::Enqueue { queue: words.named_number()?, value: words.bytes()? },
        "dequeue" => Service::Dequeue(words.named_number()?),
        "define_metric" => {
            let naming = words.naming()?;
            Service::DefineMetric { metric_type: words.metric_type()?, name: words.bytes()?, naming }
        }
        "increment" => Service::Increment { metric: words.named_number()?, offset: words.number()? },
        "record" => Service::Record { metric: words.named_number()?, value: words.number()? },
        "get_metric" => Service::GetMetric(words.named_number()?),
        _ => return Ok(None),
    }))
}

fn http_call(words: &mut Words<'_>) -> Result<HttpCall, String> {
    let naming = words.naming()?;
    let upstream = words.bytes()?;
    let mut call = HttpCall { timeout: 1000, naming, ..HttpCall::default() };
    let mut pseudo = [("method", Some(b"GET".to_vec())), ("path", Some(b"/".to_vec())), ("authority", Some(upstream.clone()))];
    let (mut headers, mut raw, mut trailers) = (Pairs::new(), None, None);
    call.upstream = upstream;
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("no = in {word:?}"))?;
        let place = |wanted: &str| pseudo.iter().position(|(name, _)| *name == wanted);
        match name {
            "without" => pseudo[place(value).ok_or_else(|| format!("no pseudo-header {value:?}"))?].1 = None,
            "header" => headers.push(pair(value)?),
            "headers_raw" => raw = Some(text::decode(value)),
            "body" => call.body = Some(text::decode(value)),
            "trailer" => trailers.get_or_insert_with(Pairs::new).push(pair(value)?),
            "trailers_raw" => call.trailers = Some(text::decode(value)),
            "timeout" => call.timeout = value.parse().map_err(|_| format!("{value:?} is no timeout"))?,
            name => match place(name) {
                Some(at) => pseudo[at].1 = Some(text::decode(value)),
                None => return Err(format!("an HTTP call has no {name:?}")),
            },
        }
    }
    let pseudo = pseudo.into_iter().filter_map(|(name, value)| Some((format!(":{name}").into_bytes(), value?)));
    let headers: Pairs = pseudo.chain(headers).collect();
    call.headers = raw.unwrap_or_else(|| pairs::encode(&headers));
    if let Some(trailers) = trailers {
        call.trailers = Some(pairs::encode(&trailers));
    }
    Ok(call)
}

fn grpc_call(words: &mut Words<'_>) -> Result<GrpcCall, String> {
    let naming = words.naming()?;
    let upstream = grpc_upstream(words.word()?)?;
    let mut call =
        GrpcCall { upstream, service: words.bytes()?, method: words.bytes()?, timeout: 1000, naming, ..GrpcCall::default() };
    let mut metadata = None;
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("no = in {word:?}"))?;
        match name {
            "metadata" => metadata.get_or_insert_with(Pairs::new).push(pair(value)?),
            "metadata_raw" => call.metadata = Some(text::decode(value)),
            "message" => call.message = Some(text::decode(value)),
            "timeout" => call.timeout = value.parse().map_err(|_| format!("{value:?} is no timeout"))?,
            _ => return Err(format!("a gRPC call has no {name:?}")),
        }
    }
    if let Some(metadata) = metadata {
        call.metadata = Some(pairs::encode(&metadata));
    }
    Ok(call)
}

/// `envoy_grpc=CLUSTER` is a serialised `GrpcService` with this target; all else stands for itself.
fn grpc_upstream(word: &str) -> Result<Vec<u8>, String> {
    let Some(cluster) = word.strip_prefix("envoy_grpc=") else { return Ok(text::decode(word)) };
    let field = |value: &[u8]| {
        let length = u8::try_from(value.len()).ok().filter(|length| *length < 128)?;
        Some([&[0x0a, length], value].concat())
    };
    field(&text::decode(cluster)).and_then(|inner| field(&inner)).ok_or_else(|| format!("{cluster:?} is too long"))
}

fn foreign(words: &mut Words<'_>) -> Result<Foreign, String> {
    let naming = words.naming()?;
    let mut foreign = Foreign { name: words.bytes()?, naming, ..Foreign::default() };
    let mut word = words.next();
    if let Some(argument) = word.filter(|word| *word != "null") {
        foreign.argument = match argument.starts_with('$') {
            true => Argument::Number(number(argument)?),
            false => Argument::Bytes(text::decode(argument)),
        };
        word = words.next();
    }
    match word {
        None => Ok(foreign),
        Some("null") => Ok(Foreign { null: true, ..foreign }),
        Some(word) => Err(format!("{word:?} is one word too many")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Service, String> {
        let mut words = Words::of(text);
        let name = words.word()?;
        service(name, &mut words).expect("an operation on a service")
    }

    #[test]
    fn an_http_call_has_pseudo_headers_of_its_own() {
        let Ok(Service::HttpCall(call)) = read("http_call auth path=/a%20b without=authority header=x=1 body= as a") else {
            panic!("not read");
        };
        let headers = pairs::decode(&call.headers).expect("pairs");
        let shown: Vec<_> = headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        assert_eq!(shown, [(&b":method"[..], &b"GET"[..]), (b":path", b"/a b"), (b"x", b"1")]);
        assert_eq!((call.body, call.trailers, call.timeout), (Some(Vec::new()), None, 1000));
        assert_eq!(call.naming, Some(Naming { name: "a".into(), from: None }));
        assert!(read("http_call auth nonsense=1").is_err() && read("http_call auth without=status").is_err());
    }

    #[test]
    fn a_grpc_call_names_a_cluster_or_a_service() {
        let Ok(Service::GrpcCall(call)) = read("grpc_call envoy_grpc=abc s m metadata=k=v message=hi timeout=5") else {
            panic!("not read");
        };
        assert_eq!(call.upstream, b"\x0a\x05\x0a\x03abc");
        assert_eq!((call.message, call.timeout), (Some(b"hi".to_vec()), 5));
        let Ok(Service::GrpcStream(stream)) = read("grpc_stream \"\" s m") else { panic!("not read") };
        assert_eq!((stream.upstream, stream.metadata), (Vec::new(), None));
    }

    #[test]
    fn a_foreign_function_takes_bytes_or_a_number() {
        let named = Argument::Number(Number::Named { name: "t".into(), offset: 0 });
        let foreign = |argument, null| Ok(Service::Foreign(Foreign { name: b"f".to_vec(), argument, null, naming: None }));
        assert_eq!(read("foreign f"), foreign(Argument::default(), false));
        assert_eq!(read("foreign f null"), foreign(Argument::default(), true));
        assert_eq!(read("foreign f $t null"), foreign(named, true));
        assert_eq!(read("foreign f a%00"), foreign(Argument::Bytes(b"a\0".to_vec()), false));
        assert!(read("foreign f a b").is_err());
    }

    #[test]
    fn signs_count() {
        assert_eq!(read("increment $m -1"), Ok(Service::Increment { metric: number("$m").expect("a number"), offset: -1 }));
        assert!(read("record $m -1").is_err());
    }
}
