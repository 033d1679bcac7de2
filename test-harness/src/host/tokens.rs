//! The numbers by which a VM names its callouts (CAL-6): the low two bits say of which kind one is.

use std::cell::Cell;

/// A kind of callout.
#[allow(dead_code, reason = "gRPC's are still to come")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CalloutKind {
    HttpCall,
    GrpcCall,
    GrpcStream,
}

/// What a VM gives its next callouts: each kind counts by itself.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    given: [Cell<u32>; 3],
}

impl CalloutKind {
    #[allow(dead_code, reason = "gRPC's hostcalls ask it")]
    /// That of a token; the last two bits may be of none.
    pub(crate) fn of(token: u32) -> Option<Self> {
        [Self::HttpCall, Self::GrpcCall, Self::GrpcStream].into_iter().find(|kind| token & 3 == *kind as u32)
    }
}

impl Tokens {
    /// A new one: 4, 8, … for HTTP calls, 5, 9, … for gRPC calls, 6, 10, … for gRPC streams.
    pub(crate) fn next(&self, kind: CalloutKind) -> u32 {
        let given = &self.given[kind as usize];
        given.set(given.get().wrapping_add(4));
        given.get() | kind as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cal_6_each_kind_counts_by_itself_and_a_token_tells_its_kind() {
        use CalloutKind::{GrpcCall, GrpcStream, HttpCall};
        let tokens = Tokens::default();
        let given = [HttpCall, HttpCall, GrpcCall, GrpcStream, GrpcCall, HttpCall].map(|kind| (tokens.next(kind), kind));
        assert_eq!(given.map(|(token, _)| token), [4, 8, 5, 6, 9, 12]);
        assert!(given.into_iter().all(|(token, kind)| CalloutKind::of(token) == Some(kind)));
        assert_eq!(CalloutKind::of(7), None);
    }
}
