//! A host that answers as it is told, notes every hostcall, and calls back into the plugin from inside one.

use proxy_filter::Module;
use proxy_filter::abi::{self, BufferType, Callback, Exports, Host, LogLevel, MapType, MetricType, Status, StreamType};
use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::rc::{Rc, Weak};

type Answer = dyn Fn(&str) -> Option<u32>;

pub(super) struct TestHost {
    /// The status that a hostcall of this name answers; 0 or nothing is success.
    status: RefCell<Box<Answer>>,
    /// What every hostcall gives that gives bytes, and that gives a number.
    bytes: RefCell<Vec<u8>>,
    number: Cell<u32>,
    /// The wall clock, in nanoseconds, where one is set.
    clock: Cell<u64>,
    calls: RefCell<Vec<String>>,
    exports: RefCell<Option<Weak<dyn Exports>>>,
    /// What is called from inside the next hostcalls; each once.
    reenter: RefCell<Vec<Callback>>,
    depth: Cell<u32>,
}

/// A VM on such a host.
pub(super) struct Started {
    pub(super) host: Rc<TestHost>,
    exports: Rc<dyn Exports>,
}

impl Started {
    pub(super) fn new(module: &Module) -> Self {
        let host = Rc::new(TestHost {
            status: RefCell::new(Box::new(|_| None)),
            bytes: RefCell::default(),
            number: Cell::new(0),
            clock: Cell::new(0),
            calls: RefCell::default(),
            exports: RefCell::default(),
            reenter: RefCell::default(),
            depth: Cell::new(0),
        });
        let exports: Rc<dyn Exports> = module.start(Rc::clone(&host) as Rc<dyn Host>).into();
        *host.exports.borrow_mut() = Some(Rc::downgrade(&exports));
        Self { host, exports }
    }

    pub(super) fn call(&self, callback: Callback) -> u32 {
        callback.call(&*self.exports)
    }

    /// Creates and configures a root, and says whether it was accepted.
    pub(super) fn configure(&self, root: u32, configuration: &str) -> bool {
        self.call(Callback::proxy_on_context_create { context_id: root, parent_id: 0 });
        self.host.give(configuration);
        let configuration_size = u32::try_from(configuration.len()).expect("a short one");
        self.call(Callback::proxy_on_configure { context_id: root, configuration_size }) != 0
    }

    /// The whole life of a stream: what each callback answered.
    pub(super) fn stream(&self, root: u32, id: u32) -> Vec<u32> {
        life(root, id).into_iter().map(|callback| self.call(callback)).collect()
    }

    /// The whole life of a TCP stream.
    pub(super) fn tcp_stream(&self, root: u32, id: u32) -> Vec<u32> {
        tcp_life(root, id).into_iter().map(|callback| self.call(callback)).collect()
    }
}

/// Every callback of a stream, in order.
pub(super) fn life(parent_id: u32, context_id: u32) -> [Callback; 10] {
    [
        Callback::proxy_on_context_create { context_id, parent_id },
        Callback::proxy_on_request_headers { context_id, num_headers: 4, end_of_stream: 0 },
        Callback::proxy_on_request_body { context_id, size: 5, end_of_stream: 0 },
        Callback::proxy_on_request_trailers { context_id, num_trailers: 1 },
        Callback::proxy_on_response_headers { context_id, num_headers: 1, end_of_stream: 0 },
        Callback::proxy_on_response_body { context_id, size: 5, end_of_stream: 0 },
        Callback::proxy_on_response_trailers { context_id, num_trailers: 1 },
        Callback::proxy_on_log { context_id },
        Callback::proxy_on_done { context_id },
        Callback::proxy_on_delete { context_id },
    ]
}

/// Every callback of a TCP stream, in order.
pub(super) fn tcp_life(parent_id: u32, context_id: u32) -> [Callback; 9] {
    [
        Callback::proxy_on_context_create { context_id, parent_id },
        Callback::proxy_on_new_connection { context_id },
        Callback::proxy_on_downstream_data { context_id, size: 5, end_of_stream: 0 },
        Callback::proxy_on_upstream_data { context_id, size: 5, end_of_stream: 0 },
        Callback::proxy_on_upstream_connection_close { context_id, peer_type: 2 },
        Callback::proxy_on_downstream_connection_close { context_id, peer_type: 2 },
        Callback::proxy_on_log { context_id },
        Callback::proxy_on_done { context_id },
        Callback::proxy_on_delete { context_id },
    ]
}

impl TestHost {
    pub(super) fn answer(&self, status: impl Fn(&str) -> Option<u32> + 'static) {
        *self.status.borrow_mut() = Box::new(status);
    }

    pub(super) fn give(&self, bytes: impl AsRef<[u8]>) {
        *self.bytes.borrow_mut() = bytes.as_ref().to_vec();
    }

    pub(super) fn give_number(&self, number: u32) {
        self.number.set(number);
    }

    pub(super) fn set_clock(&self, millis: u64) {
        self.clock.set(millis * 1_000_000);
    }

    pub(super) fn reenter(&self, callbacks: impl IntoIterator<Item = Callback>) {
        self.reenter.borrow_mut().extend(callbacks);
        self.reenter.borrow_mut().reverse();
    }

    pub(super) fn forget_reentries(&self) {
        self.reenter.borrow_mut().clear();
    }

    /// The hostcalls since this was last asked, as `name(argument, …)`.
    pub(super) fn take_calls(&self) -> Vec<String> {
        self.calls.take()
    }

    /// The lines logged since calls were last taken, which are taken.
    pub(super) fn take_log(&self) -> Vec<String> {
        let line = |call: String| Some(call.strip_prefix("proxy_log(")?.strip_suffix(')')?.to_owned());
        self.take_calls().into_iter().filter_map(line).collect()
    }

    fn called(&self, name: &str, arguments: &str) -> Result<(), Status> {
        self.calls.borrow_mut().push(format!("{name}({arguments})"));
        const DEEPEST: u32 = 4;
        let exports = self.exports.borrow().as_ref().and_then(Weak::upgrade);
        if let Some(exports) = exports.filter(|_| self.depth.get() < DEEPEST) {
            let callback = self.reenter.borrow_mut().pop();
            if let Some(callback) = callback {
                self.depth.set(self.depth.get() + 1);
                callback.call(&*exports);
                self.depth.set(self.depth.get() - 1);
            }
        }
        match (self.status.borrow())(name).and_then(Status::from_wire) {
            Some(status) => Err(status),
            None => Ok(()),
        }
    }
}

/// How an argument is noted.
trait Noted {
    fn note(&self, text: &mut String);
}

macro_rules! noted {
    ($($ty:ty),*) => {
        $(impl Noted for $ty {
            fn note(&self, text: &mut String) {
                let _ = write!(text, "{self}");
            }
        })*
    };
}
noted!(u32, u64, i64, LogLevel, MapType, BufferType, StreamType, MetricType);

impl Noted for &[u8] {
    fn note(&self, text: &mut String) {
        text.push_str(&String::from_utf8_lossy(self));
    }
}

/// What a hostcall gives.
trait Given {
    fn given(host: &TestHost) -> Self;
}

impl Given for u32 {
    fn given(host: &TestHost) -> Self {
        host.number.get()
    }
}

impl Given for u64 {
    fn given(host: &TestHost) -> Self {
        match host.clock.get() {
            0 => u64::from(host.number.get()) << 32,
            clock => clock,
        }
    }
}

impl Given for Vec<u8> {
    fn given(host: &TestHost) -> Self {
        host.bytes.borrow().clone()
    }
}

macro_rules! hostcalls {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident: $ty:ident),*) -> ($($result:ident: $rty:ident),*);)*) => {
        #[allow(unused_parens, reason = "generated from the table: one result is not a tuple")]
        impl Host for TestHost {
            $(fn $name(&self, $($argument: abi::hostcall_argument!($ty)),*) -> Result<($(abi::hostcall_result!($rty)),*), Status> {
                let arguments: Vec<String> = vec![$({
                    let mut text = String::new();
                    $argument.note(&mut text);
                    text
                }),*];
                self.called(stringify!($name), &arguments.join(", "))?;
                Ok(($(<abi::hostcall_result!($rty)>::given(self)),*))
            })*
        }
    };
}
abi::for_each_hostcall!(hostcalls);

/// Every callback of the ABI, with these arguments.
macro_rules! callbacks {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident),*) -> $kind:ident;)*) => {
        pub(super) fn every_callback(arguments: [u32; 5]) -> Vec<Callback> {
            vec![$({
                let mut arguments = arguments.into_iter();
                $(let $argument = arguments.next().unwrap_or_default();)*
                Callback::$name { $($argument),* }
            }),*]
        }
    };
}
abi::for_each_callback!(callbacks);
