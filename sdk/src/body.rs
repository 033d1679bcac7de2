use crate::{Context, Error};
use alloc::vec::Vec;
use proxy_filter_abi::BufferType;

/// A message's body as far as it is here now, in the proxy: the chunk that came, or, where earlier callbacks answered
/// [`DataAction::Buffer`](crate::DataAction::Buffer), all that was kept and the chunk at its end (BUF-15). Of a TCP connection: the
/// bytes that came and those that were kept before them ([`StreamAction::Buffer`](crate::StreamAction::Buffer)).
///
/// The body of an HTTP message whose length changes needs its `content-length` removed or corrected while the headers are still here: Envoy does not
/// adjust it (HDR-25).
///
/// ```
/// use proxy_filter::prelude::*;
/// struct Footer;
/// impl HttpContext for Footer {
///     fn on_response_headers(&mut self, http: ResponseHeaders<'_>) -> Result<HeadersAction> {
///         http.headers().remove("content-length")?;
///         Ok(HeadersAction::Continue)
///     }
///     fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
///         if http.end_of_stream() {
///             http.body().append("-- served with care\n")?;
///         }
///         Ok(DataAction::Continue)
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Body<'a> {
    context: &'a Context,
    buffer: BufferType,
}

impl<'a> Body<'a> {
    pub(crate) fn new(context: &'a Context, buffer: BufferType) -> Self {
        Self { context, buffer }
    }

    /// How many bytes are here.
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn len(&self) -> Result<usize, Error> {
        self.status().map(|(length, _flags)| length)
    }

    /// How many bytes are here, and the host's flags for them; Envoy's are always 0 (BUF-8).
    ///
    /// # Errors
    /// As [`len`](Self::len).
    pub fn status(&self) -> Result<(usize, u32), Error> {
        let (length, flags) = self.context.host()?.proxy_get_buffer_status(self.buffer)?;
        Ok((usize::try_from(length).unwrap_or(usize::MAX), flags))
    }

    /// Whether no bytes are here.
    ///
    /// # Errors
    /// As [`len`](Self::len).
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.len().map(|len| len == 0)
    }

    /// A copy of the bytes that are here.
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        self.bytes_from(0, usize::MAX)
    }

    /// A copy of at most `count` bytes from the one at `start`; fewer or none where the body ends before (BUF-1).
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn bytes_from(&self, start: usize, count: usize) -> Result<Vec<u8>, Error> {
        let (start, count) = (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(count).unwrap_or(u32::MAX));
        self.context.host()?.proxy_get_buffer_bytes(self.buffer, start, count)
    }

    /// Replaces the first `count` bytes, or all where there are fewer (BUF-10). In the middle of a body nothing can be put (BUF-12).
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn replace_first(&self, count: usize, data: impl AsRef<[u8]>) -> Result<(), Error> {
        self.context.host()?.proxy_set_buffer_bytes(self.buffer, 0, u32::try_from(count).unwrap_or(u32::MAX), data.as_ref())
    }

    /// Replaces all the bytes that are here.
    ///
    /// # Errors
    /// [`Status::BadArgument`](crate::Status::BadArgument) where the host gives no such buffer now (BUF-13).
    pub fn replace(&self, data: impl AsRef<[u8]>) -> Result<(), Error> {
        self.context.host()?.proxy_set_buffer_bytes(self.buffer, 0, u32::MAX, data.as_ref())
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn append(&self, data: impl AsRef<[u8]>) -> Result<(), Error> {
        self.context.host()?.proxy_set_buffer_bytes(self.buffer, u32::MAX, 0, data.as_ref())
    }

    /// Adds bytes at the front.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn prepend(&self, data: impl AsRef<[u8]>) -> Result<(), Error> {
        self.context.host()?.proxy_set_buffer_bytes(self.buffer, 0, 0, data.as_ref())
    }

    /// Removes the first `count` bytes, or all where there are fewer.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn drain(&self, count: usize) -> Result<(), Error> {
        self.context.host()?.proxy_set_buffer_bytes(self.buffer, 0, u32::try_from(count).unwrap_or(u32::MAX), &[])
    }
}
