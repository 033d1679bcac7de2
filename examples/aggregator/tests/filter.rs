//! Both plugins on the mock host: natively, and as the real `.wasm`.

use aggregator::PLUGINS;
use http::{Request, Response};
use proxy_filter_test::abi::Status;
use proxy_filter_test::{Answer, Builder, Cluster, Fault, Message, MockProxy, Plugin, TestResult, VmKind, both_vms};
use serde_json::{Value, json};
use std::time::Duration;

const QUEUE: &str = "records";

fn filter(vm: VmKind, config: Value) -> Plugin {
    vm.plugin(&PLUGINS, "aggregator_filter").vm_id("filters").config(config)
}

fn service(vm: VmKind, mut config: Value) -> Plugin {
    config["cluster"] = "collector".into();
    vm.plugin(&PLUGINS, "aggregator").vm_id("aggregator").config(config)
}

/// Both, with records that say the path and nothing else.
fn proxy(vm: VmKind, config: Value) -> Builder {
    MockProxy::builder().plugin(filter(vm, json!({"fields": ["path"]}))).service(service(vm, config))
}

fn get(proxy: &MockProxy, path: &str) {
    let exchange = proxy.send(Request::get(format!("http://shop.example{path}")).body("").expect("a request"));
    assert_eq!(exchange.response().status(), 200);
}

fn numbered(number: u32) -> Request<&'static str> {
    Request::get(format!("http://shop.example/{number}")).body("").expect("a request")
}

/// The bodies that the collector got, line by line.
fn batches(proxy: &MockProxy) -> Vec<Vec<String>> {
    let bodies = proxy.raw_requests_to("collector").into_iter().map(|request| request.body());
    bodies.map(|body| String::from_utf8_lossy(&body).lines().map(str::to_owned).collect()).collect()
}

fn paths(range: std::ops::RangeInclusive<u32>) -> Vec<String> {
    range.map(|number| format!(r#"{{"path":"/{number}"}}"#)).collect()
}

fn dropped(proxy: &MockProxy, reason: &str) -> Option<u64> {
    proxy.counter(("aggregator_records_dropped_total", [("reason", reason)]))
}

fn shipped(proxy: &MockProxy) -> u64 {
    proxy.counter("aggregator_records_shipped_total").unwrap_or(0)
}

fn queued(proxy: &MockProxy) -> Option<u64> {
    proxy.gauge(("aggregator_records_queued", [("queue", "records"), ("queue_id", "1")]))
}

fn messages(proxy: &MockProxy) -> Vec<String> {
    proxy.log().into_iter().map(|line| line.message).collect()
}

/// What a plugin logs of a configuration that it refuses.
fn refusal(vm: VmKind, root_id: &str, config: &str) -> String {
    let refused = MockProxy::new(vm.plugin(&PLUGINS, root_id).config(config)).expect_err("it should be refused");
    refused.log().iter().map(ToString::to_string).collect()
}

both_vms! {
    fn a_batch_goes_when_it_is_full(vm) -> TestResult {
        let proxy = proxy(vm, json!({"batch_records": 3})).cluster("collector", |_| Response::new("")).start()?;
        for number in 1..=7 {
            get(&proxy, &format!("/{number}"));
        }
        assert_eq!(batches(&proxy), [paths(1..=3), paths(4..=6)]);
        assert_eq!((shipped(&proxy), queued(&proxy)), (6, Some(0)));
        let request = &proxy.requests_to("collector")[0];
        assert_eq!(request.headers()["content-type"], "application/x-ndjson");
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/"));
        assert!(messages(&proxy).is_empty(), "{:?}", messages(&proxy));
        Ok(())
    }

    fn a_batch_goes_when_its_bytes_are_enough(vm) -> TestResult {
        let proxy = proxy(vm, json!({"batch_bytes": 1_024})).cluster("collector", |_| Response::new("")).start()?;
        for _ in 0..5 {
            get(&proxy, &format!("/{}", "a".repeat(239)));
        }
        // Four of 252 and their line feeds; the fifth would be too much.
        assert_eq!(batches(&proxy).iter().map(Vec::len).collect::<Vec<_>>(), [4]);
        Ok(())
    }

    fn a_batch_goes_when_it_has_waited(vm) -> TestResult {
        let proxy = proxy(vm, json!({"max_wait_ms": 50})).cluster("collector", |_| Response::new("")).start()?;
        get(&proxy, "/1");
        proxy.advance(Duration::from_millis(30));
        get(&proxy, "/2");
        assert!(batches(&proxy).is_empty());
        proxy.advance(Duration::from_millis(20));
        assert_eq!(batches(&proxy), [paths(1..=2)]);
        // Nothing waits, so no time runs; the next has its own.
        proxy.advance(Duration::from_secs(10));
        get(&proxy, "/3");
        proxy.advance(Duration::from_millis(49));
        assert_eq!(batches(&proxy).len(), 1);
        proxy.advance(Duration::from_millis(1));
        assert_eq!(batches(&proxy), [paths(1..=2), paths(3..=3)]);
        Ok(())
    }

    fn a_batch_that_fails_is_sent_again_with_the_same_key(vm) -> TestResult {
        let down = Response::builder().status(503).body("")?;
        let answers = [Answer::from(down.clone()), Answer::Refuse, Answer::Timeout, Answer::ResetAfter(down.into()), Response::new("").into()];
        let config = json!({"batch_records": 1, "backoff_ms": 100, "timeout_ms": 1_000});
        let proxy = proxy(vm, config).set_cluster("collector", Cluster::answers(answers)).start()?;
        get(&proxy, "/1");
        assert_eq!(batches(&proxy).len(), 1);
        // Half of the wait is certain, and it is never more than the whole.
        proxy.advance(Duration::from_millis(49));
        assert_eq!(batches(&proxy).len(), 1);
        proxy.advance(Duration::from_millis(51));
        assert_eq!(batches(&proxy).len(), 2);
        proxy.advance(Duration::from_millis(49));
        assert_eq!(batches(&proxy).len(), 2);
        proxy.advance(Duration::from_secs(5));
        assert_eq!(batches(&proxy), vec![paths(1..=1); 5]);
        assert_eq!((shipped(&proxy), proxy.counter("aggregator_retries_total")), (1, Some(4)));
        let keys: Vec<_> = proxy.requests_to("collector").iter().map(|request| request.headers()["idempotency-key"].clone()).collect();
        assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 16), "{keys:?}");
        assert_eq!(messages(&proxy), [
            "a batch of 1 records is sent again later: the collector answers with status 503",
            "a batch of 1 records was taken by attempt 5",
        ]);
        get(&proxy, "/2");
        assert_ne!(proxy.requests_to("collector")[5].headers()["idempotency-key"], keys[0]);
        Ok(())
    }

    fn a_collector_that_says_when_is_not_asked_before(vm) -> TestResult {
        let busy = Response::builder().status(429).header("retry-after", "7").body("")?;
        let answers = [Answer::from(busy), Response::new("").into()];
        let config = json!({"batch_records": 1, "backoff_ms": 10, "max_backoff_ms": 60_000});
        let proxy = proxy(vm, config).set_cluster("collector", Cluster::answers(answers)).start()?;
        get(&proxy, "/1");
        proxy.advance(Duration::from_millis(6_999));
        assert_eq!(batches(&proxy).len(), 1);
        proxy.advance(Duration::from_millis(1));
        assert_eq!(shipped(&proxy), 1);
        Ok(())
    }

    fn a_batch_is_given_up_after_the_last_attempt_and_the_next_goes_on(vm) -> TestResult {
        let proxy = proxy(vm, json!({"batch_records": 2, "max_attempts": 3, "backoff_ms": 10})).set_cluster("collector", Answer::Refuse).start()?;
        for number in 1..=4 {
            get(&proxy, &format!("/{number}"));
        }
        proxy.advance(Duration::from_secs(1));
        assert_eq!(batches(&proxy).len(), 6);
        assert_eq!((shipped(&proxy), dropped(&proxy, "given_up")), (0, Some(4)));
        let last = messages(&proxy).pop().unwrap_or_default();
        assert!(last.starts_with("a batch of 2 records is lost: attempt 3 of 3 failed: HTTP call: no server answered:"), "{last}");
        Ok(())
    }

    fn what_the_collector_rejects_is_not_sent_again(vm) -> TestResult {
        let proxy = proxy(vm, json!({"batch_records": 1})).cluster("collector", |_| Response::builder().status(400).body("").unwrap()).start()?;
        get(&proxy, "/1");
        proxy.advance(Duration::from_secs(60));
        assert_eq!((batches(&proxy).len(), dropped(&proxy, "rejected")), (1, Some(1)));
        assert_eq!(messages(&proxy), ["a batch of 1 records is lost: the collector rejects it with status 400"]);
        Ok(())
    }

    fn a_cluster_that_does_not_exist_is_told_by_name(vm) -> TestResult {
        let proxy = proxy(vm, json!({"batch_records": 1, "max_attempts": 2})).start()?;
        get(&proxy, "/1");
        proxy.advance(Duration::from_secs(60));
        assert_eq!(dropped(&proxy, "given_up"), Some(1));
        assert!(messages(&proxy)[0].contains(r#"HTTP call to cluster "collector": proxy_http_call failed: BAD_ARGUMENT"#), "{:?}", messages(&proxy));
        Ok(())
    }

    fn without_a_service_records_are_dropped_and_counted(vm) -> TestResult {
        let proxy = MockProxy::builder().plugin(filter(vm, json!({}))).start()?;
        get(&proxy, "/1");
        get(&proxy, "/2");
        assert_eq!((dropped(&proxy, "no_queue"), queued(&proxy)), (Some(2), None));
        assert!(messages(&proxy).is_empty());
        Ok(())
    }

    fn a_queue_has_a_limit_and_traffic_never_waits(vm) -> TestResult {
        let drains_nothing = vm.plugin(&PLUGINS, "aggregator").vm_id("aggregator").config(json!({"cluster": "collector"}));
        let builder = MockProxy::builder().plugin(filter(vm, json!({"fields": ["path"], "max_queued": 3}))).service(drains_nothing);
        let proxy = builder.inject(Fault::new("proxy_dequeue_shared_queue", Status::InternalFailure)).start()?;
        for number in 1..=5 {
            get(&proxy, &format!("/{number}"));
        }
        let items = |proxy: &MockProxy| proxy.queue("aggregator", QUEUE).expect("registered").items();
        assert_eq!(items(&proxy).len(), 3);
        assert_eq!((queued(&proxy), dropped(&proxy, "queue_full")), (Some(3), Some(2)));
        // One notice, and all is taken; then there is room again.
        proxy.clear_faults();
        proxy.set_cluster("collector", Response::new(""));
        proxy.queue("aggregator", QUEUE).ok_or("registered")?.enqueue(r#"{"path":"/6"}"#);
        assert_eq!((items(&proxy).len(), queued(&proxy)), (0, Some(0)));
        get(&proxy, "/7");
        proxy.advance(Duration::from_secs(2));
        assert_eq!(batches(&proxy).concat(), [paths(1..=3), paths(6..=7)].concat());
        Ok(())
    }

    fn a_full_buffer_leaves_the_rest_in_the_queue_and_loses_none(vm) -> TestResult {
        let config = json!({"batch_bytes": 1_024, "max_buffered_bytes": 1_024, "backoff_ms": 1_000, "max_backoff_ms": 1_000});
        let down = Answer::from(Response::builder().status(500).body("")?);
        let proxy = proxy(vm, config).set_cluster("collector", Cluster::answers([down, Response::new("").into()])).start()?;
        let path = |number: u32| format!("/{number:0>252}");
        for number in 0..20 {
            get(&proxy, &path(number));
        }
        // One batch is on its way and one waits; what is left is in the queue.
        let left = proxy.queue("aggregator", QUEUE).ok_or("registered")?.items().len();
        assert!(left >= 10 && queued(&proxy) == Some(left as u64), "{left} {:?}", queued(&proxy));
        proxy.advance(Duration::from_secs(10));
        let taken: Vec<String> = batches(&proxy).into_iter().skip(1).flatten().collect();
        assert_eq!(taken, (0..20).map(|number| format!(r#"{{"path":"{}"}}"#, path(number))).collect::<Vec<_>>());
        assert_eq!((shipped(&proxy), queued(&proxy)), (20, Some(0)));
        Ok(())
    }

    fn records_of_others_are_one_line_or_dropped(vm) -> TestResult {
        let proxy = proxy(vm, json!({"batch_bytes": 1_024})).cluster("collector", |_| Response::new("")).start()?;
        let queue = proxy.queue("aggregator", QUEUE).ok_or("registered")?;
        for record in ["{}\n{}", "", "ok", &"a".repeat(1_024), "\u{0}"] {
            queue.enqueue(record);
        }
        proxy.advance(Duration::from_secs(2));
        assert_eq!(batches(&proxy), [["ok", "\u{0}"]]);
        assert_eq!((dropped(&proxy, "malformed"), dropped(&proxy, "too_large")), (Some(2), Some(1)));
        Ok(())
    }

    fn what_is_there_is_shipped_before_the_root_is_dropped(vm) -> TestResult {
        // As a filter of its own, so that an update takes its place.
        let proxy = MockProxy::builder().plugin(service(vm, json!({"max_wait_ms": 600_000, "backoff_ms": 100}))).start()?;
        let down = Answer::from(Response::builder().status(503).body("")?);
        proxy.set_cluster("collector", Cluster::answers([down, Response::new("").into()]));
        let queue = proxy.queue("aggregator", QUEUE).ok_or("registered")?;
        queue.enqueue(r#"{"path":"/1"}"#);
        queue.enqueue(r#"{"path":"/2"}"#);
        assert!(batches(&proxy).is_empty());
        proxy.update(vm.plugin(&PLUGINS, "aggregator").vm_id("other").config(json!({"cluster": "collector"})))?;
        proxy.advance(Duration::from_millis(1));
        assert_eq!(batches(&proxy), [paths(1..=2)]);
        assert!(!proxy.trace().contains("proxy_done() -> OK"), "it waits for the retry");
        proxy.advance(Duration::from_secs(1));
        assert_eq!((batches(&proxy).len(), shipped(&proxy)), (2, 2));
        let trace = proxy.trace();
        assert!(trace.find("proxy_done() -> OK") < trace.find("proxy_on_delete"), "{trace}");
        assert!(proxy.queue("aggregator", QUEUE).is_none(), "gone with its VM");
        Ok(())
    }

    fn a_root_with_nothing_to_ship_is_done_at_once(vm) -> TestResult {
        let proxy = MockProxy::builder().plugin(service(vm, json!({}))).start()?;
        proxy.update(vm.plugin(&PLUGINS, "aggregator").vm_id("other").config(json!({"cluster": "collector"})))?;
        assert!(proxy.queue("aggregator", QUEUE).is_none());
        assert!(!proxy.trace().contains("proxy_done"));
        Ok(())
    }

    fn a_root_whose_last_batch_is_refused_at_once_ends_too(vm) -> TestResult {
        let proxy = MockProxy::builder().plugin(service(vm, json!({"max_attempts": 1}))).start()?;
        proxy.queue("aggregator", QUEUE).ok_or("registered")?.enqueue("{}");
        proxy.update(vm.plugin(&PLUGINS, "aggregator").vm_id("other").config(json!({"cluster": "collector"})))?;
        proxy.advance(Duration::from_millis(5));
        assert_eq!(dropped(&proxy, "given_up"), Some(1));
        assert!(proxy.queue("aggregator", QUEUE).is_none(), "{}", proxy.trace());
        Ok(())
    }

    fn all_workers_share_the_service(vm) -> TestResult {
        for seed in 0..8 {
            let proxy = proxy(vm, json!({"batch_records": 16})).workers(4).seed(seed).cluster("collector", |_| Response::new("")).start()?;
            for round in 0..4 {
                for exchange in proxy.send_concurrently((round * 16..round * 16 + 16).map(numbered)) {
                    assert_eq!(exchange.response().status(), 200);
                }
            }
            proxy.advance(Duration::from_secs(5));
            let mut lines: Vec<String> = batches(&proxy).concat();
            lines.sort_unstable();
            let mut expected = paths(0..=63);
            expected.sort_unstable();
            assert_eq!(lines, expected, "seed {seed}");
            assert_eq!((queued(&proxy), shipped(&proxy)), (Some(0), 64), "seed {seed}");
        }
        Ok(())
    }

    fn workers_put_no_more_than_one_each_over_the_limit(vm) -> TestResult {
        for seed in 0..8 {
            let builder = MockProxy::builder().plugin(filter(vm, json!({"fields": ["path"], "max_queued": 5}))).service(service(vm, json!({})));
            let stuck = Fault::new("proxy_dequeue_shared_queue", Status::InternalFailure);
            let proxy = builder.workers(4).seed(seed).inject(stuck).start()?;
            for exchange in proxy.send_concurrently((0..32).map(numbered)) {
                assert_eq!(exchange.response().status(), 200);
            }
            let items = proxy.queue("aggregator", QUEUE).ok_or("registered")?.items().len() as u64;
            assert!((5..5 + 4).contains(&items), "seed {seed}: {items}");
            assert_eq!((queued(&proxy), dropped(&proxy, "queue_full")), (Some(items), Some(32 - items)), "seed {seed}");
        }
        Ok(())
    }

    fn two_queues_are_counted_apart(vm) -> TestResult {
        let of = |id: &str, queue: &str| {
            let filter = vm.plugin(&PLUGINS, "aggregator_filter").name(id).config(json!({"vm_id": id, "queue": queue, "fields": ["path"], "max_queued": 2}));
            (filter, vm.plugin(&PLUGINS, "aggregator").name(id).vm_id(id).config(json!({"cluster": "collector", "queue": queue})))
        };
        let ((one, first), (other, second)) = (of("a", "records"), of("b", "records"));
        let builder = MockProxy::builder().plugin(one).plugin(other).service(first).service(second).cluster("collector", |_| Response::new(""));
        let proxy = builder.inject(Fault::new("proxy_dequeue_shared_queue", Status::InternalFailure)).start()?;
        let counted = || ["1", "2"].map(|id| proxy.gauge(("aggregator_records_queued", [("queue", "records"), ("queue_id", id)])));
        get(&proxy, "/1");
        assert_eq!(counted(), [Some(1), Some(1)]);
        // What one service takes leaves the count of the other's.
        proxy.clear_faults();
        proxy.queue("a", QUEUE).ok_or("registered")?.enqueue("{}");
        assert_eq!(counted(), [Some(0), Some(1)]);
        assert_eq!(proxy.queue("b", QUEUE).ok_or("registered")?.items().len(), 1);
        Ok(())
    }

    fn a_record_has_the_chosen_fields_in_their_order(vm) -> TestResult {
        let fields = json!(["status", "path", "method", "authority", "protocol", "request_bytes", "response_bytes", "duration_ms", "time_ms", "response_flags",
            "response_code_details", "request_header:X-Team", "request_header:x-none"]);
        let builder = MockProxy::builder().plugin(filter(vm, json!({"fields": fields, "max_value_bytes": 16})));
        let proxy = builder.service(service(vm, json!({"batch_records": 1}))).cluster("collector", |_| Response::new("")).start()?;
        let request = Request::post("http://shop.example/cart?token=s3cr3t").header("x-team", "a\"\\b,0123456789abc").body("123")?;
        proxy.send(request);
        assert_eq!(batches(&proxy)[0], [concat!(
            r#"{"status":200,"path":"/cart","method":"POST","authority":"shop.example","protocol":"HTTP/1.1","request_bytes":3,"response_bytes":0,"#,
            r#""duration_ms":0,"time_ms":1767225600000,"response_flags":0,"response_code_details":"via_upstream","#,
            r#""request_header:X-Team":"a\"\\b,0123456789a…","request_header:x-none":null}"#,
        )]);
        Ok(())
    }

    fn hostile_values_stay_one_line(vm) -> TestResult {
        let builder = MockProxy::builder().plugin(filter(vm, json!({"fields": ["request_header:x-a"]})));
        let proxy = builder.service(service(vm, json!({"batch_records": 1}))).cluster("collector", |_| Response::new("")).start()?;
        proxy.send(Message::from(Request::get("http://shop.example/").body("")?).with_header("x-a", b"\"}\t\xff\\"));
        assert_eq!(batches(&proxy)[0], [r#"{"request_header:x-a":"\"}\t�\\"}"#]);
        Ok(())
    }

    fn the_configurations_in_the_folder_are_taken(vm) -> TestResult {
        let config = |text| serde_json::from_str::<Value>(text);
        let both = MockProxy::builder().plugin(filter(vm, config(include_str!("../config.json"))?));
        both.service(service(vm, config(include_str!("../service.json"))?)).start()?;
        Ok(())
    }

    fn each_bad_configuration_of_the_filter_is_refused_with_its_reason(vm) {
        let many: Vec<String> = (0..33).map(|number| format!("request_header:x-{number}")).collect();
        for (config, reason) in [
            ("", "the configuration is empty"),
            (r#"{"que": 1}"#, "unknown field `que`, expected one of `vm_id`, `queue`, `fields`, `max_queued`, `max_value_bytes`"),
            (r#"{"queue": ""}"#, "queue: it is empty; give the name that filter and service share"),
            (r#"{"fields": []}"#, "fields: it is empty; leave it out for the usual ones"),
            (r#"{"fields": ["path", "path"]}"#, r#"fields: "path" stands there twice"#),
            (r#"{"fields": ["query"]}"#, r#"fields: "query": there is no such field, but time_ms, duration_ms,"#),
            (r#"{"fields": ["request_header:Cookie"]}"#, "this header holds secrets, which do not belong into a record"),
            (r#"{"fields": ["request_header:a b"]}"#, r#"fields: "request_header:a b": this is not the name of a header"#),
            (&json!({"fields": many}).to_string(), "fields: 33 are too many, at most 32"),
            (r#"{"max_queued": 0}"#, "max_queued: 0 is not between 1 and 1000000"),
            (r#"{"max_value_bytes": 8193}"#, "max_value_bytes: 8193 is not between 16 and 8192"),
        ] {
            let told = refusal(vm, "aggregator_filter", config);
            assert!(told.contains(reason), "{config}: {told}");
        }
    }

    fn each_bad_configuration_of_the_service_is_refused_with_its_reason(vm) {
        let with = |fields: &str| format!(r#"{{"cluster": "collector", {fields}}}"#);
        for (config, reason) in [
            ("{}".to_owned(), "missing field `cluster`"),
            (r#"{"cluster": ""}"#.into(), "cluster: it is empty; give the name of the collector's cluster"),
            (with(r#""url": "x""#), "unknown field `url`, expected one of `cluster`, `authority`, `path`,"),
            (with(r#""queue": """#), "queue: it is empty"),
            (with(r#""path": "records""#), r#"path: "records" is no path that begins with /"#),
            (with(r#""path": "/a b""#), r#"path: "/a b" is no path"#),
            (with(r#""authority": "a\r\nb""#), r#"authority: "a\r\nb" is no name of a host"#),
            (with(r#""authority": """#), r#"authority: "" is no name of a host"#),
            (with(r#""batch_records": 0"#), "batch_records: 0 is not between 1 and 10000"),
            (with(r#""batch_bytes": 1023"#), "batch_bytes: 1023 is not between 1024 and 16777216"),
            (with(r#""max_wait_ms": 0"#), "max_wait_ms: 0 is not between 1 and 600000"),
            (with(r#""max_buffered_bytes": 268435457"#), "max_buffered_bytes: 268435457 is not between 1024 and 268435456"),
            (with(r#""max_buffered_bytes": 2048"#), "max_buffered_bytes: 2048 is less than batch_bytes, 262144: no batch would ever be full"),
            (with(r#""timeout_ms": 0"#), "timeout_ms: 0 is not between 1 and 600000"),
            (with(r#""max_attempts": 0"#), "max_attempts: 0 is not between 1 and 100"),
            (with(r#""backoff_ms": 0"#), "backoff_ms: 0 is not between 1 and 600000"),
            (with(r#""max_backoff_ms": 3600001"#), "max_backoff_ms: 3600001 is not between 1 and 3600000"),
            (with(r#""max_backoff_ms": 100"#), "max_backoff_ms: 100 is less than backoff_ms, 200"),
        ] {
            let told = refusal(vm, "aggregator", &config);
            assert!(told.contains(reason), "{config}: {told}");
        }
    }
}
