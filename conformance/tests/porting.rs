//! Every method of the crate proxy-wasm has its line in `docs/porting.md`.

use std::path::Path;

/// Those of the traits `Context`, `RootContext`, `StreamContext` and `HttpContext` of proxy-wasm 0.2.5, in the order of the alphabet; of methods
/// in pairs (request and response, text and bytes) the name that the page has.
const METHODS: &str = "add_http_request_header add_http_request_header_bytes add_http_request_trailer add_http_request_trailer_bytes \
    add_http_response_header add_http_response_header_bytes add_http_response_trailer add_http_response_trailer_bytes \
    call_foreign_function cancel_grpc_call cancel_grpc_stream close_downstream close_grpc_stream close_upstream \
    create_http_context create_stream_context dequeue_shared_queue dispatch_grpc_call dispatch_http_call done \
    enqueue_shared_queue get_current_time get_downstream_data get_grpc_call_response_body get_grpc_status \
    get_grpc_stream_initial_metadata get_grpc_stream_initial_metadata_value get_grpc_stream_message \
    get_grpc_stream_trailing_metadata get_grpc_stream_trailing_metadata_value get_http_call_response_body \
    get_http_call_response_header get_http_call_response_header_bytes get_http_call_response_headers \
    get_http_call_response_headers_bytes get_http_call_response_trailer get_http_call_response_trailer_bytes \
    get_http_call_response_trailers get_http_call_response_trailers_bytes get_http_request_body get_http_request_header \
    get_http_request_header_bytes get_http_request_headers get_http_request_headers_bytes get_http_request_trailer \
    get_http_request_trailer_bytes get_http_request_trailers get_http_request_trailers_bytes get_http_response_body \
    get_http_response_header get_http_response_header_bytes get_http_response_headers get_http_response_headers_bytes \
    get_http_response_trailer get_http_response_trailer_bytes get_http_response_trailers get_http_response_trailers_bytes \
    get_plugin_configuration get_property get_shared_data get_type get_upstream_data get_vm_configuration on_configure \
    on_done on_downstream_close on_downstream_data on_foreign_function on_grpc_call_response on_grpc_stream_close \
    on_grpc_stream_initial_metadata on_grpc_stream_message on_grpc_stream_trailing_metadata on_http_call_response \
    on_http_request_body on_http_request_headers on_http_request_trailers on_http_response_body on_http_response_headers \
    on_http_response_trailers on_log on_new_connection on_queue_ready on_tick on_upstream_close on_upstream_data on_vm_start \
    open_grpc_stream register_shared_queue remove_http_request_header remove_http_request_trailer \
    remove_http_response_header remove_http_response_trailer remove_shared_data reset_http_request reset_http_response \
    resolve_shared_queue resume_downstream resume_http_request resume_http_response resume_upstream send_grpc_response \
    send_grpc_stream_message send_http_response set_downstream_data set_http_request_body set_http_request_header \
    set_http_request_header_bytes set_http_request_headers set_http_request_headers_bytes set_http_request_trailer \
    set_http_request_trailer_bytes set_http_request_trailers set_http_request_trailers_bytes set_http_response_body \
    set_http_response_header set_http_response_header_bytes set_http_response_headers set_http_response_headers_bytes \
    set_http_response_trailer set_http_response_trailer_bytes set_http_response_trailers set_http_response_trailers_bytes \
    set_property set_shared_data set_tick_period set_upstream_data";

/// The functions of its module `hostcalls`, of its root, and its types.
const OTHERS: &str = "Action BufferType Bytes ContextType GrpcStatusCode LogLevel MapType MetricType NewHttpContext NewRootContext \
    NewStreamContext PeerType Status StreamType add_map_value add_map_value_bytes define_metric get_buffer get_log_level \
    get_map get_map_bytes get_map_value get_map_value_bytes get_metric increment_metric log main! record_metric \
    remove_map_value set_buffer set_effective_context set_http_context set_log_level set_map set_map_bytes set_map_value \
    set_map_value_bytes set_root_context set_stream_context";

/// What stands for several: the same with `response`, in bytes, and for trailers.
fn families(method: &str) -> Vec<String> {
    let base = method.strip_suffix("_bytes").unwrap_or(method);
    let request = base.replace("http_response", "http_request");
    let header = request.replace("trailer", "header");
    let mut names = vec![method.to_owned(), base.to_owned()];
    // The page says: "all of the above with `response`", "the same on `trailers()`", "the same with `response`".
    if method.contains("http_response_") && !method.starts_with("on_") {
        names.push(request.clone());
    }
    if method.contains("http_request_trailer") || method.contains("http_response_trailer") {
        names.push(header);
    }
    names
}

fn has_line(page: &str, method: &str) -> bool {
    families(method).iter().any(|name| {
        page.lines().filter(|line| line.starts_with('|')).any(|line| {
            let first = line.split('|').nth(1).unwrap_or_default();
            first
                .split(|character: char| !character.is_alphanumeric() && character != '_' && character != '!')
                .any(|word| word == name)
        })
    })
}

#[test]
fn every_method_of_proxy_wasm_has_its_line() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/porting.md");
    let page = std::fs::read_to_string(path).expect("docs/porting.md");
    let missing: Vec<&str> =
        METHODS.split_whitespace().chain(OTHERS.split_whitespace()).filter(|name| !has_line(&page, name)).collect();
    assert!(missing.is_empty(), "docs/porting.md has no line for {missing:?}");
    assert_eq!(METHODS.split_whitespace().count(), 127);
    assert!(!has_line(&page, "get_http_request_nothing"), "the test can fail");
}
