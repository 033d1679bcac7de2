//! A plugin that waits for calls, streams and times in every callback that may, and keeps something alive as long as it does.

use super::everything::Alive;
use core::time::Duration;
use proxy_filter::Unary;
use proxy_filter::prelude::*;
use std::cell::RefCell;

const SOON: Duration = Duration::from_millis(7);

pub(super) struct Waits {
    _alive: Alive,
    /// What the next stream wakes the one before with.
    wake: RefCell<Option<oneshot::Sender<u32>>>,
}

fn call(cx: &Context) -> proxy_filter::Call {
    cx.call(HttpCall::post("cluster", "/").body("question").trailer("a", "b").timeout(SOON))
}

fn grpc(cx: &Context) -> Unary {
    cx.grpc_call(GrpcCall::new("cluster", "a.Service", "Ask").metadata("a-bin", b"\xff").message("question").timeout(SOON))
}

/// Says and hears all there is, until the server has ended the stream.
async fn converse(cx: &Context) -> Result<(), GrpcError> {
    let _alive = Alive::new();
    let mut stream = cx.grpc_stream(GrpcCall::new("cluster", "a.Service", "Talk").message("question"));
    while let Some(message) = stream.next().await? {
        stream.send(message)?;
        stream.half_close();
    }
    let _ = (stream.initial_metadata(), stream.trailing_metadata(), stream.status());
    Ok(())
}

impl RootContext for Waits {
    type Config = Vec<u8>;
    fn new(_config: Vec<u8>, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let alive = Alive::new();
        plugin.spawn(async move |plugin| {
            let _alive = alive;
            loop {
                let _ = call(&plugin).await;
                plugin.sleep(SOON).await?;
            }
        });
        plugin.spawn(async |plugin| {
            loop {
                let _ = join(grpc(&plugin), converse(&plugin)).await;
                plugin.sleep(SOON).await?;
            }
        });
        Ok(Self { _alive: Alive::new(), wake: RefCell::new(None) })
    }
    fn on_tick(self: &Rc<Self>, plugin: Plugin<'_>) -> Result<(), Failure> {
        let alive = Alive::new();
        plugin.set_tick_period(SOON)?;
        call(&plugin).then_on(&plugin, move |reply, plugin| {
            let _alive = alive;
            drop((call(plugin), grpc(plugin)));
            reply?;
            Ok(())
        });
        let alive = Alive::new();
        grpc(&plugin).then_on(&plugin, move |answer, plugin| {
            let _alive = alive;
            drop(plugin.grpc_stream(GrpcCall::new("cluster", "a.Service", "Talk")));
            answer?;
            Ok(())
        });
        Ok(())
    }
}

impl HttpPlugin for Waits {
    type Http = WaitsStream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> WaitsStream {
        WaitsStream { root: Rc::clone(self), _alive: Alive::new() }
    }
}

pub(super) struct WaitsStream {
    root: Rc<Waits>,
    _alive: Alive,
}

impl HttpContext for WaitsStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let (alive, (sender, receiver)) = (Alive::new(), oneshot::channel());
        // Whoever waits for the one before is woken.
        if let Some(before) = self.root.wake.replace(Some(sender)) {
            let _ = before.send(1);
        }
        http.wait(async move |request| {
            let _alive = alive;
            let calls = join(call(&request), request.timeout(SOON, call(&request)));
            match race(receiver, calls).await {
                First::Left(_) => request.timeout(SOON, converse(&request)).await??,
                First::Right((one, two)) => {
                    request.headers().set("a", one?.body())?;
                    two??;
                }
            }
            Ok(())
        })
    }
    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        let alive = Alive::new();
        let call = call(&http);
        let (held, wait) = http.hold();
        call.then(held, move |reply, _request| {
            let _alive = alive;
            reply?;
            Ok(())
        });
        Ok(wait)
    }
    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        let alive = Alive::new();
        let call = grpc(&http);
        let (held, wait) = http.hold();
        call.then(held, move |answer, _request| {
            let _alive = alive;
            answer?;
            Ok(())
        });
        Ok(wait)
    }
    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        let alive = Alive::new();
        http.wait(async move |response| {
            let _alive = alive;
            response.timeout(SOON, call(&response)).await??;
            grpc(&response).await?;
            LocalReply::new(502).send()
        })
    }
    fn on_response_trailers(&mut self, http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
        http.wait(async |response| Ok(converse(&response).await?))
    }
    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        drop((call(&http), grpc(&http)));
        Ok(())
    }
}
