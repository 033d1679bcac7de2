//! What a filter's hostcalls reach of the connection: its buffers, and the properties that it has so far.

use super::{Side, TcpStream};
use crate::host::buffer;
use crate::host::http_stream::property::{self, GROUPS};
use proxy_filter_abi::{Status, path};

impl TcpStream {
    /// What is here of a side's bytes: in its callback, and as long as the filter keeps them; otherwise nothing (TCP-12).
    pub(crate) fn data(&self, filter: usize, side: Side) -> &[u8] {
        let state = &self.filters[filter];
        match side {
            Side::Downstream if state.downstream_here => &self.downstream.buffer,
            Side::Upstream if state.upstream_here => &self.upstream.buffer,
            _ => &[],
        }
    }

    /// BUF-9 to BUF-13.
    pub(crate) fn set_data(&mut self, filter: usize, side: Side, start: u32, size: u32, value: &[u8]) -> Result<(), Status> {
        if !*self.filters[filter].here(side) {
            return Err(Status::BadArgument);
        }
        buffer::set(&mut self.half(side).buffer, start, size, value)
    }

    /// `proxy_get_property`: a connection has no request and no response.
    pub(crate) fn property(&self, path: &[u8]) -> Result<Vec<u8>, Status> {
        let parts: Vec<&[u8]> = path::parts(path).collect();
        match parts.as_slice() {
            // PRO-4: a whole group cannot be serialised.
            [group] if GROUPS.contains(group) && *group != b"metadata" => Err(Status::SerializationFailure),
            [b"request" | b"response", ..] => Err(Status::NotFound),
            parts => property::of_filter_state(&self.filter_state, parts),
        }
    }

    /// `proxy_set_property`: any path is kept, also one that can never be read (PRO-13).
    pub(crate) fn set_property(&mut self, path: &[u8], value: &[u8]) {
        self.filter_state.insert(property::wasm_key(path), value.to_vec());
    }

    /// Sets an object of the filter state, by what it reads as, if it can be read (FOR-11).
    pub(crate) fn set_filter_state(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.filter_state.insert(key.to_vec(), value),
            None => self.filter_state.remove(key),
        };
    }
}
