//! Hosts that answer any status, any bytes, call in any order and from inside a hostcall: a plugin survives them all.

use super::host::{Started, every_callback, life};
use everything::PLUGINS;
use proxy_filter::Status;
use proxy_filter::abi::{CALLBACKS, Callback, HOSTCALLS, ReturnKind, pairs};

/// A plugin that makes every hostcall that the SDK has, in every callback.
pub(super) mod everything {
    use proxy_filter::prelude::*;
    use proxy_filter::{Context, Headers};
    use std::cell::Cell;

    thread_local! {
        /// Contexts of roots and streams that live.
        pub(in super::super) static LIVE: Cell<i32> = const { Cell::new(0) };
    }

    struct Alive;

    impl Alive {
        fn new() -> Self {
            LIVE.set(LIVE.get() + 1);
            Self
        }
    }

    impl Drop for Alive {
        fn drop(&mut self) {
            LIVE.set(LIVE.get() - 1);
        }
    }

    /// With the configuration `strict` a hostcall that failed fails its callback, after all others were made.
    pub(super) struct Everything {
        strict: bool,
        _alive: Alive,
    }

    impl RootContext for Everything {
        type Config = Vec<u8>;
        fn new(config: Vec<u8>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            let root = Self { strict: config == b"strict", _alive: Alive::new() };
            root.check(context(plugin))?;
            Ok(root)
        }
        fn on_done(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<(), Failure> {
            Ok(self.check(context(&plugin))?)
        }
    }

    impl HttpPlugin for Everything {
        type Http = EverythingStream;
        fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> EverythingStream {
            let _ = context(stream);
            EverythingStream { root: Rc::clone(self), request: None, response: None, _alive: Alive::new() }
        }
    }

    impl Everything {
        fn check(&self, results: impl IntoIterator<Item = Result<(), Error>>) -> Result<(), Error> {
            // All are made, then the first error counts.
            let results: Vec<_> = results.into_iter().collect();
            if self.strict { results.into_iter().collect() } else { Ok(()) }
        }
    }

    fn context(context: &Context) -> [Result<(), Error>; 2] {
        [context.log(LogLevel::Info, context.id().to_string()), context.now().map(drop)]
    }

    fn read<A>(headers: &Headers<'_, A>) -> Vec<Result<(), Error>> {
        let walk = |all: proxy_filter::HeaderMap| {
            assert_eq!(all.iter().count(), all.len());
            assert_eq!(all.is_empty(), all.iter().next().is_none());
            let _ = (all.values("a").count(), format!("{all:?}"));
        };
        let look = |value: Option<proxy_filter::Value>| {
            let _ = value.map(|value| (value.to_str().is_ok(), format!("{value:?}")));
        };
        vec![headers.get("a").map(look), headers.get(b"\xff").map(look), headers.all().map(walk)]
    }

    fn edit(headers: &Headers<'_>) -> Vec<Result<(), Error>> {
        let mut results = read(headers);
        results.extend([
            headers.size().map(drop),
            headers.add("a", "b"),
            headers.set("", b"\xff"),
            headers.remove("a"),
            headers.set_all([("a", "b")]),
        ]);
        results
    }

    fn body(body: &Body<'_>) -> Vec<Result<(), Error>> {
        vec![
            body.len().map(drop),
            body.is_empty().map(drop),
            body.bytes().map(drop),
            body.status().map(drop),
            body.bytes_from(usize::MAX, 1).map(drop),
            body.replace_first(usize::MAX, "d"),
            body.replace("a"),
            body.append("b"),
            body.prepend("c"),
            body.drain(usize::MAX),
        ]
    }

    pub(super) struct EverythingStream {
        root: Rc<Everything>,
        /// Held until the stream is over, which nobody minds.
        request: Option<Held<phase::RequestHeaders>>,
        response: Option<Held<phase::ResponseHeaders>>,
        _alive: Alive,
    }

    impl HttpContext for EverythingStream {
        fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
            let parts = [
                http.method().map(drop),
                http.path().map(drop),
                http.authority().map(drop),
                http.scheme().map(drop),
                http.query().map(|query| drop(query.get("a"))),
                http.cookies().map(|cookies| cookies.get("a").is_some()).map(drop),
                http.content_type().map(drop),
                http.is_grpc().map(drop),
            ];
            self.root.check(context(&http).into_iter().chain(edit(&http.headers())).chain(parts))?;
            let (held, wait) = http.hold();
            self.request = Some(held);
            Ok(wait.stop_all_watermark())
        }
        fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
            let mut results = body(&http.body());
            results.push(http.chunk().map(drop));
            // What is refused there is not here.
            let _ = (http.held_headers().map(|headers| read(&headers)), http.trailers().map(|trailers| edit(&trailers)));
            self.root.check(results)?;
            Ok(DataAction::Watermark)
        }
        fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
            let _ = (http.held_headers().map(|headers| read(&headers)), http.held_body().map(|held| body(&held)));
            self.root.check(edit(&http.trailers()))?;
            Ok(TrailersAction::Continue)
        }
        fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
            let mut results = edit(&http.headers());
            results.extend([http.status().map(drop), http.set_status(200), http.content_type().map(drop)]);
            self.root.check(results)?;
            let (held, wait) = http.hold();
            self.response = Some(held);
            Ok(wait.stop_all_buffer())
        }
        fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
            self.root.check(body(&http.body()))?;
            Ok(DataAction::NoBuffer)
        }
        fn on_response_trailers(&mut self, http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
            self.root.check(edit(&http.trailers()))?;
            Ok(TrailersAction::Continue)
        }
        fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
            self.root.check(read(&http.request_headers()))?;
            self.root.check(read(&http.response_headers()))?;
            Ok(self.root.check(read(&http.response_trailers()))?)
        }
    }

    struct Other;

    impl RootContext for Other {
        type Config = String;
        fn new(_config: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            Ok(Self)
        }
    }

    proxy_filter::register! { "strict" => http Everything, "other" => root Other }
}

/// What its callbacks answer when nothing fails.
pub(super) const UNHARMED: [u32; 10] = [0, 4, 2, 1, 3, 3, 1, 0, 1, 0];

/// The statuses of the ABI, those that it leaves out, and those beyond.
fn statuses() -> impl Iterator<Item = u32> {
    (0..=15).chain([77, u32::MAX])
}

/// A VM whose root 1 is configured to be strict.
fn strict() -> Started {
    let started = Started::new(&PLUGINS);
    started.host.give("strict");
    assert!(started.configure(1, "strict"));
    started.host.give(pairs::encode([("a", "b")]));
    started.host.take_calls();
    started
}

#[test]
fn every_hostcall_may_answer_every_status_and_is_named_in_the_log() {
    let used = {
        let started = strict();
        assert_eq!(started.stream(1, 2), UNHARMED);
        let name = |call: &String| call.split_once('(').map(|(name, _)| name.to_owned());
        let mut used: Vec<String> = started.host.take_calls().iter().filter_map(name).collect();
        used.sort();
        used.dedup();
        used
    };
    assert_eq!(used.len(), 12, "{used:?}");
    for row in HOSTCALLS {
        for code in statuses() {
            let started = strict();
            started.host.answer(move |hostcall| (hostcall == row.name).then_some(code));
            let answers = started.stream(1, 2);
            let log = started.host.take_log().join("\n");
            let told = Status::from_wire(code).is_some_and(|status| log.contains(&format!(": {} failed: {status}", row.name)));
            // That a header is not there is an answer.
            let absence = row.name == "proxy_get_header_map_value" && code == 1;
            let fails = code != 0 && used.contains(&row.name.to_owned()) && !absence;
            assert_eq!(told, fails, "{} {code}: {log}", row.name);
            assert_eq!(answers == UNHARMED, !fails, "{} {code}: {answers:?}", row.name);
        }
    }
}

#[test]
fn every_hostcall_may_fail_at_once() {
    for code in statuses().skip(1) {
        let started = strict();
        started.host.answer(move |_| Some(code));
        let answers = started.stream(1, 2);
        assert!(answers[1..7].iter().all(|answer| *answer == 1), "{code}: {answers:?}");
        started.call(Callback::proxy_on_done { context_id: 1 });
        started.call(Callback::proxy_on_delete { context_id: 1 });
    }
}

#[test]
fn a_root_whose_configuration_cannot_be_fetched_is_refused() {
    for code in statuses().skip(1) {
        let started = Started::new(&PLUGINS);
        started.host.give("strict");
        started.host.answer(move |hostcall| (hostcall == "proxy_get_buffer_bytes").then_some(code));
        assert!(!started.configure(1, "strict"));
        let status = Status::from_wire(code).unwrap();
        let expected = format!("ERROR, strict: bad configuration: proxy_get_buffer_bytes failed: {status}");
        assert_eq!(started.host.take_log(), [expected]);
        started.host.answer(|_| None);
        assert!(started.configure(1, "strict"), "it may be tried again");
    }
}

#[test]
fn a_root_id_that_cannot_be_asked_for_is_unknown() {
    for code in statuses().skip(1) {
        let started = Started::new(&PLUGINS);
        started.host.answer(move |hostcall| (hostcall == "proxy_get_property").then_some(code));
        assert!(!started.configure(1, "strict"));
        assert_eq!(started.stream(1, 2), [0, 0, 0, 0, 0, 0, 0, 0, 1, 0], "its streams pass unseen");
        let log = started.host.take_log();
        assert_eq!(log[0], "ERROR, no plugin is registered for root id \"\"; this module has \"strict\" \"other\"");
    }
}

#[test]
fn bytes_of_any_kind_are_survived_and_a_map_that_is_none_is_told() {
    let good = pairs::encode([("a", b"\xff\0".as_slice()), ("", b"")]);
    let truncated: Vec<Vec<u8>> = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    let others = [b"\xff\xff\xff\xff".to_vec(), vec![0xff; 64], vec![0; 3], good.clone(), [&good[..], b"x"].concat()];
    for bytes in truncated.into_iter().chain(others) {
        let started = strict();
        started.host.give(&bytes);
        started.host.give_number(u32::MAX);
        let answers = started.stream(1, 2);
        let log = started.host.take_log().join("\n");
        let is_map = proxy_filter::abi::Pairs::parse(&bytes).is_ok();
        assert_eq!(answers == UNHARMED, is_map, "{bytes:?}: {log}");
        assert_eq!(log.contains("proxy_get_header_map_pairs failed: PARSE_FAILURE"), !is_map, "{bytes:?}: {log}");
    }
}

#[test]
fn callbacks_of_contexts_that_do_not_exist_are_answered_as_if_they_were_not_exported() {
    for context_id in [0, 1, 2, 3, 77, u32::MAX] {
        let started = Started::new(&PLUGINS);
        for callback in every_callback([context_id, 9, 1, 0, u32::MAX]) {
            let expected = match (callback, callback.returns()) {
                // Nobody is there to accept a configuration.
                (Callback::proxy_on_configure { .. }, _) => 0,
                (_, ReturnKind::Bool) => 1,
                _ => 0,
            };
            assert_eq!(started.call(callback), expected, "{callback}");
        }
        let warnings = started.host.take_log();
        assert_eq!(warnings.iter().filter(|line| line.contains("; said once")).count(), 1, "{warnings:?}");
    }
}

#[test]
fn callbacks_in_any_order_late_and_repeated_are_survived() {
    let (root, stream) = (1, 2);
    for first in 0..10 {
        for second in 0..10 {
            let started = strict();
            let callbacks = life(root, stream);
            started.call(callbacks[0]);
            for callback in [callbacks[first], callbacks[second], callbacks[first], callbacks[9], callbacks[second]] {
                started.call(callback);
            }
            started.call(Callback::proxy_on_delete { context_id: root });
            started.call(callbacks[first]);
            assert_eq!(started.stream(root, 3)[1..8], [0; 7], "the root is gone");
        }
    }
}

#[test]
fn a_host_that_calls_back_from_inside_a_hostcall_is_answered() {
    for (inner, row) in every_callback([2, 1, 0, 0, 0]).into_iter().zip(CALLBACKS) {
        for outer in life(1, 2) {
            let started = strict();
            started.call(life(1, 2)[0]);
            started.host.take_calls();
            started.host.reenter([inner; 3]);
            started.call(outer);
            let _ = started.host.take_calls();
            started.host.forget_reentries();
            assert_eq!(started.stream(1, 3), UNHARMED, "{} in {outer}", row.name);
        }
    }
}

#[test]
fn a_context_that_is_deleted_while_it_is_called_lives_until_the_call_returns() {
    let started = strict();
    started.call(life(1, 2)[0]);
    let before = everything::LIVE.get();
    started.host.reenter([
        Callback::proxy_on_delete { context_id: 2 },
        Callback::proxy_on_context_create { context_id: 2, parent_id: 1 },
    ]);
    assert_eq!(started.call(life(1, 2)[1]), 4);
    assert_eq!(everything::LIVE.get(), before, "one gone, one come");
    assert_eq!(started.call(life(1, 2)[2]), 2, "the new one is called");
}

#[test]
fn a_root_that_is_deleted_lives_as_long_as_its_streams() {
    let started = strict();
    started.call(life(1, 2)[0]);
    started.call(Callback::proxy_on_delete { context_id: 1 });
    assert_eq!(everything::LIVE.get(), 2);
    assert_eq!(started.call(life(1, 2)[1]), 4);
    started.call(Callback::proxy_on_delete { context_id: 2 });
    assert_eq!(everything::LIVE.get(), 0);
}
