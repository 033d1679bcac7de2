//! Shared data and queues: between callbacks, plugins, VMs and threads.

use super::failure::apart;
use crate::scenario::{Role, Scenario, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    [data(), queues(), notices(), between_plugins(), between_threads()].concat()
}

fn data() -> Vec<Scenario> {
    vec![
        scenario("shared-data-missing", &["SHD-2"]).own_vm().script("request_headers: get_shared_data a, get_shared_data \"\""),
        scenario("shared-data-store", &["SHD-3", "SHD-7"]).own_vm().script(
            "request_headers: set_shared_data a 1 0, get_shared_data a as first, set_shared_data a 2 $first, get_shared_data a as second,\
             set_shared_data a 3 $first, set_shared_data a 3 $second+1, get_shared_data a, set_shared_data a 4 0, get_shared_data a",
        ),
        scenario("shared-data-with-any-number-of-an-absent-key", &["SHD-3", "SHD-9"]).own_vm().script(
            "request_headers: set_shared_data a 1 77, get_shared_data a, set_shared_data a 2 77, set_shared_data b 1 4294967295,\
             set_shared_data b 2 4294967295, get_shared_data b",
        ),
        scenario("shared-data-numbers", &["SHD-6"]).own_vm().script(
            "request_headers: set_shared_data a 1 0, get_shared_data a as a, set_shared_data b 1 0, get_shared_data b as b from $a,\
             set_shared_data b 2 $a, set_shared_data a 2 $a, get_shared_data a as c from $b, get_shared_data b as d from $b",
        ),
        scenario("shared-data-empty", &["SHD-7"]).own_vm().script(
            "request_headers: set_shared_data a \"\" 0, get_shared_data a as a, set_shared_data a \"\" $a, set_shared_data a \"\" $a,\
             set_shared_data \"\" x 0, get_shared_data \"\"",
        ),
        scenario("shared-data-bytes", &["SHD-7"])
            .own_vm()
            .script("request_headers: set_shared_data %00%ff %00%01%ff 0, get_shared_data %00%ff, get_shared_data %00, get_shared_data %00%FF"),
        scenario("shared-data-in-every-callback", &["SHD-3"])
            .own_vm()
            .script(
                "configure: set_shared_data a configure 0; context_create: get_shared_data a, set_shared_data a create 0;\
                 request_headers: get_shared_data a, set_shared_data a headers 0; request_body: get_shared_data a, set_shared_data a body 0;\
                 response_headers: get_shared_data a, set_shared_data a response 0; log: get_shared_data a, set_shared_data a log 0;\
                 done: get_shared_data a, set_shared_data a done 0; delete: get_shared_data a, set_shared_data a delete 0",
            )
            .request(post("/").body(&["abc"]))
            .request(get("/")),
        scenario("shared-data-of-two-streams", &["SHD-1", "SHD-3"])
            .own_vm()
            .script("no-header; request_headers: get_shared_data a as a, set_shared_data a 1 0; response_headers: set_shared_data a 2 $a, get_shared_data a")
            .request(get("/a"))
            .request(get("/b")),
    ]
}

fn queues() -> Vec<Scenario> {
    vec![
        scenario("queue-registered-again", &["QUE-1"]).own_vm().script(
            "request_headers: register_queue q as first, enqueue $first kept, register_queue q as second from $first, dequeue $second,\
             register_queue r as third from $first, register_queue \"\" as fourth from $third, resolve_queue \"\" \"\" as fifth from $fourth",
        ),
        scenario("queue-resolved", &["QUE-3"]).own_vm().script(
            "request_headers: resolve_queue \"\" q, register_queue q as a, resolve_queue \"\" q as b from $a,\
             resolve_queue queue-resolved q as c from $a, resolve_queue queue-resolved r, resolve_queue other q, resolve_queue %ff q",
        ),
        scenario("queue-empty-or-unknown", &["QUE-6"]).own_vm().script(
            "request_headers: dequeue 0, enqueue 0 x, register_queue q as q, dequeue $q, dequeue $q+1, enqueue $q+1 x, dequeue 4000000000, enqueue 4000000000 x",
        ),
        scenario("queue-order", &["QUE-8"]).own_vm().script(
            "request_headers: register_queue q as q, enqueue $q a, enqueue $q \"\", enqueue $q %00%ff; response_headers: dequeue $q;\
             queue_ready#1: dequeue $q, dequeue $q",
        ),
    ]
}

fn notices() -> Vec<Scenario> {
    vec![
        scenario("queue-notice-after-the-callback", &["QUE-1", "QUE-8", "SEQ-21"])
            .own_vm()
            .script("request_headers: register_queue q as q, enqueue $q a, log 2 after; queue_ready: dequeue $q, dequeue $q")
            .response(respond(200).body(&["hello"])),
        scenario("queue-notice-between-two-filters", &["QUE-8", "QUE-10"])
            .own_vm()
            .script("no-header; request_headers: register_queue q as q, enqueue $q a; queue_ready: log 2 told")
            .with(Role::Filter, "second", "no-header; request_headers: log 2 second"),
        scenario("queue-notice-for-each-item", &["QUE-8"]).own_vm().script(
            "request_headers: register_queue q as q, enqueue $q a, enqueue $q b, dequeue $q, dequeue $q; queue_ready: dequeue $q",
        ),
        scenario("queue-notices-of-two-queues", &["QUE-8"]).own_vm().script(
            "request_headers: register_queue q as q, register_queue r as r, enqueue $r a, enqueue $q b, enqueue $r c; queue_ready: log 2 told",
        ),
        scenario("queue-filled-again-in-its-notice", &["QUE-8"]).own_vm().script(
            "request_headers: register_queue q as q, enqueue $q a; queue_ready: dequeue $q; queue_ready#1: enqueue $q b, log 2 after",
        ),
        scenario("queue-filled-before-it-was-registered-again", &["QUE-1", "QUE-9"])
            .own_vm()
            .script("no-header; request_headers: register_queue q as q, enqueue $q a; queue_ready: log 2 first")
            .with(Role::Filter, "second", "no-header; request_headers: register_queue q as q, enqueue $q b; queue_ready: log 2 second"),
        scenario("queue-notice-lets-a-request-go", &["QUE-8", "QUE-11", "CTX-8", "CON-1"]).own_vm().script(
            "request_headers: register_queue q as q, enqueue $q x-late, return 1;\
             queue_ready: dequeue $q, effective stream, get request_headers :path, add request_headers x-late 1, continue 0",
        ),
        scenario("queue-notice-answers-a-request", &["QUE-8", "QUE-11", "LOC-1"]).own_vm().script(
            "request_headers: register_queue q as q, enqueue $q a, return 1; queue_ready: effective stream, reply 403 details=by_queue body=no",
        ),
        scenario("queue-notice-while-a-body-comes", &["QUE-8", "QUE-10"])
            .own_vm()
            .script("request_headers: register_queue q as q; request_body: enqueue $q a; queue_ready: dequeue $q")
            .request(post("/").chunked(&["abc", "def"])),
        scenario("queue-filled-in-log-done-and-delete", &["QUE-8"]).own_vm().script(
            "request_headers: register_queue q as q; log: enqueue $q log; done: enqueue $q done; delete: enqueue $q delete; queue_ready: dequeue $q",
        ),
        scenario("queue-filled-by-a-tick", &["QUE-8"])
            .own_vm()
            .script(
                "request_headers: register_queue q as q, tick_period 40, return 1;\
                 tick#1: tick_period 0, enqueue $q a, log 2 after; queue_ready: dequeue $q, effective stream, continue 0",
            )
            .patience(2_000),
        scenario("queue-notice-that-traps", &["QUE-8", "FAI-1"])
            .own_vm()
            .script("no-header; request_headers: register_queue q as q, enqueue $q a, enqueue $q b; queue_ready: trap")
            .request(get("/a"))
            .request(get("/b")),
        scenario("queue-notice-to-a-restricted-vm", &["QUE-8", "CAP-3"])
            .own_vm()
            .capabilities(&[
                "proxy_log",
                "proxy_on_configure",
                "proxy_on_request_headers",
                "proxy_register_shared_queue",
                "proxy_enqueue_shared_queue",
                "proxy_get_buffer_bytes",
                "proxy_on_context_create",
            ])
            .script("no-header; request_headers: register_queue q as q, enqueue $q a, dequeue $q; queue_ready: log 2 told"),
    ]
}

fn between_plugins() -> Vec<Scenario> {
    vec![
        scenario("shared-data-changed-by-another-plugin", &["SHD-1", "SHD-3"])
            .own_vm()
            .script(
                "no-header; request_headers: set_shared_data a 1 0, get_shared_data a as a;\
                 response_headers: get_shared_data a, set_shared_data a 3 $a, get_shared_data a",
            )
            .with(Role::Filter, "second", "no-header; request_headers: get_shared_data a, set_shared_data a 2 0"),
        scenario("shared-data-of-another-vm-id", &["SHD-1"])
            .own_vm()
            .script("no-header; request_headers: set_shared_data a 1 0; response_headers: get_shared_data a")
            .with_plugin(
                Role::Filter,
                "second",
                "no-header; request_headers: get_shared_data a, set_shared_data a 2 0",
                apart("apart-7"),
            ),
        scenario("queue-of-another-vm", &["QUE-3", "QUE-5"])
            .own_vm()
            .script("no-header; request_headers: register_queue q as q; queue_ready: dequeue $q; response_headers: dequeue $q")
            .with_plugin(
                Role::Filter,
                "second",
                "no-header; request_headers: resolve_queue \"\" q, resolve_queue queue-of-another-vm q as q, enqueue $q a, enqueue $q b, dequeue $q;\
                 queue_ready: log 2 not-told",
                apart("apart-8"),
            ),
        scenario("access-logger-with-shared-data-and-queue", &["ACL-2", "QUE-8"])
            .own_vm()
            .script("no-header; request_headers: set_shared_data a 1 0")
            .with(
                Role::AccessLogger,
                "logger",
                "log: get_shared_data a, set_shared_data a 2 0, register_queue q as q, enqueue $q a; queue_ready: dequeue $q, get request_headers :path",
            )
            .request(get("/a"))
            .request(get("/b")),
    ]
}

fn between_threads() -> Vec<Scenario> {
    vec![
        scenario("queue-of-a-service", &["SVC-1", "QUE-3"])
            .own_vm()
            .script("no-header; request_headers: resolve_queue apart-9 q as q, enqueue $q a; response_headers: dequeue $q")
            .with_plugin(Role::Service, "service", "configure: register_queue q", apart("apart-9")),
        scenario("shared-data-of-a-service", &["SVC-1", "SHD-1"])
            .own_vm()
            .script("no-header; request_headers: get_shared_data a, set_shared_data a 2 0, get_shared_data a")
            .with(Role::Service, "service", "configure: set_shared_data a 1 0"),
        scenario("queue-registered-by-every-instance", &["QUE-9", "LIF-8"])
            .own_vm()
            .script("no-header; configure: register_queue q as q; request_headers: enqueue $q a; queue_ready: dequeue $q"),
        scenario("shared-data-stored-by-every-instance", &["SHD-1", "LIF-8"])
            .own_vm()
            .main_thread()
            .script("no-header; configure: get_shared_data a as a, set_shared_data a 1 0; request_headers: get_shared_data a"),
        scenario("queue-to-a-service-and-back", &["SVC-1", "QUE-3", "QUE-8", "QUE-11", "CTX-8"])
            .own_vm()
            .script(
                "no-header; request_headers: register_queue back as back, resolve_queue apart-10 there as there, enqueue $there x-late, return 1;\
                 queue_ready: dequeue $back, effective stream, add request_headers x-late 1, continue 0",
            )
            .with_plugin(
                Role::Service,
                "service",
                "configure: register_queue there as there;\
                 queue_ready: dequeue $there, resolve_queue queue-to-a-service-and-back back as back, enqueue $back done",
                apart("apart-10"),
            ),
    ]
}
