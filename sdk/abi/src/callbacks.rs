//! The table of callbacks, and what is made from it here: [`Exports`], [`Callback`] and [`CALLBACKS`].

use crate::AbiVersion;
use core::fmt;

/// Hands every callback of ABI v0.2.1 to the macro named `$with`, in the order of a plugin's life.
///
/// A row is `#[doc = …]* since V0_2_1 fn proxy_on_name(context_id, argument, …) -> Kind;`. Everything crosses as `i32`. `Kind`
/// says what is returned and what a missing export means: `Action` (0, continue), `Bool` (1, true) or `Nothing`.
#[macro_export]
macro_rules! for_each_callback {
    ($with:path) => {
        $with! {
            /// A context begins: a root context when `parent_id` is 0, otherwise a stream of that root.
            ///
            /// Called once for each context, before any other callback of it; for an HTTP stream right before its request headers
            /// (CTX-2). Ids start at 1, are shared by roots and streams and not reused while alive (CTX-1).
            since V0_1_0 fn proxy_on_context_create(context_id, parent_id) -> Nothing;

            /// The VM starts; its configuration can be read as buffer `VM_CONFIGURATION`. False stops the plugin from loading.
            ///
            /// Called once for each plugin of the VM, with that plugin's root (LIF-9, LIF-10).
            since V0_1_0 fn proxy_on_vm_start(context_id, configuration_size) -> Bool;

            /// The plugin is configured; its configuration can be read as buffer `PLUGIN_CONFIGURATION`. False stops it from loading.
            ///
            /// Called after `proxy_on_vm_start`; a new configuration makes a new root in the same VM (LIF-19).
            since V0_1_0 fn proxy_on_configure(context_id, configuration_size) -> Bool;

            /// The period set by `proxy_set_tick_period_milliseconds` has passed.
            ///
            /// Called on roots, with no stream (TIM-4).
            since V0_1_0 fn proxy_on_tick(context_id) -> Nothing;

            /// A TCP connection was accepted. An action other than 0 makes the connection to the upstream wait (TCP-2).
            since V0_1_0 fn proxy_on_new_connection(context_id) -> Action;

            /// Bytes came from the client of a TCP stream. An action other than 0 keeps them (TCP-3).
            since V0_1_0 fn proxy_on_downstream_data(context_id, size, end_of_stream) -> Action;

            /// The client's connection is closed; `peer_type` says by whom (TCP-9).
            since V0_1_0 fn proxy_on_downstream_connection_close(context_id, peer_type) -> Nothing;

            /// Bytes came from the upstream of a TCP stream. An action other than 0 keeps them (TCP-3).
            since V0_1_0 fn proxy_on_upstream_data(context_id, size, end_of_stream) -> Action;

            /// The upstream's connection is closed (TCP-8).
            since V0_1_0 fn proxy_on_upstream_connection_close(context_id, peer_type) -> Nothing;

            /// The request's headers came. Until they are let go they can be read and changed (ACT-1 to ACT-8).
            ///
            /// ABI 0.1.0 has no `end_of_stream`.
            since V0_1_0 fn proxy_on_request_headers(context_id, num_headers, end_of_stream) -> Action;

            /// Part of the request's body came, or its end (SEQ-4). `size` is that of the buffer: the chunk, or all that is held.
            since V0_1_0 fn proxy_on_request_body(context_id, size, end_of_stream) -> Action;

            /// The request's trailers came; they are its end (SEQ-7).
            since V0_1_0 fn proxy_on_request_trailers(context_id, num_trailers) -> Action;

            /// HTTP/2 metadata came with the request.
            since V0_1_0 fn proxy_on_request_metadata(context_id, num_elements) -> Action;

            /// The response's headers came. Until they are let go they can be read and changed.
            ///
            /// ABI 0.1.0 has no `end_of_stream`.
            since V0_1_0 fn proxy_on_response_headers(context_id, num_headers, end_of_stream) -> Action;

            /// Part of the response's body came, or its end (SEQ-8).
            since V0_1_0 fn proxy_on_response_body(context_id, size, end_of_stream) -> Action;

            /// The response's trailers came; they are its end.
            since V0_1_0 fn proxy_on_response_trailers(context_id, num_trailers) -> Action;

            /// HTTP/2 metadata came with the response.
            since V0_1_0 fn proxy_on_response_metadata(context_id, num_elements) -> Action;

            /// An HTTP call ended; always on the root that made it (CAL-9). No headers at all mean a late reset (CAL-13).
            since V0_1_0 fn proxy_on_http_call_response(context_id, call_id, num_headers, body_size, num_trailers) -> Nothing;

            /// A gRPC stream received its initial metadata (GRP-8).
            since V0_1_0 fn proxy_on_grpc_receive_initial_metadata(context_id, call_id, num_elements) -> Nothing;

            /// A gRPC callout received a message (GRP-5, GRP-8).
            since V0_1_0 fn proxy_on_grpc_receive(context_id, call_id, size) -> Nothing;

            /// A gRPC stream received its trailing metadata (GRP-8).
            since V0_1_0 fn proxy_on_grpc_receive_trailing_metadata(context_id, call_id, num_elements) -> Nothing;

            /// A gRPC callout ended with this status (GRP-7, GRP-8).
            since V0_1_0 fn proxy_on_grpc_close(context_id, call_id, status_code) -> Nothing;

            /// An item was put into a queue that this root registered (QUE-8).
            since V0_1_0 fn proxy_on_queue_ready(context_id, queue_id) -> Nothing;

            /// The host calls the plugin by an id that both agreed upon; Envoy itself never does (FOR-15).
            since V0_2_0 fn proxy_on_foreign_function(context_id, function_id, arguments_size) -> Nothing;

            /// The context ends. A root that answers false lives on until it calls `proxy_done` (LIF-20); a stream's answer is ignored (SEQ-2).
            since V0_1_0 fn proxy_on_done(context_id) -> Bool;

            /// The stream is over; its headers and properties can be read (SEQ-1). For a root: it serves as an access logger (ACL-1).
            since V0_1_0 fn proxy_on_log(context_id) -> Nothing;

            /// The context is gone; its id means nothing any more.
            since V0_1_0 fn proxy_on_delete(context_id) -> Nothing;
        }
    };
}

macro_rules! define_callbacks {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident),*) -> $kind:ident;)*) => {
        /// What a plugin offers to a proxy: one method for each callback, named and typed as on the wire.
        ///
        /// `register!` makes the Wasm exports from it; natively a null VM calls it. Numbers come unchecked: any id, any size.
        pub trait Exports {
            $($(#[doc = $doc])*
            fn $name(&self, $($argument: u32),*) -> u32;)*
        }

        /// A callback to make, with its arguments.
        ///
        /// ```
        /// use proxy_filter_abi::Callback;
        /// let callback = Callback::proxy_on_request_body { context_id: 2, size: 5, end_of_stream: 1 };
        /// assert_eq!(callback.to_string(), "proxy_on_request_body(context_id=2, size=5, end_of_stream=1)");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(non_camel_case_types, reason = "the ABI's own names")]
        #[allow(missing_docs, reason = "the fields are the columns of the table")]
        pub enum Callback {
            $($(#[doc = $doc])* $name { $($argument: u32),* },)*
        }

        impl Callback {
            /// The export's name.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name { .. } => stringify!($name),)* }
            }

            /// The arguments, in the order of the wire, into `wire`; the rest of it stays. Gives how many there are.
            pub fn arguments(&self, wire: &mut [u32; 5]) -> usize {
                match *self {
                    $(Self::$name { $($argument),* } => {
                        let mut slots = wire.iter_mut();
                        0 $(+ slots.next().map_or(0, |slot| { *slot = $argument; 1 }))*
                    })*
                }
            }

            /// The context that it is for.
            pub const fn context_id(&self) -> u32 {
                match *self { $(Self::$name { context_id, .. } => context_id,)* }
            }

            /// What the callback returns, and what a missing export means.
            pub const fn returns(&self) -> ReturnKind {
                match self { $(Self::$name { .. } => ReturnKind::$kind,)* }
            }

            /// Makes the callback.
            pub fn call(self, exports: &(impl Exports + ?Sized)) -> u32 {
                match self { $(Self::$name { $($argument),* } => exports.$name($($argument),*),)* }
            }
        }

        impl fmt::Display for Callback {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut wire = [0; 5];
                let count = self.arguments(&mut wire);
                let names: &[&str] = match self { $(Self::$name { .. } => &[$(stringify!($argument)),*],)* };
                write!(f, "{}(", self.name())?;
                for (index, (name, value)) in names.iter().zip(wire).take(count).enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{name}={value}")?;
                }
                f.write_str(")")
            }
        }

        /// The table of callbacks as data.
        pub const CALLBACKS: &[CallbackRow] = &[$(CallbackRow {
            name: stringify!($name),
            since: AbiVersion::$since,
            doc: concat!($($doc, "\n",)*),
            arguments: &[$(stringify!($argument)),*],
            returns: ReturnKind::$kind,
        },)*];
    };
}

for_each_callback!(define_callbacks);

/// One row of the table of callbacks.
#[derive(Clone, Copy, Debug)]
pub struct CallbackRow {
    /// The export's name.
    pub name: &'static str,
    /// The first ABI version that has it.
    pub since: AbiVersion,
    /// When the proxy calls it and what the answer does; Markdown.
    pub doc: &'static str,
    /// The names of its arguments, each an `i32`.
    pub arguments: &'static [&'static str],
    /// What it returns.
    pub returns: ReturnKind,
}

/// What a callback returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnKind {
    /// What to do with the message: 0 is continue.
    Action,
    /// 0 is false.
    Bool,
    /// No value.
    Nothing,
}

impl ReturnKind {
    /// What the proxy takes as the answer of a callback that is not exported (LIF-17).
    pub const fn of_missing_export(self) -> u32 {
        match self {
            Self::Bool => 1,
            Self::Action | Self::Nothing => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_table_holds_every_callback_of_the_specification_once() {
        assert_eq!(CALLBACKS.len(), 27);
        for (index, row) in CALLBACKS.iter().enumerate() {
            assert!(row.name.starts_with("proxy_on_"), "{}", row.name);
            assert_eq!(row.arguments[0], "context_id", "{}", row.name);
            assert!(CALLBACKS[..index].iter().all(|other| other.name != row.name), "{} twice", row.name);
        }
    }

    #[test]
    fn arguments_are_those_of_the_wire() {
        let callback =
            Callback::proxy_on_http_call_response { context_id: 1, call_id: 4, num_headers: 3, body_size: 2, num_trailers: 0 };
        let mut wire = [9; 5];
        assert_eq!(callback.arguments(&mut wire), 5);
        assert_eq!(wire, [1, 4, 3, 2, 0]);
        assert_eq!(Callback::proxy_on_tick { context_id: 7 }.to_string(), "proxy_on_tick(context_id=7)");
    }
}
