//! Known attacks on verifiers of JSON Web Tokens: what is not signed, or by another key or algorithm. Each is refused, for the reason that it
//! should be; `tests/odd_tokens.rs` has those that need no forgery.

mod signed;

use proxy_filter_test::both_vms;
use serde_json::json;
use signed::*;

both_vms! {
    fn algorithm_none_in_any_spelling(vm) {
        for none in ["none", "None", "NONE", "nOnE", "none ", "", "null"] {
            refuses(vm, &signed(json!({"alg": none}).to_string(), claims().to_string(), |_| Vec::new()), "algorithm");
            refuses(vm, &signed(json!({"alg": none, "kid": "ec"}).to_string(), claims().to_string(), es256), "algorithm");
        }
        for none in [json!(null), json!(false), json!(["none"]), json!({}), json!(0)] {
            refuses(vm, &signed(json!({"alg": none}).to_string(), claims().to_string(), |_| Vec::new()), "header");
        }
        refuses(vm, &signed("{}", claims().to_string(), |_| Vec::new()), "header");
    }

    fn names_of_algorithms_are_case_sensitive(vm) {
        for name in ["es256", "Es256", "ES256\u{0}", " ES256", "ES256K", "ES384", "RS1", "PS256", "HS1"] {
            refuses(vm, &signed(json!({"alg": name, "kid": "ec"}).to_string(), claims().to_string(), es256), "algorithm");
        }
    }

    fn the_signature_is_stripped(vm) {
        let token = token(&claims());
        let (unsigned, _) = token.rsplit_once('.').expect("a signature");
        refuses(vm, &format!("{unsigned}."), "signature");
        refuses(vm, unsigned, "form");
        refuses(vm, &format!("{unsigned}.."), "form");
        for (algorithm, kid, _) in ALGORITHMS {
            refuses(vm, &signed(json!({"alg": algorithm, "kid": kid}).to_string(), claims().to_string(), |_| Vec::new()), "signature");
        }
    }

    fn the_signature_is_cut_or_lengthened(vm) {
        for (algorithm, kid, sign) in ALGORITHMS {
            let header = json!({"alg": algorithm, "kid": kid}).to_string();
            refuses(vm, &signed(&header, claims().to_string(), |text| sign(text)[1..].to_vec()), "signature");
            refuses(vm, &signed(&header, claims().to_string(), |text| sign(text)[..sign(text).len() - 1].to_vec()), "signature");
            refuses(vm, &signed(&header, claims().to_string(), |text| [&[0], &*sign(text)].concat()), "signature");
            refuses(vm, &signed(&header, claims().to_string(), |text| [&*sign(text), &[0]].concat()), "signature");
        }
    }

    fn the_public_rsa_key_is_used_as_secret_of_hs256(vm) {
        let only_rsa = json!({"realm": "shop", "jwt": [issuer(&[rsa_key()])]});
        for secret in [rsa_modulus(), rsa_key().to_string().into_bytes(), rsa_key()["n"].to_string().into_bytes()] {
            for header in [r#"{"alg":"HS256","kid":"rsa"}"#, r#"{"alg":"HS256"}"#] {
                refuses_under(vm, &only_rsa, &signed(header, claims().to_string(), |text| hmac(&secret, text)), "key");
            }
        }
    }

    fn the_public_ec_key_is_used_as_secret_of_hs256(vm) {
        let key = ec_key();
        let point = [vec![4], decode(key["x"].as_str().expect("x")), decode(key["y"].as_str().expect("y"))].concat();
        let token = signed(r#"{"alg":"HS256","kid":"ec"}"#, claims().to_string(), |text| hmac(&point, text));
        refuses_under(vm, &json!({"realm": "shop", "jwt": [issuer(&[ec_key()])]}), &token, "key");
    }

    fn a_key_is_used_with_another_algorithm(vm) {
        for (_, kid, _) in ALGORITHMS {
            for (algorithm, own, sign) in ALGORITHMS {
                if kid != own {
                    let header = json!({"alg": algorithm, "kid": kid}).to_string();
                    refuses(vm, &signed(header, claims().to_string(), sign), "key");
                }
            }
        }
    }

    fn an_algorithm_is_not_among_the_accepted(vm) {
        let mut config = config();
        config["jwt"][0]["algorithms"] = json!(["RS256"]);
        refuses_under(vm, &config, &token(&claims()), "algorithm");
    }

    fn the_token_brings_its_own_key(vm) {
        // Signed by the attacker, whose key is that of RFC 7515, and who tells where it is in each way that there is.
        let only_rsa = json!({"realm": "shop", "jwt": [issuer(&[rsa_key()])]});
        let embedded = [
            json!({"alg": "ES256", "jwk": ec_key()}),
            json!({"alg": "ES256", "kid": "rsa", "jwk": ec_key()}),
            json!({"alg": "ES256", "jku": "https://evil.example/jwks.json"}),
            json!({"alg": "ES256", "x5u": "https://evil.example/chain.pem"}),
            json!({"alg": "ES256", "x5c": ["MIIB"], "x5t": "AA"}),
        ];
        for header in embedded {
            refuses_under(vm, &only_rsa, &signed(header.to_string(), claims().to_string(), es256), "key");
        }
        let other = |text: &[u8]| p256::ecdsa::SigningKey::from_slice(&[7; 32]).map(|key| {
            use p256::ecdsa::signature::Signer;
            let signature: p256::ecdsa::Signature = key.sign(text);
            signature.to_bytes().to_vec()
        }).expect("a key");
        refuses(vm, &signed(json!({"alg": "ES256", "jwk": {"kty": "EC"}}).to_string(), claims().to_string(), other), "signature");
    }

    fn the_kid_is_a_path_to_a_known_file(vm) {
        for kid in ["../../../../../../dev/null", "/proc/sys/kernel/randomize_va_space", "https://evil.example/", "hs\u{0}", ""] {
            for secret in [&b""[..], b"\0", b"2\n"] {
                let header = json!({"alg": "HS256", "kid": kid}).to_string();
                refuses(vm, &signed(header, claims().to_string(), |text| hmac(secret, text)), "key");
            }
        }
    }

    fn the_kid_is_a_query_or_a_command(vm) {
        for kid in ["x' UNION SELECT 'secret'; --", "ec'--", "$(id)", "| id", "ec\r\nx: y", "{{7*7}}", "%00", "*"] {
            refuses(vm, &signed(json!({"alg": "ES256", "kid": kid}).to_string(), claims().to_string(), es256), "key");
        }
    }

    fn the_kid_is_no_text(vm) {
        for kid in [json!(null), json!(0), json!(["ec"]), json!({"kid": "ec"}), json!(true)] {
            refuses(vm, &signed(json!({"alg": "ES256", "kid": kid}).to_string(), claims().to_string(), es256), "header");
        }
    }

    fn psychic_signatures_of_ecdsa(vm) {
        // CVE-2022-21449: (0, 0) verified anything; n and beyond are 0 for those who reduce first.
        let order = decode("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
        let one = [vec![0; 31], vec![1]].concat();
        for (r, s) in [(vec![0; 32], vec![0; 32]), (vec![0; 32], one.clone()), (one, vec![0; 32]), (order.clone(), order), (vec![255; 32], vec![255; 32])] {
            refuses(vm, &signed(ES256, claims().to_string(), |_| [&*r, &*s].concat()), "signature");
        }
    }

    fn a_signature_of_ecdsa_in_der(vm) {
        let der = |text: &[u8]| p256::ecdsa::Signature::from_slice(&es256(text)).expect("a signature").to_der().as_bytes().to_vec();
        refuses(vm, &signed(ES256, claims().to_string(), der), "signature");
    }

    fn degenerate_signatures_of_rsa(vm) {
        let header = r#"{"alg":"RS256","kid":"rsa"}"#;
        let one = [vec![0; 255], vec![1]].concat();
        for signature in [vec![0; 256], one, rsa_modulus(), vec![255; 256]] {
            refuses(vm, &signed(header, claims().to_string(), |_| signature.clone()), "signature");
        }
    }

    fn sloppy_padding_of_rsa(vm) {
        // Bleichenbacher 2006 and CVE-2006-4339: what stands behind the digest, or in the padding, was not looked at.
        use sha2::{Digest, Sha256};
        let info = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
        let padded = |text: &[u8], padding: usize, byte: u8, info: &[u8]| {
            let start = [&[0, 1][..], &vec![byte; padding], &[0], info, &Sha256::digest(text)].concat();
            let rest = vec![0xaa; 256 - start.len()];
            rsa_power(&[start, rest].concat())
        };
        let header = r#"{"alg":"RS256","kid":"rsa"}"#;
        let payload = claims().to_string();
        refuses(vm, &signed(header, &payload, |text| padded(text, 8, 0xff, &info)), "signature");
        refuses(vm, &signed(header, &payload, |text| padded(text, 202, 0xfe, &info)), "signature");
        refuses(vm, &signed(header, &payload, |text| padded(text, 221, 0xff, &[])), "signature");
        // As it should be it passes: the padding alone makes the difference.
        let good = signed(header, &payload, |text| padded(text, 202, 0xff, &info));
        assert!(proxy(vm, config()).expect("a configuration").send(bearer(&good)).reached_upstream());
    }

    fn malleable_signatures_of_ed25519(vm) {
        // S + L is the same number to those who do not look (RFC 8032, 5.1.7).
        let order = [0xed_u8, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10];
        let more = |text: &[u8]| {
            let (mut signature, mut carry) = (eddsa(text), 0_u16);
            for (byte, add) in signature[32..].iter_mut().zip(order) {
                carry += u16::from(*byte) + u16::from(add);
                *byte = carry.to_le_bytes()[0];
                carry >>= 8;
            }
            signature
        };
        refuses(vm, &signed(r#"{"alg":"EdDSA","kid":"ed"}"#, claims().to_string(), more), "signature");
        // R and S of the neutral element, which verify under keys of small order.
        let neutral = [&[1], &[0; 63][..]].concat();
        refuses(vm, &signed(r#"{"alg":"EdDSA","kid":"ed"}"#, claims().to_string(), |_| neutral.clone()), "signature");
    }

    fn claims_are_changed_after_signing(vm) {
        let token = token(&claims());
        let [header, _, signature] = *token.split('.').collect::<Vec<_>>() else { panic!("three parts") };
        let payload = encode(claims_with("sub", "root").to_string());
        refuses(vm, &format!("{header}.{payload}.{signature}"), "signature");
        let header = encode(r#"{"alg":"ES256","typ":"at+jwt","kid":"ec"}"#);
        refuses(vm, &format!("{header}.{}.{signature}", encode(claims().to_string())), "signature");
    }

    fn one_issuer_signs_in_the_name_of_another(vm) {
        let mut partner = issuer(&[ec_key()]);
        partner["issuer"] = json!("https://partner.example");
        let config = json!({"realm": "shop", "jwt": [issuer(&[rsa_key()]), partner]});
        refuses_under(vm, &config, &token(&claims()), "key");
        refuses_under(vm, &config, &signed(r#"{"alg":"ES256"}"#, claims().to_string(), es256), "key");
        let own = proxy(vm, config).expect("a configuration").send(bearer(&token(&claims_with("iss", "https://partner.example"))));
        assert!(own.reached_upstream(), "its own tokens are good");
    }

    fn keys_that_are_not_for_signatures(vm) {
        for (member, value, said) in [("use", json!("enc"), "`use`"), ("key_ops", json!(["encrypt"]), "`key_ops`"), ("alg", json!("RSA-OAEP"), "`alg`"), ("alg", json!("PS256"), "`alg`")] {
            let mut key = rsa_key();
            key[member] = value;
            let log = refusal(vm, json!({"jwt": [issuer(&[key])]}));
            assert!(log.contains("`keys`: the key 0: its ") && log.contains(said), "{log}");
        }
    }

    fn keys_that_are_too_weak(vm) {
        let short = encode([1; 31]);
        let modulus = |bytes: usize| encode([&[0x81], &*vec![0xff; bytes - 1]].concat());
        let weak = [
            (json!({"kty": "oct", "k": short}), "less than 32 bytes"),
            (json!({"kty": "oct", "k": ""}), "less than 32 bytes"),
            (json!({"kty": "RSA", "n": modulus(128), "e": "AQAB"}), "less than 2048"),
            (json!({"kty": "RSA", "n": modulus(1024), "e": "AQAB"}), "at most 4096 bits"),
            (json!({"kty": "RSA", "n": modulus(256), "e": "Aw"}), "less than 65537"),
            (json!({"kty": "RSA", "n": modulus(256), "e": "AQ"}), "no RSA key"),
            (json!({"kty": "RSA", "n": modulus(256), "e": "AQAA"}), "no RSA key"),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": encode([&[1], &[0; 31][..]].concat())}), "signs everything"),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": encode([0; 32])}), "signs everything"),
        ];
        for (key, said) in weak {
            let log = refusal(vm, json!({"jwt": [issuer(std::slice::from_ref(&key))]}));
            assert!(log.contains(said), "{key}: {log}");
            assert!(!log.contains(&short), "{log}");
        }
    }

    fn points_that_are_not_on_the_curve(vm) {
        for (x, y) in [(vec![0; 32], vec![0; 32]), (vec![1; 32], vec![2; 32]), (vec![255; 32], vec![255; 32])] {
            let log = refusal(vm, json!({"jwt": [issuer(&[json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})])]}));
            assert!(log.contains("no point of P-256"), "{log}");
        }
    }

    fn a_private_key_in_the_configuration(vm) {
        let mut key = ec_key();
        key["d"] = json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
        let log = refusal(vm, json!({"jwt": [issuer(&[key])]}));
        assert!(log.contains("it is a private key: only the public part belongs here") && !log.contains("jpsQ"), "{log}");
    }
}
