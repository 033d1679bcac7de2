//! What a callout has brought, for the time of its callback: it is read through the root, whichever stream is effective (CTX-8).

use super::{HeaderMap, VmHost};
use proxy_filter_abi::{BufferType, Callback, MapType, Status};

/// What the callback that runs may read.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    root: u32,
    maps: Vec<(MapType, HeaderMap)>,
    body: Option<(BufferType, Vec<u8>)>,
}

impl Arrived {
    /// Nothing, for this root.
    pub(crate) fn nothing(root: u32) -> Self {
        Self { root, ..Self::default() }
    }

    pub(crate) fn map(mut self, kind: MapType, map: HeaderMap) -> Self {
        self.maps.push((kind, map));
        self
    }

    /// HDR-35: trailers, which are there only if some came.
    pub(crate) fn trailers(self, kind: MapType, map: HeaderMap) -> Self {
        if map.len() > 0 { self.map(kind, map) } else { self }
    }

    pub(crate) fn body(mut self, kind: BufferType, body: Vec<u8>) -> Self {
        self.body = Some((kind, body));
        self
    }
}

impl VmHost {
    /// Makes a callback in which this can be read, by the given call.
    pub(crate) fn with_arrived(&self, arrived: Arrived, callback: Callback, call: impl FnOnce(Callback)) {
        self.arrived.replace(Some(arrived));
        call(callback);
        self.arrived.replace(None);
    }

    /// A map of the callout whose callback runs; `None` where it has none of this kind, or where another root asks.
    pub(super) fn arrived_map<R>(&self, kind: MapType, f: impl FnOnce(&HeaderMap) -> R) -> Option<R> {
        let root = self.root()?.id;
        let arrived = self.arrived.borrow();
        let of_root = arrived.as_ref().filter(|arrived| arrived.root == root)?;
        of_root.maps.iter().find(|(other, _)| *other == kind).map(|(_, map)| f(map))
    }

    /// The gRPC message whose callback runs; empty where there is none.
    pub(super) fn arrived_message<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        let message = self.arrived_body(BufferType::GrpcCallMessage, <[u8]>::to_vec);
        f(&message.unwrap_or_default())
    }

    /// The same, to be changed.
    pub(super) fn edit_arrived_message<R>(&self, f: impl FnOnce(&mut Vec<u8>) -> Result<R, Status>) -> Result<R, Status> {
        let root = self.root().map(|root| root.id);
        let mut arrived = self.arrived.borrow_mut();
        match arrived.as_mut() {
            Some(Arrived { root: of, body: Some((BufferType::GrpcCallMessage, message)), .. }) if Some(*of) == root => f(message),
            _ => Err(Status::BadArgument),
        }
    }

    /// The body or message of the callout whose callback runs.
    pub(super) fn arrived_body<R>(&self, kind: BufferType, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let root = self.root()?.id;
        let arrived = self.arrived.borrow();
        let of_root = arrived.as_ref().filter(|arrived| arrived.root == root)?;
        of_root.body.as_ref().filter(|(other, _)| *other == kind).map(|(_, body)| f(body))
    }
}
