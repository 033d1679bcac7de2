//! What a test says of properties, and what the clock says of them. That attributes are as in Envoy, each in each callback, is shown by
//! the scenarios of conformance.

use http::{Request, Response};
use proxy_filter_test::abi::{Callback, Host, Status};
use proxy_filter_test::{Framing, MockProxy, PropertyValue, Spy};
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

type Read = Result<Vec<u8>, Status>;

/// What was read, each time with the callback.
type Reads = Rc<RefCell<Vec<(&'static str, Read)>>>;

/// A proxy whose one filter reads these properties in each of its callbacks, and what it has read.
fn reading(paths: &'static [&'static str]) -> (MockProxy, Reads) {
    let seen = Reads::default();
    let inside = Rc::clone(&seen);
    let spy = Spy::acting("spy", move |callback: Callback, host: &dyn Host| {
        for path in paths {
            let read = host.proxy_get_property(path.replace('.', "\0").as_bytes());
            inside.borrow_mut().push((callback.name().trim_start_matches("proxy_on_"), read));
        }
        None
    });
    (MockProxy::new(spy.plugin()).unwrap(), seen)
}

fn get() -> Request<&'static str> {
    Request::get("http://shop.example/cart?id=7").body("").unwrap()
}

/// What was read in the callback of this name, path by path.
fn of(seen: &Reads, name: &str) -> Vec<Read> {
    seen.borrow().iter().filter(|(callback, _)| *callback == name).map(|(_, read)| read.clone()).collect()
}

fn text(text: &str) -> Read {
    Ok(text.into())
}

fn int(number: i64) -> Read {
    Ok(number.to_le_bytes().to_vec())
}

#[test]
fn what_a_test_says_is_there_when_envoy_would_have_it() {
    let (proxy, seen) =
        reading(&["upstream.address", "upstream.port", "request.host", "connection.tls_version", "xds.cluster_name"]);
    proxy.set_property("upstream.address", "10.0.0.7:8443").set_property("request.host", "told.example");
    proxy.set_property("connection.tls_version", "TLSv1.3").set_property("xds.cluster_name", PropertyValue::Absent);
    proxy.send(get());
    let none = || Err(Status::NotFound);
    let tls = text("TLSv1.3");
    assert_eq!(of(&seen, "request_headers"), [none(), none(), text("told.example"), tls.clone(), none()]);
    assert_eq!(of(&seen, "response_headers"), [text("10.0.0.7:8443"), int(8443), none(), tls, none()]);
    assert_eq!(of(&seen, "configure"), vec![none(); 5], "a root has no stream");
}

#[test]
fn what_is_said_of_a_stream_stands_before_what_is_said_of_all() {
    let (proxy, seen) = reading(&["xds.route_name", "metadata.filter_metadata.auth.user", "metadata.filter_metadata.auth.role"]);
    proxy.set_property("xds.route_name", "all").set_property("metadata.filter_metadata.auth.role", "guest");
    let mut stream = proxy.open_stream();
    stream.set_property("xds.route_name", "cart").set_property("metadata.filter_metadata.auth", json!({ "user": "ann" }));
    stream.send_request(Request::get("http://shop.example/").body(()).unwrap(), true);
    assert_eq!(of(&seen, "request_headers"), [text("cart"), text("ann"), text("guest")]);
    seen.borrow_mut().clear();
    proxy.send(get());
    assert_eq!(of(&seen, "request_headers"), [text("all"), Err(Status::NotFound), text("guest")]);
}

#[test]
fn pro_12_filter_state_is_read_by_key_and_seen_by_the_test() {
    let spy = Spy::acting("spy", |callback: Callback, host: &dyn Host| {
        if callback.name() == "proxy_on_request_headers" {
            let key = host.proxy_get_property(b"filter_state\0envoy.string").unwrap();
            host.proxy_set_property(b"tenant", &key).unwrap();
        }
        None
    });
    let proxy = MockProxy::new(spy.plugin()).unwrap();
    proxy.set_property(["filter_state", "envoy.string"], "told");
    let exchange = proxy.send(get());
    assert_eq!(exchange.filter_state("wasm.tenant").unwrap(), "told");
    assert_eq!(exchange.filter_state("tenant"), None);
}

#[test]
fn pro_30_roots_read_the_node_and_what_envoy_has_no_name_for() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let inside = Rc::clone(&seen);
    let spy = Spy::acting("spy", move |callback: Callback, host: &dyn Host| {
        if callback.name() == "proxy_on_configure" {
            let read = |path: &str| host.proxy_get_property(path.replace('.', "\0").as_bytes());
            let paths = ["xds.node.metadata.MESH_ID", "ngx.host", "xds.route_name", "metadata", "xds.node.user_agent_name"];
            inside.borrow_mut().extend(paths.map(read));
        }
        None
    });
    let builder = MockProxy::builder().plugin(spy.plugin()).property("xds.node.metadata", json!({ "MESH_ID": "m" }));
    builder.property("ngx.host", "nginx.example").property("metadata.filter_metadata.a.b", "c").start().unwrap();
    let none = Err(Status::NotFound);
    assert_eq!(*seen.borrow(), [text("m"), text("nginx.example"), none.clone(), none, text("envoy")]);
}

#[test]
fn pro_21_pro_23_durations_are_those_of_the_virtual_clock() {
    const MS: Duration = Duration::from_millis(1);
    let (proxy, seen) = reading(&["request.time", "request.duration", "response.backend_latency"]);
    proxy.set_time(Duration::from_secs(1_800_000_000));
    let mut stream = proxy.open_stream();
    stream.send_request(Request::post("http://shop.example/").body(()).unwrap(), false);
    proxy.advance(3 * MS);
    stream.send_request_body("milk", true);
    proxy.advance(4 * MS);
    stream.send_response(Response::new(()), false);
    proxy.advance(5 * MS);
    stream.send_response_body("tea", true);
    let time = int(1_800_000_000_000_000_000);
    assert_eq!(of(&seen, "response_headers"), [time.clone(), Err(Status::NotFound), Err(Status::NotFound)]);
    assert_eq!(of(&seen, "log"), [time, int(12_000_000), int(12_000_000)]);
}

#[test]
fn each_connection_has_its_number_and_the_client_says_the_protocol() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let inside = Rc::clone(&seen);
    let spy = Spy::acting("spy", move |callback: Callback, host: &dyn Host| {
        if callback.name() == "proxy_on_request_headers" {
            let read = |path: &str| host.proxy_get_property(path.replace('.', "\0").as_bytes()).unwrap();
            inside.borrow_mut().push(["connection.id", "connection_id", "request.protocol"].map(read));
        }
        None
    });
    let proxy = MockProxy::builder().plugin(spy.plugin()).framing(Framing::Http2).start().unwrap();
    proxy.send(get());
    proxy.send(get());
    let seen = seen.borrow();
    assert_eq!(seen[0][0], seen[0][1]);
    assert_ne!(seen[0][0], seen[1][0]);
    assert_eq!(seen[0][2], b"HTTP/2");
}

#[test]
fn pro_32_a_tcp_connection_has_what_is_said_of_it() {
    let (proxy, seen) = reading(&["source.address", "source.port", "request.size", "xds.cluster_name"]);
    proxy.set_property("source.address", "10.1.1.1:4321");
    let connection = proxy.connect();
    connection.set_property("source.address", "10.1.1.2:99").send("hello");
    let none = Err(Status::NotFound);
    assert_eq!(of(&seen, "new_connection"), [text("10.1.1.1:4321"), int(4321), int(0), none]);
    assert_eq!(of(&seen, "downstream_data"), [text("10.1.1.2:99"), int(99), int(5), text("upstream")]);
}

/// Why a test cannot say this.
fn refused(path: &'static [&'static str]) -> String {
    let (proxy, _) = reading(&[]);
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        proxy.set_property(path, "x");
    }));
    let why = told.expect_err("it is refused");
    why.downcast_ref::<String>().cloned().unwrap_or_else(|| (*why.downcast_ref::<&str>().unwrap()).to_owned())
}

#[test]
fn what_no_filter_can_read_is_the_tests_mistake() {
    for (path, why) in [
        (&["plugin_name"][..], "`plugin_name` is set by `Plugin::name`"),
        (&["request"], "Envoy has no property `request`; in `request` there are: path, url_path,"),
        (&["request", "pth"], "Envoy has no property `request.pth`; in `request` there are: path, url_path,"),
        (&["request", "path", "x"], "`request.path` is a plain value, into which `request.path.x` cannot go"),
        (&["xds", "node", "name"], "the message `xds.node` has no `name`"),
        (&["metadata", "auth"], "`metadata.auth` is no metadata: it is `metadata.filter_metadata.NAMESPACE.KEY`"),
        (&["filter_state", "a", "b"], "`filter_state.a.b` is no object of the filter state"),
        (&["a\0b"], "a part of the path `a\0b` holds a NUL byte"),
        (&["connection_id"], "`connection_id` is another name of `connection.id`"),
    ] {
        let message = refused(path);
        assert!(message.starts_with(why), "{message}");
    }
}
