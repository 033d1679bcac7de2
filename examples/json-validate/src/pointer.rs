//! JSON pointers (RFC 6901).

use alloc::{format, string::String, string::ToString, vec::Vec};

/// Where a value is, as a way back to the document: written down only for an error.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    Document,
    Property(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    pub(crate) fn pointer(&self) -> String {
        match self {
            Self::Document => String::new(),
            Self::Property(parent, name) => format!("{}/{}", parent.pointer(), escaped(name)),
            Self::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}

/// A name as a step of a pointer.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The steps of a pointer that stands in the fragment of a URI, as that of `$ref` does: what is percent-encoded is decoded.
pub(crate) fn steps(fragment: &str) -> Option<Vec<String>> {
    let decoded = String::from_utf8(percent_decoded(fragment)?).ok()?;
    let pointer = decoded.strip_prefix('/')?;
    Some(pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~").to_string()).collect())
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                (digit()? << 4) | digit()?
            }
            byte => byte,
        });
    }
    Some(decoded)
}
