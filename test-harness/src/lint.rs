//! What a filter must never do: no status refuses it, and Envoy crashes, hangs, or sends something twice.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Severity {
    /// Envoy is gone, and all its connections with it. The test fails.
    Crash,
    /// A message is sent twice or broken, or a stream hangs. The test fails.
    Error,
    /// The filter's mistake shows in the exchange; it is only listed by [`MockProxy::findings`](crate::MockProxy::findings).
    Warning,
}

macro_rules! lints {
    ($($variant:ident $row:literal $severity:ident: $cause:literal => $consequence:literal; mend: $mend:literal)*) => {
        /// A mistake of which nothing warns a filter: the hostcall answers `OK`, and a real Envoy crashes, doubles, corrupts or hangs.
        ///
        /// A test in which one is found fails, unless it is a [warning](Severity::Warning) or
        /// [`Builder::allow`](crate::Builder::allow) says otherwise. Under [`Profile::Spec`](crate::Profile::Spec) those of Envoy's own (rows CON,
        /// CLO, LOC, HDR-26 and GRP-4) are not looked for.
        ///
        /// ```
        /// use proxy_filter_test::Lint;
        /// assert_eq!(Lint::ReplyAfterEnd.row(), "LOC-17");
        /// assert_eq!(Lint::ReplyAfterEnd.cause(), "local reply in `on_log`, `on_done`, `on_delete`");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Lint {
            $(#[doc = concat!($row, ": ", $cause, ". In Envoy: ", $consequence, ". The mend: ", $mend, ".")] $variant,)*
        }

        impl Lint {
            /// All of them, by how bad they are.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The row of `docs/envoy.md` that says what Envoy does.
            pub const fn row(self) -> &'static str {
                match self { $(Self::$variant => $row,)* }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What the filter did.
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause,)* }
            }

            /// What Envoy makes of it.
            pub const fn consequence(self) -> &'static str {
                match self { $(Self::$variant => $consequence,)* }
            }

            /// What to do instead.
            pub const fn mend(self) -> &'static str {
                match self { $(Self::$variant => $mend,)* }
            }
        }
    };
}

// In the words of docs/envoy.md, section "What crashes, doubles or hangs Envoy": a test compares them.
lints! {
    ReplyAfterEnd "LOC-17" Crash: "local reply in `on_log`, `on_done`, `on_delete`" => "crash";
        mend: "reply before the stream ends; observe only from `on_log` on"
    ReplyTwiceInResponse "LOC-20" Crash: "two local replies in one response callback, or in one of the root" => "crash";
        mend: "reply once, and return at once"
    CloseAfterEnd "CLO-5" Crash: "`close_stream` in `on_log`, `on_done`, `on_delete`" => "crash";
        mend: "there is nothing left to close"
    CloseInContextCreate "CLO-6" Crash: "`close_stream(0)` in `context_create`" => "crash";
        mend: "close in `request_headers`"
    CloseTwiceInResponse "CLO-8" Crash: "two `close_stream` in one response callback, or in one of the root" => "crash";
        mend: "close once, and return at once"
    ReplyThenCloseInResponse "LOC-28" Crash: "local reply, then `close_stream(0)`, in `response_headers`" => "crash";
        mend: "do one of the two"
    ContinueInResponseTrailers "CON-17" Crash: "`continue_stream(1)` in `response_trailers`, then return 0" => "crash";
        mend: "only return 0"
    ContinueResponseTooEarly "CON-13" Crash: "`continue_stream(1)` before there is a response" => "crash";
        mend: "continue the response only after its callback has paused it"
    CloseThenTrap "FAI-17" Crash: "`close_stream`, then a trap in the same callback" => "crash";
        mend: "return at once after the close"
    ReplyThenTrap "FAI-18" Crash: "local reply, then a trap in the same response callback" => "crash";
        mend: "return at once after the reply"
    FlatBuffersWithoutSchema "FOR-17" Crash: "reads a property declared as FlatBuffers without a schema, as `filter_state.wasm.NAME`" => "crash";
        mend: "declare bytes, a text or protobuf"
    GrpcWithoutTarget "GRP-4" Crash: "a gRPC service that is protobuf without a target, or empty" => "abort";
        mend: "pass a GrpcService message with a target"
    ContinueInRequestHeaders "CON-5" Error: "`continue_stream(0)` in `request_headers`, then return 0" => "request sent twice";
        mend: "only return 0; continue what is paused, from elsewhere"
    ContinueInContextCreate "CON-14" Error: "`continue_stream(0)` in `context_create`" => "request sent twice";
        mend: "there is nothing to continue yet"
    ContinueInResponseHeaders "CON-6" Error: "`continue_stream(1)` in `response_headers`, then return 0" => "headers sent twice";
        mend: "only return 0"
    TrailersAfterPausedBody "HDR-26" Error: "adds trailers at the end of a request body that it paused before" => "last chunk sent twice";
        mend: "add none, or do not pause"
    ReplyAndClose "LOC-21" Error: "local reply and `close_stream(0)`, before a response" => "client cut; a callback on a deleted context";
        mend: "do one of the two"
    CloseTwiceInRequest "CLO-7" Error: "two `close_stream` in one `request_headers`" => "log twice, client hangs";
        mend: "close once, and return at once"
    ContinueInRequestTrailers "CON-16" Error: "`continue_stream(0)` in `request_trailers`, then return 0" => "trailers sent twice";
        mend: "only return 0"
    ContinueAndPauseRequestHeaders "CON-15" Error: "`continue_stream(0)` in `request_headers` before a body, then return 1" => "body never sent";
        mend: "only return 0"
    ContinueAndPauseResponseHeaders "CON-7" Error: "`continue_stream(1)` in `response_headers`, then return 1" => "body never sent";
        mend: "only return 0"
    ReplyOnRoot "LOC-15" Error: "local reply in a stream's callback with the root effective" => "stream hangs";
        mend: "make the stream effective again before the reply"
    NeverContinued "ACT-8" Error: "pauses and never continues" => "stream hangs";
        mend: "continue or reply on every path; a timeout for each call that it waits for"
    CalloutNeverAnswered "CAL-3" Error: "calls without a timeout, and no answer comes" => "the call stays in flight for ever";
        mend: "a timeout for each call"
    TrapWhilePaused "FAI-6" Error: "traps in a call's callback while a request waits" => "request hangs";
        mend: "handle each error as a value; never panic there"
    SplitResponse "HDR-20" Error: "puts bytes from outside into a response header's value" => "the response is split";
        mend: "refuse CR, LF and NUL"
    ConnectionNeverContinued "TCP-13" Error: "pauses `new_connection` and never continues" => "connection stays, though the client leaves";
        mend: "continue or close on every path; a timeout for each call that it waits for"
    LostAtTheEnd "TCP-16" Error: "keeps a connection's data when both sides have ended" => "the data is lost";
        mend: "let go of it at the end of the stream"
    ContentLengthMismatch "HDR-25" Warning: "changes a body, not its `content-length`" => "cut request, or a client that waits";
        mend: "remove it while the headers are held"
    NoForwardedProto "HDR-16" Warning: "drops `x-forwarded-proto`, `:path` or `:method`" => "404 or 503";
        mend: "edit single headers instead of setting all"
    MemoryGrows "MEM-8" Error: "never frees what hostcalls hand over, or keeps something of each stream" => "memory grows until the VM traps";
        mend: "free each value, from the pointer that the allocator gave; drop a stream's state with its context"
    RefusedHostcall "HDR-1" Warning: "reads or edits a map or a buffer that is not there" => "refused; a filter on the crate proxy-wasm traps";
        mend: "do it in the callback that has it, and keep what is needed later"
    DeadContext "CTX-5" Warning: "makes a context effective that is deleted" => "refused; what follows acts on the running context";
        mend: "forget a stream when it ends"
    ContinueWhatIsNotPaused "CON-9" Warning: "continues what is not paused, or was continued before" => "nothing; but the filter has lost track";
        mend: "continue what was paused, once"
    ReplyTwiceInRequest "LOC-7" Warning: "two local replies in one request callback" => "the first is sent, with the details of the last";
        mend: "reply once, and return at once"
}

impl Lint {
    /// Whether it is only Envoy that takes it so: the specification knows nothing of it.
    pub(crate) fn is_of_envoy(self) -> bool {
        ["CON-", "CLO-", "LOC-"].iter().any(|part| self.row().starts_with(part))
            || matches!(self, Self::TrailersAfterPausedBody | Self::GrpcWithoutTarget)
    }

    /// Whether a test in which it is found fails, unless it is allowed.
    pub const fn fails(self) -> bool {
        !matches!(self.severity(), Severity::Warning)
    }
}

/// A [`Lint`] that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub(crate) lint: Lint,
    pub(crate) plugin: Option<String>,
    pub(crate) callback: Option<String>,
    /// What more is known.
    pub(crate) detail: Option<String>,
}

impl Finding {
    /// What was found.
    pub fn lint(&self) -> Lint {
        self.lint
    }

    /// The plugin that did it, where it is known.
    pub fn plugin(&self) -> Option<&str> {
        self.plugin.as_deref()
    }

    /// What was measured, where something was: how a guest's memory grew.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The last callback before it was found, as the trace has it: that in which it was done, or after which it showed.
    pub fn callback(&self) -> Option<&str> {
        self.callback.as_deref()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lint = self.lint;
        write!(f, "{} ({lint:?}): ", lint.row())?;
        if let Some(plugin) = &self.plugin {
            write!(f, "the plugin \"{plugin}\": ")?;
        }
        write!(f, "{}\n  Envoy:    {}\n  the mend: {}", lint.cause(), lint.consequence(), lint.mend())?;
        self.callback.iter().try_for_each(|callback| write!(f, "\n  found:    in or after {callback}"))?;
        self.detail.iter().try_for_each(|detail| write!(f, "\n  measured: {detail}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of that section which are no lint, and why.
    const OTHERS: &[(&str, &str)] = &[
        ("FAI-1, FAI-7", "a trap is its own report"),
        ("LIF-13", "the plugin is refused"),
        ("LIF-16", "a trap is its own report"),
        ("LIF-26", "the module is refused"),
        ("MEM-7", "fuel is limited"),
    ];

    #[test]
    fn the_lints_are_the_rows_of_the_worst_in_the_words_of_docs_envoy_md() {
        let page = include_str!("../../docs/envoy.md");
        let section = page.split("## What crashes, doubles or hangs Envoy").nth(1).expect("the section");
        let plain = |text: &str| text.trim().to_owned();
        let rows: Vec<Vec<String>> = section
            .lines()
            .filter(|line| line.starts_with("| ") && !line.starts_with("| row"))
            .map(|line| line.trim_matches('|').split(" | ").map(plain).collect())
            .collect();
        for row in &rows {
            let ids: Vec<&str> = row[0].split(", ").collect();
            match Lint::ALL.iter().find(|lint| ids.contains(&lint.row())) {
                Some(lint) => {
                    assert_eq!([lint.cause(), lint.consequence(), lint.mend()], [&row[1], &row[2], &row[3]], "{}", row[0]);
                }
                None => assert!(OTHERS.iter().any(|(other, _)| *other == row[0]), "{} is neither a lint nor explained", row[0]),
            }
        }
        for lint in Lint::ALL {
            assert!(rows.iter().any(|row| row[0].split(", ").any(|id| id == lint.row())), "{} has no row there", lint.row());
        }
    }
}
