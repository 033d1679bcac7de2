//! The contexts of this VM, and what happens in every callback.

use crate::{
    names::Callback,
    numbers::{Kind, Numbers},
    perform::{Outcome, get_buffer, get_header, log, perform},
    script::{Script, Target},
    sys::PLUGIN,
    words::{Naming, Number},
};
use alloc::{collections::BTreeMap, format, rc::Rc, string::String, vec::Vec};

struct Context {
    /// The own number for a root.
    root: u32,
    script: Rc<Script>,
    calls: BTreeMap<Callback, u32>,
}

/// All contexts of this VM, by number, and the numbers that each root's scripts have named.
pub(crate) struct Plugin {
    contexts: BTreeMap<u32, Context>,
    numbers: BTreeMap<u32, Numbers>,
}

impl Plugin {
    pub(crate) const fn new() -> Self {
        Self { contexts: BTreeMap::new(), numbers: BTreeMap::new() }
    }

    fn create(&mut self, id: u32, parent: u32) {
        let script = self.contexts.get(&parent).map(|root| Rc::clone(&root.script)).unwrap_or_default();
        let root = if parent == 0 { id } else { parent };
        self.contexts.insert(id, Context { root, script, calls: BTreeMap::new() });
    }

    fn delete(&mut self, id: u32) {
        self.contexts.remove(&id);
        self.numbers.remove(&id);
    }

    /// The number that `target` means inside a callback of `id`.
    pub(crate) fn resolve(&self, id: u32, target: &Target) -> Option<u32> {
        match target {
            Target::Number(number) => u32::try_from(self.value(id, number)?).ok(),
            Target::Root => self.contexts.get(&id).map(|context| context.root),
            Target::Stream if self.contexts.get(&id).is_some_and(|context| context.root != id) => Some(id),
            Target::Stream => {
                self.contexts.iter().find(|(other, context)| context.root == id && **other != id).map(|(other, _)| *other)
            }
        }
    }

    /// What `number` stands for inside a callback of `id`; `None` if nothing has its name.
    pub(crate) fn value(&self, id: u32, number: &Number) -> Option<u64> {
        self.numbers.get(&self.root(id)).unwrap_or(&Numbers::new()).value(number)
    }

    /// Gives a number a name, and says it.
    pub(crate) fn give(&mut self, id: u32, kind: Kind, naming: &Naming, value: u64) -> String {
        self.numbers.entry(self.root(id)).or_default().give(kind, naming, value)
    }

    /// The name of a number, or a question mark: what has no name differs from run to run.
    fn name(&self, id: u32, kind: Kind, value: u32) -> String {
        let name = self.numbers.get(&self.root(id)).and_then(|numbers| numbers.name(kind, value.into()));
        name.unwrap_or("?").into()
    }

    fn root(&self, id: u32) -> u32 {
        self.contexts.get(&id).map_or(id, |context| context.root)
    }
}

/// Logs a callback, does what the script says, answers what the script says or `default`.
pub(crate) fn run(id: u32, callback: Callback, arguments: &[(&str, u32)], default: u32) -> u32 {
    let known = PLUGIN.with(|plugin| {
        let context = plugin.contexts.get_mut(&id)?;
        let calls = context.calls.entry(callback).or_insert(0);
        *calls += 1;
        Some((if context.root == id { "root" } else { "stream" }, *calls))
    });
    let (who, nth) = known.unwrap_or(("unknown", 1));
    let shown = |(name, value): &(&str, u32)| match *name {
        "call_id" => format!("call_id={}", PLUGIN.with(|plugin| plugin.name(id, Kind::Call, *value))),
        "queue_id" => format!("queue_id={}", PLUGIN.with(|plugin| plugin.name(id, Kind::Queue, *value))),
        _ => format!("{name}={value}"),
    };
    let arguments: Vec<String> = arguments.iter().map(shown).collect();
    log(&format!("{who} {}({})", callback.name(), arguments.join(", ")));
    match (callback, who) {
        (Callback::Configure, _) => read_configuration(id),
        (Callback::RequestHeaders, _) if nth == 1 => read_header(id),
        _ => {}
    }
    let Some(script) = PLUGIN.with(|plugin| plugin.contexts.get(&id).map(|context| Rc::clone(&context.script))) else {
        return default;
    };
    let mut answer = default;
    for operation in script.operations(callback, nth) {
        match perform(id, operation) {
            Outcome::Said(line) => log(&format!("- {} = {line}", operation.text)),
            Outcome::Return(value) => answer = value,
            Outcome::Quiet => {}
        }
    }
    answer
}

/// Makes the context, then runs the callback.
pub(crate) fn create(id: u32, parent: u32) {
    PLUGIN.with(|plugin| plugin.create(id, parent));
    run(id, Callback::ContextCreate, &[], 0);
}

/// Runs the callback, then forgets the context.
pub(crate) fn delete(id: u32) {
    run(id, Callback::Delete, &[], 0);
    PLUGIN.with(|plugin| plugin.delete(id));
}

fn read_configuration(id: u32) {
    if let Some(source) = get_buffer(7) {
        adopt(id, Script::parse(&source));
    }
}

fn read_header(id: u32) {
    let read = PLUGIN.with(|plugin| plugin.contexts.get(&id).is_some_and(|context| !context.script.no_header));
    if let Some(source) = if read { get_header(0, b"x-script") } else { None } {
        let configured = PLUGIN.with(|plugin| plugin.contexts.get(&id).map(|context| Rc::clone(&context.script)));
        let mut script = configured.map(|script| Script::clone(&script)).unwrap_or_default();
        let added = Script::parse(&source);
        script.stanzas.extend(added.stanzas);
        script.errors = added.errors;
        adopt(id, script);
    }
}

fn adopt(id: u32, script: Script) {
    for error in &script.errors {
        log(&format!("script error: {error}"));
    }
    PLUGIN.with(|plugin| {
        if let Some(context) = plugin.contexts.get_mut(&id) {
            context.script = Rc::new(script);
        }
    });
}
