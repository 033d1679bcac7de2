//! Roots after they are made: queues, access logs, the end; and what they share with other VMs.

use super::host::Started;
use super::{exchange, lines};
use proxy_filter::abi::{Callback, Status};
use proxy_filter::prelude::*;
use proxy_filter_test::{MockProxy, Plugin as TestPlugin};
use std::cell::Cell;

/// Does as its configuration says.
struct Root {
    script: String,
    ending: Cell<bool>,
}

impl RootContext for Root {
    type Config = String;
    fn new(script: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self { script, ending: Cell::new(false) })
    }

    fn on_queue_ready(self: &Rc<Self>, queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
        match self.script.as_str() {
            "register" => plugin.log(LogLevel::Info, format!("{:?}", plugin.register_queue("work")))?,
            "resolve" => plugin.log(LogLevel::Info, format!("{:?}", plugin.resolve_queue("vm", "work")))?,
            "take" => plugin.log(LogLevel::Info, format!("{:?}", plugin.dequeue(queue)))?,
            "put" => plugin.enqueue(queue, b"\xff")?,
            "get" => {
                plugin.log(LogLevel::Info, format!("{:?}", plugin.shared_data().get("key").map(|stored| stored.is_some())))?;
            }
            "set" => plugin.shared_data().set("key", "value")?,
            "set if" => {
                if let Some(stored) = plugin.shared_data().get("key")? {
                    plugin.shared_data().set_if("key", "value", stored.cas)?;
                }
            }
            "set if absent" => plugin.shared_data().set_if_absent("key", "value")?,
            "update" => {
                let longer = |stored: Option<&[u8]>| (stored.map_or(b"first".to_vec(), |bytes| [bytes, b"+"].concat()), 7);
                let result = plugin.shared_data().update("key", longer)?;
                plugin.log(LogLevel::Info, result.to_string())?;
            }
            "leave" => plugin.shared_data().update("key", |stored| (stored.unwrap_or_default().to_vec(), ()))?,
            _ if self.ending.get() => plugin.done()?,
            _ => {}
        }
        Ok(())
    }

    fn on_log(self: &Rc<Self>, log: AccessLog<'_>) -> Result<(), Failure> {
        let line =
            format!("{:?} {:?} {:?} {:?}", log.method()?, log.path()?, log.status()?, log.response_trailers().get("x-end")?);
        Ok(log.log(LogLevel::Info, line)?)
    }

    fn on_done(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<bool, Failure> {
        self.ending.set(true);
        match self.script.as_str() {
            "done too early" => plugin.done()?,
            "later" => return Ok(false),
            _ => {}
        }
        Ok(true)
    }
}

impl HttpPlugin for Root {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream
    }
}

struct Stream;

impl HttpContext for Stream {}

impl TcpPlugin for Root {
    type Stream = Connection;
    fn create_stream_context(self: &Rc<Self>, _stream: &Tcp) -> Connection {
        Connection
    }
}

struct Connection;

impl StreamContext for Connection {}

proxy_filter::register! { "root" => root Root, "http" => http Root, "tcp" => tcp Root }

const READY: Callback = Callback::proxy_on_queue_ready { context_id: 1, queue_id: 9 };

/// A root of this kind with this configuration, on a host that answers as told.
fn started(kind: &str, script: &str) -> Started {
    let vm = Started::new(&PLUGINS);
    vm.host.give(kind);
    vm.call(Callback::proxy_on_context_create { context_id: 1, parent_id: 0 });
    vm.host.give(script);
    let configuration_size = u32::try_from(script.len()).expect("a short one");
    assert_eq!(vm.call(Callback::proxy_on_configure { context_id: 1, configuration_size }), 1);
    vm.host.take_calls();
    vm
}

/// The hostcalls of a root that is told of queue 9, with bytes `value` and number 5 as what each hostcall gives.
fn calls(script: &str, status: impl Fn(&str) -> Option<Status> + 'static) -> Vec<String> {
    let vm = started("root", script);
    vm.host.give("value");
    vm.host.give_number(5);
    vm.host.answer(move |name| status(name).map(Status::to_wire));
    vm.call(READY);
    vm.host.take_calls()
}

fn refusing(hostcall: &'static str, status: Status) -> impl Fn(&str) -> Option<Status> {
    move |name| (name == hostcall).then_some(status)
}

const fn fine(_name: &str) -> Option<Status> {
    None
}

#[test]
fn que_8_roots_of_every_kind_are_told_of_queues() {
    for kind in ["root", "http", "tcp"] {
        let vm = started(kind, "take");
        vm.call(READY);
        assert_eq!(vm.host.take_calls()[0], "proxy_dequeue_shared_queue(9)", "{kind}");
    }
}

#[test]
fn que_1_que_3_que_6_queues_are_hostcalls_and_absence_is_no_error() {
    let ok_five = "proxy_log(INFO, Ok(QueueId(5)))";
    assert_eq!(calls("register", fine), ["proxy_register_shared_queue(work)", ok_five]);
    let resolve = "proxy_resolve_shared_queue(vm, work)";
    assert_eq!(calls("resolve", fine), [resolve, "proxy_log(INFO, Ok(Some(QueueId(5))))"]);
    let absent = refusing("proxy_resolve_shared_queue", Status::NotFound);
    assert_eq!(calls("resolve", absent), [resolve, "proxy_log(INFO, Ok(None))"]);
    let take = "proxy_dequeue_shared_queue(9)";
    assert_eq!(calls("take", fine), [take, "proxy_log(INFO, Ok(Some([118, 97, 108, 117, 101])))"]);
    assert_eq!(calls("take", refusing("proxy_dequeue_shared_queue", Status::Empty)), [take, "proxy_log(INFO, Ok(None))"]);
    let gone = calls("take", refusing("proxy_dequeue_shared_queue", Status::NotFound));
    assert!(gone[1].contains("hostcall: \"proxy_dequeue_shared_queue\", status: NotFound"), "{gone:?}");
    assert_eq!(calls("put", fine), ["proxy_enqueue_shared_queue(9, \u{fffd})"]);
    let failed = "proxy_log(ERROR, root: context 1: proxy_on_queue_ready: proxy_enqueue_shared_queue failed: NOT_FOUND)";
    assert_eq!(calls("put", refusing("proxy_enqueue_shared_queue", Status::NotFound))[1], failed);
}

#[test]
fn shd_2_shd_3_shared_data_is_read_and_stored_with_its_mark() {
    assert_eq!(calls("get", fine)[1], "proxy_log(INFO, Ok(true))");
    assert_eq!(calls("get", refusing("proxy_get_shared_data", Status::NotFound))[1], "proxy_log(INFO, Ok(false))");
    assert_eq!(calls("set", fine), ["proxy_set_shared_data(key, value, 0)"]);
    assert_eq!(calls("set if", fine)[1], "proxy_set_shared_data(key, value, 5)");
    // A mark that no value has: stored only where there is none.
    assert_eq!(calls("set if absent", fine), ["proxy_set_shared_data(key, value, 4294967295)"]);
    let failed = calls("set if", refusing("proxy_set_shared_data", Status::CasMismatch)).pop();
    let expected = "proxy_log(ERROR, root: context 1: proxy_on_queue_ready: proxy_set_shared_data failed: CAS_MISMATCH)";
    assert_eq!(failed.as_deref(), Some(expected));
}

#[test]
fn shd_3_an_update_tries_again_when_others_were_quicker() {
    let (get, set) = ("proxy_get_shared_data(key)", "proxy_set_shared_data(key, value+, 5)");
    assert_eq!(calls("update", fine), [get, set, "proxy_log(INFO, 7)"]);
    let left = Cell::new(2);
    let twice = move |name: &str| {
        let refuse = name == "proxy_set_shared_data" && left.replace(left.get() - i32::from(left.get() > 0)) > 0;
        refuse.then_some(Status::CasMismatch)
    };
    assert_eq!(calls("update", twice), [get, set, get, set, get, set, "proxy_log(INFO, 7)"]);
    let absent = calls("update", refusing("proxy_get_shared_data", Status::NotFound));
    assert_eq!(absent[1], "proxy_set_shared_data(key, first, 4294967295)");
    // What is as it was is not stored; an empty value where there was none is.
    assert_eq!(calls("leave", fine), [get]);
    let stored = calls("leave", refusing("proxy_get_shared_data", Status::NotFound));
    assert_eq!(stored, [get, "proxy_set_shared_data(key, , 4294967295)"]);
}

#[test]
fn an_update_gives_up_and_says_what_failed() {
    let calls_of = calls("update", refusing("proxy_set_shared_data", Status::CasMismatch));
    assert_eq!(calls_of.len(), 201);
    let why = "proxy_set_shared_data failed: CAS_MISMATCH, 100 times: others update the key all the time";
    assert_eq!(calls_of[200], format!("proxy_log(ERROR, root: context 1: proxy_on_queue_ready: {why})"));
    for (hostcall, count) in [("proxy_get_shared_data", 2), ("proxy_set_shared_data", 3)] {
        let calls = calls("update", refusing(hostcall, Status::Unimplemented));
        assert_eq!(calls.len(), count);
        assert!(calls[count - 1].ends_with(&format!("{hostcall} failed: UNIMPLEMENTED)")), "{calls:?}");
    }
}

#[test]
fn lif_20_lif_22_a_root_says_whether_it_is_done_and_ends_itself_later() {
    for kind in ["root", "http", "tcp"] {
        let done = Callback::proxy_on_done { context_id: 1 };
        assert_eq!(started(kind, "now").call(done), 1);
        let vm = started(kind, "later");
        assert_eq!(vm.call(done), 0);
        vm.call(READY);
        assert_eq!(vm.host.take_calls(), ["proxy_done()"]);

        let early = started(kind, "done too early");
        early.host.answer(|name| (name == "proxy_done").then_some(Status::NotFound.to_wire()));
        assert_eq!(early.call(done), 1, "one that fails is done");
        let log = early.host.take_log();
        assert_eq!(log, [format!("ERROR, {kind}: context 1: proxy_on_done: proxy_done failed: NOT_FOUND")]);
    }
}

#[test]
fn lif_20_a_root_that_waits_is_deleted_after_the_callback_in_which_it_is_done() {
    let plugin = TestPlugin::native(&PLUGINS, "root");
    let proxy = MockProxy::builder().access_logger(plugin.clone().config("later")).start().unwrap();
    proxy.update(plugin.config("now")).unwrap();
    assert!(proxy.trace().contains("proxy_on_done(context_id=1)\n    = 0"), "{}", proxy.trace());
    assert!(!proxy.trace().contains("proxy_on_delete"), "{}", proxy.trace());
}

#[test]
fn acl_1_acl_2_a_root_that_is_an_access_logger_reads_the_stream() {
    for kind in ["root", "http", "tcp"] {
        let logger = TestPlugin::native(&PLUGINS, kind).name("logger");
        let proxy = MockProxy::builder().access_logger(logger).start().unwrap();
        let log = lines(&exchange(&proxy).log());
        assert_eq!(log, [r#"[info] logger: Some("POST") Some("/") Some(200) Some("2")"#], "{kind}");
    }
}

#[test]
fn a_root_that_is_not_there_is_said_once() {
    let vm = started("root", "take");
    vm.call(Callback::proxy_on_queue_ready { context_id: 3, queue_id: 9 });
    assert!(vm.host.take_log()[0].starts_with("WARN, proxy_on_queue_ready: no context 3"));
}
