//! `examples/auth`, by tokens that expire in the year 2100: their issuer's keys are those of RFC 7515 (A.3), RFC 7520 (3.3) and RFC 8037 (A.2).

use crate::scenario::{Guest, Request, Scenario, Upstream, get, post, respond, scenario};

const EC: &str = r#"{"kty":"EC","kid":"ec","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const RSA: &str = r#"{"kty":"RSA","kid":"rsa","e":"AQAB","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"}"#;
const ED: &str = r#"{"kty":"OKP","kid":"ed","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

const BY_EC: &str = "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIn0.eyJpc3MiOiJodHRwczovL2FjY291bnRzLmV4YW1wbGUiLCJhdWQiOiJzaG9wIiwic3ViIjoiYW5uIiwiZXhwIjo0MTAyNDQ0ODAwLCJzY29wZSI6ImNhcnQ6cmVhZCJ9.VCe5SUwf_OkHILBZoJnH_ey56W2OPa1LimXbWQGMb_qF8bWJ5vRvNlo6P9ScqUF0lgC5T_Rpw2c3XQSsD76LvA";
const BY_RSA: &str = "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2FjY291bnRzLmV4YW1wbGUiLCJhdWQiOiJzaG9wIiwic3ViIjoiYW5uIiwiZXhwIjo0MTAyNDQ0ODAwLCJzY29wZSI6ImNhcnQ6cmVhZCJ9.KXpkhUs6BRLVwYWIQIydb5dNLgc0d6c7069JYc6cWwC5aM8AhzAf5wybdECn-H_TouqrqBCdKnI5pWqzutvyav7SJ1YhdX1VctF0qOz9q_QsdHoETCBGZLuG96SbhBudj_b4MqqlBuODS7RMfMRcNlWFHdoNT0cA2z1Zqbpf86kMZhwzhLVuw1b1cgkyP9AYdQOH2xK9IFyLBc1jsFRi-Xv-BBvfWIKv-5KUpo0eyu1z0hOUctJYrgl2Su_Bg5ANvCZsukj9rUAvQ8OfbpEXEMYUFff-Tqo8Y5qZ3edZAoVap7xFFImbCmN-bXRWYfWEBZTZ0XTuraNSTO0zP-9ctQ";
const BY_ED: &str = "Bearer eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIn0.eyJpc3MiOiJodHRwczovL2FjY291bnRzLmV4YW1wbGUiLCJhdWQiOiJzaG9wIiwic3ViIjoiYW5uIiwiZXhwIjo0MTAyNDQ0ODAwLCJzY29wZSI6ImNhcnQ6cmVhZCJ9.PVFKrPtSueuS9BmY2H3UHJ8Nom6bBi4NFUEAQuho-GyXI1w0jd8o-YB3v225x_7SWPXMwPAK7RJNiBKKPfZxBA";
/// Of March 2011.
const EXPIRED: &str = "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIn0.eyJpc3MiOiJodHRwczovL2FjY291bnRzLmV4YW1wbGUiLCJhdWQiOiJzaG9wIiwic3ViIjoiYW5uIiwiZXhwIjoxMzAwODE5MzgwfQ.pDbPS_wSdTgMyBvk5nT8LmKaoTmRcy8H780R9Yt1ZBOF6VmK1p_De2o7ZiBd487jaJOrP6TiW5_RICORFjPnVQ";

fn auth(name: &'static str, rows: &'static [&'static str], config: impl Into<std::borrow::Cow<'static, str>>) -> Scenario {
    scenario(name, rows).guest(Guest::Example("auth"), "auth").own_vm().config(config)
}

/// An issuer, by the words that say where its keys are.
fn issuer(keys: &str) -> String {
    format!(
        r#"{{"realm":"shop","jwt":[{{"issuer":"https://accounts.example","audiences":["shop"],{keys},
            "claims_to_headers":[["x-user","sub"],["x-scope","scope"]]}}],
            "rules":[{{"prefix":"/health","open":true}},{{"prefix":"/admin","scopes":["admin"]}}]}}"#
    )
}

fn forged(request: Request) -> Request {
    request.header("x-user", "root").header("x_user", "root").header("x-user", "root").header("x-scope", "admin")
}

pub(super) fn all() -> Vec<Scenario> {
    vec![
        auth(
            "auth-by-token",
            &["HDR-1", "HDR-9", "HDR-13", "HDR-14", "LOC-2", "LOC-9", "TIM-5"],
            issuer(&format!(r#""keys":{{"keys":[{EC},{RSA},{ED}]}}"#)),
        )
        .request(forged(get("/cart")).header("authorization", BY_EC))
        .request(forged(get("/cart")).header("authorization", BY_RSA))
        .request(forged(get("/cart")).header("authorization", BY_ED))
        .request(forged(get("/health")))
        .request(get("/health/../admin"))
        .request(get("/cart"))
        .request(get("/cart").header("authorization", EXPIRED))
        .request(get("/admin").header("authorization", BY_EC))
        .request(post("/cart").header("authorization", "Bearer x.y.z").body(&["body"]))
        .request(get("/cart").header("authorization", BY_EC).header("authorization", BY_RSA))
        .request(get("/cart").header("content-type", "application/grpc"))
        .response(respond(200).body(&["hello"])),
        // Envoy comes to the answer when all plugins of this run are loaded.
        auth(
            "auth-by-keys-that-are-published",
            &["CAL-16", "CAL-9", "LIF-8"],
            issuer(r#""jwks":{"cluster":"of-auth-by-keys-that-are-published","path":"/jwks.json","authority":"accounts.example","timeout_milliseconds":100000,"cooldown_seconds":300}"#),
        )
        .main_thread()
        .cluster(
            "of-auth-by-keys-that-are-published",
            respond(200).header("content-type", "application/json").body(&[&format!(r#"{{"keys":[{{"kty":"EC","crv":"P-384"}},{EC}]}}"#)]),
        )
        .request(get("/cart").header("authorization", BY_EC))
        .request(get("/cart").header("authorization", BY_RSA)),
        auth(
            "auth-without-keys",
            &["CAL-12", "LOC-2"],
            issuer(r#""jwks":{"cluster":"of-auth-without-keys","path":"/","cooldown_seconds":300}"#),
        )
        .main_thread()
        .cluster("of-auth-without-keys", Upstream::Refuse)
        .request(get("/cart").header("authorization", BY_EC).when("could not be fetched")),
        auth(
            "auth-by-key-or-signature",
            &["HDR-9", "HDR-14", "HDR-25", "SEQ-7"],
            r#"{"api_keys":{"keys":[{"id":"batch","sha256":"655fe7031294754b9f761e01305975541c279327ff5c0c12b38f140dda60d759","headers":[["x-user","batch"]]}]},
                "signed_requests":{"max_age_seconds":4000000000,
                    "keys":[{"id":"till","secret":"KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=","headers":[["x-user","till"]]}]}}"#,
        )
        .request(forged(get("/cart")).header("x-api-key", "b4tch-key"))
        .request(get("/cart").header("x-api-key", "b4tch-ke"))
        .request(get("/cart").header("x-api-key", "b4tch-key").header("x-api-key", "b4tch-key"))
        .request(post("/cart").header("x-api-key", "b4tch-key").chunked(&["a"]).trailer("x-user", "root").trailer("x-sum", "1"))
        .request(by_till(&["one ", "apple"]))
        .request(by_till(&["two apples"])),
        auth("auth-refuses-a-configuration", &["LIF-13"], r#"{"jwt":[{"issuer":"a","audiences":[]}]}"#).only_loads(),
    ]
}

/// A request that is signed with the body "one apple".
fn by_till(body: &[&str]) -> Request {
    post("/till?id=1")
        .header("content-digest", "sha-256=:/SdZVcTnPuOSNdgy+C5xFkIDjFMtpyqyhpeEKqGI1ZU=:")
        .header(
            "signature-input",
            r#"s=("@method" "@authority" "@path" "@query" "content-digest");created=1600000000;keyid="till""#,
        )
        .header("signature", "s=:fE03B+s0E4Q5s0h6a4NLNjef8w3CWGj4d968SImFq+I=:")
        .body(body)
}
