//! `proxy_call_foreign_function`: Envoy's own functions, those of the test, and what was called.

#[cfg(feature = "cel")]
mod attributes;
mod declaration;
#[cfg(feature = "cel")]
mod expression;
#[cfg(not(feature = "cel"))]
#[path = "no_expression.rs"]
mod expression;
mod filter_state;
mod signature;
mod zlib;

pub(crate) use declaration::Declarations;
pub(crate) use expression::Expressions;

use super::VmHost;
use crate::profile::Profile;
use crate::proxy::MockProxy;
use crate::tester;
use proxy_filter_abi::{Callback, Status};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::rc::Rc;

type Answer = Result<Vec<u8>, Status>;

/// What a test gives.
type Closure = dyn FnMut(&[u8]) -> Answer;

/// A call of a foreign function, as it was made and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignCall {
    /// The name of the plugin that called.
    pub plugin: String,
    /// The function's name.
    pub function: String,
    /// What it was given.
    pub arguments: Vec<u8>,
    /// What it answered.
    pub answer: Result<Vec<u8>, Status>,
}

/// A function of the test's.
#[derive(Clone)]
pub(crate) struct Function(Rc<RefCell<Closure>>);

impl Function {
    pub(crate) fn new(function: impl FnMut(&[u8]) -> Answer + 'static) -> Self {
        Self(Rc::new(RefCell::new(function)))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

/// The functions that all VMs of a mock proxy can call, beside Envoy's, and the calls so far.
#[derive(Debug, Default)]
pub(crate) struct ForeignFunctions {
    of_test: RefCell<BTreeMap<String, Function>>,
    calls: RefCell<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    kept: VecDeque<ForeignCall>,
    size: usize,
}

/// How many bytes of calls are kept; then the oldest are dropped.
const KEPT: usize = 16 << 20;

impl ForeignFunctions {
    pub(crate) fn set(&self, name: String, function: Function) {
        self.of_test.borrow_mut().insert(name, function);
    }

    pub(crate) fn calls(&self) -> Vec<ForeignCall> {
        self.calls.borrow().kept.iter().cloned().collect()
    }

    fn of_test(&self, name: &str) -> Option<Function> {
        self.of_test.borrow().get(name).cloned()
    }

    fn record(&self, call: ForeignCall) {
        let size = |call: &ForeignCall| {
            let answer = call.answer.as_ref().map_or(0, Vec::len);
            size_of::<ForeignCall>() + call.plugin.len() + call.function.len() + call.arguments.len() + answer
        };
        let mut calls = self.calls.borrow_mut();
        calls.size += size(&call);
        calls.kept.push_back(call);
        while calls.size > KEPT
            && let Some(oldest) = calls.kept.pop_front()
        {
            calls.size -= size(&oldest);
        }
    }
}

/// A function of Envoy's, on what it is given.
type OfEnvoy = fn(&VmHost, &[u8]) -> Answer;

/// Those of Envoy 1.40.
const OF_ENVOY: &[(&str, OfEnvoy)] = &[
    ("clear_route_cache", |host, _| {
        // FOR-13: it is chosen again when it is needed, among the single one that the mock proxy has.
        host.note("the route is chosen again");
        Ok(Vec::new())
    }),
    ("compress", |host, arguments| {
        zlib::compress(arguments).map_err(|problem| host.refuse(problem, Status::SerializationFailure))
    }),
    ("declare_property", declaration::declare),
    ("expr_create", expression::create),
    ("expr_delete", expression::delete),
    ("expr_evaluate", expression::evaluate),
    ("set_envoy_filter_state", filter_state::set),
    ("sign", signature::sign),
    ("uncompress", |host, arguments| {
        zlib::uncompress(arguments).map_err(|problem| host.refuse(problem, Status::SerializationFailure))
    }),
    ("verify_signature", signature::verify),
];

/// FOR-1: what other versions of Envoy have, for the trace.
const OF_OTHER_ENVOYS: &[&str] = &["drain", "get_node_subset", "get_upstream_override_host", "set_upstream_override_host"];

impl VmHost {
    /// The function of this name; one of the test's stands before one of Envoy's.
    fn foreign_function(&self, name: &[u8]) -> Option<Callee> {
        let name = std::str::from_utf8(name).ok()?;
        if let Some(function) = self.state().foreign.of_test(name) {
            return Some(Callee::OfTest(function));
        }
        if self.state().profile == Profile::Spec {
            return None;
        }
        OF_ENVOY.iter().find(|(own, _)| *own == name).map(|(_, function)| Callee::OfEnvoy(*function))
    }

    pub(super) fn call_foreign_function(&self, name: &[u8], arguments: &[u8]) -> Answer {
        let answer = match self.foreign_function(name) {
            Some(callee) => {
                self.called_foreign.set(true);
                match callee {
                    Callee::OfEnvoy(function) => function(self, arguments),
                    Callee::OfTest(function) => match function.0.try_borrow_mut() {
                        Ok(mut function) => tester::run(|| function(arguments)),
                        Err(_) => Err(self.refuse("it is running already", Status::InternalFailure)),
                    },
                }
            }
            None => Err(self.refuse(self.why_unknown(name), Status::NotFound)),
        };
        self.state().foreign.record(ForeignCall {
            plugin: self.plugin().name.clone(),
            function: String::from_utf8_lossy(name).into_owned(),
            arguments: arguments.to_vec(),
            answer: answer.clone(),
        });
        answer
    }

    /// Whether the hostcall that has just been made was one of a foreign function that exists: its outputs are then written even if it
    /// fails (MEM-6), and those that are null are not wanted (FOR-2).
    #[cfg(feature = "wasmtime")]
    pub(crate) fn take_called_foreign(&self) -> bool {
        self.called_foreign.take()
    }

    fn why_unknown(&self, name: &[u8]) -> String {
        let shown = String::from_utf8_lossy(name);
        let other = OF_OTHER_ENVOYS.iter().any(|other| other.as_bytes() == name);
        let why = if other { "Envoy 1.40 has no such function, though other versions do" } else { "Envoy has no such function" };
        format!("{why}: `Builder::foreign_function({shown:?}, …)` gives the mock proxy one")
    }

    /// The root of the context whose callback runs, whichever hostcalls act on.
    #[cfg(feature = "cel")]
    fn running_root(&self) -> u32 {
        let id = self.running.get().map_or(0, |callback| callback.context_id());
        self.contexts.borrow().get(&id).map_or(id, |context| context.root().id)
    }

    #[cfg(feature = "cel")]
    fn has_stream(&self) -> bool {
        self.stream().is_some() || self.logged_stream().is_some()
    }

    /// Does something on the context whose callback runs, whichever hostcalls act on (CTX-10).
    #[cfg(feature = "cel")]
    fn as_running<T>(&self, f: impl FnOnce() -> T) -> T {
        let effective = self.effective.replace(self.running.get().map_or(0, |callback| callback.context_id()));
        let result = f();
        self.effective.set(effective);
        result
    }

    /// Says in the trace why a function refuses, and refuses.
    fn refuse(&self, problem: impl AsRef<str>, status: Status) -> Status {
        self.note(problem);
        status
    }

    fn note(&self, text: impl AsRef<str>) {
        self.state().trace.hostcall(|line| line.push_str(text.as_ref()));
    }
}

enum Callee {
    OfEnvoy(OfEnvoy),
    OfTest(Function),
}

impl MockProxy {
    /// The foreign functions that plugins have called so far, in their order, those of Envoy and those of the
    /// [test](crate::Builder::foreign_function); after 16 MiB of them the oldest are dropped.
    pub fn foreign_calls(&self) -> Vec<ForeignCall> {
        self.state.foreign.calls()
    }

    /// Calls a plugin by a number that both have agreed upon: `proxy_on_foreign_function` of its roots of the workers. Envoy itself never
    /// does (FOR-15); an Envoy that was built with more in it, or another proxy, may.
    ///
    /// # Panics
    /// When no plugin has this name. As [`send`](Self::send).
    #[track_caller]
    pub fn call_plugin(&self, plugin: &str, function_id: u32, arguments: impl Into<Vec<u8>>) -> &Self {
        let arguments = arguments.into();
        let roots: Vec<_> =
            self.workers.iter().flat_map(|worker| worker.vms.roots()).filter(|(_, root)| root.plugin.name == plugin).collect();
        assert!(!roots.is_empty(), "no plugin that runs is named {plugin:?}: name one by `Plugin::name`, or by its root id");
        for (vm, root) in roots {
            let size = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
            vm.host.foreign_arguments.replace(Some(arguments.clone()));
            vm.call_root(Callback::proxy_on_foreign_function { context_id: root.id, function_id, arguments_size: size });
            vm.host.foreign_arguments.replace(None);
            if vm.is_dead() {
                self.find_hung(&vm);
            }
            self.run();
        }
        self.check();
        self
    }
}
