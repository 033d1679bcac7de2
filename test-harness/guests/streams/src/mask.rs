//! Replaces the word `secret` in a body by `***`, wherever the chunks cut it. A chunk that ends within the word is kept until more
//! comes; where trailers come instead, it is still here.

use proxy_filter::prelude::*;

pub(crate) struct Mask;

impl RootContext for Mask {
    type Config = ();

    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl HttpPlugin for Mask {
    type Http = Stream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
        Stream
    }
}

pub(crate) struct Stream;

const WORD: &[u8] = b"secret";

/// Whether the word may go on in the next chunk.
fn ends_within(bytes: &[u8]) -> bool {
    (1..WORD.len()).any(|cut| bytes.ends_with(WORD.get(..cut).unwrap_or_default()))
}

/// Masks a chunk, or says that it waits for the next.
fn chunk(body: &Body<'_>, end_of_stream: bool) -> Result<DataAction, Error> {
    let bytes = body.bytes()?;
    if !end_of_stream && ends_within(&bytes) {
        return Ok(DataAction::Buffer);
    }
    mask(body, &bytes)?;
    Ok(DataAction::Continue)
}

/// Masks what is here.
fn mask(body: &Body<'_>, bytes: &[u8]) -> Result<(), Error> {
    let mut masked = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(WORD) {
            masked.extend_from_slice(b"***");
            rest = after;
        } else {
            masked.push(*first);
            rest = after;
        }
    }
    if masked != bytes {
        body.replace(masked)?;
    }
    Ok(())
}

impl HttpContext for Stream {
    fn request_body_policy(&self) -> BodyPolicy {
        BodyPolicy::Rewrite
    }

    fn on_request_body(&mut self, http: RequestBody<'_>) -> Result<DataAction> {
        Ok(chunk(&http.body(), http.end_of_stream())?)
    }

    fn on_request_trailers(&mut self, http: RequestTrailers<'_>) -> Result<TrailersAction> {
        if let Some(body) = http.held_body() {
            mask(&body, &body.bytes()?)?;
        }
        Ok(TrailersAction::Continue)
    }

    fn response_body_policy(&self) -> BodyPolicy {
        BodyPolicy::Rewrite
    }

    fn on_response_body(&mut self, http: ResponseBody<'_>) -> Result<DataAction, Failure> {
        Ok(chunk(&http.body(), http.end_of_stream())?)
    }

    fn on_response_trailers(&mut self, http: ResponseTrailers<'_>) -> Result<TrailersAction, Failure> {
        if let Some(body) = http.held_body() {
            mask(&body, &body.bytes()?)?;
        }
        Ok(TrailersAction::Continue)
    }
}
