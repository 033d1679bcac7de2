//! What plugins share: data and queues, natively and as the real `.wasm`.
#![cfg(feature = "wasmtime")]

use http::Request;
use proxy_filter_test::abi::{Callback, Host, Status};
use proxy_filter_test::{Exchange, Limit, Limits, LogLine, MockProxy, Plugin, Spy, TestResult, VmKind, both_vms};
use sharing::PLUGINS;

fn get(proxy: &MockProxy, path: &str) -> Exchange {
    proxy.send(Request::get(format!("http://shop.example{path}")).body("").expect("a request"))
}

fn messages(log: &[LogLine]) -> Vec<&str> {
    log.iter().map(|line| line.message.as_str()).collect()
}

fn counted(exchange: &Exchange) -> String {
    exchange.upstream_request().headers()["x-count"].to_str().unwrap_or_default().to_owned()
}

fn consumer(vm: VmKind) -> Plugin {
    vm.plugin(&PLUGINS, "consume").vm_id("consumers")
}

both_vms! {
    fn shd_1_shd_3_data_is_shared_by_vm_id_whatever_else_differs(vm) -> TestResult {
        let count = |name: &str| vm.plugin(&PLUGINS, "count").config("update").name(name);
        let proxy = MockProxy::builder()
            .plugin(count("a").vm_id("x"))
            .plugin(count("b").vm_id("x").vm_config("another VM of the id"))
            .plugin(count("c").vm_id("y"))
            .shared_data("y", "count", "40")
            .start()?;
        assert_eq!(counted(&get(&proxy, "/")), "41");
        assert_eq!(proxy.shared_data("x").get("count").as_deref(), Some(&b"2"[..]));
        proxy.shared_data("x").set("count", "");
        get(&proxy, "/");
        assert_eq!(proxy.shared_data("x").get("count").as_deref(), Some(&b"2"[..]));
        assert_eq!((proxy.shared_data("x").keys(), proxy.shared_data("z").keys()), (vec![b"count".to_vec()], vec![]));
        Ok(())
    }

    fn shd_8_data_goes_with_the_last_vm_of_its_id(vm) -> TestResult {
        let count = || vm.plugin(&PLUGINS, "count").config("update").name("count");
        let proxy = MockProxy::builder().plugin(count().vm_id("x")).start()?;
        get(&proxy, "/");
        proxy.update(count().vm_id("x").vm_config("new"))?;
        get(&proxy, "/");
        assert_eq!(proxy.shared_data("x").get("count").as_deref(), Some(&b"2"[..]), "another VM has the id");
        proxy.update(count().vm_id("y"))?;
        get(&proxy, "/");
        assert_eq!(proxy.shared_data("x").get("count"), None);
        assert_eq!(proxy.shared_data("y").get("count").as_deref(), Some(&b"1"[..]));
        Ok(())
    }

    fn que_3_que_8_svc_1_a_filter_reaches_a_service_by_its_queue(vm) -> TestResult {
        let produce = vm.plugin(&PLUGINS, "produce").config("consumers").vm_id("filters");
        let proxy = MockProxy::builder().plugin(produce).service(consumer(vm)).start()?;
        assert_eq!(messages(&get(&proxy, "/a").log()), ["/a"]);
        // Told after the callback, before the response comes.
        let trace = proxy.trace();
        let order = ["produce: proxy_on_request_headers", "consume (main thread): proxy_on_queue_ready", "produce: proxy_on_response_headers"];
        assert!(order.windows(2).all(|pair| trace.find(pair[0]) < trace.find(pair[1])), "{trace}");
        assert!(proxy.queue("consumers", "lines").is_some_and(|queue| queue.items().is_empty()));
        assert!(proxy.queue("filters", "lines").is_none());
        Ok(())
    }

    fn que_3_a_queue_that_nobody_has_registered_is_none(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "produce").config("consumers"))?;
        assert_eq!(get(&proxy, "/").response().status(), 503);
        Ok(())
    }

    fn acl_2_svc_1_an_access_logger_hands_its_lines_to_a_service(vm) -> TestResult {
        let report = vm.plugin(&PLUGINS, "report").config("consumers");
        let proxy = MockProxy::builder().access_logger(report).service(consumer(vm)).start()?;
        assert_eq!(messages(&get(&proxy, "/cart").log()), ["GET /cart 200"]);
        Ok(())
    }

    fn que_1_que_9_the_last_that_registers_is_told(vm) -> TestResult {
        // Canary, main thread and worker register in this order; the first two are told nothing.
        let proxy = MockProxy::builder().plugin(consumer(vm)).main_thread().start()?;
        let queue = proxy.queue("consumers", "lines").ok_or("it is registered")?;
        queue.enqueue("one");
        assert!(proxy.trace().contains("\nconsume: proxy_on_queue_ready"), "{}", proxy.trace());
        // One of another name and VM takes over, with the queue's number.
        proxy.update(consumer(vm).vm_config("another VM"))?;
        queue.enqueue("two");
        assert_eq!(messages(&proxy.log()), ["one", "two"]);
        Ok(())
    }

    fn que_8_a_notice_comes_for_each_item_also_when_it_was_taken(vm) -> TestResult {
        let twice = Spy::acting("twice", |callback, host: &dyn Host| match callback {
            Callback::proxy_on_request_headers { .. } => {
                let queue = host.proxy_resolve_shared_queue(b"consumers", b"lines").expect("registered");
                host.proxy_enqueue_shared_queue(queue, b"").expect("put");
                host.proxy_enqueue_shared_queue(queue, b"\xff").expect("put");
                Some(0)
            }
            _ => None,
        });
        let proxy = MockProxy::builder().plugin(twice.plugin()).service(consumer(vm)).start()?;
        assert_eq!(messages(&get(&proxy, "/").log()), ["", "\u{fffd}", "nothing is there any more"]);
        Ok(())
    }

    fn lif_20_a_root_that_waits_is_told_of_queues_until_it_is_done(vm) -> TestResult {
        let proxy = MockProxy::new(consumer(vm).config("linger"))?;
        // Of another vm_id, so that the old root keeps its queue.
        proxy.update(vm.plugin(&PLUGINS, "consume").vm_id("others"))?;
        let queue = proxy.queue("consumers", "lines").ok_or("its VM waits")?;
        queue.enqueue("still here");
        assert_eq!(messages(&proxy.log()), ["still here"]);
        queue.enqueue("stop");
        let trace = proxy.trace();
        assert!(trace.find("proxy_done() -> OK") < trace.find("proxy_on_delete"), "{trace}");
        assert!(proxy.queue("consumers", "lines").is_none(), "gone with its VM");
        Ok(())
    }

    fn what_does_not_fit_is_refused_and_said_once(vm) -> TestResult {
        let count = vm.plugin(&PLUGINS, "count").config("update").vm_id("x");
        let limits = |bytes| Limits { shared_data_bytes: bytes, queue_bytes: 64 + 9 + 5 + 64, ..Limits::default() };
        let proxy = MockProxy::builder().plugin(count.clone()).limits(limits(69)).start()?;
        for _ in 0..2 {
            assert_eq!(get(&proxy, "/").response().status(), 500);
        }
        let log = proxy.log();
        let told = log.iter().filter(|line| line.message.contains("(Limits::shared_data_bytes)")).count();
        assert_eq!((told, proxy.limits_reached()[0].limit), (1, Limit::SharedData), "{log:?}");
        assert!(log.iter().any(|line| line.message.contains("proxy_set_shared_data failed: INTERNAL_FAILURE")), "{log:?}");
        // A value in the place of another takes no more than what it has more.
        let proxy = MockProxy::builder().plugin(count).limits(limits(64 + 1 + 5 + 1)).start()?;
        for expected in ["1", "2", "3"] {
            assert_eq!(counted(&get(&proxy, "/")), expected);
        }
        // A queue and an empty item fit, a byte more does not; what is taken makes room again.
        let produce = vm.plugin(&PLUGINS, "produce").config("consumers");
        let proxy = MockProxy::builder().plugin(produce).service(consumer(vm)).limits(limits(0)).start()?;
        for _ in 0..3 {
            proxy.queue("consumers", "lines").ok_or("it is registered")?.enqueue("");
        }
        assert_eq!(get(&proxy, "/").response().status(), 500);
        assert_eq!(proxy.limits_reached()[0].limit, Limit::Queues);
        Ok(())
    }

    fn a_plugin_that_puts_back_whatever_it_takes_does_not_hang_the_test(vm) -> TestResult {
        let proxy = MockProxy::builder().plugin(consumer(vm).config("echo")).start()?;
        let queue = proxy.queue("consumers", "lines").ok_or("it is registered")?;
        queue.enqueue("for ever");
        let told = |proxy: &MockProxy| proxy.callbacks().iter().filter(|(name, _)| *name == "proxy_on_queue_ready").count();
        assert_eq!(told(&proxy), 10_000);
        assert!(proxy.log()[0].message.contains("10,000 notices"), "{:?}", proxy.log());
        assert_eq!(get(&proxy, "/").response().status(), 200, "streams go on");
        assert_eq!(told(&proxy), 20_000);
        Ok(())
    }
}

/// The answers of hostcalls in a spy's `proxy_on_request_headers`.
fn answers(check: impl Fn(&dyn Host) + 'static) {
    let spy = Spy::acting("spy", move |callback, host: &dyn Host| {
        if matches!(callback, Callback::proxy_on_request_headers { .. }) {
            check(host);
        }
        None
    });
    let proxy = MockProxy::new(spy.plugin()).expect("it starts");
    assert_eq!(get(&proxy, "/").response().status(), 200);
    assert!(spy.callbacks().iter().any(|callback| callback.name() == "proxy_on_request_headers"));
}

#[test]
fn shd_2_shd_3_shd_6_shd_7_stores_and_their_numbers() {
    answers(|host| {
        assert_eq!(host.proxy_get_shared_data(b"a"), Err(Status::NotFound));
        // Any number, where there is none.
        assert_eq!(host.proxy_set_shared_data(b"a", b"1", 77), Ok(()));
        assert_eq!(host.proxy_get_shared_data(b"a"), Ok((b"1".to_vec(), 1)));
        assert_eq!(host.proxy_set_shared_data(b"a", b"2", 2), Err(Status::CasMismatch));
        assert_eq!(host.proxy_set_shared_data(b"a", b"2", 1), Ok(()));
        // One counter for all keys; what is refused does not count; an empty key and an empty value are as good as any.
        assert_eq!(host.proxy_set_shared_data(b"", b"", 0), Ok(()));
        assert_eq!(host.proxy_get_shared_data(b""), Ok((Vec::new(), 3)));
        assert_eq!(host.proxy_get_shared_data(b"a"), Ok((b"2".to_vec(), 2)));
    });
}

#[test]
fn que_1_que_5_que_6_queues_by_their_tokens() {
    answers(|host| {
        assert_eq!(host.proxy_resolve_shared_queue(b"", b"q"), Err(Status::NotFound));
        assert_eq!(host.proxy_register_shared_queue(b"q"), Ok(1));
        assert_eq!(host.proxy_enqueue_shared_queue(1, b"kept"), Ok(()));
        assert_eq!((host.proxy_register_shared_queue(b"q"), host.proxy_register_shared_queue(b"")), (Ok(1), Ok(2)));
        assert_eq!(host.proxy_resolve_shared_queue(b"", b"q"), Ok(1));
        assert_eq!(host.proxy_resolve_shared_queue(b"other", b"q"), Err(Status::NotFound));
        assert_eq!(host.proxy_resolve_shared_queue(b"\xff", b"q"), Err(Status::NotFound));
        assert_eq!(host.proxy_dequeue_shared_queue(1), Ok(b"kept".to_vec()));
        assert_eq!(host.proxy_dequeue_shared_queue(1), Err(Status::Empty));
        assert_eq!(host.proxy_dequeue_shared_queue(9), Err(Status::NotFound));
        assert_eq!(host.proxy_enqueue_shared_queue(9, b""), Err(Status::NotFound));
    });
}

#[test]
#[should_panic(expected = "its VMs are gone")]
fn a_queue_that_is_gone_is_not_filled() {
    let proxy = MockProxy::new(Plugin::native(&PLUGINS, "consume").vm_id("a")).unwrap();
    let queue = proxy.queue("a", "lines").unwrap();
    proxy.update(Plugin::native(&PLUGINS, "consume").vm_id("b")).unwrap();
    queue.enqueue("");
}
