//! Runs a scenario on the mock host, and writes what came of it as HTTP/1.1 would carry it.

mod cluster;
mod connection;
mod grpc;
mod metric;

use crate::envoy::STATS_TAGS;
use crate::error::Error;
use crate::http2;
use crate::known;
use crate::message::{Message, Pairs};
use crate::observation::{End, Observation, Outcome, Received};
use crate::scenario::{self, ConfigType, FailurePolicy, Framing, Guest, Protocol, Request, Response, Role, Scenario, Upstream};
use http::StatusCode;
use proxy_filter_test::{self as harness, Answer, Builder, MockProxy, Plugin};
use std::time::Duration;

/// What the sender of a message waits for at least before it sends on.
const PACE: Duration = Duration::from_millis(10);

/// Runs a scenario on the mock host.
///
/// # Errors
/// When the mock host refuses the plugin.
pub fn run(scenario: &Scenario) -> Result<Observation, Error> {
    let mut builder = MockProxy::builder().log_level(harness::LogLevel::Info).pace(PACE);
    for plugin in scenario.plugins() {
        let configured = configured(scenario, &plugin)?;
        builder = match plugin.role {
            Role::Filter => builder.plugin(configured),
            Role::AccessLogger => builder.access_logger(configured),
            Role::Service => builder.service(configured),
        };
    }
    if scenario.main_thread {
        builder = builder.main_thread();
    }
    builder = configured_properties(builder, scenario);
    // What fails a test is here a row like any other.
    builder = harness::Lint::ALL.iter().fold(builder, |builder, lint| builder.allow(*lint));
    let framing = |protocol| match protocol {
        Protocol::Http1 => harness::Framing::Http1,
        Protocol::Http2 => harness::Framing::Http2,
    };
    builder = builder.framing(framing(scenario.downstream)).upstream_framing(framing(scenario.upstream_protocol));
    if let Some(limit) = scenario.buffer_limit {
        builder = builder.buffer_limit(limit as usize);
    }
    for cluster in &scenario.clusters {
        builder = builder.set_cluster(&cluster.name, cluster::configured(cluster));
    }
    builder = builder.stats_tags(STATS_TAGS);
    if let Some(behaviour) = &scenario.grpc {
        builder = builder.grpc_cluster(&crate::grpc::cluster(scenario.name), grpc::cluster(behaviour));
    }
    if scenario.only_loads {
        return Ok(load(scenario, builder.start()));
    }
    let proxy = builder.start().map_err(Error::while_doing(format!("start the mock host for {}", scenario.name)))?;
    // The client of the real Envoy is of this machine too.
    proxy.set_property("source.address", "127.0.0.1:50000");
    if !scenario.connections.is_empty() {
        return Ok(connection::play(scenario, &proxy));
    }
    let (upstream, protocol) = (scenario.upstream.clone(), scenario.upstream_protocol);
    let latency = scenario.upstream_latency;
    let timeout = Duration::from_millis(scenario.route_timeout.unwrap_or_default());
    proxy.set_raw_upstream(move |_| match &upstream {
        // A body without a length ends with its connection.
        Upstream::Respond(response) if response.then_close && tells_its_length(response) => {
            Answer::ResetAfter(response_of(response, protocol))
        }
        Upstream::Respond(response) => Answer::Response(response_of(response, protocol)).after(latency),
        Upstream::CloseBeforeResponse => Answer::ResetBeforeResponse.after(latency),
        Upstream::Refuse => Answer::Refuse,
        Upstream::Silent => Answer::Timeout.after(timeout),
        Upstream::NoCluster => Answer::NoCluster,
    });
    let mut observation = Observation::default();
    for request in scenario.requests() {
        if let Some(text) = request.when {
            cluster::wait_for(text, 1, scenario, &proxy);
        }
        if request.raw.as_ref().is_some_and(|bytes| bytes.is_empty()) {
            // CTX-2: a connection is no stream.
            observation.client.push(Outcome { end: End::Left, ..Outcome::default() });
            continue;
        }
        let exchange = match &request.raw {
            Some(_) => {
                let mut stream = proxy.open_stream();
                stream.send_malformed_request();
                stream.into_exchange()
            }
            None => match request.disconnect_after {
                Some(frames) => send_part(&proxy, &request_of(&request, scenario.downstream), frames, false),
                // That there is nobody shows before the body comes.
                None if matches!(scenario.upstream, Upstream::Refuse | Upstream::NoCluster) => {
                    send_part(&proxy, &request_of(&request, scenario.downstream), 1, true)
                }
                None => proxy.send(request_of(&request, scenario.downstream)),
            },
        };
        let waits = || matches!(exchange.outcome(), harness::Outcome::Paused | harness::Outcome::Open);
        if request.disconnect_after.is_none() && waits() {
            proxy.advance(scenario.patience);
        }
        let left = request.disconnect_after.is_some() && waits();
        // Who has lost patience closes the connection.
        let hung = waits();
        proxy.disconnect(&exchange);
        let head = request.method == "HEAD";
        // A request reaches a server that listens; nobody does where connections are refused.
        if let Some(message) =
            exchange.raw_upstream_request().filter(|_| !matches!(scenario.upstream, Upstream::Refuse | Upstream::NoCluster))
        {
            let complete = exchange.upstream_request_is_complete();
            let (request, fits) = match scenario.upstream_protocol {
                Protocol::Http1 => encode_request(&message, complete),
                Protocol::Http2 => (plain(http2::START.to_vec(), &message), true),
            };
            observation.upstream.push(Received { request, complete: complete && fits });
        }
        let end = match exchange.outcome() {
            _ if left => End::Left,
            _ if hung => End::Hung,
            harness::Outcome::Complete => End::Complete,
            harness::Outcome::Reset => End::Cut,
            _ => End::Hung,
        };
        let response = exchange.raw_response().map(|message| match scenario.downstream {
            Protocol::Http1 => encode_response(&message, head),
            Protocol::Http2 => (plain(http2::START.to_vec(), &message), true),
        });
        let end = match &response {
            // Fewer bytes than its length says: the client waits for the rest.
            Some((_, false)) if end == End::Complete => End::Hung,
            _ => end,
        };
        // SEQ-33: the connection manager says so by itself, before any filter runs.
        let expects = request.headers.iter().any(|(name, value)| name == b"expect" && value == b"100-continue");
        let informational =
            expects.then(|| Message { start: b"HTTP/1.1 100 Continue".to_vec(), ..Message::default() }).into_iter().collect();
        observation.client.push(Outcome {
            informational,
            response: response.map(|(response, _)| response),
            end,
            ..Outcome::default()
        });
    }
    for (text, count) in &scenario.awaited {
        cluster::wait_for(text, *count, scenario, &proxy);
    }
    observation.clusters = cluster::received(scenario, &proxy);
    observation.metrics = metric::lines(&proxy, &scenario.metrics);
    if scenario.grpc.is_some() {
        proxy.advance(Duration::from_secs(1));
        let requests = proxy.grpc_requests_to(&crate::grpc::cluster(scenario.name));
        observation.grpc = requests.iter().map(grpc::received).collect();
    }
    observation.findings =
        proxy.findings().iter().map(harness::Finding::lint).filter(|lint| lint.fails()).map(harness::Lint::row).collect();
    // CAP-2, CAP-4: Envoy logs that in its own name.
    let of_plugin = |message: &String| !message.starts_with("Attempted call to restricted ");
    // As in Envoy's log, what services say on the main thread counts where the scenario says so.
    let services: Vec<_> =
        scenario.plugins().into_iter().filter(|plugin| plugin.role == Role::Service).map(|plugin| plugin.name).collect();
    let counts = |line: &harness::LogLine| scenario.main_thread || !services.contains(&line.plugin.as_str());
    observation.log = proxy.log().into_iter().filter(counts).map(|line| line.message).filter(of_plugin).collect();
    Ok(observation.normalised())
}

/// What Envoy's configuration says of every scenario.
fn configured_properties(builder: Builder, scenario: &Scenario) -> Builder {
    let metadata = |builder: Builder, path: &str, of: &str| {
        let metadata = known::metadata(of);
        builder.property(path, metadata)
    };
    let node = known::node();
    let builder = ["id", "cluster", "metadata", "locality"]
        .into_iter()
        .fold(builder, |builder, name| builder.property(["xds", "node", name], node[name].clone()));
    let builder = builder
        .property("upstream.locality", node["locality"].clone())
        .property("xds.cluster_name", scenario.name)
        .property("xds.route_name", "all")
        .property("xds.virtual_host_name", scenario.name)
        .property("xds.filter_chain_name", "chain")
        .property("xds.listener_direction", 1_i64);
    let builder = metadata(builder, "xds.listener_metadata", "listener");
    let builder = metadata(builder, "xds.route_metadata", "route");
    let builder = metadata(builder, "xds.virtual_host_metadata", "virtual host");
    let builder = builder.property("xds.cluster_metadata", known::metadata_in(scenario, "cluster"));
    builder.property("xds.upstream_host_metadata", known::metadata_in(scenario, "host"))
}

/// The bytes that a plugin gets (LIF-24, LIF-25).
fn config_of(scenario: &Scenario, plugin: &scenario::Plugin) -> Vec<u8> {
    let config = plugin.config.as_deref().unwrap_or_default().as_bytes();
    let field = |tag: u8, value: &[u8]| [&[tag, u8::try_from(value.len()).unwrap_or(u8::MAX)], value].concat();
    match scenario.config_type {
        ConfigType::String | ConfigType::Bytes => config.to_vec(),
        // A map's entry: its key, and a Value with a string.
        ConfigType::Struct => field(0x0a, &[field(0x0a, b"a"), field(0x12, &field(0x1a, config))].concat()),
    }
}

/// Sends only so many frames of a request; its headers are the first. The upstream answers what has come whole, or `at_once`.
fn send_part(proxy: &MockProxy, request: &harness::Message, frames: usize, at_once: bool) -> harness::Exchange {
    let mut stream = proxy.open_stream();
    let whole = request.chunks().is_empty() && request.trailers().is_empty() && !request.chunked();
    stream.send_request(harness::Message::new(request.headers().to_vec()), whole);
    for chunk in request.chunks().iter().take(frames - 1) {
        stream.send_request_body(chunk.clone(), false);
    }
    if (whole || at_once) && stream.reached_upstream() {
        stream.answer();
    }
    stream.into_exchange()
}

/// Whether the mock host takes the plugin; that it says why is its finding.
fn load(scenario: &Scenario, started: Result<MockProxy, harness::Refused>) -> Observation {
    let mut observation = Observation::load(started.is_ok());
    let row = scenario.rows.first().copied().unwrap_or_default();
    if scenario.fatal && started.is_err_and(|refused| refused.to_string().contains(&format!("({row})"))) {
        observation.findings.push(row);
    }
    observation
}

/// A plugin of the scenario as the mock host takes it.
fn configured(scenario: &Scenario, plugin: &scenario::Plugin) -> Result<Plugin, Error> {
    let module = match &scenario.guest {
        Guest::Wasm(bytes) => Plugin::from_bytes(bytes.as_ref()),
        guest => Plugin::from_file(guest.build()?),
    };
    let configured = module
        .name(plugin.name)
        .root_id(plugin.root_id)
        .vm_id(plugin.vm_id)
        .config(config_of(scenario, plugin))
        .vm_config(scenario.vm_config.unwrap_or_default())
        .allowed_capabilities(scenario.capabilities)
        .allow_on_headers_stop_iteration(scenario.allow_on_headers_stop_iteration);
    let configured = scenario.environment.iter().fold(configured, |plugin, (key, value)| plugin.environment(*key, *value));
    Ok(match plugin.failure_policy {
        FailurePolicy::Closed => configured.failure_policy(harness::FailurePolicy::Closed),
        FailurePolicy::Open => configured.failure_policy(harness::FailurePolicy::Open),
        FailurePolicy::FailOpen => configured.fail_open(true),
        FailurePolicy::Reload(interval) => {
            configured.failure_policy(harness::FailurePolicy::Reload { base_interval: Duration::from_millis(interval) })
        }
    })
}

fn request_of(request: &Request, protocol: Protocol) -> harness::Message {
    let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host")).map(|(_, value)| value.as_slice());
    let (method, path) = ((":method", request.method.as_bytes()), (":path", request.path.as_bytes()));
    let (scheme, authority) = ((":scheme", &b"http"[..]), host.map(|host| (":authority", host)));
    // The order in which Envoy's codec of HTTP/1 writes them down; over HTTP/2 it is the client's.
    let pseudo = match protocol {
        Protocol::Http1 => [authority, Some(path), Some(method), Some(scheme)],
        Protocol::Http2 => [Some(method), Some(scheme), Some(path), authority],
    };
    let message = harness::Message::new(pseudo.into_iter().flatten());
    let others: Vec<_> = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"host")).cloned().collect();
    finish(message, protocol, &others, &request.body, request.framing, &request.trailers)
}

fn response_of(response: &Response, protocol: Protocol) -> harness::Message {
    let message = harness::Message::new([(":status", response.status.to_string())]);
    finish(message, protocol, &response.headers, &response.body, response.framing, &response.trailers)
}

fn finish(
    mut message: harness::Message,
    protocol: Protocol,
    headers: &Pairs,
    body: &[Vec<u8>],
    framing: Framing,
    trailers: &Pairs,
) -> harness::Message {
    for (name, value) in headers {
        message = message.with_header(name, value);
    }
    message = match framing {
        Framing::ContentLength => message.with_header("content-length", body.iter().map(Vec::len).sum::<usize>().to_string()),
        Framing::Chunked if protocol == Protocol::Http1 => message.with_header("transfer-encoding", "chunked"),
        Framing::Chunked | Framing::AsGiven => message,
    };
    for chunk in body {
        message = message.chunk(chunk.clone());
    }
    for (name, value) in trailers {
        message = message.trailer(name, value);
    }
    message
}

fn tells_its_length(response: &Response) -> bool {
    response.framing != Framing::AsGiven || response.headers.iter().any(|(name, _)| name == b"content-length")
}

/// The request as the HTTP/1.1 codec writes it, and whether it has all the bytes that its length says.
fn encode_request(message: &harness::Message, complete: bool) -> (Message, bool) {
    let text = |name| message.header(name).unwrap_or_default();
    let start = [text(":method"), text(":path"), b"HTTP/1.1"].join(&b' ');
    let bodiless = matches!(text(":method"), b"GET" | b"HEAD" | b"CONNECT" | b"DELETE");
    let headers_only = complete && message.ended_with_headers();
    let mut encoded = plain(start, message);
    for (name, _) in &mut encoded.headers {
        if name == b":authority" {
            *name = b"host".to_vec();
        }
    }
    encoded.headers.retain(|(name, _)| !name.starts_with(b":"));
    encoded.trailers = encoded.trailers.into_iter().flat_map(split).collect();
    let fits = add_framing(&mut encoded, message, headers_only, bodiless);
    (encoded, fits)
}

/// The response, likewise.
fn encode_response(message: &harness::Message, head: bool) -> (Message, bool) {
    let code = message.header(":status").unwrap_or_default();
    let number = std::str::from_utf8(code).ok().and_then(|code| code.parse::<u16>().ok()).unwrap_or_default();
    // Envoy's list has no teapot.
    let known = StatusCode::from_u16(number).ok().filter(|status| *status != StatusCode::IM_A_TEAPOT);
    let reason = known.and_then(|status| status.canonical_reason()).unwrap_or("Unknown");
    let start = [b"HTTP/1.1", code, reason.as_bytes()].join(&b' ');
    let bodiless = head || number < 200 || number == 204 || number == 304;
    let mut encoded = plain(start, message);
    encoded.headers.retain(|(name, _)| !name.starts_with(b":"));
    encoded.headers = encoded.headers.into_iter().flat_map(split).collect();
    encoded.trailers = encoded.trailers.into_iter().flat_map(split).collect();
    let fits = add_framing(&mut encoded, message, message.ended_with_headers(), bodiless);
    (encoded, fits || bodiless)
}

fn plain(start: Vec<u8>, message: &harness::Message) -> Message {
    let pairs =
        |pairs: &[(bytes::Bytes, bytes::Bytes)]| pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    Message { start, headers: pairs(message.headers()), body: message.body().to_vec(), trailers: pairs(message.trailers()) }
}

/// HDR-20: a line break in a value makes two headers of one.
fn split((name, value): (Vec<u8>, Vec<u8>)) -> Pairs {
    let text = [&name, &b": "[..], &value].concat();
    let lines = String::from_utf8_lossy(&text).into_owned();
    if !lines.contains("\r\n") {
        return vec![(name, value)];
    }
    let pair =
        |line: &str| line.split_once(':').map(|(name, value)| (name.as_bytes().to_vec(), value.trim().as_bytes().to_vec()));
    lines.split("\r\n").filter_map(pair).collect()
}

/// The codec adds what tells the body's length where no `content-length` does; the reader reads no further than that.
fn add_framing(encoded: &mut Message, message: &harness::Message, headers_only: bool, bodiless: bool) -> bool {
    let length = message.header("content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok());
    match length {
        Some(length) => {
            let fits = encoded.body.len() >= length;
            encoded.body.truncate(length);
            encoded.trailers.clear();
            return fits;
        }
        None if headers_only && bodiless => {}
        None if headers_only => encoded.headers.push((b"content-length".to_vec(), b"0".to_vec())),
        None => encoded.headers.push((b"transfer-encoding".to_vec(), b"chunked".to_vec())),
    }
    true
}
