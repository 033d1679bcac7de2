//! Tokens that were verified a moment ago: a client sends the same one again and again, and a signature costs far more than a hash.

use crate::identity::Identity;
use crate::jwks::KeySet;
use core::cell::RefCell;
use proxy_filter::prelude::*;
use sha2::{Digest, Sha256};

/// Each token has one place, where a later one takes it over: no more is kept, whatever clients send.
const PLACES: usize = 256;

pub(crate) struct Verified(RefCell<Vec<Option<Entry>>>);

/// A token by its SHA-256: two of the same are the same token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenHash([u8; 32]);

#[derive(Clone)]
struct Entry {
    token: TokenHash,
    keys: Rc<KeySet>,
    /// Which state of these keys verified it.
    version: u32,
    /// When it was verified, and when it expires, in seconds since the epoch.
    since: i64,
    until: i64,
    identity: Rc<Identity>,
}

impl TokenHash {
    pub(crate) fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    fn place(self) -> usize {
        let Self([first, ..]) = self;
        first.into()
    }
}

impl Verified {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(vec![None; PLACES]))
    }

    /// Whom a token is of that was verified, by keys that are still the same.
    pub(crate) fn find(&self, token: TokenHash, now: i64) -> Option<Rc<Identity>> {
        let entries = self.0.try_borrow().ok()?;
        let entry = entries.get(token.place())?.as_ref()?;
        let good = entry.token == token && entry.keys.version() == entry.version && (entry.since..entry.until).contains(&now);
        good.then(|| Rc::clone(&entry.identity))
    }

    pub(crate) fn remember(&self, token: TokenHash, keys: &Rc<KeySet>, since: i64, until: i64, identity: &Rc<Identity>) {
        let (keys, version, identity) = (Rc::clone(keys), keys.version(), Rc::clone(identity));
        if let Some(place) = self.0.try_borrow_mut().ok().as_mut().and_then(|entries| entries.get_mut(token.place())) {
            *place = Some(Entry { token, keys, version, since, until, identity });
        }
    }
}
