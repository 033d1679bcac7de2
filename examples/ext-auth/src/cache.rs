//! What the authorization service has said, in shared data: for all workers, for a while.
//!
//! Shared data is never deleted and cannot be listed (SHD-8), so the cache has so many places and no more: a request's is told by a hash of
//! its headers, and who comes later to a place replaces what is there. Nothing of a request stands in it, not even the hash: an
//! entry begins with a tag over the hash and all that follows, which only who brings the same headers can compute. So one comparison
//! tells what is another request's, was corrupted, or was put there by somebody else: a miss.

use crate::answer::{Answer, Verdict};
use crate::attributes::Attributes;
use crate::check;
use crate::config::{Caching, Service};
use proxy_filter::prelude::*;
use sha2::{Digest, Sha256};

pub(crate) struct Cache {
    allowed_ms: u64,
    denied_ms: u64,
    places: u64,
    most_bytes: usize,
    /// The headers that make two requests alike, and whether they must come from one client.
    key: Vec<String>,
    with_source: bool,
    /// The hash of a key, as far as it is the configuration's: a block of it, so that it is computed once.
    prefix: Sha256,
    upstream_headers: Vec<String>,
    client_headers: Vec<String>,
}

/// What a request is found by.
pub(crate) struct Key([u8; 32]);

const TAG: usize = 16;

impl Cache {
    pub(crate) fn new(config: &Caching, service: &Service, fingerprint: [u8; 32]) -> Self {
        let all_that_is_told = || {
            let always = [":method", ":scheme", ":authority", ":path"].map(ToString::to_string);
            always.into_iter().chain(service.request_headers.iter().cloned()).collect()
        };
        Self {
            allowed_ms: u64::from(config.allowed_ttl_s) * 1_000,
            denied_ms: u64::from(config.denied_ttl_s) * 1_000,
            places: config.entries.into(),
            most_bytes: config.max_entry_bytes as usize,
            key: config.key.clone().unwrap_or_else(all_that_is_told),
            with_source: service.source,
            prefix: Sha256::new_with_prefix(fingerprint).chain_update([0; 32]),
            upstream_headers: service.upstream_headers.clone(),
            client_headers: service.client_headers.clone(),
        }
    }

    pub(crate) fn key(&self, attributes: &Attributes) -> Key {
        let mut hash = self.prefix.clone();
        for name in &self.key {
            for value in attributes.values(name) {
                part(&mut hash, value);
            }
            // No part is so long: the next name begins here, so that no value can pass for another header's.
            hash.update(u32::MAX.to_le_bytes());
        }
        if let (true, Some(source)) = (self.with_source, &attributes.source) {
            part(&mut hash, source.ip.as_bytes());
            part(&mut hash, source.principal.as_bytes());
        }
        Key(hash.finalize().into())
    }

    pub(crate) fn get(&self, context: &Context, key: &Key) -> Option<Answer> {
        let stored = context.shared_data().get(self.place(key)?).ok()??.value;
        let (tag, rest) = stored.split_first_chunk::<TAG>()?;
        if *tag != key.tag(rest)? {
            return None;
        }
        let (until, message) = rest.split_first_chunk()?;
        let answer = check::response(message, &self.upstream_headers, &self.client_headers).ok()?;
        let left = u64::from_le_bytes(*until).checked_sub(now(context)?)?;
        // More than there ever was is left where the clock was set back.
        (1..=self.ttl(&answer)).contains(&left).then_some(answer)
    }

    /// Remembers an answer. That it could not be stored is no trouble of the request.
    pub(crate) fn put(&self, context: &Context, key: &Key, answer: &Answer) {
        let ttl = self.ttl(answer);
        if ttl == 0 || !answer.storable {
            return;
        }
        let (Some(now), Some(place)) = (now(context), self.place(key)) else { return };
        let rest = [&now.saturating_add(ttl).to_le_bytes()[..], &check::encode(answer)].concat();
        let Some(tag) = key.tag(&rest).filter(|_| TAG + rest.len() <= self.most_bytes) else { return };
        let _ = context.shared_data().set(place, [&tag[..], &rest].concat());
    }

    fn ttl(&self, answer: &Answer) -> u64 {
        match answer.verdict {
            Verdict::Allowed => self.allowed_ms,
            Verdict::Denied { .. } => self.denied_ms,
        }
    }

    /// Where a request's answer is, by a part of its hash that tells little of the rest.
    fn place(&self, key: &Key) -> Option<Vec<u8>> {
        let place = u64::from_le_bytes(*key.0.first_chunk()?).checked_rem(self.places)?;
        Some([b"ext_auth.cache.", &place.to_le_bytes()[..]].concat())
    }
}

impl Key {
    /// By the half of the hash that no place is told by: with a short answer that is one block of SHA-256.
    fn tag(&self, rest: &[u8]) -> Option<[u8; TAG]> {
        let secret = self.0.last_chunk::<TAG>()?;
        let hash: [u8; 32] = Sha256::new_with_prefix(secret).chain_update(rest).finalize().into();
        // Half of it: who has an entry cannot make a longer one of it.
        hash.first_chunk().copied()
    }
}

fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1).to_le_bytes());
    hash.update(bytes);
}

/// Milliseconds since the Unix epoch.
fn now(context: &Context) -> Option<u64> {
    u64::try_from(context.now().ok()?.as_millis()).ok()
}
