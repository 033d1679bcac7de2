//! Asking a service, over HTTP or gRPC.

use crate::answer::{Answer, Verdict};
use crate::attributes::Attributes;
use crate::check;
use crate::config::{Protocol, Reason, Service};
use core::time::Duration;
use proxy_filter::prelude::*;

/// A service that has no answer, and what is known of it. No header and no body: they may hold secrets.
pub(crate) struct Trouble {
    pub(crate) reason: Reason,
    pub(crate) text: String,
}

impl Trouble {
    pub(crate) fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}

/// More than this no client needs to read of a refusal.
const MOST_BODY: usize = 64 * 1024;
/// More than this no service has to say to an upstream or a client.
const MOST_HEADERS: usize = 16 * 1024;

pub(crate) async fn ask(service: &Service, context: &Context, attributes: &Attributes) -> Result<Answer, Trouble> {
    let mut answer = match service.protocol {
        Protocol::Http => answer_of(&context.call(http_call(service, attributes)).await?, service)?,
        Protocol::Grpc => {
            let message = context.grpc_call(grpc_call(service, attributes)).await?;
            check::response(&message, &service.upstream_headers, &service.client_headers)?
        }
    };
    let size = |(name, value): &(String, Vec<u8>)| name.len() + value.len();
    if answer.headers.iter().map(size).sum::<usize>() > MOST_HEADERS {
        return Err(Trouble::new(Reason::Malformed, format!("more than {MOST_HEADERS} bytes of headers to pass on")));
    }
    if let Verdict::Denied { body, .. } = &mut answer.verdict {
        if body.len() > MOST_BODY {
            body.clear();
        }
    }
    // A cookie is for one client alone.
    answer.storable &= !answer.headers.iter().any(|(name, _)| name == "set-cookie");
    Ok(answer)
}

/// As forward-auth services have it: the request's own method, host and path are told in headers, its body is not.
fn http_call(service: &Service, attributes: &Attributes) -> HttpCall {
    let mut call = HttpCall::get(&service.cluster, service.path.as_deref().unwrap_or("/")).timeout(timeout(service));
    if !service.authority.is_empty() {
        call = call.with_authority(&service.authority);
    }
    for (name, of) in [
        ("x-forwarded-method", ":method"),
        ("x-forwarded-proto", ":scheme"),
        ("x-forwarded-host", ":authority"),
        ("x-forwarded-uri", ":path"),
    ] {
        call = call.header(name, attributes.first(of));
    }
    if let (true, Some(source)) = (service.source, &attributes.source) {
        call = call.header("x-forwarded-for", &source.ip);
    }
    for name in &service.request_headers {
        for value in attributes.values(name) {
            call = call.header(name, value);
        }
    }
    call
}

fn grpc_call(service: &Service, attributes: &Attributes) -> GrpcCall {
    GrpcCall::new(&service.cluster, check::SERVICE, check::METHOD)
        .with_authority(&service.authority)
        .message(check::request(service, attributes))
        .timeout(timeout(service))
}

fn timeout(service: &Service) -> Duration {
    Duration::from_millis(service.timeout_ms.into())
}

/// What an HTTP service has answered: 2xx lets pass, other statuses refuse, and 5xx says nothing of the request.
fn answer_of(reply: &CallReply, service: &Service) -> Result<Answer, Trouble> {
    let (mut answer, names) = match reply.status() {
        200..300 => (Answer::allowed(), &service.upstream_headers),
        status @ 300..500 => {
            let mut answer = Answer::denied(status);
            if let Verdict::Denied { body, .. } = &mut answer.verdict {
                *body = reply.body().to_vec();
            }
            (answer, &service.client_headers)
        }
        status @ 500..600 => return Err(Trouble::new(Reason::Error, format!("it answered {status}"))),
        status => return Err(Trouble::new(Reason::Malformed, format!("it answered {status}"))),
    };
    for name in names {
        answer.headers.extend(reply.headers().values(name).map(|value| (name.clone(), value.to_vec())));
    }
    if answer.verdict == Verdict::Allowed {
        let lists = reply.headers().values(check::TO_REMOVE).filter_map(|list| core::str::from_utf8(list).ok());
        answer.remove = lists.flat_map(|list| list.split(',')).filter_map(check::to_remove).collect();
    }
    let mut control = reply.headers().values("cache-control").flat_map(|value| value.windows(b"no-store".len()));
    answer.storable = !control.any(|part| part.eq_ignore_ascii_case(b"no-store"));
    Ok(answer)
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        let reason = match error {
            CallError::Refused { .. } => Reason::NotSent,
            CallError::Timeout => Reason::Timeout,
            CallError::Unreachable(_) => Reason::Unreachable,
            _ => Reason::Reset,
        };
        Self::new(reason, error.to_string())
    }
}

impl From<GrpcError> for Trouble {
    fn from(error: GrpcError) -> Self {
        // Envoy has no code of its own for its timeout, only words (GRP-7, GRP-23).
        let reason = match &error {
            GrpcError::Refused { .. } => Reason::NotSent,
            GrpcError::Status { code: 4, .. } => Reason::Timeout,
            GrpcError::Status { code: 14, message } if message.starts_with("upstream request timeout") => Reason::Timeout,
            GrpcError::Status { code: 13, message } if message == "response_timeout" => Reason::Timeout,
            GrpcError::Status { code: 14, .. } => Reason::Unreachable,
            GrpcError::Status { code: 13, .. } => Reason::Reset,
            GrpcError::Status { .. } => Reason::Error,
            _ => Reason::Malformed,
        };
        Self::new(reason, error.to_string())
    }
}

impl From<check::Malformed> for Trouble {
    fn from(error: check::Malformed) -> Self {
        Self::new(Reason::Malformed, error.to_string())
    }
}
