//! What a filter's hostcalls reach of the stream, and when: which maps and buffers are there in which phase.

use super::{HttpStream, Side, no_trailers};
use crate::host::buffer;
use crate::host::header_map::HeaderMap;
use proxy_filter_abi::{MapType, Status};

impl HttpStream {
    /// A map to be read. Outside its phase: `BadArgument`; in `on_log`: `NotFound` (HDR-1).
    pub(crate) fn map(&self, filter: usize, map: MapType) -> Result<&HeaderMap, Status> {
        if self.log_phase {
            return match map {
                MapType::HttpRequestHeaders => self.request.headers.as_ref(),
                MapType::HttpRequestTrailers if self.by_spec => self.request.trailers.as_ref(),
                MapType::HttpResponseHeaders => self.response.headers.as_ref(),
                MapType::HttpResponseTrailers => self.response.trailers.as_ref(),
                _ => None,
            }
            .ok_or(Status::NotFound);
        }
        let filter = &self.filters[filter];
        match map {
            MapType::HttpRequestHeaders if filter.request.headers_here => self.request.headers.as_ref(),
            MapType::HttpRequestTrailers if filter.request.trailers_here => self.request.trailers.as_ref(),
            MapType::HttpResponseHeaders if filter.response.headers_here => self.response.headers.as_ref(),
            MapType::HttpResponseTrailers if filter.response.trailers_here => self.response.trailers.as_ref(),
            _ => None,
        }
        .ok_or(Status::BadArgument)
    }

    /// A map to be changed. Trailers come to be when they are first edited in the last body callback.
    pub(crate) fn map_mut(&mut self, filter: usize, map: MapType) -> Result<&mut HeaderMap, Status> {
        if self.log_phase {
            return Err(Status::BadArgument);
        }
        if let Some(side) = trailers_of(map) {
            let state = self.filters[filter].side(side);
            if state.ended && state.chunk_here && self.half(side).trailers.is_none() {
                self.half(side).trailers = Some(no_trailers(side));
                self.filters[filter].side(side).trailers_here = true;
            }
        }
        self.map(filter, map)?;
        match map {
            MapType::HttpRequestHeaders => self.request.headers.as_mut(),
            MapType::HttpRequestTrailers => self.request.trailers.as_mut(),
            MapType::HttpResponseHeaders => self.response.headers.as_mut(),
            MapType::HttpResponseTrailers => self.response.trailers.as_mut(),
            _ => None,
        }
        .ok_or(Status::BadArgument)
    }

    /// BUF-4, BUF-15: the chunk, or all that is held where the last callback asked to buffer; nothing where there is none.
    pub(crate) fn body(&self, filter: usize, side: Side) -> &[u8] {
        let (half, state) = match side {
            Side::Request => (&self.request, &self.filters[filter].request),
            Side::Response => (&self.response, &self.filters[filter].response),
        };
        let bytes = if state.buffering { &half.held } else { &half.chunk };
        if state.chunk_here || state.buffering { bytes.as_deref().unwrap_or_default() } else { &[] }
    }

    /// Whether there is a body buffer to be reached.
    pub(crate) fn has_body(&self, filter: usize, side: Side) -> bool {
        let state = match side {
            Side::Request => &self.filters[filter].request,
            Side::Response => &self.filters[filter].response,
        };
        state.chunk_here || state.buffering
    }

    /// BUF-9 to BUF-17.
    pub(crate) fn set_body(&mut self, filter: usize, side: Side, start: u32, size: u32, value: &[u8]) -> Result<(), Status> {
        let by_spec = self.by_spec;
        let state = self.filters[filter].side(side);
        let (here, buffering) = (state.chunk_here, state.buffering);
        let half = self.half(side);
        match if buffering { &mut half.held } else { &mut half.chunk } {
            Some(bytes) if (here || buffering) && by_spec => {
                buffer::splice(bytes, start, size, value);
                Ok(())
            }
            Some(bytes) if here || buffering => buffer::set(bytes, start, size, value),
            _ if by_spec => Err(Status::NotFound),
            _ => Err(Status::BadArgument),
        }
    }
}

fn trailers_of(map: MapType) -> Option<Side> {
    match map {
        MapType::HttpRequestTrailers => Some(Side::Request),
        MapType::HttpResponseTrailers => Some(Side::Response),
        _ => None,
    }
}
