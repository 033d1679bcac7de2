//! Keys as RFC 7517 writes them (JWK), each with the one algorithm that it is for: what a token says about its algorithm is never
//! what chooses how it is verified.

use crate::json::Value;
use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Verifier;
use proxy_filter::prelude::*;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256};

/// The signature algorithms that are verified: of RFC 7518, and of RFC 8037 (RFC 9864 calls it `Ed25519`).
#[derive(Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub(crate) enum Algorithm {
    HS256,
    RS256,
    ES256,
    EdDSA,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 4] = [Self::HS256, Self::RS256, Self::ES256, Self::EdDSA];

    /// Names are case-sensitive (RFC 7515, 4.1.1); there is none for `none`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::HS256),
            "RS256" => Some(Self::RS256),
            "ES256" => Some(Self::ES256),
            "EdDSA" | "Ed25519" => Some(Self::EdDSA),
            _ => None,
        }
    }
}

/// Where a key was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Configuration,
    /// What everybody can read holds no secrets.
    Published,
}

pub(crate) struct Key {
    id: Option<String>,
    material: Material,
}

enum Material {
    Secret(Vec<u8>),
    Rsa(rsa::RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

/// As RFC 7518 (3.3) asks for.
const LEAST_RSA_BITS: usize = 2048;
/// Beyond it a token costs too much.
const MOST_RSA_BITS: usize = 4096;
/// What all use; smaller ones have been attacked again and again.
const LEAST_RSA_EXPONENT: u32 = 65537;
/// As long as the hash (RFC 7518, 3.2): a shorter one is found by trying.
pub(crate) const LEAST_SECRET_BYTES: usize = 32;

impl Key {
    /// # Errors
    /// Why it is no key to verify with. What it holds is not repeated.
    pub(crate) fn from_jwk(jwk: &Value, source: Source) -> Result<Self, &'static str> {
        let text = |name| match jwk.get(name) {
            Some(value) => value.as_text().ok_or("a member that must be text is not").map(Some),
            None => Ok(None),
        };
        let needed = |name| text(name)?.ok_or("a member that its `kty` needs is missing");
        if !matches!(text("use")?, None | Some("sig")) {
            return Err("its `use` is not \"sig\"");
        }
        match jwk.get("key_ops") {
            None => {}
            Some(Value::List(uses)) if uses.iter().any(|word| word.as_text() == Some("verify")) => {}
            Some(_) => return Err("its `key_ops` do not have \"verify\""),
        }
        if ["d", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|name| jwk.get(name).is_some()) {
            return Err("it is a private key: only the public part belongs here");
        }
        let material = match needed("kty")? {
            "oct" if source == Source::Published => return Err("it is a secret that everybody can read"),
            "oct" => Material::secret(&bytes(needed("k")?)?)?,
            "RSA" => Material::rsa(&bytes(needed("n")?)?, &bytes(needed("e")?)?)?,
            "EC" if needed("crv")? == "P-256" => Material::p256(&bytes(needed("x")?)?, &bytes(needed("y")?)?)?,
            "EC" => return Err("its `crv` is not \"P-256\""),
            "OKP" if needed("crv")? == "Ed25519" => Material::ed25519(&bytes(needed("x")?)?)?,
            "OKP" => return Err("its `crv` is not \"Ed25519\""),
            _ => return Err("its `kty` is none of \"oct\", \"RSA\", \"EC\", \"OKP\""),
        };
        let key = Self { id: text("kid")?.map(ToOwned::to_owned), material };
        match text("alg")? {
            Some(name) if Algorithm::from_name(name) != Some(key.algorithm()) => {
                Err("its `alg` is another than HS256, RS256, ES256, EdDSA for its `kty`")
            }
            _ => Ok(key),
        }
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Secret(_) => Algorithm::HS256,
            Material::Rsa(_) => Algorithm::RS256,
            Material::P256(_) => Algorithm::ES256,
            Material::Ed25519(_) => Algorithm::EdDSA,
        }
    }

    /// Whether the owner of this key has signed it.
    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(secret) => hmac_sha256(secret, signed, signature),
            Material::Rsa(key) => {
                let scheme = rsa::Pkcs1v15Sign { hash_len: Some(32), prefix: SHA256_IN_PKCS1.into() };
                key.verify(scheme, &Sha256::digest(signed), signature).is_ok()
            }
            Material::P256(key) => match p256::ecdsa::Signature::from_slice(signature) {
                Ok(signature) => key.verify(signed, &signature).is_ok(),
                Err(_) => false,
            },
            Material::Ed25519(key) => match ed25519_dalek::Signature::from_slice(signature) {
                Ok(signature) => key.verify_strict(signed, &signature).is_ok(),
                Err(_) => false,
            },
        }
    }
}

/// Compares in constant time.
pub(crate) fn hmac_sha256(secret: &[u8], signed: &[u8], tag: &[u8]) -> bool {
    Hmac::<Sha256>::new_from_slice(secret).is_ok_and(|mac| mac.chain_update(signed).verify_slice(tag).is_ok())
}

/// What stands before the digest of SHA-256 in a signature (RFC 8017, 9.2, note 1).
const SHA256_IN_PKCS1: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

impl Material {
    fn secret(secret: &[u8]) -> Result<Self, &'static str> {
        if secret.len() < LEAST_SECRET_BYTES {
            return Err("its `k` has less than 32 bytes, which HS256 needs: make one with `openssl rand 32`");
        }
        Ok(Self::Secret(secret.to_vec()))
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, &'static str> {
        if modulus.last().is_none_or(|byte| byte % 2 == 0) {
            return Err("its `n` is even");
        }
        let key = rsa::RsaPublicKey::new(rsa::BigUint::from_bytes_be(modulus), rsa::BigUint::from_bytes_be(exponent));
        let key = key.map_err(|_| "its `n` and `e` are no RSA key of at most 4096 bits")?;
        if !(LEAST_RSA_BITS..=MOST_RSA_BITS).contains(&key.n().bits()) {
            return Err("its `n` has less than 2048 or more than 4096 bits");
        }
        if *key.e() < rsa::BigUint::from(LEAST_RSA_EXPONENT) {
            return Err("its `e` is less than 65537");
        }
        Ok(Self::Rsa(key))
    }

    fn p256(x: &[u8], y: &[u8]) -> Result<Self, &'static str> {
        if x.len() != 32 || y.len() != 32 {
            return Err("its `x` and `y` must have 32 bytes each");
        }
        let point = [&[4], x, y].concat();
        p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).map(Self::P256).map_err(|_| "its `x` and `y` are no point of P-256")
    }

    fn ed25519(x: &[u8]) -> Result<Self, &'static str> {
        let x = x.try_into().map_err(|_| "its `x` must have 32 bytes")?;
        match ed25519_dalek::VerifyingKey::from_bytes(x) {
            Ok(key) if !key.is_weak() => Ok(Self::Ed25519(key)),
            _ => Err("its `x` is no point of Ed25519, or one that signs everything"),
        }
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| "a member is not base64url without padding")
}
