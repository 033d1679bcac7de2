//! A filter that goes wrong in each way of which the SDK has something to say.

use super::every_quote_is_said;
use proxy_filter::prelude::*;
use proxy_filter_test::{Answer, Cluster, Fault, LogLine, MockProxy, Plugin as TestPlugin};
use std::time::Duration;

pub(super) const PART: &str = "The SDK, in the proxy's log";

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    wrong: String,
}

struct Shop {
    wrong: String,
    seen: Counter,
}

impl RootContext for Shop {
    type Config = Json<Config>;
    fn new(Json(Config { wrong }): Json<Config>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self { wrong, seen: Counter::new("seen") })
    }
}

impl HttpPlugin for Shop {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream(Rc::clone(self))
    }
}

struct Stream(Rc<Shop>);

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        match &*self.0.wrong {
            "hold" => return Ok(http.hold().1),
            "set" => http.headers().set("x-tag", "blue")?,
            "foreign" => drop(http.call_foreign_function("acme.country", "")?),
            "update" => http.shared_data().update("key", |_| ("new", ()))?,
            "text" => {
                http.headers().get("x-name")?.or_reply(|| LocalReply::new(400))?.to_str()?;
            }
            "count" => self.0.seen.add(&http, 1)?,
            "grpc" => {
                return http.wait(async move |request| {
                    request.grpc_call(GrpcCall::new("authz", "acme.Auth", "Check")).await?;
                    Ok(())
                });
            }
            _ => {
                return http.wait(async move |request| {
                    request.call(HttpCall::get("authz", "/check")).await?;
                    Ok(())
                });
            }
        }
        Ok(HeadersAction::Continue)
    }
}

proxy_filter::register! { "shop" => http Shop, "cart" => http Shop }

fn start(wrong: &str) -> MockProxy {
    let plugin = TestPlugin::native(&PLUGINS, "shop").config(serde_json::json!({ "wrong": wrong }));
    MockProxy::builder().plugin(plugin).log_level(LogLevel::Debug).start().expect("it is configured well")
}

fn request() -> proxy_filter_test::Message {
    http::Request::get("http://shop.example/").body("").expect("a request").into()
}

fn lines(log: &[LogLine]) -> String {
    log.iter().map(|line| format!("{}\n", line.message)).collect()
}

/// What it logs and how the stream ends, when a request meets what `before` has prepared.
fn said(wrong: &str, before: impl FnOnce(&MockProxy)) -> String {
    let proxy = start(wrong);
    before(&proxy);
    let exchange = proxy.send(request().with_header("x-name", b"\xff"));
    proxy.advance(Duration::from_secs(10));
    format!("{}{}\n", lines(&proxy.log()), exchange.details())
}

/// What a plugin that is refused has logged.
fn refused(plugin: TestPlugin) -> String {
    lines(MockProxy::new(plugin).expect_err("it is refused").log())
}

#[test]
fn what_it_says() {
    let plugin = TestPlugin::native(&PLUGINS, "shop");
    let late = |proxy: &MockProxy| {
        proxy.set_cluster("authz", Cluster::new(|_| http::Response::new("")).latency(Duration::from_secs(1)));
        let exchange = proxy.send(request());
        proxy.disconnect(&exchange);
    };
    let answers = |answer: fn() -> Cluster| {
        move |proxy: &MockProxy| {
            proxy.set_cluster("authz", answer());
        }
    };
    let fails = |hostcall: &'static str, status| {
        move |proxy: &MockProxy| {
            proxy.inject(Fault::new(hostcall, status));
        }
    };
    let all = [
        refused(plugin.clone().config(r#"{"wrong": "set", "respond": 1}"#)),
        refused(plugin.clone()),
        refused(plugin.clone().config(b"\x0a\x08\x0a\x01x".as_slice())),
        refused(plugin.root_id("cert")),
        said("hold", |_| {}),
        said("set", fails("proxy_replace_header_map_value", Status::InternalFailure)),
        said("foreign", |_| {}),
        said("update", fails("proxy_set_shared_data", Status::CasMismatch)),
        said("text", |_| {}),
        said("count", fails("proxy_define_metric", Status::Unimplemented)),
        said("grpc", |_| {}),
        said("call", |_| {}),
        said("call", answers(Cluster::without_hosts)),
        said("call", answers(|| Cluster::from(Answer::Refuse))),
        said("call", answers(|| Cluster::from(Answer::Timeout))),
        said("call", answers(|| Cluster::from(Answer::ResetAfter(http::Response::new("").into())))),
        said("call", late),
    ];
    every_quote_is_said(PART, &all.concat());
}
