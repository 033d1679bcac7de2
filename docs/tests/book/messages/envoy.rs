//! A real Envoy that is given filters and configurations which it does not take, and one whose filter panics.

use super::every_quote_is_said;
use crate::page::repository;
use proxy_filter_conformance::envoy;
use proxy_filter_test::filter_crate::{BuildOptions, FilterCrate, Profile};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(super) const LOADING: &str = "Envoy, while it loads a filter";
pub(super) const RUNNING: &str = "Envoy, while requests run";

/// Envoy, unless there is none and none is required.
fn envoy() -> Option<PathBuf> {
    let found = envoy::locate(None);
    let required = std::env::var_os("PROXY_FILTER_REQUIRE_ENVOY").is_some_and(|value| value == "1");
    assert!(found.is_ok() || !required, "{found:?}");
    found.ok()
}

fn built(folder: &str, options: &BuildOptions) -> PathBuf {
    let built = FilterCrate::build_once(repository().join(folder), options);
    built.unwrap_or_else(|error| panic!("{folder}: {error}")).wasm
}

/// A plugin of Envoy's configuration.
fn plugin(module: &Path, root_id: &str, configuration: &str) -> Value {
    json!({
        "name": "my-filter",
        "root_id": root_id,
        "vm_config": { "runtime": "envoy.wasm.runtime.v8", "code": { "local": { "filename": module } } },
        "configuration": { "@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration },
    })
}

const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

fn bootstrap(plugin: &Value, filter_type: &str, port: u16, store: u16) -> Value {
    let address = |port: u16| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    json!({
        "admin": { "address": address(0) },
        "static_resources": {
            "clusters": [{ "name": "store", "connect_timeout": "1s", "load_assignment": {
                "cluster_name": "store",
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address(store) } }] }],
            } }],
            "listeners": [{ "name": "main", "address": address(port), "filter_chains": [{ "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": manager,
                    "stat_prefix": "main",
                    "access_log": [{ "name": "envoy.access_loggers.stderr", "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
                        "log_format": { "text_format_source": { "inline_string": "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n" } },
                    } }],
                    "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [
                        { "match": { "prefix": "/" }, "direct_response": { "status": 200 } },
                    ] }] },
                    "http_filters": [
                        { "name": "f", "typed_config": { "@type": filter_type, "config": plugin } },
                        { "name": "envoy.filters.http.router", "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                        } },
                    ],
                },
            }] }] }],
        },
    })
}

/// What Envoy says of a configuration that it does not take.
fn refused(envoy: &Path, folder: &Path, name: &str, config: &Value) -> String {
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, config.to_string()).expect("written");
    let output = Command::new(envoy).args(["--mode", "validate", "-l", "warn", "-c"]).arg(&path).output().expect("Envoy runs");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_it_says_of_filters_that_do_not_load() {
    let Some(envoy) = envoy() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let shipped = BuildOptions { profile: Profile::Shipped, ..BuildOptions::default() };
    let (add_header, streams) = (built("examples/add-header", &shipped), built("test-harness/guests/streams", &shipped));
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let wat = |text: &str| wat::parse_str(text).expect("WebAssembly");
    let no_marker = file("no_marker.wasm", &wat(r#"(module (memory (export "memory") 1))"#));
    let lacks = file(
        "lacks.wasm",
        &wat(
            r#"(module (import "env" "proxy_nothing" (func)) (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))"#,
        ),
    );
    let wasi = file(
        "wasi.wasm",
        &wat(r#"(module (import "wasi_snapshot_preview1" "sock_open" (func)) (memory (export "memory") 1)
            (func (export "proxy_abi_version_0_2_1")))"#),
    );
    let module = std::fs::read(&add_header).expect("the module");
    let cut = file("cut.wasm", module.get(..5_000).expect("it is larger"));
    let good = |root_id: &str, configuration: &str| plugin(&add_header, root_id, configuration);
    let with = |mut plugin: Value, pointer: &str, value: Value| {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        plugin.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").insert(key.to_owned(), value);
        plugin
    };
    let remote = |sha256: &str| {
        let uri = json!({ "uri": "http://127.0.0.1:1/f.wasm", "cluster": "store", "timeout": "1s" });
        with(good("add_header", "{}"), "/vm_config/code", json!({ "remote": { "sha256": sha256, "http_uri": uri } }))
    };
    let allowed =
        json!({ "allowed_capabilities": { "proxy_on_vm_start": {}, "proxy_on_configure": {}, "proxy_get_buffer_bytes": {} } });
    let of_struct = json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": { "request": {} } });
    let cases = [
        ("misconfigured", good("add_header", r#"{"respond":{}}"#), WASM),
        ("unknown_root", plugin(&streams, "colect", ""), WASM),
        ("of_struct", with(good("add_header", ""), "/configuration", of_struct), WASM),
        ("of_text", with(good("add_header", ""), "/configuration", json!("{}")), WASM),
        ("empty", good("add_header", ""), WASM),
        ("no_marker", plugin(&no_marker, "", ""), WASM),
        ("lacks", plugin(&lacks, "", ""), WASM),
        ("wasi", plugin(&wasi, "", ""), WASM),
        ("cut", plugin(&cut, "", ""), WASM),
        ("missing", plugin(Path::new("/nowhere/add_header.wasm"), "", ""), WASM),
        ("runtime", with(good("add_header", "{}"), "/vm_config/runtime", json!("envoy.wasm.runtime.wasmtime")), WASM),
        ("restricted", with(good("add_header", "{}}"), "/capability_restriction_config", allowed), WASM),
        (
            "two_policies",
            with(with(good("add_header", "{}"), "/fail_open", json!(true)), "/failure_policy", json!("FAIL_OPEN")),
            WASM,
        ),
        ("no_sum", remote(""), WASM),
        ("remote", remote("abc"), WASM),
        ("misspelt", good("add_header", "{}"), "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasn"),
    ];
    let next = std::sync::atomic::AtomicUsize::new(0);
    let said = std::sync::Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((name, plugin, filter)) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let of_this = refused(&envoy, folder.path(), name, &bootstrap(plugin, filter, 0, 1));
                    let _ = writeln!(said.lock().expect("no panic"), "--- {name}\n{of_this}");
                }
            });
        }
    });
    every_quote_is_said(LOADING, &said.into_inner().expect("no panic"));
}

/// A server that has every file as `bytes`, except those whose name begins with `no`.
fn serve(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let missing = lines.next().is_some_and(|line| line.contains(" /no"));
            let _ = lines.take_while(|line| !line.is_empty()).count();
            let (status, body): (_, &[u8]) = if missing { ("404 Not Found", b"") } else { ("200 OK", &bytes) };
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = (&stream).write_all(&[head.as_bytes(), body].concat());
        }
    });
    port
}

/// What Envoy says of a plugin, from its start until it has answered two requests and said `last`.
fn said_of(envoy: &Path, plugin: &Value, store: u16, last: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    // Free just now; nobody else asks for it meanwhile.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let config = folder.path().join("envoy.json");
    std::fs::write(&config, bootstrap(plugin, WASM, port, store).to_string()).expect("written");
    let log = std::fs::File::create(folder.path().join("log")).expect("a file");
    let mut child = Command::new(envoy)
        .args([
            "--use-dynamic-base-id",
            "--concurrency",
            "1",
            "-l",
            "warn",
            "--component-log-level",
            "wasm:info,config:debug",
            "-c",
        ])
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("Envoy runs");
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut answered = 0;
    let mut said = String::new();
    while Instant::now() < deadline && !(answered >= 2 && said.contains(last)) {
        std::thread::sleep(Duration::from_millis(50));
        answered += u32::from(answered < 2 && get(SocketAddr::from(([127, 0, 0, 1], port))).is_some());
        said = String::from_utf8_lossy(&std::fs::read(folder.path().join("log")).expect("the log")).into_owned();
    }
    let _ = child.kill();
    let _ = child.wait();
    said
}

fn get(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1.1").then_some(answer)
}

#[test]
fn what_it_says_of_filters_that_fail() {
    let Some(envoy) = envoy() else { return };
    let misbehaving = built("test-harness/guests/misbehaving", &BuildOptions::default());
    let store = serve(b"not what it was".to_vec());
    let remote = |file: &str| {
        let mut plugin = plugin(&misbehaving, "misbehaving", "");
        let uri = json!({ "uri": format!("http://127.0.0.1:{store}/{file}.wasm"), "cluster": "store", "timeout": "1s" });
        // Of nothing, so of no file.
        let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let code = json!({ "remote": { "sha256": sha256, "http_uri": uri, "retry_policy": { "num_retries": 0 } } });
        plugin["vm_config"]["code"] = code;
        plugin
    };
    let cases = [
        (plugin(&misbehaving, "misbehaving", "panic"), "503 wasm_fail_stream"),
        (remote("changed"), "failed to load"),
        (remote("nothing"), "failed to load"),
    ];
    let said = cases.iter().fold(String::new(), |said, (plugin, last)| said + &said_of(&envoy, plugin, store, last));
    every_quote_is_said(RUNNING, &said);
}
