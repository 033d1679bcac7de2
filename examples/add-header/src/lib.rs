//! Adds, sets, appends and removes headers of requests and responses, as its configuration says.
//!
//! ```json
//! {
//!   "request":  { "add": [["x-tenant", "shop"]], "set": [["x-proto", "https"]] },
//!   "response": { "append": [["vary", "origin"]], "remove": ["server"] }
//! }
//! ```
//!
//! Every field may be left out; an unknown one is refused. Each side first removes, then sets, appends and adds.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

use proxy_filter::prelude::*;
use serde::Deserialize;

proxy_filter::no_std_runtime!();

proxy_filter::register! { "add_header" => http AddHeader }

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    request: Changes,
    #[serde(default)]
    response: Changes,
}

/// What happens to the headers of one side.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Changes {
    /// Every value of these is taken away.
    remove: Vec<String>,
    /// Every value of these is replaced by the one given.
    set: Vec<(String, String)>,
    /// Added to what is there, joined with a comma into one value.
    append: Vec<(String, String)>,
    /// Added as a value of its own (Envoy joins those of its inline headers).
    add: Vec<(String, String)>,
}

impl Changes {
    fn check(&self, side: &str) -> Result<(), ConfigError> {
        let named = [("set", &self.set), ("append", &self.append), ("add", &self.add)];
        for (list, name, value) in named.iter().flat_map(|(list, pairs)| pairs.iter().map(move |(n, v)| (list, n, v))) {
            check_name(side, list, name)?;
            if let Some(byte) = value.bytes().find(|byte| matches!(byte, b'\0' | b'\r' | b'\n')) {
                return Err(ConfigError::new(format!("{side}.{list}: the value of \"{name}\" holds the byte {byte:#04x}")));
            }
        }
        self.remove.iter().try_for_each(|name| check_name(side, "remove", name))
    }

    fn apply(&self, headers: &proxy_filter::Headers<'_>) -> Result<(), Error> {
        for name in &self.remove {
            headers.remove(name)?;
        }
        for (name, value) in &self.set {
            headers.set(name, value)?;
        }
        for (name, value) in &self.append {
            match headers.get(name)? {
                Some(old) if !old.is_empty() => headers.set(name, [&old, &b","[..], value.as_bytes()].concat())?,
                _ => headers.set(name, value)?,
            }
        }
        for (name, value) in &self.add {
            headers.add(name, value)?;
        }
        Ok(())
    }
}

/// A name that HTTP does not allow would make Envoy answer 503 at the first request (HDR-18): better refused here.
fn check_name(side: &str, list: &str, name: &str) -> Result<(), ConfigError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let bare = name.strip_prefix(':').unwrap_or(name);
    if bare.is_empty() || !bare.bytes().all(token) {
        return Err(ConfigError::new(format!("{side}.{list}: \"{}\" is not a header name", name.as_bytes().escape_ascii())));
    }
    Ok(())
}

struct AddHeader {
    config: Config,
}

impl RootContext for AddHeader {
    type Config = Json<Config>;

    fn new(Json(config): Json<Config>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        config.request.check("request")?;
        config.response.check("response")?;
        Ok(Self { config })
    }
}

impl HttpPlugin for AddHeader {
    type Http = AddHeaderStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> AddHeaderStream {
        AddHeaderStream(Rc::clone(self))
    }
}

struct AddHeaderStream(Rc<AddHeader>);

impl HttpContext for AddHeaderStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        self.0.config.request.apply(&http.headers())?;
        Ok(HeadersAction::Continue)
    }

    fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
        self.0.config.response.apply(&http.headers())?;
        Ok(HeadersAction::Continue)
    }
}
