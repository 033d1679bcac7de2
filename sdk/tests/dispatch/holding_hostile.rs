//! Held messages on hosts that forget streams, use their ids again, re-enter, refuse, or go away.

use super::holding::alone::PLUGINS;
use super::host::Started;
use proxy_filter::abi::Callback;
use std::rc::Rc;

#[test]
fn a_pause_of_another_message_is_told_and_let_go() {
    let started = Started::new(&borrowed::PLUGINS);
    assert!(started.configure(1, ""));
    let answers = started.stream(1, 2);
    assert_eq!((answers[1], answers[4]), (0, 0), "neither waits");
    let log = started.host.take_log().join("\n");
    assert!(log.contains("answered with the pause of another message"), "{log}");
}

/// Keeps the pause of the request, and answers with it for the response.
mod borrowed {
    use proxy_filter::prelude::*;

    #[derive(Default)]
    pub(super) struct Root;

    impl RootContext for Root {
        type Config = ();
        fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
            Ok(Self)
        }
    }

    impl HttpPlugin for Root {
        type Http = Stream;
        fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> Stream {
            Stream::default()
        }
    }

    #[derive(Default)]
    pub(super) struct Stream(Option<(Held<phase::RequestHeaders>, HeadersAction)>);

    impl HttpContext for Stream {
        fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
            self.0 = Some(http.hold());
            Ok(HeadersAction::Continue)
        }
        fn on_response_headers(&mut self, _http: ResponseHeaders<'_>) -> Result<HeadersAction> {
            Ok(self.0.take().map_or(HeadersAction::Continue, |(_held, pause)| pause))
        }
    }

    proxy_filter::register! { "borrowed" => http Root }
}

/// A host that never says that a stream is over, and knows its id no more: CTX-5.
#[test]
fn ctx_5_a_host_that_knows_the_stream_no_more_says_that_it_is_gone() {
    for act in ["resume", "reply", "mark", "drop"] {
        let started = Started::new(&PLUGINS);
        assert!(started.configure(1, &format!("2.request_headers hold; 3.request_headers {act}")));
        let open = |id| {
            started.call(Callback::proxy_on_context_create { context_id: id, parent_id: 1 });
            started.call(Callback::proxy_on_request_headers { context_id: id, num_headers: 1, end_of_stream: 1 })
        };
        assert_eq!(open(2), 1);
        started.host.answer(|hostcall| (hostcall == "proxy_set_effective_context").then_some(2));
        started.host.take_calls();
        assert_eq!(open(3), 0);
        started.call(Callback::proxy_on_log { context_id: 3 });
        assert_eq!(
            started.host.take_calls(),
            ["proxy_set_effective_context(2)"],
            "{act}: and nothing was done to another context"
        );
    }
}

/// An id that the host uses again without having deleted it: what was held is over.
#[test]
fn an_id_that_is_used_again_does_not_revive_what_was_held() {
    let started = Started::new(&PLUGINS);
    assert!(started.configure(1, "2.request_headers hold; 3.request_headers resume"));
    for id in [2, 2, 3] {
        started.call(Callback::proxy_on_context_create { context_id: id, parent_id: 1 });
        if id == 2 {
            started.call(Callback::proxy_on_request_headers { context_id: id, num_headers: 1, end_of_stream: 1 });
            started.call(Callback::proxy_on_context_create { context_id: id, parent_id: 1 });
        }
    }
    started.host.take_calls();
    started.call(Callback::proxy_on_request_headers { context_id: 3, num_headers: 1, end_of_stream: 1 });
    assert!(started.host.take_calls().is_empty(), "nothing is let go");
}

/// A re-entering host makes another stream's callback run inside a hostcall of a first; each acts on its own context.
#[test]
fn ctx_4_a_re_entered_callback_acts_on_its_own_context() {
    let started = Started::new(&PLUGINS);
    assert!(started.configure(1, "2.request_headers hold; 3.request_headers mark resume; 4.request_headers hold+mark"));
    for id in [2, 3, 4] {
        started.call(Callback::proxy_on_context_create { context_id: id, parent_id: 1 });
    }
    let headers = |id| Callback::proxy_on_request_headers { context_id: id, num_headers: 1, end_of_stream: 1 };
    assert_eq!(started.call(headers(2)), 1);
    started.host.take_calls();
    // Inside of the first hostcall, with which 3 turns to 2, the headers of 4 come.
    started.host.reenter([headers(4)]);
    assert_eq!(started.call(headers(3)), 0);
    assert_eq!(
        started.host.take_calls(),
        [
            "proxy_set_effective_context(2)",
            "proxy_add_header_map_value(HTTP_REQUEST_HEADERS, x-mark, 4)",
            "proxy_add_header_map_value(HTTP_REQUEST_HEADERS, x-mark, 2)",
            "proxy_set_effective_context(3)",
            "proxy_set_effective_context(2)",
            "proxy_continue_stream(HTTP_REQUEST)",
            "proxy_set_effective_context(3)",
        ]
    );
}

#[test]
fn a_host_that_refuses_to_continue_is_told_of() {
    let started = Started::new(&PLUGINS);
    assert!(started.configure(1, "2.request_headers hold; 3.request_headers resume"));
    started.host.answer(|hostcall| (hostcall == "proxy_continue_stream").then_some(10));
    for id in [2, 3] {
        started.call(Callback::proxy_on_context_create { context_id: id, parent_id: 1 });
        started.call(Callback::proxy_on_request_headers { context_id: id, num_headers: 1, end_of_stream: 1 });
    }
    let log = started.host.take_log().join("\n");
    assert!(log.contains("context 2: proxy_on_request_headers: proxy_continue_stream failed: INTERNAL_FAILURE"), "{log}");
}

#[test]
fn what_is_held_when_the_vm_goes_is_dropped_in_silence() {
    let started = Started::new(&PLUGINS);
    assert!(started.configure(1, "2.request_headers hold"));
    started.call(Callback::proxy_on_context_create { context_id: 2, parent_id: 1 });
    started.call(Callback::proxy_on_request_headers { context_id: 2, num_headers: 1, end_of_stream: 1 });
    let host = Rc::clone(&started.host);
    host.take_calls();
    drop(started);
    assert!(host.take_calls().is_empty());
}

/// Whatever the reason: only that a stream is gone, which its context says, is nothing to tell.
#[test]
fn a_host_that_refuses_a_reply_is_told_of() {
    for (status, name) in [(2, "BAD_ARGUMENT"), (10, "INTERNAL_FAILURE")] {
        let started = Started::new(&PLUGINS);
        assert!(started.configure(1, "2.request_headers hold; 3.request_headers reply"));
        started.host.answer(move |hostcall| (hostcall == "proxy_send_local_response").then_some(status));
        for id in [2, 3] {
            started.call(Callback::proxy_on_context_create { context_id: id, parent_id: 1 });
            started.call(Callback::proxy_on_request_headers { context_id: id, num_headers: 1, end_of_stream: 1 });
        }
        // LOC-30: the reply waits until the other stream's message is over.
        started.call(Callback::proxy_on_log { context_id: 3 });
        let log = started.host.take_log().join("\n");
        assert!(log.contains(&format!("context 2: proxy_on_request_headers: proxy_send_local_response failed: {name}")), "{log}");
    }
}
