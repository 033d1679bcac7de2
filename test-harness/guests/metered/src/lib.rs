//! A filter that counts as its requests say, with each kind of metric, and answers with what came of it.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

use proxy_filter::prelude::*;

proxy_filter::no_std_runtime!();

proxy_filter::register! { "metered" => http Metered }

struct Metered {
    requests: Counter,
    at_hand: Gauge,
    size: Histogram,
    by_code: CounterFamily<2>,
    by_zone: GaugeFamily<1>,
    sizes: HistogramFamily<1>,
}

impl RootContext for Metered {
    /// `define`: the metrics show before they are used.
    type Config = String;

    fn new(config: String, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let root = Self {
            requests: Counter::new("requests"),
            at_hand: Gauge::new("at_hand"),
            size: Histogram::new("size"),
            by_code: CounterFamily::new("requests", ["code", "tenant"], 2).with_overflow("overflow"),
            by_zone: GaugeFamily::new("at_hand", ["zone"], 2).with_overflow("overflow"),
            sizes: HistogramFamily::new("size", ["zone"], 2),
        };
        if config == "define" {
            root.requests.define(plugin)?;
            root.at_hand.define(plugin)?;
            root.size.define(plugin)?;
        }
        Ok(root)
    }
}

impl HttpPlugin for Metered {
    type Http = MeteredStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> MeteredStream {
        MeteredStream(Rc::clone(self))
    }
}

struct MeteredStream(Rc<Metered>);

impl HttpContext for MeteredStream {
    /// Each header `x-do` is an operation: a metric, what to do with it, a number, the values of its tags.
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let mut answers = Vec::new();
        for operation in http.headers().all()?.values("x-do") {
            let words: Vec<&str> = core::str::from_utf8(operation)?.split(' ').collect();
            let answer = match self.0.perform(&http, &words) {
                Ok(None) => "ok".to_string(),
                Ok(Some(value)) => value.to_string(),
                Err(error) => error.to_string(),
            };
            answers.push(answer);
        }
        LocalReply::new(200).body(answers.join(", ")).send()
    }
}

impl Metered {
    fn perform(&self, cx: &Context, words: &[&str]) -> Result<Option<u64>, Error> {
        let by = words.get(2).and_then(|number| number.parse().ok()).unwrap_or(1);
        match *words {
            ["requests", "add", ..] => self.requests.add(cx, by)?,
            ["requests", "get", ..] => return self.requests.get(cx).map(Some),
            ["at_hand", "add", ..] => self.at_hand.add(cx, by)?,
            ["at_hand", "sub", ..] => self.at_hand.sub(cx, by)?,
            ["at_hand", "saturating_sub", ..] => self.at_hand.saturating_sub(cx, by)?,
            ["at_hand", "set", ..] => self.at_hand.set(cx, by)?,
            ["at_hand", "get", ..] => return self.at_hand.get(cx).map(Some),
            ["size", "record", ..] => self.size.record(cx, by)?,
            ["by_code", "add", _, code, tenant] => self.by_code.add(cx, [code, tenant], by)?,
            ["by_code", "get", _, code, tenant] => return self.by_code.get(cx, [code, tenant]).map(Some),
            ["by_zone", "add", _, zone] => self.by_zone.add(cx, [zone], by)?,
            ["by_zone", "sub", _, zone] => self.by_zone.sub(cx, [zone], by)?,
            ["by_zone", "saturating_sub", _, zone] => self.by_zone.saturating_sub(cx, [zone], by)?,
            ["by_zone", "set", _, zone] => self.by_zone.set(cx, [zone], by)?,
            ["by_zone", "get", _, zone] => return self.by_zone.get(cx, [zone]).map(Some),
            ["sizes", "record", _, zone] => self.sizes.record(cx, [zone], by)?,
            _ => return Err(Error { hostcall: "none", status: Status::BadArgument }),
        }
        Ok(None)
    }
}
