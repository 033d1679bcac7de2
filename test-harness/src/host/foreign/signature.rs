//! `verify_signature` and `sign` (FOR-14, FOR-20), as far as they need no cryptography, which the mock proxy does not carry: a test gives its
//! own functions for them.

use super::{Answer, VmHost};
use proxy_filter_abi::Status;
use proxy_filter_abi::protobuf::{Field, Message, fields};

const HASHES: &[&str] = &["sha1", "sha224", "sha256", "sha384", "sha512"];

/// Where the two messages have a key in PEM, and their answers an error; and what that is for a key that is none.
struct Form {
    function: &'static str,
    pem: u32,
    error: u32,
    no_key: &'static str,
}

pub(super) fn verify(host: &VmHost, arguments: &[u8]) -> Answer {
    answer(
        host,
        arguments,
        &Form { function: "verify_signature", pem: 5, error: 2, no_key: "Failed to initialize digest verify." },
    )
}

pub(super) fn sign(host: &VmHost, arguments: &[u8]) -> Answer {
    answer(
        host,
        arguments,
        &Form { function: "sign", pem: 4, error: 3, no_key: "Invalid key type: private key required for signing operation." },
    )
}

fn answer(host: &VmHost, arguments: &[u8], form: &Form) -> Answer {
    let [mut hash, mut der, mut pem] = [&[][..]; 3];
    for field in fields(arguments) {
        match field {
            Ok((1, Field::Bytes(name))) => hash = name,
            Ok((2, Field::Bytes(key))) => der = key,
            Ok((number, Field::Bytes(key))) if number == form.pem => pem = key,
            Ok(_) => {}
            Err(_) => return Err(host.refuse(format!("these are no arguments of {}", form.function), Status::BadArgument)),
        }
    }
    if der.is_empty() == pem.is_empty() {
        return Err(host.refuse("one key is needed, in DER or in PEM", Status::BadArgument));
    }
    if !HASHES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(hash)) {
        return Ok(Message::new().bytes(form.error, &[hash, b" is not supported."].concat()).into_bytes());
    }
    // A SEQUENCE, or the armour of PEM.
    if !der.starts_with(&[0x30]) && !pem.starts_with(b"-----BEGIN") {
        return Ok(Message::new().bytes(form.error, form.no_key.as_bytes()).into_bytes());
    }
    let problem = format!(
        "the mock proxy has no cryptography: `Builder::foreign_function({:?}, …)` says in the test what the proxy would find",
        form.function
    );
    Err(host.refuse(problem, Status::Unimplemented))
}
