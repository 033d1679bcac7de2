//! The filter on the mock host: natively, and as the real `.wasm`.

mod signed;

use base64ct::{Base64, Encoding};
use proxy_filter_test::{Exchange, Message, Outcome, TestResult, VmKind, both_vms};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signed::*;

/// A request with what a signature covers, in the words of RFC 9421.
fn sign(request: &Message, components: &str, parameters: &str, base: &str, secret: &[u8]) -> Message {
    let input = format!("({components}){parameters}");
    let tag = Base64::encode_string(&hmac(secret, format!("{base}\"@signature-params\": {input}").as_bytes()));
    request.clone().with_header("signature-input", format!("sig1={input}")).with_header("signature", format!("sig1=:{tag}:"))
}

const COVERS: &str = r#""@method" "@authority" "@path" "@query""#;

fn signed_get() -> Message {
    let base = "\"@method\": GET\n\"@authority\": shop.example\n\"@path\": /till\n\"@query\": ?id=1\n";
    sign(&get("/till?id=1"), COVERS, &format!(r#";created={NOW};keyid="till""#), base, &SHARED_SECRET)
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
    sign(&request, &components, &format!(r#";created={NOW};keyid="till";alg="hmac-sha256";nonce="a;b""#), &base, &SHARED_SECRET)
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
        // This key may read the cart, and not write it.
        for method in ["POST", "DELETE"] {
            let write = || Message::new([(":authority", "shop.example"), (":path", "/cart/1"), (":method", method), (":scheme", "http")]);
            is_refused(&proxy.send(write().with_header("x-api-key", "demo")), 403, "auth_scope");
            assert!(proxy.send(write().with_header("authorization", format!("Bearer {}", token(&claims())))).reached_upstream());
        }
        assert!(proxy.send(get("/news").with_header("x-api-key", "demo")).reached_upstream(), "what no rule is about");
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
        assert!(with(COVERS, &good, &SHARED_SECRET).reached_upstream());
        is_refused(&with(COVERS, &good, &[41; 32]), 401, "auth_signature_wrong");
        is_refused(&with(COVERS, &format!(r#";created={NOW};keyid="other""#), &SHARED_SECRET), 401, "auth_signature_key");
        is_refused(&with(COVERS, &format!(r#";created={};keyid="till""#, NOW - 300), &SHARED_SECRET), 401, "auth_signature_age");
        is_refused(&with(COVERS, &format!(r#";created={};keyid="till""#, NOW + 61), &SHARED_SECRET), 401, "auth_signature_age");
        is_refused(&with(COVERS, &format!(r#"{good};expires={NOW}"#), &SHARED_SECRET), 401, "auth_signature_age");
        is_refused(&with(COVERS, r#";keyid="till""#, &SHARED_SECRET), 401, "auth_signature_parameters");
        is_refused(&with(COVERS, &format!(";created={NOW}"), &SHARED_SECRET), 401, "auth_signature_parameters");
        is_refused(&with(COVERS, &format!("{good};x=1"), &SHARED_SECRET), 401, "auth_signature_parameters");
        is_refused(&with(COVERS, &format!(r#"{good};alg="rsa-pss-sha512""#), &SHARED_SECRET), 401, "auth_signature_algorithm");
        is_refused(&with(r#""@method" "@path" "@query""#, &good, &SHARED_SECRET), 401, "auth_signature_uncovered");
        is_refused(&with(&format!(r#"{COVERS} "x-absent""#), &good, &SHARED_SECRET), 401, "auth_signature_component");
        is_refused(&with(&format!(r#"{COVERS} "@status""#), &good, &SHARED_SECRET), 401, "auth_signature_component");
        for odd in [r#""@method"  "@path""#, r#""@method" "@method""#, r#""@method";req"#, "@method", r#""a\"b""#] {
            is_refused(&with(odd, &good, &SHARED_SECRET), 401, "auth_signature_form");
        }
        for odd in [format!("{good};created={NOW}"), r#";created=-1;keyid="till""#.to_owned(), format!("{good} "), format!("{good}, sig2=()"), r#";keyid="till;created=1"#.to_owned()] {
            is_refused(&with(COVERS, &odd, &SHARED_SECRET), 401, "auth_signature_form");
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
