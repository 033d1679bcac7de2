//! Several plugins in one VM, access loggers, services, and the instances of the main thread.

use super::failure::apart;
use crate::scenario::{Role, Scenario, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        scenario("two-plugins-in-one-vm", &["LIF-10", "SEQ-15", "CTX-1"])
            .own_vm()
            .script("no-header; configure: log 2 first; request_headers: log 2 first; response_headers: log 2 first; log: log 2 first; done: log 2 first")
            .with(
                Role::Filter,
                "second",
                "no-header; configure: log 2 second; request_headers: log 2 second; response_headers: log 2 second; log: log 2 second; done: log 2 second",
            )
            .response(respond(200).body(&["hello"])),
        scenario("two-equal-plugins-in-one-vm", &["LIF-11"])
            .own_vm()
            .script("no-header; request_headers: log 2 here")
            .with(Role::Filter, "two-equal-plugins-in-one-vm", "no-header; request_headers: log 2 here"),
        scenario("effective-context-of-a-stream-that-is-not-created-yet", &["CTX-11", "CTX-4", "CTX-5"])
            .own_vm()
            .script("no-header; request_headers: effective 3, effective 4, property plugin_name, effective 5, effective 6, property plugin_name")
            .with(Role::Filter, "second", "no-header"),
        scenario("properties-of-two-plugins-in-one-vm", &["LIF-10"])
            .own_vm()
            .script("no-header; request_headers: property plugin_name, property plugin_root_id, property plugin_vm_id")
            .with(Role::Filter, "second", "no-header; configure: property plugin_name; request_headers: property plugin_name"),
        scenario("access-logger", &["ACL-1", "ACL-2"])
            .own_vm()
            .script("no-header; log: set_property a b")
            .with(
                Role::AccessLogger,
                "logger",
                "configure: log 2 logger; log: log 2 logger, get request_headers :path, get request_headers x-absent, get request_trailers x-a,\
                 get response_headers :status, get response_headers x-a, get response_trailers x-a, get call_headers x-a, size request_headers,\
                 add request_headers x-b 1, replace response_headers x-b 1, remove response_headers x-a, pairs response_headers, pairs call_headers,\
                 property request path, property response code, property a, property connection_id, property plugin_name, property request headers x-b,\
                 set_property c d, reply 418 body=tea, close 0, continue 0, get_buffer request_body 0 10, get_buffer vm_config 0 10,\
                 get_buffer plugin_config 0 10, done; done: log 2 logger",
            )
            .request(get("/a").header("x-b", "1"))
            .request(post("/b").body(&["abc"]))
            .response(respond(200).header("x-a", "1").body(&["hello"])),
        scenario("access-logger-alone-in-a-vm", &["ACL-1"])
            .own_vm()
            .script("no-header; request_headers: reply 403; log: log 2 filter")
            .with_plugin(Role::AccessLogger, "logger", "log: log 2 logger, get response_headers :status, property response code_details", apart("apart-4")),
        scenario("access-logger-that-traps", &["ACL-1", "FAI-4"])
            .own_vm()
            .with(Role::AccessLogger, "logger", "log: trap")
            .request(get("/a"))
            .request(get("/b")),
        scenario("access-logger-of-a-filter-that-traps", &["ACL-1", "FAI-1"])
            .own_vm()
            .with(Role::AccessLogger, "logger", "log: log 2 logger")
            .request(get("/a").script("request_headers: trap"))
            .request(get("/b")),
        scenario("access-logger-apart-from-a-filter-that-traps", &["ACL-1", "FAI-1"])
            .own_vm()
            .with_plugin(Role::AccessLogger, "logger", "log: log 2 logger, property response code_details", apart("apart-5"))
            .request(get("/a").script("request_headers: trap"))
            .request(get("/b")),
        scenario("instances-of-a-plugin", &["LIF-8", "LIF-9"]).main_thread().script("configure: log 2 here"),
        scenario("instances-of-two-plugins-in-one-vm", &["LIF-8", "LIF-10"])
            .main_thread()
            .script("no-header; configure: log 2 first")
            .with(Role::Filter, "second", "no-header; configure: log 2 second"),
        scenario("instances-of-two-equal-plugins", &["LIF-8", "LIF-11"])
            .main_thread()
            .script("no-header; configure: log 2 here")
            .with(Role::Filter, "instances-of-two-equal-plugins", "no-header; configure: log 2 here"),
        scenario("instances-of-a-filter-and-an-access-logger", &["LIF-8", "ACL-1"])
            .main_thread()
            .script("no-header; configure: log 2 filter")
            .with(Role::AccessLogger, "logger", "configure: log 2 logger"),
        scenario("instances-of-a-service", &["LIF-8", "SVC-1"])
            .main_thread()
            .script("no-header; configure: log 2 filter")
            .with_plugin(Role::Service, "service", "configure: log 2 service", apart("apart-6")),
        scenario("service-in-the-vm-of-a-filter", &["LIF-8", "SVC-1"])
            .main_thread()
            .script("no-header; configure: log 2 filter, effective 2")
            .with(Role::Service, "service", "configure: log 2 service, effective 2"),
    ]
}
