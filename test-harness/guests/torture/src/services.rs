//! A filter that waits, calls, counts and ticks, whatever comes of it.

use crate::calls::{context, edit, shared};
use crate::grpc::{ask, converse, give_up};
use core::cell::{Cell, RefCell};
use core::time::Duration;
use proxy_filter::prelude::*;

pub(crate) const SOON: Duration = Duration::from_millis(7);

pub(crate) struct Services {
    counter: Counter,
    gauge: Gauge,
    histogram: Histogram,
    by_code: CounterFamily<1>,
    /// What the next stream may wake the one before with.
    wake: RefCell<Option<oneshot::Sender<u32>>>,
    turn: Cell<u32>,
}

impl Services {
    /// Every operation on metrics.
    fn count(&self, cx: &Context) -> Vec<Result<(), Error>> {
        vec![
            self.counter.define(cx),
            // This one is asked for each time.
            Gauge::new("anew").define(cx),
            self.counter.add(cx, 2),
            self.counter.get(cx).map(drop),
            self.gauge.set(cx, 3),
            self.gauge.sub(cx, 1),
            self.gauge.saturating_sub(cx, 9),
            self.gauge.get(cx).map(drop),
            self.histogram.record(cx, 5),
            self.by_code.add(cx, ["200"], 1),
            self.by_code.get(cx, ["404"]).map(drop),
        ]
    }

    fn all(&self, cx: &Context) {
        let _ = (context(cx), cx.log_level(), self.count(cx), shared(cx));
        let _ = cx.call_foreign_function("a", b"\xff").map_err(|error| error.to_string().len());
    }
}

fn call(cluster: &str) -> HttpCall {
    HttpCall::post(cluster, "/").header("a", b"\xff").body("question").trailer("b", "c").timeout(SOON)
}

fn look(reply: &Result<CallReply, CallError>) -> usize {
    match reply {
        Ok(reply) => usize::from(reply.status()) + reply.headers().len() + reply.body().len() + reply.trailers().len(),
        Err(error) => error.to_string().len(),
    }
}

impl RootContext for Services {
    type Config = ();

    fn new((): (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let _ = (plugin.set_tick_period(SOON), plugin.register_queue("a"));
        plugin.spawn(async |plugin| {
            loop {
                core::hint::black_box(look(&plugin.call(call("one")).await));
                plugin.sleep(SOON).await?;
            }
        });
        plugin.spawn(async |plugin| {
            loop {
                let _ = join(ask(&plugin), plugin.timeout(SOON, converse(&plugin))).await;
                plugin.sleep(SOON).await?;
            }
        });
        let _ = plugin.log_level();
        Ok(Self {
            counter: Counter::new("counter"),
            gauge: Gauge::new("gauge"),
            histogram: Histogram::new("histogram"),
            by_code: CounterFamily::new("by_code", ["code"], 4),
            wake: RefCell::new(None),
            turn: Cell::new(0),
        })
    }

    fn on_tick(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<(), Failure> {
        self.all(&plugin);
        give_up(&plugin);
        plugin.spawn(async |plugin| Ok(plugin.timeout(SOON, converse(&plugin)).await??));
        // Nothing has asked for it.
        let _ = plugin.done();
        let root = Rc::clone(self);
        plugin.call(call("two")).then_on(&plugin, move |reply, plugin| {
            core::hint::black_box(look(&reply));
            root.all(plugin);
            let queue = plugin.register_queue("a")?;
            plugin.enqueue(queue, "item")?;
            reply?;
            Ok(())
        });
        Ok(())
    }

    /// Without another item: each would be told of in its turn, without end.
    fn on_queue_ready(self: &Rc<Self>, queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
        let _ = self.count(&plugin);
        plugin.dequeue(queue)?;
        Ok(())
    }

    fn on_done(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<bool, Failure> {
        let _ = plugin.done();
        Ok(plugin.now().is_ok())
    }
}

impl HttpPlugin for Services {
    type Http = ServicesStream;

    fn create_http_context(self: &Rc<Self>, stream: &HttpStream) -> ServicesStream {
        self.all(stream);
        self.turn.set(self.turn.get().wrapping_add(1));
        ServicesStream { root: Rc::clone(self), turn: self.turn.get() }
    }
}

pub(crate) struct ServicesStream {
    root: Rc<Services>,
    turn: u32,
}

impl HttpContext for ServicesStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let root = Rc::clone(&self.root);
        match self.turn % 4 {
            // Two calls at once, each with a time of its own.
            1 => http.wait(async move |request| {
                let both = join(request.call(call("one")), request.timeout(SOON, request.call(call("two")))).await;
                core::hint::black_box(look(&both.0));
                root.all(&request);
                let _ = edit(&request.headers());
                both.1?.map(drop).or_else(|error| LocalReply::new(502).body(error.to_string()).send())
            }),
            // Whichever comes first: a call, a time, the next stream.
            2 => {
                let (sender, receiver) = oneshot::channel();
                // Whoever is woken by this may run at once.
                let before = self.root.wake.replace(Some(sender));
                drop(before);
                http.wait(async move |request| {
                    let first = race(receiver, race(request.call(call("nobody")), request.sleep(SOON))).await;
                    root.all(&request);
                    match first {
                        First::Left(_) => {}
                        First::Right(First::Left(reply)) => drop(reply?),
                        First::Right(First::Right(slept)) => slept?,
                    }
                    Ok(())
                })
            }
            // Without async.
            3 => {
                let call = http.call(call("two"));
                let (held, wait) = http.hold();
                call.then(held, move |reply, request| {
                    root.all(request);
                    request.headers().set("a", reply?.body())?;
                    Ok(())
                });
                Ok(wait)
            }
            // Nobody waits for it.
            _ => {
                drop(http.call(call("one")));
                let wake = self.root.wake.take();
                if let Some(wake) = wake {
                    let _ = wake.send(1);
                }
                Ok(HeadersAction::Continue)
            }
        }
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        if !http.end_of_stream() {
            return Ok(DataAction::Continue);
        }
        http.wait(async |request| {
            ask(&request).await?;
            request.timeout(SOON, converse(&request)).await??;
            Ok(())
        })
    }

    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        let root = Rc::clone(&self.root);
        http.wait(async move |response| {
            let reply = response.timeout(SOON, response.call(call("two"))).await;
            root.all(&response);
            response.headers().set("a", reply??.body())?;
            let _ = race(ask(&response), response.sleep(SOON)).await;
            Ok(())
        })
    }

    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        self.root.all(&http);
        drop(http.call(call("one")));
        give_up(&http);
        Ok(())
    }
}

/// Connections that wait; the root ends later than it is asked to.
pub(crate) struct ServicesConnections;

impl RootContext for ServicesConnections {
    type Config = ();

    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn on_done(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<bool, Failure> {
        plugin.spawn(async |plugin| {
            plugin.sleep(SOON).await?;
            Ok(plugin.done()?)
        });
        Ok(false)
    }
}

impl TcpPlugin for ServicesConnections {
    type Stream = ServicesConnection;

    fn create_stream_context(self: &Rc<Self>, _stream: &Tcp) -> ServicesConnection {
        ServicesConnection
    }
}

pub(crate) struct ServicesConnection;

impl StreamContext for ServicesConnection {
    fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        tcp.wait(async |connection| {
            connection.call(call("one")).await?;
            ask(&connection).await?;
            Ok(())
        })
    }

    fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        tcp.wait(async |data| {
            data.timeout(SOON, converse(&data)).await??;
            match race(data.call(call("two")), data.sleep(SOON)).await {
                First::Left(_) => Err(StreamInterrupt::close()),
                First::Right(slept) => Ok(slept?),
            }
        })
    }

    fn on_upstream_data(&mut self, tcp: UpstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        give_up(&tcp);
        Ok(StreamAction::Continue)
    }
}
