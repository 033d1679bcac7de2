//! The SDK's wrappers of Envoy's foreign functions, random numbers, environment and log level, natively and as the real `.wasm`.
#![cfg(all(feature = "wasmtime", feature = "cel"))]

use functions::PLUGINS;
use http::Request;
use proxy_filter_test::abi::protobuf::{Field, Message, fields};
use proxy_filter_test::{Exchange, LogLevel, MockProxy, TestResult, VmKind, both_vms};

/// A proxy whose signatures are the signed text itself.
fn proxy(vm: VmKind) -> Result<MockProxy, Box<dyn std::error::Error>> {
    let part = |message: &[u8], number: u32| match fields(message).flatten().find(|(found, _)| *found == number) {
        Some((_, Field::Bytes(bytes))) => bytes.to_vec(),
        _ => Vec::new(),
    };
    let plugin =
        vm.plugin(&PLUGINS, "functions").config("request.method == 'GET'").environment("REGION", "eu").environment("REG", "x");
    let builder = MockProxy::builder().log_level(LogLevel::Info).plugin(plugin);
    let builder =
        builder.foreign_function("sign", move |message| Ok(Message::new().varint(1, 1).bytes(2, &part(message, 3)).into_bytes()));
    let verify = move |message: &[u8]| Ok(Message::new().varint(1, (part(message, 3) == part(message, 4)).into()).into_bytes());
    Ok(builder.foreign_function("verify_signature", verify).start()?)
}

fn header(exchange: &Exchange, name: &str) -> String {
    exchange.upstream_request().headers()[name].to_str().unwrap_or("no text").to_owned()
}

both_vms! {
    // FOR-3, FOR-5, FOR-6, FOR-7, FOR-9, FOR-11, FOR-13, FOR-14, PRO-17, ENV-1, LOG-4
    fn each_function_does_its_work(vm) -> TestResult {
        let proxy = proxy(vm)?;
        let exchange = proxy.send(Request::get("http://shop.example/cart").header("x-sign", "yes").body("")?);
        for (name, expected) in [
            ("x-region", "eu"),
            ("x-log-level", "Some(Info)"),
            ("x-random", "true"),
            ("x-expression", "true"),
            ("x-path", "\"/cart\""),
            ("x-size", "5"),
            ("x-tenant", "(true, false)"),
            ("x-is-blue", "true"),
            ("x-round", "(true, 300)"),
            ("x-cluster", "()"),
            ("x-override", "()"),
            ("x-route", "()"),
            ("x-signature", "(true, false)"),
        ] {
            assert_eq!(header(&exchange, name), expected, "{name}");
        }
        Ok(())
    }

    // FOR-1, FOR-12
    fn what_cannot_be_done_is_an_error_that_names_the_function(vm) -> TestResult {
        let exchange = proxy(vm)?.send(Request::get("http://shop.example/cart").body("")?);
        for (name, expected) in [
            ("x-unknown", "foreign function acme.nope failed: NOT_FOUND: the proxy has no such function"),
            ("x-bad-zip", "foreign function uncompress failed: SERIALIZATION_FAILURE"),
            ("x-syntax", "foreign function expr_create failed: BAD_ARGUMENT: the text is no expression"),
            ("x-mismatch", "foreign function expr_evaluate failed: RESULT_MISMATCH: the value is not of the type that was asked for"),
            ("x-no-key", "foreign function set_envoy_filter_state failed: NOT_FOUND: the proxy makes no object of this key from a text, or this is no stream"),
        ] {
            assert_eq!(header(&exchange, name), expected, "{name}");
        }
        Ok(())
    }

    // CAP-4
    fn random_numbers_are_a_capability(vm) -> TestResult {
        let refused = MockProxy::new(vm.plugin(&PLUGINS, "functions").config("true").allowed_capabilities([
            "proxy_on_context_create", "proxy_on_configure", "proxy_log", "proxy_get_buffer_bytes", "proxy_call_foreign_function",
        ]));
        let refused = refused.err().ok_or("it needs random numbers")?.to_string();
        assert!(refused.contains("random_get failed: INTERNAL_FAILURE"), "{refused}");
        Ok(())
    }

    // FOR-7
    fn expressions_are_freed(vm) -> TestResult {
        let proxy = proxy(vm)?;
        proxy.send(Request::get("http://shop.example/cart").body("")?);
        let calls = proxy.foreign_calls();
        let count = |name: &str| calls.iter().filter(|call| call.function == name && call.answer.is_ok()).count();
        assert_eq!((count("expr_create"), count("expr_delete")), (5, 4), "the root keeps its own");
        Ok(())
    }
}
