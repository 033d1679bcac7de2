//! The filter of the testing guide (`docs/testing.md`): a desk at the door of a shop. Who comes shows a ticket, the service `tickets` says whose it
//! is, and each visitor may come so often as is configured.
#![cfg_attr(target_family = "wasm", no_std)]

use core::time::Duration;
use proxy_filter::prelude::*;
use serde::Deserialize;

proxy_filter::no_std_runtime!();
proxy_filter::register! { "desk" => http Desk }

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How often each visitor may come.
    visits: u64,
    /// Counts as it was first written, for the chapter on workers: it loses visits that come at once.
    #[serde(default)]
    lossy: bool,
}

struct Desk {
    config: Config,
}

impl RootContext for Desk {
    type Config = Json<Config>;
    fn new(Json(config): Json<Config>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        if config.visits == 0 {
            return Err(ConfigError::new("`visits` is 0, so nobody could come: give 1 or more"));
        }
        Ok(Self { config })
    }
}

impl HttpPlugin for Desk {
    type Http = Stream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream(Rc::clone(self))
    }
}

impl Desk {
    /// Counts this visit: how many there were with it.
    fn count(&self, context: &Context, visitor: &[u8]) -> Result<u64, Failure> {
        let number = |stored: &[u8]| stored.try_into().map_or(0, u64::from_le_bytes);
        if self.config.lossy {
            let visits = context.shared_data().get(visitor)?.map_or(0, |stored| number(&stored.value)) + 1;
            context.shared_data().set(visitor, visits.to_le_bytes())?;
            return Ok(visits);
        }
        Ok(context.shared_data().update(visitor, |stored| {
            let visits = stored.map_or(0, number) + 1;
            (visits.to_le_bytes(), visits)
        })?)
    }
}

struct Stream(Rc<Desk>);

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let ticket = http.headers().get("x-ticket")?.or_reply(|| LocalReply::new(401).body("show a ticket\n"))?;
        let desk = Rc::clone(&self.0);
        http.wait(async move |request| {
            let call = HttpCall::get("tickets", "/whose").header("x-ticket", ticket).timeout(Duration::from_millis(100));
            let reply = match request.call(call).await {
                Ok(reply) if reply.status() == 200 => reply,
                Ok(_) => return LocalReply::new(403).body("not a ticket of ours\n").send(),
                Err(CallError::Timeout) => return LocalReply::new(504).details("tickets_slow").send(),
                Err(error) => return Err(error.into()),
            };
            if desk.count(&request, reply.body())? > desk.config.visits {
                return LocalReply::new(429).send();
            }
            request.headers().set("x-visitor", reply.body())?;
            Ok(())
        })
    }
}
