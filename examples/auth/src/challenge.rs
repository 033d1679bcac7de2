//! What is answered to a request that does not pass: 400, 401, 403 or 503, with the challenges of RFC 9110 (11.6.1) and RFC 6750 (3).

use crate::jwt::Refused;
use crate::message_signature::Unsigned;
use crate::rules::Scheme;
use proxy_filter::prelude::*;

/// Why a request does not pass.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It can be read in two ways.
    Path,
    /// The credential is there more than once.
    Twice(Scheme),
    /// It brings credentials of several kinds.
    Several,
    NoCredentials,
    Token(Refused),
    ApiKey,
    Signature(Unsigned),
    /// It is known whom it is from, and that is not enough.
    Scope(Scheme),
    /// The issuer's keys could not be had yet; they are tried again after so many seconds.
    NoKeys(u32),
}

impl Denied {
    /// The answer where these are accepted, with these scopes; nothing in it comes from the request.
    pub(crate) fn reply(&self, realm: &str, accept: &[Scheme], scopes: &[String]) -> LocalReply {
        let (status, scheme, error, (details, text)) = match self {
            Self::Path => (400, None, "", ("path", "the path can be read in more than one way")),
            Self::Twice(scheme) => (400, Some(*scheme), "invalid_request", ("twice", "a credential is there more than once")),
            Self::Several => (400, None, "invalid_request", ("several", "there are credentials of several kinds: send one")),
            Self::NoCredentials => (401, None, "", ("no_credentials", "a credential is needed")),
            Self::Token(refused) => (401, Some(Scheme::Jwt), "invalid_token", refused.told()),
            Self::ApiKey => (401, Some(Scheme::ApiKey), "", ("api_key", "the API key is not known")),
            Self::Signature(unsigned) => (401, Some(Scheme::Signature), "", unsigned.told()),
            Self::Scope(scheme) => (403, Some(*scheme), "insufficient_scope", ("scope", "a scope is missing")),
            Self::NoKeys(_) => (503, None, "", ("no_keys", "the keys to verify tokens with are not here yet")),
        };
        let mut reply = LocalReply::new(status).details(format!("auth_{details}")).body(text);
        if let Self::NoKeys(seconds) = self {
            return reply.header("retry-after", seconds.to_string());
        }
        for one in accept {
            let challenge = match one {
                Scheme::Jwt => "Bearer",
                Scheme::ApiKey => "ApiKey",
                Scheme::Signature => "Signature",
            };
            let mut challenge = format!("{challenge} realm=\"{realm}\"");
            // The errors of RFC 6750 are of tokens alone.
            if *one == Scheme::Jwt && !error.is_empty() && scheme.is_none_or(|scheme| scheme == *one) {
                challenge.push_str(&format!(", error=\"{error}\", error_description=\"{}\"", text.replace('`', "'")));
                if status == 403 {
                    challenge.push_str(&format!(", scope=\"{}\"", scopes.join(" ")));
                }
            }
            reply = reply.header("www-authenticate", challenge);
        }
        reply
    }
}
