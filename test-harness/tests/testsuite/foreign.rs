//! `proxy_call_foreign_function` and `proxy_on_foreign_function`.

use super::get;
#[cfg(feature = "wasmtime")]
use super::guest::{check, data};
use proxy_filter_abi::protobuf::Message;
use proxy_filter_abi::{BufferType, Callback, Host, Status};
use proxy_filter_test::{MockProxy, Profile, Spy};
use std::cell::RefCell;
use std::rc::Rc;

type Answer = Result<Vec<u8>, Status>;

/// What happens in a request's headers and as the plugin is configured, in a proxy with a function of the test's.
fn answers<T: 'static>(when: fn(&Callback) -> bool, ask: impl Fn(&dyn Host) -> T + 'static) -> (MockProxy, Vec<T>) {
    let answers = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&answers);
    let spy = Spy::acting("asks", move |callback, host| {
        if when(&callback) {
            seen.borrow_mut().push(ask(host));
        }
        None
    });
    let double = |arguments: &[u8]| if arguments.is_empty() { Err(Status::Empty) } else { Ok(arguments.repeat(2)) };
    let proxy = MockProxy::builder().foreign_function("double", double).plugin(spy.plugin()).start().unwrap();
    get(&proxy);
    (proxy, answers.take())
}

fn in_request_headers(callback: &Callback) -> bool {
    matches!(callback, Callback::proxy_on_request_headers { .. })
}

fn call(host: &dyn Host, name: &str, arguments: &[u8]) -> Answer {
    host.proxy_call_foreign_function(name.as_bytes(), arguments)
}

#[test]
fn functions_of_the_test_answer_and_what_was_called_is_told() {
    let (proxy, answers) = answers(in_request_headers, |host| (call(host, "double", b"ab"), call(host, "double", b"")));
    assert_eq!(answers, [(Ok(b"abab".to_vec()), Err(Status::Empty))]);
    let calls = proxy.foreign_calls();
    assert_eq!((calls[0].plugin.as_str(), calls[0].function.as_str()), ("asks", "double"));
    assert_eq!((&calls[0].arguments[..], &calls[0].answer), (&b"ab"[..], &Ok(b"abab".to_vec())));
    assert_eq!(calls[1].answer, Err(Status::Empty));
}

// FOR-1
#[test]
fn an_unknown_function_is_not_found_and_the_trace_says_what_would_make_one() {
    let (proxy, answers) =
        answers(in_request_headers, |host| (call(host, "acme", b""), call(host, "set_upstream_override_host", b"")));
    assert_eq!(answers, [(Err(Status::NotFound), Err(Status::NotFound))]);
    let trace = proxy.trace();
    assert!(trace.contains(r#"Envoy has no such function: `Builder::foreign_function("acme", …)` gives"#), "{trace}");
    assert!(trace.contains("Envoy 1.40 has no such function, though other versions do"), "{trace}");
}

#[test]
fn a_function_of_the_test_stands_before_one_of_envoys() {
    let spy = Spy::acting("asks", |callback, host| {
        in_request_headers(&callback).then(|| {
            assert_eq!(call(host, "compress", b"abc"), Ok(b"small".to_vec()));
            0
        })
    });
    let proxy =
        MockProxy::builder().foreign_function("compress", |_| Ok(b"small".to_vec())).plugin(spy.plugin()).start().unwrap();
    get(&proxy);
    assert_eq!(proxy.foreign_calls().len(), 1);
}

#[test]
fn the_specification_has_no_functions_of_envoys() {
    let spy = Spy::acting("asks", |callback, host| {
        in_request_headers(&callback).then(|| {
            assert_eq!(call(host, "compress", b"abc"), Err(Status::NotFound));
            0
        })
    });
    get(&MockProxy::builder().profile(Profile::Spec).plugin(spy.plugin()).start().unwrap());
}

// FOR-3, FOR-13
#[test]
fn compress_uncompress_and_clear_route_cache() {
    let (_, answers) = answers(in_request_headers, |host| {
        let small = call(host, "compress", &[b'a'; 1000]).unwrap();
        (
            small.len() < 50,
            call(host, "uncompress", &small).unwrap().len(),
            call(host, "uncompress", b"bad"),
            call(host, "clear_route_cache", b"x"),
        )
    });
    assert_eq!(answers, [(true, 1000, Err(Status::SerializationFailure), Ok(Vec::new()))]);
}

fn declare(host: &dyn Host, name: &[u8], read_only: bool) -> Answer {
    call(host, "declare_property", &Message::new().bytes(1, name).varint(2, read_only.into()).into_bytes())
}

// FOR-10, PRO-17
#[test]
fn a_property_that_a_root_declares_read_only_is_set_once() {
    let (_, answers) = answers(
        |callback| matches!(callback, Callback::proxy_on_configure { .. }) || in_request_headers(callback),
        |host| {
            [declare(host, b"once", true).err(), declare(host, b"once", true).err(), declare(host, b"often", false).err()]
                .into_iter()
                .chain(["once", "once", "often", "often"].map(|name| host.proxy_set_property(name.as_bytes(), b"v").err()))
                .collect::<Vec<_>>()
        },
    );
    let (refused, absent) = (Some(Status::BadArgument), Some(Status::NotFound));
    assert_eq!(answers[0], [None, refused, None, absent, absent, absent, absent], "a root has no properties");
    // What a stream declares is its own, and counts for nothing.
    assert_eq!(answers[1], [None, refused, None, None, refused, None, None]);
}

// PRO-17, FOR-17
#[test]
fn a_read_only_property_of_flat_buffers_is_set_twice_without_being_read() {
    let (proxy, answers) = answers(
        |callback| matches!(callback, Callback::proxy_on_configure { .. }) || in_request_headers(callback),
        |host| {
            let arguments = Message::new().bytes(1, b"fb").varint(2, 1).varint(3, 2).into_bytes();
            let _ = call(host, "declare_property", &arguments);
            [host.proxy_set_property(b"fb", b"one"), host.proxy_set_property(b"fb", b"two")]
        },
    );
    assert_eq!(answers[1], [Ok(()), Err(Status::BadArgument)]);
    assert_eq!(proxy.findings(), []);
}

fn set_filter_state(host: &dyn Host, key: &str, value: &str) -> Answer {
    call(host, "set_envoy_filter_state", &Message::new().bytes(1, key.as_bytes()).bytes(2, value.as_bytes()).into_bytes())
}

// FOR-11, FOR-12
#[test]
fn filter_state_is_set_and_read() {
    let (proxy, answers) = answers(in_request_headers, |host| {
        let read = |key: &str| host.proxy_get_property(format!("filter_state\0{key}").as_bytes());
        let set = |key: &str, value: &str| set_filter_state(host, key, value).map(|_| read(key));
        [
            set("envoy.tcp_proxy.cluster", "blue"),
            set("envoy.network.application_protocols", "h2"),
            set("envoy.upstream.dynamic_port", "http"),
            set("acme.key", "v"),
        ]
    });
    let absent = Err(Status::NotFound);
    assert_eq!(answers, [[Ok(Ok(b"blue".to_vec())), Ok(absent.clone()), Err(Status::BadArgument), Err(Status::NotFound)]]);
    assert!(proxy.trace().contains(r#"Envoy makes no object "acme.key" from a text"#), "{}", proxy.trace());
    let (_, of_root) = self::answers(
        |callback| matches!(callback, Callback::proxy_on_configure { .. }),
        |host| [set_filter_state(host, "envoy.string", "v"), set_filter_state(host, "envoy.ratelimit.hits_addend", "v")],
    );
    assert_eq!(of_root, [[absent, Err(Status::BadArgument)]]);
}

// FOR-14
#[test]
fn signatures_are_refused_until_the_test_gives_a_function() {
    let message = Message::new().bytes(1, b"sha256").bytes(2, b"\x30\x0aa key").bytes(3, b"a signature").into_bytes();
    let ask = message.clone();
    let (proxy, answers) = answers(in_request_headers, move |host| call(host, "verify_signature", &ask));
    assert_eq!(answers, [Err(Status::Unimplemented)]);
    assert!(proxy.trace().contains(r#"`Builder::foreign_function("verify_signature", …)` says"#), "{}", proxy.trace());
    let spy = Spy::acting("asks", move |callback, host| {
        in_request_headers(&callback).then(|| {
            assert_eq!(call(host, "verify_signature", &message), Ok(b"\x08\x01".to_vec()));
            0
        })
    });
    let valid = |_: &[u8]| Ok(Message::new().varint(1, 1).into_bytes());
    get(&MockProxy::builder().foreign_function("verify_signature", valid).plugin(spy.plugin()).start().unwrap());
}

// FOR-15
#[test]
fn a_test_calls_the_plugin() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let calls = Rc::clone(&seen);
    let spy = Spy::acting("asks", move |callback, host| {
        if let Callback::proxy_on_foreign_function { context_id, function_id, arguments_size } = callback {
            let arguments = host.proxy_get_buffer_bytes(BufferType::ForeignFunctionArguments, 0, u32::MAX);
            calls.borrow_mut().push((context_id, function_id, arguments_size, arguments));
        }
        None
    });
    MockProxy::new(spy.plugin()).unwrap().call_plugin("asks", 7, "abc").call_plugin("asks", 8, "");
    assert_eq!(seen.take(), [(1, 7, 3, Ok(b"abc".to_vec())), (1, 8, 0, Ok(Vec::new()))]);
}

#[test]
#[should_panic(expected = "no plugin that runs is named \"other\"")]
fn a_plugin_that_is_not_there_cannot_be_called() {
    answers(in_request_headers, |_| ()).0.call_plugin("other", 7, "abc");
}

// FOR-2, MEM-6
#[cfg(feature = "wasmtime")]
#[test]
fn outputs_are_written_when_a_function_that_exists_fails_and_only_where_they_are_wanted() {
    let call = |name: (u32, u32), pointers: (u32, u32)| {
        format!(
            "(call $proxy_call_foreign_function (i32.const {}) (i32.const {}) (i32.const 32) (i32.const 3) (i32.const {}) (i32.const {}))",
            name.0, name.1, pointers.0, pointers.1
        )
    };
    let definitions =
        data(0, b"zero") + &data(8, b"compress") + &data(16, b"uncompress") + &data(32, b"abc") + &data(64, &[7; 8]);
    let untouched = u32::from_le_bytes([7; 4]);
    let (zero, load) = (u32::from_le_bytes(*b"zero"), "(i32.load (i32.const 64))");
    check(
        &definitions,
        &[
            (&call((32, 3), (64, 68)), 1),
            (load, untouched),
            (&call((16, 10), (64, 68)), 3),
            (load, 0),
            ("(i32.load (i32.const 68))", 0),
            (&call((8, 8), (0, 0)), 0),
            ("(i32.load (i32.const 0))", zero),
            (&call((8, 8), (0, 68)), 0),
            ("(i32.load (i32.const 0))", zero),
            ("(i32.gt_u (i32.load (i32.const 68)) (i32.const 8))", 1),
            (&call((8, 8), (64, 68)), 0),
            // A zlib stream begins so.
            ("(i32.load8_u (i32.load (i32.const 64)))", 0x78),
            (&call((8, 8), (65_534, 68)), 6),
        ],
    );
}
