//! Asks two services at once who a request is from and whether there is quota left, and lets it go on when both have answered 200.
//!
//! Its peer on the crate proxy-wasm is `conformance/peers/two-calls`: the same calls, the same answers, kept by hand.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

use core::time::Duration;
use proxy_filter::prelude::*;

proxy_filter::no_std_runtime!();
proxy_filter::register! { "two_calls" => http TwoCalls }

const TIMEOUT: Duration = Duration::from_millis(200);

struct TwoCalls;

impl RootContext for TwoCalls {
    type Config = ();
    fn new(_config: (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl HttpPlugin for TwoCalls {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream
    }
}

struct Stream;

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let token = http.headers().get("authorization")?.or_reply(|| LocalReply::new(401))?;
        http.wait(async move |request| {
            let user = request.call(HttpCall::get("authz", "/user").header("authorization", token).timeout(TIMEOUT));
            let quota = request.call(HttpCall::post("quota", "/take").body("1").timeout(TIMEOUT));
            let (user, quota) = join(user, quota).await;
            let (user, quota) = (user?, quota?);
            if user.status() != 200 || quota.status() != 200 {
                return LocalReply::new(403).send();
            }
            request.headers().set("x-user", user.body())?;
            Ok(())
        })
    }
}
