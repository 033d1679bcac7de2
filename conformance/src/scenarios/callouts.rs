//! HTTP calls to clusters: what is refused, what is sent, and what comes of it.

use crate::scenario::{Answer, Guest, Response, Scenario, Upstream, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    let mut scenarios = refused();
    scenarios.extend(sent());
    scenarios.extend(answered());
    scenarios.extend(failed());
    scenarios.extend(read());
    scenarios.extend(streams());
    scenarios.extend(anywhere());
    scenarios.extend(on_proxy_wasm());
    scenarios
}

/// Shows all of a response.
const SHOWN: &str = "; http_call_response: pairs call_headers, get_buffer call_body 0 200, pairs call_trailers, get_status";

/// Holds the request until the call has ended: what comes first is no matter of chance then.
const HELD: &str = "; request_headers: return 1; http_call_response: effective stream, continue 0";

/// A scenario with a cluster of its own, which `CALL` in the script calls; it is over when one call has been answered.
fn free(name: &'static str, rows: &'static [&'static str], answer: impl Into<Answer>, script: &str) -> Scenario {
    let cluster = format!("of-{name}");
    let script = script.replace("CALL", &format!("http_call {cluster}"));
    scenario(name, rows).cluster(cluster, answer).config(script).wait_for("root http_call_response", 1)
}

/// The same, with the request held meanwhile.
fn call(name: &'static str, rows: &'static [&'static str], answer: impl Into<Answer>, script: &str) -> Scenario {
    free(name, rows, answer, &format!("{script}{HELD}"))
}

/// The same, where the response is shown.
fn shown(name: &'static str, rows: &'static [&'static str], answer: impl Into<Answer>, script: &str) -> Scenario {
    call(name, rows, answer, &format!("{script}{SHOWN}"))
}

fn refused() -> Vec<Scenario> {
    vec![
        scenario("call-to-what-is-no-cluster", &["CAL-1", "CAL-6"]).script(
            "request_headers: http_call no-such-cluster, http_call \"\", http_call localhost:80, http_call http://localhost/, \
             http_call %FF%00",
        ),
        scenario("call-without-pseudo-headers", &["CAL-2"]).cluster("of-call-without-pseudo-headers", respond(200)).script(
            "request_headers: http_call of-call-without-pseudo-headers without=path, \
             http_call of-call-without-pseudo-headers without=method, http_call of-call-without-pseudo-headers without=authority, \
             http_call of-call-without-pseudo-headers headers_raw=, http_call of-call-without-pseudo-headers headers_raw=%01%02",
        ),
        free(
            "call-spends-no-token-on-what-it-refuses",
            &["CAL-2", "CAL-6"],
            respond(200),
            "request_headers: CALL as a, CALL without=path, http_call no-such-cluster, CALL timeout=4294967295, return 1; \
             http_call_response#1: CALL as b from $a; http_call_response#2: effective stream, continue 0",
        )
        .wait_for("root http_call_response", 2),
        call(
            "call-with-host-for-authority",
            &["CAL-2"],
            respond(200),
            "request_headers: CALL without=authority header=host=named.example header=x-a=1 as a"),
        call(
            "call-timeouts-that-are-taken-and-refused",
            &["CAL-3"],
            respond(200),
            "request_headers: CALL timeout=2147483648, CALL timeout=4294967295, CALL timeout=0 as a"),
        free(
            "call-to-a-cluster-without-a-host",
            &["CAL-5", "CAL-6"],
            respond(200),
            "request_headers: CALL as a, http_call without-a-host, http_call without-a-host, return 1; \
             http_call_response#1: CALL as b from $a; http_call_response#2: effective stream, continue 0",
        )
        .empty_cluster("without-a-host")
        .wait_for("root http_call_response", 2),
        free(
            "call-tokens",
            &["CAL-6"],
            respond(200),
            "request_headers: CALL as a from 0, return 1; http_call_response#1: CALL as b from $a; \
             http_call_response#2: CALL as c from $b; http_call_response#3: effective stream, continue 0",
        )
        .own_vm()
        .wait_for("root http_call_response", 3),
    ]
}

fn sent() -> Vec<Scenario> {
    vec![
        call(
            "call-with-a-body",
            &["CAL-8"],
            respond(200),
            "request_headers: CALL method=POST path=/take?n=1 authority=quota.example header=X-Upper=Value header=x-twice=1 header=x-twice=2 body=abc as a",
        ),
        call(
            "call-with-a-wrong-length",
            &["CAL-8"],
            respond(200),
            "request_headers: CALL method=POST header=content-length=99 body=abc as a",
        ),
        call("call-with-post-and-no-body", &["CAL-8"], respond(200), "request_headers: CALL method=POST body= as a"),
        call("call-with-trailers", &["CAL-22"], respond(200), "request_headers: CALL method=POST body=abc trailer=X-Sum=9 as a"),
        call(
            "call-with-nothing-but-trailers",
            &["CAL-22"],
            respond(200),
            "request_headers: CALL method=POST trailer=X-Sum=9 as a",
        ),
        call(
            "call-with-joined-headers",
            &["CAL-8", "HDR-10"],
            respond(200),
            "request_headers: CALL header=accept=a header=accept=b header=cookie=c=1 header=cookie=d=2 header=user-agent=ua header=x-request-id=mine as a",
        ),
        call(
            "call-with-headers-of-the-connection",
            &["CAL-23"],
            respond(200),
            "request_headers: CALL header=connection=close header=te=gzip header=x-envoy-internal=false header=x-forwarded-for=1.2.3.4 \
                 header=x-forwarded-proto=https header=:scheme=https as a",
        ),
    ]
}

fn answered() -> Vec<Scenario> {
    vec![
        shown(
            "call-answered",
            &["CAL-9", "CAL-14", "CAL-25", "STA-1"],
            respond(200).header("x-a", "1").body(&["hello"]),
            "request_headers: get_status, CALL as a",
        ),
        shown("call-answered-with-404", &["CAL-14"], respond(404).body(&["no such user"]), "request_headers: CALL as a"),
        shown(
            "call-answered-with-503",
            &["CAL-14"],
            respond(503).header("content-type", "text/plain").header("x-a", "1").body(&["busy"]),
            "request_headers: CALL as a",
        ),
        shown("call-answered-without-a-body", &["CAL-14"], respond(204), "request_headers: CALL as a"),
        shown("call-with-head", &["CAL-14"], respond(200).header("x-a", "1"), "request_headers: CALL method=HEAD as a"),
        shown(
            "call-answered-in-chunks-with-trailers",
            &["CAL-14", "CAL-22"],
            respond(200).chunked(&["hel", "lo"]).trailer("x-sum", "9"),
            "request_headers: CALL as a",
        ),
        shown(
            "call-answered-with-headers-twice",
            &["CAL-14", "HDR-10"],
            respond(200)
                .header("set-cookie", "a=1")
                .header("set-cookie", "b=2")
                .header("cache-control", "private")
                .header("cache-control", "no-store")
                .header("X-Upper", "Value"),
            "request_headers: CALL as a",
        ),
        shown(
            "call-answered-after-103",
            &["CAL-14"],
            respond(200).informational(103).body(&["late"]),
            "request_headers: CALL as a",
        ),
        scenario("calls-answered-by-their-latency", &["CAL-9"])
            .cluster("slow-one", respond(200).body(&["slow"]).after(200))
            .cluster("quick-one", respond(200).body(&["quick"]).after(20))
            .config(format!(
                "request_headers: http_call slow-one as slow, http_call quick-one as quick, return 1{SHOWN}; \
                 http_call_response#2: effective stream, continue 0"
            ))
            .wait_for("root http_call_response", 2),
    ]
}

/// Less than it says.
fn unfinished() -> Response {
    respond(200).header("content-length", "9").unframed().body(&["half"])
}

fn failed() -> Vec<Scenario> {
    vec![
        shown("call-times-out", &["CAL-11"], Upstream::Silent, "request_headers: CALL timeout=60 as a"),
        scenario("call-times-out-before-a-late-answer", &["CAL-11", "CAL-9"])
            .cluster("late-one", respond(200).body(&["late"]).after(400))
            .cluster("early-one", respond(200).body(&["early"]).after(200))
            .config(format!(
                "request_headers: http_call late-one timeout=60 as late, http_call early-one as early, return 1{SHOWN}; \
                 http_call_response#2: effective stream, continue 0"
            ))
            .wait_for("root http_call_response", 2),
        shown("call-times-out-in-the-body", &["CAL-27", "CAL-13", "STA-2"], unfinished(), "request_headers: CALL timeout=200 as a"),
        shown("call-refused-by-the-service", &["CAL-12"], Upstream::Refuse, "request_headers: CALL as a"),
        shown("call-dropped-before-headers", &["CAL-12"], Upstream::CloseBeforeResponse, "request_headers: CALL as a"),
        shown("call-with-an-invalid-header-value", &["CAL-12"], respond(200), "request_headers: CALL header=x-a=1%0A2 as a"),
        shown("call-with-an-invalid-header-name", &["CAL-12"], respond(200), "request_headers: CALL header=x%20a=1 as a"),
        shown("call-with-a-line-break-in-its-path", &["CAL-12"], respond(200), "request_headers: CALL path=/a%0Ab as a"),
        call(
            "call-cut-after-headers",
            &["CAL-13", "STA-2"],
            unfinished().then_close(),
            "request_headers: CALL as a; http_call_response: get call_headers :status, pairs call_headers, size call_headers, \
                 get_buffer call_body 0 9, buffer_status call_body, set_buffer call_body 0 9 x, pairs call_trailers, get_status",
        ),
        shown(
            "call-answered-with-two-lengths",
            &["CAL-26"],
            respond(200).header("content-length", "9").body(&["half"]),
            "request_headers: CALL as a",
        )
        .not_modelled("it has no codec of HTTP/1"),
        scenario("call-after-a-cut-one", &["STA-2"])
            .cluster("cut-one", unfinished().then_close())
            .cluster("whole-one", respond(200).body(&["whole"]))
            .script(
                "request_headers: http_call cut-one as cut, return 1; http_call_response: get_status; \
                 http_call_response#1: http_call whole-one as whole; http_call_response#2: effective stream, continue 0; log: get_status",
            )
            .wait_for("root http_call_response", 2),
    ]
}

fn read() -> Vec<Scenario> {
    vec![
        scenario("call-maps-outside-its-callback", &["CAL-13", "HDR-3"]).script(
            "request_headers: get call_headers :status, pairs call_headers, size call_headers, add call_headers x-a 1, \
             replace call_headers x-a 1, remove call_headers x-a, set_pairs call_headers x-a=1, get call_trailers x-a, pairs call_trailers, \
             get_buffer call_body 0 9, buffer_status call_body, set_buffer call_body 0 9 x",
        ),
        call(
            "call-maps-are-read-only",
            &["CAL-14", "HDR-3"],
            respond(200).header("x-a", "1").body(&["hello"]),
            "request_headers: CALL as a; http_call_response: size call_headers, add call_headers x-a 2, replace call_headers x-a 2, remove call_headers x-a, \
                 set_pairs call_headers x-a=2, get call_headers X-A, get call_headers x-b, add call_trailers x-t 1, pairs call_trailers, \
                 set_buffer call_body 0 5 x, get_buffer call_body 0 99, get_buffer call_body 1 3, get_buffer call_body 9 3, \
                 buffer_status call_body"),
        call(
            "call-trailers-that-came",
            &["HDR-35", "CAL-22"],
            respond(200).chunked(&["hello"]).trailer("x-sum", "9"),
            "request_headers: CALL as a; http_call_response: get call_trailers x-sum, get call_trailers x-none, size call_trailers",
        ),
        call(
            "call-trailers-that-did-not-come",
            &["HDR-35"],
            respond(200).chunked(&["hello"]),
            "request_headers: CALL as a; http_call_response: get call_trailers x-sum, pairs call_trailers, size call_trailers",
        ),
        free(
            "call-read-with-a-stream-effective",
            &["CTX-8", "CTX-9"],
            respond(200).header("x-a", "1").body(&["hello"]),
            "request_headers: CALL as a, return 1; http_call_response: effective stream, get call_headers x-a, get_buffer call_body 0 9, \
                 get request_headers :path, add request_headers x-user ann, get_status, continue 0"),
        free(
            "call-read-in-what-follows",
            &["CAL-13"],
            respond(200).body(&["hello"]),
            "request_headers: CALL as a, return 1; http_call_response: effective stream, continue 0; \
                 response_headers: get call_headers :status, get_buffer call_body 0 9; \
                 log: get call_headers :status, get_buffer call_body 0 9"),
    ]
}

fn streams() -> Vec<Scenario> {
    vec![
        free(
            "call-lets-a-body-go",
            &["CON-1", "CAL-16"],
            respond(200),
            "request_body#1: CALL as a, return 1; request_body: return 1; http_call_response: effective stream, get_buffer request_body 0 99, continue 0")
        .request(post("/").body(&["abc", "def"])),
        free(
            "call-lets-a-response-go",
            &["CON-3", "CAL-16"],
            respond(200),
            "response_headers: CALL as a, return 1; http_call_response: effective stream, add response_headers x-late 1, continue 1"),
        free(
            "call-and-a-reply",
            &["LOC-2", "CAL-14"],
            respond(403).body(&["no"]),
            "request_headers: CALL as a, return 1; http_call_response: effective stream, reply 403 details=denied body=denied"),
        free(
            "call-and-a-close",
            &["CLO-1"],
            respond(403),
            "request_headers: CALL as a, return 1; http_call_response: effective stream, close 0"),
        free(
            "call-outlives-its-stream",
            &["CAL-15"],
            respond(200).body(&["late"]).after(150),
            "request_headers: context as s, CALL as a; http_call_response: effective $s, get call_headers :status, get_buffer call_body 0 9"),
        free(
            "call-outlives-a-client-that-leaves",
            &["CAL-15", "SEQ-18"],
            respond(200).body(&["late"]).after(300),
            "request_headers: context as s, CALL as a, return 1; http_call_response: effective $s, get call_headers :status")
        .request(get("/").disconnect_after(1)),
        scenario("call-and-a-trap-in-its-callback", &["FAI-6"])
            .cluster("of-a-trap", respond(200))
            .script("request_headers: http_call of-a-trap as a, return 1; http_call_response: trap")
            .own_vm()
            .wait_for("trap", 1)
            .patience(300)
            .found(),
        scenario("call-and-a-trap-at-once", &["FAI-1", "CAL-24"])
            .cluster("of-a-trap-at-once", respond(200))
            .script("request_headers: http_call of-a-trap-at-once as a, trap")
            .own_vm(),
    ]
}

fn anywhere() -> Vec<Scenario> {
    vec![
        // Envoy comes to the answer when all plugins of this run are loaded.
        free("call-while-configured", &["CAL-16"], respond(200).body(&["hello"]), "configure: CALL timeout=100000 as a")
            .main_thread()
            .request(get("/").when("root http_call_response"))
            .wait_for("root http_call_response", 2),
        shown(
            "call-on-a-tick",
            &["CAL-16", "TIM-4"],
            respond(200).body(&["hello"]),
            "request_headers: tick_period 40; tick#1: tick_period 0, CALL as a",
        ),
        free(
            "call-in-a-calls-callback",
            &["CAL-16"],
            respond(200).body(&["hello"]),
            &format!("request_headers: CALL as a, return 1; http_call_response#1: CALL as b; http_call_response#2: effective stream, continue 0{SHOWN}"),
        )
        .wait_for("root http_call_response", 2),
        free("call-in-log", &["CAL-16", "CAL-15"], respond(200).body(&["hello"]).after(100), &format!("log: CALL as a{SHOWN}")),
        free("call-in-done", &["CAL-16", "CAL-15"], respond(200).body(&["hello"]).after(100), &format!("done: CALL as a{SHOWN}")),
        free("call-in-delete", &["CAL-16", "CAL-15"], respond(200).body(&["hello"]).after(100), &format!("delete: CALL as a{SHOWN}")),
        free(
            "call-with-the-root-effective",
            &["CTX-9"],
            respond(200).body(&["hello"]).after(200),
            &format!("request_headers: effective root, CALL as a{SHOWN}"),
        ),
    ]
}

fn on_proxy_wasm() -> Vec<Scenario> {
    let on = |name, rows, config: &'static str| scenario(name, rows).guest(Guest::OnProxyWasm, name).config(config);
    vec![
        on("proxy-wasm-call", &["CAL-9", "CAL-8"], "ask 5000 wasm-authz").cluster("wasm-authz", respond(200).body(&["ann"])),
        on("proxy-wasm-two-calls", &["CAL-9"], "ask 5000 wasm-slow wasm-quick")
            .cluster("wasm-slow", respond(200).body(&["ann"]).after(200))
            .cluster("wasm-quick", respond(200).body(&["quick"])),
        on("proxy-wasm-call-denied", &["CAL-14", "LOC-2"], "ask 5000 wasm-denies")
            .cluster("wasm-denies", respond(401).body(&["no"])),
        on("proxy-wasm-call-refused", &["CAL-1"], "ask 5000 wasm-no-such-cluster"),
        on("proxy-wasm-call-times-out", &["CAL-11"], "ask 100 wasm-silent").cluster("wasm-silent", Upstream::Silent),
        on("proxy-wasm-call-cut", &["FAI-6", "SDK-14", "CAL-13"], "ask 5000 wasm-cut")
            .cluster("wasm-cut", unfinished().then_close())
            .patience(500)
            .found(),
        on("proxy-wasm-call-of-the-root", &["CAL-16"], "ask-on-tick 5000 wasm-root")
            .cluster("wasm-root", respond(200).body(&["hello"]))
            .wait_for("answer", 1)
            .wait_for("response headers", 1),
    ]
}
