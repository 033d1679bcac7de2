//! Known attacks on verifiers of JSON Web Tokens that need no forgery: text, JSON and claims that two readers take for two things, and tokens
//! for others. Each is refused, for the reason that it should be.

mod signed;

use proxy_filter_test::{Message, TestResult, both_vms};
use serde_json::json;
use signed::*;

both_vms! {
    fn members_appear_twice(vm) {
        for header in [r#"{"alg":"none","alg":"ES256"}"#, r#"{"alg":"ES256","\u0061lg":"none"}"#, r#"{"alg":"ES256","kid":"ec","kid":"hs"}"#] {
            refuses(vm, &signed(header, claims().to_string(), es256), "header");
        }
        let rest = claims().to_string().split_off(1);
        for twice in [r#""sub":"root","#, r#""\u0073ub":"root","#, r#""exp":99999999999,"#] {
            refuses(vm, &signed(ES256, format!("{{{twice}{rest}"), es256), "claims");
        }
    }

    fn base64_with_padding_or_white_space(vm) {
        let token = token(&claims());
        let [header, payload, signature] = *token.split('.').collect::<Vec<_>>() else { panic!("three parts") };
        for odd in [
            format!("{header}=.{payload}.{signature}"), format!("{header}.{payload}=.{signature}"), format!("{header}.{payload}.{signature}=="),
            format!("{header} .{payload}.{signature}"), format!("{header}.{payload}\t.{signature}"), format!("{header}.{payload}. {signature}"),
            format!("{header}.{payload}.{}", signature.replace(['-', '_'], "+")), format!("{header}.{payload}.{signature}%3D"),
            format!("{header}.{payload}.{signature}\u{e9}"),
        ] {
            refuses(vm, &odd, "form");
        }
    }

    fn bits_beyond_the_last_byte(vm) {
        // 64 bytes leave four bits in the last letter, which must be zero: otherwise sixteen texts would be one token.
        let token = token(&claims());
        let (rest, last) = token.split_at(token.len() - 1);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let at = alphabet.find(last).expect("a letter");
        for other in &alphabet.as_bytes()[at + 1..at + 16] {
            refuses(vm, &format!("{rest}{}", char::from(*other)), "form");
        }
    }

    fn huge_tokens(vm) {
        refuses(vm, &token(&claims_with("note", "x".repeat(13_000))), "too_long");
        refuses(vm, &"x".repeat(40_000), "too_long");
        refuses(vm, &".".repeat(16_000), "form");
    }

    fn deep_json(vm) {
        let deep = |open: &str, close: &str| format!("{}{}", open.repeat(1_000), close.repeat(1_000));
        refuses(vm, &signed(ES256, deep("[", "]"), es256), "claims");
        refuses(vm, &signed(ES256, format!(r#"{{"iss":"{ISSUER}","a":{}1{}}}"#, r#"{"a":"#.repeat(1_000), "}".repeat(1_000)), es256), "claims");
        refuses(vm, &signed(format!(r#"{{"alg":"ES256","a":{}}}"#, deep("[", "]")), claims().to_string(), es256), "header");
        refuses(vm, &signed(ES256, "[".repeat(12_000), es256), "claims");
    }

    fn text_that_is_no_json_object(vm) {
        let good = claims().to_string();
        for payload in ["", "null", "[]", "1", "\u{feff}{}", "{}{}", "{\"a\":}", "{a:1}", "{'a':1}", "{\"a\":1,}", "{\"a\":NaN}"] {
            let because = if payload == "null" || payload == "[]" || payload == "1" { "issuer" } else { "claims" };
            refuses(vm, &signed(ES256, payload, es256), because);
        }
        refuses(vm, &signed(ES256, [good.as_bytes(), b"\0"].concat(), es256), "claims");
        refuses(vm, &signed(ES256, [&good.as_bytes()[..good.len() - 1], b",\"x\":\"\xff\"}"].concat(), es256), "claims");
        refuses(vm, &signed("[]", &good, es256), "header");
    }

    fn critical_extensions(vm) {
        for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!("none"), json!(null), json!(["http://example.com/UNDEFINED"])] {
            refuses(vm, &signed(json!({"alg": "ES256", "kid": "ec", "crit": crit}).to_string(), claims().to_string(), es256), "critical");
        }
        refuses(vm, &signed(json!({"alg": "ES256", "kid": "ec", "b64": false}).to_string(), claims().to_string(), es256), "critical");
    }

    fn tokens_of_another_type(vm) {
        for typ in ["dpop+jwt", "logout+jwt", "secevent+jwt", "application/logout+jwt", "JWE", "", "application/", "JWT "] {
            refuses(vm, &signed(json!({"alg": "ES256", "kid": "ec", "typ": typ}).to_string(), claims().to_string(), es256), "type");
        }
        refuses(vm, &signed(json!({"alg": "ES256", "kid": "ec", "typ": ["JWT"]}).to_string(), claims().to_string(), es256), "header");
    }

    fn expired_tokens(vm) {
        for exp in [json!(NOW - 60), json!(NOW - 61), json!(0), json!(1.5)] {
            refuses(vm, &token(&claims_with("exp", exp)), "expired");
        }
    }

    fn tokens_that_never_expire(vm) {
        refuses(vm, &token(&claims_without("exp")), "claims");
        let games = ["null", "\"1900000000\"", "true", "[1900000000]", "-1", "1e300", "99999999999999999999", "1900000000000", "{}"];
        for exp in games {
            let payload = claims_with("exp", "EXP").to_string().replace("\"EXP\"", exp);
            refuses(vm, &signed(ES256, payload, es256), "claims");
        }
        // Infinite, to those who compute with it.
        refuses(vm, &signed(ES256, claims_with("exp", "EXP").to_string().replace("\"EXP\"", "1e999"), es256), "claims");
    }

    fn tokens_from_the_future(vm) {
        refuses(vm, &token(&claims_with("nbf", NOW + 61)), "not_yet");
        refuses(vm, &token(&claims_with("iat", NOW + 61)), "not_yet");
        refuses(vm, &token(&claims_with("nbf", "now")), "claims");
        refuses(vm, &token(&claims_with("iat", json!(null))), "claims");
    }

    fn tokens_for_another_audience(vm) {
        refuses(vm, &token(&claims_without("aud")), "audience");
        for aud in [json!("other"), json!("sho"), json!("shop "), json!("SHOP"), json!("shop,cart"), json!(["other", "shops"]), json!([]), json!({"shop": 1}), json!(null), json!("")] {
            refuses(vm, &token(&claims_with("aud", aud)), "audience");
        }
        refuses(vm, &token(&claims_with("aud", json!(["shop", 1]))), "claims");
    }

    fn issuers_that_are_not_trusted(vm) {
        for iss in [json!("https://evil.example"), json!(format!("{ISSUER}/")), json!(format!("{ISSUER}.evil.example")), json!("HTTPS://ACCOUNTS.EXAMPLE"), json!([ISSUER]), json!(null), json!("")] {
            refuses(vm, &token(&claims_with("iss", iss)), "issuer");
        }
        refuses(vm, &token(&claims_without("iss")), "issuer");
    }

    fn json_serialisation(vm) {
        let token = token(&claims());
        let [protected, payload, signature] = *token.split('.').collect::<Vec<_>>() else { panic!("three parts") };
        let flattened = json!({"protected": protected, "payload": payload, "signature": signature});
        let general = json!({"payload": payload, "signatures": [{"protected": protected, "signature": signature}]});
        let proxy = proxy(vm, config()).expect("a configuration");
        for json in [&flattened, &general] {
            // It has commas, as several credentials have.
            assert_eq!(proxy.send(bearer(&json.to_string())).details(), "auth_twice");
            refuses(vm, &json.to_string().replace(',', " "), "form");
        }
        refuses(vm, &encode(flattened.to_string()), "form");
    }

    fn encrypted_tokens(vm) {
        // RFC 7516, A.2, in its form.
        let header = encode(r#"{"alg":"RSA1_5","enc":"A128CBC-HS256"}"#);
        refuses(vm, &format!("{header}.AAAA.AAAA.AAAA.AAAA"), "encrypted");
        refuses(vm, &format!("{header}..AAAA.AAAA.AAAA"), "encrypted");
        refuses(vm, &signed(r#"{"alg":"ES256","enc":"A128GCM","kid":"ec"}"#, claims().to_string(), es256), "encrypted");
        // A bomb, once it is inflated.
        refuses(vm, &signed(r#"{"alg":"ES256","zip":"DEF","kid":"ec"}"#, claims().to_string(), es256), "encrypted");
        refuses(vm, "a.b.c.d.e.f", "form");
    }

    fn several_authorization_headers(vm) -> TestResult {
        let good = token(&claims());
        let proxy = proxy(vm, config())?;
        for second in ["Bearer x.y.z", &format!("Bearer {good}"), "Basic YTpi"] {
            for request in [bearer(&good).with_header("authorization", second), get("/").with_header("authorization", second).with_header("authorization", format!("Bearer {good}"))] {
                let exchange = proxy.send(request);
                assert!(!exchange.reached_upstream());
                assert_eq!((exchange.response().status().as_u16(), exchange.details().as_str()), (400, "auth_twice"));
                let expected = r#"Bearer realm="shop", error="invalid_request", error_description="a credential is there more than once""#;
                assert_eq!(challenges(&exchange), [expected]);
            }
        }
        // As a proxy before this one may have joined them.
        for joined in [format!("x.y.z, Bearer {good}"), format!("{good},Bearer {good}"), format!("{good},"), format!(",{good}")] {
            assert_eq!(proxy.send(bearer(&joined)).details(), "auth_twice");
        }
        Ok(())
    }

    fn a_token_where_none_is_looked_for(vm) -> TestResult {
        let (good, proxy) = (token(&claims()), proxy(vm, config())?);
        let elsewhere: [Message; 6] = [
            get(&format!("/cart?access_token={good}")),
            get("/cart").with_header("cookie", format!("token={good}; authorization=Bearer {good}")),
            get("/cart").with_header("authorization", good.as_str()),
            get("/cart").with_header("authorization", format!("Token {good}")),
            get("/cart").with_header("authorization", format!("Bearer{good}")),
            get("/cart").with_header("proxy-authorization", format!("Bearer {good}")),
        ];
        for request in elsewhere {
            let exchange = proxy.send(request);
            assert_eq!((exchange.response().status().as_u16(), exchange.details().as_str()), (401, "auth_no_credentials"));
            assert_eq!(challenges(&exchange), [r#"Bearer realm="shop""#]);
        }
        Ok(())
    }

    fn headers_are_smuggled_through_claims(vm) {
        for sub in ["ann\r\nx-admin: true", "ann\nx", "ann\0", "ann\u{7f}", "ann\u{85}", " ann", "ann ", "ann\u{a0}", "\tann"] {
            refuses(vm, &token(&claims_with("sub", sub)), "value");
        }
        for roles in [json!(["buyer,admin"]), json!(["buyer", ["admin"], ["x,y"]]), json!(["a\r\nb"]), json!([{"a": 1}]), json!([null])] {
            refuses(vm, &token(&claims_with("roles", roles)), "value");
        }
        refuses(vm, &token(&claims_with("sub", json!({"name": "ann"}))), "value");
        refuses(vm, &token(&claims_with("sub", 1.5)), "value");
    }
}
