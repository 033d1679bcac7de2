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

use proxy_filter::{HeaderMap, Headers, prelude::*};
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
    /// Joined with a comma to all values that are there, into one.
    append: Vec<(String, String)>,
    /// Added as a value of its own (Envoy joins those of its inline headers).
    add: Vec<(String, String)>,
}

impl Changes {
    fn check(&self, side: &str) -> Result<(), ConfigError> {
        for name in &self.remove {
            check_name(side, "remove", name)?;
            // Without these Envoy finds no route, or refuses the message (HDR-16, HDR-17, HDR-19).
            if name.starts_with(':') || ["host", "x-forwarded-proto"].iter().any(|needed| name.eq_ignore_ascii_case(needed)) {
                return Err(refused(side, "remove", name, "is one that a proxy needs"));
            }
        }
        for (list, pairs) in [("set", &self.set), ("append", &self.append), ("add", &self.add)] {
            for (name, value) in pairs {
                check_name(side, list, name)?;
                // A second value would be joined to the first: `/cart,/cart` (HDR-12).
                if list != "set" && (name.starts_with(':') || name.eq_ignore_ascii_case("host")) {
                    return Err(refused(side, list, name, "has one value: set it"));
                }
                // The only header whose values cannot stand behind commas (RFC 9110, 5.3).
                if list == "append" && name.eq_ignore_ascii_case("set-cookie") {
                    return Err(refused(side, list, name, "cannot be joined: add it"));
                }
                if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
                    return Err(refused(side, list, name, "has a control byte in its value"));
                }
            }
        }
        Ok(())
    }

    fn apply(&self, headers: &Headers<'_>) -> Result<(), Error> {
        for name in &self.remove {
            headers.remove(name)?;
        }
        for (name, value) in &self.set {
            headers.set(name, value)?;
        }
        for (name, value) in &self.append {
            headers.set(name, appended(&headers.all()?, name, value))?;
        }
        for (name, value) in &self.add {
            headers.add(name, value)?;
        }
        Ok(())
    }
}

/// All values of a header, and this one behind them.
fn appended(headers: &HeaderMap, name: &str, value: &str) -> Vec<u8> {
    let old = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value);
    let mut joined = Vec::new();
    for value in old.chain([value.as_bytes()]).filter(|value| !value.is_empty()) {
        if !joined.is_empty() {
            joined.push(b',');
        }
        joined.extend_from_slice(value);
    }
    joined
}

/// A name that HTTP does not allow would make Envoy answer 503 at the first request (HDR-18): better refused here.
fn check_name(side: &str, list: &str, name: &str) -> Result<(), ConfigError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let pseudo: &[&str] = if side == "request" { &[":authority", ":method", ":path", ":scheme"] } else { &[":status"] };
    if name.is_empty() || !(name.bytes().all(token) || pseudo.contains(&name)) {
        return Err(refused(side, list, name, "is not a header name"));
    }
    Ok(())
}

fn refused(side: &str, list: &str, name: &str, why: &str) -> ConfigError {
    ConfigError::new(format!("{side}.{list}: \"{}\" {why}", name.as_bytes().escape_ascii()))
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
