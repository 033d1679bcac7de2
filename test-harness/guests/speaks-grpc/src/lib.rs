//! An HTTP filter that does by gRPC what a request's `x-do` says; as a root it watches what `flags` sends.

use proxy_filter::prelude::*;
use std::time::Duration;

proxy_filter::register! { "speaks_grpc" => http SpeaksGrpc }

struct SpeaksGrpc;

impl RootContext for SpeaksGrpc {
    type Config = String;

    fn new(config: String, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        if config == "watch" {
            plugin.spawn(async move |plugin| {
                let mut flags = plugin.grpc_stream(GrpcCall::new("flags", "acme.Flags", "Watch").message(b"all"));
                while let Some(message) = flags.next().await? {
                    plugin.log(LogLevel::Info, [b"flags: ", &*message].concat())?;
                    flags.send(b"seen")?;
                }
                plugin.log(LogLevel::Info, "flags end")?;
                Ok(())
            });
        }
        if config == "call" {
            plugin.grpc_call(check("root")).then_on(plugin, |user, plugin| Ok(plugin.log(LogLevel::Info, user?)?));
        }
        Ok(Self)
    }
}

impl HttpPlugin for SpeaksGrpc {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream
    }
}

struct Stream;

fn check(who: &str) -> GrpcCall {
    GrpcCall::new("authz", "acme.Auth", "Check").metadata("X-Tenant", "acme").metadata("sum-bin", [0, 255]).message(who)
}

fn text(message: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(message.as_ref()).into_owned()
}

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let what = http.headers().get("x-do")?.map(|value| String::from_utf8_lossy(&value).into_owned()).unwrap_or_default();
        match &*what {
            "then" => {
                let call = http.grpc_call(check("ann"));
                let (held, wait) = http.hold();
                call.then(held, |user, request| Ok(request.headers().set("x-user", user?)?));
                return Ok(wait);
            }
            // One that is dropped at once, or when the callback ends.
            "drop" => drop(http.grpc_call(check("ann"))),
            _ => {
                return http.wait(async move |request| {
                    let user = act(&what, &request).await?;
                    request.headers().set("x-user", user)?;
                    Ok(())
                });
            }
        }
        Ok(HeadersAction::Continue)
    }
}

async fn act(what: &str, request: &Paused<phase::RequestHeaders>) -> Result<String> {
    Ok(match what {
        "two" => {
            let (one, other) = join(request.grpc_call(check("ann")), request.grpc_call(check("bob"))).await;
            format!("{} {}", text(one?), text(other?))
        }
        "race" => {
            let (near, far) = (request.grpc_call(check("near")), request.grpc_call(check("far")));
            match race(near, far).await {
                First::Left(user) | First::Right(user) => text(user?),
            }
        }
        "empty" => {
            let call = GrpcCall::new("", "acme.Auth", "Check").with_authority("a.b");
            request.grpc_call(call).await.map_or_else(|error| error.to_string(), text)
        }
        "empty stream" => {
            let mut stream = request.grpc_stream(GrpcCall::new("", "acme.Auth", "Check"));
            stream.next().await.map_or_else(|error| error.to_string(), |_| "opened".into())
        }
        // Of which Envoy would abort if it were given the bare name (GRP-4).
        "unknown" => {
            let call = GrpcCall::new("auth-grpc", "acme.Auth", "Check");
            request.grpc_call(call).await.map_or_else(|error| error.to_string(), text)
        }
        "quick" => text(request.grpc_call(check("ann").timeout(Duration::from_millis(20))).await?),
        "patient" => text(request.grpc_call(check("ann").timeout(Duration::ZERO)).await?),
        "talk" => {
            let mut stream = request.grpc_stream(GrpcCall::new("chat", "acme.Chat", "Talk").message(b"one"));
            let mut heard = Vec::new();
            while let Some(message) = stream.next().await? {
                heard.push(text(message));
                match heard.len() {
                    1 => stream.send(b"two")?,
                    _ => stream.half_close(),
                }
            }
            let metadata = [stream.initial_metadata(), stream.trailing_metadata()];
            let value =
                |map: &Option<proxy_filter::HeaderMap>| text(map.as_ref().and_then(|map| map.get("x-a")).unwrap_or_default());
            format!("{} {}", heard.join("+"), metadata.each_ref().map(value).join(","))
        }
        "abandon" => {
            let mut stream = request.grpc_stream(GrpcCall::new("chat", "acme.Chat", "Talk").message(b"one"));
            text(stream.next().await?.unwrap_or_default())
        }
        _ => match request.grpc_call(check("ann")).await {
            Ok(user) => text(user),
            // PERMISSION_DENIED
            Err(error) if error.code() == Some(7) => return LocalReply::new(403).body(error.to_string()).send(),
            Err(error) => return Err(error.into()),
        },
    })
}
