//! What a guest may make the proxy keep: each limit is answered, said to the test, and said in the log.

use super::{get, messages};
use proxy_filter_test::abi::{Callback, Host, LogLevel, MapType, MetricType, Status};
use proxy_filter_test::{Limit, LimitReached, Limits, MockProxy, Spy};
use std::cell::RefCell;
use std::rc::Rc;

/// Runs this in a request's headers, twice.
fn run(limits: Limits, act: impl Fn(&dyn Host) + 'static) -> MockProxy {
    let spy = Spy::acting("greedy", move |callback, host: &dyn Host| {
        if let Callback::proxy_on_request_headers { .. } = callback {
            act(host);
        }
        None
    });
    let proxy = MockProxy::builder().plugin(spy.plugin()).limits(limits).start().expect("a spy starts");
    drop(get(&proxy));
    drop(get(&proxy));
    proxy
}

/// The statuses that come of this, until one is refused.
fn until_refused(limits: Limits, act: impl Fn(&dyn Host, u32) -> Result<(), Status> + 'static) -> (usize, Status, MockProxy) {
    let outcome = Rc::new(RefCell::new(None));
    let seen = Rc::clone(&outcome);
    let proxy = run(limits, move |host| {
        let refused = (0..1_000_000).find_map(|number| Some((number, act(host, number).err()?)));
        seen.borrow_mut().get_or_insert(refused.expect("it is refused at last"));
    });
    let (count, status) = outcome.borrow().expect("the spy was called");
    (usize::try_from(count).unwrap_or(0), status, proxy)
}

#[track_caller]
fn is_said_once(proxy: &MockProxy, limit: Limit) {
    let reached: Vec<Limit> = proxy.limits_reached().iter().map(|reached| reached.limit).collect();
    assert_eq!(reached, [limit]);
    assert_eq!(proxy.limits_reached()[0].to_string(), format!("the plugin \"greedy\": {limit}"));
    let line = format!("the mock proxy: {limit}");
    assert_eq!(proxy.log().iter().filter(|logged| logged.message == line && logged.plugin == "greedy").count(), 1);
    assert!(proxy.trace().contains(&format!("limit: {limit}")), "{}", proxy.trace());
}

#[test]
fn metrics_are_bounded() {
    let (count, status, proxy) = until_refused(Limits { metrics: 10, ..Limits::default() }, |host, number| {
        host.proxy_define_metric(MetricType::Gauge, format!("gauge.{number}").as_bytes()).map(drop)
    });
    assert_eq!((count, status, proxy.metrics().len()), (10, Status::InternalFailure, 10));
    is_said_once(&proxy, Limit::Metrics);
    // Ids cost as well.
    let (count, _, proxy) = until_refused(Limits { metrics: 10, ..Limits::default() }, |host, _| {
        host.proxy_define_metric(MetricType::Counter, b"same").map(drop)
    });
    assert_eq!((count, proxy.metrics().len()), (10, 1));
}

#[test]
fn samples_are_bounded() {
    let proxy = run(Limits { metric_samples: 5, ..Limits::default() }, |host| {
        let id = host.proxy_define_metric(MetricType::Histogram, b"size").unwrap();
        (0..4).for_each(|sample| host.proxy_record_metric(id, sample).unwrap());
    });
    assert_eq!(proxy.histogram("size"), Some(vec![0, 1, 2, 3, 0]));
    is_said_once(&proxy, Limit::MetricSamples);
}

#[test]
fn maps_are_bounded() {
    let (count, status, proxy) = until_refused(Limits { map_bytes: 5_000, ..Limits::default() }, |host, _| {
        host.proxy_add_header_map_value(MapType::HttpRequestHeaders, b"x-more", &[b'a'; 100])
    });
    assert_eq!(status, Status::InternalFailure);
    assert!((25..37).contains(&count), "{count}");
    is_said_once(&proxy, Limit::Map);
    let (count, ..) = until_refused(Limits::default(), |host, _| {
        host.proxy_replace_header_map_value(MapType::HttpRequestHeaders, b"x-more", &vec![b'a'; 2 << 20])
    });
    assert_eq!(count, 0);
}

#[test]
fn maps_that_are_set_whole_are_bounded() {
    let pairs = |count: usize| proxy_filter_test::abi::pairs::encode(vec![("x-more", "a"); count]);
    let proxy = run(Limits { map_bytes: 1_000, ..Limits::default() }, move |host| {
        let set = |count| host.proxy_set_header_map_pairs(MapType::HttpRequestHeaders, &pairs(count));
        assert_eq!((set(26), set(25)), (Err(Status::InternalFailure), Ok(())), "39 bytes each");
        host.proxy_set_header_map_pairs(
            MapType::HttpRequestHeaders,
            &proxy_filter_test::abi::pairs::encode([
                (":method", "GET"),
                (":path", "/"),
                (":authority", "a"),
                (":scheme", "http"),
            ]),
        )
        .unwrap();
    });
    is_said_once(&proxy, Limit::Map);
}

#[test]
fn shared_data_is_bounded() {
    let (count, status, proxy) = until_refused(Limits { shared_data_bytes: 2_000, ..Limits::default() }, |host, number| {
        host.proxy_set_shared_data(&number.to_le_bytes(), &[0; 100], 0)
    });
    assert_eq!((count, status), (2_000 / (64 + 4 + 100), Status::InternalFailure));
    is_said_once(&proxy, Limit::SharedData);
}

#[test]
fn queues_are_bounded() {
    let (count, status, proxy) = until_refused(Limits { queue_bytes: 2_000, ..Limits::default() }, |host, _| {
        let queue = host.proxy_register_shared_queue(b"jobs")?;
        host.proxy_enqueue_shared_queue(queue, &[0; 100])
    });
    assert_eq!((count, status), ((2_000 - 64 - 4) / (64 + 100), Status::InternalFailure));
    is_said_once(&proxy, Limit::Queues);
}

#[test]
fn the_log_is_bounded() {
    let proxy = run(Limits { log_bytes: 1_000, ..Limits::default() }, |host| {
        (0..20).for_each(|_| host.proxy_log(LogLevel::Info, &[b'a'; 36]).unwrap());
    });
    assert_eq!(proxy.log().len(), 10);
    is_said_once(&proxy, Limit::Log);
}

#[test]
fn what_stays_within_is_not_reported() {
    let proxy = run(Limits::default(), |host| {
        host.proxy_log(LogLevel::Info, b"hello").unwrap();
        host.proxy_define_metric(MetricType::Counter, b"requests").unwrap();
    });
    assert_eq!(proxy.limits_reached(), Vec::<LimitReached>::new());
    assert_eq!(messages(&proxy.log()), ["hello"; 2]);
}
