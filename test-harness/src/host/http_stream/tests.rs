//! The flow through a chain, with no VM: what each filter is told, in which order.

use super::*;
use crate::host::header_map::MapKind;

fn request(end_of_stream: bool) -> Event {
    let headers = [(":authority", "shop.example"), (":path", "/"), (":method", "GET"), (":scheme", "http")];
    Event::Headers { side: Side::Request, headers: HeaderMap::from_entries(MapKind::RequestHeaders, headers), end_of_stream }
}

fn response(end_of_stream: bool) -> Event {
    let headers = HeaderMap::from_entries(MapKind::ResponseHeaders, [(":status", "200")]);
    Event::Headers { side: Side::Response, headers, end_of_stream }
}

fn data(side: Side, data: &str, end_of_stream: bool) -> Event {
    Event::Data { side, data: data.into(), end_of_stream }
}

/// Runs a stream of filters named A, B, …; `answer` says what each callback returns, and may act on the stream before.
fn run(filters: usize, events: Vec<Event>, mut answer: impl FnMut(&mut HttpStream, &str) -> u32) -> Vec<String> {
    let mut stream = HttpStream::new(&vec![false; filters], 1 << 20, "id".to_owned(), "date".to_owned());
    events.into_iter().for_each(|event| stream.receive(event));
    let mut told = Vec::new();
    loop {
        let name = |filter: usize| char::from(b'A' + u8::try_from(filter).unwrap());
        match stream.poll() {
            Poll::Create { filter } => told.push(format!("{} create", name(filter))),
            Poll::Call { filter, callback } => {
                let what = match callback {
                    StreamCallback::Headers { side, end_of_stream, .. } => format!("{side:?} headers {end_of_stream}"),
                    StreamCallback::Body { side, size, end_of_stream } => format!("{side:?} body {size} {end_of_stream}"),
                    StreamCallback::Trailers { side, .. } => format!("{side:?} trailers"),
                    other => format!("{other:?}"),
                };
                let line = format!("{} {}", name(filter), what.to_lowercase());
                let answer = answer(&mut stream, &line);
                told.push(line);
                stream.apply(answer);
            }
            Poll::AccessLog { logger } => told.push(format!("logger {logger}")),
            Poll::AskUpstream => {
                told.push("upstream".to_owned());
                stream.receive(response(true));
            }
            Poll::Idle => {
                told.push("idle".to_owned());
                return told;
            }
            Poll::Finished => return told,
        }
    }
}

#[test]
fn seq_15_requests_pass_a_then_b_responses_b_then_a() {
    let told = run(2, vec![request(true)], |_, _| 0);
    assert_eq!(
        told,
        [
            "A create",
            "A request headers true",
            "B create",
            "B request headers true",
            "upstream",
            "B response headers true",
            "A response headers true",
            "A log",
            "B log",
            "A done",
            "A delete",
            "B done",
            "B delete",
        ]
    );
}

#[test]
fn seq_16_a_filter_that_never_saw_the_request_is_not_told_of_the_reply() {
    let told = run(2, vec![request(true)], |stream, line| {
        if line == "A request headers true" {
            stream.stop_iteration(0);
            stream.send_reply(Reply::of_filter(403, b"", b"no", b"", u32::MAX));
        }
        0
    });
    assert_eq!(
        told,
        [
            "A create",
            "A request headers true",
            "A response headers false",
            "A response body 2 true",
            "A log",
            "B create",
            "B log",
            "A done",
            "A delete",
            "B done",
            "B delete",
        ]
    );
}

#[test]
fn act_9_a_filter_that_buffers_hides_the_body_from_the_next() {
    let body =
        vec![request(false), data(Side::Request, "abc", false), data(Side::Request, "def", false), data(Side::Request, "", true)];
    let told = run(2, body, |_, line| u32::from(line.starts_with("A request body") && !line.ends_with("true")));
    assert_eq!(
        told[..9],
        [
            "A create",
            "A request headers false",
            "B create",
            "B request headers false",
            "A request body 3 false",
            "A request body 6 false",
            "A request body 6 true",
            "B request body 6 true",
            "upstream",
        ]
    );
}

#[test]
fn act_1_act_2_a_filter_that_stops_everything_sees_the_body_as_one_when_it_is_continued() {
    let body = vec![request(false), data(Side::Request, "abc", false), data(Side::Request, "def", true)];
    let mut stream = HttpStream::new(&[false], 1 << 20, "id".to_owned(), "date".to_owned());
    body.into_iter().for_each(|event| stream.receive(event));
    assert_eq!(stream.poll(), Poll::Create { filter: 0 });
    assert!(matches!(stream.poll(), Poll::Call { callback: StreamCallback::Headers { .. }, .. }));
    stream.apply(1);
    assert_eq!(stream.poll(), Poll::Idle, "no body callback while it is stopped");
    stream.continue_stream(0, proxy_filter_abi::StreamType::HttpRequest);
    let body = StreamCallback::Body { side: Side::Request, size: 6, end_of_stream: true };
    assert_eq!(stream.poll(), Poll::Call { filter: 0, callback: body });
}
