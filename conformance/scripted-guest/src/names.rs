//! The ABI's numbers and the names that scripts and log lines use for them.

macro_rules! callbacks {
    ($($variant:ident $name:literal,)*) => {
        /// A callback, as a script names it: the export's name without `proxy_on_`, TCP closes shortened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Callback {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        impl Callback {
            /// The name in scripts and log lines.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The callback of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

callbacks! {
    ContextCreate "context_create",
    VmStart "vm_start",
    Configure "configure",
    Tick "tick",
    Done "done",
    Log "log",
    Delete "delete",
    RequestHeaders "request_headers",
    RequestBody "request_body",
    RequestTrailers "request_trailers",
    RequestMetadata "request_metadata",
    ResponseHeaders "response_headers",
    ResponseBody "response_body",
    ResponseTrailers "response_trailers",
    ResponseMetadata "response_metadata",
    NewConnection "new_connection",
    DownstreamData "downstream_data",
    DownstreamClose "downstream_close",
    UpstreamData "upstream_data",
    UpstreamClose "upstream_close",
    HttpCallResponse "http_call_response",
    GrpcReceiveInitialMetadata "grpc_receive_initial_metadata",
    GrpcReceive "grpc_receive",
    GrpcReceiveTrailingMetadata "grpc_receive_trailing_metadata",
    GrpcClose "grpc_close",
    QueueReady "queue_ready",
    ForeignFunction "foreign_function",
}

const MAPS: &[&str] = &[
    "request_headers",
    "request_trailers",
    "response_headers",
    "response_trailers",
    "grpc_initial_metadata",
    "grpc_trailing_metadata",
    "call_headers",
    "call_trailers",
];

const BUFFERS: &[&str] = &[
    "request_body",
    "response_body",
    "downstream_data",
    "upstream_data",
    "call_body",
    "grpc_message",
    "vm_config",
    "plugin_config",
    "foreign",
];

const METRICS: &[&str] = &["counter", "gauge", "histogram"];

const STATUSES: &[&str] = &[
    "Ok",
    "NotFound",
    "BadArgument",
    "SerializationFailure",
    "ParseFailure",
    "BadExpression",
    "InvalidMemoryAccess",
    "Empty",
    "CasMismatch",
    "ResultMismatch",
    "InternalFailure",
    "BrokenConnection",
    "Unimplemented",
];

/// A map by its name or by its number, which need not be a known one.
pub fn map_number(word: &str) -> Option<u32> {
    number(MAPS, word)
}

/// A buffer by its name or by its number, which need not be a known one.
pub fn buffer_number(word: &str) -> Option<u32> {
    number(BUFFERS, word)
}

/// A metric type by its name or by its number, which need not be a known one.
pub fn metric_number(word: &str) -> Option<u32> {
    number(METRICS, word)
}

/// The name of a status, unless the host made one up.
pub fn status_name(status: u32) -> Option<&'static str> {
    STATUSES.get(status as usize).copied()
}

fn number(names: &[&str], word: &str) -> Option<u32> {
    match names.iter().position(|name| *name == word) {
        Some(position) => u32::try_from(position).ok(),
        None => word.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_both_work() {
        assert_eq!(map_number("response_headers"), Some(2));
        assert_eq!(map_number("9"), Some(9));
        assert_eq!(map_number("headers"), None);
        assert_eq!(buffer_number("plugin_config"), Some(7));
        assert_eq!(metric_number("histogram"), Some(2));
        assert_eq!(Callback::from_name("request_body"), Some(Callback::RequestBody));
        assert_eq!(Callback::from_name("proxy_on_request_body"), None);
        assert_eq!(status_name(12), Some("Unimplemented"));
        assert_eq!(status_name(13), None);
    }
}
