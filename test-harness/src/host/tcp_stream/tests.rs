//! A connection through a chain, with no VM: what each filter is told, in which order, and what the two ends see.

use super::*;
use proxy_filter_abi::PeerType;

/// What happens: an end does something, or a filter continues or closes from elsewhere.
enum Do {
    Client(Incoming),
    Upstream(Incoming),
    Continue(usize),
    Close,
}

fn bytes(text: &str) -> Incoming {
    Incoming::Bytes(text.into())
}

/// Runs a connection through filters named A, B, …; `answer` says what each callback returns, and may act on the stream before.
fn run(filters: usize, what: Vec<Do>, mut answer: impl FnMut(&mut TcpStream, &str) -> u32) -> (TcpStream, Vec<String>) {
    let mut stream = TcpStream::new(filters, 8);
    let mut told = Vec::new();
    poll(&mut stream, &mut told, &mut answer);
    for what in what {
        match what {
            Do::Client(incoming) => stream.receive(Side::Downstream, incoming),
            Do::Upstream(incoming) => stream.receive(Side::Upstream, incoming),
            Do::Continue(filter) => stream.continue_reading(filter),
            Do::Close => stream.close(),
        }
        poll(&mut stream, &mut told, &mut answer);
    }
    (stream, told)
}

fn poll(stream: &mut TcpStream, told: &mut Vec<String>, answer: &mut impl FnMut(&mut TcpStream, &str) -> u32) {
    loop {
        let name = |filter: usize| char::from(b'A' + u8::try_from(filter).unwrap());
        match stream.poll() {
            Poll::Create { filter } => told.push(format!("{} create", name(filter))),
            Poll::Call { filter, callback } => {
                let what = match callback {
                    TcpCallback::Data { side, size, end_of_stream } => format!("{side:?} {size} {end_of_stream}"),
                    other => format!("{other:?}"),
                };
                let line = format!("{} {}", name(filter), what.to_lowercase());
                let answer = answer(stream, &line);
                told.push(line);
                stream.apply(answer);
            }
            Poll::ConnectUpstream => {
                told.push("connect".to_owned());
                stream.connected(true);
            }
            Poll::Idle | Poll::Finished => return,
        }
    }
}

#[test]
fn tcp_14_each_direction_passes_the_chain_from_its_own_side_and_the_end_filter_by_filter() {
    let (stream, told) = run(
        2,
        vec![Do::Client(bytes("a")), Do::Upstream(bytes("bc")), Do::Upstream(Incoming::End), Do::Client(Incoming::End)],
        |_, _| 0,
    );
    assert_eq!(
        told,
        [
            "A create",
            "A newconnection",
            "B create",
            "B newconnection",
            "connect",
            "A downstream 1 false",
            "B downstream 1 false",
            "B upstream 2 false",
            "A upstream 2 false",
            "B upstream 0 true",
            "B upstreamclose",
            "A upstream 0 true",
            "A upstreamclose",
            "A downstream 0 true",
            "B downstream 0 true",
            "A downstreamclose(remote)",
            "A done",
            "A log",
            "A delete",
            "B downstreamclose(remote)",
            "B done",
            "B log",
            "B delete",
        ]
    );
    assert_eq!((stream.sent(Side::Downstream), stream.sent(Side::Upstream)), (&b"a"[..], &b"bc"[..]));
}

#[test]
fn tcp_13_nothing_is_read_before_the_upstream_is_connected() {
    let waits = |_: &mut TcpStream, line: &str| u32::from(line == "A newconnection");
    let steps = || vec![Do::Client(bytes("one")), Do::Client(bytes("two")), Do::Client(Incoming::End)];
    let (stream, told) = run(1, steps(), waits);
    assert_eq!(told, ["A create", "A newconnection"]);
    assert!(!stream.reached_upstream());

    let (stream, told) = run(1, steps().into_iter().chain([Do::Continue(0)]).collect(), waits);
    assert_eq!(told[2..], ["connect", "A downstream 6 true"], "then it comes as one");
    assert_eq!(stream.sent(Side::Downstream), b"onetwo");
    assert_eq!(stream.ending(Side::Upstream), Some(Ending::End));
    assert_eq!(stream.closed(), None, "the upstream goes on");
}

#[test]
fn tcp_15_filters_before_one_that_keeps_see_everything_again() {
    let steps = vec![Do::Client(bytes("a")), Do::Client(bytes("b"))];
    let (stream, told) = run(2, steps, |_, line| u32::from(line == "B downstream 1 false"));
    assert_eq!(told[5..], ["A downstream 1 false", "B downstream 1 false", "A downstream 2 false", "B downstream 2 false"]);
    assert_eq!(stream.sent(Side::Downstream), b"ab");
}

#[test]
fn tcp_17_no_more_is_read_than_the_limit_and_one_read() {
    let steps =
        vec![Do::Client(bytes("12345678")), Do::Client(bytes("9")), Do::Client(bytes("lost")), Do::Client(Incoming::Reset)];
    let keeps = |_: &mut TcpStream, line: &str| u32::from(line.starts_with("A downstream"));
    let (stream, told) = run(1, steps, keeps);
    assert_eq!(told[3..], ["A downstream 8 false", "A downstream 9 false"]);
    assert_eq!(stream.closed(), None, "nor is the reset");
}

#[test]
fn tcp_5_what_was_asked_for_before_the_close_is_done_first_and_nothing_after() {
    let continued = |stream: &mut TcpStream, line: &str| {
        if line == "A downstream 3 false" {
            stream.continue_reading(0);
            stream.close();
        }
        0
    };
    let (stream, told) = run(2, vec![Do::Client(bytes("one"))], continued);
    assert_eq!(told[5..7], ["A downstream 3 false", "B downstream 3 false"]);
    assert_eq!((stream.sent(Side::Downstream), stream.closed()), (&b"one"[..], Some(PeerType::Local)));

    let closed = |stream: &mut TcpStream, line: &str| {
        if line == "A downstream 3 false" {
            stream.close();
            stream.continue_reading(0);
        }
        0
    };
    let (stream, told) = run(2, vec![Do::Client(bytes("one"))], closed);
    assert_eq!(told[5..7], ["A downstream 3 false", "A downstreamclose(local)"]);
    assert_eq!(stream.sent(Side::Downstream), b"");
    assert_eq!(stream.ending(Side::Downstream), Some(Ending::End));
}

#[test]
fn tcp_5_a_close_with_bytes_unread_resets_the_client() {
    let (stream, _) = run(1, vec![Do::Client(bytes("one")), Do::Close], |_, _| 1);
    assert_eq!((stream.ending(Side::Downstream), stream.ending(Side::Upstream)), (Some(Ending::Reset), None));
}

#[test]
fn tcp_16_what_is_kept_is_lost_when_both_sides_have_ended() {
    let steps = vec![Do::Client(bytes("one")), Do::Client(Incoming::End), Do::Upstream(Incoming::End)];
    let (stream, _) = run(1, steps, |_, line| u32::from(line.starts_with("A downstream")));
    assert_eq!((stream.sent(Side::Downstream), stream.closed()), (&b""[..], Some(PeerType::Local)));
}

#[test]
fn tcp_18_a_reset_passes_on_and_behind_an_end_shows_only_when_something_is_sent() {
    let (stream, told) = run(1, vec![Do::Upstream(Incoming::Reset)], |_, _| 0);
    assert_eq!((stream.ending(Side::Downstream), stream.closed()), (Some(Ending::Reset), Some(PeerType::Local)));
    assert!(!told.contains(&"A upstreamclose".to_owned()), "{told:?}");

    let (stream, _) = run(1, vec![Do::Client(Incoming::End), Do::Client(Incoming::Reset)], |_, _| 0);
    assert_eq!(stream.closed(), None);
    let steps = vec![Do::Client(Incoming::End), Do::Client(Incoming::Reset), Do::Upstream(bytes("late"))];
    let (stream, _) = run(1, steps, |_, _| 0);
    assert_eq!((stream.sent(Side::Upstream), stream.closed()), (&b""[..], Some(PeerType::Remote)));
}

#[test]
fn fai_14_a_trap_closes_the_connection_and_is_the_last_callback() {
    let (stream, told) = run(1, vec![Do::Client(bytes("one"))], |stream, line| {
        if line.starts_with("A downstream") {
            stream.fail(0);
        }
        0
    });
    assert_eq!(told.last().map(String::as_str), Some("A downstream 3 false"));
    assert_eq!(stream.closed(), Some(PeerType::Local));
}

proptest::proptest! {
    /// Whatever ends, filters and hostcalls do: it comes to rest, the bytes that pass are those that were sent, in order, and each
    /// filter that was made is deleted once and called no more.
    #[test]
    fn any_connection_comes_to_rest(
        filters in 0_usize..4,
        steps in proptest::collection::vec((0_u8..9, "[a-z]{0,4}"), 0..24),
        answers in proptest::collection::vec(0_u32..3, 1..16),
    ) {
        let mut sent = [String::new(), String::new()];
        let mut connected = true;
        let steps: Vec<Do> = steps
            .into_iter()
            .map(|(kind, text)| match kind {
                0..=2 => { sent[0].push_str(&text); Do::Client(bytes(&text)) }
                3 | 4 => { sent[1].push_str(&text); Do::Upstream(bytes(&text)) }
                5 => Do::Client(Incoming::End),
                6 => Do::Upstream(Incoming::End),
                7 => { connected = false; Do::Continue(0) }
                _ if connected => Do::Client(Incoming::Reset),
                _ => Do::Close,
            })
            .collect();
        let mut answers = answers.into_iter().cycle();
        let (stream, told) = run(filters, steps, |_, _| answers.next().unwrap_or_default());
        for (side, sent) in [Side::Downstream, Side::Upstream].into_iter().zip(&sent) {
            proptest::prop_assert!(sent.as_bytes().starts_with(stream.sent(side)), "{:?}", stream.sent(side));
        }
        for name in ["A", "B", "C", "D"] {
            let of = |what: &str| told.iter().filter(|line| **line == format!("{name} {what}")).count();
            proptest::prop_assert!(of("create") <= 1 && of("newconnection") <= 1);
            proptest::prop_assert_eq!(of("delete"), if stream.closed().is_some() { of("create") } else { 0 });
            let last = told.iter().rposition(|line| line.starts_with(name));
            let deleted = told.iter().position(|line| *line == format!("{name} delete"));
            proptest::prop_assert!(deleted.is_none() || deleted == last);
        }
    }
}
