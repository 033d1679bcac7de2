//! Filters on the crate proxy-wasm: what all of its methods lead to, and what it panics at.

use crate::scenario::{Guest, Scenario, get, post, respond, scenario};

pub(super) fn all() -> Vec<Scenario> {
    let on = |name, rows, mode: &'static str| scenario(name, rows).guest(Guest::OnProxyWasm, name).config(mode);
    let body = || respond(200).header("vary", "accept").body(&["hel", "lo"]);
    vec![
        on("proxy-wasm-everything", &["HDR-12", "HDR-13", "HDR-15", "PRO-11", "ACT-9"], "everything")
            .vm_config("vm")
            .request(post("/cart?id=7").chunked(&["ab", "c"]).trailer("x-end", "1"))
            .response(respond(200).chunked(&["hel", "lo"]).trailer("x-sum", "7")),
        on("proxy-wasm-bodies", &["BUF-9", "BUF-10", "BUF-11"], "everything")
            .request(post("/").body(&["ab", "c"]))
            .response(body()),
        on("proxy-wasm-reply", &["LOC-2", "LOC-9"], "reply"),
        on("proxy-wasm-grpc-reply", &["LOC-12"], "grpc-reply").request(post("/").header("content-type", "application/grpc")),
        on("proxy-wasm-reply-instead", &["LOC-5"], "reply-instead").response(body()),
        on("proxy-wasm-reset-request", &["CLO-1"], "reset-request"),
        on("proxy-wasm-reset-response", &["CLO-1"], "reset-response").response(body()),
        on("proxy-wasm-hold-request", &["CON-1", "CTX-8"], "hold-request"),
        on("proxy-wasm-hold-response", &["CON-1", "CTX-8"], "hold-response").response(body()),
        on("proxy-wasm-request-header-in-response", &["SDK-1", "FAI-2", "FAI-7"], "SDK-1").request(get("/")).request(get("/")),
        on("proxy-wasm-response-header-in-request", &["SDK-1"], "SDK-1-response"),
        on("proxy-wasm-request-trailer-too-early", &["SDK-1"], "SDK-1-trailer"),
        on("proxy-wasm-whole-map-in-response", &["SDK-2"], "SDK-2"),
        on("proxy-wasm-body-in-headers", &["SDK-2"], "SDK-2-body").request(post("/").body(&["abc"])),
        on("proxy-wasm-set-header-in-response", &["SDK-3"], "SDK-3"),
        on("proxy-wasm-set-body-in-headers", &["SDK-3"], "SDK-3-body").request(post("/").body(&["abc"])),
        on("proxy-wasm-group-of-properties", &["SDK-5"], "SDK-5"),
        on("proxy-wasm-property-in-response", &["SDK-6"], "SDK-6"),
        on("proxy-wasm-property-of-two-parts", &["SDK-6", "PRO-13"], "SDK-6-path"),
    ]
}
