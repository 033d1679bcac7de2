//! A filter that reads every property that the SDK has a name for, in every callback that sees it, and logs what it reads.

use proxy_filter::prelude::*;
use proxy_filter::property::{self, InStream, Property};

/// What was set by `set_property` of this filter, or of one before it.
const TENANT: Property<String, InStream> = Property::new("tenant");

macro_rules! say {
    ($handle:expr; $($name:ident)+) => {
        $(say($handle, stringify!($name), &$handle.property(property::$name));)+
    };
}

macro_rules! anywhere {
    ($handle:expr) => {
        say! { $handle;
            XDS_NODE_ID XDS_NODE_CLUSTER XDS_NODE_METADATA XDS_NODE_LOCALITY_REGION XDS_NODE_LOCALITY_ZONE
            XDS_NODE_LOCALITY_SUB_ZONE XDS_NODE_USER_AGENT_NAME PLUGIN_NAME PLUGIN_ROOT_ID PLUGIN_VM_ID
        }
    };
}

macro_rules! in_stream {
    ($handle:expr) => {
        say! { $handle;
            REQUEST_TIME REQUEST_SIZE REQUEST_TOTAL_SIZE RESPONSE_FLAGS RESPONSE_SIZE RESPONSE_TOTAL_SIZE SOURCE_ADDRESS
            SOURCE_PORT DESTINATION_ADDRESS DESTINATION_PORT CONNECTION_ID CONNECTION_MTLS CONNECTION_REQUESTED_SERVER_NAME
            CONNECTION_TLS_VERSION CONNECTION_SUBJECT_LOCAL_CERTIFICATE CONNECTION_SUBJECT_PEER_CERTIFICATE
            CONNECTION_DNS_SAN_LOCAL_CERTIFICATE CONNECTION_DNS_SAN_PEER_CERTIFICATE CONNECTION_URI_SAN_LOCAL_CERTIFICATE
            CONNECTION_URI_SAN_PEER_CERTIFICATE CONNECTION_SHA256_PEER_CERTIFICATE_DIGEST CONNECTION_PEER_CERTIFICATE
            CONNECTION_TERMINATION_DETAILS CONNECTION_TRANSPORT_FAILURE_REASON UPSTREAM_REQUEST_ATTEMPT_COUNT
            UPSTREAM_NUM_ENDPOINTS XDS_CLUSTER_NAME XDS_CLUSTER_METADATA XDS_LISTENER_DIRECTION XDS_LISTENER_METADATA
            XDS_FILTER_CHAIN_NAME METADATA
        }
    };
}

macro_rules! in_http {
    ($handle:expr) => {
        say! { $handle;
            REQUEST_PROTOCOL REQUEST_HEADERS_BYTES RESPONSE_HEADERS_BYTES XDS_ROUTE_NAME XDS_ROUTE_METADATA
            XDS_VIRTUAL_HOST_NAME XDS_VIRTUAL_HOST_METADATA
        }
    };
}

macro_rules! in_request {
    ($handle:expr) => {
        say! { $handle;
            REQUEST_PATH REQUEST_URL_PATH REQUEST_QUERY REQUEST_HOST REQUEST_SCHEME REQUEST_METHOD REQUEST_REFERER
            REQUEST_USER_AGENT REQUEST_ID REQUEST_HEADERS
        }
    };
}

macro_rules! with_upstream {
    ($handle:expr) => {
        say! { $handle;
            UPSTREAM_ADDRESS UPSTREAM_PORT UPSTREAM_LOCAL_ADDRESS UPSTREAM_CX_POOL_READY_DURATION
            UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_LOCALITY_REGION UPSTREAM_LOCALITY_ZONE UPSTREAM_LOCALITY_SUB_ZONE
            UPSTREAM_TLS_VERSION UPSTREAM_SUBJECT_LOCAL_CERTIFICATE UPSTREAM_SUBJECT_PEER_CERTIFICATE
            UPSTREAM_DNS_SAN_LOCAL_CERTIFICATE UPSTREAM_DNS_SAN_PEER_CERTIFICATE UPSTREAM_URI_SAN_LOCAL_CERTIFICATE
            UPSTREAM_URI_SAN_PEER_CERTIFICATE UPSTREAM_SHA256_PEER_CERTIFICATE_DIGEST UPSTREAM_PEER_CERTIFICATE
            XDS_UPSTREAM_HOST_METADATA
        }
    };
}

macro_rules! in_response {
    ($handle:expr) => {
        say! { $handle;
            RESPONSE_CODE RESPONSE_CODE_DETAILS RESPONSE_GRPC_STATUS RESPONSE_HEADERS RESPONSE_TRAILERS RESPONSE_BACKEND_LATENCY
        }
    };
}

macro_rules! at_end {
    ($handle:expr) => {
        say! { $handle;
            REQUEST_DURATION
        }
    };
}

/// A line such as `REQUEST_PATH "/"`; nothing of what has no value.
fn say<T: core::fmt::Debug>(context: &Context, name: &str, read: &Result<Option<T>, PropertyError>) {
    let line = match read {
        Ok(Some(value)) => format!("{name} {value:?}"),
        Ok(None) => return,
        Err(error) => format!("{name} failed: {error}"),
    };
    // A test looks at the log: what cannot be logged fails it.
    let _ = context.log(LogLevel::Info, line);
}

fn title(context: &Context, callback: &str) {
    let _ = context.log(LogLevel::Info, format!("in {callback}"));
}

struct Attributes {
    config: String,
}

impl RootContext for Attributes {
    type Config = String;

    fn new(config: String, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        title(plugin, "configure");
        anywhere!(plugin);
        Ok(Self { config })
    }

    fn on_log(self: &Rc<Self>, log: AccessLog<'_>) -> Result<(), Failure> {
        title(&log, "access log");
        in_request!(&log);
        with_upstream!(&log);
        in_response!(&log);
        at_end!(&log);
        say(&log, "TENANT", &log.property(TENANT));
        Ok(())
    }
}

impl HttpPlugin for Attributes {
    type Http = Stream;

    fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> Stream {
        title(stream, "create");
        in_stream!(stream);
        in_http!(stream);
        Stream(Rc::clone(self))
    }
}

struct Stream(Rc<Attributes>);

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        title(&http, "request headers");
        in_request!(&http);
        match self.0.config.as_str() {
            "set" => set(&http),
            "raw" => raw(&http),
            _ => http.set_property("tenant", "shop")?,
        }
        Ok(HeadersAction::Continue)
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        title(&http, "request body");
        in_request!(&http);
        with_upstream!(&http);
        Ok(DataAction::Continue)
    }

    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        title(&http, "response headers");
        in_response!(&http);
        say(&http, "TENANT", &http.property(TENANT));
        Ok(HeadersAction::Continue)
    }

    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        title(&http, "response body");
        in_response!(&http);
        Ok(DataAction::Continue)
    }

    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        title(&http, "log");
        anywhere!(&http);
        in_stream!(&http);
        in_http!(&http);
        in_request!(&http);
        with_upstream!(&http);
        in_response!(&http);
        at_end!(&http);
        Ok(())
    }
}

/// What can be set, and what is refused.
fn set(http: &HttpStream) {
    for name in ["", "a\0b", "request", "plugin_name", "xds", "a.b", "node"] {
        let line = match http.set_property(name, b"mine") {
            Ok(()) => format!("{name:?} reads {:?}", http.property_bytes(&[name]).ok().flatten().map(|read| read.len())),
            Err(error) => format!("{name:?}: {error}"),
        };
        let _ = http.log(LogLevel::Info, line);
    }
}

/// What is read by path.
fn raw(http: &HttpStream) {
    const NS: [&str; 3] = ["metadata", "filter_metadata", "acme"];
    let at = |key| [NS[0], NS[1], NS[2], key];
    say(http, "text", &http.property_at::<String>(&at("text")));
    say(http, "number", &http.property_at::<f64>(&at("number")));
    say(http, "yes", &http.property_at::<bool>(&at("yes")));
    say(http, "list", &http.property_at::<Vec<String>>(&at("list")));
    say(http, "map", &http.property_at::<Vec<(String, String)>>(&at("map")));
    say(http, "none", &http.property_at::<String>(&at("none")));
    say(http, "number as text", &http.property_at::<i64>(&at("text")));
    say(http, "null", &http.property_bytes(&at("null")));
    say(http, "group", &http.property_bytes(&["request"]));
    say(http, "nul", &http.property_bytes(&["request", "a\0b"]));
}

impl TcpPlugin for Attributes {
    type Stream = Connection;

    fn create_stream_context(self: &Rc<Self>, _stream: &Tcp) -> Connection {
        Connection
    }
}

struct Connection;

impl StreamContext for Connection {
    fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        title(&tcp, "new connection");
        anywhere!(&tcp);
        in_stream!(&tcp);
        tcp.set_property("tenant", "bank")?;
        Ok(ConnectionAction::Continue)
    }

    fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        title(&tcp, "downstream data");
        with_upstream!(&tcp);
        say(&tcp, "TENANT", &tcp.property(TENANT));
        Ok(StreamAction::Continue)
    }
}

proxy_filter::register! {
    "attributes" => http Attributes,
    "attributes of connections" => tcp Attributes,
}
