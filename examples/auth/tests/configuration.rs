//! What is not accepted as a configuration, and what is said of it.

mod signed;

use proxy_filter_test::both_vms;
use serde_json::{Value, json};
use signed::*;

both_vms! {
    fn bad_configurations_are_refused_with_the_reason(vm) {
        let with = |pointer: &str, value: Value| {
            let mut config = all_schemes();
            *config.pointer_mut(pointer).expect(pointer) = value;
            refusal(vm, config)
        };
        for (log, said) in [
            (refusal(vm, json!({})), "nothing lets a request pass: give `jwt`, `api_keys` or `signed_requests`"),
            (refusal(vm, json!({"jwts": []})), "unknown field `jwts`"),
            (with("/realm", json!("a\"b")), "realm: only visible ASCII"),
            (with("/jwt/0/issuer", json!("")), "jwt: `issuer` is empty"),
            (with("/jwt/0/audiences", json!([])), "`audiences` is empty: name yours"),
            (with("/jwt/0", { let mut one = issuer(&[ec_key()]); one["algorithms"] = json!([]); one }), "`algorithms` is empty"),
            (with("/jwt/0", { let mut one = issuer(&[ec_key()]); one["algorithms"] = json!(["none"]); one }), "unknown variant `none`"),
            (with("/jwt/0", { let mut one = issuer(&[ec_key()]); one["leeway_seconds"] = json!(301); one }), "`leeway_seconds` is 301, at most 300"),
            (with("/jwt/0/keys", json!({"keys": []})), "it has no keys: give `keys` (a JWK Set) or `jwks`"),
            (with("/jwt/0/keys", json!([])), "it is not a JWK Set"),
            (with("/jwt/0/keys", json!({"keys": [{"kty": "RSA"}]})), "`keys`: the key 0: a member that its `kty` needs is missing"),
            (with("/jwt/0/keys", json!({"keys": [{"kty": "EC", "crv": "P-384"}]})), "its `crv` is not \"P-256\""),
            (with("/jwt/0/keys", json!({"keys": [{"kty": "PQ"}]})), "its `kty` is none of"),
            (with("/jwt/0/keys", json!({"keys": [{"kty": "oct", "k": "a+b="}]})), "not base64url without padding"),
            (with("/jwt/0/keys", json!({"keys": [1]})), "a member that its `kty` needs is missing"),
            (with("/jwt/0/claims_to_headers", json!([["X-User", "sub"]])), "\"X-User\" is not a header name in lower case"),
            (with("/jwt/0/claims_to_headers", json!([["x user", "sub"]])), "\"x user\" is not a header name"),
            (with("/jwt/0/claims_to_headers", json!([["authorization", "sub"]])), "has a meaning of its own"),
            (with("/jwt/0/claims_to_headers", json!([["x-api-key", "sub"]])), "has a meaning of its own"),
            (with("/jwt/0/claims_to_headers", json!([["x-user", 1]])), "did not match"),
            (with("/jwt", json!([issuer(&[ec_key()]), issuer(&[ec_key()])])), "is there twice: put its keys into one"),
            (with("/api_keys/keys", json!([])), "api_keys.keys is empty"),
            (with("/api_keys/keys/0/sha256", json!("abc")), "the key \"batch\": `sha256` must be the 64 hexadecimal digits"),
            (with("/api_keys/keys/0/sha256", json!("g".repeat(64))), "the 64 hexadecimal digits"),
            (with("/api_keys/keys/0/headers", json!([["x-user", "a\r\nb"]])), "the value of \"x-user\" has a control character"),
            (with("/signed_requests/keys", json!([])), "signed_requests.keys is empty"),
            (with("/signed_requests", json!({"max_age_seconds": 0, "keys": [{"id": "a", "secret": ""}]})), "max_age_seconds is 0"),
            (with("/signed_requests", json!({"covers": ["@status"], "keys": [{"id": "a", "secret": ""}]})), "covers: \"@status\" is not a field"),
            (with("/signed_requests/keys/0/secret", json!("AAAA")), "`secret` has less than 32 bytes"),
            (with("/signed_requests/keys/0/secret", json!("!")), "`secret` is not base64"),
            (with("/rules/0/prefix", json!("health")), "it must begin with a slash"),
            (with("/rules/0", json!({"prefix": "/a", "open": true, "scopes": ["x"]})), "what is `open` asks for nothing"),
            (with("/rules/0", json!({"prefix": "/a", "accept": []})), "`accept` is empty, so nobody could pass"),
            (with("/rules/0", json!({"prefix": "/a", "accept": ["basic"]})), "unknown variant `basic`"),
            (with("/rules/0", json!({"prefix": "/a", "methods": ["get"]})), "`methods` are words in capitals"),
            (with("/rules/0", json!({"prefix": "/a", "scopes": ["a b"]})), "a scope is visible ASCII"),
            (refusal(vm, json!({"jwt": [issuer(&[ec_key()])], "rules": [{"prefix": "/", "accept": ["api_key"]}]})), "names what is not configured"),
        ] {
            assert!(log.contains(said), "{said}: {log}");
        }
    }

    fn no_secret_is_in_what_is_said_of_a_configuration(vm) {
        let with = |pointer: &str, value: Value| {
            let mut config = all_schemes();
            *config.pointer_mut(pointer).expect(pointer) = value;
            refusal(vm, config)
        };
        let log = with("/signed_requests/keys/0/secret", json!(123_456_789));
        assert!(log.contains("invalid type: integer, expected a string at line 1 column ") && !log.contains("123456789"), "{log}");
        // Where something else belongs: an object, a list, another field's name.
        let stray = "b4tch\"key, expected `nothing`";
        for pointer in ["/api_keys", "/signed_requests"] {
            for value in [json!(stray), json!({"keys": stray}), json!({"keys": [stray]}), json!({"keys": [{stray: "x"}]}), json!({"keys": [{"id": [stray]}]})] {
                let log = with(pointer, value.clone());
                assert!(log.contains(", expected ") && log.contains(" at line 1 column ") && !log.contains("b4tch"), "{value}: {log}");
            }
        }
        let log = with("/signed_requests/keys", json!(["KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio="]));
        assert!(log.contains("invalid type: string, expected struct SecretConfig") && !log.contains("Kioq"), "{log}");
        let log = with("/signed_requests/keys/0/secret", json!("c2VjcmV0LXNlY3JldA=="));
        assert!(log.contains("the key \"till\"") && !log.contains("c2VjcmV0"), "{log}");
        for key in [json!({"kty": "oct", "k": 123_456_789}), json!({"kty": "oct", "k": "123456789"}), json!({"kty": "oct", "k": "123456789="})] {
            let log = with("/jwt/0/keys", json!({"keys": [key]}));
            assert!(log.contains("the key 0") && !log.contains("123456789"), "{log}");
        }
    }
}
