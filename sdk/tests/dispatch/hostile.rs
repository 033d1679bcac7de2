//! Hosts that answer any status, any bytes, call in any order and from inside a hostcall: a plugin survives them all.

pub(super) mod everything;
mod waits;

use super::host::{Started, every_callback, life};
use everything::PLUGINS;
use proxy_filter::Status;
use proxy_filter::abi::{CALLBACKS, Callback, HOSTCALLS, ReturnKind, pairs};

/// What its callbacks answer when nothing fails.
pub(super) const UNHARMED: [u32; 10] = [0, 4, 2, 1, 3, 3, 1, 0, 1, 0];

/// The same of a TCP stream.
pub(super) const UNHARMED_TCP: [u32; 9] = [0, 1, 1, 1, 0, 0, 0, 1, 0];

/// The statuses of the ABI, those that it leaves out, and those beyond.
fn statuses() -> impl Iterator<Item = u32> {
    (0..=15).chain([77, u32::MAX])
}

/// A VM whose root 1 is configured to be strict.
fn strict() -> Started {
    let started = Started::new(&PLUGINS);
    started.host.give("strict");
    assert!(started.configure(1, "strict"));
    started.host.give(pairs::encode([("a", "b")]));
    started.host.take_calls();
    started
}

#[test]
fn every_hostcall_may_answer_every_status_and_is_named_in_the_log() {
    let used = {
        let started = strict();
        assert_eq!(started.stream(1, 2), UNHARMED);
        let name = |call: &String| call.split_once('(').map(|(name, _)| name.to_owned());
        let mut used: Vec<String> = started.host.take_calls().iter().filter_map(name).collect();
        used.sort();
        used.dedup();
        used
    };
    assert!(used.len() >= 17, "{used:?}");
    for row in HOSTCALLS {
        for code in statuses() {
            let started = strict();
            started.host.answer(move |hostcall| (hostcall == row.name).then_some(code));
            let answers = started.stream(1, 2);
            let log = started.host.take_log().join("\n");
            let told = Status::from_wire(code).is_some_and(|status| log.contains(&format!(": {} failed: {status}", row.name)));
            // That something is not there is an answer.
            let absence = match row.name {
                "proxy_get_header_map_value" | "proxy_get_shared_data" | "proxy_resolve_shared_queue" => code == 1,
                "proxy_dequeue_shared_queue" => code == 7,
                _ => false,
            };
            let fails = code != 0 && used.contains(&row.name.to_owned()) && !absence;
            assert_eq!(told, fails, "{} {code}: {log}", row.name);
            assert_eq!(answers == UNHARMED, !fails, "{} {code}: {answers:?}", row.name);
        }
    }
}

#[test]
fn every_hostcall_may_fail_at_once() {
    for code in statuses().skip(1) {
        let started = strict();
        started.host.answer(move |_| Some(code));
        let answers = started.stream(1, 2);
        assert!(answers[1..7].iter().all(|answer| *answer == 1), "{code}: {answers:?}");
        started.call(Callback::proxy_on_done { context_id: 1 });
        started.call(Callback::proxy_on_delete { context_id: 1 });
    }
}

#[test]
fn a_root_whose_configuration_cannot_be_fetched_is_refused() {
    for code in statuses().skip(1) {
        let started = Started::new(&PLUGINS);
        started.host.give("strict");
        started.host.answer(move |hostcall| (hostcall == "proxy_get_buffer_bytes").then_some(code));
        assert!(!started.configure(1, "strict"));
        let status = Status::from_wire(code).unwrap();
        let expected = format!("ERROR, strict: bad configuration: proxy_get_buffer_bytes failed: {status}");
        assert_eq!(started.host.take_log(), [expected]);
        started.host.answer(|_| None);
        assert!(started.configure(1, "strict"), "it may be tried again");
    }
}

#[test]
fn a_root_id_that_cannot_be_asked_for_is_unknown() {
    for code in statuses().skip(1) {
        let started = Started::new(&PLUGINS);
        started.host.answer(move |hostcall| (hostcall == "proxy_get_property").then_some(code));
        assert!(!started.configure(1, "strict"));
        assert_eq!(started.stream(1, 2), [0, 0, 0, 0, 0, 0, 0, 0, 1, 0], "its streams pass unseen");
        let log = started.host.take_log();
        assert_eq!(
            log[0],
            "ERROR, no plugin is registered for root id \"\"; this module has \"strict\" \"other\" \"strict tcp\" \"waits\""
        );
    }
}

#[test]
fn bytes_of_any_kind_are_survived_and_a_map_that_is_none_is_told() {
    let good = pairs::encode([("a", b"\xff\0".as_slice()), ("", b"")]);
    let truncated: Vec<Vec<u8>> = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    let others = [b"\xff\xff\xff\xff".to_vec(), vec![0xff; 64], vec![0; 3], good.clone(), [&good[..], b"x"].concat()];
    for bytes in truncated.into_iter().chain(others) {
        let started = strict();
        started.host.give(&bytes);
        started.host.give_number(u32::MAX);
        let answers = started.stream(1, 2);
        let log = started.host.take_log().join("\n");
        let is_map = proxy_filter::abi::Pairs::parse(&bytes).is_ok();
        assert_eq!(answers == UNHARMED, is_map, "{bytes:?}: {log}");
        assert_eq!(log.contains("proxy_get_header_map_pairs failed: PARSE_FAILURE"), !is_map, "{bytes:?}: {log}");
    }
}

#[test]
fn callbacks_of_contexts_that_do_not_exist_are_answered_as_if_they_were_not_exported() {
    for context_id in [0, 1, 2, 3, 77, u32::MAX] {
        let started = Started::new(&PLUGINS);
        for callback in every_callback([context_id, 9, 1, 0, u32::MAX]) {
            let expected = match (callback, callback.returns()) {
                // Nobody is there to accept a configuration.
                (Callback::proxy_on_configure { .. }, _) => 0,
                (_, ReturnKind::Bool) => 1,
                _ => 0,
            };
            assert_eq!(started.call(callback), expected, "{callback}");
        }
        let warnings = started.host.take_log();
        assert_eq!(warnings.iter().filter(|line| line.contains("; said once")).count(), 1, "{warnings:?}");
    }
}

#[test]
fn callbacks_in_any_order_late_and_repeated_are_survived() {
    let (root, stream) = (1, 2);
    for first in 0..10 {
        for second in 0..10 {
            let started = strict();
            let callbacks = life(root, stream);
            started.call(callbacks[0]);
            for callback in [callbacks[first], callbacks[second], callbacks[first], callbacks[9], callbacks[second]] {
                started.call(callback);
            }
            started.call(Callback::proxy_on_delete { context_id: root });
            started.call(callbacks[first]);
            assert_eq!(started.stream(root, 3)[1..8], [0; 7], "the root is gone");
        }
    }
}

#[test]
fn a_host_that_calls_back_from_inside_a_hostcall_is_answered() {
    for (inner, row) in every_callback([2, 1, 0, 0, 0]).into_iter().zip(CALLBACKS) {
        for outer in life(1, 2) {
            let started = strict();
            started.call(life(1, 2)[0]);
            started.host.take_calls();
            started.host.reenter([inner; 3]);
            started.call(outer);
            let _ = started.host.take_calls();
            started.host.forget_reentries();
            assert_eq!(started.stream(1, 3), UNHARMED, "{} in {outer}", row.name);
        }
    }
}

#[test]
fn a_context_that_is_deleted_while_it_is_called_lives_until_the_call_returns() {
    let started = strict();
    started.call(life(1, 2)[0]);
    let before = everything::LIVE.get();
    started.host.reenter([
        Callback::proxy_on_delete { context_id: 2 },
        Callback::proxy_on_context_create { context_id: 2, parent_id: 1 },
    ]);
    assert_eq!(started.call(life(1, 2)[1]), 4);
    assert_eq!(everything::LIVE.get(), before, "one gone, one come");
    assert_eq!(started.call(life(1, 2)[2]), 2, "the new one is called");
}

#[test]
fn a_root_that_is_deleted_lives_as_long_as_its_streams() {
    let started = strict();
    started.call(life(1, 2)[0]);
    started.call(Callback::proxy_on_delete { context_id: 1 });
    assert_eq!(everything::LIVE.get(), 2);
    assert_eq!(started.call(life(1, 2)[1]), 4);
    started.call(Callback::proxy_on_delete { context_id: 2 });
    assert_eq!(everything::LIVE.get(), 0);
}
