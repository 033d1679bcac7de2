use crate::{Context, Error, Status};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use proxy_filter_abi::{MapType, Pairs, pairs};

/// A map that can be changed: see [`Headers`].
#[derive(Debug)]
pub struct Editable(());

/// A map that can only be read: see [`Headers`].
#[derive(Debug)]
pub struct ReadOnly(());

/// The headers or trailers of a message, in the proxy: every method is a hostcall and sees what earlier ones did.
///
/// Names and values are bytes, since HTTP says so and clients do as they like. Names are case-insensitive and lower-cased by
/// the proxy; pseudo-headers (`:method`, `:path`, `:authority`, `:status`, …) are headers here; `host` means `:authority` (HDR-6).
///
/// # Errors
/// A method of a map that the host does not give in this phase answers [`Status::BadArgument`]. Envoy gives each map from its own
/// callback until the message goes on, and all of them to be read in `on_log`; that is when the SDK has handles for them.
///
/// ```
/// use proxy_filter::prelude::*;
/// fn route(http: &RequestHeaders<'_>) -> Result<()> {
///     let headers = http.headers();
///     if headers.get("x-canary")?.is_some_and(|value| value == "yes") {
///         headers.set(":path", "/canary")?;
///         headers.remove("x-canary")?;
///     }
///     for (name, value) in &headers.all()? {
///         assert!(!name.is_empty() && value.len() < 8192);
///     }
///     Ok(())
/// }
/// ```
pub struct Headers<'a, A = Editable> {
    context: &'a Context,
    map: MapType,
    access: PhantomData<A>,
}

impl<'a, A> Headers<'a, A> {
    pub(crate) fn new(context: &'a Context, map: MapType) -> Self {
        Self { context, map, access: PhantomData }
    }

    /// The first value of a header; `None` where there is no such header, which differs from an empty value.
    ///
    /// Envoy joins several values of the headers that it holds inline (`accept`, `content-type`, …) with a comma (HDR-10); of
    /// others only the first is given (HDR-9): see [`all`](Self::all).
    ///
    /// # Errors
    /// As said on [`Headers`].
    pub fn get(&self, name: impl AsRef<[u8]>) -> Result<Option<Value>, Error> {
        match self.context.host()?.proxy_get_header_map_value(self.map, name.as_ref()) {
            Ok(bytes) => Ok(Some(Value(bytes))),
            Err(Error { status: Status::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All headers in their order, in one buffer.
    ///
    /// # Errors
    /// As said on [`Headers`]; [`Status::ParseFailure`] when what the host gave is not a header map.
    pub fn all(&self) -> Result<HeaderMap, Error> {
        let wire = self.context.host()?.proxy_get_header_map_pairs(self.map)?;
        HeaderMap::parse(wire)
    }
}

impl Headers<'_, Editable> {
    /// Adds a value, keeping those that are there. Envoy joins the values of an inline header with a comma (HDR-12).
    ///
    /// # Errors
    /// As said on [`Headers`].
    pub fn add(&self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.context.host()?.proxy_add_header_map_value(self.map, name.as_ref(), value.as_ref())
    }

    /// Replaces all values of a header by this one; it then stands at the end (HDR-13).
    ///
    /// # Errors
    /// As said on [`Headers`].
    pub fn set(&self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.context.host()?.proxy_replace_header_map_value(self.map, name.as_ref(), value.as_ref())
    }

    /// Removes all values of a header; that there is none is no error.
    ///
    /// # Errors
    /// As said on [`Headers`].
    pub fn remove(&self, name: impl AsRef<[u8]>) -> Result<(), Error> {
        self.context.host()?.proxy_remove_header_map_value(self.map, name.as_ref())
    }

    /// The sum of the lengths of all names and values (HDR-3): what a limit on header sizes counts.
    ///
    /// # Errors
    /// As said on [`Headers`].
    pub fn size(&self) -> Result<usize, Error> {
        self.context.host()?.proxy_get_header_map_size(self.map).map(|size| usize::try_from(size).unwrap_or(usize::MAX))
    }

    /// Replaces the whole map. Of a request, keep the pseudo-headers and `x-forwarded-proto`: without them Envoy answers 404 or
    /// 503 (HDR-16, HDR-17).
    ///
    /// # Errors
    /// As said on [`Headers`].
    pub fn set_all<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        headers: impl IntoIterator<Item = (K, V), IntoIter: Clone>,
    ) -> Result<(), Error> {
        self.context.host()?.proxy_set_header_map_pairs(self.map, &pairs::encode(headers))
    }
}

impl<A> fmt::Debug for Headers<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Headers").field(&self.map).finish()
    }
}

/// The value of a header: bytes, which derefs to `[u8]`, compares with text, and can be had as `&str`.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Vec<u8>);

impl Value {
    /// The value as text.
    ///
    /// # Errors
    /// [`NotUtf8`]: clients can send any byte from 0x80 up.
    pub fn to_str(&self) -> Result<&str, NotUtf8> {
        core::str::from_utf8(&self.0).map_err(|_| NotUtf8(()))
    }

    #[cfg(test)]
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Value {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, text: &str) -> bool {
        self.0 == text.as_bytes()
    }
}

impl PartialEq<&str> for Value {
    fn eq(&self, text: &&str) -> bool {
        self.0 == text.as_bytes()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// A header's value is not UTF-8 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8(());

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header's value is not UTF-8 text")
    }
}

impl core::error::Error for NotUtf8 {}

/// A copy of all headers of a message: one buffer as the proxy wrote it, read in place.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderMap {
    wire: Vec<u8>,
    len: usize,
}

impl HeaderMap {
    pub(crate) fn parse(wire: Vec<u8>) -> Result<Self, Error> {
        match Pairs::parse(&wire) {
            Ok(pairs) => Ok(Self { len: pairs.len(), wire }),
            Err(_) => Err(Error { hostcall: "proxy_get_header_map_pairs", status: Status::ParseFailure }),
        }
    }

    /// What the host gave, as far as it can be read.
    pub(crate) fn readable(wire: Vec<u8>) -> Self {
        Self { len: Pairs::parsed(&wire).len(), wire }
    }

    /// The first value of a header, whose name is given in lower case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value)
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The headers in their order, as name and value.
    pub fn iter(&self) -> pairs::Iter<'_> {
        Pairs::parsed(&self.wire).iter()
    }

    /// All values of a header, whose name is given in lower case.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(key, _)| *key == name.as_bytes()).map(|(_, value)| value)
    }
}

impl<'a> IntoIterator for &'a HeaderMap {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = pairs::Iter<'a>;
    fn into_iter(self) -> pairs::Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Pairs::parsed(&self.wire), f)
    }
}
