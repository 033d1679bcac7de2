//! What a filter's hostcalls reach of the connection: its buffers, and its filter state.

use super::{Side, TcpStream};
use crate::host::buffer;
use proxy_filter_abi::Status;

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

    /// Sets an object of the filter state, by what it reads as, if it can be read (FOR-11).
    pub(crate) fn set_filter_state(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.filter_state.insert(key.to_vec(), value),
            None => self.filter_state.remove(key),
        };
    }

    /// What filters have put into the filter state under this key.
    pub(crate) fn filter_state_of(&self, key: &[u8]) -> Option<&[u8]> {
        self.filter_state.get(key).map(Vec::as_slice)
    }
}
