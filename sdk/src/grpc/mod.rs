//! gRPC of the plugin to a cluster of the proxy: unary calls, and streams.

mod call;
mod error;
mod stream;
mod unary;

pub use call::GrpcCall;
pub use error::GrpcError;
pub use stream::GrpcStream;
pub(crate) use stream::{Hooks as StreamHooks, Streams};
pub use unary::Unary;
pub(crate) use unary::{Calls, Hooks};

use crate::{HeaderMap, sys::Sys};
use proxy_filter_abi::MapType;

/// What the host says of a call or stream.
#[derive(Clone, Copy)]
pub(crate) enum Said {
    /// Initial metadata of so many entries.
    Initial(u32),
    /// A message of so many bytes.
    Message(u32),
    /// Trailing metadata of so many entries.
    Trailing(u32),
    /// The end, with this status.
    Close(u32),
}

impl Said {
    fn callback(self) -> &'static str {
        match self {
            Self::Initial(_) => "proxy_on_grpc_receive_initial_metadata",
            Self::Message(_) => "proxy_on_grpc_receive",
            Self::Trailing(_) => "proxy_on_grpc_receive_trailing_metadata",
            Self::Close(_) => "proxy_on_grpc_close",
        }
    }
}

impl Sys {
    /// Something has come of a call or a stream: nothing in a module that makes none.
    #[inline]
    pub(crate) fn grpc_said(&self, token: u32, said: Said) {
        let (calls, streams) = (self.grpc_hooks(), self.grpc_stream_hooks());
        if let Some(hooks) = calls {
            if (hooks.said)(self, token, said) {
                return;
            }
        }
        if let Some(hooks) = streams {
            if (hooks.said)(self, token, said) {
                return;
            }
        }
        // One that was cancelled, or one that nobody was given: Envoy closes what it has refused to begin (GRP-17).
        if calls.is_some() {
            self.grpc_calls().stray(self, said.callback(), token);
        } else if streams.is_some() {
            self.grpc_streams().stray(self, said.callback(), token);
        }
    }
}

/// The metadata whose callback runs; empty where it cannot be read.
fn metadata(sys: &Sys, entries: u32, map: MapType) -> HeaderMap {
    let pairs = if entries == 0 { None } else { sys.proxy_get_header_map_pairs(map).ok() };
    HeaderMap::readable(pairs.unwrap_or_default())
}
