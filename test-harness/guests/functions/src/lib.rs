//! Calls each of Envoy's foreign functions through the SDK, and tells the upstream by headers what came of it.

use proxy_filter::ForeignError;
use proxy_filter::envoy::{self, Declaration, Expression, Hash, Key, LifeSpan, SignatureError};
use proxy_filter::prelude::*;

/// What is configured is an expression.
struct Functions {
    expression: Expression,
    region: String,
    log_level: String,
    nonces_differ: bool,
}

impl RootContext for Functions {
    type Config = String;
    fn new(text: String, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Declaration::new("functions.tenant").text().read_only().declare(plugin)?;
        let (mut one, mut two) = ([0; 16], vec![0; 70_000]);
        plugin.random_bytes(&mut one)?;
        plugin.random_bytes(&mut two)?;
        // The last bytes too: a host gives 65,536 at once.
        let nonces_differ = one != two[..16] && two[69_900..].iter().any(|byte| *byte != 0);
        Ok(Self {
            expression: Expression::new(plugin, &text)?,
            region: plugin.environment("REGION")?.unwrap_or_else(|| "none".to_string()),
            log_level: format!("{:?}", plugin.log_level()?),
            nonces_differ,
        })
    }
}

impl HttpPlugin for Functions {
    type Http = FunctionsStream;
    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> FunctionsStream {
        FunctionsStream(Rc::clone(self))
    }
}

struct FunctionsStream(Rc<Functions>);

impl FunctionsStream {
    /// What came of each, as text.
    fn try_all(&self, http: &RequestHeaders<'_>) -> Vec<(&'static str, String)> {
        let round = envoy::compress(http, "proxy ".repeat(50))
            .and_then(|small| Ok((small.len() < 60, envoy::uncompress(http, small)?.len())));
        let tenant =
            || (http.set_property("functions.tenant", "blue").is_ok(), http.set_property("functions.tenant", "red").is_ok());
        let is_blue = |_| {
            Expression::new(http, "functions_tenant == 'x' || filter_state['wasm.functions.tenant'] == 'blue'")?.is_true(http)
        };
        vec![
            ("x-region", self.0.region.clone()),
            ("x-log-level", self.0.log_level.clone()),
            ("x-random", self.0.nonces_differ.to_string()),
            ("x-expression", told(self.0.expression.is_true(http))),
            ("x-path", told(Expression::new(http, "request.path").and_then(|path| path.evaluate::<String>(http)))),
            ("x-size", told(Expression::new(http, "size(request.path)").and_then(|size| size.evaluate::<i64>(http)))),
            ("x-mismatch", told(Expression::new(http, "1.5").and_then(|size| size.is_true(http)))),
            ("x-syntax", told(Expression::new(http, "1 +").map(|_| ()))),
            ("x-tenant", format!("{:?}", tenant())),
            ("x-is-blue", told(is_blue(()))),
            ("x-round", told(round)),
            ("x-bad-zip", told(envoy::uncompress(http, "bad").map(|_| ()))),
            ("x-cluster", told(envoy::set_filter_state(http, envoy::key::TCP_PROXY_CLUSTER, "blue", LifeSpan::Request))),
            ("x-no-key", told(envoy::set_filter_state(http, "acme.key", "blue", LifeSpan::FilterChain))),
            ("x-override", told(envoy::override_upstream(http, ([192, 0, 2, 7], 80).into()))),
            ("x-route", told(envoy::clear_route_cache(http))),
            ("x-unknown", told(http.call_foreign_function("acme.nope", "").map(|_| ()))),
        ]
    }
}

/// Signs a text and checks the signature: of the text, and of another.
fn sign_and_verify(http: &HttpStream) -> Result<(bool, bool), SignatureError> {
    let signature = envoy::sign(http, Key::Pem(PRIVATE), Hash::Sha256, "text")?;
    let verify = |text: &str| envoy::verify_signature(http, Key::Pem(PUBLIC), Hash::Sha256, &signature, text).is_ok();
    Ok((verify("text"), verify("another text")))
}

fn told<T: core::fmt::Debug>(result: Result<T, ForeignError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}

impl HttpContext for FunctionsStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        for (name, value) in self.try_all(&http) {
            http.headers().set(name, value)?;
        }
        if http.headers().get("x-sign")?.is_some() {
            let signed = sign_and_verify(&http).map_or_else(|error| error.to_string(), |signed| format!("{signed:?}"));
            http.headers().set("x-signature", signed)?;
        }
        Ok(HeadersAction::Continue)
    }
}

/// Made for this test and used nowhere else.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3+j97ZifbSFP8sqh
zu3v8tQWuAvFKMLGDzn3QhbWa7WhRANCAAS/7Z4hJETQLMctFBqdCiJDjWNEE6ad
kR7W7CgOKgk6QqUZCJz/jNIOm4WoEtbxPLPPWfPveuYCMC0w0XtPn00C
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEv+2eISRE0CzHLRQanQoiQ41jRBOm
nZEe1uwoDioJOkKlGQic/4zSDpuFqBLW8Tyzz1nz73rmAjAtMNF7T59NAg==
-----END PUBLIC KEY-----
";

proxy_filter::register! { "functions" => http Functions }
