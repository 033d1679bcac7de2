//! A filter on std that does, in request headers, the harm that its configuration names.

use proxy_filter::prelude::*;
use std::hint::black_box;

proxy_filter::register! { "misbehaving" => http Misbehaving }

struct Misbehaving {
    harm: String,
}

impl RootContext for Misbehaving {
    type Config = String;

    fn new(harm: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        log::debug!("about to do: {harm}");
        Ok(Self { harm })
    }
}

impl HttpPlugin for Misbehaving {
    type Http = Stream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream(Rc::clone(self))
    }
}

struct Stream(Rc<Misbehaving>);

impl HttpContext for Stream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        match self.0.harm.as_str() {
            "panic" => misbehave(),
            "loop" => loop {
                black_box(&http);
            },
            "allocate" => {
                // 4 GiB and a little, a piece at a time, each piece touched.
                let mut pieces = Vec::new();
                for _ in 0..65 {
                    pieces.push(black_box(vec![1_u8; 64 << 20]));
                }
            }
            "recurse" => {
                black_box(recurse(1));
            }
            other => http.headers().set("x-did", other)?,
        }
        Ok(HeadersAction::Continue)
    }
}

#[inline(never)]
fn misbehave() {
    let what = black_box("on purpose");
    panic!("it was {what}");
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "on purpose")]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth) + 1)) + depth
}
