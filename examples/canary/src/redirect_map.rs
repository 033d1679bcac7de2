//! Thousands of redirects in two blocks of memory: their texts one behind the other, and a table of where each begins.

use crate::redirect::{Configured, Redirect, RedirectStatus, Source};
use core::fmt;
use hashbrown::HashTable;
use proxy_filter::prelude::*;
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use twox_hash::XxHash64;

/// Redirects by host and path. One that was read is sound: no two are for the same request, and none leads into a loop.
#[derive(Default)]
pub(crate) struct RedirectMap {
    texts: Vec<u8>,
    table: HashTable<Entry>,
    names_hosts: bool,
}

/// Where the texts of a redirect are (host, path and target in this order) and how it is answered.
struct Entry {
    start: u32,
    path_len: u16,
    target_len: u16,
    host_len: u8,
    keep_query: Option<bool>,
    status: Option<RedirectStatus>,
}

/// No browser follows many more.
const MOST_STEPS: usize = 10;

impl RedirectMap {
    /// The redirect of a request, if there is one: for its host, or for every host.
    pub(crate) fn find(&self, source: &Source<'_>) -> Option<Redirect<'_>> {
        let of_host = if source.host.is_empty() || !self.names_hosts { None } else { self.entry(source) };
        let entry = of_host.or_else(|| self.entry(&Source { host: Cow::Borrowed(b""), path: source.path }))?;
        Some(Redirect { target: entry.target(&self.texts), status: entry.status, keep_query: entry.keep_query })
    }

    /// Whether some are for one host only, so that requests are asked for theirs.
    pub(crate) fn names_hosts(&self) -> bool {
        self.names_hosts
    }

    fn entry(&self, source: &Source<'_>) -> Option<&Entry> {
        self.table.find(hash(source), |entry| entry.source(&self.texts) == *source)
    }

    fn insert(&mut self, configured: &Configured<'_>) -> Result<(), String> {
        let source = configured.source()?;
        if self.entry(&source).is_some() {
            return Err(format!("{source} stands there twice"));
        }
        let too_long = |_| format!("{source} is too long");
        let entry = Entry {
            start: self.texts.len().try_into().map_err(too_long)?,
            path_len: source.path.len().try_into().map_err(too_long)?,
            target_len: configured.to.len().try_into().map_err(too_long)?,
            host_len: source.host.len().try_into().map_err(too_long)?,
            keep_query: configured.keep_query,
            status: configured.status,
        };
        for text in [&source.host, source.path, configured.to.as_bytes()] {
            self.texts.extend_from_slice(text);
        }
        self.names_hosts |= !source.host.is_empty();
        self.table.insert_unique(hash(&source), entry, |entry| hash(&entry.source(&self.texts)));
        Ok(())
    }

    /// Follows each redirect from its own host, or from one that none names: a loop on any other host has a redirect of that host in it.
    fn check_loops(&self) -> Result<(), String> {
        for entry in &self.table {
            let first = entry.source(&self.texts);
            let way = || core::iter::successors(Some(first.clone()), |source| Some(self.find(source)?.leads_to(source)));
            if way().nth(MOST_STEPS).is_some_and(|last| self.find(&last).is_some()) {
                return Err(told(way()));
            }
        }
        Ok(())
    }
}

/// The way of requests that go in a loop, or too far.
fn told<'a>(way: impl Iterator<Item = Source<'a>>) -> String {
    let mut seen: Vec<Source<'a>> = Vec::new();
    let mut text = String::new();
    for source in way.take(MOST_STEPS + 1) {
        let arrow = if seen.is_empty() { "" } else { " -> " };
        text.push_str(&format!("{arrow}{source}"));
        if seen.contains(&source) {
            return format!("a loop: {text}");
        }
        seen.push(source);
    }
    format!("more than {MOST_STEPS} redirects in a row: {text} -> …")
}

impl Entry {
    fn source<'a>(&self, texts: &'a [u8]) -> Source<'a> {
        let (host, rest) = self.texts(texts).split_at_checked(self.host_len.into()).unwrap_or_default();
        Source { host: Cow::Borrowed(host), path: rest.get(..self.path_len.into()).unwrap_or_default() }
    }

    fn target<'a>(&self, texts: &'a [u8]) -> &'a [u8] {
        self.texts(texts).get(usize::from(self.host_len) + usize::from(self.path_len)..).unwrap_or_default()
    }

    fn texts<'a>(&self, texts: &'a [u8]) -> &'a [u8] {
        let len = usize::from(self.host_len) + usize::from(self.path_len) + usize::from(self.target_len);
        texts.get(self.start as usize..).and_then(|texts| texts.get(..len)).unwrap_or_default()
    }
}

fn hash(source: &Source<'_>) -> u64 {
    let path = XxHash64::oneshot(0, source.path);
    if source.host.is_empty() { path } else { XxHash64::oneshot(path, &source.host) }
}

/// Each redirect goes into the map as it is read, so that the configuration is never there a second time.
impl<'de> Deserialize<'de> for RedirectMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = RedirectMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of redirects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RedirectMap, A::Error> {
                let refuse = |reason| A::Error::custom(format!("redirects: {reason}"));
                let mut map = RedirectMap::default();
                while let Some(configured) = list.next_element::<Configured<'de>>()? {
                    map.insert(&configured).map_err(refuse)?;
                }
                map.check_loops().map_err(refuse)?;
                map.texts.shrink_to_fit();
                Ok(map)
            }
        }

        deserializer.deserialize_seq(Read)
    }
}
