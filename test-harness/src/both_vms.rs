/// One test body, two tests: `name::native` in the null VM, `name::wasm` as the real `.wasm`.
///
/// The argument is a [`VmKind`](crate::VmKind), whose [`plugin`](crate::VmKind::plugin) names the filter.
///
/// ```no_run
/// # mod add_header { proxy_filter::register! { "add_header" => root Nothing }
/// # struct Nothing; impl proxy_filter::RootContext for Nothing { type Config = ();
/// # fn new(_: (), _: &proxy_filter::Plugin<'_>) -> Result<Self, proxy_filter::ConfigError> { Ok(Self) } } }
/// use proxy_filter_test::{MockProxy, TestResult, both_vms};
///
/// both_vms! {
///     fn adds_the_configured_header(vm) -> TestResult {
///         let proxy = MockProxy::new(vm.plugin(&add_header::PLUGINS, "add_header").config(r#"{"request":{"add":[["x-a","1"]]}}"#))?;
///         let exchange = proxy.send(http::Request::get("http://shop.example/").body("")?);
///         assert_eq!(exchange.upstream_request().headers()["x-a"], "1");
///         Ok(())
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! both_vms {
    ($($(#[$meta:meta])* fn $name:ident($vm:ident) $(-> $result:ty)? $body:block)+) => {
        $(mod $name {
            #[allow(unused_imports, reason = "a body may need nothing from around it")]
            use super::*;

            $(#[$meta])*
            #[test]
            fn native() $(-> $result)? {
                test($crate::VmKind::Native)
            }

            $crate::__wasm_test! { $(#[$meta])* $($result)? }

            fn test($vm: $crate::VmKind) $(-> $result)? $body
        })+
    };
}

#[cfg(feature = "wasmtime")]
#[doc(hidden)]
#[macro_export]
macro_rules! __wasm_test {
    ($(#[$meta:meta])* $($result:ty)?) => {
        $(#[$meta])*
        #[test]
        fn wasm() $(-> $result)? {
            test($crate::VmKind::Wasm)
        }
    };
}

#[cfg(not(feature = "wasmtime"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __wasm_test {
    ($($anything:tt)*) => {};
}
