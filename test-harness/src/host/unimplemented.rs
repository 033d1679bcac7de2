//! The hostcalls whose meaning is still to come: linked, traced, and answered with `UNIMPLEMENTED`.
//!
//! This is the one list of them; `proxy-filter hostcalls` prints it.

macro_rules! table {
    ($($name:ident($($argument:ident: $ty:ty),*) -> $result:ty;)*) => {
        /// The names of these hostcalls.
        pub(crate) const UNIMPLEMENTED: &[&str] = &[$(stringify!($name)),*];

        /// Their methods, inside `impl Host`.
        macro_rules! hostcalls {
            () => {
                $(fn $name(&self, $($argument: $ty),*) -> Answer<$result> {
                    let _ = ($($argument),*);
                    Err(Status::Unimplemented)
                })*
            };
        }
        pub(crate) use hostcalls;
    };
}

table! {
    proxy_grpc_call(upstream: &[u8], service: &[u8], method: &[u8], initial_metadata: &[u8], message: &[u8], timeout: u32) -> u32;
    proxy_grpc_stream(upstream: &[u8], service: &[u8], method: &[u8], initial_metadata: &[u8]) -> u32;
    proxy_grpc_send(stream_id: u32, message: &[u8], end_stream: u32) -> ();
    proxy_grpc_cancel(call_id: u32) -> ();
    proxy_grpc_close(call_id: u32) -> ();
}
