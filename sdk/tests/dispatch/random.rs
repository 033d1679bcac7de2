//! Random hosts: whatever they call, answer and re-enter, nothing panics, nothing leaks, and the VM works on.
//!
//! `PROPTEST_CASES` says how many there are; 256 unless it is set.

use super::host::{Started, every_callback};
use super::hostile::everything::{LIVE, PLUGINS};
use super::hostile::{UNHARMED, UNHARMED_TCP};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::Config;
use proxy_filter::abi::{CALLBACKS, Callback, ReturnKind, pairs};

/// Ids that are likely to meet, and wild ones.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 1_u32..11, 1 => any::<u32>()]
}

fn callback() -> impl Strategy<Value = Callback> {
    let arguments = [number(), number(), number(), number(), number()];
    let rows = prop_oneof![
        // Those that make and end contexts come often, so that others find any.
        1 => Just("proxy_on_context_create"), 1 => Just("proxy_on_configure"), 1 => Just("proxy_on_delete"),
        // And those by which something that waits is told.
        1 => Just("proxy_on_http_call_response"), 1 => Just("proxy_on_tick"),
        1 => Just("proxy_on_grpc_receive_initial_metadata"), 1 => Just("proxy_on_grpc_receive"),
        1 => Just("proxy_on_grpc_receive_trailing_metadata"), 1 => Just("proxy_on_grpc_close"),
        6 => (0..CALLBACKS.len()).prop_map(|row| CALLBACKS[row].name),
    ];
    (rows, arguments).prop_map(|(name, arguments)| {
        every_callback(arguments).into_iter().find(|callback| callback.name() == name).expect("a row of the table")
    })
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let map = vec(("[a-z]{0,3}", vec(any::<u8>(), 0..4)), 0..4).prop_map(pairs::encode);
    let cut = (map.clone(), 0_usize..40).prop_map(|(bytes, length)| bytes[..length.min(bytes.len())].to_vec());
    prop_oneof![
        Just(b"strict".to_vec()),
        Just(b"strict tcp".to_vec()),
        Just(b"waits".to_vec()),
        Just(b"other".to_vec()),
        map,
        cut,
        vec(any::<u8>(), 0..40)
    ]
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Call(Callback),
    Give(Vec<u8>, u32),
    Status(u32),
    Reenter(Vec<Callback>),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => callback().prop_map(Step::Call),
        3 => (bytes(), number()).prop_map(|(bytes, number)| Step::Give(bytes, number)),
        1 => prop_oneof![2 => Just(0_u32), 1 => 0_u32..16, 1 => any::<u32>()].prop_map(Step::Status),
        4 => vec(callback(), 1..6).prop_map(Step::Reenter),
    ]
}

/// Takes a step; what an action answers is one.
pub(super) fn take(started: &Started, step: Step) {
    match step {
        Step::Call(callback) => {
            let answer = started.call(callback);
            let most = match callback.returns() {
                ReturnKind::Action => 4,
                ReturnKind::Bool => 1,
                ReturnKind::Nothing => 0,
            };
            assert!(answer <= most, "{callback} = {answer}");
        }
        Step::Give(bytes, number) => {
            started.host.give(bytes);
            started.host.give_number(number);
        }
        Step::Status(code) => started.host.answer(move |_| Some(code)),
        Step::Reenter(callbacks) => started.host.reenter(callbacks),
    }
    started.host.take_calls();
}

fn run(steps: Vec<Step>) {
    let before = LIVE.get();
    let started = Started::new(&PLUGINS);
    started.host.give("strict");
    // What comes at random is to meet contexts that live.
    assert!(started.configure(1, "strict"));
    started.host.give("strict tcp");
    assert!(started.configure(4, "strict tcp"));
    started.host.give("waits");
    assert!(started.configure(7, "waits"));
    for (context_id, parent_id) in [(2, 1), (3, 1), (5, 4), (6, 4), (8, 7), (9, 7)] {
        started.call(Callback::proxy_on_context_create { context_id, parent_id });
    }
    for step in steps {
        take(&started, step);
    }
    // A host that has come to its senses is served.
    started.host.answer(|_| None);
    started.host.forget_reentries();
    started.host.give("strict");
    assert!(started.configure(1_000, "strict"));
    started.host.give(pairs::encode([("a", "b")]));
    assert_eq!(started.stream(1_000, 1_001), UNHARMED);
    started.host.give("strict tcp");
    assert!(started.configure(1_002, "strict tcp"));
    assert_eq!(started.tcp_stream(1_002, 1_003), UNHARMED_TCP);
    drop(started);
    assert_eq!(LIVE.get(), before, "contexts leak");
}

proptest::proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]
    #[test]
    fn random_hosts_are_survived(steps in vec(step(), 0..120)) {
        run(steps);
    }
}
