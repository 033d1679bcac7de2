//! Whose behaviour the mock proxy shows: Envoy's, or the letter of the specification.

/// Whose behaviour a mock proxy shows; set by [`Builder::profile`](crate::Builder::profile).
///
/// Envoy is what filters run in, and where it differs from the specification of Proxy-Wasm filters must be written for Envoy. A filter that
/// is meant for other proxies too is well tested in both: what passes under each does not depend on what they disagree about.
/// [`differences`](Self::differences) lists all of it; the rest is the same.
///
/// ```
/// use proxy_filter_test::abi::Callback;
/// use proxy_filter_test::{MockProxy, Profile, Spy};
///
/// let spy = Spy::new("spy");
/// let proxy = MockProxy::builder().plugin(spy.plugin()).profile(Profile::Spec).start()?;
/// proxy.send(http::Request::get("http://shop.example/").body("")?);
/// let last: Vec<_> = spy.callbacks().iter().rev().map(Callback::name).take(3).collect();
/// assert_eq!(last, ["proxy_on_delete", "proxy_on_log", "proxy_on_done"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// Envoy 1.40, row by row (`docs/envoy.md`).
    #[default]
    Envoy,
    /// The letter of Proxy-Wasm ABI v0.2.1, where it says something else.
    Spec,
}

/// Something that Envoy does otherwise than the specification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The row of `docs/envoy.md`.
    pub row: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// What Envoy does.
    pub envoy: &'static str,
    /// What the specification says.
    pub spec: &'static str,
    /// The section of the specification.
    pub section: &'static str,
}

impl Profile {
    /// What [`Profile::Envoy`] and [`Profile::Spec`] do differently: `docs/profiles.md` is made from it.
    pub const fn differences() -> &'static [Difference] {
        DIFFERENCES
    }
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        row: "SEQ-1",
        about: "the end of a stream",
        envoy: "`on_log` of all filters, then `on_done` and `on_delete` of each",
        spec: "`on_done`, `on_log`, `on_delete`",
        section: "proxy_on_log",
    },
    Difference {
        row: "SEQ-2",
        about: "a stream's `on_done` answers false",
        envoy: "it does not matter; `proxy_done` is `NOT_FOUND`",
        spec: "`on_log` and `on_delete` wait until `proxy_done`, which is `OK`",
        section: "proxy_on_done",
    },
    Difference {
        row: "SEQ-16",
        about: "the end of a stream for a filter that never saw its request",
        envoy: "its context is created for it, then told",
        spec: "nothing: there is no context",
        section: "proxy_on_context_create",
    },
    Difference {
        row: "ACT-1",
        about: "a headers callback pauses",
        envoy: "no callback for the body until it is continued, unless `allow_on_headers_stop_iteration` (ACT-5)",
        spec: "body callbacks come \"even when the processing is paused\"",
        section: "proxy_on_request_body",
    },
    Difference {
        row: "BUF-1",
        about: "a range whose end is over 2^32",
        envoy: "what there is of it",
        spec: "`BAD_ARGUMENT`",
        section: "proxy_get_buffer_bytes",
    },
    Difference {
        row: "BUF-4",
        about: "a buffer that is not there is read",
        envoy: "`OK`, and empty",
        spec: "`NOT_FOUND`",
        section: "proxy_get_buffer_bytes",
    },
    Difference {
        row: "BUF-6",
        about: "the VM configuration outside `on_vm_start`",
        envoy: "can be read everywhere",
        spec: "`NOT_FOUND`",
        section: "Buffers",
    },
    Difference {
        row: "BUF-12",
        about: "a write in the middle of a buffer",
        envoy: "`BAD_ARGUMENT`",
        spec: "puts in or replaces `size` bytes there",
        section: "proxy_set_buffer_bytes",
    },
    Difference {
        row: "BUF-13",
        about: "a buffer that is not there is written",
        envoy: "`BAD_ARGUMENT`",
        spec: "`NOT_FOUND`",
        section: "proxy_set_buffer_bytes",
    },
    Difference {
        row: "HDR-1",
        about: "request trailers in `on_log`",
        envoy: "are not there",
        spec: "can be read",
        section: "HTTP fields",
    },
    Difference {
        row: "HDR-3",
        about: "`proxy_get_header_map_size`",
        envoy: "the sum of the lengths of names and values",
        spec: "the size of the serialised map",
        section: "proxy_get_header_map_size",
    },
    Difference {
        row: "PRO-13",
        about: "a property of several parts, such as `a`, `b`, is set and read",
        envoy: "is never found",
        spec: "has the value that was set",
        section: "proxy_set_property",
    },
    Difference {
        row: "PRO-14",
        about: "a property of the proxy's own, such as `request.path`, is set and read",
        envoy: "has the proxy's value",
        spec: "has the value that was set",
        section: "proxy_set_property",
    },
];
