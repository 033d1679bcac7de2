//! The filter on the mock host: natively, and as the real `.wasm`.

mod cache;
mod configuration;
mod failing;
mod grpc;
mod http_service;

use bytes::Bytes;
use ext_auth::PLUGINS;
use http::{Request, Response};
use proxy_filter_test::{Message, MockProxy, Refused, VmKind};
use serde_json::Value;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn proxy(vm: VmKind, config: Value) -> Result<MockProxy, Refused> {
    MockProxy::new(vm.plugin(&PLUGINS, "ext_auth").config(config))
}

fn get(token: &str) -> Request<&'static str> {
    Request::get("http://shop.example/cart?id=7").header("authorization", token).body("").expect("a request")
}

/// Knows ann and sends others to log in.
fn authz(request: &Request<Bytes>) -> Response<&'static str> {
    let token = request.headers().get("authorization").map(http::HeaderValue::as_bytes);
    let response = match token {
        Some(b"ann's") => Response::builder().header("x-user", "ann").header("x-internal", "17").body(""),
        _ => Response::builder().status(401).header("www-authenticate", "Bearer").header("x-internal", "17").body("who are you?"),
    };
    response.expect("a response")
}

fn values<'a>(message: &'a Message, name: &str) -> Vec<&'a [u8]> {
    message.headers().iter().filter(|(key, _)| key == name).map(|(_, value)| &value[..]).collect()
}
