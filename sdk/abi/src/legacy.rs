//! What ABI 0.1.0 has in a form of its own, and what each version has in all.

use crate::hostcalls::wire_kind;
use crate::{AbiVersion, CALLBACKS, CallbackRow, HOSTCALLS, HostcallRow, Parameter, ReturnKind, WireKind};

/// Hands every hostcall that only ABI 0.1.0 has to the macro named `$with`; rows as in
/// [`for_each_hostcall!`](crate::for_each_hostcall).
#[macro_export]
macro_rules! for_each_legacy_hostcall {
    ($with:path) => {
        $with! {
            /// `proxy_continue_stream` of the request.
            ///
            /// Phases: as there. Source: CON-1.
            since V0_1_0 fn proxy_continue_request() -> ();

            /// `proxy_continue_stream` of the response.
            ///
            /// Phases: as there. Source: CON-1.
            since V0_1_0 fn proxy_continue_response() -> ();

            /// The foreign function `clear_route_cache`.
            ///
            /// Phases: as there. Source: FOR-13.
            since V0_1_0 fn proxy_clear_route_cache() -> ();

            /// `proxy_get_buffer_bytes` of the whole plugin configuration inside `proxy_on_configure`, of the VM configuration
            /// anywhere else.
            ///
            /// Phases: any. Source: BUF-6, BUF-7.
            since V0_1_0 fn proxy_get_configuration() -> (value: Bytes);
        }
    };
}

macro_rules! define_legacy {
    ($($(#[doc = $doc:literal])* since $since:ident fn $name:ident($($argument:ident: $ty:ident),*) -> ($($result:ident: $rty:ident),*);)*) => {
        /// The hostcalls that only ABI 0.1.0 has, as data.
        pub const LEGACY_HOSTCALLS: &[HostcallRow] = &[$(HostcallRow {
            name: stringify!($name),
            since: AbiVersion::$since,
            until: Some(AbiVersion::V0_1_0),
            doc: concat!($($doc, "\n",)*),
            arguments: &[$(Parameter { name: stringify!($argument), kind: wire_kind!($ty) }),*],
            results: &[$(Parameter { name: stringify!($result), kind: wire_kind!($rty) }),*],
        },)*];
    };
}

for_each_legacy_hostcall!(define_legacy);

/// The callbacks that have fewer arguments in ABI 0.1.0: header callbacks are not told of the end of the stream.
pub const LEGACY_CALLBACKS: &[CallbackRow] = &[
    CallbackRow {
        name: "proxy_on_request_headers",
        since: AbiVersion::V0_1_0,
        doc: " The request's headers came.\n",
        arguments: &["context_id", "num_headers"],
        returns: ReturnKind::Action,
    },
    CallbackRow {
        name: "proxy_on_response_headers",
        since: AbiVersion::V0_1_0,
        doc: " The response's headers came.\n",
        arguments: &["context_id", "num_headers"],
        returns: ReturnKind::Action,
    },
];

impl AbiVersion {
    /// The hostcall of this name, if this version has it.
    ///
    /// ```
    /// use proxy_filter_abi::AbiVersion;
    /// assert!(AbiVersion::V0_1_0.hostcall("proxy_continue_request").is_some());
    /// assert!(AbiVersion::V0_2_0.hostcall("proxy_continue_request").is_none());
    /// assert!(AbiVersion::V0_2_0.hostcall("proxy_get_log_level").is_none());
    /// ```
    pub fn hostcall(self, name: &str) -> Option<&'static HostcallRow> {
        let named = HOSTCALLS.iter().chain(LEGACY_HOSTCALLS).find(|row| row.name == name);
        named.filter(|row| row.since <= self && row.until.is_none_or(|last| self <= last))
    }

    /// The callback of this name with the arguments that it has in this version, if there is one.
    ///
    /// ```
    /// use proxy_filter_abi::AbiVersion;
    /// let arguments = |version: AbiVersion| version.callback("proxy_on_request_headers").unwrap().arguments.len();
    /// assert_eq!((arguments(AbiVersion::V0_1_0), arguments(AbiVersion::V0_2_0)), (2, 3));
    /// ```
    pub fn callback(self, name: &str) -> Option<&'static CallbackRow> {
        let legacy = if self == Self::V0_1_0 { LEGACY_CALLBACKS } else { &[] };
        legacy.iter().chain(CALLBACKS).find(|row| row.name == name).filter(|row| row.since <= self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn lif_1_each_version_has_its_own_hostcalls() {
        let count = |version: AbiVersion| {
            let all = HOSTCALLS.iter().chain(LEGACY_HOSTCALLS);
            all.filter(|row| version.hostcall(row.name).is_some()).count()
        };
        assert_eq!(AbiVersion::ALL.iter().map(|version| count(*version)).collect::<std::vec::Vec<_>>(), [40, 38, 39]);
    }

    #[test]
    fn a_legacy_callback_is_the_beginning_of_todays() {
        for row in LEGACY_CALLBACKS {
            let today = AbiVersion::V0_2_1.callback(row.name).unwrap();
            assert!(today.arguments.starts_with(row.arguments) && today.returns == row.returns, "{}", row.name);
        }
        assert!(AbiVersion::V0_1_0.callback("proxy_on_foreign_function").is_none());
    }
}
