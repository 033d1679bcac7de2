//! What the hostcalls of gRPC do: a call or stream begins, sends, and is given up.

use super::super::events::Event;
use super::super::tokens::CalloutKind;
use super::super::{HeaderMap, MapKind, VmHost, header_map};
use super::call::Receiving;
use super::service::{Service, Target};
use super::{Call, GrpcId, Item, Pairs, owned};
use crate::lint::Lint;
use bytes::Bytes;
use proxy_filter_abi::Status;
use std::collections::VecDeque;
use std::time::Duration;

impl VmHost {
    pub(in crate::host) fn grpc_call(
        &self,
        upstream: &[u8],
        service: &[u8],
        method: &[u8],
        metadata: &[u8],
        message: &[u8],
        timeout: u32,
    ) -> Result<u32, Status> {
        let id = self.begin_grpc(CalloutKind::GrpcCall, upstream, [service, method], metadata, message.len(), Some(timeout))?;
        self.state.schedule_grpc(id, Duration::ZERO, Item::Message(Bytes::copy_from_slice(message)));
        self.half_close(id);
        Ok(id.token)
    }

    pub(in crate::host) fn grpc_stream(
        &self,
        upstream: &[u8],
        service: &[u8],
        method: &[u8],
        metadata: &[u8],
    ) -> Result<u32, Status> {
        self.begin_grpc(CalloutKind::GrpcStream, upstream, [service, method], metadata, 0, None).map(|id| id.token)
    }

    fn half_close(&self, id: GrpcId) {
        let first = self.state.with_grpc(id, |call, now| call.sent.replace(now).is_none());
        if first == Some(true) {
            self.state.schedule_grpc(id, Duration::ZERO, Item::HalfClose);
        }
    }

    fn begin_grpc(
        &self,
        kind: CalloutKind,
        upstream: &[u8],
        path: [&[u8]; 2],
        metadata: &[u8],
        message: usize,
        timeout: Option<u32>,
    ) -> Result<GrpcId, Status> {
        let (state, grpc) = (&self.state, &self.state.grpc);
        let service = match (Service::parse(upstream), std::str::from_utf8(upstream)) {
            (Ok(service), _) => service,
            (Err(_), Ok(name)) if grpc.knows(name) => {
                Service { target: Some(Target::Cluster(name.to_owned())), ..Service::default() }
            }
            (Err(_), name) => {
                let name = name.unwrap_or("bytes that are neither a name nor a GrpcService message");
                return Err(state.refuse(Status::ParseFailure, grpc.unknown(name)));
            }
        };
        let uri = matches!(service.target, Some(Target::Uri(_)));
        let Some(Target::Cluster(cluster) | Target::Uri(cluster)) = service.target else {
            state.found(Lint::GrpcWithoutTarget, Some(self.plugin().name.clone()));
            return Err(state.refuse(Status::InternalFailure, "GRP-4: Envoy would abort".to_owned()));
        };
        let Some(root) = self.root() else {
            return Err(state.refuse(Status::InternalFailure, "no context runs".to_owned()));
        };
        let authority = service.authority.unwrap_or_else(|| cluster.clone());
        let metadata = request_headers(&authority, path, timeout, service.metadata, metadata);
        let known = grpc.knows(&cluster);
        let size: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        state.begin_callout(&self.plugin().name, size.saturating_add(message))?;
        let token = self.tokens.next(kind);
        let id = GrpcId { vm: self.id, token };
        let timeout = timeout.filter(|timeout| known && *timeout > 0).map(|timeout| Duration::from_millis(timeout.into()));
        let call = Call {
            root: root.id,
            plugin: self.plugin().name.clone(),
            // What becomes of a stream to nowhere is what becomes of a call.
            kind: if known { kind } else { CalloutKind::GrpcCall },
            cluster: cluster.clone(),
            metadata,
            handler: None,
            record: None,
            to_service: VecDeque::new(),
            to_guest: VecDeque::new(),
            deadline: None,
            receiving: Receiving::new(kind == CalloutKind::GrpcCall),
            replied: false,
            sent: None,
            closed: false,
        };
        grpc.calls.borrow_mut().insert(id, call);
        if !known && uri {
            state.schedule_grpc(id, Duration::ZERO, Item::NoHost);
            return Ok(id);
        }
        if !known {
            state.schedule_grpc(id, Duration::ZERO, Item::NoCluster);
            return Err(state.refuse(Status::InternalFailure, grpc.unknown(&cluster)));
        }
        state.schedule_grpc(id, Duration::ZERO, Item::Start);
        if let Some(timeout) = timeout {
            let deadline = state.events.schedule(timeout, Event::GrpcTimesOut { id });
            state.with_grpc(id, |call, _| call.deadline = Some(deadline));
        }
        Ok(id)
    }

    /// GRP-10, GRP-11.
    pub(in crate::host) fn grpc_send(&self, token: u32, message: &[u8], end: bool) -> Result<(), Status> {
        if CalloutKind::of(token) != Some(CalloutKind::GrpcStream) {
            return Err(self.state.refuse(Status::BadArgument, format!("GRP-11: {token} is not a stream's token")));
        }
        let id = GrpcId { vm: self.id, token };
        if !self.state.grpc.has(id) {
            return Err(self.state.refuse(Status::NotFound, format!("GRP-11: there is no stream of token {token}")));
        }
        // To what either side has ended nothing is sent.
        let open = self.state.with_grpc(id, |call, _| call.sent.is_none() && !call.receiving.has_ended());
        if open == Some(true) {
            self.state.count_sent(&self.plugin().name, message.len())?;
            self.state.schedule_grpc(id, Duration::ZERO, Item::Message(Bytes::copy_from_slice(message)));
            if end {
                self.half_close(id);
            }
        }
        Ok(())
    }

    /// GRP-12, GRP-15.
    pub(in crate::host) fn grpc_cancel(&self, token: u32) -> Result<(), Status> {
        let (_, id) = self.find_grpc(token)?;
        self.state.cancel_grpc(id);
        Ok(())
    }

    /// GRP-12, GRP-14, GRP-15.
    pub(in crate::host) fn grpc_close(&self, token: u32) -> Result<(), Status> {
        let (kind, id) = self.find_grpc(token)?;
        let over = self.state.with_grpc(id, |call, _| std::mem::replace(&mut call.closed, true) || call.receiving.has_ended());
        if kind == CalloutKind::GrpcCall {
            self.state.cancel_grpc(id);
        } else if self.state.with_grpc(id, |call, _| call.receiving.has_ended()) == Some(true) {
            self.state.forget_grpc(id);
        } else if over == Some(false) {
            self.half_close(id);
        }
        Ok(())
    }

    fn find_grpc(&self, token: u32) -> Result<(CalloutKind, GrpcId), Status> {
        let kind = CalloutKind::of(token).filter(|kind| *kind != CalloutKind::HttpCall);
        let Some(kind) = kind else {
            return Err(self.state.refuse(Status::BadArgument, format!("GRP-15: {token} is not a token of gRPC")));
        };
        let id = GrpcId { vm: self.id, token };
        match self.state.grpc.has(id) {
            true => Ok((kind, id)),
            false => Err(self.state.refuse(Status::NotFound, format!("GRP-12: nothing of token {token} is in flight"))),
        }
    }
}

/// GRP-16: what Envoy's client sends.
fn request_headers(
    authority: &str,
    [service, method]: [&[u8]; 2],
    timeout: Option<u32>,
    of_service: Vec<(String, Vec<u8>)>,
    metadata: &[u8],
) -> Pairs {
    let path = [b"/", service, b"/", method].concat();
    let mut headers = HeaderMap::new(MapKind::RequestHeaders);
    headers.add(b":method", b"POST");
    headers.add(b":path", &path);
    headers.add(b":authority", authority.as_bytes());
    headers.add(b":scheme", b"http");
    headers.add(b"te", b"trailers");
    if let Some(timeout) = timeout {
        /// At most eight digits stand in the header.
        const MOST: u32 = 99_999_999;
        let text = if timeout <= MOST { format!("{timeout}m") } else { format!("{}S", timeout / 1000) };
        headers.add(b"grpc-timeout", text.as_bytes());
    }
    headers.add(b"content-type", b"application/grpc");
    let of_call = header_map::parse_leniently(metadata);
    for (name, value) in of_service.into_iter().map(|(name, value)| (name.into_bytes(), value)).chain(of_call) {
        headers.add(&name, &value);
    }
    headers.add(b"x-envoy-internal", b"true");
    owned(headers.entries().iter().map(|(name, value)| match name.ends_with(b"-bin") {
        true => (name.clone(), base64(value).into_bytes()),
        false => (name.clone(), value.clone()),
    }))
}

/// How bytes stand in a header whose name ends in `-bin`.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        let digit =
            move |index: usize| if index <= chunk.len() { char::from(DIGITS[bits >> (18 - 6 * index) & 63]) } else { '=' };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(digits).collect()
}
