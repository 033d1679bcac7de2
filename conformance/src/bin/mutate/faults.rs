//! The faults: each a small change that breaks one rule.

/// One deliberate fault.
pub(crate) struct Fault {
    /// The rule that it breaks.
    pub(crate) breaks: &'static str,
    /// From the root of the workspace.
    pub(crate) file: &'static str,
    /// Text that stands there once, as it is.
    pub(crate) from: &'static str,
    /// And with the fault.
    pub(crate) to: &'static str,
    /// The tests that are to notice.
    pub(crate) suite: Suite,
}

/// Which tests are run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    /// The mock host's own tests, and the comparison with what Envoy did.
    Engine,
    /// The SDK's tests.
    Dispatcher,
    /// Those of filters that wait, share, count and call, on the mock host.
    Services,
}

impl Suite {
    /// The arguments of `cargo test`, quickest first.
    pub(crate) fn commands(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Engine => &[
                &["-p", "proxy-filter-test", "--lib"],
                &["-p", "proxy-filter-conformance", "--test", "recorded"],
                &["-p", "proxy-filter-test", "--test", "testsuite"],
            ],
            Self::Services => &[
                &["-p", "proxy-filter", "--all-features", "--lib", "--tests"],
                &[
                    "-p",
                    "proxy-filter-test",
                    "--all-features",
                    "--test",
                    "waiting",
                    "--test",
                    "sharing",
                    "--test",
                    "metrics",
                    "--test",
                    "grpc",
                ],
            ],
            Self::Dispatcher => &[&["-p", "proxy-filter", "--all-features", "--lib", "--tests"]],
        }
    }
}

pub(super) const fn engine(breaks: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Fault {
    Fault { breaks, file, from, to, suite: Suite::Engine }
}

pub(super) const fn dispatcher(breaks: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Fault {
    Fault { breaks, file, from, to, suite: Suite::Dispatcher }
}

const STREAM: &str = "test-harness/src/host/http_stream/mod.rs";
const ITERATION: &str = "test-harness/src/host/http_stream/iteration.rs";
const ARRIVING: &str = "test-harness/src/host/http_stream/arriving.rs";
const ENDING: &str = "test-harness/src/host/http_stream/ending.rs";
const EVENT: &str = "test-harness/src/host/http_stream/event.rs";
const REPLY: &str = "test-harness/src/host/http_stream/local_reply.rs";
const ACCESS: &str = "test-harness/src/host/http_stream/access.rs";
const ROUTER: &str = "test-harness/src/host/http_stream/router.rs";
const MAP: &str = "test-harness/src/host/header_map.rs";
const BUFFER: &str = "test-harness/src/host/buffer.rs";
const MEANING: &str = "test-harness/src/host/meaning.rs";
const FAULTS_OF_A_STREAM: &str = "test-harness/src/host/http_stream/faults.rs";
const RUNNING_VM: &str = "test-harness/src/running_vm.rs";
const FRAMES: &str = "test-harness/src/frames.rs";
const HELD: &str = "sdk/src/held.rs";
const BODY_POLICY: &str = "sdk/src/body_policy.rs";
const SLOTS: &str = "sdk/src/dispatch/slots.rs";
const HTTP: &str = "sdk/src/dispatch/http.rs";
const CONTEXTS: &str = "sdk/src/dispatch/contexts.rs";
const DISPATCH: &str = "sdk/src/dispatch/mod.rs";

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Fault> {
    STREAMS.iter().chain(super::services::SERVICES)
}

/// Of streams, on both sides.
const STREAMS: &[Fault] = &[
    engine(
        "HDR-14 remove takes all entries",
        MAP,
        "self.entries.retain(|(key, _)| *key != name);",
        "self.entries.retain(|(key, _)| *key != name || key == b\"x-mixed\");",
    ),
    engine("HDR-10 inline values are joined", MAP, "if self.is_inline(&name)\n", "if false && self.is_inline(&name)\n"),
    engine("HDR-6 host is :authority", MAP, "if name == b\"host\" && self.kind", "if name == b\"hosts\" && self.kind"),
    engine(
        "HDR-13 pseudo-headers stay in front",
        MAP,
        "if name.starts_with(b\":\") { self.pseudo_headers() }",
        "if name.starts_with(b\":\") { self.entries.len() }",
    ),
    engine(
        "HDR-3 size is a sum of lengths",
        MAP,
        ".map(|(name, value)| name.len() + value.len())",
        ".map(|(name, value)| name.len() + value.len() + 2)",
    ),
    engine(
        "SER-5 malformed pairs read as empty",
        MAP,
        "Ok(pairs) if wire.len() <= MOST_BYTES && pairs.len() <= MOST_PAIRS",
        "Ok(pairs) if wire.len() <= MOST_BYTES",
    ),
    engine("HDR-1 absent in on_log is NotFound", ACCESS, ".ok_or(Status::NotFound);", ".ok_or(Status::BadArgument);"),
    engine(
        "5.1 maps only in their phase",
        ACCESS,
        "MapType::HttpRequestHeaders if filter.request.headers_here =>",
        "MapType::HttpRequestHeaders =>",
    ),
    engine(
        "5.1 edits of trailers at the end make them",
        ACCESS,
        "if state.ended && state.chunk_here && self.half(side).trailers.is_none()",
        "if state.ended && self.half(side).trailers.is_none()",
    ),
    engine(
        "BUF-15 the held body is shown",
        ACCESS,
        "let bytes = if state.buffering { &half.held } else { &half.chunk };",
        "let bytes = if state.buffering && half.chunk.is_none() { &half.held } else { &half.chunk };",
    ),
    engine("ACT 2 means Continue", ITERATION, "0 | 2 => Iteration::Continue,", "0 => Iteration::Continue,"),
    engine("ACT-3 3 holds and buffers", ITERATION, "3 => Iteration::StopAllBuffer,", "3 => Iteration::StopAllWatermark,"),
    engine(
        "ACT-5 headers held while the body comes",
        ITERATION,
        "1 if self.filters[filter].allow_stop_iteration => Iteration::StopSingle,",
        "1 if self.filters[filter].allow_stop_iteration => Iteration::StopAllWatermark,",
    ),
    engine("ACT-9 only 1 adds up", ITERATION, "state.buffering = answer == 1;", "state.buffering = answer == 1 || answer == 2;"),
    engine(
        "ACT-11 2 holds the data",
        ITERATION,
        "1 | 2 => self.hold(side, &data, answer == 2),",
        "1 => self.hold(side, &data, false),",
    ),
    engine(
        "ACT-17 over the limit is refused",
        ITERATION,
        "let over = held.len() > self.buffer_limit;",
        "let over = held.len() >= self.buffer_limit;",
    ),
    engine(
        "ACT-2 who stopped all sees the body",
        ITERATION,
        "let from = if state.iteration.stopped_all() { position } else { position + 1 };",
        "let from = position + 1;",
    ),
    engine(
        "CON-2 request maps go at once",
        ITERATION,
        "state.headers_here = false;\n        state.trailers_here = false;",
        "state.trailers_here = false;",
    ),
    engine(
        "LOC-1 the answer does not count",
        ITERATION,
        "self.filters[filter].stop = true;",
        "self.filters[filter].stop = false;",
    ),
    engine(
        "SEQ-15 responses pass in reverse",
        STREAM,
        "Side::Response => self.filters.len().checked_sub(position + 1),",
        "Side::Response => (position < self.filters.len()).then_some(position),",
    ),
    engine(
        "SEQ-16 who saw no request sees no response",
        STREAM,
        "if self.filters[filter].dead || !self.filters[filter].created {",
        "if self.filters[filter].dead {",
    ),
    engine(
        "SEQ-1 log, then done and delete",
        ENDING,
        "flat_map(|filter| [Work::Delete { filter }, Work::Done { filter }])",
        "flat_map(|filter| [Work::Done { filter }, Work::Delete { filter }])",
    ),
    engine(
        "CLO-2 details are kept",
        ENDING,
        "self.details.clone().unwrap_or_else(|| b\"wasm_close_stream\".to_vec())",
        "b\"wasm_close_stream\".to_vec()",
    ),
    engine(
        "LOC-7 the first reply is sent",
        REPLY,
        "self.prepared_reply.get_or_insert(reply);",
        "self.prepared_reply = Some(reply);",
    ),
    engine(
        "LOC-8 content-type unless given",
        REPLY,
        "if !headers.contains(\"content-type\") {",
        "if headers.contains(\"content-type\") {",
    ),
    engine("LOC-10 whitespace in details", REPLY, "|| *byte == 0x0b", "|| *byte == 0x0c"),
    engine("LOC-11 the status is cut to 16 bits", REPLY, "(status & 0xffff) as u16", "(status & 0x7fff) as u16"),
    engine("LOC-12 codes of gRPC", REPLY, "403 => 7,", "403 => 2,"),
    engine(
        "LOC-5 replies past the filters",
        REPLY,
        "} else if self.response.sent.is_none() {",
        "} else if self.response.sent.is_some() {",
    ),
    engine(
        "SEQ-12 x-forwarded-proto",
        ROUTER,
        "None => headers.add(b\"x-forwarded-proto\", b\"http\"),",
        "None => headers.add(b\"x-forwarded-proto\", b\"https\"),",
    ),
    engine("BUF-12 no splice in the middle", BUFFER, "return Err(Status::BadArgument);", "return Err(Status::Empty);"),
    engine(
        "CON-12 continue of upstream",
        MEANING,
        "StreamType::Upstream => Err(Status::Unimplemented),",
        "StreamType::Upstream => Ok(()),",
    ),
    engine(
        "CTX-5 unknown effective context",
        MEANING,
        "if context_id != 0 && !self.contexts.borrow().contains_key(&id) {",
        "if false {",
    ),
    engine(
        "BUF-7 plugin configuration in on_configure only",
        MEANING,
        "BufferType::PluginConfiguration => Err(Status::NotFound),",
        "BufferType::PluginConfiguration => Ok(f(&[])),",
    ),
    engine("HDR-36 cookies of HTTP/2 are joined", ROUTER, "if cookies.len() > 1 {", "if cookies.len() > 9 {"),
    engine("SEQ-33 expect is not seen", ROUTER, "headers.remove(b\"expect\");", ""),
    engine("SEQ-22 te is for trailers", ROUTER, "Some(_) => headers.remove(b\"te\"),", "Some(_) => {}"),
    engine("SEQ-34 keep-alive is not seen", ROUTER, "headers.remove(b\"keep-alive\");", ""),
    engine(
        "SEQ-35 HTTP/2 closes no connection",
        ROUTER,
        "if (!request_read || bad_request) && !http2 {",
        "if !request_read || bad_request {",
    ),
    engine("HDR-18 control bytes", ROUTER, "byte.is_ascii_control() && *byte != b'\\t'", "byte.is_ascii_control()"),
    engine("SEQ-5 the last frame says so", FRAMES, "index + 1 == chunks.len() && !has_trailers", "false"),
    engine("SEQ-19 a timeout is a 504", ARRIVING, "of_envoy(504, ", "of_envoy(503, "),
    engine("LOC-2 nobody hears a late upstream", ARRIVING, "self.reply.is_some() && event.is_of_upstream()", "false"),
    engine(
        "LOC-33 the route's time runs on",
        EVENT,
        "Self::RouteTimeout | Self::Malformed => false",
        "Self::RouteTimeout => true, Self::Malformed => false",
    ),
    engine(
        "SEQ-17 malformed is a 400",
        ENDING,
        "Reply::of_envoy(400, \"http1.codec_error\", \"Bad Request\")",
        "Reply::of_envoy(400, \"codec_error\", \"Bad Request\")",
    ),
    engine("CON-13 is found", FAULTS_OF_A_STREAM, "if side == Side::Response && self.response.headers.is_none() {", "if false {"),
    engine(
        "LOC-20 is found",
        FAULTS_OF_A_STREAM,
        "(false, _, Some(Side::Response)) if before.reply =>",
        "(false, _, Some(Side::Response)) if false =>",
    ),
    engine(
        "CLO-6 is found",
        FAULTS_OF_A_STREAM,
        "            Lint::CloseInContextCreate\n",
        "            Lint::CloseTwiceInRequest\n",
    ),
    engine("CON-16 is found", FAULTS_OF_A_STREAM, "if asked.continue_own && continues {", "if false {"),
    engine("LOC-30 a close before a reply is forgotten", REPLY, "            self.end = None;\n", ""),
    engine(
        "SEQ-37 a root's wishes are carried out one by one",
        RUNNING_VM,
        "self.host.state().run_effect();",
        "self.host.state().run_effects();",
    ),
    engine("HDR-26 is no matter of HTTP/2", FAULTS_OF_A_STREAM, "&& paused_before && !self.upstream_is_http2 {", "{"),
    engine("HDR-20 splits over HTTP/1 only", FAULTS_OF_A_STREAM, "if !self.downstream_is_http2 && sent", "if sent"),
    dispatcher(
        "a context that runs is busy",
        SLOTS,
        "let Ok(mut guard) = slot.value.try_borrow_mut() else { return Found::Busy };",
        "let Ok(mut guard) = slot.value.try_borrow_mut() else { return Found::Nothing };",
    ),
    dispatcher("what was removed while it ran is dropped", SLOTS, "Self::removed_meanwhile(slot);", ""),
    dispatcher(
        "an id is looked up, not its place",
        SLOTS,
        "if slot.id.get() == id {\n                return Some(slot);",
        "if slot.id.get() != FREE {\n                return Some(slot);",
    ),
    dispatcher(
        "an `Err` follows the policy",
        HTTP,
        "Err(error) => self.interrupt(sys, id, callback, error.into()),",
        "Err(_) => CONTINUE,",
    ),
    dispatcher(
        "delete drops the context",
        CONTEXTS,
        "if self.streams.remove(id) { Some(CONTINUE) }",
        "if self.streams.contains(id) { Some(CONTINUE) }",
    ),
    dispatcher("a bad configuration is refused", CONTEXTS, "Some(FALSE)", "Some(TRUE)"),
    dispatcher(
        "an unknown root id has no plugin",
        DISPATCH,
        "if root_id.is_none_or(|root_id| root_id == self.0.id().as_bytes()) {",
        "if true {",
    ),
    dispatcher(
        "an unknown context is logged once",
        DISPATCH,
        "if !self.unknown_context_logged.replace(true) {",
        "if !self.unknown_context_logged.get() {",
    ),
    dispatcher("the policy Reset resets", DISPATCH, "self.check(sys, sys.proxy_close_stream(StreamType::HttpRequest));", ""),
    dispatcher("the body policy's limit is inclusive", BODY_POLICY, "    value > limit\n", "    value >= limit\n"),
    dispatcher(
        "a body that is rewritten has no length",
        BODY_POLICY,
        "Ok(headers.remove(\"content-length\")?)",
        "Ok(headers.remove(\"x-length\")?)",
    ),
    dispatcher("what is resolved is gone", HELD, "State::Waiting => State::Resolved,", "State::Waiting => before,"),
    dispatcher(
        "a held message is let go once",
        HELD,
        "if self.stream.waits(message) || sys.holds().runs(self.stream.id(), message) {",
        "if self.stream.waits(message) {",
    ),
];
