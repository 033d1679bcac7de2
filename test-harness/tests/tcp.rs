//! TCP connections through a filter of the SDK, natively and as Wasm.

use gate::PLUGINS;
use proxy_filter_test::{Connection, Ending, Lint, MockProxy, PeerType, Plugin, TestResult, TrapKind, both_vms};

fn lines(connection: &Connection<'_>) -> Vec<String> {
    connection.log().into_iter().map(|line| line.message).collect()
}

both_vms! {
    fn who_knows_the_password_comes_in(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("password sesame"))?;
        let connection = proxy.connect();
        assert!(connection.reached_upstream());
        // TCP-3: kept until it is known.
        connection.send("ses");
        assert_eq!(connection.to_upstream(), "");
        connection.send("ame, hello").send(" and more");
        assert_eq!(connection.to_upstream(), ", hello and more");
        // TCP-7, TCP-8.
        connection.upstream_sends("welcome, ").upstream_ends();
        assert_eq!(connection.to_client(), "welcome, bye");
        assert_eq!((connection.client_ending(), connection.upstream_ending()), (Some(Ending::End), None));
        assert_eq!(lines(&connection), ["upstream closed"]);
        assert!(!connection.is_closed());
        // TCP-1, TCP-9.
        connection.end();
        assert_eq!(connection.closed_by(), Some(PeerType::Remote));
        assert_eq!(lines(&connection), ["upstream closed", "closed by REMOTE", "over"]);
        Ok(())
    }

    fn who_does_not_is_closed(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("password sesame"))?;
        // TCP-5.
        let stranger = proxy.connect();
        stranger.send("GET / HTTP/1.1");
        assert_eq!((stranger.closed_by(), stranger.client_ending()), (Some(PeerType::Local), Some(Ending::End)));
        assert_eq!((stranger.to_upstream().len(), stranger.upstream_ending()), (0, Some(Ending::End)));
        assert_eq!(lines(&stranger), ["closed by LOCAL", "over"]);
        let silent = proxy.connect();
        silent.send("ses").end();
        assert!(silent.is_closed(), "{silent:?}");
        Ok(())
    }

    fn a_connection_that_is_held_is_let_go_by_another(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("hold connections"))?;
        let waiting = proxy.connect();
        waiting.send("hello");
        // TCP-2, TCP-13.
        assert!(!waiting.reached_upstream() && !waiting.is_closed());
        let guard = proxy.connect();
        assert!(guard.reached_upstream());
        guard.send("open");
        assert_eq!(waiting.to_upstream(), "hello");
        assert_eq!(lines(&guard), ["Ok(())"]);
        Ok(())
    }

    fn a_connection_that_is_held_is_closed_by_another(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("hold connections"))?;
        let waiting = proxy.connect();
        let guard = proxy.connect();
        guard.send("shut");
        assert_eq!((waiting.closed_by(), waiting.reached_upstream()), (Some(PeerType::Local), false));
        assert_eq!(guard.to_upstream(), "shut", "the other goes on");
        Ok(())
    }

    fn data_that_is_held_is_changed_and_let_go_or_closed(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("hold data"))?;
        let (waiting, guard) = (proxy.connect(), proxy.connect());
        waiting.send("one ");
        // What its later callbacks answer does not let it go.
        waiting.send("two").end();
        assert_eq!(waiting.to_upstream(), "");
        guard.send("open");
        assert_eq!(waiting.to_upstream(), "[late] one two");
        assert_eq!(waiting.upstream_ending(), Some(Ending::End));

        let waiting = proxy.connect();
        waiting.send("one ");
        guard.send("shut");
        assert_eq!((waiting.to_upstream().len(), waiting.closed_by()), (0, Some(PeerType::Local)));
        Ok(())
    }

    fn what_is_held_of_a_client_that_has_left_is_gone(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("hold data"))?;
        let (waiting, guard) = (proxy.connect(), proxy.connect());
        waiting.send("one").disconnect();
        assert_eq!(waiting.closed_by(), Some(PeerType::Remote));
        guard.send("open");
        assert_eq!(lines(&guard)[2..], ["false Err(Gone(()))"]);
        Ok(())
    }

    fn what_is_decided_in_its_own_callback_is_its_answer(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("decide at once"))?;
        let connection = proxy.connect();
        assert!(connection.reached_upstream());
        assert!(!proxy.trace().contains("proxy_continue_stream"), "{}", proxy.trace());
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("close at once"))?;
        assert!(proxy.connect().is_closed());
        Ok(())
    }

    fn a_failure_closes_the_connection(vm) -> TestResult {
        for (config, told) in [
            ("fail", "gate: context 2: proxy_on_new_connection: on purpose"),
            ("forget", "gate: context 2: proxy_on_new_connection: a held message was dropped without `resume` or `reply`"),
        ] {
            let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config(config))?;
            let connection = proxy.connect();
            assert_eq!((connection.closed_by(), connection.reached_upstream()), (Some(PeerType::Local), false));
            assert_eq!(lines(&connection), [told, "closed by LOCAL", "over"]);
        }
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("refuse"))?;
        assert_eq!(lines(&proxy.connect()), ["closed by LOCAL", "over"]);
        Ok(())
    }

    fn a_panic_closes_the_connection_and_those_that_come_after(vm) -> TestResult {
        // FAI-14.
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("panic"))?;
        let (other, connection) = (proxy.connect(), proxy.connect());
        connection.send("x");
        assert_eq!(connection.trap().ok_or("it should have trapped")?.kind, TrapKind::Unreachable);
        assert!(connection.is_closed());
        assert!(!other.is_closed(), "until its next callback");
        other.upstream_sends("late");
        assert!(other.is_closed() && other.to_client().is_empty());
        assert!(proxy.connect().is_closed());
        Ok(())
    }

    fn a_plugin_that_fails_open_lets_connections_pass(vm) -> TestResult {
        // FAI-14: the older field lets the trapped connection pass as well.
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("panic").fail_open(true))?;
        let connection = proxy.connect();
        connection.send("x").send("y").upstream_sends("z");
        assert_eq!((connection.to_upstream(), connection.to_client()), ("xy".into(), "z".into()));
        let later = proxy.connect();
        later.send("x");
        assert_eq!(later.to_upstream(), "x");

        let policy = proxy_filter_test::FailurePolicy::Open;
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("panic").failure_policy(policy))?;
        assert!(proxy.connect().send("x").is_closed());
        assert_eq!(proxy.connect().send("x").to_upstream(), "x");
        Ok(())
    }

    fn an_upstream_that_refuses_closes_the_connection(vm) -> TestResult {
        // TCP-18.
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "gate").config("password sesame"))?;
        proxy.refuse_connections();
        let connection = proxy.connect();
        assert_eq!((connection.closed_by(), connection.reached_upstream()), (Some(PeerType::Local), false));
        Ok(())
    }
}

/// The text with which a test fails that does this.
fn failure(config: &str, what: impl Fn(&MockProxy)) -> String {
    let run = || {
        let proxy = MockProxy::new(Plugin::native(&PLUGINS, "gate").config(config)).expect("it starts");
        what(&proxy);
    };
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).expect_err("the test fails");
    panic.downcast_ref::<String>().expect("a text").clone()
}

#[test]
fn tcp_13_a_connection_that_is_never_continued_fails_the_test() {
    let text = failure("hold connections", |proxy| drop(proxy.connect()));
    assert!(text.starts_with("TCP-13 (ConnectionNeverContinued): the plugin \"gate\""), "{text}");
    // Unless the test has seen that it waits.
    let proxy = MockProxy::new(Plugin::native(&PLUGINS, "gate").config("hold connections")).expect("it starts");
    assert!(!proxy.connect().reached_upstream());
    drop(proxy);
}

#[test]
fn tcp_16_data_that_is_kept_when_both_sides_have_ended_fails_the_test() {
    let steps = |proxy: &MockProxy| {
        proxy.connect().send("one").end().upstream_ends();
    };
    let text = failure("hold data", steps);
    assert!(text.starts_with("TCP-16 (LostAtTheEnd): the plugin \"gate\""), "{text}");
    let plugin = Plugin::native(&PLUGINS, "gate").config("hold data");
    let proxy = MockProxy::builder().plugin(plugin).allow(Lint::LostAtTheEnd).start().expect("it starts");
    steps(&proxy);
    assert_eq!(proxy.findings()[0].lint(), Lint::LostAtTheEnd);
}

#[test]
#[should_panic(expected = "the proxy has not connected to the upstream")]
fn an_upstream_that_was_not_connected_to_cannot_speak() {
    let plugin = Plugin::native(&PLUGINS, "gate").config("refuse");
    let proxy = MockProxy::new(plugin).expect("it starts");
    proxy.connect().upstream_sends("hello");
}
