/// Registers the plugins of a module: which root context serves which root id.
///
/// ```
/// use proxy_filter::prelude::*;
/// # struct AddHeader;
/// # impl RootContext for AddHeader { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
/// # impl HttpPlugin for AddHeader { type Http = Stream; fn create_http_context(self: &Rc<Self>, _: &HttpStream) -> Stream { Stream } }
/// # struct Stream; impl HttpContext for Stream {}
/// # struct Watch;
/// # impl RootContext for Watch { type Config = (); fn new(_: (), _: &Plugin<'_>) -> Result<Self, ConfigError> { Ok(Self) } }
/// proxy_filter::register! {
///     "add_header" => http AddHeader,
///     "watch" => root Watch,
/// }
/// # fn main() {
/// # assert_eq!(PLUGINS.root_ids(), ["add_header", "watch"]);
/// # }
/// ```
///
/// Each row is `"root id" => kind Type`, where the kind says what its streams are: `http` for a [`HttpPlugin`](crate::HttpPlugin), `tcp` for
/// a [`TcpPlugin`](crate::TcpPlugin), `root` for a [`RootContext`](crate::RootContext) without streams. Two equal root ids are a compile error. With one row the module serves every root id;
/// with several, a root id that is not among them is logged and its configuration refused.
///
/// In Wasm this exports the ABI's marker, its allocator and a function for each callback of these kinds; natively it defines
/// `pub static PLUGINS: Module`, by which tests find the plugins and the crate.
#[macro_export]
macro_rules! register {
    ($($id:expr => $kind:ident $root:ty),+ $(,)?) => {
        const _: () = ::core::assert!(
            $crate::__private::distinct(&[$($id),+]),
            "two plugins are registered for the same root id: give each row of `register!` its own"
        );

        /// The plugins of this crate, for its tests.
        #[cfg(not(target_family = "wasm"))]
        pub static PLUGINS: $crate::Module = $crate::Module::new(
            ::core::env!("CARGO_PKG_NAME"),
            ::core::env!("CARGO_MANIFEST_DIR"),
            &[$($id),+],
            |sys| $crate::__private::Box::new($crate::__private::Vm::new($crate::__register!(@rows $($id, $kind, $root;)+), sys)),
        );

        #[cfg(target_family = "wasm")]
        const _: () = {
            static VM: $crate::__private::SingleThreaded<$crate::__private::Vm<$crate::__register!(@type $($kind, $root;)+)>> =
                $crate::__private::SingleThreaded::new($crate::__private::Vm::new(
                    $crate::__register!(@rows $($id, $kind, $root;)+),
                    $crate::__private::Sys,
                ));
            $crate::__exports!([] [] $($kind)+);
        };
    };
    ($($id:expr => $root:ty),+ $(,)?) => {
        ::core::compile_error!("each row of `register!` says what its streams are: `\"root id\" => http MyPlugin`, or `root` for none");
    };
    ($($anything:tt)*) => {
        ::core::compile_error!("`register!` takes rows of the form `\"root id\" => http MyPlugin,`");
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    (@rows) => { () };
    (@rows $id:expr, http, $root:ty; $($rest:tt)*) => { ($crate::__private::HttpRow::<$root>::new($id), $crate::__register!(@rows $($rest)*)) };
    (@rows $id:expr, tcp, $root:ty; $($rest:tt)*) => { ($crate::__private::TcpRow::<$root>::new($id), $crate::__register!(@rows $($rest)*)) };
    (@rows $id:expr, root, $root:ty; $($rest:tt)*) => { ($crate::__private::RootRow::<$root>::new($id), $crate::__register!(@rows $($rest)*)) };
    (@rows $id:expr, $kind:ident, $root:ty; $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!("`register!` knows the kinds `http`, `tcp` and `root`, not `", ::core::stringify!($kind), "`"))
    };
    (@type) => { () };
    (@type http, $root:ty; $($rest:tt)*) => { ($crate::__private::HttpRow<$root>, $crate::__register!(@type $($rest)*)) };
    (@type tcp, $root:ty; $($rest:tt)*) => { ($crate::__private::TcpRow<$root>, $crate::__register!(@type $($rest)*)) };
    (@type root, $root:ty; $($rest:tt)*) => { ($crate::__private::RootRow<$root>, $crate::__register!(@type $($rest)*)) };
    // The kind is unknown: `@rows` has said so.
    (@type $kind:ident, $root:ty; $($rest:tt)*) => { () };
}

/// The module's exports, each forwarding to the static `VM` in scope. Only callbacks of kinds that are registered are exported, so that
/// the proxy does not make the others. In the brackets stand `http` and `tcp`, once met.
#[doc(hidden)]
#[macro_export]
macro_rules! __exports {
    ([$($http:ident)?] [$($tcp:ident)?] http $($rest:ident)*) => { $crate::__exports!([http] [$($tcp)?] $($rest)*); };
    ([$($http:ident)?] [$($tcp:ident)?] tcp $($rest:ident)*) => { $crate::__exports!([$($http)?] [tcp] $($rest)*); };
    ($http:tt $tcp:tt $other:ident $($rest:ident)*) => { $crate::__exports!($http $tcp $($rest)*); };
    ([$($http:ident)?] [$($tcp:ident)?]) => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_abi_version_0_2_1() {}

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
            $crate::__private::allocate(size)
        }

        $crate::abi::for_each_callback! { $crate::__export_common_callbacks }
        $($crate::__exports!(@$http);)?
        $($crate::__exports!(@$tcp);)?
    };
    (@http) => { $crate::abi::for_each_callback! { $crate::__export_http_callbacks } };
    (@tcp) => { $crate::abi::for_each_callback! { $crate::__export_tcp_callbacks } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_common_callbacks {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident),*) -> $returns:ident;)*) => {
        $($crate::__export_callback! { common $name($($argument),*) -> $returns })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_http_callbacks {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident),*) -> $returns:ident;)*) => {
        $($crate::__export_callback! { http $name($($argument),*) -> $returns })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_tcp_callbacks {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident),*) -> $returns:ident;)*) => {
        $($crate::__export_callback! { tcp $name($($argument),*) -> $returns })*
    };
}

/// Exports a callback if it belongs to the wanted kind; those that no kind has are not exported at all.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_callback {
    ($wanted:ident proxy_on_request_headers $($rest:tt)*) => { $crate::__export_if! { $wanted http proxy_on_request_headers $($rest)* } };
    ($wanted:ident proxy_on_request_body $($rest:tt)*) => { $crate::__export_if! { $wanted http proxy_on_request_body $($rest)* } };
    ($wanted:ident proxy_on_request_trailers $($rest:tt)*) => { $crate::__export_if! { $wanted http proxy_on_request_trailers $($rest)* } };
    ($wanted:ident proxy_on_response_headers $($rest:tt)*) => { $crate::__export_if! { $wanted http proxy_on_response_headers $($rest)* } };
    ($wanted:ident proxy_on_response_body $($rest:tt)*) => { $crate::__export_if! { $wanted http proxy_on_response_body $($rest)* } };
    ($wanted:ident proxy_on_response_trailers $($rest:tt)*) => { $crate::__export_if! { $wanted http proxy_on_response_trailers $($rest)* } };
    ($wanted:ident proxy_on_new_connection $($rest:tt)*) => { $crate::__export_if! { $wanted tcp proxy_on_new_connection $($rest)* } };
    ($wanted:ident proxy_on_downstream_data $($rest:tt)*) => { $crate::__export_if! { $wanted tcp proxy_on_downstream_data $($rest)* } };
    ($wanted:ident proxy_on_downstream_connection_close $($rest:tt)*) => { $crate::__export_if! { $wanted tcp proxy_on_downstream_connection_close $($rest)* } };
    ($wanted:ident proxy_on_upstream_data $($rest:tt)*) => { $crate::__export_if! { $wanted tcp proxy_on_upstream_data $($rest)* } };
    ($wanted:ident proxy_on_upstream_connection_close $($rest:tt)*) => { $crate::__export_if! { $wanted tcp proxy_on_upstream_connection_close $($rest)* } };
    ($wanted:ident proxy_on_tick $($rest:tt)*) => { $crate::__export_if! { $wanted common proxy_on_tick $($rest)* } };
    ($wanted:ident proxy_on_request_metadata $($rest:tt)*) => { $crate::__export_if! { $wanted none proxy_on_request_metadata $($rest)* } };
    ($wanted:ident proxy_on_response_metadata $($rest:tt)*) => { $crate::__export_if! { $wanted none proxy_on_response_metadata $($rest)* } };
    ($wanted:ident proxy_on_http_call_response $($rest:tt)*) => { $crate::__export_if! { $wanted common proxy_on_http_call_response $($rest)* } };
    ($wanted:ident proxy_on_grpc_receive_initial_metadata $($rest:tt)*) => { $crate::__export_if! { $wanted common proxy_on_grpc_receive_initial_metadata $($rest)* } };
    ($wanted:ident proxy_on_grpc_receive $($rest:tt)*) => { $crate::__export_if! { $wanted common proxy_on_grpc_receive $($rest)* } };
    ($wanted:ident proxy_on_grpc_receive_trailing_metadata $($rest:tt)*) => { $crate::__export_if! { $wanted common proxy_on_grpc_receive_trailing_metadata $($rest)* } };
    ($wanted:ident proxy_on_grpc_close $($rest:tt)*) => { $crate::__export_if! { $wanted common proxy_on_grpc_close $($rest)* } };
    ($wanted:ident proxy_on_foreign_function $($rest:tt)*) => { $crate::__export_if! { $wanted none proxy_on_foreign_function $($rest)* } };
    ($wanted:ident $($callback:tt)*) => { $crate::__export_if! { $wanted common $($callback)* } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_if {
    (common common $($callback:tt)*) => { $crate::__export! { $($callback)* } };
    (http http $($callback:tt)*) => { $crate::__export! { $($callback)* } };
    (tcp tcp $($callback:tt)*) => { $crate::__export! { $($callback)* } };
    ($wanted:ident $kind:ident $($callback:tt)*) => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($name:ident($($argument:ident),*) -> Nothing) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: u32),*) {
            $crate::__private::Exports::$name(&*VM, $($argument),*);
        }
    };
    ($name:ident($($argument:ident),*) -> $returns:ident) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: u32),*) -> u32 {
            $crate::__private::Exports::$name(&*VM, $($argument),*)
        }
    };
}
