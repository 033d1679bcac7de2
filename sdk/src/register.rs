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
/// Each row is `"root id" => kind Type`, where the kind says what its streams are: `http` for a [`HttpPlugin`](crate::HttpPlugin), `root` for
/// a [`RootContext`](crate::RootContext) without streams. Two equal root ids are a compile error. With one row the module serves every root id;
/// with several, a root id that is not among them is logged and its configuration refused.
///
/// In Wasm this exports the ABI's marker, its allocator and a function for each callback; natively it defines
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
            $crate::__exports!();
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
    (@rows $id:expr, root, $root:ty; $($rest:tt)*) => { ($crate::__private::RootRow::<$root>::new($id), $crate::__register!(@rows $($rest)*)) };
    (@rows $id:expr, $kind:ident, $root:ty; $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!("`register!` knows the kinds `http` and `root`, not `", ::core::stringify!($kind), "`"))
    };
    (@type) => { () };
    (@type http, $root:ty; $($rest:tt)*) => { ($crate::__private::HttpRow<$root>, $crate::__register!(@type $($rest)*)) };
    (@type root, $root:ty; $($rest:tt)*) => { ($crate::__private::RootRow<$root>, $crate::__register!(@type $($rest)*)) };
    // The kind is unknown: `@rows` has said so.
    (@type $kind:ident, $root:ty; $($rest:tt)*) => { () };
}

/// The module's exports, each forwarding to the static `VM` in scope.
#[doc(hidden)]
#[macro_export]
macro_rules! __exports {
    () => {
        #[unsafe(no_mangle)]
        extern "C" fn proxy_abi_version_0_2_1() {}

        #[unsafe(no_mangle)]
        extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
            $crate::__private::allocate(size)
        }

        $crate::abi::for_each_callback! { $crate::__export_callbacks }
    };
}

/// Callbacks of contexts that `register!` has no kind for are not exported, so that the proxy does not make them.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_callbacks {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident),*) -> $kind:ident;)*) => {
        $($crate::__export_callback! { $name($($argument),*) -> $kind })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_callback {
    (proxy_on_tick $($rest:tt)*) => {};
    (proxy_on_new_connection $($rest:tt)*) => {};
    (proxy_on_downstream_data $($rest:tt)*) => {};
    (proxy_on_downstream_connection_close $($rest:tt)*) => {};
    (proxy_on_upstream_data $($rest:tt)*) => {};
    (proxy_on_upstream_connection_close $($rest:tt)*) => {};
    (proxy_on_request_metadata $($rest:tt)*) => {};
    (proxy_on_response_metadata $($rest:tt)*) => {};
    (proxy_on_http_call_response $($rest:tt)*) => {};
    (proxy_on_grpc_receive_initial_metadata $($rest:tt)*) => {};
    (proxy_on_grpc_receive $($rest:tt)*) => {};
    (proxy_on_grpc_receive_trailing_metadata $($rest:tt)*) => {};
    (proxy_on_grpc_close $($rest:tt)*) => {};
    (proxy_on_queue_ready $($rest:tt)*) => {};
    (proxy_on_foreign_function $($rest:tt)*) => {};
    ($name:ident($($argument:ident),*) -> Nothing) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: u32),*) {
            $crate::__private::Exports::$name(&*VM, $($argument),*);
        }
    };
    ($name:ident($($argument:ident),*) -> $kind:ident) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: u32),*) -> u32 {
            $crate::__private::Exports::$name(&*VM, $($argument),*)
        }
    };
}
