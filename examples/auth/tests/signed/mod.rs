//! An issuer for the tests: its keys, which are those of the examples in RFC 7515, 7520 and 8037, and what it signs with them.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

use auth::PLUGINS;
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Signer;
use proxy_filter_test::{Builder, Exchange, Message, MockProxy, Refused, VmKind};
use rsa::BigUint;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use std::time::Duration;

pub const NOW: u64 = 1_800_000_000;
pub const ISSUER: &str = "https://accounts.example";

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

pub fn decode(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).expect("base64url")
}

/// RFC 7520, 3.4.
const N: &str = "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw";
const D: &str = "bWUC9B-EFRIo8kpGfh0ZuyGPvMNKvYWNtB_ikiH9k20eT-O1q_I78eiZkpXxXQ0UTEs2LsNRS-8uJbvQ-A1irkwMSMkK1J3XTGgdrhCku9gRldY7sNA_AKZGh-Q661_42rINLRCe8W-nZ34ui_qOfkLnK9QWDDqpaIsA-bMwWWSDFu2MUBYwkHTMEzLYGqOe04noqeq1hExBTHBOBdkMXiuFhUq1BU6l-DqEiWxqg82sXt2h-LMnT3046AOYJoRioz75tSUQfGCshWTBnP5uDjd18kKhyv07lhfSJdrPdM5Plyl21hsFf4L_mHCuoFau7gdsPfHPxxjVOcOpBrQzwQ";
const P: &str = "3Slxg_DwTXJcb6095RoXygQCAZ5RnAvZlno1yhHtnUex_fp7AZ_9nRaO7HX_-SFfGQeutao2TDjDAWU4Vupk8rw9JR0AzZ0N2fvuIAmr_WCsmGpeNqQnev1T7IyEsnh8UMt-n5CafhkikzhEsrmndH6LxOrvRJlsPp6Zv8bUq0k";
const Q: &str = "uKE2dh-cTf6ERF4k4e_jy78GfPYUIaUyoSSJuBzp3Cubk3OCqs6grT8bR_cu0Dm1MZwWmtdqDyI95HrUeq3MP15vMMON8lHTeZu2lmKvwqW7anV5UzhM1iZ7z4yMkuUwFWoBvyY898EXvRD-hdqRxHlSqAZ192zB3pVFJ0s7pFc";
/// RFC 7515, A.1.
const SECRET: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

pub fn rsa_key() -> Value {
    json!({"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": N, "e": "AQAB"})
}

/// RFC 7515, A.3.
pub fn ec_key() -> Value {
    let (x, y) = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    json!({"kty": "EC", "kid": "ec", "crv": "P-256", "x": x, "y": y})
}

/// RFC 8037, A.1.
pub fn ed_key() -> Value {
    json!({"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

pub fn secret_key() -> Value {
    json!({"kty": "oct", "kid": "hs", "k": SECRET})
}

fn number(text: &str) -> BigUint {
    BigUint::from_bytes_be(&decode(text))
}

/// What the owner of the RSA key makes of any number: a signature, when it is padded as one.
pub fn rsa_power(padded: &[u8]) -> Vec<u8> {
    let signature = BigUint::from_bytes_be(padded).modpow(&number(D), &number(N)).to_bytes_be();
    [vec![0; 256 - signature.len()], signature].concat()
}

pub fn rsa_modulus() -> Vec<u8> {
    decode(N)
}

pub fn rs256(signed: &[u8]) -> Vec<u8> {
    static KEY: LazyLock<rsa::RsaPrivateKey> = LazyLock::new(|| {
        let primes = vec![number(P), number(Q)];
        rsa::RsaPrivateKey::from_components(number(N), BigUint::from(65537_u32), number(D), primes).expect("a key")
    });
    let prefix =
        [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
    KEY.sign(rsa::Pkcs1v15Sign { hash_len: Some(32), prefix: prefix.into() }, &Sha256::digest(signed)).expect("a signature")
}

pub fn es256(signed: &[u8]) -> Vec<u8> {
    let secret = decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
    let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from_slice(&secret).expect("a key").sign(signed);
    signature.to_bytes().to_vec()
}

pub fn eddsa(signed: &[u8]) -> Vec<u8> {
    use ed25519_dalek::Signer;
    let secret = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    ed25519_dalek::SigningKey::from_bytes(&secret.try_into().expect("32 bytes")).sign(signed).to_bytes().to_vec()
}

pub fn hmac(secret: &[u8], signed: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(secret).expect("a key").chain_update(signed).finalize().into_bytes().to_vec()
}

pub fn hs256(signed: &[u8]) -> Vec<u8> {
    hmac(&decode(SECRET), signed)
}

pub type Sign = fn(&[u8]) -> Vec<u8>;

/// How each algorithm of the issuer signs, and the `kid` of its key.
pub const ALGORITHMS: [(&str, &str, Sign); 4] =
    [("RS256", "rsa", rs256), ("ES256", "ec", es256), ("EdDSA", "ed", eddsa), ("HS256", "hs", hs256)];

/// A token of any header and payload.
pub fn signed(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// A token of these claims, which the issuer has signed by ES256 as it should.
pub fn token(claims: &Value) -> String {
    signed(r#"{"alg":"ES256","typ":"JWT","kid":"ec"}"#, claims.to_string(), es256)
}

pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "shop", "sub": "ann", "iat": NOW, "nbf": NOW, "exp": NOW + 600,
        "scope": "cart:read cart:write", "org": {"id": 7}, "roles": ["buyer", "editor"], "admin": false,
    })
}

/// The claims, one of them another.
pub fn claims_with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

pub fn claims_without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

/// An issuer with these keys.
pub fn issuer(keys: &[Value]) -> Value {
    json!({
        "issuer": ISSUER, "audiences": ["shop", "cart"], "keys": {"keys": keys},
        "claims_to_headers": [["x-user", "sub"], ["x-org", ["org", "id"]], ["x-roles", "roles"], ["x-admin", "admin"]],
    })
}

pub fn config() -> Value {
    json!({"realm": "shop", "jwt": [issuer(&[rsa_key(), ec_key(), ed_key(), secret_key()])]})
}

pub fn builder(vm: VmKind, config: impl Into<Value>) -> Builder {
    MockProxy::builder().plugin(vm.plugin(&PLUGINS, "auth").config(config.into())).time(Duration::from_secs(NOW))
}

pub fn proxy(vm: VmKind, config: impl Into<Value>) -> Result<MockProxy, Refused> {
    builder(vm, config).start()
}

pub fn get(path: &str) -> Message {
    Message::new([(":authority", "shop.example"), (":path", path), (":method", "GET"), (":scheme", "http")])
}

pub fn bearer(token: &str) -> Message {
    get("/cart").with_header("authorization", format!("Bearer {token}"))
}

/// The values of a header as the upstream has got them.
pub fn told(exchange: &Exchange, name: &str) -> Vec<String> {
    let upstream = exchange.raw_upstream_request().expect("it should reach the upstream");
    let named = upstream.headers().iter().filter(|(key, _)| key == name);
    named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}

/// The challenges of a reply.
pub fn challenges(exchange: &Exchange) -> Vec<String> {
    let response = exchange.response();
    let values = response.headers().get_all("www-authenticate").into_iter().map(|value| value.to_str().map(ToOwned::to_owned));
    values.collect::<Result<_, _>>().expect("text")
}

/// What the plugin logs of a configuration that it refuses.
pub fn refusal(vm: VmKind, config: impl Into<Value>) -> String {
    let refused = proxy(vm, config).expect_err("it should be refused");
    refused.log().iter().map(ToString::to_string).collect()
}

/// The filter with this configuration answers 401 to the token, and says this of it.
#[track_caller]
pub fn refuses_under(vm: VmKind, config: &Value, token: &str, because: &str) {
    let proxy = proxy(vm, config.clone()).expect("the configuration is good");
    let exchange = proxy.send(bearer(token));
    assert!(!exchange.reached_upstream(), "it passes: {token}");
    assert_eq!((exchange.response().status().as_u16(), exchange.details()), (401, format!("auth_token_{because}")), "{token}");
    let [challenge] = &*challenges(&exchange) else { panic!("one challenge") };
    assert!(challenge.starts_with(r#"Bearer realm="shop", error="invalid_token", error_description=""#), "{challenge}");
    let body = String::from_utf8_lossy(exchange.response().body()).into_owned();
    assert!(token.split('.').all(|part| part.len() < 8 || !body.contains(part)), "{body}");
}

#[track_caller]
pub fn refuses(vm: VmKind, token: &str, because: &str) {
    refuses_under(vm, &config(), token, because);
}

pub const ES256: &str = r#"{"alg":"ES256","kid":"ec"}"#;

pub fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of those who sign requests.
pub const SHARED_SECRET: [u8; 32] = [42; 32];

/// Every kind of credential, and rules.
pub fn all_schemes() -> Value {
    json!({
        "realm": "shop",
        "jwt": [issuer(&[rsa_key(), ec_key()])],
        "api_keys": {"keys": [
            {"id": "batch", "sha256": sha256("b4tch-key"), "headers": [["x-user", "batch"]], "scopes": ["cart:read"]},
            {"id": "other", "sha256": sha256("other-key")},
        ]},
        "signed_requests": {"keys": [{"id": "till", "secret": Base64::encode_string(&SHARED_SECRET), "headers": [["x-user", "till"]]}]},
        "rules": [
            {"prefix": "/health", "open": true},
            {"prefix": "/cart", "methods": ["GET", "HEAD"], "scopes": ["cart:read"]},
            {"prefix": "/admin", "accept": ["jwt"], "scopes": ["admin", "audit"]},
        ],
    })
}
