//! What Envoy and the specification disagree about, each in both profiles; and the page that lists it.

use http::{Request, Response};
use proxy_filter_test::abi::{BufferType, Callback, Host, MapType, Status};
use proxy_filter_test::{Exchange, Lint, Message, MockProxy, Outcome, Profile, Spy};
use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

/// What an exchange with bodies and trailers comes to with an acting spy, under a profile.
fn run(profile: Profile, filter: impl FnMut(Callback, &dyn Host) -> Option<u32> + 'static) -> (MockProxy, Spy, Exchange) {
    let spy = Spy::acting("spy", filter);
    let builder = MockProxy::builder().plugin(spy.plugin()).profile(profile).allow(Lint::NeverContinued);
    let proxy = builder.start().unwrap();
    proxy.set_upstream(|_| Response::new("pong"));
    let request = Message::from(Request::post("http://shop.example/").body("ping").unwrap()).trailer("x-end", "1");
    let exchange = proxy.send(request);
    (proxy, spy, exchange)
}

fn names(spy: &Spy) -> Vec<&'static str> {
    spy.callbacks().iter().map(|callback| callback.name().trim_start_matches("proxy_on_")).collect()
}

/// What a hostcall gives in a callback of this name.
fn in_callback<R: 'static>(profile: Profile, name: &'static str, mut call: impl FnMut(&dyn Host) -> R + 'static) -> R {
    let given = Rc::new(RefCell::new(None));
    let inside = Rc::clone(&given);
    drop(run(profile, move |callback, host| {
        if callback.name() == name && inside.borrow().is_none() {
            *inside.borrow_mut() = Some(call(host));
        }
        None
    }));
    given.take().expect("the callback came")
}

/// The answers in both profiles.
fn both<R: 'static>(name: &'static str, call: impl FnMut(&dyn Host) -> R + Clone + 'static) -> [R; 2] {
    [in_callback(Profile::Envoy, name, call.clone()), in_callback(Profile::Spec, name, call)]
}

#[test]
fn pro_13_a_path_of_several_parts_that_was_set() {
    assert_eq!(set_and_get(b"a\0b"), [Err(Status::NotFound), Ok(b"mine".to_vec())]);
}

#[test]
fn pro_14_a_property_of_the_proxys_own_that_was_set() {
    assert_eq!(set_and_get(b"request\0path"), [Ok(b"/".to_vec()), Ok(b"mine".to_vec())]);
}

fn set_and_get(path: &'static [u8]) -> [Result<Vec<u8>, Status>; 2] {
    both("proxy_on_request_headers", move |host: &dyn Host| {
        host.proxy_set_property(path, b"mine").unwrap();
        host.proxy_get_property(path)
    })
}

#[test]
fn seq_1_log_before_done_or_after_it() {
    let last = |profile| {
        let names = names(&run(profile, |_, _| None).1);
        names[names.len() - 3..].to_vec()
    };
    assert_eq!(last(Profile::Envoy), ["log", "done", "delete"]);
    assert_eq!(last(Profile::Spec), ["done", "log", "delete"]);
}

#[test]
fn seq_2_a_stream_that_is_not_done_lives_on_by_the_specification() {
    let not_done = |callback, host: &dyn Host| match callback {
        Callback::proxy_on_configure { .. } => {
            host.proxy_set_tick_period_milliseconds(100).unwrap();
            Some(1)
        }
        Callback::proxy_on_done { context_id: 2 } => Some(0),
        Callback::proxy_on_tick { .. } => {
            let alive = host.proxy_set_effective_context(2);
            let done = alive.and_then(|()| host.proxy_done());
            host.proxy_set_effective_context(0).unwrap();
            host.proxy_set_tick_period_milliseconds(0).unwrap();
            assert!(matches!(done, Ok(()) | Err(Status::BadArgument)), "{done:?}");
            Some(0)
        }
        _ => None,
    };
    let (proxy, spy, exchange) = run(Profile::Spec, not_done);
    assert_eq!(exchange.outcome(), Outcome::Complete);
    assert_eq!(names(&spy).last(), Some(&"done"), "the rest waits");
    proxy.advance(std::time::Duration::from_millis(100));
    assert_eq!(names(&spy)[names(&spy).len() - 3..], ["tick", "log", "delete"]);

    let (_proxy, spy, _exchange) = run(Profile::Envoy, not_done);
    assert_eq!(names(&spy).last(), Some(&"delete"));
}

#[test]
fn seq_16_a_filter_that_never_saw_the_request() {
    for (profile, told) in [(Profile::Envoy, 4), (Profile::Spec, 0)] {
        let denies = Spy::acting("denies", |callback, host: &dyn Host| match callback {
            Callback::proxy_on_request_headers { .. } => {
                host.proxy_send_local_response(403, b"", b"", b"", u32::MAX).unwrap();
                Some(1)
            }
            _ => None,
        });
        let after = Spy::new("after");
        let builder = MockProxy::builder().plugin(denies.plugin()).plugin(after.plugin()).profile(profile);
        drop(super::get(&builder.start().unwrap()));
        assert_eq!(after.callbacks().iter().filter(|callback| callback.context_id() > 1).count(), told, "{profile:?}");
    }
}

#[test]
fn act_1_body_callbacks_while_headers_are_paused() {
    let pause = |callback, _: &dyn Host| match callback {
        Callback::proxy_on_request_headers { .. } => Some(1),
        _ => None,
    };
    let (_proxy, spy, exchange) = run(Profile::Envoy, pause);
    assert_eq!(exchange.outcome(), Outcome::Paused);
    assert!(!names(&spy).contains(&"request_body"));
    let (_proxy, spy, exchange) = run(Profile::Spec, pause);
    assert_eq!(exchange.outcome(), Outcome::Complete, "the body's callback continues it");
    assert!(names(&spy).contains(&"request_body"));
}

#[test]
fn buf_1_a_range_that_overflows() {
    let get = |host: &dyn Host| host.proxy_get_buffer_bytes(BufferType::HttpRequestBody, 1, u32::MAX);
    assert_eq!(both("proxy_on_request_body", get), [Ok(b"ing".to_vec()), Err(Status::BadArgument)]);
}

#[test]
fn buf_4_a_buffer_that_is_not_there_is_read() {
    let get = |host: &dyn Host| host.proxy_get_buffer_bytes(BufferType::HttpResponseBody, 0, 9);
    assert_eq!(both("proxy_on_request_headers", get), [Ok(Vec::new()), Err(Status::NotFound)]);
    assert_eq!(both("proxy_on_configure", get), [Ok(Vec::new()), Err(Status::NotFound)]);
}

#[test]
fn buf_6_the_vm_configuration_outside_its_callback() {
    let get = |host: &dyn Host| host.proxy_get_buffer_bytes(BufferType::VmConfiguration, 0, 9);
    assert_eq!(both("proxy_on_request_headers", get), [Ok(Vec::new()), Err(Status::NotFound)]);
    assert_eq!(both("proxy_on_vm_start", get), [Ok(Vec::new()), Ok(Vec::new())]);
}

#[test]
fn buf_12_a_write_in_the_middle() {
    let set = |host: &dyn Host| {
        let set = host.proxy_set_buffer_bytes(BufferType::HttpRequestBody, 1, 2, b"on");
        (set, host.proxy_get_buffer_bytes(BufferType::HttpRequestBody, 0, 9).unwrap())
    };
    assert_eq!(both("proxy_on_request_body", set), [(Err(Status::BadArgument), b"ping".to_vec()), (Ok(()), b"pong".to_vec())]);
}

#[test]
fn buf_13_a_buffer_that_is_not_there_is_written() {
    let set = |host: &dyn Host| host.proxy_set_buffer_bytes(BufferType::HttpResponseBody, 0, 0, b"x");
    assert_eq!(both("proxy_on_request_headers", set), [Err(Status::BadArgument), Err(Status::NotFound)]);
}

#[test]
fn hdr_1_request_trailers_in_the_log() {
    let get = |host: &dyn Host| host.proxy_get_header_map_value(MapType::HttpRequestTrailers, b"x-end");
    assert_eq!(both("proxy_on_log", get), [Err(Status::NotFound), Ok(b"1".to_vec())]);
}

#[test]
fn hdr_3_the_size_of_a_map() {
    let sizes = |host: &dyn Host| {
        let serialised = host.proxy_get_header_map_pairs(MapType::HttpRequestTrailers).unwrap().len();
        (host.proxy_get_header_map_size(MapType::HttpRequestTrailers).unwrap(), serialised)
    };
    assert_eq!(both("proxy_on_request_trailers", sizes), [(6, 20), (20, 20)]);
}

#[test]
fn con_5_what_only_envoy_minds_is_not_looked_for() {
    let twice = |callback, host: &dyn Host| match callback {
        Callback::proxy_on_request_headers { .. } => {
            host.proxy_continue_stream(proxy_filter_test::abi::StreamType::HttpRequest).unwrap();
            Some(0)
        }
        _ => None,
    };
    let (proxy, _, _) = run(Profile::Spec, twice);
    assert_eq!(proxy.findings(), []);
}

/// To write it anew: `BLESS=1 cargo test -p proxy-filter-test --test testsuite profile`.
#[test]
fn the_page_is_that_of_the_table() {
    let mut page = String::from(
        "# Profiles\n\n\
         <!-- Made from `Profile::differences()` by a test: change it there. -->\n\n\
         A mock proxy behaves like Envoy 1.40, or with `Builder::profile(Profile::Spec)` by the letter of the\n\
         [specification](https://github.com/proxy-wasm/spec/blob/main/abi-versions/v0.2.1/README.md) of Proxy-Wasm ABI v0.2.1, where the two\n\
         disagree: here is all of it. What passes a filter's tests in both does not depend on any.\n\n\
         Under the second, mistakes that only Envoy does not forgive (rows CON, CLO, LOC and HDR-26 of [its table](envoy.md)) are not looked for.\n\n\
         | row | what | Envoy | the specification | its section |\n|---|---|---|---|---|\n",
    );
    for difference in Profile::differences() {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            difference.row, difference.about, difference.envoy, difference.spec, difference.section
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/profiles.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), page, "BLESS=1 writes it anew");
    let tests = include_str!("profile.rs");
    for difference in Profile::differences() {
        let name = difference.row.to_ascii_lowercase().replace('-', "_");
        assert!(tests.contains(&format!("fn {name}_")), "{} has no test in both profiles", difference.row);
    }
}
