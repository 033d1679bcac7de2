//! The enumerations that cross the boundary as integers.

use core::fmt;

macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal $spec:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every value, in the order of the wire.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Reads the value from the wire; `None` is a code that the specification does not know.
            pub const fn from_wire(code: u32) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The code on the wire.
            #[inline]
            pub const fn to_wire(self) -> u32 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The specification's name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $spec,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

wire_enum! {
    /// The severity of a log line. Source: specification v0.2.1, `proxy_log_level_t`.
    LogLevel {
        /// 0
        Trace = 0 "TRACE",
        /// 1
        Debug = 1 "DEBUG",
        /// 2
        Info = 2 "INFO",
        /// 3
        Warn = 3 "WARN",
        /// 4
        Error = 4 "ERROR",
        /// 5
        Critical = 5 "CRITICAL",
    }
}

wire_enum! {
    /// Which header map a hostcall means. Source: specification v0.2.1, `proxy_header_map_type_t`.
    MapType {
        /// 0: the request's headers, pseudo-headers included.
        HttpRequestHeaders = 0 "HTTP_REQUEST_HEADERS",
        /// 1: the request's trailers.
        HttpRequestTrailers = 1 "HTTP_REQUEST_TRAILERS",
        /// 2: the response's headers, `:status` included.
        HttpResponseHeaders = 2 "HTTP_RESPONSE_HEADERS",
        /// 3: the response's trailers.
        HttpResponseTrailers = 3 "HTTP_RESPONSE_TRAILERS",
        /// 4: the initial metadata that a gRPC callout received.
        GrpcCallInitialMetadata = 4 "GRPC_CALL_INITIAL_METADATA",
        /// 5: the trailing metadata that a gRPC callout received.
        GrpcCallTrailingMetadata = 5 "GRPC_CALL_TRAILING_METADATA",
        /// 6: the headers of an HTTP callout's response.
        HttpCallResponseHeaders = 6 "HTTP_CALL_RESPONSE_HEADERS",
        /// 7: the trailers of an HTTP callout's response.
        HttpCallResponseTrailers = 7 "HTTP_CALL_RESPONSE_TRAILERS",
    }
}

wire_enum! {
    /// Which buffer a hostcall means. Source: specification v0.2.1, `proxy_buffer_type_t`.
    BufferType {
        /// 0: the request's body: the current chunk, or all that is held back.
        HttpRequestBody = 0 "HTTP_REQUEST_BODY",
        /// 1: the response's body: the current chunk, or all that is held back.
        HttpResponseBody = 1 "HTTP_RESPONSE_BODY",
        /// 2: bytes from the client of a TCP stream.
        DownstreamData = 2 "DOWNSTREAM_DATA",
        /// 3: bytes from the upstream of a TCP stream.
        UpstreamData = 3 "UPSTREAM_DATA",
        /// 4: the body of an HTTP callout's response.
        HttpCallResponseBody = 4 "HTTP_CALL_RESPONSE_BODY",
        /// 5: a message that a gRPC callout received.
        GrpcCallMessage = 5 "GRPC_CALL_MESSAGE",
        /// 6: the configuration of the VM.
        VmConfiguration = 6 "VM_CONFIGURATION",
        /// 7: the configuration of the plugin.
        PluginConfiguration = 7 "PLUGIN_CONFIGURATION",
        /// 8: the arguments of a foreign function.
        ForeignFunctionArguments = 8 "FOREIGN_FUNCTION_ARGUMENTS",
    }
}

wire_enum! {
    /// Which half of a stream to continue or close. Source: specification v0.2.1, `proxy_stream_type_t`.
    StreamType {
        /// 0
        HttpRequest = 0 "HTTP_REQUEST",
        /// 1
        HttpResponse = 1 "HTTP_RESPONSE",
        /// 2
        Downstream = 2 "DOWNSTREAM",
        /// 3
        Upstream = 3 "UPSTREAM",
    }
}

wire_enum! {
    /// What a metric does with its samples. Source: specification v0.2.1, `proxy_metric_type_t`.
    MetricType {
        /// 0: only grows.
        Counter = 0 "COUNTER",
        /// 1: goes up and down.
        Gauge = 1 "GAUGE",
        /// 2: records a distribution.
        Histogram = 2 "HISTOGRAM",
    }
}

wire_enum! {
    /// Who closed a TCP connection. Source: specification v0.2.1, `proxy_peer_type_t`.
    PeerType {
        /// 0
        Unknown = 0 "UNKNOWN",
        /// 1: the proxy.
        Local = 1 "LOCAL",
        /// 2: the other end.
        Remote = 2 "REMOTE",
    }
}

/// A version of the ABI, as a module declares it by exporting a marker function.
///
/// ```
/// use proxy_filter_abi::AbiVersion;
/// assert_eq!(AbiVersion::from_marker("proxy_abi_version_0_2_1"), Some(AbiVersion::V0_2_1));
/// assert!(AbiVersion::V0_1_0 < AbiVersion::V0_2_0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(non_camel_case_types, reason = "V0_2_1 reads as the version it is")]
pub enum AbiVersion {
    /// 0.1.0: header callbacks have no `end_of_stream`; a missing header is empty, not `NOT_FOUND`.
    V0_1_0,
    /// 0.2.0: one `proxy_continue_stream` for all, `proxy_close_stream`, `proxy_on_foreign_function`.
    V0_2_0,
    /// 0.2.1: adds `proxy_get_log_level`.
    V0_2_1,
}

impl AbiVersion {
    /// Every version, oldest first.
    pub const ALL: &'static [Self] = &[Self::V0_1_0, Self::V0_2_0, Self::V0_2_1];

    /// The version that an export of this name declares.
    pub fn from_marker(export: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|version| version.marker() == export)
    }

    /// The name of the export that declares this version.
    pub const fn marker(self) -> &'static str {
        match self {
            Self::V0_1_0 => "proxy_abi_version_0_1_0",
            Self::V0_2_0 => "proxy_abi_version_0_2_0",
            Self::V0_2_1 => "proxy_abi_version_0_2_1",
        }
    }
}

impl fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
            Self::V0_2_1 => "0.2.1",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn codes_are_dense_and_survive_the_round_trip() {
        for (code, value) in (0..).zip(MapType::ALL) {
            assert_eq!(MapType::from_wire(code), Some(*value));
            assert_eq!(value.to_wire(), code);
        }
        assert_eq!(MapType::from_wire(8), None);
        assert_eq!(BufferType::from_wire(9), None);
        assert_eq!(StreamType::from_wire(4), None);
        assert_eq!(MetricType::from_wire(3), None);
        assert_eq!(LogLevel::from_wire(6), None);
        assert_eq!(PeerType::from_wire(u32::MAX), None);
    }
}
