//! The VMs of a mock proxy: each with its key, by which plugins share it.

use crate::fault::CallbackFault;
use crate::host::{PluginSettings, Root, State, VmHost, VmSettings};
use crate::plugin::{Plugin, Source};
use crate::refused::Reason;
use crate::spy::{Spy, SpyVm};
use crate::vm::{NullVm, Trap, TrapKind, Vm};
use proxy_filter::Module;
use proxy_filter_abi::Callback;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

/// Where a VM runs, in the proxy that this one stands for (LIF-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thread {
    /// Where requests are.
    Worker,
    /// The same where there are several.
    OneOf(usize),
    /// Ticks and services.
    Main,
    /// A trial of a configuration, on the main thread.
    Canary,
}

/// As it stands in the trace, behind the plugin's name.
impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker => Ok(()),
            Self::OneOf(worker) => write!(f, " (worker {worker})"),
            Self::Main => f.write_str(" (main thread)"),
            Self::Canary => f.write_str(" (canary)"),
        }
    }
}

/// What must be equal for two plugins to share a VM (LIF-10).
#[derive(PartialEq)]
struct VmKey {
    code: Code,
    settings: VmSettings,
    /// Envoy has no such limits; guests that are bounded differently cannot share a VM.
    #[cfg(feature = "wasmtime")]
    limits: crate::vm::wasm::Limits,
}

#[derive(PartialEq)]
enum Code {
    Native(Module),
    Spy(Spy),
    #[cfg(feature = "wasmtime")]
    Wasm(Vec<u8>),
}

/// A VM and the proxy's side of it.
pub(crate) struct RunningVm {
    key: VmKey,
    pub(crate) host: Rc<VmHost>,
    vm: Box<dyn Vm>,
    thread: Thread,
    dead: Cell<bool>,
}

impl RunningVm {
    fn start(state: &Rc<State>, key: VmKey, thread: Thread, first: &Rc<PluginSettings>) -> Result<Self, Reason> {
        let host = Rc::new(VmHost::new(Rc::clone(state), Rc::clone(first)));
        let vm: Box<dyn Vm> = match &key.code {
            Code::Native(module) => Box::new(NullVm::start(module, Rc::clone(&host))),
            Code::Spy(spy) => Box::new(SpyVm::new(spy, Rc::clone(&host))),
            #[cfg(feature = "wasmtime")]
            Code::Wasm(bytes) => {
                let module = crate::vm::wasm::load(bytes).map_err(Reason::Load)?;
                Box::new(crate::vm::wasm::WasmVm::start(&module, Rc::clone(&host), key.limits).map_err(Reason::Load)?)
            }
        };
        state.fuel_used.set(state.fuel_used.get() + vm.fuel_used());
        if thread != Thread::Canary {
            state.shared.arrive(&key.settings.vm_id);
        }
        Ok(Self { key, host, vm, thread, dead: Cell::new(false) })
    }

    /// Makes a root of this plugin, starts and configures it (LIF-9): `proxy_on_vm_start` comes for each plugin (LIF-10).
    pub(crate) fn start_root(&self, plugin: &Rc<PluginSettings>) -> Result<Rc<Root>, Reason> {
        let root = self.host.new_root(plugin);
        let started = self.configure(&root);
        if started.is_err() {
            self.host.delete_context(root.id);
        }
        started.map(|()| root)
    }

    fn configure(&self, root: &Root) -> Result<(), Reason> {
        let plugin = &root.plugin;
        let (context_id, size) = (root.id, |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let start = Callback::proxy_on_vm_start { context_id, configuration_size: size(&plugin.vm.configuration) };
        let configure = Callback::proxy_on_configure { context_id, configuration_size: size(&plugin.configuration) };
        if self.call(Callback::proxy_on_context_create { context_id, parent_id: 0 }).is_err() {
            // LIF-16: the plugin is loaded all the same, with a dead VM, and every request fails.
            let _ = self.call(start);
            return Ok(());
        }
        for (callback, reason) in [(start, Reason::VmStart), (configure, Reason::Configure)] {
            // LIF-13: any answer but 0 is yes.
            match self.call(callback) {
                Ok(0) => return Err(reason),
                Ok(_) => {}
                // MEM-3: the allocator has trapped, and the callback has answered: the plugin is loaded, with a dead VM.
                Err(trap) => {
                    return match self.vm.answered() {
                        Some(0) => Err(reason),
                        Some(_) => Ok(()),
                        None => Err(Reason::Trap(Box::new(trap))),
                    };
                }
            }
        }
        Ok(())
    }

    /// Makes a callback, traced; after a trap the VM is dead.
    pub(crate) fn call(&self, callback: Callback) -> Result<u32, Trap> {
        let state = self.host.state();
        let before = self.vm.fuel_used();
        let underway = Underway::begin(self, callback);
        let answer = match self.host.permits_callback(&callback) {
            true => match state.faults.strike_callback(callback.name()) {
                None => self.vm.call(callback),
                Some(CallbackFault::Trap) => Err(Trap::injected(TrapKind::Injected, &callback, state)),
                Some(CallbackFault::OutOfFuel(fuel)) => self.vm.call_with_fuel(callback, fuel, state),
            },
            false => Ok(callback.returns().of_missing_export()),
        };
        drop(underway);
        let fuel = self.vm.fuel_used() - before;
        state.fuel_used.set(state.fuel_used.get() + fuel);
        state.costs.borrow_mut().push(callback.name(), fuel);
        let cost = if fuel == 0 { String::new() } else { format!(" ({fuel} instructions)") };
        match &answer {
            Ok(answer) => state.trace.answer(&format!("= {answer}{cost}")),
            Err(trap) => {
                state.trace.answer(&format!("trapped: {}{cost}", trap.message));
                self.dead.set(true);
                if self.thread != Thread::Canary {
                    state.trap.borrow_mut().get_or_insert_with(|| trap.clone());
                }
            }
        }
        // LIF-20: right after the callback that called `proxy_done`.
        for root in self.host.take_done() {
            self.delete(&root);
        }
        answer
    }

    /// Makes a callback of a root, and carries out the first that it asked for; the rest waits for the callbacks that follow.
    pub(crate) fn call_root(&self, callback: Callback) -> Option<u32> {
        let answer = self.call(callback);
        // A trap takes nothing back (FAI-19).
        self.host.state().run_effect();
        answer.ok()
    }

    /// The root is of no more use: it is deleted, or lives on until it calls `proxy_done` when it answers so (LIF-20).
    pub(crate) fn end_root(&self, root: &Rc<Root>) {
        if self.is_dead() {
            return;
        }
        match self.call_root(Callback::proxy_on_done { context_id: root.id }) {
            Some(0) => root.wait_for_done(),
            Some(_) => self.delete(root),
            None => {}
        }
    }

    /// The root ends at once; one that has been told so before is not asked again.
    pub(crate) fn delete_root(&self, root: &Rc<Root>) {
        if !root.is_waiting_for_done() && !self.is_dead() {
            self.call_root(Callback::proxy_on_done { context_id: root.id });
        }
        self.delete(root);
    }

    fn delete(&self, root: &Root) {
        if !self.is_dead() {
            self.call_root(Callback::proxy_on_delete { context_id: root.id });
        }
        self.host.delete_context(root.id);
    }

    /// ACL-1: a root that is an access logger is told of a stream.
    pub(crate) fn log_stream(&self, root: &Root, stream: u64) {
        if !self.is_dead() {
            self.host.set_logged(Some(stream));
            self.call_root(Callback::proxy_on_log { context_id: root.id });
            self.host.set_logged(None);
        }
    }

    /// Where it runs.
    pub(crate) fn thread(&self) -> Thread {
        self.thread
    }

    /// It has trapped: no callback is made in it any more (FAI-1).
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.get()
    }

    /// How much memory the guest has; `None` in the null VM.
    pub(crate) fn memory_size(&self) -> Option<u64> {
        self.vm.memory_size()
    }
}

/// A callback that is being made; it ends too when the test's own code panics in it.
struct Underway<'a>(&'a RunningVm);

impl<'a> Underway<'a> {
    fn begin(vm: &'a RunningVm, callback: Callback) -> Self {
        let (host, state) = (&vm.host, vm.host.state());
        host.enter(callback);
        state.trace.callback(format!("{}{}: {callback}", host.plugin().name, vm.thread));
        state.scheduler.enter(vm.thread);
        Self(vm)
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.host.state().scheduler.leave();
        self.0.host.leave();
    }
}

/// A canary leaves what it has shared: in Envoy the base of its VM stays.
impl Drop for RunningVm {
    fn drop(&mut self) {
        if self.thread != Thread::Canary {
            self.host.state().shared.leave(&self.key.settings.vm_id);
        }
    }
}

/// The VMs that run.
pub(crate) struct Vms {
    state: Rc<State>,
    thread: Thread,
    running: RefCell<Vec<Rc<RunningVm>>>,
}

impl Vms {
    pub(crate) fn new(state: Rc<State>, thread: Thread) -> Self {
        Self { state, thread, running: RefCell::default() }
    }

    pub(crate) fn state(&self) -> &Rc<State> {
        &self.state
    }

    pub(crate) fn thread(&self) -> Thread {
        self.thread
    }

    /// The VM for a plugin: one that runs and has the same code and settings, or a new one.
    pub(crate) fn get_or_start(&self, plugin: &Plugin, settings: &Rc<PluginSettings>) -> Result<Rc<RunningVm>, Reason> {
        let key = VmKey {
            code: code(&plugin.source)?,
            settings: settings.vm.clone(),
            #[cfg(feature = "wasmtime")]
            limits: plugin.limits,
        };
        if let Some(vm) = self.alive().into_iter().find(|vm| vm.key == key) {
            return Ok(vm);
        }
        let vm = Rc::new(RunningVm::start(&self.state, key, self.thread, settings)?);
        self.running.borrow_mut().push(Rc::clone(&vm));
        Ok(vm)
    }

    /// Those that have not died and not lost their last root, in the order in which they were started.
    pub(crate) fn alive(&self) -> Vec<Rc<RunningVm>> {
        let mut running = self.running.borrow_mut();
        running.retain(|vm| !vm.is_dead() && !vm.host.roots().is_empty());
        running.clone()
    }

    /// The one of this number, unless it has died.
    pub(crate) fn find(&self, id: u32) -> Option<Rc<RunningVm>> {
        self.alive().into_iter().find(|vm| vm.host.id() == id)
    }

    /// The roots of those that have not died, each with its VM.
    pub(crate) fn roots(&self) -> Vec<(Rc<RunningVm>, Rc<Root>)> {
        let roots = |vm: Rc<RunningVm>| vm.host.roots().into_iter().map(move |root| (Rc::clone(&vm), root));
        self.alive().into_iter().flat_map(roots).collect()
    }
}

fn code(source: &Source) -> Result<Code, Reason> {
    #[cfg(feature = "wasmtime")]
    let read = |path: &std::path::Path| {
        std::fs::read(path).map(Code::Wasm).map_err(|error| Reason::File { path: path.to_owned(), error: error.to_string() })
    };
    match source {
        Source::Native(module) => Ok(Code::Native(*module)),
        Source::Spy(spy) => Ok(Code::Spy(spy.clone())),
        #[cfg(feature = "wasmtime")]
        Source::Bytes(bytes) => Ok(Code::Wasm(bytes.clone())),
        #[cfg(feature = "wasmtime")]
        Source::File(path) => read(path),
        #[cfg(feature = "wasmtime")]
        Source::Crate(dir) => {
            use crate::filter_crate::{BuildOptions, FilterCrate};
            read(&FilterCrate::build_once(dir, &BuildOptions::default()).map_err(Reason::Build)?.wasm)
        }
    }
}
