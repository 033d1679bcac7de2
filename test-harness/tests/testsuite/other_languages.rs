//! Guests in C and AssemblyScript: built from their sources where the compilers are, and always as they lie beside them.

use super::{get, messages};
use http::Request;
use proxy_filter_test::{LogLevel, MockProxy, Outcome, Plugin, TrapKind};
use std::path::{Path, PathBuf};
use std::process::Command;

const GUESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/guests/other");

/// Where the guest of this language lies, and where it was built just now.
fn modules(name: &str) -> Vec<PathBuf> {
    let file = format!("{name}.wasm");
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests-of-other-languages").join(name);
    std::fs::create_dir_all(&built).unwrap();
    let _ = std::fs::remove_file(built.join(&file));
    match Command::new(Path::new(GUESTS).join("rebuild")).arg(&built).output() {
        Ok(rebuild) => {
            let said = String::from_utf8_lossy(&rebuild.stderr);
            // 2 is a compiler that is missing; any other failure is one of the source.
            assert!(matches!(rebuild.status.code(), Some(0 | 2)), "{said}");
            said.lines().filter(|line| line.contains(&file)).for_each(|line| eprintln!("{line}"));
        }
        Err(error) => eprintln!("SKIPPED: {file} is not built from its source: {error}"),
    }
    [Path::new(GUESTS).join(&file), built.join(&file)].into_iter().filter(|path| path.exists()).collect()
}

#[test]
fn a_guest_in_c_uses_hostcalls_malloc_and_wasi() {
    for module in modules("c") {
        let plugin = || Plugin::from_file(&module).name("c");
        let proxy = MockProxy::new(plugin().config("blue").environment("MODE", "dry")).unwrap();
        proxy.set_upstream(|_| http::Response::new("shout it out"));
        let exchange = get(&proxy);
        assert_eq!(exchange.upstream_request().headers()["x-from-c"], "blue");
        // ENV-1
        assert_eq!(exchange.upstream_request().headers()["x-mode"], "dry");
        assert_eq!(exchange.response().headers()["x-from-c"], "blue");
        assert_eq!(exchange.response().body(), "SHOUT IT OUT");
        assert_eq!(messages(&exchange.log()), ["a request"]);

        let refused = MockProxy::new(plugin()).expect_err("it wants a configuration");
        assert_eq!((refused.log()[0].level, refused.log()[0].message.as_str()), (LogLevel::Error, "configure a header's value"));
        let silent = plugin().config("blue").allowed_capabilities(["proxy_on_request_headers", "fd_write"]);
        let exchange = get(&MockProxy::new(silent).unwrap());
        // CAP-2, CAP-4: without its environment it ends itself by proc_exit, which does nothing, and then by a trap.
        assert_eq!(exchange.trap().unwrap().kind, TrapKind::Unreachable);
        assert_eq!(exchange.response().status(), 503);
    }
}

#[test]
fn lif_5_a_guest_in_assemblyscript_is_initialised_answers_and_traps() {
    for module in modules("assemblyscript") {
        let proxy = MockProxy::new(Plugin::from_file(&module).name("as").vm_config("vm")).unwrap();
        assert_eq!(messages(&proxy.log()), ["started with 2 bytes"]);
        let to = |path: &str| proxy.send(Request::get(format!("http://shop.example{path}")).body("").unwrap());
        assert_eq!(to("/a").response().headers()["x-count"], "1");
        let counted = to("/count");
        assert_eq!((counted.response().body().as_ref(), counted.outcome()), (&b"2"[..], Outcome::Complete));
        assert!(!counted.reached_upstream());
        let trapped = to("/trap");
        assert_eq!(trapped.trap().unwrap().kind, TrapKind::Unreachable);
        assert!(messages(&trapped.log())[1].starts_with("as asked at line "), "{:?}", trapped.log());
        assert_eq!(trapped.response().status(), 503);
    }
}
