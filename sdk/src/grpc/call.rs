use crate::http_call::to_millis;
use crate::pairs_buffer::{PairsBuffer, is_header_name};
use crate::{Error, Status, sys::Sys};
use alloc::{string::String, vec::Vec};
use core::fmt;
use core::time::Duration;
use proxy_filter_abi::protobuf::Message;

/// A gRPC request of the plugin's own, to a cluster of the proxy: made here, sent by [`Context::grpc_call`](crate::Context::grpc_call) or
/// [`Context::grpc_stream`](crate::Context::grpc_stream).
///
/// It owns what it is given. Messages are bytes: [`protobuf`](crate::protobuf) is enough for small ones, and any crate for protobuf
/// makes and reads larger ones.
///
/// ```
/// use proxy_filter::GrpcCall;
/// use std::time::Duration;
/// let call = GrpcCall::new("authz", "envoy.service.auth.v3.Authorization", "Check")
///     .metadata("x-tenant", "acme")
///     .message(b"\x0a\x03ann")
///     .timeout(Duration::from_millis(250));
/// # let _ = call;
/// ```
///
/// # The cluster
///
/// The host is given a `GrpcService` message that holds the cluster's name. By the name alone Envoy aborts where that happens to be
/// protobuf, such as `users` or `auth-grpc` (GRP-4).
#[derive(Clone)]
#[must_use = "it is sent by `grpc_call` or `grpc_stream`"]
pub struct GrpcCall {
    cluster: String,
    authority: String,
    service: String,
    method: String,
    metadata: PairsBuffer,
    message: Option<Vec<u8>>,
    timeout: u32,
}

impl GrpcCall {
    /// How long a call waits that was given no timeout.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

    /// A request for this method of a service, by its full name, to a cluster of the proxy, by its name (in Istio
    /// `outbound|9000||authz.default.svc.cluster.local`).
    pub fn new(cluster: impl Into<String>, service: impl Into<String>, method: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            authority: String::new(),
            service: service.into(),
            method: method.into(),
            metadata: PairsBuffer::new(),
            message: None,
            timeout: to_millis(Self::DEFAULT_TIMEOUT),
        }
    }

    /// Whom the request is for (`:authority`); the cluster's name unless you say otherwise (GRP-26).
    pub fn with_authority(mut self, authority: impl Into<String>) -> Self {
        self.authority = authority.into();
        self
    }

    /// Adds to the initial metadata; the proxy lower-cases the name (GRP-16). The value of a name that ends in `-bin` may be any bytes
    /// (GRP-25); in others each control byte but the tab becomes a space. What has a name that is none (RFC 9110, 5.6.2) is left out.
    pub fn metadata(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        match name.ends_with(b"-bin") && is_header_name(name) {
            true => self.metadata.push(name, value),
            false => self.metadata.push_header(name, value),
        }
        self
    }

    /// The message; of a stream the first, which is sent at once.
    pub fn message(mut self, message: impl Into<Vec<u8>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// How long to wait for the answer to a unary call, in milliseconds rounded up, at most 2^31-1 of them (24 days). [`Duration::ZERO`]
    /// stands for these, since Envoy would tell the server that there is no time at all (GRP-23). A stream has no timeout: see
    /// [`timeout`](crate::Context::timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = to_millis(if timeout.is_zero() { Duration::MAX } else { timeout });
        self
    }

    pub(super) fn into_cluster(self) -> String {
        self.cluster
    }

    pub(super) fn first_message(&self) -> Option<&[u8]> {
        self.message.as_deref()
    }

    /// GRP-4: a service without a target cannot be sent.
    fn target(&self, hostcall: &'static str) -> Result<Vec<u8>, Error> {
        if self.cluster.is_empty() {
            return Err(Error { hostcall, status: Status::BadArgument });
        }
        let envoy = Message::new().bytes(1, self.cluster.as_bytes()).bytes(2, self.authority.as_bytes()).into_bytes();
        Ok(Message::new().bytes(1, &envoy).into_bytes())
    }

    pub(super) fn send(&mut self, sys: &Sys) -> Result<u32, Error> {
        let target = self.target("proxy_grpc_call")?;
        let message = self.message.as_deref().unwrap_or_default();
        let (service, method) = (self.service.as_bytes(), self.method.as_bytes());
        sys.proxy_grpc_call(&target, service, method, self.metadata.wire(), message, self.timeout)
    }

    pub(super) fn open(&mut self, sys: &Sys) -> Result<u32, Error> {
        let target = self.target("proxy_grpc_stream")?;
        sys.proxy_grpc_stream(&target, self.service.as_bytes(), self.method.as_bytes(), self.metadata.wire())
    }
}

impl fmt::Debug for GrpcCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcCall")
            .field("cluster", &self.cluster)
            .field("service", &self.service)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
