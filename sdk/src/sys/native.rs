use crate::Error;
use alloc::{boxed::Box, rc::Rc, vec::Vec};
use core::cell::Cell;
use core::fmt;
use proxy_filter_abi::{BufferType, Exports, Host, LogLevel, MapType, MetricType, StreamType};

/// The way to the host: natively, a handle to the mock host and to the state of this VM.
#[derive(Clone)]
pub struct Sys(Rc<Inner>);

macro_rules! state {
    ($($hooks:ident $set_hooks:ident: $Hooks:ty $(, $state:ident: $State:ty)?;)*) => {
        struct Inner {
            host: Rc<dyn Host>,
            $($hooks: Cell<Option<&'static $Hooks>>, $($state: $State,)?)*
        }

        impl Sys {
            /// A way to this host.
            pub fn new(host: Rc<dyn Host>) -> Self {
                Self(Rc::new(Inner { host, $($hooks: Cell::new(None), $($state: <$State>::new(),)?)* }))
            }

            $(pub(crate) fn $hooks(&self) -> Option<&'static $Hooks> {
                self.0.$hooks.get()
            }

            pub(crate) fn $set_hooks(&self, hooks: &'static $Hooks) {
                self.0.$hooks.set(Some(hooks));
            }

            $(pub(crate) fn $state(&self) -> &$State {
                &self.0.$state
            })?)*
        }
    };
}

for_each_state!(state);

impl fmt::Debug for Sys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sys")
    }
}

macro_rules! forward {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident: $ty:ident),*) -> ($($result:ident: $rty:ident),*);)*) => {
        #[allow(missing_docs, unused_parens, dead_code, reason = "generated from the table, which documents the rows; handles use some of them")]
        impl Sys {
            $(pub(crate) fn $name(&self, $($argument: proxy_filter_abi::hostcall_argument!($ty)),*)
                -> Result<($(proxy_filter_abi::hostcall_result!($rty)),*), Error> {
                self.0.host.$name($($argument),*).map_err(|status| Error { hostcall: stringify!($name), status })
            })*
        }
    };
}

proxy_filter_abi::for_each_hostcall!(forward);

impl Sys {
    pub(crate) fn random_get(&self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.host.random_get(bytes).map_err(|status| Error { hostcall: "random_get", status })
    }

    pub(crate) fn environ_get(&self) -> Result<Vec<u8>, Error> {
        self.0.host.environ_get().map_err(|status| Error { hostcall: "environ_get", status })
    }
}

/// A filter's crate as its tests see it: `register!` makes one, named `PLUGINS`, in natively compiled code.
///
/// A mock host starts it as a null VM, and finds the crate to build as the real `.wasm`.
#[derive(Clone, Copy)]
pub struct Module {
    package: &'static str,
    manifest_dir: &'static str,
    root_ids: &'static [&'static str],
    start: fn(Sys) -> Box<dyn Exports>,
}

impl Module {
    #[doc(hidden)]
    pub const fn new(
        package: &'static str,
        manifest_dir: &'static str,
        root_ids: &'static [&'static str],
        start: fn(Sys) -> Box<dyn Exports>,
    ) -> Self {
        Self { package, manifest_dir, root_ids, start }
    }

    /// The name of the filter's package.
    pub const fn package(&self) -> &'static str {
        self.package
    }

    /// The folder of its `Cargo.toml`.
    pub const fn manifest_dir(&self) -> &'static str {
        self.manifest_dir
    }

    /// The root ids that it registers, in their order.
    pub const fn root_ids(&self) -> &'static [&'static str] {
        self.root_ids
    }

    /// Starts a VM of its own on this host.
    pub fn start(&self, host: Rc<dyn Host>) -> Box<dyn Exports> {
        (self.start)(Sys::new(host))
    }
}

/// Whether they are the same `register!`, not only the same crate.
impl PartialEq for Module {
    fn eq(&self, other: &Self) -> bool {
        self.manifest_dir == other.manifest_dir
            && self.root_ids == other.root_ids
            && core::ptr::fn_addr_eq(self.start, other.start)
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("package", &self.package).field("root_ids", &self.root_ids).finish_non_exhaustive()
    }
}

/// So many zeros.
pub(crate) fn zeroed(len: usize) -> Vec<u8> {
    alloc::vec![0; len]
}
