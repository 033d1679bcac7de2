//! Plugins that trap, under each failure policy, alone and beside others.

use crate::scenario::{FailurePolicy, Plugin, Role, Scenario, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    [in_each_callback(), after_what_was_asked(), policies(), reloads(), with_others()].concat()
}

fn in_each_callback() -> Vec<Scenario> {
    vec![
        scenario("trap-in-request-headers", &["FAI-2", "FAI-7"])
            .own_vm()
            .request(get("/a").script("request_headers: trap"))
            .request(get("/b")),
        scenario("trap-in-request-body", &["FAI-2"]).own_vm().request(post("/").body(&["abc"]).script("request_body: trap")),
        scenario("trap-in-response-headers", &["FAI-2"])
            .own_vm()
            .request(get("/").script("response_headers: trap"))
            .response(respond(200).body(&["hello"])),
        scenario("trap-in-response-body", &["FAI-3"])
            .own_vm()
            .request(get("/").script("response_body: trap"))
            .response(respond(200).body(&["hello"])),
        scenario("trap-in-log", &["FAI-4", "FAI-7"])
            .own_vm()
            .request(get("/a").script("log: trap"))
            .request(get("/b"))
            .response(respond(200).body(&["hello"])),
        scenario("trap-in-done", &["FAI-4", "FAI-7"]).own_vm().request(get("/a").script("done: trap")).request(get("/b")),
        scenario("trap-of-a-grpc-request", &["FAI-2", "LOC-12"])
            .own_vm()
            .request(post("/").header("content-type", "application/grpc").body(&["abc"]).script("request_headers: trap")),
        scenario("trap-after-a-reply", &["LOC-18"])
            .own_vm()
            .request(get("/").script("request_headers: reply 418 body=tea, trap")),
        scenario("trap-after-a-continue", &["LOC-18"]).own_vm().request(get("/").script("request_headers: continue 0, trap")),
        scenario("trap-after-a-reply-in-request-body", &["LOC-18"])
            .own_vm()
            .request(post("/").body(&["abc"]).script("request_body: reply 418 body=tea, trap")),
        scenario("trap-in-the-own-response-callback-of-a-reply", &["FAI-2", "LOC-5"])
            .own_vm()
            .request(get("/").script("request_headers: reply 418 body=tea; response_headers: trap")),
        scenario("trap-in-a-tick-that-continued-a-request", &["FAI-19"])
            .own_vm()
            .script("tick: effective stream, continue 0, trap; request_headers: tick_period 100, return 1")
            .patience(600),
        scenario("trap-in-a-tick-that-answered-a-request", &["FAI-19"])
            .own_vm()
            .script("tick: effective stream, reply 418 body=tea, trap; request_headers: tick_period 100, return 1")
            .patience(600),
        scenario("trap-in-a-tick-while-a-request-is-paused", &["FAI-6"])
            .own_vm()
            .script("tick: trap; request_headers: tick_period 100, return 1")
            .patience(600)
            .fatal(),
    ]
}

/// What a callback asked for before it trapped; most of it ends Envoy.
fn after_what_was_asked() -> Vec<Scenario> {
    let crash = |name, row: &'static [&'static str], script: &str| {
        scenario(name, row).request(post("/").body(&["abc"]).script(script)).response(respond(200).chunked(&["hello"])).crashes()
    };
    vec![
        crash("crash-close-and-trap-in-request-headers", &["FAI-17"], "request_headers: close 0, trap"),
        crash("crash-close-and-trap-in-request-body", &["FAI-17"], "request_body: close 0, trap"),
        crash("crash-close-and-trap-in-response-headers", &["FAI-17"], "response_headers: close 0, trap"),
        crash("crash-close-and-trap-in-response-body", &["FAI-17"], "response_body: close 0, trap"),
        crash("crash-reply-and-trap-in-response-headers", &["FAI-18"], "response_headers: reply 418 body=tea, trap"),
        crash("crash-reply-and-trap-in-response-body", &["FAI-18"], "response_body: reply 418 body=tea, trap"),
        crash("crash-continue-response-and-trap-in-request-headers", &["CON-13"], "request_headers: continue 1, trap"),
        scenario("continue-and-trap-in-response-headers", &["FAI-2"])
            .own_vm()
            .request(get("/").script("response_headers: continue 1, trap"))
            .response(respond(200).chunked(&["hello"])),
        scenario("continue-and-trap-in-request-body", &["FAI-2"])
            .own_vm()
            .request(post("/").body(&["abc"]).script("request_body: continue 0, trap")),
    ]
}

fn policies() -> Vec<Scenario> {
    let open = |name| scenario(name, &["FAI-9"]).failure_policy(FailurePolicy::Open).response(respond(200).body(&["hello"]));
    let legacy = |name| {
        scenario(name, &["FAI-8", "FAI-16"]).failure_policy(FailurePolicy::FailOpen).response(respond(200).body(&["hello"]))
    };
    vec![
        open("open-trap-in-request-headers").request(get("/a").script("request_headers: trap")).request(get("/b")),
        open("open-trap-in-request-body").request(post("/a").body(&["abc"]).script("request_body: trap")).request(get("/b")),
        open("open-trap-in-response-headers").request(get("/a").script("response_headers: trap")).request(get("/b")),
        open("open-trap-in-response-body").request(get("/a").script("response_body: trap")).request(get("/b")),
        open("open-trap-in-log").request(get("/a").script("log: trap")).request(get("/b")),
        open("open-trap-in-context-create").script("no-header; context_create: trap").request(get("/a")).request(get("/b")),
        legacy("fail-open-trap-in-request-headers").request(get("/a").script("request_headers: trap")).request(get("/b")),
        legacy("fail-open-trap-in-request-body")
            .request(post("/a").chunked(&["abc", "def"]).script("request_body#2: trap"))
            .request(get("/b")),
        legacy("fail-open-trap-in-a-held-request-body")
            .request(post("/a").chunked(&["abc", "def"]).script("request_body: return 1; request_body#2: trap"))
            .request(get("/b")),
        legacy("fail-open-trap-in-request-trailers")
            .request(post("/a").chunked(&["abc"]).trailer("x-t", "1").script("request_body: return 1; request_trailers: trap")),
        legacy("fail-open-trap-in-response-headers").request(get("/a").script("response_headers: trap")).request(get("/b")),
        legacy("fail-open-trap-in-response-body").request(get("/a").script("response_body: trap")).request(get("/b")),
        legacy("fail-open-trap-in-log").request(get("/a").script("log: trap")).request(get("/b")),
        legacy("fail-open-trap-in-context-create")
            .script("no-header; context_create: trap")
            .request(get("/a"))
            .request(get("/b")),
        legacy("fail-open-trap-after-a-reply").request(get("/a").script("request_headers: reply 418 body=tea, trap")),
        legacy("fail-open-trap-after-a-continue").request(post("/a").body(&["abc"]).script("request_body: continue 0, trap")),
        legacy("fail-open-trap-after-a-reply-in-the-response")
            .request(get("/a").script("response_headers: reply 418 body=tea, trap")),
        legacy("fail-open-trap-after-a-close").request(get("/a").script("request_headers: close 0, trap")),
        legacy("fail-open-trap-after-an-edit").request(get("/a").script("request_headers: add request_headers x-a 1, trap")),
        scenario("fail-open-trap-in-a-tick-while-a-request-is-paused", &["FAI-6", "FAI-8"])
            .failure_policy(FailurePolicy::FailOpen)
            .script("tick: trap; request_headers: tick_period 100, return 1")
            .patience(600)
            .fatal(),
    ]
}

fn reloads() -> Vec<Scenario> {
    let at_once = FailurePolicy::Reload(2);
    vec![
        scenario("reload-at-once", &["FAI-10"])
            .failure_policy(at_once)
            .request(get("/a").script("request_headers: trap"))
            .request(get("/b"))
            .request(get("/c")),
        scenario("reload-after-a-trap-in-log", &["FAI-10"])
            .failure_policy(at_once)
            .request(get("/a").script("log: trap"))
            .request(get("/b")),
        scenario("reload-not-before-its-time", &["FAI-10"])
            .failure_policy(FailurePolicy::Reload(3_600_000))
            .request(get("/a").script("request_headers: trap"))
            .request(get("/b")),
        scenario("reload-that-dies-again", &["FAI-10"])
            .failure_policy(at_once)
            .script("no-header; request_headers: trap")
            .request(get("/a"))
            .request(get("/b")),
    ]
}

fn with_others() -> Vec<Scenario> {
    vec![
        scenario("trap-of-the-first-of-two-in-one-vm", &["FAI-1", "FAI-5", "LIF-10"])
            .own_vm()
            .with(Role::Filter, "second", "request_headers: log 2 second")
            .request(get("/a").script("request_headers: trap"))
            .request(get("/b")),
        scenario("trap-of-the-second-of-two-in-one-vm", &["FAI-1", "FAI-5", "LIF-10"])
            .own_vm()
            .script("no-header; response_headers: log 2 first")
            .with(Role::Filter, "second", "request_headers: trap")
            .request(get("/a"))
            .request(get("/b")),
        scenario("trap-of-the-second-of-two-in-one-vm-in-the-response", &["FAI-1", "FAI-5"])
            .own_vm()
            .script("no-header; response_headers: log 2 first")
            .with(Role::Filter, "second", "no-header; response_headers: trap")
            .request(get("/a"))
            .response(respond(200).body(&["hello"])),
        scenario("trap-of-the-first-of-two-apart", &["FAI-1"])
            .script("no-header; request_headers: trap")
            .own_vm()
            .with_plugin(Role::Filter, "second", "no-header; response_headers: log 2 second", apart("apart-1"))
            .request(get("/a"))
            .request(get("/b")),
        scenario("trap-of-the-second-of-two-apart", &["FAI-1"])
            .own_vm()
            .script("no-header; response_headers: log 2 first")
            .with_plugin(Role::Filter, "second", "no-header; response_headers: trap", apart("apart-2"))
            .request(get("/a"))
            .request(get("/b")),
        scenario("open-trap-of-the-first-of-two-apart", &["FAI-9"])
            .script("no-header; request_headers: trap")
            .failure_policy(FailurePolicy::Open)
            .with_plugin(Role::Filter, "second", "no-header; request_headers: log 2 second", apart("apart-3"))
            .request(get("/a"))
            .request(get("/b")),
        scenario("open-and-closed-in-one-vm", &["FAI-9", "FAI-20"])
            .script("no-header; request_headers: trap")
            .failure_policy(FailurePolicy::Open)
            .with(Role::Filter, "second", "")
            .request(get("/a"))
            .request(get("/b")),
        scenario("fail-open-and-closed-in-one-vm", &["FAI-8", "FAI-20"])
            .script("no-header; request_headers: trap")
            .failure_policy(FailurePolicy::FailOpen)
            .with(Role::Filter, "second", "")
            .request(get("/a"))
            .request(get("/b")),
        scenario("closed-and-fail-open-in-one-vm", &["FAI-8", "FAI-20"])
            .script("no-header; request_headers: trap")
            .own_vm()
            .with_plugin(Role::Filter, "second", "", |plugin| plugin.failure_policy(FailurePolicy::FailOpen))
            .request(get("/a"))
            .request(get("/b")),
        scenario("reload-of-both-in-one-vm", &["FAI-1", "FAI-10"])
            .failure_policy(at_once())
            .with_plugin(Role::Filter, "second", "request_headers: log 2 second", |plugin| plugin.failure_policy(at_once()))
            .request(get("/a").script("request_headers: trap"))
            .request(get("/b")),
        scenario("reload-of-one-in-a-vm-of-two", &["FAI-1", "FAI-10"])
            .failure_policy(at_once())
            .with(Role::Filter, "second", "request_headers: log 2 second")
            .request(get("/a").script("request_headers: trap"))
            .request(get("/b")),
    ]
}

fn at_once() -> FailurePolicy {
    FailurePolicy::Reload(2)
}

/// In a VM of this id.
pub(super) fn apart(vm_id: &'static str) -> impl FnOnce(Plugin) -> Plugin {
    move |plugin| Plugin { vm_id, ..plugin }
}
