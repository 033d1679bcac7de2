//! A plugin at its place in the chain: loaded, started and configured in a VM of its own.

use crate::host::{State, VmHost};
use crate::plugin::{Plugin, Source};
use crate::refused::{Reason, Refused};
use crate::vm::{NullVm, Trap, Vm};
use proxy_filter_abi::Callback;
use std::cell::Cell;
use std::rc::Rc;

/// A plugin at its place in the chain, in a VM of its own.
pub(crate) struct Instance {
    pub(crate) host: Rc<VmHost>,
    pub(crate) vm: Box<dyn Vm>,
    pub(crate) root_id: u32,
    pub(crate) dead: Cell<bool>,
}

impl Instance {
    pub(crate) fn start(state: &Rc<State>, plugin: &Plugin) -> Result<Self, Refused> {
        let host = Rc::new(VmHost::new(Rc::clone(state), plugin.settings.clone()));
        let refuse = |reason| Refused::new(plugin.settings.name.clone(), reason, state.log.borrow().clone());
        let vm: Box<dyn Vm> = match &plugin.source {
            Source::Native(module) => Box::new(NullVm::start(module, Rc::clone(&host))),
            #[cfg(feature = "wasmtime")]
            source => Box::new(start_wasm(source, plugin, &host).map_err(refuse)?),
        };
        let root_id = host.new_root();
        let running = Self { host, vm, root_id, dead: Cell::new(false) };
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let settings = &plugin.settings;
        let start = Callback::proxy_on_vm_start { context_id: root_id, configuration_size: size(&settings.vm_configuration) };
        let configure = Callback::proxy_on_configure { context_id: root_id, configuration_size: size(&settings.configuration) };
        // LIF-9.
        if running.call(Callback::proxy_on_context_create { context_id: root_id, parent_id: 0 }).is_err() {
            // LIF-16: the plugin is loaded all the same, with a dead VM, and every request fails.
            let _ = running.call(start);
            return Ok(running);
        }
        for (callback, reason) in [(start, Reason::VmStart), (configure, Reason::Configure)] {
            // LIF-13: any answer but 0 is yes.
            if running.call(callback).map_err(|trap| refuse(Reason::Trap(Box::new(trap))))? == 0 {
                return Err(refuse(reason));
            }
        }
        Ok(running)
    }

    /// Makes a callback, traced; after a trap the VM is dead.
    pub(crate) fn call(&self, callback: Callback) -> Result<u32, Trap> {
        let trace = &self.host.state().trace;
        trace.callback(format!("{}: {callback}", self.host.plugin().name));
        let before = self.vm.fuel_used();
        self.host.enter(callback);
        let answer = self.vm.call(callback);
        self.host.leave();
        let fuel = self.vm.fuel_used() - before;
        self.host.state().costs.borrow_mut().push((callback.name(), fuel));
        let cost = if fuel == 0 { String::new() } else { format!(" ({fuel} instructions)") };
        match &answer {
            Ok(answer) => trace.answer(&format!("= {answer}{cost}")),
            Err(trap) => {
                trace.answer(&format!("trapped: {}{cost}", trap.message));
                self.dead.set(true);
                self.host.state().trap.borrow_mut().get_or_insert_with(|| trap.clone());
            }
        }
        answer
    }
}

#[cfg(feature = "wasmtime")]
fn start_wasm(source: &Source, plugin: &Plugin, host: &Rc<VmHost>) -> Result<crate::vm::wasm::WasmVm, Reason> {
    use crate::filter_crate::{BuildOptions, FilterCrate};
    let read = |path: &std::path::Path| {
        std::fs::read(path).map_err(|error| Reason::File { path: path.to_owned(), error: error.to_string() })
    };
    let bytes = match source {
        Source::Bytes(bytes) => bytes.clone(),
        Source::File(path) => read(path)?,
        Source::Crate(dir) => read(&FilterCrate::build_once(dir, &BuildOptions::default()).map_err(Reason::Build)?.wasm)?,
        Source::Native(_) => unreachable!("it is linked, not loaded"),
    };
    let module = crate::vm::wasm::load(&bytes).map_err(Reason::Load)?;
    crate::vm::wasm::WasmVm::start(&module, Rc::clone(host), plugin.limits).map_err(Reason::Load)
}
