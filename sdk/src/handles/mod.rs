//! What callbacks are given: by value, for the time of the callback, each derefs to what more phases share.

/// A handle for one phase: what comes with the callback, and where its data is.
macro_rules! phase {
    ($(#[doc = $doc:literal])* $name:ident: $stream:ident { $($(#[doc = $field_doc:literal])* $field:ident: $ty:ty,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub struct $name<'a> {
            stream: $stream,
            $($field: $ty,)*
            callback: PhantomData<&'a ()>,
        }

        impl $name<'_> {
            pub(crate) fn new(sys: &Sys, id: u32, $($field: $ty),*) -> Self {
                Self { stream: $stream::new(sys, id), $($field,)* callback: PhantomData }
            }

            $($(#[doc = $field_doc])*
            pub fn $field(&self) -> $ty {
                self.$field
            })*
        }

        impl Deref for $name<'_> {
            type Target = $stream;
            fn deref(&self) -> &$stream {
                &self.stream
            }
        }
    };
}

mod body;
mod http;
mod message;
mod tcp;

pub use body::{HeldHeaders, RequestBody, ResponseBody};
pub use http::{AccessLog, HttpStream, Log, RequestHeaders, RequestTrailers, ResponseHeaders, ResponseTrailers};
pub use tcp::{DownstreamClose, DownstreamData, NewConnection, StreamLog, Tcp, UpstreamClose, UpstreamData};

use crate::dispatch::Place;
use crate::holds::On;
use crate::{Error, LogLevel, sys::Sys};
use core::marker::PhantomData;
use core::ops::Deref;
use core::time::Duration;

/// What can be asked of the proxy in every callback.
#[derive(Debug)]
pub struct Context {
    pub(crate) sys: Sys,
    id: u32,
}

impl Context {
    pub(crate) fn new(sys: &Sys, id: u32) -> Self {
        Self { sys: sys.clone(), id }
    }

    /// The host, acting on this context.
    #[inline]
    pub(crate) fn host(&self) -> Result<On<'_>, Error> {
        self.sys.on(self.id)
    }

    /// The proxy's number for this context: unique in the VM while the context lives (CTX-1).
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Writes a line to the proxy's log; lines below its level are dropped (LOG-1). `log::info!` and friends do the same.
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn log(&self, level: LogLevel, message: impl AsRef<[u8]>) -> Result<(), Error> {
        self.sys.proxy_log(level, message.as_ref())
    }

    /// The wall clock, as time since the Unix epoch; read anew at each call (TIM-5).
    ///
    /// # Errors
    /// What the host answers; Envoy does not refuse.
    pub fn now(&self) -> Result<Duration, Error> {
        self.sys.proxy_get_current_time_nanoseconds().map(Duration::from_nanos)
    }
}

/// What a root can ask of the proxy.
#[derive(Debug)]
pub struct Plugin<'a> {
    context: Context,
    name: &'static str,
    callback: PhantomData<&'a ()>,
}

impl Plugin<'_> {
    pub(crate) fn new(sys: &Sys, name: &'static str, id: u32) -> Self {
        Self { context: Context::new(sys, id), name, callback: PhantomData }
    }

    /// The same, beyond the callback.
    pub(crate) fn detached(&self) -> Plugin<'static> {
        Plugin::new(&self.sys, self.name, self.id())
    }

    pub(crate) fn place(&self, callback: &'static str) -> Place {
        Place::new(self.name, self.id(), callback)
    }

    /// Ends a root whose [`on_done`](crate::RootContext::on_done) has answered that it is not done yet (LIF-20): it is dropped
    /// right after the callback that calls this.
    ///
    /// # Errors
    /// [`Status::NotFound`](crate::Status::NotFound) when nothing waits for it: before `on_done`, in it, and a second time (LIF-22).
    pub fn done(&self) -> Result<(), Error> {
        self.host()?.proxy_done()
    }
}

impl Deref for Plugin<'_> {
    type Target = Context;
    fn deref(&self) -> &Context {
        &self.context
    }
}
