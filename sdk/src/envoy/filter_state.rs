use crate::abi::protobuf::Message;
use crate::{Context, ForeignError, Plugin};
use core::net::SocketAddr;

/// How long an object of the filter state, or a declared property, lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifeSpan {
    /// For this chain of filters: gone after an internal redirect.
    #[default]
    FilterChain,
    /// For the whole request, internal redirects included.
    Request,
    /// For the client's connection, and so for its later requests.
    Connection,
}

impl LifeSpan {
    const fn to_wire(self) -> u64 {
        match self {
            Self::FilterChain => 0,
            Self::Request => 1,
            Self::Connection => 2,
        }
    }
}

/// Keys of the filter state whose objects Envoy makes from a text (FOR-12).
pub mod key {
    /// `envoy.network.upstream_server_name`: the SNI of the TLS connection to the upstream.
    pub const UPSTREAM_SERVER_NAME: &str = "envoy.network.upstream_server_name";
    /// `envoy.network.upstream_subject_alt_names`: which the upstream's certificate must have one of; separated by commas.
    pub const UPSTREAM_SUBJECT_ALT_NAMES: &str = "envoy.network.upstream_subject_alt_names";
    /// `envoy.network.application_protocols`: the ALPN to the upstream; separated by commas.
    pub const APPLICATION_PROTOCOLS: &str = "envoy.network.application_protocols";
    /// `envoy.network.transport_socket.original_dst_address`: the upstream of an original-destination cluster, `IP:PORT`.
    pub const ORIGINAL_DST_ADDRESS: &str = "envoy.network.transport_socket.original_dst_address";
    /// `envoy.upstream.dynamic_host`: the host of a dynamic forward proxy.
    pub const DYNAMIC_HOST: &str = "envoy.upstream.dynamic_host";
    /// `envoy.upstream.dynamic_port`: the port of a dynamic forward proxy.
    pub const DYNAMIC_PORT: &str = "envoy.upstream.dynamic_port";
    /// `envoy.tcp_proxy.cluster`: the cluster of a TCP connection.
    pub const TCP_PROXY_CLUSTER: &str = "envoy.tcp_proxy.cluster";
    /// `envoy.tcp_proxy.disable_tunneling`: `true` sends a TCP connection on as it is.
    pub const TCP_PROXY_DISABLE_TUNNELING: &str = "envoy.tcp_proxy.disable_tunneling";
    /// `envoy.tcp_proxy.per_connection_idle_timeout_ms`: the idle timeout of a TCP connection.
    pub const TCP_PROXY_IDLE_TIMEOUT_MS: &str = "envoy.tcp_proxy.per_connection_idle_timeout_ms";
    /// `envoy.ratelimit.hits_addend`: for how many requests this one counts in the rate limit.
    pub const RATE_LIMIT_HITS_ADDEND: &str = "envoy.ratelimit.hits_addend";
    /// `envoy.string`: a text without a meaning of its own.
    pub const STRING: &str = "envoy.string";
}

/// Sets an object of the stream's filter state by a text: what Envoy's own filters read, such as those of [`key`]. Most can be read again as
/// the property `filter_state.KEY` (FOR-11).
///
/// What `set_property` sets are other objects, for filters in Wasm, with keys that begin with `wasm.` (PRO-10).
///
/// # Errors
/// - `NOT_FOUND`: Envoy makes no object of this key from a text; or the context is a root's; or the proxy has no such function.
/// - `BAD_ARGUMENT`: the key's object cannot have this value.
pub fn set_filter_state(context: &Context, key: &str, value: &str, span: LifeSpan) -> Result<(), ForeignError> {
    let message = Message::new().bytes(1, key.as_bytes()).bytes(2, value.as_bytes()).varint(3, span.to_wire());
    context.call_foreign_function("set_envoy_filter_state", message.into_bytes()).map(drop)
}

/// Sends the request to this address: the upstream of a cluster of type `ORIGINAL_DST` (FOR-12).
///
/// A cluster with a list of hosts takes no notice: Envoy up to 1.40 has no foreign function for it (`set_upstream_override_host`, FOR-1). Such
/// a cluster with the load balancer `override_host` takes the address from a header.
///
/// # Errors
/// As [`set_filter_state`].
pub fn override_upstream(context: &Context, address: SocketAddr) -> Result<(), ForeignError> {
    use alloc::string::ToString;
    set_filter_state(context, key::ORIGINAL_DST_ADDRESS, &address.to_string(), LifeSpan::Request)
}

/// How a property is kept that streams set by `set_property`; declared by their root, at most once for a name (FOR-10).
///
/// ```
/// # mod tag {
/// use proxy_filter::envoy::{Declaration, LifeSpan};
/// use proxy_filter::prelude::*;
///
/// # pub struct Root;
/// # impl RootContext for Root {
/// #     type Config = ();
/// fn new(_: (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
///     Declaration::new("acme.tenant").text().read_only().span(LifeSpan::Connection).declare(plugin)?;
///     Ok(Self)
/// }
/// # }
/// # proxy_filter::register! { "tag" => root Root }
/// # }
/// # use proxy_filter_test::{MockProxy, Plugin};
/// # let proxy = MockProxy::new(Plugin::native(&tag::PLUGINS, "tag")).unwrap();
/// # assert_eq!(proxy.foreign_calls()[0].arguments, b"\x0a\x0bacme.tenant\x10\x01\x18\x01\x28\x02");
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it has an effect when it is declared"]
pub struct Declaration<'a> {
    name: &'a str,
    read_only: bool,
    text: bool,
    span: LifeSpan,
}

impl<'a> Declaration<'a> {
    /// A property of this name: bytes, that can be set again and again, for this chain of filters.
    pub const fn new(name: &'a str) -> Self {
        Self { name, read_only: false, text: false, span: LifeSpan::FilterChain }
    }

    /// It is set once; a second time is refused (PRO-17).
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// It is a text: in an [`Expression`](super::Expression) it equals one, where bytes do not.
    pub const fn text(mut self) -> Self {
        self.text = true;
        self
    }

    /// How long it lives.
    pub const fn span(mut self, span: LifeSpan) -> Self {
        self.span = span;
        self
    }

    /// Declares it. A stream's own declaration would count for nothing (FOR-18), so that it takes a root.
    ///
    /// # Errors
    /// - `BAD_ARGUMENT`: the root has declared it already.
    /// - `NOT_FOUND`: the proxy has no such function.
    pub fn declare(self, plugin: &Plugin<'_>) -> Result<(), ForeignError> {
        let message = Message::new().bytes(1, self.name.as_bytes()).varint(2, self.read_only.into()).varint(3, self.text.into());
        plugin.call_foreign_function("declare_property", message.varint(5, self.span.to_wire()).into_bytes()).map(drop)
    }
}
