//! The filter on the mock host: natively, and as the real `.wasm`.

mod signed;

use base64ct::{Base64, Encoding};
use proxy_filter_test::{Exchange, Message, Outcome, TestResult, VmKind, both_vms};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signed::*;

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

const SECRET: [u8; 32] = [42; 32];

fn all_schemes() -> Value {
    json!({
        "realm": "shop",
        "jwt": [issuer(&[rsa_key(), ec_key()])],
        "api_keys": {"keys": [
            {"id": "batch", "sha256": sha256("b4tch-key"), "headers": [["x-user", "batch"]], "scopes": ["cart:read"]},
            {"id": "other", "sha256": sha256("other-key")},
        ]},
        "signed_requests": {"keys": [{"id": "till", "secret": Base64::encode_string(&SECRET), "headers": [["x-user", "till"]]}]},
        "rules": [
            {"prefix": "/health", "open": true},
            {"prefix": "/cart", "methods": ["GET", "HEAD"], "scopes": ["cart:read"]},
            {"prefix": "/admin", "accept": ["jwt"], "scopes": ["admin", "audit"]},
        ],
    })
}

/// A request with what a signature covers, in the words of RFC 9421.
fn sign(request: &Message, components: &str, parameters: &str, base: &str, secret: &[u8]) -> Message {
    let input = format!("({components}){parameters}");
    let tag = Base64::encode_string(&hmac(secret, format!("{base}\"@signature-params\": {input}").as_bytes()));
    request.clone().with_header("signature-input", format!("sig1={input}")).with_header("signature", format!("sig1=:{tag}:"))
}

const COVERS: &str = r#""@method" "@authority" "@path" "@query""#;

fn signed_get() -> Message {
    let base = "\"@method\": GET\n\"@authority\": shop.example\n\"@path\": /till\n\"@query\": ?id=1\n";
    sign(&get("/till?id=1"), COVERS, &format!(r#";created={NOW};keyid="till""#), base, &SECRET)
}

#[track_caller]
fn is_refused(exchange: &Exchange, status: u16, details: &str) {
    assert_eq!((exchange.response().status().as_u16(), exchange.details().as_str()), (status, details));
    assert!(!exchange.upstream_request_is_complete());
}

fn post_signed(body: &str, digest: &str) -> Message {
    let components = format!(r#"{COVERS} "content-digest""#);
    let request = Message::new([(":authority", "Shop.Example:80"), (":path", "/till"), (":method", "POST"), (":scheme", "http")]);
    let request = request.with_header("content-digest", digest).chunk(body.to_owned());
    let base = format!(
        "\"@method\": POST\n\"@authority\": shop.example\n\"@path\": /till\n\"@query\": ?\n\"content-digest\": {digest}\n"
    );
    sign(&request, &components, &format!(r#";created={NOW};keyid="till";alg="hmac-sha256";nonce="a;b""#), &base, &SECRET)
}

fn content_digest(body: &str) -> String {
    format!("sha-256=:{}:", Base64::encode_string(&Sha256::digest(body)))
}

both_vms! {
    fn tokens_of_every_algorithm_pass_and_say_whom_they_are_of(vm) -> TestResult {
        let proxy = proxy(vm, config())?;
        for (algorithm, kid, sign) in ALGORITHMS {
            for header in [json!({"alg": algorithm, "kid": kid}), json!({"alg": algorithm}), json!({"alg": algorithm, "typ": "application/AT+jwt", "x-unknown": 1})] {
                let exchange = proxy.send(bearer(&signed(header.to_string(), claims().to_string(), sign)));
                assert_eq!(exchange.outcome(), Outcome::Complete, "{algorithm}");
                assert_eq!((told(&exchange, "x-user"), told(&exchange, "x-org")), (vec!["ann".to_owned()], vec!["7".to_owned()]));
                assert_eq!((told(&exchange, "x-roles"), told(&exchange, "x-admin")), (vec!["buyer,editor".to_owned()], vec!["false".to_owned()]));
                assert!(told(&exchange, "authorization").is_empty());
            }
        }
        let by_its_other_name = signed(r#"{"alg":"Ed25519"}"#, claims().to_string(), eddsa);
        assert!(proxy.send(bearer(&by_its_other_name)).reached_upstream());
        Ok(())
    }

    fn a_token_that_was_verified_is_good_until_it_expires(vm) -> TestResult {
        let proxy = proxy(vm, config())?;
        let good = token(&claims());
        let send = |text: &str| proxy.send(bearer(text));
        for _ in 0..3 {
            assert_eq!(told(&send(&good), "x-user"), ["ann"]);
            // Of another signature, or none, it is another token.
            let forged = signed(r#"{"alg":"ES256","typ":"JWT","kid":"ec"}"#, claims().to_string(), |_| vec![1; 64]);
            is_refused(&send(&forged), 401, "auth_token_signature");
            is_refused(&send(&good[..=good.rfind('.').ok_or("a signature")?]), 401, "auth_token_signature");
        }
        proxy.set_time(std::time::Duration::from_secs(NOW + 659));
        assert!(send(&good).reached_upstream());
        proxy.set_time(std::time::Duration::from_secs(NOW + 660));
        is_refused(&send(&good), 401, "auth_token_expired");
        proxy.set_time(std::time::Duration::from_secs(NOW - 61));
        is_refused(&send(&good), 401, "auth_token_not_yet");
        Ok(())
    }

    fn the_example_configuration_does_what_the_readme_says(vm) -> TestResult {
        let proxy = proxy(vm, serde_json::from_str::<Value>(include_str!("../config.json"))?)?;
        let exchange = proxy.send(get("/cart").with_header("x-api-key", "demo").with_header("x-user", "root"));
        assert_eq!(told(&exchange, "x-user"), ["batch"]);
        assert!(told(&exchange, "x-api-key").is_empty());
        assert!(proxy.send(bearer(&token(&claims()))).reached_upstream());
        let exchange = proxy.send(get("/cart"));
        is_refused(&exchange, 401, "auth_no_credentials");
        assert_eq!(challenges(&exchange), [r#"Bearer realm="shop""#, r#"ApiKey realm="shop""#]);
        Ok(())
    }

    fn clocks_may_differ_a_little(vm) -> TestResult {
        let proxy = proxy(vm, config())?;
        for claims in [claims_with("exp", NOW - 59), claims_with("nbf", NOW + 60), claims_with("iat", NOW + 60), claims_with("exp", NOW as f64 + 0.5), claims_with("aud", json!(["x", "cart"]))] {
            assert!(proxy.send(bearer(&token(&claims))).reached_upstream(), "{claims}");
        }
        let mut strict = config();
        strict["jwt"][0]["leeway_seconds"] = json!(0);
        let proxy = signed::proxy(vm, strict)?;
        is_refused(&proxy.send(bearer(&token(&claims_with("exp", NOW)))), 401, "auth_token_expired");
        is_refused(&proxy.send(bearer(&token(&claims_with("nbf", NOW + 1)))), 401, "auth_token_not_yet");
        Ok(())
    }

    fn what_a_client_says_in_the_filters_place_never_arrives(vm) -> TestResult {
        let proxy = proxy(vm, all_schemes())?;
        let forge = |request: Message| {
            let request = request.with_header("x-user", "root").with_header("x_user", "root").with_header("X-User", "root");
            request.with_header("x-roles", "admin").with_header("x-user", "root").with_header("x-users", "kept")
        };
        let with_key = |path: &str| get(path).with_header("x-api-key", "b4tch-key");
        for (request, user) in [(get("/health"), None), (bearer(&token(&claims_without("roles"))), Some("ann")), (with_key("/"), Some("batch")), (signed_get(), Some("till"))] {
            let exchange = proxy.send(forge(request));
            assert_eq!(told(&exchange, "x-user"), user.into_iter().collect::<Vec<_>>());
            assert!(told(&exchange, "x_user").is_empty() && told(&exchange, "x-roles").is_empty());
            assert_eq!(told(&exchange, "x-users"), ["kept"]);
        }
        // Where a server joins trailers to headers.
        let exchange = proxy.send(with_key("/").chunk("body").trailer("x-user", "root").trailer("x-sum", "1"));
        let trailers = exchange.raw_upstream_request().ok_or("upstream")?.trailers().to_vec();
        assert_eq!(trailers, [("x-sum".into(), "1".into())]);
        Ok(())
    }

    fn credentials_stay_here_unless_they_are_to_go_on(vm) -> TestResult {
        let forwarding = |forward: bool| {
            let mut config = all_schemes();
            config["forward_credentials"] = json!(forward);
            proxy(vm, config)
        };
        for forward in [false, true] {
            let proxy = forwarding(forward)?;
            for (request, name) in [(bearer(&token(&claims())), "authorization"), (get("/").with_header("x-api-key", "other-key"), "x-api-key"), (signed_get(), "signature"), (signed_get(), "signature-input")] {
                assert_eq!(told(&proxy.send(request), name).len(), usize::from(forward), "{name}");
            }
        }
        Ok(())
    }

    fn without_credentials_a_request_is_told_what_to_bring(vm) -> TestResult {
        let proxy = proxy(vm, all_schemes())?;
        let exchange = proxy.send(get("/"));
        is_refused(&exchange, 401, "auth_no_credentials");
        assert_eq!(challenges(&exchange), [r#"Bearer realm="shop""#, r#"ApiKey realm="shop""#, r#"Signature realm="shop""#]);
        let exchange = proxy.send(get("/admin/x"));
        assert_eq!(challenges(&exchange), [r#"Bearer realm="shop""#]);
        assert_eq!(exchange.response().body(), "a credential is needed");
        Ok(())
    }

    fn a_scope_is_missing(vm) -> TestResult {
        let proxy = proxy(vm, all_schemes())?;
        let exchange = proxy.send(get("/admin").with_header("authorization", format!("bearer  {}", token(&claims_with("scope", "admin")))));
        is_refused(&exchange, 403, "auth_scope");
        let expected = r#"Bearer realm="shop", error="insufficient_scope", error_description="a scope is missing", scope="admin audit""#;
        assert_eq!(challenges(&exchange), [expected]);
        for scopes in [claims_with("scope", "audit x admin"), { let mut c = claims_without("scope"); c["scp"] = json!(["admin", "audit"]); c }] {
            assert!(proxy.send(get("/admin/").with_header("authorization", format!("Bearer {}", token(&scopes)))).reached_upstream());
        }
        let exchange = proxy.send(get("/cart").with_header("x-api-key", "other-key"));
        is_refused(&exchange, 403, "auth_scope");
        assert_eq!(challenges(&exchange), [r#"Bearer realm="shop""#, r#"ApiKey realm="shop""#, r#"Signature realm="shop""#]);
        is_refused(&proxy.send(bearer(&token(&claims_with("scope", 1)))), 401, "auth_token_claims");
        Ok(())
    }

    fn rules_cannot_be_gone_around(vm) -> TestResult {
        let proxy = proxy(vm, all_schemes())?;
        for path in ["/health", "/health/live", "/%68ealth?x=/../"] {
            assert!(proxy.send(get(path)).reached_upstream(), "{path}");
        }
        for path in ["/health/../admin", "/health/%2e%2e/admin", "/health/..%2fadmin", "/health\\..\\admin", "/health;/../admin", "//health", "/health/./x", "/health%00", "/health/%"] {
            is_refused(&proxy.send(get(path)), 400, "auth_path");
        }
        is_refused(&proxy.send(get("/healthy")), 401, "auth_no_credentials");
        // `/admin` in other letters is `/admin`.
        let exchange = proxy.send(get("/%61dmin").with_header("authorization", format!("Bearer {}", token(&claims()))));
        is_refused(&exchange, 403, "auth_scope");
        // A rule for some methods is none for the others.
        let post = Message::new([(":authority", "shop.example"), (":path", "/cart"), (":method", "POST"), (":scheme", "http")]);
        assert!(proxy.send(post.with_header("x-api-key", "other-key")).reached_upstream());
        Ok(())
    }

    fn api_keys(vm) -> TestResult {
        let proxy = proxy(vm, all_schemes())?;
        assert_eq!(told(&proxy.send(get("/cart").with_header("x-api-key", "b4tch-key")), "x-user"), ["batch"]);
        for wrong in ["b4tch-ke", "b4tch-key ", "B4tch-key", "", &sha256("b4tch-key"), "b4tch-key,b4tch-key"] {
            let exchange = proxy.send(get("/cart").with_header("x-api-key", wrong));
            // White space around a value is not of it.
            if wrong.trim() != "b4tch-key" {
                is_refused(&exchange, 401, "auth_api_key");
                assert_eq!(exchange.response().body(), "the API key is not known");
            }
        }
        let twice = get("/cart").with_header("x-api-key", "b4tch-key").with_header("x-api-key", "other-key");
        is_refused(&proxy.send(twice), 400, "auth_twice");
        let several = bearer(&token(&claims())).with_header("x-api-key", "b4tch-key");
        is_refused(&proxy.send(several), 400, "auth_several");
        // A scheme that is not ours is no credential here.
        let basic = get("/cart").with_header("authorization", "Basic YTpi").with_header("x-api-key", "b4tch-key");
        assert!(proxy.send(basic).reached_upstream());
        Ok(())
    }

    fn the_example_of_rfc_9421(vm) -> TestResult {
        // B.2.5, with the clock at its time.
        let secret = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
        let key = json!({"id": "test-shared-secret", "secret": secret, "headers": [["x-user", "rfc"]]});
        let config = json!({"signed_requests": {"covers": ["@authority", "date"], "keys": [key]}});
        let proxy = builder(vm, config).time(std::time::Duration::from_secs(1_618_884_473)).start()?;
        let request = |authority: &str| {
            let request = Message::new([(":authority", authority), (":path", "/foo?param=Value&Pet=dog"), (":method", "POST"), (":scheme", "http")]);
            request.with_header("date", "Tue, 20 Apr 2021 02:07:55 GMT").with_header("content-type", "application/json")
                .with_header("signature-input", r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#)
                .with_header("signature", "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:")
        };
        assert_eq!(told(&proxy.send(request("example.com")), "x-user"), ["rfc"]);
        is_refused(&proxy.send(request("example.org")), 401, "auth_signature_wrong");
        Ok(())
    }

    fn signed_requests(vm) -> TestResult {
        let proxy = proxy(vm, all_schemes())?;
        assert_eq!(told(&proxy.send(signed_get()), "x-user"), ["till"]);
        let base = "\"@method\": GET\n\"@authority\": shop.example\n\"@path\": /till\n\"@query\": ?\n";
        let with = |components: &str, parameters: &str, secret: &[u8]| proxy.send(sign(&get("/till"), components, parameters, base, secret));
        let good = format!(r#";created={NOW};keyid="till""#);
        assert!(with(COVERS, &good, &SECRET).reached_upstream());
        is_refused(&with(COVERS, &good, &[41; 32]), 401, "auth_signature_wrong");
        is_refused(&with(COVERS, &format!(r#";created={NOW};keyid="other""#), &SECRET), 401, "auth_signature_key");
        is_refused(&with(COVERS, &format!(r#";created={};keyid="till""#, NOW - 300), &SECRET), 401, "auth_signature_age");
        is_refused(&with(COVERS, &format!(r#";created={};keyid="till""#, NOW + 61), &SECRET), 401, "auth_signature_age");
        is_refused(&with(COVERS, &format!(r#"{good};expires={NOW}"#), &SECRET), 401, "auth_signature_age");
        is_refused(&with(COVERS, r#";keyid="till""#, &SECRET), 401, "auth_signature_parameters");
        is_refused(&with(COVERS, &format!(";created={NOW}"), &SECRET), 401, "auth_signature_parameters");
        is_refused(&with(COVERS, &format!("{good};x=1"), &SECRET), 401, "auth_signature_parameters");
        is_refused(&with(COVERS, &format!(r#"{good};alg="rsa-pss-sha512""#), &SECRET), 401, "auth_signature_algorithm");
        is_refused(&with(r#""@method" "@path" "@query""#, &good, &SECRET), 401, "auth_signature_uncovered");
        is_refused(&with(&format!(r#"{COVERS} "x-absent""#), &good, &SECRET), 401, "auth_signature_component");
        is_refused(&with(&format!(r#"{COVERS} "@status""#), &good, &SECRET), 401, "auth_signature_component");
        for odd in [r#""@method"  "@path""#, r#""@method" "@method""#, r#""@method";req"#, "@method", r#""a\"b""#] {
            is_refused(&with(odd, &good, &SECRET), 401, "auth_signature_form");
        }
        for odd in [format!("{good};created={NOW}"), r#";created=-1;keyid="till""#.to_owned(), format!("{good} "), format!("{good}, sig2=()"), r#";keyid="till;created=1"#.to_owned()] {
            is_refused(&with(COVERS, &odd, &SECRET), 401, "auth_signature_form");
        }
        is_refused(&proxy.send(get("/till").with_header("signature", "sig1=:AAAA:")), 401, "auth_signature_form");
        is_refused(&proxy.send(signed_get().with_header("signature", "sig2=:AAAA:")), 400, "auth_twice");
        // The same signature on another request.
        let moved = |name: &str, value: &str| {
            let request = signed_get();
            let headers = request.headers().iter().map(|(key, old)| (key.clone(), if *key == *name { value.to_owned().into() } else { old.clone() }));
            Message::new(headers.collect::<Vec<_>>())
        };
        for (name, value) in [(":method", "DELETE"), (":path", "/till?id=2"), (":path", "/tills?id=1"), (":authority", "other.example")] {
            is_refused(&proxy.send(moved(name, value)), 401, "auth_signature_wrong");
        }
        Ok(())
    }

    fn signed_bodies(vm) -> TestResult {
        let proxy = proxy(vm, all_schemes())?;
        let exchange = proxy.send(post_signed("one apple", &content_digest("one apple")).in_chunks_of(4));
        assert_eq!(exchange.upstream_request().body(), "one apple");
        assert_eq!(told(&exchange, "x-user"), ["till"]);
        let two = format!("{}, unknown=:AAAA:", content_digest("one apple"));
        assert!(proxy.send(post_signed("one apple", &two)).reached_upstream());
        is_refused(&proxy.send(post_signed("two apples", &content_digest("one apple"))), 401, "auth_signature_digest");
        is_refused(&proxy.send(post_signed("", &content_digest("one apple"))), 401, "auth_signature_digest");
        // A body that is not covered.
        is_refused(&proxy.send(signed_get().chunk("one apple")), 401, "auth_signature_uncovered");
        // Trailers without a body.
        let bare = Message::new(post_signed("", &content_digest("one apple")).headers().to_vec()).trailer("x-sum", "1");
        is_refused(&proxy.send(bare), 401, "auth_signature_digest");
        for odd in ["md5=:AAAA:", "sha-256=AAAA", "sha-256=:AAAA", "sha-256=:AA=A:", ""] {
            is_refused(&proxy.send(post_signed("one apple", odd)), 401, "auth_signature_form");
        }
        let large = "x".repeat((1 << 20) + 1);
        let exchange = proxy.send(post_signed(&large, &content_digest(&large)));
        assert_eq!(exchange.response().status(), 413);
        Ok(())
    }

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
        assert!(log.contains("a secret must be text in quotes") && !log.contains("123456789"), "{log}");
        let log = with("/signed_requests/keys/0/secret", json!("c2VjcmV0LXNlY3JldA=="));
        assert!(log.contains("the key \"till\"") && !log.contains("c2VjcmV0"), "{log}");
        for key in [json!({"kty": "oct", "k": 123_456_789}), json!({"kty": "oct", "k": "123456789"}), json!({"kty": "oct", "k": "123456789="})] {
            let log = with("/jwt/0/keys", json!({"keys": [key]}));
            assert!(log.contains("the key 0") && !log.contains("123456789"), "{log}");
        }
    }
}

/// What is said of a request that is refused, and of one that passes, holds nothing of what it brought.
#[test]
fn no_secret_is_in_a_log_or_a_reply() -> TestResult {
    let proxy = builder(VmKind::Native, all_schemes()).log_level(proxy_filter_test::LogLevel::Trace).start()?;
    let token = token(&claims());
    let signature = token.rsplit_once('.').ok_or("a signature")?.1.to_owned();
    for request in [
        bearer(&token),
        bearer(&token[..token.len() - 2]),
        get("/cart").with_header("x-api-key", "b4tch-key"),
        get("/cart").with_header("x-api-key", "s3cr3t-key"),
        signed_get(),
        signed_get().chunk("s3cr3t"),
    ] {
        let exchange = proxy.send(request);
        let said = format!("{:?} {:?} {}", exchange.log(), exchange.raw_response(), exchange.details());
        for secret in [&signature[..20], "b4tch-key", "s3cr3t", "KioqKioq"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
    Ok(())
}
