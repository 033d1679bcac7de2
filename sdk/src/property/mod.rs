//! What the proxy knows of streams, peers and its configuration: typed names of all of Envoy's attributes.
//!
//! A [`Property`] has the type of its value and the place where it exists. [`Properties::property`] reads it from a handle that sees
//! such a place; from another it does not compile. `None` is a property that exists there and has no value now: no `referer`, no TLS,
//! no upstream because the stream was answered locally.
//!
//! ```
//! use proxy_filter::prelude::*;
//! use proxy_filter::property;
//!
//! struct Audit;
//! impl HttpContext for Audit {
//!     fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
//!         let code = http.property(property::RESPONSE_CODE)?.unwrap_or_default();
//!         let took = http.property(property::REQUEST_DURATION)?.unwrap_or_default();
//!         let route = http.property(property::XDS_ROUTE_NAME)?.unwrap_or_default();
//!         http.log(LogLevel::Info, format!("{route}: {code} in {} ms", took.as_millis()))?;
//!         Ok(())
//!     }
//! }
//! ```
//!
//! The same in a response callback does not compile where the request is what is asked for:
//!
//! ```compile_fail
//! # use proxy_filter::prelude::*;
//! # use proxy_filter::property;
//! # struct Audit;
//! # impl HttpContext for Audit {
//! fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
//!     let path = http.property(property::REQUEST_PATH)?; // it exists only `InRequest`
//! #     Ok(HeadersAction::Continue)
//! }
//! # }
//! ```
//!
//! # Where a property exists
//!
//! | place | handles that see it |
//! |---|---|
//! | [`Anywhere`] | all, those of roots too |
//! | [`InStream`] | all of a stream, HTTP or TCP; [`AccessLog`](crate::AccessLog) |
//! | [`InHttp`] | all of an HTTP stream; `AccessLog` |
//! | [`InRequest`] | `RequestHeaders`, what is held of the request, `Log`, `AccessLog`. In `RequestBody` and `RequestTrailers` it is there only if the headers are held (PRO-20) |
//! | [`WithUpstream`] | all of an HTTP stream after `RequestHeaders`, all of a TCP connection after `NewConnection`, `AccessLog`: once an upstream is chosen |
//! | [`InResponse`] | those of the response, `Log`, `AccessLog` |
//! | [`AtEnd`] | `Log`, `AccessLog` |
//!
//! # What has no name here
//!
//! Metadata, filter state and what other proxies know is read by its path: [`Context::property_at`](crate::Context::property_at) with a
//! type, [`Context::property_bytes`](crate::Context::property_bytes) raw. A property of your own gets a type by [`Property::new`]; it is
//! set by `set_property` of the stream.
//!
//! ```
//! use proxy_filter::prelude::*;
//! use proxy_filter::property::{InStream, Property};
//!
//! /// Found out by the request, needed by the log: set by one filter, read by all.
//! const TENANT: Property<String, InStream> = Property::new("tenant");
//!
//! struct Tenant;
//! impl HttpContext for Tenant {
//!     fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
//!         let host = http.authority()?.or_reply(|| LocalReply::new(400))?;
//!         http.set_property("tenant", &host)?;
//!         // Dynamic metadata that a filter before this one has set; numbers in it are `f64`.
//!         let weight: Option<f64> = http.property_at(&["metadata", "filter_metadata", "acme.auth", "weight"])?;
//! #       let _ = weight;
//!         Ok(HeadersAction::Continue)
//!     }
//!
//!     fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
//!         http.headers().set("x-tenant", http.property(TENANT)?.unwrap_or_default())?;
//!         Ok(HeadersAction::Continue)
//!     }
//! }
//! ```

mod error;
mod raw;
mod value;
mod well_known;
mod when;

pub use error::{PropertyError, SetPropertyError};
pub use value::{FromProperty, WrongShape};
pub use well_known::*;
pub use when::{Anywhere, AtEnd, Handle, InHttp, InRequest, InResponse, InStream, Sees, WithUpstream};

use core::marker::PhantomData;

/// A property's name, with the type of its value and where it exists.
pub struct Property<T, W = Anywhere> {
    path: &'static str,
    value: PhantomData<fn() -> (T, W)>,
}

impl<T, W> Property<T, W> {
    /// A property of this path, whose parts are separated by `\0`: `"acme\0region"`.
    ///
    /// What `set_property` sets has one part (PRO-13).
    pub const fn new(path: &'static str) -> Self {
        Self { path, value: PhantomData }
    }
}

impl<T, W> Clone for Property<T, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, W> Copy for Property<T, W> {}

impl<T, W> core::fmt::Debug for Property<T, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Property").field(&self.path).finish()
    }
}

/// Reading properties by their typed names; every handle has it, with those that it [`Sees`].
pub trait Properties: Handle {
    /// Reads a property; `None` where it has no value now.
    ///
    /// # Errors
    /// [`PropertyError::WrongShape`] when the proxy's value is none of this type; [`PropertyError::Host`] when the host refuses: Envoy does
    /// so for what has a null in it (PRO-35).
    fn property<T: FromProperty, W>(&self, property: Property<T, W>) -> Result<Option<T>, PropertyError>
    where
        Self: Sees<W>,
    {
        raw::read(self.context(), property.path.as_bytes())
    }
}

impl<H: Handle> Properties for H {}
