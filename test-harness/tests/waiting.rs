//! Streams that wait for what a tick, a queue, another stream or a service brings, natively and as Wasm.

use http::{Request, Response};
use proxy_filter_test::{Answer, Cluster, Limits, Message, MockProxy, Outcome, TestResult, VmKind, both_vms};
use std::time::Duration;
use waiting::PLUGINS;

const MS: Duration = Duration::from_millis(1);

fn get(path: &str) -> Result<Request<&'static str>, http::Error> {
    Request::get(format!("http://shop.example/{path}")).body("")
}

fn words(vm: VmKind, from: &str) -> Result<MockProxy, Box<dyn std::error::Error>> {
    Ok(MockProxy::new(vm.plugin(&PLUGINS, "words").config(from))?)
}

/// A request with body and trailers, through the phase's filter; its response has these too.
fn phase(proxy: &MockProxy, name: &str) -> Result<proxy_filter_test::Exchange, http::Error> {
    proxy.set_raw_upstream(|_| Message::new([(":status", "200")]).chunk("answer").trailer("x-end", "2"));
    let request = Request::post(format!("http://shop.example/{name}")).header("transfer-encoding", "chunked").body("question")?;
    Ok(proxy.send(Message::from(request).trailer("x-end", "1")))
}

fn said_in_trailers(message: Option<Message>) -> String {
    let trailers = message.map(|message| message.trailers().to_vec()).unwrap_or_default();
    let said = trailers.into_iter().find(|(name, _)| name == "x-said");
    said.map(|(_, value)| String::from_utf8_lossy(&value).into_owned()).unwrap_or_default()
}

both_vms! {
    // TIM-4, CTX-8: what a task does it does on its own stream, whoever wakes it.
    fn a_tick_wakes_who_waits(vm) -> TestResult {
        let proxy = words(vm, "tick")?;
        let waiting = [proxy.send(get("wait")?), proxy.send(get("wait")?)];
        assert!(waiting.iter().all(|exchange| exchange.outcome() == Outcome::Paused));
        proxy.advance(100 * MS);
        for exchange in waiting {
            assert_eq!(exchange.upstream_request().headers()["x-word"], "tick");
        }
        Ok(())
    }

    // QUE-8
    fn a_queue_wakes_who_waits(vm) -> TestResult {
        let proxy = words(vm, "queue")?;
        let waiting = proxy.send(get("wait")?);
        let bringing = proxy.send(get("bring")?);
        assert_eq!(bringing.upstream_request().headers()["x-word"], "brought");
        assert_eq!(waiting.upstream_request().headers()["x-word"], "queue");
        Ok(())
    }

    // LOC-30, CTX-4: the other stream's own headers stay as it left them.
    fn another_stream_wakes_who_waits(vm) -> TestResult {
        let proxy = words(vm, "stream")?;
        let waiting = proxy.send(get("wait")?);
        let gone = proxy.send(get("wait")?);
        proxy.disconnect(&gone);
        let bringing = proxy.send(get("bring")?);
        assert_eq!(bringing.upstream_request().headers()["x-word"], "brought");
        assert_eq!(waiting.upstream_request().headers()["x-word"], "stream");
        assert!(!gone.reached_upstream());
        Ok(())
    }

    fn time_wakes_who_sleeps(vm) -> TestResult {
        let proxy = words(vm, "sleep")?;
        let first = proxy.send(get("wait")?);
        proxy.advance(20 * MS);
        let second = proxy.send(get("wait")?);
        proxy.advance(9 * MS);
        assert_eq!(first.outcome(), Outcome::Paused);
        proxy.advance(MS);
        assert_eq!(first.upstream_request().headers()["x-word"], "time");
        assert_eq!(second.outcome(), Outcome::Paused);
        proxy.advance(20 * MS);
        assert_eq!(second.upstream_request().headers()["x-word"], "time");
        Ok(())
    }

    fn a_root_fetches_again_and_again(vm) -> TestResult {
        let plugin = vm.plugin(&PLUGINS, "words").config("fetch");
        let mut asked = 0;
        let words = Cluster::new(move |_| {
            asked += 1;
            Response::new(format!("word {asked}"))
        });
        let proxy = MockProxy::builder().plugin(plugin).set_cluster("words", words).start()?;
        for number in 1..4 {
            proxy.advance(MS);
            assert_eq!(proxy.send(get("wait")?).upstream_request().headers()["x-word"], format!("word {number}"));
            proxy.advance(Duration::from_secs(10));
        }
        Ok(())
    }

    // CAL-18, LIF-19: an update leaves nothing of the root before it in flight.
    fn the_calls_of_a_root_end_with_it(vm) -> TestResult {
        let plugin = vm.plugin(&PLUGINS, "words");
        let limits = Limits { callouts_in_flight: 1, ..Limits::default() };
        let proxy = MockProxy::builder().plugin(plugin.clone()).limits(limits).set_cluster("words", Answer::Timeout).start()?;
        for roots in 1..10 {
            proxy.update(plugin.clone().config("fetch"))?;
            proxy.advance(MS);
            assert_eq!(proxy.requests_to("words").len(), roots, "{:?}", proxy.log());
            proxy.update(plugin.clone())?;
        }
        Ok(())
    }

    // CAL-8: what is sent.
    fn each_phase_that_can_be_held_waits_for_a_call(vm) -> TestResult {
        let phases =
            ["request_headers", "request_body", "request_trailers", "response_headers", "response_body", "response_trailers"];
        for name in phases {
            let proxy = MockProxy::new(vm.plugin(&PLUGINS, "phases"))?;
            proxy.set_cluster("service", Cluster::new(|request| Response::new(format!("to {:?}", request.body()))).latency(5 * MS));
            let exchange = phase(&proxy, name)?;
            assert_eq!(exchange.outcome(), Outcome::Paused, "{name}");
            proxy.advance(5 * MS);
            let said = format!("200 to {:?}", bytes::Bytes::from(name));
            match name {
                "request_headers" => assert_eq!(exchange.upstream_request().headers()["x-said"], said),
                "request_body" => assert_eq!(exchange.upstream_request().body(), &said),
                "request_trailers" => assert_eq!(said_in_trailers(exchange.raw_upstream_request()), said),
                "response_headers" => {
                    assert_eq!(exchange.response().status(), 502);
                    assert_eq!(exchange.response().body(), &said);
                }
                "response_body" => assert_eq!(exchange.response().body(), &said),
                _ => assert_eq!(said_in_trailers(exchange.raw_response()), said),
            }
            let sent = &proxy.raw_requests_to("service")[0];
            assert_eq!(sent.header(":authority"), Some(&b"service.internal"[..]), "{name}");
        }
        Ok(())
    }

    // CAL-1, CAL-5, CAL-11, CAL-12, CAL-13, CAL-14
    fn how_a_call_fails_is_told_apart(vm) -> TestResult {
        let own = |status: u16, body: &'static str| Response::builder().status(status).header("server", "busy").body(body);
        let cases: [(Option<Cluster>, &str); 9] = [
            (None, "refused"),
            (Some(Cluster::without_hosts()), "refused"),
            (Some(Answer::Timeout.into()), "timeout"),
            (Some(Cluster::new(|_| Response::new("late")).latency(60 * MS)), "timeout"),
            (Some(Answer::Refuse.into()), "unreachable"),
            (Some(Answer::ResetBeforeResponse.into()), "unreachable"),
            (Some(Answer::ResetAfter(Response::new("cut").into()).into()), "reset"),
            // A server's own are responses.
            (Some(own(503, "no")?.into()), "503 no"),
            (Some(own(504, "upstream request timeout")?.into()), "504 upstream request timeout"),
        ];
        for (cluster, said) in cases {
            let proxy = MockProxy::new(vm.plugin(&PLUGINS, "phases"))?;
            if let Some(cluster) = cluster {
                proxy.set_cluster("service", cluster);
            }
            let exchange = proxy.send(get("request_headers")?);
            proxy.advance(100 * MS);
            assert_eq!(exchange.upstream_request().headers()["x-said"], said, "{}", proxy.trace());
        }
        Ok(())
    }

    fn several_are_asked_at_once_and_not_for_longer_than_is_said(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "phases"))?;
        proxy.set_cluster("service", Cluster::new(|request| Response::new(request.into_body())).latency(10 * MS));
        let exchange = proxy.send(get("together")?);
        proxy.advance(10 * MS);
        assert_eq!(exchange.upstream_request().headers()["x-said"], "200 a,200 b,200 c");
        proxy.set_cluster("service", Answer::Timeout);
        let exchange = proxy.send(get("together")?);
        proxy.advance(39 * MS);
        assert_eq!(exchange.outcome(), Outcome::Paused);
        proxy.advance(MS);
        assert_eq!(exchange.upstream_request().headers()["x-said"], "the time given has passed");
        // What comes now finds nobody.
        proxy.advance(100 * MS);
        assert!(proxy.trap().is_none());
        Ok(())
    }

    // TCP-2, TCP-5
    fn a_connection_waits_and_so_do_its_bytes(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "door"))?;
        proxy.set_cluster("service", Cluster::answers([Response::new("yes"), Response::new("no")]).latency(5 * MS));
        let welcome = proxy.connect();
        assert!(!welcome.reached_upstream());
        proxy.advance(5 * MS);
        assert!(welcome.reached_upstream());
        let refused = proxy.connect();
        proxy.advance(5 * MS);
        assert!(refused.is_closed());
        welcome.send("hello");
        assert_eq!(welcome.to_upstream(), "");
        proxy.advance(5 * MS);
        assert_eq!(welcome.to_upstream(), "200 no: hello");
        Ok(())
    }
}
