use crate::property::FromProperty;
use crate::sys::Sys;
use crate::{Context, ForeignError, Status};
use core::fmt;

/// An expression in Envoy's own language for them, [CEL](https://cel.dev), over the attributes of a stream; parsed once, evaluated for each.
///
/// Attributes are those that properties have: `request.path`, `source.address`, `xds.cluster_name`, `filter_state`, what
/// `set_property` has set, and so on, where and while they exist. It belongs to the root in whose callback, or in that of whose stream, it is
/// made: make it in [`RootContext::new`](crate::RootContext::new) and keep it there. Dropping it frees it in the proxy.
///
/// ```
/// # mod guard {
/// use proxy_filter::envoy::Expression;
/// use proxy_filter::prelude::*;
///
/// /// Refuses what an expression in its configuration does not let pass.
/// pub struct Guard(Expression);
/// impl RootContext for Guard {
///     type Config = String;
///     fn new(text: String, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
///         Ok(Self(Expression::new(plugin, &text)?))
///     }
/// }
/// # impl HttpPlugin for Guard { type Http = Stream; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> Stream { Stream(Rc::clone(self)) } }
/// pub struct Stream(Rc<Guard>);
/// impl HttpContext for Stream {
///     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
///         if self.0.0.is_true(&http)? { Ok(HeadersAction::Continue) } else { LocalReply::new(403).send() }
///     }
/// }
/// # proxy_filter::register! { "guard" => http Guard }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use proxy_filter_test::{MockProxy, Plugin};
/// # use guard::PLUGINS;
///
/// let expression = "request.method == 'GET' || request.headers['x-role'] == 'editor'";
/// let proxy = MockProxy::new(Plugin::native(&PLUGINS, "guard").config(expression))?;
/// let put = |role| proxy.send(http::Request::put("http://shop.example/").header("x-role", role).body("").unwrap());
/// assert_eq!(put("editor").response().status(), 200);
/// assert_eq!(put("guest").response().status(), 403);
/// # Ok(()) }
/// ```
pub struct Expression {
    sys: Sys,
    token: [u8; 4],
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// - `BAD_ARGUMENT`: the text is no expression, or calls a function that does not exist; Envoy logs what is wrong at level info.
    /// - `NOT_FOUND`: the proxy has no such function.
    /// - `RESULT_MISMATCH`: what the proxy answers is no token.
    pub fn new(context: &Context, text: &str) -> Result<Self, ForeignError> {
        let token = context.call_foreign_function("expr_create", text)?;
        let token =
            token.try_into().map_err(|_| ForeignError { function: "expr_create".into(), status: Status::ResultMismatch })?;
        Ok(Self { sys: context.sys.clone(), token })
    }

    /// The expression's value for the stream whose callback runs, read as this type: as a property's, so that `Vec<u8>` is its bytes as they come
    /// (PRO-5, PRO-8).
    ///
    /// The proxy looks at the stream whose callback runs, whichever stream hostcalls act on (CTX-10). So this refuses a stream that is only
    /// held while another's callback runs, rather than deciding by the wrong request.
    ///
    /// # Errors
    /// - `INTERNAL_FAILURE`: the expression asks for an attribute that is not there, or for a key that a map lacks, or cannot be computed
    ///   (a division by zero). `has(request.headers.name)` asks whether there is one.
    /// - `BAD_ARGUMENT`: the context is not the one whose callback runs.
    /// - `SERIALIZATION_FAILURE`: the value has no encoding, as `null`, types and groups (`request`) have none.
    /// - `RESULT_MISMATCH`: the value is not of this type.
    /// - `NOT_FOUND`: it belongs to another root.
    pub fn evaluate<T: FromProperty>(&self, context: &Context) -> Result<T, ForeignError> {
        if !context.sys.runs_context(context.id()) {
            return Err(ForeignError { function: "expr_evaluate".into(), status: Status::BadArgument });
        }
        let value = context.call_foreign_function("expr_evaluate", self.token)?;
        T::from_property(value).map_err(|_| ForeignError { function: "expr_evaluate".into(), status: Status::ResultMismatch })
    }

    /// Whether the expression is true for the stream whose callback runs.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn is_true(&self, context: &Context) -> Result<bool, ForeignError> {
        self.evaluate(context)
    }
}

impl Drop for Expression {
    fn drop(&mut self) {
        if self.sys.has_host() {
            // One that the proxy has forgotten is none the less gone (FOR-7).
            let _ = self.sys.proxy_call_foreign_function(b"expr_delete", &self.token);
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&u32::from_le_bytes(self.token)).finish()
    }
}
