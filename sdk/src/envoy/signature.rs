use crate::abi::protobuf::{Field, Message, fields};
use crate::{Context, ForeignError, Status};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

/// A function that makes the digest which is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hash {
    /// Broken: for old signatures only.
    Sha1,
    /// 224 bits.
    Sha224,
    /// 256 bits.
    Sha256,
    /// 384 bits.
    Sha384,
    /// 512 bits.
    Sha512,
}

impl Hash {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// A key, of RSA (signatures as PKCS #1 v1.5 has them) or of an elliptic curve (ECDSA, signatures in DER): public keys as SubjectPublicKeyInfo, private ones as
/// PKCS #8.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    /// In DER, as binary data.
    Der(&'a [u8]),
    /// In PEM: `-----BEGIN PUBLIC KEY-----`.
    Pem(&'a str),
}

/// What is secret is not shown.
impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Der(_) => "Key::Der(…)",
            Self::Pem(_) => "Key::Pem(…)",
        })
    }
}

/// A signature was not verified, or not made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The proxy does not have the function, or there is no key.
    Foreign(ForeignError),
    /// The signature is none of this text by this key, or the key cannot be used; in the proxy's words.
    Refused(Box<str>),
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(error) => error.fmt(f),
            Self::Refused(why) => write!(f, "the proxy refuses the signature or the key: {why}"),
        }
    }
}

impl core::error::Error for SignatureError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Foreign(error) => Some(error),
            Self::Refused(_) => None,
        }
    }
}

impl From<ForeignError> for SignatureError {
    fn from(error: ForeignError) -> Self {
        Self::Foreign(error)
    }
}

/// Checks that `signature` is one of `text` by the owner of the public key (FOR-14). `Ok` alone means that it is: pass on any error by `?`, and
/// the request fails closed.
///
/// ```
/// use proxy_filter::envoy::{Hash, Key, verify_signature};
/// use proxy_filter::prelude::*;
/// fn check(http: &RequestHeaders<'_>, key: &str) -> Result<()> {
///     let signature = http.headers().get("x-signature")?.or_reply(|| LocalReply::new(401))?;
///     let path = http.path()?.or_reply(|| LocalReply::new(400))?;
///     verify_signature(http, Key::Pem(key), Hash::Sha256, &signature, &path).or_reply(|| LocalReply::new(401))
/// }
/// ```
///
/// # Errors
/// - [`SignatureError::Refused`]: it is not, or the key is none.
/// - [`SignatureError::Foreign`]: `BAD_ARGUMENT` without a key; `NOT_FOUND` where the proxy has no such function.
pub fn verify_signature(
    context: &Context,
    key: Key<'_>,
    hash: Hash,
    signature: impl AsRef<[u8]>,
    text: impl AsRef<[u8]>,
) -> Result<(), SignatureError> {
    let message = Message::new().bytes(1, hash.name().as_bytes()).bytes(3, signature.as_ref()).bytes(4, text.as_ref());
    let message = match key {
        Key::Der(key) => message.bytes(2, key),
        Key::Pem(key) => message.bytes(5, key.as_bytes()),
    };
    ask(context, "verify_signature", message, 2).map(drop)
}

/// Signs a text with a private key (FOR-14).
///
/// A key in a configuration can be read by everybody who reads the configuration, or the memory of the VM.
///
/// # Errors
/// As [`verify_signature`].
pub fn sign(context: &Context, key: Key<'_>, hash: Hash, text: impl AsRef<[u8]>) -> Result<Vec<u8>, SignatureError> {
    let message = Message::new().bytes(1, hash.name().as_bytes()).bytes(3, text.as_ref());
    let message = match key {
        Key::Der(key) => message.bytes(2, key),
        Key::Pem(key) => message.bytes(4, key.as_bytes()),
    };
    ask(context, "sign", message, 3)
}

/// Reads `{ result = 1, signature = 2, error = 3 }`, or `{ result = 1, error = 2 }`.
fn ask(context: &Context, function: &str, message: Message, error_field: u32) -> Result<Vec<u8>, SignatureError> {
    let answer = context.call_foreign_function(function, message.into_bytes())?;
    let (mut good, mut signature, mut error) = (false, Vec::new(), Vec::new());
    for field in fields(&answer) {
        match field {
            Ok((1, Field::Varint(value))) => good = value != 0,
            Ok((number, Field::Bytes(bytes))) if number == error_field => error = bytes.to_vec(),
            Ok((2, Field::Bytes(bytes))) => signature = bytes.to_vec(),
            Ok(_) => {}
            Err(_) => return Err(ForeignError { function: function.into(), status: Status::ResultMismatch }.into()),
        }
    }
    if good { Ok(signature) } else { Err(SignatureError::Refused(String::from_utf8_lossy(&error).into())) }
}
