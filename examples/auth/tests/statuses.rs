//! Every hostcall that the filter makes answers every status, once and always: nothing traps.

mod signed;

use base64ct::{Base64, Encoding};
use proxy_filter_test::{Cluster, StatusTable, TestResult, both_vms};
use serde_json::json;
use sha2::{Digest, Sha256};
use signed::*;
use std::time::Duration;

both_vms! {
    fn every_status_of_every_hostcall(vm) -> TestResult {
        let mut issuer = issuer(&[secret_key()]);
        issuer["jwks"] = json!({"cluster": "accounts", "path": "/jwks.json"});
        let digest: String = Sha256::digest("key").iter().map(|byte| format!("{byte:02x}")).collect();
        let config = json!({
            "jwt": [issuer],
            "api_keys": {"keys": [{"id": "batch", "sha256": digest, "headers": [["x-user", "batch"]]}]},
            "signed_requests": {"covers": [], "max_age_seconds": 1_000_000, "keys": [{"id": "till", "secret": Base64::encode_string(&[42; 32])}]},
        });
        let keys = || Cluster::from(http::Response::new(json!({"keys": [ed_key()]}).to_string())).latency(Duration::from_millis(5));
        let good = signed(r#"{"alg":"HS256","kid":"hs"}"#, claims_with("exp", NOW + 1_000_000).to_string(), hs256);
        let unknown = signed(r#"{"alg":"EdDSA","kid":"new"}"#, claims_with("exp", NOW + 1_000_000).to_string(), eddsa);
        let input = format!(r#"("content-digest");created={NOW};keyid="till""#);
        let body = Base64::encode_string(&Sha256::digest("one apple"));
        let base = format!("\"content-digest\": sha-256=:{body}:\n\"@signature-params\": {input}");
        let tag = Base64::encode_string(&hmac(&[42; 32], base.as_bytes()));
        let table = StatusTable::run(
            || builder(vm, config.clone()).set_cluster("accounts", keys()),
            |proxy| {
                proxy.send(bearer(&good).with_header("x-user", "root").chunk("a").trailer("x-user", "root"));
                proxy.send(bearer(&unknown));
                proxy.send(get("/").with_header("x-api-key", "key").with_header("x-user", "root"));
                proxy.send(get("/"));
                let signed = get("/").with_header("content-digest", format!("sha-256=:{body}:")).with_header("signature-input", format!("s={input}"));
                proxy.send(signed.with_header("signature", format!("s=:{tag}:")).chunk("one apple"));
                proxy.advance(Duration::from_secs(11));
                Ok(())
            },
        )?;
        println!("{table}");
        for hostcall in [
            "proxy_get_header_map_pairs", "proxy_get_current_time_nanoseconds", "proxy_replace_header_map_value",
            "proxy_remove_header_map_value", "proxy_send_local_response", "proxy_get_buffer_bytes", "proxy_http_call",
        ] {
            assert!(table.hostcalls().contains(hostcall), "{hostcall} did not fail in every way:\n{table}");
        }
        Ok(())
    }
}
