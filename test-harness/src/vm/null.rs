use super::{Trap, TrapKind, Vm};
use crate::host::{Traced, VmHost};
use crate::log::with_host;
use crate::tester;
use proxy_filter::Module;
use proxy_filter_abi::{Callback, Exports, Host};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// The plugin linked into the test process: a debugger steps into it, coverage counts it, a panic is caught and reported as
/// the trap that it is in Wasm.
pub(crate) struct NullVm {
    exports: Box<dyn Exports>,
    host: Rc<Traced>,
}

impl NullVm {
    pub(crate) fn start(module: &Module, host: Rc<VmHost>) -> Self {
        let host = Rc::new(Traced(host));
        Self { exports: module.start(Rc::clone(&host) as Rc<dyn Host>), host }
    }
}

impl Vm for NullVm {
    fn call(&self, callback: Callback) -> Result<u32, Trap> {
        let answer = with_host(&self.host, || catch_unwind(AssertUnwindSafe(|| callback.call(&*self.exports))));
        answer.map_err(tester::pass_on).map_err(|payload| {
            let text = payload.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
            Trap {
                kind: TrapKind::Unreachable,
                callback: callback.to_string(),
                message: format!("the plugin panicked: {text}"),
                backtrace: Vec::new(),
                trace: self.host.0.state().trace.last(12),
            }
        })
    }
}
