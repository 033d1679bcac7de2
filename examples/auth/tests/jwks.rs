//! Keys that an issuer publishes: fetched, cached, rotated, and missed.

mod signed;

use proxy_filter_test::{Answer, Builder, Cluster, Exchange, LogLevel, Outcome, TestResult, VmKind, both_vms};
use serde_json::{Value, json};
use signed::*;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn published(keys: &[Value]) -> http::Response<String> {
    http::Response::new(json!({"keys": keys}).to_string())
}

fn builder_of(vm: VmKind, cluster: impl Into<Cluster>) -> Builder {
    let mut issuer = issuer(&[]);
    issuer["keys"] = json!(null);
    issuer["jwks"] = json!({"cluster": "accounts", "path": "/jwks.json", "authority": "accounts.example"});
    builder(vm, json!({"realm": "shop", "jwt": [issuer]})).log_level(LogLevel::Debug).set_cluster("accounts", cluster)
}

fn by_rsa() -> String {
    signed(r#"{"alg":"RS256","kid":"rsa"}"#, claims().to_string(), rs256)
}

#[track_caller]
fn answers(exchange: &Exchange, status: u16, details: &str) {
    assert_eq!((exchange.response().status().as_u16(), exchange.details().as_str()), (status, details));
}

both_vms! {
    fn keys_are_fetched_at_the_start_and_every_five_minutes(vm) -> TestResult {
        let proxy = builder_of(vm, published(&[ec_key()])).start()?;
        assert!(proxy.send(bearer(&token(&claims()))).reached_upstream());
        let requests = proxy.requests_to("accounts");
        assert_eq!((requests.len(), requests[0].uri().to_string().as_str()), (1, "http://accounts.example/jwks.json"));
        proxy.advance(299 * SECOND);
        assert_eq!(proxy.requests_to("accounts").len(), 1);
        proxy.advance(SECOND);
        assert_eq!(proxy.requests_to("accounts").len(), 2);
        proxy.advance(300 * SECOND);
        assert_eq!(proxy.requests_to("accounts").len(), 3);
        Ok(())
    }

    fn a_request_waits_for_the_first_keys(vm) -> TestResult {
        let proxy = builder_of(vm, Cluster::from(published(&[ec_key()])).latency(SECOND)).start()?;
        let (good, bad) = (proxy.send(bearer(&token(&claims()))), proxy.send(bearer(&by_rsa())));
        let none = proxy.send(get("/"));
        answers(&none, 401, "auth_no_credentials");
        assert_eq!((good.outcome(), bad.outcome()), (Outcome::Paused, Outcome::Paused));
        proxy.advance(SECOND);
        assert_eq!(told(&good, "x-user"), ["ann"]);
        answers(&bad, 401, "auth_token_key");
        assert_eq!(proxy.requests_to("accounts").len(), 1);
        Ok(())
    }

    fn an_unknown_key_is_looked_for_at_once_but_not_again_and_again(vm) -> TestResult {
        let proxy = builder_of(vm, Cluster::answers([published(&[ec_key()]), published(&[ec_key(), rsa_key()]), published(&[rsa_key()])])).start()?;
        // Right after a fetch there is no other.
        answers(&proxy.send(bearer(&by_rsa())), 401, "auth_token_key");
        assert_eq!(proxy.requests_to("accounts").len(), 1);
        proxy.advance(10 * SECOND);
        // It is rotated: both keys are good.
        assert!(proxy.send(bearer(&by_rsa())).reached_upstream());
        assert!(proxy.send(bearer(&token(&claims()))).reached_upstream());
        assert_eq!(proxy.requests_to("accounts").len(), 2);
        // A flood of unknown ones asks once in ten seconds.
        for at in 0..50 {
            answers(&proxy.send(bearer(&signed(json!({"alg": "ES256", "kid": format!("x{at}")}).to_string(), claims().to_string(), es256))), 401, "auth_token_key");
        }
        assert_eq!(proxy.requests_to("accounts").len(), 2);
        proxy.advance(10 * SECOND);
        for at in 0..50 {
            answers(&proxy.send(bearer(&signed(json!({"alg": "ES256", "kid": format!("x{at}")}).to_string(), claims().to_string(), es256))), 401, "auth_token_key");
        }
        assert_eq!(proxy.requests_to("accounts").len(), 3);
        // The old key is gone by now.
        answers(&proxy.send(bearer(&token(&claims()))), 401, "auth_token_key");
        Ok(())
    }

    fn the_old_keys_stay_while_the_endpoint_is_down(vm) -> TestResult {
        let failures: [(Answer, &str); 6] = [
            (Answer::Refuse, "upstream connect error"),
            (Answer::Timeout, "its timeout passed"),
            (http::Response::builder().status(500).body("")?.into(), "it answers 500"),
            (http::Response::new("<html>").into(), "it is not JSON, at line 1 column 1"),
            (published(&[]).into(), "it has no key that can be used here"),
            (http::Response::new("{}").into(), "it is not a JWK Set"),
        ];
        for (failure, said) in failures {
            let proxy = builder_of(vm, Cluster::answers([published(&[ec_key()]).into(), failure, published(&[rsa_key()]).into()])).start()?;
            proxy.advance(300 * SECOND);
            proxy.advance(5 * SECOND);
            let good = proxy.send(bearer(&token(&{ let mut c = claims(); c["exp"] = json!(NOW + 9_999); c })));
            assert!(good.reached_upstream(), "{said}");
            let log: String = proxy.log().iter().map(|line| line.message.clone() + "\n").collect();
            assert!(log.contains("could not be fetched from the cluster \"accounts\": ") && log.contains("; the old ones stay") && log.contains(said), "{said}: {log}");
            // It is tried again after ten seconds, not after five minutes.
            proxy.advance(10 * SECOND);
            assert_eq!(proxy.requests_to("accounts").len(), 3, "{said}");
            let by_rsa = signed(r#"{"alg":"RS256"}"#, claims_with("exp", NOW + 9_999).to_string(), rs256);
            assert!(proxy.send(bearer(&by_rsa)).reached_upstream(), "{said}");
        }
        Ok(())
    }

    fn without_any_keys_it_is_not_the_clients_fault(vm) -> TestResult {
        let proxy = builder_of(vm, Cluster::answers([Answer::Refuse, published(&[ec_key()]).into()])).start()?;
        let exchange = proxy.send(bearer(&token(&claims())));
        answers(&exchange, 503, "auth_no_keys");
        assert_eq!(exchange.response().headers()["retry-after"], "10");
        // One that is wrong in itself is so without keys too.
        answers(&proxy.send(bearer(&token(&claims_with("iss", "x")))), 401, "auth_token_issuer");
        proxy.advance(10 * SECOND);
        assert!(proxy.send(bearer(&token(&claims()))).reached_upstream());
        Ok(())
    }

    fn a_cluster_that_does_not_exist_is_named(vm) -> TestResult {
        let mut issuer = issuer(&[ec_key()]);
        issuer["jwks"] = json!({"cluster": "acounts", "path": "/"});
        let proxy = proxy(vm, json!({"jwt": [issuer]}))?;
        let log: String = proxy.log().iter().map(|line| line.message.clone() + "\n").collect();
        assert!(log.contains("\"acounts\"") && log.contains("there are none yet"), "{log}");
        // Those of the configuration are good all the same.
        assert!(proxy.send(bearer(&token(&claims()))).reached_upstream());
        Ok(())
    }

    fn what_is_published_for_other_ends_is_left_out(vm) -> TestResult {
        let mut for_encryption = rsa_key();
        for_encryption["use"] = json!("enc");
        let private = { let mut key = ed_key(); key["d"] = json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"); key };
        let set = [json!({"kty": "EC", "crv": "P-384"}), for_encryption, private, secret_key(), json!(1), ec_key()];
        let proxy = builder_of(vm, published(&set)).start()?;
        assert!(proxy.send(bearer(&token(&claims()))).reached_upstream());
        answers(&proxy.send(bearer(&by_rsa())), 401, "auth_token_key");
        answers(&proxy.send(bearer(&signed(r#"{"alg":"EdDSA"}"#, claims().to_string(), eddsa))), 401, "auth_token_key");
        // A secret that everybody can read signs nothing, and is not looked for.
        answers(&proxy.send(bearer(&signed(r#"{"alg":"HS256","kid":"hs"}"#, claims().to_string(), hs256))), 401, "auth_token_key");
        let log: String = proxy.log().iter().map(|line| line.message.clone() + "\n").collect();
        assert!(log.contains("the key 3 is left out: it is a secret that everybody can read") && !log.contains("nWGxne"), "{log}");
        Ok(())
    }

    fn huge_and_long_sets(vm) -> TestResult {
        let many: Vec<Value> = (0..70).map(|at| { let mut key = ec_key(); key["kid"] = json!(format!("k{at}")); key }).collect();
        let proxy = builder_of(vm, published(&many)).start()?;
        let by = |kid: &str| signed(json!({"alg": "ES256", "kid": kid}).to_string(), claims().to_string(), es256);
        assert!(proxy.send(bearer(&by("k63"))).reached_upstream());
        answers(&proxy.send(bearer(&by("k64"))), 401, "auth_token_key");
        let huge = builder_of(vm, http::Response::new(" ".repeat(300_000))).start()?;
        answers(&huge.send(bearer(&token(&claims()))), 503, "auth_no_keys");
        Ok(())
    }

    fn clients_that_leave_while_they_wait(vm) -> TestResult {
        let proxy = builder_of(vm, Cluster::from(published(&[ec_key()])).latency(SECOND)).start()?;
        let (left, stays) = (proxy.send(bearer(&token(&claims()))), proxy.send(bearer(&token(&claims()))));
        proxy.disconnect(&left);
        proxy.advance(SECOND);
        assert!(!left.reached_upstream() && stays.reached_upstream());
        Ok(())
    }

    fn bad_endpoints_are_refused_with_the_reason(vm) {
        for (endpoint, said) in [
            (json!({"cluster": "", "path": "/"}), "`jwks.cluster` is empty: name a cluster of the proxy"),
            (json!({"cluster": "a", "path": "https://accounts.example/"}), "`jwks.path` must begin with a slash"),
            (json!({"cluster": "a", "path": "/a b"}), "`jwks.path` must begin with a slash"),
            (json!({"cluster": "a", "path": "/", "refresh_seconds": 0}), "`jwks.refresh_seconds` is 0"),
            (json!({"cluster": "a", "path": "/", "cooldown_seconds": 301}), "`jwks.cooldown_seconds` is more than"),
            (json!({"cluster": "a", "path": "/", "timeout_milliseconds": 0}), "`jwks.timeout_milliseconds` is 0"),
            (json!({"cluster": "a"}), "missing field `path`"),
            (json!({"cluster": "a", "path": "/", "uri": ""}), "unknown field `uri`"),
        ] {
            let mut issuer = issuer(&[]);
            issuer["jwks"] = endpoint;
            let log = refusal(vm, json!({"jwt": [issuer]}));
            assert!(log.contains(said), "{said}: {log}");
        }
    }
}
