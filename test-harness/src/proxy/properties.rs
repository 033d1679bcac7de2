//! What a test says of properties, and what it finds of them.

use super::MockProxy;
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::host::property::{PropertyPath, PropertyValue};
use crate::open_stream::OpenStream;
use bytes::Bytes;

impl MockProxy {
    /// Says what a property is from now on, in all streams; [`OpenStream::set_property`] does so in one.
    ///
    /// Most of Envoy's attributes come from the exchange by themselves, such as `request.path` or `response.code`; what a test says of
    /// one stands before that. It does not change *when* there is such a property: `upstream.address` is `NOT_FOUND` before an upstream
    /// is chosen, as in Envoy, whatever its value will be. What Envoy has no name for is there in every callback, those of roots too.
    ///
    /// - Peers: `source.address`, `source.port`, `upstream.address`, …
    /// - TLS, of which there is nothing by itself: `connection.requested_server_name`, `connection.uri_san_peer_certificate`, …
    /// - The configuration: `xds.route_name`, `xds.route_metadata.filter_metadata.NAMESPACE`, `xds.node.metadata`, …
    /// - Dynamic metadata that another filter would have set: `metadata.filter_metadata.NAMESPACE.KEY`.
    /// - Filter state that another filter would have set: `["filter_state", "KEY"]`.
    /// - [`PropertyValue::Absent`]: it is not there, as in an older proxy.
    ///
    /// ```
    /// # mod route {
    /// #     use proxy_filter::prelude::*;
    /// #     pub struct Route;
    /// #     impl RootContext for Route { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
    /// #     impl HttpPlugin for Route { type Http = Stream; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> Stream { Stream } }
    /// #     pub struct Stream;
    /// #     impl HttpContext for Stream {
    /// #         fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
    /// #             let tier = http.property_bytes(&["xds", "route_metadata", "filter_metadata", "shop", "tier"])?;
    /// #             http.headers().set("x-tier", tier.unwrap_or_default())?;
    /// #             http.headers().set("x-from", http.property_bytes(&["upstream", "address"])?.unwrap_or_default())?;
    /// #             Ok(HeadersAction::Continue)
    /// #         }
    /// #     }
    /// #     proxy_filter::register! { "route" => http Route }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use proxy_filter_test::{MockProxy, Plugin};
    /// use serde_json::json;
    ///
    /// // A filter that tells the route's tier, and which upstream answered.
    /// let proxy = MockProxy::new(Plugin::native(&route::PLUGINS, "route"))?;
    /// proxy.set_property("xds.route_metadata.filter_metadata.shop", json!({ "tier": "gold" }));
    /// proxy.set_property("upstream.address", "10.0.0.7:8080");
    ///
    /// let exchange = proxy.send(http::Request::get("http://shop.example/").body("")?);
    /// assert_eq!(exchange.response().headers()["x-tier"], "gold");
    /// assert_eq!(exchange.response().headers()["x-from"], "10.0.0.7:8080");
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When no filter could ever read it: Envoy has no such attribute in that group, the path goes into a plain value, or it is set
    /// elsewhere (`plugin_name` by [`Plugin::name`](crate::Plugin::name)).
    #[track_caller]
    pub fn set_property(&self, path: impl PropertyPath, value: impl Into<PropertyValue>) -> &Self {
        self.state.told.borrow_mut().set(path, value.into());
        self
    }
}

impl OpenStream<'_> {
    /// Says what a property is from now on, in this stream; as [`MockProxy::set_property`], before which it stands.
    ///
    /// # Panics
    /// As [`MockProxy::set_property`].
    #[track_caller]
    pub fn set_property(&mut self, path: impl PropertyPath, value: impl Into<PropertyValue>) -> &mut Self {
        self.with_told(|told| told.set(path, value.into()));
        self
    }
}

impl Connection<'_> {
    /// Says what a property is from now on, in this connection; as [`MockProxy::set_property`], before which it stands, and which is the
    /// way for what `on_new_connection` reads.
    ///
    /// # Panics
    /// As [`MockProxy::set_property`].
    #[track_caller]
    pub fn set_property(&self, path: impl PropertyPath, value: impl Into<PropertyValue>) -> &Self {
        self.with_told(|told| told.set(path, value.into()));
        self
    }

    /// What filters have put into the filter state under this key: what was set as the property `tenant` stands under `wasm.tenant`
    /// (PRO-10).
    pub fn filter_state(&self, key: impl AsRef<[u8]>) -> Option<Bytes> {
        self.with(|stream| stream.filter_state_of(key.as_ref()).map(Bytes::copy_from_slice))
    }
}

impl Exchange {
    /// What filters have put into the filter state under this key: what was set as the property `tenant` stands under `wasm.tenant`
    /// (PRO-10).
    pub fn filter_state(&self, key: impl AsRef<[u8]>) -> Option<Bytes> {
        self.with(|stream| stream.filter_state_of(key.as_ref()).map(Bytes::copy_from_slice))
    }
}
