//! The hostcalls that only ABI 0.1.0 has, in terms of today's.

use crate::host::VmHost;
use proxy_filter_abi::{BufferType, Host, Status, StreamType};

pub(super) fn proxy_continue_request(host: &VmHost) -> Result<(), Status> {
    host.proxy_continue_stream(StreamType::HttpRequest)
}

pub(super) fn proxy_continue_response(host: &VmHost) -> Result<(), Status> {
    host.proxy_continue_stream(StreamType::HttpResponse)
}

/// FOR-13: the route is chosen again; the mock proxy has a single one.
pub(super) fn proxy_clear_route_cache(_host: &VmHost) -> Result<(), Status> {
    Ok(())
}

/// BUF-7: the plugin's configuration is there inside `proxy_on_configure` only.
pub(super) fn proxy_get_configuration(host: &VmHost) -> Result<Vec<u8>, Status> {
    let whole = |buffer| host.proxy_get_buffer_bytes(buffer, 0, u32::MAX);
    whole(BufferType::PluginConfiguration).or_else(|_| whole(BufferType::VmConfiguration))
}
