//! Random hosts under filters that wait: nothing panics, and whatever was in hand is dropped with the VM.

use super::host::Started;
use super::random::{Step, step, take};
use proptest::collection::vec;
use proptest::test_runner::Config;
use proxy_filter::prelude::*;
use std::cell::{Cell, RefCell};
use std::time::Duration;

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

/// What a task has in hand.
struct InHand;

impl InHand {
    fn new() -> Self {
        LIVE.set(LIVE.get() + 1);
        Self
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

#[derive(Default)]
struct Root {
    senders: Rc<RefCell<Vec<oneshot::Sender<()>>>>,
}

impl Root {
    fn wake(&self) {
        for sender in self.senders.take() {
            let _ = sender.send(());
        }
    }
}

impl RootContext for Root {
    type Config = Vec<u8>;
    fn new(_config: Vec<u8>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let root = Self::default();
        let _ = plugin.set_tick_period(Duration::from_millis(5));
        let senders = Rc::clone(&root.senders);
        plugin.spawn(async move |plugin| {
            let _in_hand = InHand::new();
            loop {
                plugin.call(HttpCall::get("keys", "/")).await?;
                let (sender, receiver) = oneshot::channel();
                senders.borrow_mut().push(sender);
                receiver.await?;
                plugin.sleep(Duration::from_millis(3)).await?;
            }
        });
        Ok(root)
    }
    fn on_tick(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<(), Failure> {
        self.wake();
        plugin.call(HttpCall::get("tick", "/")).then_on(&plugin, |reply, plugin| Ok(plugin.log(LogLevel::Info, reply?.body())?));
        Ok(())
    }
}

impl HttpPlugin for Root {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream(Rc::clone(self))
    }
}

struct Stream(Rc<Root>);

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let in_hand = InHand::new();
        http.wait(async move |request| {
            let _in_hand = in_hand;
            let call = request.call(HttpCall::get("one", "/").discard_body());
            match race(call, request.sleep(Duration::from_millis(4))).await {
                First::Left(reply) => request.headers().set("x-status", reply?.status().to_string())?,
                First::Right(up) => up?,
            }
            Ok(())
        })
    }
    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        let (sender, receiver) = oneshot::channel();
        self.0.senders.borrow_mut().push(sender);
        let in_hand = InHand::new();
        http.wait(async move |request| {
            let _in_hand = in_hand;
            receiver.await?;
            request.body().append("!")?;
            LocalReply::new(403).send()
        })
    }
    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        self.0.wake();
        let call = http.call(HttpCall::post("two", "/"));
        let (held, wait) = http.hold();
        call.then(held, |_reply, request| Ok(request.trailers().set("x-end", "1")?));
        Ok(wait)
    }
    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        http.wait(async |response| {
            let _in_hand = InHand::new();
            let both = join(response.call(HttpCall::get("a", "/")), response.call(HttpCall::get("b", "/")));
            let _ = response.timeout(Duration::from_millis(2), both).await?;
            Err(Interrupt::reset())
        })
    }
    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        self.0.wake();
        http.wait(async |response| {
            let _in_hand = InHand::new();
            response.sleep(Duration::from_millis(1)).await?;
            Ok(())
        })
    }
    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        drop(http.call(HttpCall::get("log", "/")));
        Ok(())
    }
}

proxy_filter::register! { "waits at random" => http Root }

fn run(steps: Vec<Step>) {
    let before = LIVE.get();
    let started = Started::new(&PLUGINS);
    assert!(started.configure(1, ""));
    for context_id in 2..6 {
        started.call(proxy_filter::abi::Callback::proxy_on_context_create { context_id, parent_id: 1 });
    }
    for step in steps {
        take(&started, step);
    }
    started.host.answer(|_| None);
    started.host.forget_reentries();
    started.host.give("");
    assert!(started.configure(1_000, ""));
    assert_eq!(started.stream(1_000, 1_001).len(), 10);
    drop(started);
    assert_eq!(LIVE.get(), before, "what tasks have in hand leaks");
}

proptest::proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]
    #[test]
    fn random_hosts_are_survived_by_who_waits(steps in vec(step(), 0..120)) {
        run(steps);
    }
}
