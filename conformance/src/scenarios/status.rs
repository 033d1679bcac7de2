//! Timers, clock, log, status, and what a VM that may not use every service sees of them.

use crate::scenario::{Role, Scenario, Upstream, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    let mut all = vec![scenario("service-pointers-outside-memory", &["MEM-5"]).script("request_headers: oob_services")];
    all.extend(timers());
    all.extend(statuses());
    all.extend(restricted());
    all
}

fn timers() -> Vec<Scenario> {
    vec![
        scenario("tick-of-a-root", &["TIM-1"])
.script("configure: tick_period 20; tick#3: tick_period 0")
.request(get("/").when("tick_period 0 =")),
        scenario("tick-set-by-a-stream", &["TIM-1"])
            .script("request_headers: tick_period 20; tick#2: tick_period 0")
            .wait_for("root tick()", 2),
        scenario("tick-period-replaced", &["TIM-1"])
            .script("configure: tick_period 4000000, tick_period 20; tick: tick_period 0, tick_period 0")
.request(get("/").when("tick_period 0 =")),
        scenario("tick-stopped-before-it-comes", &["TIM-1"])
            .script("request_headers: tick_period 20, tick_period 0, return 1; response_headers: log 2 late")
            .patience(200),
        scenario("tick-sees-no-stream", &["TIM-4"])
            .script(
                "request_headers: tick_period 20, return 1; tick: tick_period 0, get request_headers :path, pairs request_headers, \
                 add request_headers x-a 1, get_buffer plugin_config 0 9, get_buffer vm_config 0 9, property request path, property plugin_name, \
                 reply 403, continue 0, close 0, effective stream, get request_headers :path, add request_headers x-b 1, \
                 get_buffer plugin_config 0 9, property request path, continue 0, effective root, get request_headers :path",
            )
            .vm_config("vm")
            .wait_for("stream delete()", 1),
        scenario("tick-resets-a-stream", &["TIM-4"])
            .script("request_headers: tick_period 20, return 1; tick: tick_period 0, effective stream, close 0"),
        scenario("tick-answers-a-stream", &["TIM-4"])
            .script("request_headers: tick_period 20, return 1; tick: tick_period 0, effective stream, reply 418 body=late"),
        scenario("tick-while-a-body-waits", &["TIM-4"])
            .script(
                "request_body: tick_period 20, return 1; tick: tick_period 0, get_buffer request_body 0 99, effective stream, \
                 get_buffer request_body 0 99, get request_headers :path, add request_headers x-a 1, set_buffer request_body 0 1 X, continue 0",
            )
            .request(post("/").body(&["abc"])),
        scenario("tick-sets-another-period", &["TIM-3"])
            .script("configure: tick_period 20; tick#1: tick_period 40; tick#2: tick_period 1; tick#3: tick_period 0")
.request(get("/").when("tick_period 0 =")),
        scenario("time-goes-on", &["TIM-5"])
            .script(
                "request_headers: time as a, tick_period 20, return 1; tick: tick_period 0, time as b from $a, effective stream, \
                 time as c from $a, continue 0; response_headers: time as d from $a",
            ),
        scenario("log-of-a-root-and-of-a-stream", &["LOG-2"]).script(
            "configure: log 3 from%20the%20root; request_headers: log 3 from%20the%20stream; tick: log 3 none; done: log 4 at%20the%20end",
        ),
    ]
}

fn statuses() -> Vec<Scenario> {
    vec![
        scenario("status-of-nothing", &["STA-1"])
            .script("vm_start: get_status; configure: get_status; request_headers: get_status; tick: get_status; log: get_status; delete: get_status"),
        scenario("status-of-a-success", &["STA-1"])
            .own_vm()
            .script("request_headers: http_call status-of-a-success-a as a; http_call_response: get_status, pairs call_headers; log: get_status")
            .cluster("status-of-a-success-a", respond(200).body(&["ok"]).after(20))
            .wait_for("http_call_response", 1),
        scenario("status-of-a-reset-stays", &["STA-2"])
            .own_vm()
            .script(
                "request_headers: http_call status-of-a-reset-a as a, return 1; \
                 http_call_response#1: get_status, get call_headers :status, pairs call_headers, get_buffer call_body 0 9, \
                 http_call status-of-a-reset-b as b, effective stream, get_status; \
                 http_call_response#2: get_status, pairs call_headers, effective stream, get_status, continue 0; \
                 response_headers: get_status; log: get_status",
            )
            .cluster("status-of-a-reset-a", respond(200).chunked(&["abc"]).then_close())
            .cluster("status-of-a-reset-b", respond(200).body(&["ok"])),
        scenario("status-of-an-answer-instead", &["STA-2"])
            .own_vm()
            .script(
                "request_headers: http_call status-of-a-refusal-a as a, return 1; \
                 http_call_response: get_status, get call_headers :status, get_buffer call_body 0 999, effective stream, continue 0",
            )
            .cluster("status-of-a-refusal-a", Upstream::Refuse),
    ]
}

/// What a VM needs to run the scripted guest at all.
macro_rules! capabilities {
    ($($more:literal),*) => {
        &["proxy_log", "proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure", "proxy_on_request_headers", "proxy_on_delete",
          "proxy_get_buffer_bytes", "proxy_get_header_map_value" $(, $more)*]
    };
}

fn restricted() -> Vec<Scenario> {
    const ALL: &str = "request_headers: http_call nowhere as a, grpc_call envoy_grpc=nowhere s m as b, grpc_stream envoy_grpc=nowhere s m as c, \
        grpc_send 6 m 1, grpc_cancel 5, grpc_close 6, get_status, get_shared_data k as d, set_shared_data k v 0, register_queue q as e, \
        resolve_queue vm q as f, enqueue 1 v, dequeue 1, define_metric counter n as g, increment 4 1, record 4 1, get_metric 4, \
        foreign f, foreign f a null, time, tick_period 10, log_level, property plugin_name, set_property a b, reply 403, continue 0, close 0, \
        effective 0, done, oob_services";
    vec![
        scenario("capabilities-no-services", &["CAP-2"]).own_vm().script(ALL).capabilities(capabilities!()),
        scenario("capabilities-callouts", &["CAP-2", "CAP-3"])
            .own_vm()
            .script(
                "request_headers: http_call capabilities-callouts-a path=/heard as a, get_status, get_shared_data k, define_metric 0 n as m",
            )
            .capabilities(capabilities!("proxy_http_call"))
            .cluster("capabilities-callouts-a", respond(200)),
        scenario("capabilities-callouts-and-answers", &["CAP-2", "CAP-3"])
            .own_vm()
            .script(
                "request_headers: http_call capabilities-callouts-b as a, return 1; \
                 http_call_response: get_status, pairs call_headers, get call_headers :status, get_buffer call_body 0 9, effective stream, continue 0",
            )
            .capabilities(capabilities!("proxy_http_call", "proxy_on_http_call_response", "proxy_set_effective_context", "proxy_continue_stream"))
            .cluster("capabilities-callouts-b", respond(200).body(&["abc"])),
        scenario("capabilities-metrics", &["CAP-2"])
            .own_vm()
            .script("request_headers: define_metric counter capabilities.counter as a, increment $a 2, record $a 3, get_metric $a")
            .capabilities(capabilities!("proxy_define_metric", "proxy_increment_metric"))
            .metrics("capabilities"),
        scenario("capabilities-shared-data", &["CAP-2"])
            .own_vm()
            .script("request_headers: set_shared_data k v 0, get_shared_data k as a, register_queue q as b, enqueue 1 v")
            .capabilities(capabilities!("proxy_get_shared_data")),
        scenario("capabilities-queue-without-its-notice", &["CAP-3"])
            .own_vm()
            .script("request_headers: register_queue capabilities.queue as q, enqueue $q a; delete: dequeue $q, dequeue $q; queue_ready: log 2 never")
            .capabilities(capabilities!("proxy_register_shared_queue", "proxy_enqueue_shared_queue", "proxy_dequeue_shared_queue")),
        scenario("capabilities-tick", &["CAP-3"])
            .own_vm()
            .script("configure: tick_period 10; tick: log 2 never; request_headers: return 1")
            .capabilities(capabilities!("proxy_set_tick_period_milliseconds"))
            .patience(150),
        scenario("capabilities-of-all-plugins-of-a-vm", &["CAP-2"])
            .own_vm()
            .script("request_headers: time")
            .with(Role::AccessLogger, "capabilities-of-a-logger", "log: time")
            .capabilities(capabilities!("proxy_on_log"))
            .request(get("/")),
    ]
}
