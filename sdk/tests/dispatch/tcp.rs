//! TCP plugins: what each callback is given, what becomes of its answer, and of an `Err`.

use super::host::{Started, every_callback};
use proxy_filter::abi::Callback;
use proxy_filter::prelude::*;

/// Does what the configuration says: a letter for each callback, in the order of [`CALLBACKS`].
struct Scripted {
    config: Vec<u8>,
}

impl RootContext for Scripted {
    type Config = Vec<u8>;
    fn new(config: Vec<u8>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self { config })
    }
}

impl TcpPlugin for Scripted {
    type Stream = Box<dyn StreamContext>;
    fn create_stream_context(self: &Rc<Self>, stream: &Tcp) -> Box<dyn StreamContext> {
        Box::new(ScriptedStream { root: Rc::clone(self), id: stream.id() })
    }
}

struct ScriptedStream {
    root: Rc<Scripted>,
    id: u32,
}

impl ScriptedStream {
    /// What the script says of this callback: `f` is a failure, anything else is given back.
    fn letter(&self, callback: usize, tcp: &Tcp, what: &str) -> Result<u8, Failure> {
        assert_eq!(tcp.id(), self.id);
        tcp.log(LogLevel::Info, what)?;
        match self.root.config.get(callback) {
            Some(b'f') => Err(std::io::Error::other("as the script says").into()),
            letter => Ok(letter.copied().unwrap_or(b'.')),
        }
    }

    fn data(&self, letter: u8) -> Result<StreamAction, StreamInterrupt> {
        match letter {
            b'b' => Ok(StreamAction::Buffer),
            b'x' => Err(StreamInterrupt::close()),
            _ => Ok(StreamAction::Continue),
        }
    }
}

impl StreamContext for ScriptedStream {
    fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        match self.letter(0, &tcp, "new")? {
            b'x' => Err(StreamInterrupt::close()),
            _ => Ok(ConnectionAction::Continue),
        }
    }
    fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        let letter = self.letter(1, &tcp, &format!("down {} {}", tcp.size(), tcp.end_of_stream()))?;
        if letter == b'e' {
            tcp.data().prepend(">")?;
        }
        self.data(letter)
    }
    fn on_upstream_data(&mut self, tcp: UpstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        let letter = self.letter(2, &tcp, &format!("up {} {}", tcp.size(), tcp.end_of_stream()))?;
        if letter == b'e' {
            tcp.data().append("<")?;
        }
        self.data(letter)
    }
    fn on_upstream_close(&mut self, tcp: UpstreamClose<'_>) -> Result<(), Failure> {
        self.letter(3, &tcp, &format!("upstream closed by {}", tcp.peer_type())).map(drop)
    }
    fn on_downstream_close(&mut self, tcp: DownstreamClose<'_>) -> Result<(), Failure> {
        self.letter(4, &tcp, &format!("downstream closed by {}", tcp.peer_type())).map(drop)
    }
    fn on_log(&mut self, tcp: StreamLog<'_>) -> Result<(), Failure> {
        self.letter(5, &tcp, "log").map(drop)
    }
}

/// As [`Scripted`], but what fails passes.
struct Open(Rc<Scripted>);

impl RootContext for Open {
    type Config = Vec<u8>;
    const FAILURE_POLICY: FailurePolicy = FailurePolicy::Continue;
    fn new(config: Vec<u8>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self(Rc::new(Scripted::new(config, plugin)?)))
    }
}

impl TcpPlugin for Open {
    type Stream = Box<dyn StreamContext>;
    fn create_stream_context(self: &Rc<Self>, stream: &Tcp) -> Box<dyn StreamContext> {
        self.0.create_stream_context(stream)
    }
}

mod closed {
    proxy_filter::register! { "scripted" => tcp super::Scripted }
}

mod open {
    proxy_filter::register! { "scripted" => tcp super::Open }
}

mod mixed {
    use proxy_filter::prelude::*;
    struct Http;
    impl RootContext for Http {
        type Config = ();
        fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            Ok(Self)
        }
    }
    impl HttpPlugin for Http {
        type Http = HttpStreamOf;
        fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> HttpStreamOf {
            HttpStreamOf
        }
    }
    struct HttpStreamOf;
    impl HttpContext for HttpStreamOf {}
    proxy_filter::register! { "http" => http Http, "scripted" => tcp super::Scripted }
}

/// A connection's callbacks after its creation, in the order of Envoy (TCP-1).
fn life(context_id: u32) -> [Callback; 9] {
    [
        Callback::proxy_on_new_connection { context_id },
        Callback::proxy_on_downstream_data { context_id, size: 5, end_of_stream: 0 },
        Callback::proxy_on_upstream_data { context_id, size: 7, end_of_stream: 1 },
        Callback::proxy_on_upstream_connection_close { context_id, peer_type: 0 },
        Callback::proxy_on_downstream_data { context_id, size: 0, end_of_stream: 1 },
        Callback::proxy_on_downstream_connection_close { context_id, peer_type: 2 },
        Callback::proxy_on_done { context_id },
        Callback::proxy_on_log { context_id },
        Callback::proxy_on_delete { context_id },
    ]
}

/// What the callbacks of a connection answered, and the hostcalls that they made.
fn run(module: &proxy_filter::Module, script: &str) -> (Vec<u32>, Vec<String>) {
    let started = Started::new(module);
    started.host.give("scripted");
    assert!(started.configure(1, script));
    started.host.take_calls();
    started.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    let answers = life(2).map(|callback| started.call(callback)).to_vec();
    (answers, started.host.take_calls())
}

const LOGGED: [&str; 7] = [
    "proxy_log(INFO, new)",
    "proxy_log(INFO, down 5 false)",
    "proxy_log(INFO, up 7 true)",
    "proxy_log(INFO, upstream closed by UNKNOWN)",
    "proxy_log(INFO, down 0 true)",
    "proxy_log(INFO, downstream closed by REMOTE)",
    "proxy_log(INFO, log)",
];

#[test]
fn a_connection_that_passes_makes_no_hostcall_of_its_own() {
    let (answers, calls) = run(&closed::PLUGINS, "......");
    assert_eq!(answers, [0, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(calls, LOGGED, "and is logged after it is done (TCP-1)");
}

#[test]
fn data_is_kept_but_not_at_the_end() {
    // TCP-3; TCP-16: nothing could release it any more.
    let (answers, _) = run(&closed::PLUGINS, ".bb...");
    assert_eq!(answers[..5], [0, 1, 0, 0, 0]);
}

#[test]
fn data_is_changed_in_the_buffer_of_its_side() {
    let (_, calls) = run(&closed::PLUGINS, ".ee...");
    let edits: Vec<&String> = calls.iter().filter(|call| call.starts_with("proxy_set_buffer_bytes")).collect();
    assert_eq!(
        edits,
        [
            "proxy_set_buffer_bytes(DOWNSTREAM_DATA, 0, 0, >)",
            "proxy_set_buffer_bytes(UPSTREAM_DATA, 4294967295, 0, <)",
            "proxy_set_buffer_bytes(DOWNSTREAM_DATA, 0, 0, >)",
        ]
    );
}

#[test]
fn an_interrupt_closes_the_connection() {
    // TCP-5: there is one hostcall for it, whichever side the callback is of.
    for (script, callbacks) in [("x.....", &[0][..]), (".x....", &[1, 4]), ("..x...", &[2])] {
        let (answers, calls) = run(&closed::PLUGINS, script);
        assert_eq!(calls.iter().filter(|call| *call == "proxy_close_stream(DOWNSTREAM)").count(), callbacks.len(), "{calls:?}");
        assert!(callbacks.iter().all(|index| answers[*index] == 1), "{script}: {answers:?}");
    }
}

#[test]
fn a_failure_closes_the_connection_or_passes_as_the_policy_says() {
    for (module, closes, answer) in [(&closed::PLUGINS, 1, 1), (&open::PLUGINS, 0, 0)] {
        for (script, index, name) in [("f.....", 0, "proxy_on_new_connection"), ("..f...", 2, "proxy_on_upstream_data")] {
            let (answers, calls) = run(module, script);
            assert_eq!(answers[index], answer, "{script}");
            assert_eq!(calls.iter().filter(|call| call.starts_with("proxy_close_stream")).count(), closes);
            let told = format!("proxy_log(ERROR, scripted: context 2: {name}: as the script says)");
            assert!(calls.contains(&told), "{calls:?}");
        }
    }
}

#[test]
fn a_failure_of_a_close_or_of_the_log_is_only_told() {
    for (script, name) in [
        ("...f..", "proxy_on_upstream_connection_close"),
        ("....f.", "proxy_on_downstream_connection_close"),
        (".....f", "proxy_on_log"),
    ] {
        let (answers, calls) = run(&closed::PLUGINS, script);
        assert_eq!(answers, [0, 0, 0, 0, 0, 0, 1, 0, 0]);
        let told = format!("proxy_log(ERROR, scripted: context 2: {name}: as the script says)");
        assert!(calls.contains(&told) && !calls.iter().any(|call| call.starts_with("proxy_close_stream")), "{calls:?}");
    }
}

#[test]
fn a_host_that_refuses_to_close_is_told_of_in_the_log() {
    let started = Started::new(&closed::PLUGINS);
    assert!({
        started.host.give("x");
        started.configure(1, "x")
    });
    started.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    started.host.answer(|hostcall| (hostcall == "proxy_close_stream").then_some(12));
    assert_eq!(started.call(life(2)[0]), 1);
    let log = started.host.take_log();
    assert_eq!(log[1], "ERROR, scripted: context 2: proxy_on_new_connection: proxy_close_stream failed: UNIMPLEMENTED");
}

#[test]
fn a_peer_type_that_is_none_is_unknown() {
    let started = Started::new(&closed::PLUGINS);
    assert!(started.configure(1, ""));
    started.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    started.call(Callback::proxy_on_downstream_connection_close { context_id: 2, peer_type: 77 });
    assert_eq!(started.host.take_log(), ["INFO, downstream closed by UNKNOWN"]);
}

#[test]
fn plugins_of_both_kinds_share_a_module() {
    let (answers, calls) = run(&mixed::PLUGINS, "......");
    assert_eq!((answers, calls.len()), (vec![0, 0, 0, 0, 0, 0, 1, 0, 0], LOGGED.len()));
}

#[test]
fn callbacks_of_http_and_of_a_stream_that_is_gone_are_survived() {
    let started = Started::new(&closed::PLUGINS);
    assert!(started.configure(1, ""));
    started.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    let answer = started.call(Callback::proxy_on_request_headers { context_id: 2, num_headers: 1, end_of_stream: 0 });
    assert_eq!(answer, 0, "it is no stream of HTTP");
    started.call(Callback::proxy_on_delete { context_id: 2 });
    for callback in every_callback([2, 1, 1, 0, 0]) {
        if !matches!(callback, Callback::proxy_on_context_create { .. } | Callback::proxy_on_configure { .. }) {
            assert_eq!(
                started.call(callback),
                u32::from(callback.name() == "proxy_on_done" || callback.name() == "proxy_on_vm_start")
            );
        }
    }
}
