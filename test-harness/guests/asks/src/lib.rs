//! An HTTP filter that asks two services about each request: who it is from, and whether there is quota left.

use proxy_filter::prelude::*;
use std::cell::RefCell;
use std::time::Duration;

proxy_filter::register! { "asks" => http Asks }

/// The greeting that `greetings` gave when it was configured, if that has come.
struct Asks {
    greeting: Rc<RefCell<String>>,
}

impl RootContext for Asks {
    type Config = ();

    fn new(_config: (), plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let greeting = Rc::<RefCell<String>>::default();
        let kept = Rc::clone(&greeting);
        plugin.call(HttpCall::get("greetings", "/")).then_on(plugin, move |reply, plugin| {
            match reply {
                Ok(reply) => *kept.borrow_mut() = String::from_utf8_lossy(reply.body()).into_owned(),
                Err(error) => plugin.log(LogLevel::Warn, format!("no greeting: {error}"))?,
            }
            Ok(())
        });
        Ok(Self { greeting })
    }
}

impl HttpPlugin for Asks {
    type Http = AsksStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> AsksStream {
        AsksStream(Rc::clone(self))
    }
}

struct AsksStream(Rc<Asks>);

impl HttpContext for AsksStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let token = http.headers().get("authorization")?.or_reply(|| LocalReply::new(401))?;
        let greeting = self.0.greeting.borrow().clone();
        http.wait(async move |request| {
            let authz = HttpCall::get("authz", "/user").header("authorization", token).timeout(Duration::from_millis(100));
            let quota = HttpCall::post("quota", "/take").body("1").timeout(Duration::from_millis(50));
            let (authz, quota) = join(request.call(authz), request.call(quota)).await;
            match quota {
                Ok(reply) if reply.status() == 429 => return LocalReply::new(429).send(),
                Ok(_) => {}
                // Better too many than none.
                Err(error) => request.log(LogLevel::Warn, format!("no quota: {error}"))?,
            }
            match authz {
                Ok(reply) if reply.status() == 200 => request.headers().set("x-user", reply.body())?,
                Ok(_) => return LocalReply::new(403).send(),
                Err(CallError::Timeout) => return LocalReply::new(504).send(),
                Err(error) => return LocalReply::new(502).body(error.to_string()).send(),
            }
            request.headers().set("x-greeting", greeting.as_bytes())?;
            Ok(())
        })
    }
}
