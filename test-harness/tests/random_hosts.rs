//! Random hosts of a compiled guest: whatever they call, answer, hand out and re-enter, nothing traps, and the VM works on.
//!
//! The host here is none of a proxy's, as none of these does any of this. `PROPTEST_CASES` says how many there are; 256 unless it is
//! set. Each has a VM of its own, so that the sequence which is printed for a failure is all there is to it.
#![cfg(feature = "wasmtime")]

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use proxy_filter_abi::{BufferType, CALLBACKS, CallbackRow, HOSTCALLS, HostcallRow, MapType, ReturnKind, WireKind, pairs};
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate};
use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};
use wasmtime::{AsContextMut, Caller, Engine, ExternType, Func, InstancePre, Linker, Memory, Module, Store, Val};

/// A callback with arguments, of which it takes as many as it has.
type Call = (&'static CallbackRow, Arguments);

/// Where there is a number besides, the second is the token that was given so many before the latest, if there is one.
type Arguments = ([u32; 5], Option<usize>);

/// What the next hostcalls do.
#[derive(Default)]
struct Host {
    status: u32,
    /// Success without results: the guest's variables stay what they were.
    withhold: bool,
    bytes: Vec<u8>,
    number: u32,
    /// What calls and streams of services were given, whether they live or not.
    tokens: Vec<u32>,
    root_id: Vec<u8>,
    reenter: Vec<Call>,
    depth: u32,
    last_log: String,
}

struct Guest {
    store: Store<Host>,
    instance: wasmtime::Instance,
}

/// The torture guest, compiled once.
static TORTURE: LazyLock<InstancePre<Host>> = LazyLock::new(|| {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/guests/torture");
    let built = FilterCrate::build_once(dir, &BuildOptions::default()).expect("it builds");
    let mut config = wasmtime::Config::new();
    config.consume_fuel(true);
    let engine = Engine::new(&config).expect("Wasmtime runs");
    let module = Module::from_file(&engine, built.wasm).expect("a module");
    let mut linker = Linker::new(&engine);
    for import in module.imports() {
        let row = HOSTCALLS.iter().find(|row| row.name == import.name()).expect("a hostcall");
        let ExternType::Func(ty) = import.ty() else { panic!("{} is no function", row.name) };
        let hostcall = move |mut caller: Caller<'_, Host>, parameters: &[Val], results: &mut [Val]| {
            results[0] = Val::I32(hostcall(&mut caller, row, parameters)?.cast_signed());
            Ok(())
        };
        linker.func_new(import.module(), row.name, ty, hostcall).expect("imported once");
    }
    linker.instantiate_pre(&module).expect("all is linked")
});

const DEEPEST: u32 = 4;

/// How often guests asked for what is said of gRPC, which they do where they find who waits for its token, or spoke by it.
static GRPC: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

fn count(row: &HostcallRow, words: &[u32]) {
    let of = match row.name {
        "proxy_get_buffer_bytes" if words[0] == BufferType::GrpcCallMessage as u32 => " of a message",
        "proxy_get_header_map_pairs" if words[0] == MapType::GrpcCallInitialMetadata as u32 => " of initial metadata",
        "proxy_get_header_map_pairs" if words[0] == MapType::GrpcCallTrailingMetadata as u32 => " of trailing metadata",
        "proxy_get_status" => "",
        name if name.starts_with("proxy_grpc_") => "",
        _ => return,
    };
    *GRPC.lock().expect("nothing panics meanwhile").entry(format!("{}{of}", row.name)).or_default() += 1;
}

fn hostcall(caller: &mut Caller<'_, Host>, row: &HostcallRow, parameters: &[Val]) -> wasmtime::Result<u32> {
    let words: Vec<u32> = parameters.iter().map(|value| value.i32().unwrap_or_default().cast_unsigned()).collect();
    count(row, &words);
    if row.name == "proxy_log" {
        let (start, size) = (words[1] as usize, words[2] as usize);
        let text = memory(caller).data(&mut *caller).get(start..start + size).expect("what the guest logs is its own");
        caller.data_mut().last_log = String::from_utf8_lossy(text).into_owned();
    }
    if caller.data().depth < DEEPEST
        && let Some((inner, arguments)) = caller.data_mut().reenter.pop()
        && let Some(function) = export(caller, inner.name)
    {
        caller.data_mut().depth += 1;
        let answered = call(&mut *caller, function, inner, arguments);
        caller.data_mut().depth -= 1;
        answered?;
    }
    let host = caller.data();
    if host.status != 0 || host.withhold {
        return Ok(host.status);
    }
    let (bytes, number) = (if row.name == "proxy_get_property" { &host.root_id } else { &host.bytes }.clone(), host.number);
    if matches!(row.name, "proxy_http_call" | "proxy_grpc_call" | "proxy_grpc_stream") {
        // Tokens count up, until the host is told another number.
        let host = caller.data_mut();
        host.tokens.push(number);
        host.number = number.wrapping_add(1);
    }
    let width: usize = row.results.iter().map(|result| if result.kind == WireKind::Bytes { 2 } else { 1 }).sum();
    let mut pointers = words[words.len() - width..].iter().copied();
    let mut next = || pointers.next().expect("a pointer for each result") as usize;
    for result in row.results {
        match result.kind {
            WireKind::Bytes => {
                let pointer = hand_over(caller, &bytes)?;
                store(caller, next(), &pointer.to_le_bytes());
                store(caller, next(), &size(&bytes).to_le_bytes());
            }
            WireKind::U64 | WireKind::I64 => store(caller, next(), &(u64::from(number) << 32).to_le_bytes()),
            WireKind::U32 | WireKind::Enum(_) => store(caller, next(), &number.to_le_bytes()),
        }
    }
    Ok(0)
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a short one")
}

fn export(caller: &mut Caller<'_, Host>, name: &str) -> Option<Func> {
    caller.get_export(name)?.into_func()
}

fn memory(caller: &mut Caller<'_, Host>) -> Memory {
    caller.get_export("memory").and_then(wasmtime::Extern::into_memory).expect("the guest has a memory")
}

fn store(caller: &mut Caller<'_, Host>, at: usize, bytes: &[u8]) {
    memory(caller).write(caller, at, bytes).expect("the guest gives pointers into its memory");
}

/// Where the bytes are in the guest; no bytes are nowhere.
fn hand_over(caller: &mut Caller<'_, Host>, bytes: &[u8]) -> wasmtime::Result<u32> {
    if bytes.is_empty() {
        return Ok(0);
    }
    let allocator = ["malloc", "proxy_on_memory_allocate"].iter().find_map(|name| export(caller, name));
    let pointer = allocator.expect("the guest has an allocator").typed::<u32, u32>(&*caller)?.call(&mut *caller, size(bytes))?;
    store(caller, pointer as usize, bytes);
    Ok(pointer)
}

fn call(
    mut store: impl AsContextMut<Data = Host>,
    function: Func,
    row: &CallbackRow,
    (mut arguments, token): Arguments,
) -> wasmtime::Result<u32> {
    let tokens = &store.as_context().data().tokens;
    if let Some(token) = token.and_then(|before| tokens.iter().rev().nth(before)) {
        arguments[1] = *token;
    }
    let parameters: Vec<Val> = arguments[..row.arguments.len()].iter().map(|value| Val::I32(value.cast_signed())).collect();
    let mut results = [Val::I32(0)];
    let count = usize::from(row.returns != ReturnKind::Nothing);
    function.call(&mut store, &parameters, &mut results[..count])?;
    Ok(results[0].i32().expect("an i32").cast_unsigned())
}

/// The row of the table and what it is called with.
fn named(name: &str, arguments: [u32; 5]) -> Call {
    named_with(name, (arguments, None))
}

fn named_with(name: &str, arguments: Arguments) -> Call {
    (CALLBACKS.iter().find(|row| row.name == name).expect("a row of the table"), arguments)
}

impl Guest {
    fn start() -> Self {
        let mut store = Store::new(TORTURE.module().engine(), Host { bytes: b"strict".to_vec(), ..Host::default() });
        store.set_fuel(u64::MAX).expect("fuel is on");
        let instance = TORTURE.instantiate(&mut store).expect("it starts");
        let mut guest = Self { store, instance };
        if let Some(initialize) = guest.instance.get_func(&mut guest.store, "_initialize") {
            initialize.call(&mut guest.store, &[], &mut []).expect("it starts");
        }
        guest
    }

    /// Makes a callback, which does not trap; `None` when the guest does not export it.
    fn call(&mut self, (row, arguments): Call) -> Option<u32> {
        const MOST: u64 = 100_000_000;
        self.store.set_fuel(MOST).expect("fuel is on");
        let function = self.instance.get_func(&mut self.store, row.name)?;
        let answered = call(&mut self.store, function, row, arguments);
        let answer =
            answered.unwrap_or_else(|trap| panic!("{}{arguments:?}: {trap:?}\n{}", row.name, self.store.data().last_log));
        let most = match row.returns {
            ReturnKind::Action => 4,
            ReturnKind::Bool => 1,
            ReturnKind::Nothing => 0,
        };
        assert!(answer <= most, "{}{arguments:?} = {answer}", row.name);
        Some(answer)
    }

    fn configure(&mut self, root: u32, root_id: &str, configuration: &str) -> Option<u32> {
        let host = self.store.data_mut();
        (host.root_id, host.bytes) = (root_id.into(), configuration.into());
        self.call(named("proxy_on_context_create", [root, 0, 0, 0, 0]));
        self.call(named("proxy_on_configure", [root, size(configuration.as_bytes()), 0, 0, 0]))
    }

    /// A stream that calls all there is, under a sane host: what each callback answered.
    fn life(&mut self, root_id: &str, root: u32) -> Vec<Option<u32>> {
        let host = self.store.data_mut();
        (host.status, host.withhold, host.number) = (0, false, 4);
        host.reenter.clear();
        let mut answers = vec![self.configure(root, root_id, "strict")];
        self.store.data_mut().bytes = pairs::encode([("a", "b")]);
        let stream = root + 1;
        answers.push(self.call(named("proxy_on_context_create", [stream, root, 0, 0, 0])));
        let others = CALLBACKS.iter().filter(|row| row.arguments.first() == Some(&"context_id") && !ROOTS.contains(&row.name));
        answers.extend(others.map(|row| self.call((row, ([stream, 1, 0, 0, 0], None)))));
        answers.extend(
            ["proxy_on_log", "proxy_on_done", "proxy_on_delete"].map(|name| self.call(named(name, [stream, 0, 0, 0, 0]))),
        );
        answers
    }
}

/// Those that a sane host makes of roots, or first, or last.
const ROOTS: [&str; 6] =
    ["proxy_on_context_create", "proxy_on_configure", "proxy_on_vm_start", "proxy_on_log", "proxy_on_done", "proxy_on_delete"];

/// What the callbacks of a life answer that nothing came before.
static UNHARMED: LazyLock<BTreeMap<&str, Vec<Option<u32>>>> =
    LazyLock::new(|| ["torture", "connections"].map(|root_id| (root_id, Guest::start().life(root_id, 1_000))).into());

/// The plugins of the guest, each with a root that lives when the sequence begins, and two streams.
const PLUGINS: [&str; 7] = ["torture", "hold", "collect", "services", "connections", "hold connections", "services connections"];

/// Small numbers, and wild ones.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0_u32..20, 1 => any::<u32>()]
}

/// The streams that live at first, the roots, and ids of nothing.
fn context() -> impl Strategy<Value = u32> {
    prop_oneof![12 => 8_u32..22, 3 => 1_u32..8, 1 => number()]
}

fn callback() -> impl Strategy<Value = Call> {
    // What the guest does not export cannot be called.
    let exported = |row: &&CallbackRow| TORTURE.module().get_export(row.name).is_some();
    let rows: Vec<&'static CallbackRow> = CALLBACKS.iter().filter(exported).collect();
    let arguments = (context(), prop_oneof![1 => context(), 1 => number()], number());
    // Those of services come to roots: in time, late, twice, and for what was never asked.
    let services: Vec<_> = rows.iter().copied().filter(|row| is_of_a_service(row)).collect();
    let token =
        prop_oneof![3 => (0_usize..6).prop_map(|before| (0, Some(before))), 1 => number().prop_map(|token| (token, None))];
    let numbers = (token, [0_u32..4, 0_u32..4, 0_u32..2]);
    prop_oneof![
        1 => (0..rows.len(), arguments).prop_map(move |(row, (first, second, third))| (rows[row], ([first, second, third, 0, 0], None))),
        1 => (0..services.len(), 1_u32..8, numbers).prop_map(move |(row, root, ((token, before), [headers, body, trailers]))| {
            let row = services[row];
            // Ticks have no token, queues have their own.
            let before = before.filter(|_| has_token(row));
            (row, ([root, token, headers, body, trailers], before))
        }),
    ]
}

fn is_of_a_service(row: &CallbackRow) -> bool {
    matches!(row.name, "proxy_on_tick" | "proxy_on_queue_ready" | "proxy_on_foreign_function") || has_token(row)
}

fn has_token(row: &CallbackRow) -> bool {
    row.name == "proxy_on_http_call_response" || row.name.starts_with("proxy_on_grpc_")
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let map = vec(("[a-z]{0,3}", vec(any::<u8>(), 0..4)), 0..4).prop_map(pairs::encode);
    let cut = (map.clone(), 0_usize..40).prop_map(|(bytes, length)| bytes[..length.min(bytes.len())].to_vec());
    // A word of it says another number or size than there is.
    let torn = (map.clone(), 0_usize..6, number()).prop_map(|(mut bytes, word, number)| {
        if let Some(place) = bytes.get_mut(word * 4..word * 4 + 4) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    });
    let long = (any::<u8>(), 0_usize..20_000).prop_map(|(byte, length)| vec![byte; length]);
    prop_oneof![2 => Just(b"strict".to_vec()), 4 => map, 2 => cut, 2 => torn, 2 => vec(any::<u8>(), 0..40), 1 => long]
}

#[derive(Clone, Debug)]
enum Step {
    Call(&'static str, Arguments),
    Give(Vec<u8>, u32),
    Status(u32),
    Withhold(bool),
    RootId(Vec<u8>),
    Reenter(Vec<(&'static str, Arguments)>),
}

fn step() -> impl Strategy<Value = Step> {
    let call = || callback().prop_map(|(row, arguments)| (row.name, arguments));
    let root_id = prop_oneof![4 => (0..PLUGINS.len()).prop_map(|index| PLUGINS[index].as_bytes().to_vec()), 1 => bytes()];
    prop_oneof![
        16 => call().prop_map(|(name, arguments)| Step::Call(name, arguments)),
        6 => (bytes(), number()).prop_map(|(bytes, number)| Step::Give(bytes, number)),
        2 => prop_oneof![2 => Just(0_u32), 1 => 0_u32..16, 1 => any::<u32>()].prop_map(Step::Status),
        1 => any::<bool>().prop_map(Step::Withhold),
        1 => root_id.prop_map(Step::RootId),
        4 => vec(call(), 1..6).prop_map(Step::Reenter),
    ]
}

fn run(steps: Vec<Step>) {
    let mut guest = Guest::start();
    // What comes at random is to meet contexts that live.
    for (root, root_id) in (1..).zip(PLUGINS) {
        let configuration = if matches!(root_id, "torture" | "connections") { "strict" } else { "" };
        assert_eq!(guest.configure(root, root_id, configuration), Some(1), "{root_id}: {}", guest.store.data().last_log);
        for context in [root + 7, root + 14] {
            guest.call(named("proxy_on_context_create", [context, root, 0, 0, 0]));
        }
    }
    for step in steps {
        let host = guest.store.data_mut();
        match step {
            Step::Call(name, arguments) => drop(guest.call(named_with(name, arguments))),
            Step::Give(bytes, number) => (host.bytes, host.number) = (bytes, number),
            Step::Status(status) => host.status = status,
            Step::Withhold(withhold) => host.withhold = withhold,
            Step::RootId(root_id) => host.root_id = root_id,
            Step::Reenter(calls) => {
                host.reenter = calls.into_iter().map(|(name, arguments)| named_with(name, arguments)).collect();
            }
        }
    }
    // A host that has come to its senses is served as if nothing had been.
    for root_id in ["torture", "connections"] {
        assert_eq!(guest.life(root_id, 1_000), UNHARMED[root_id], "{root_id}");
        guest.call(named("proxy_on_delete", [1_000, 0, 0, 0, 0]));
    }
    const MOST_MEMORY: usize = 4 << 20;
    let memory = guest.instance.get_memory(&mut guest.store, "memory").expect("the guest has a memory");
    assert!(memory.data_size(&guest.store) <= MOST_MEMORY, "{} bytes of memory", memory.data_size(&guest.store));
}

#[test]
fn random_hosts_are_survived() {
    let config = Config { failure_persistence: None, source_file: Some(file!()), ..Config::default() };
    let cases = config.cases;
    let survived = TestRunner::new(config).run(&vec(step(), 0..120), |steps| {
        run(steps);
        Ok(())
    });
    survived.unwrap_or_else(|failure| panic!("{failure}"));
    let grpc = GRPC.lock().expect("nothing panicked");
    println!("{cases} hosts, 0 traps; gRPC: {grpc:?}");
    // With few hosts chance may have left one out.
    assert!(cases < 256 || grpc.len() == 9, "some of gRPC is never reached: {grpc:?}");
}
