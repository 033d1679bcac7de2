//! What a scenario led to, made comparable.

use crate::grpc;
use crate::message::{Message, Pairs};
use std::{fmt, iter};

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As its framing says it should.
    Complete,
    /// The connection was closed before that.
    Cut,
    /// Nothing more came before the client lost its patience.
    Hung,
    /// The client left before, as the scenario says.
    Left,
}

/// What the client got for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Informational responses (1xx), in order.
    pub informational: Vec<Message>,
    /// As much of the response as came; `None` if not even its header section did.
    pub response: Option<Message>,
    /// A second response to the same request, which nobody asked for.
    pub second: Option<Message>,
    /// How it ended.
    pub end: End,
}

/// What the upstream got of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// As much of the request as came.
    pub request: Message,
    /// It ended as its framing says it should.
    pub complete: bool,
}

impl Default for Outcome {
    fn default() -> Self {
        Self { informational: Vec::new(), response: None, second: None, end: End::Hung }
    }
}

/// All that can be seen of a scenario from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What the upstream received, in order.
    pub upstream: Vec<Received>,
    /// What further clusters received, in the order of the requests' first lines: calls to one cluster overtake each other.
    pub clusters: Vec<(String, Vec<Received>)>,
    /// What the proxy says of metrics, if the scenario asks for that: lines as text, then as Prometheus reads them.
    pub metrics: Vec<String>,
    /// What its gRPC server received, in order.
    pub grpc: Vec<grpc::Received>,
    /// What the client received for each request.
    pub client: Vec<Outcome>,
    /// Of TCP connections, what each end did and saw.
    pub wire: Vec<String>,
    /// What the plugin logged, without the proxy's prefix.
    pub log: Vec<String>,
    /// What became of the proxy itself, if it did not survive: then there is nothing else.
    pub fate: Option<&'static str>,
    /// The rows whose findings would have failed a test on the mock host; Envoy has none.
    pub findings: Vec<&'static str>,
}

/// Properties whose values differ from run to run: numbers of 8 bytes, and addresses.
const VARYING: &[&str] = &[
    "request time",
    "request duration",
    "response backend_latency",
    "upstream cx_pool_ready_duration",
    "source address",
    "source port",
    "destination address",
    "destination port",
    "upstream address",
    "upstream local_address",
    "upstream port",
    "connection id",
    "connection_id",
];

/// What is done to a header that Envoy adds by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    /// It is left out.
    Remove,
    /// Its value is replaced by this.
    Value(&'static str),
    /// Its value ends in seconds that run out meanwhile: more than ten minutes are rounded up to tens of minutes.
    Seconds,
}

/// The headers that Envoy adds by itself, or whose values differ from run to run; for both sides and for `[name=value]` in log lines.
const TREATMENTS: &[(&str, Treatment)] = &[
    // Added to every response by the connection manager, after the filters.
    ("date", Treatment::Remove),
    ("server", Treatment::Remove),
    // Added by the router to the request it sends: the route's timeout.
    ("x-envoy-expected-rq-timeout-ms", Treatment::Remove),
    // Added before the filters; a random UUID. Filters see it and count it, so it stays.
    ("x-request-id", Treatment::Value("<uuid>")),
    // A random key, of a plugin's own.
    ("idempotency-key", Treatment::Value("<key>")),
    // Added by the router before the response filters: milliseconds. Filters see it and count it, so it stays.
    ("x-envoy-upstream-service-time", Treatment::Value("<ms>")),
    // Made by filters that limit requests.
    ("retry-after", Treatment::Seconds),
    ("ratelimit-reset", Treatment::Seconds),
    ("ratelimit", Treatment::Seconds),
];

impl Observation {
    /// Applies the list above, so that two runs of a scenario are equal.
    #[must_use]
    pub fn normalised(mut self) -> Self {
        for (_, received) in &mut self.clusters {
            received.sort_by(|one, other| one.request.start.cmp(&other.request.start));
        }
        let callouts = self.clusters.iter_mut().flat_map(|(_, received)| received);
        let requests = self.upstream.iter_mut().chain(callouts).map(|received| &mut received.request);
        let responses = self.client.iter_mut().flat_map(|outcome| outcome.response.iter_mut().chain(&mut outcome.second));
        let calls = self.grpc.iter_mut().map(|received| &mut received.request);
        for message in requests.chain(responses).chain(calls) {
            normalise_pairs(&mut message.headers);
        }
        for line in &mut self.log {
            *line = normalise_line(line);
        }
        self
    }
}

fn normalise_pairs(pairs: &mut Pairs) {
    for (name, treatment) in TREATMENTS {
        match treatment {
            Treatment::Remove => pairs.retain(|(key, _)| key != name.as_bytes()),
            Treatment::Value(value) => {
                for (_, old) in pairs.iter_mut().filter(|(key, _)| key == name.as_bytes()) {
                    *old = value.as_bytes().to_vec();
                }
            }
            Treatment::Seconds => {
                for (_, old) in pairs.iter_mut().filter(|(key, _)| key == name.as_bytes()) {
                    round_seconds(old);
                }
            }
        }
    }
}

fn round_seconds(value: &mut Vec<u8>) {
    let digits = value.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (start, seconds) = value.split_at(value.len() - digits);
    let Some(seconds) = str::from_utf8(seconds).ok().and_then(|text| text.parse::<u64>().ok()) else { return };
    if seconds > 600 {
        *value = [start, seconds.next_multiple_of(600).to_string().as_bytes()].concat();
    }
}

fn normalise_line(line: &str) -> String {
    let mut line = line.to_owned();
    for (name, treatment) in TREATMENTS {
        let opening = format!("[{name}=");
        let mut from = 0;
        while let Some(start) = line.get(from..).and_then(|rest| rest.find(&opening)).map(|found| found + from) {
            let Some(end) = line[start..].find(']').map(|found| found + start) else { break };
            match treatment {
                Treatment::Remove => {
                    let blank = usize::from(line[end + 1..].starts_with(' '));
                    line.replace_range(start..=end + blank, "");
                    from = start;
                }
                Treatment::Value(value) => {
                    line.replace_range(start + opening.len()..end, value);
                    from = start + opening.len();
                }
                Treatment::Seconds => from = end,
            }
        }
    }
    replace_ports(&replace_uuids(normalise_property(line.trim_end()).trim_end()))
}

/// Clients' ports, which have five digits, where a line tells their address.
fn replace_ports(line: &str) -> String {
    let mut parts = line.split("127.0.0.1:");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let is_port = part.len() - rest.len() == 5;
        text.push_str(if is_port { "127.0.0.1:<port>" } else { "127.0.0.1:" });
        text.push_str(if is_port { rest } else { part });
    }
    text
}

/// Leaves of a property that varies what kind of value it has.
fn normalise_property(line: &str) -> String {
    let found = line.strip_prefix("- property ").and_then(|rest| rest.split_once(" = Ok \""));
    let found = found.map(|(path, value)| (path, value.strip_suffix('"').unwrap_or(value)));
    let Some((path, value)) = found else { return line.to_owned() };
    let length = unescaped_length(value);
    // With one entry at most there is one order.
    let ordered = value.starts_with("\\x00\\x00\\x00\\x00") || value.starts_with("\\x01\\x00\\x00\\x00");
    if is_map(path) && !ordered {
        return format!("- property {path} = Ok <{length} bytes>");
    }
    if !VARYING.contains(&path) {
        return line.to_owned();
    }
    let is_address = value.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let kind = if is_address { "<address>" } else { "<8 bytes>" };
    match is_address || length == 8 {
        true => format!("- property {path} = Ok {kind}"),
        false => line.to_owned(),
    }
}

/// Whether this property is a map or a message with one: the order of what is in it is another in each run.
fn is_map(path: &str) -> bool {
    let last = path.trim_end_matches(" \"\"").rsplit(' ').next().unwrap_or_default();
    matches!(path, "xds node metadata" | "xds node")
        || matches!(last, "conformance" | "plain" | "headers" | "trailers")
        || last.ends_with("_metadata")
}

/// How many bytes an escaped text stands for.
fn unescaped_length(text: &str) -> usize {
    let (mut bytes, mut length) = (text.bytes(), 0);
    while let Some(byte) = bytes.next() {
        // `\xHH`, or one character after the backslash.
        if byte == b'\\' && bytes.next() == Some(b'x') {
            bytes.nth(1);
        }
        length += 1;
    }
    length
}

fn replace_uuids(line: &str) -> String {
    let is_uuid = |text: &str| {
        text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let (mut text, mut at) = (String::new(), 0);
    while let Some(character) = line[at..].chars().next() {
        if line.get(at..at + 36).is_some_and(is_uuid) {
            text.push_str("<uuid>");
            at += 36;
        } else {
            text.push(character);
            at += character.len_utf8();
        }
    }
    text
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, lines) in self.parts() {
            writeln!(f, "{title}")?;
            for line in lines {
                writeln!(f, "  {line}")?;
            }
        }
        Ok(())
    }
}

impl Observation {
    /// The proxy has looked at the plugin, and starts with it or does not.
    pub fn load(loads: bool) -> Self {
        Self { fate: Some(if loads { "loads the plugin" } else { "refuses the plugin" }), ..Self::default() }
    }

    /// That the proxy was ended by what the plugin did.
    pub fn crash() -> Self {
        Self { fate: Some("crashed"), ..Self::default() }
    }

    /// That what the plugin did corrupts the proxy's memory: what follows differs from run to run.
    pub fn corruption() -> Self {
        Self { fate: Some("crashed, or left the client without a response"), ..Self::default() }
    }

    /// The parts as lines.
    fn parts(&self) -> Vec<(&'static str, Vec<String>)> {
        if let Some(fate) = self.fate {
            return vec![("the proxy", vec![fate.into()])];
        }
        let mut clusters = Vec::new();
        for (name, received) in &self.clusters {
            clusters.push(format!("{name}:"));
            show_all(received, &mut clusters);
        }
        let further = [("clusters received", clusters), ("metrics", self.metrics.clone())];
        let further = further.into_iter().filter(|(_, lines)| !lines.is_empty());
        if !self.wire.is_empty() {
            return [("on the wire", self.wire.clone()), ("plugin logged", self.log.clone())]
                .into_iter()
                .chain(further)
                .collect();
        }
        let mut upstream = Vec::new();
        show_all(&self.upstream, &mut upstream);
        let mut client = Vec::new();
        for outcome in &self.client {
            for response in &outcome.informational {
                show(response, &mut client);
            }
            match &outcome.response {
                Some(response) => show(response, &mut client),
                None => client.push("(no response)".into()),
            }
            if let Some(second) = &outcome.second {
                client.push("(and again)".into());
                show(second, &mut client);
            }
            client.push(format!("({})", format!("{:?}", outcome.end).to_lowercase()));
        }
        let calls: Vec<String> = self.grpc.iter().flat_map(show_call).collect();
        let calls = (!calls.is_empty()).then_some(("the gRPC server received", calls));
        let seen = [("client received", client), ("plugin logged", self.log.clone())];
        iter::once(("upstream received", upstream)).chain(calls).chain(seen).chain(further).collect()
    }
}

fn show_all(received: &[Received], lines: &mut Vec<String>) {
    for received in received {
        show(&received.request, lines);
        lines.push(if received.complete { "(complete)" } else { "(cut)" }.into());
    }
}

fn show_call(received: &grpc::Received) -> Vec<String> {
    let mut lines = Vec::new();
    show(&received.request, &mut lines);
    let ended = if received.complete { "complete" } else { "open" };
    lines.push(if received.reset { format!("({ended}, then reset)") } else { format!("({ended})") });
    lines
}

fn show(message: &Message, lines: &mut Vec<String>) {
    let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
    lines.push(shown(&message.start));
    lines.extend(message.headers.iter().map(|(name, value)| format!("{}: {}", shown(name), shown(value))));
    if !message.body.is_empty() {
        let start = &message.body[..message.body.len().min(200)];
        lines.push(format!("body of {}: {}", message.body.len(), shown(start)));
    }
    lines.extend(message.trailers.iter().map(|(name, value)| format!("trailer {}: {}", shown(name), shown(value))));
}

/// A line for Prometheus. A histogram's sum is an approximation, whose last digits hang on the order of adding; of one that measures time
/// only the count of samples is compared.
pub(crate) fn comparable_metric(line: &str) -> String {
    let time = line.rsplit_once(' ').map(|(name, _)| name).filter(|name| {
        name.contains("_milliseconds_sum{") || name.contains("_milliseconds_bucket{") && !name.ends_with("le=\"+Inf\"}")
    });
    if let Some(name) = time {
        return format!("{name} <ms>");
    }
    let sum = line.rsplit_once(' ').filter(|(name, _)| name.contains("_sum{"));
    let sum = sum.and_then(|(name, value)| Some((name, value.parse::<f64>().ok()?)));
    sum.map_or_else(|| line.to_owned(), |(name, value)| format!("{name} {value:.9e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_time_only_the_count_is_compared() {
        for (line, compared) in [
            ("a_milliseconds_bucket{b=\"c\",le=\"0.5\"} 3", "a_milliseconds_bucket{b=\"c\",le=\"0.5\"} <ms>"),
            ("a_milliseconds_bucket{b=\"c\",le=\"+Inf\"} 3", "a_milliseconds_bucket{b=\"c\",le=\"+Inf\"} 3"),
            ("a_milliseconds_sum{b=\"c\"} 3.5", "a_milliseconds_sum{b=\"c\"} <ms>"),
            ("a_milliseconds_count{b=\"c\"} 3", "a_milliseconds_count{b=\"c\"} 3"),
            ("a_sum{b=\"c\"} 3.5", "a_sum{b=\"c\"} 3.500000000e0"),
        ] {
            assert_eq!(comparable_metric(line), compared);
        }
    }

    #[test]
    fn log_lines_lose_what_differs_from_run_to_run() {
        let line = "- pairs 2 = Ok [:status=200] [date=Sat, 21 Nov] [x-envoy-upstream-service-time=12] [server=envoy]";
        assert_eq!(normalise_line(line), "- pairs 2 = Ok [:status=200] [x-envoy-upstream-service-time=<ms>]");
        let line = "- get 0 x-request-id = Ok \"01234567-89ab-cdef-0123-456789abcdef\"";
        assert_eq!(normalise_line(line), "- get 0 x-request-id = Ok \"<uuid>\"");
        assert_eq!(normalise_line("é [date=1"), "é [date=1");
        assert_eq!(normalise_line("refused 127.0.0.1:47110: by 127.0.0.1:80"), "refused 127.0.0.1:<port>: by 127.0.0.1:80");
        let line = "- property request time = Ok \"\\x00a\\\"\\x00\\n\\xff\\x5b\\x00\"";
        assert_eq!(normalise_line(line), "- property request time = Ok <8 bytes>");
        assert_eq!(normalise_line("- property request time = Ok \"7 bytes\""), "- property request time = Ok \"7 bytes\"");
        assert_eq!(normalise_line("- property source address = Ok \"127.0.0.1:70\""), "- property source address = Ok <address>");
        assert_eq!(normalise_line("- property upstream port = NotFound"), "- property upstream port = NotFound");
    }
    #[test]
    fn seconds_that_run_out_are_rounded() {
        let rounded = |value: &str| {
            let mut value = value.as_bytes().to_vec();
            round_seconds(&mut value);
            String::from_utf8(value).unwrap()
        };
        assert_eq!(["3599", "3600", "600", "1", "soon"].map(rounded), ["3600", "3600", "600", "1", "soon"]);
        assert_eq!(rounded("\"all\";r=0;t=3001"), "\"all\";r=0;t=3600");
    }
}
