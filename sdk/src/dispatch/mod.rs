//! From the proxy's callbacks to an author's: which plugin, which context, and what becomes of an `Err`.

mod contexts;
mod http;
mod root;
mod slots;
mod tcp;

pub use http::HttpRow;
pub use root::RootRow;
pub(crate) use slots::{Found, Slots};
pub use tcp::TcpRow;

use crate::grpc::Said;
use crate::runtime::{Decimal, log, on_first_context};
use crate::{Failure, FailurePolicy, Interrupt, LocalReply, LogLevel, error::Kind, sys::Sys};
use alloc::{string::String, vec::Vec};
use core::cell::Cell;
use proxy_filter_abi::{Exports, StreamType};

/// Makes [`Row`], which one registered plugin implements, and [`Rows`], which a list of them is: for each callback the first row
/// that knows the context answers.
macro_rules! rows {
    ($($name:ident($($argument:ident: $ty:ty),*);)*) => {
        /// One registered plugin. Each callback answers `None` where the context is none of its own.
        pub trait Row {
            /// The root id that it serves.
            fn id(&self) -> &'static str;
            /// Takes a root context that the proxy has made for it.
            fn create_root(&self, id: u32);
            /// Makes a stream of one of its roots.
            fn create_stream(&self, sys: &Sys, id: u32, root_id: u32) -> Option<()>;
            $(#[doc = "As the callback of this name."]
            #[inline]
            fn $name(&self, sys: &Sys, $($argument: $ty),*) -> Option<u32> {
                let _ = (sys, $($argument),*);
                None
            })*
        }

        /// The plugins of a module: a list that the compiler sees through, `(row, (row, ()))`.
        pub trait Rows {
            /// How many there are.
            const LEN: usize;
            /// Gives a new root context to the row of this root id; with no root id given, to the first.
            fn create_root(&self, id: u32, root_id: Option<&[u8]>) -> bool;
            /// As [`Row::create_stream`].
            fn create_stream(&self, sys: &Sys, id: u32, root_id: u32) -> Option<()>;
            /// Appends the root ids, for a message.
            fn list_ids(&self, text: &mut String);
            $(#[doc = "As the callback of this name."]
            fn $name(&self, sys: &Sys, $($argument: $ty),*) -> Option<u32>;)*
        }

        impl Rows for () {
            const LEN: usize = 0;
            fn create_root(&self, _id: u32, _root_id: Option<&[u8]>) -> bool {
                false
            }
            fn create_stream(&self, _sys: &Sys, _id: u32, _root_id: u32) -> Option<()> {
                None
            }
            fn list_ids(&self, _text: &mut String) {}
            $(#[inline]
            fn $name(&self, _sys: &Sys, $($argument: $ty),*) -> Option<u32> {
                let _ = ($($argument),*);
                None
            })*
        }

        impl<P: Row, T: Rows> Rows for (P, T) {
            const LEN: usize = 1 + T::LEN;
            fn create_root(&self, id: u32, root_id: Option<&[u8]>) -> bool {
                if root_id.is_none_or(|root_id| root_id == self.0.id().as_bytes()) {
                    self.0.create_root(id);
                    return true;
                }
                self.1.create_root(id, root_id)
            }
            #[inline]
            fn create_stream(&self, sys: &Sys, id: u32, root_id: u32) -> Option<()> {
                self.0.create_stream(sys, id, root_id).or_else(|| self.1.create_stream(sys, id, root_id))
            }
            fn list_ids(&self, text: &mut String) {
                text.push_str(" \"");
                text.push_str(self.0.id());
                text.push('"');
                self.1.list_ids(text);
            }
            $(#[inline]
            fn $name(&self, sys: &Sys, $($argument: $ty),*) -> Option<u32> {
                self.0.$name(sys, $($argument),*).or_else(|| self.1.$name(sys, $($argument),*))
            })*
        }
    };
}

rows! {
    configure(id: u32, size: u32);
    tick(id: u32);
    queue_ready(id: u32, queue: u32);
    request_headers(id: u32, end_of_stream: bool);
    request_body(id: u32, size: u32, end_of_stream: bool);
    request_trailers(id: u32);
    response_headers(id: u32, end_of_stream: bool);
    response_body(id: u32, size: u32, end_of_stream: bool);
    response_trailers(id: u32);
    new_connection(id: u32);
    downstream_data(id: u32, size: u32, end_of_stream: bool);
    downstream_close(id: u32, peer_type: u32);
    upstream_data(id: u32, size: u32, end_of_stream: bool);
    upstream_close(id: u32, peer_type: u32);
    done(id: u32);
    log(id: u32);
    delete(id: u32);
}

/// A module's plugins and contexts: a static in Wasm, a value owned by the null VM natively.
#[derive(Debug)]
pub struct Vm<R> {
    rows: R,
    sys: Sys,
    started: Cell<bool>,
    unknown_context_logged: Cell<bool>,
}

impl<R> Vm<R> {
    /// A VM with these plugins, on this host.
    pub const fn new(rows: R, sys: Sys) -> Self {
        Self { rows, sys, started: Cell::new(false), unknown_context_logged: Cell::new(false) }
    }
}

/// What is still held has no host any more.
#[cfg(not(target_family = "wasm"))]
impl<R> Drop for Vm<R> {
    fn drop(&mut self) {
        self.sys.holds().close();
        self.sys.close_tasks();
    }
}

const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;
const FALSE: u32 = 0;
const TRUE: u32 = 1;

impl<R: Rows> Vm<R> {
    fn create_root(&self, id: u32) {
        if !self.started.replace(true) {
            on_first_context();
        }
        // A module with one plugin serves every root id, and so need not ask.
        if R::LEN == 1 {
            self.rows.create_root(id, None);
            return;
        }
        let root_id = self.sys.proxy_get_property(b"plugin_root_id").unwrap_or_else(|_| Vec::new());
        if !self.rows.create_root(id, Some(&root_id)) {
            let mut known = String::new();
            self.rows.list_ids(&mut known);
            // This says it better than that its callbacks find no context.
            self.unknown_context_logged.set(true);
            let text = [b"no plugin is registered for root id \"", &*root_id, b"\"; this module has", known.as_bytes()];
            log(&self.sys, LogLevel::Error, &text);
        }
    }

    /// What a callback answers for a context that no row knows: logged once, then what a missing callback would answer.
    #[cold]
    fn unknown(&self, callback: &str, id: u32, answer: u32) -> u32 {
        if !self.unknown_context_logged.replace(true) {
            let why: &[u8] = b" (it was never created, has ended, or is being called); said once";
            let number = Decimal::new(id);
            let text = [callback.as_bytes(), b": no context ", number.as_bytes(), why];
            log(&self.sys, LogLevel::Warn, &text);
        }
        answer
    }
}

macro_rules! exports {
    (forwarded { $($abi:ident($($argument:ident),*) $(of $message:ident)? else $answer:ident, $call:expr;)* } default { $($default:ident($($ignored:ident),*) = $value:ident;)* }) => {
        impl<R: Rows> Exports for Vm<R> {
            fn proxy_on_context_create(&self, context_id: u32, parent_id: u32) -> u32 {
                // A host that forgot to delete the last stream of this id.
                self.sys.over(context_id);
                self.sys.cancel_tasks(self.sys.take_tasks(context_id));
                let outer = self.sys.enter(context_id, None);
                if parent_id == 0 {
                    self.create_root(context_id);
                } else if self.rows.create_stream(&self.sys, context_id, parent_id).is_none() {
                    self.unknown("proxy_on_context_create", parent_id, CONTINUE);
                }
                self.sys.callback_answered();
                self.sys.leave(outer, 0)
            }

            $(#[inline]
            fn $abi(&self, $($argument: u32),*) -> u32 {
                let id = exports!(@first $($argument),*);
                exports!(@over self, id $(, $message)?);
                let outer = self.sys.enter(id, exports!(@message $($message)?));
                let call: Option<u32> = $call(&self.rows, &self.sys);
                let answer = call.unwrap_or_else(|| self.unknown(stringify!($abi), id, $answer));
                self.sys.callback_answered();
                self.sys.leave(outer, answer)
            })*

            $(fn $default(&self, $($ignored: u32),*) -> u32 {
                let _ = ($($ignored),*);
                $value
            })*
        }
    };
    (@first $first:ident $(, $rest:ident)*) => { $first };
    (@message Over) => { None };
    (@message $message:ident) => { Some(StreamType::$message) };
    (@message) => { None };
    (@over $vm:ident, $id:ident, Over) => { $vm.sys.over($id) };
    (@over $vm:ident, $id:ident $(, $message:ident)?) => {};
}

exports! {
    forwarded {
    proxy_on_configure(context_id, configuration_size) else FALSE,
        |rows: &R, sys| rows.configure(sys, context_id, configuration_size);
    proxy_on_tick(context_id) else CONTINUE, |rows: &R, sys: &Sys| {
        if sys.ticked(context_id) { rows.tick(sys, context_id) } else { Some(CONTINUE) }
    };
    proxy_on_queue_ready(context_id, queue_id) else CONTINUE, |rows: &R, sys| rows.queue_ready(sys, context_id, queue_id);
    proxy_on_request_headers(context_id, _num_headers, end_of_stream) of HttpRequest else CONTINUE,
        |rows: &R, sys| rows.request_headers(sys, context_id, end_of_stream != 0);
    proxy_on_request_body(context_id, size, end_of_stream) of HttpRequest else CONTINUE,
        |rows: &R, sys| rows.request_body(sys, context_id, size, end_of_stream != 0);
    proxy_on_request_trailers(context_id, _num_trailers) of HttpRequest else CONTINUE,
        |rows: &R, sys| rows.request_trailers(sys, context_id);
    proxy_on_response_headers(context_id, _num_headers, end_of_stream) of HttpResponse else CONTINUE,
        |rows: &R, sys| rows.response_headers(sys, context_id, end_of_stream != 0);
    proxy_on_response_body(context_id, size, end_of_stream) of HttpResponse else CONTINUE,
        |rows: &R, sys| rows.response_body(sys, context_id, size, end_of_stream != 0);
    proxy_on_response_trailers(context_id, _num_trailers) of HttpResponse else CONTINUE,
        |rows: &R, sys| rows.response_trailers(sys, context_id);
    proxy_on_new_connection(context_id) of Downstream else CONTINUE, |rows: &R, sys| rows.new_connection(sys, context_id);
    proxy_on_downstream_data(context_id, size, end_of_stream) of Downstream else CONTINUE,
        |rows: &R, sys| rows.downstream_data(sys, context_id, size, end_of_stream != 0);
    proxy_on_downstream_connection_close(context_id, peer_type) of Over else CONTINUE,
        |rows: &R, sys| rows.downstream_close(sys, context_id, peer_type);
    proxy_on_upstream_data(context_id, size, end_of_stream) of Upstream else CONTINUE,
        |rows: &R, sys| rows.upstream_data(sys, context_id, size, end_of_stream != 0);
    proxy_on_upstream_connection_close(context_id, peer_type) else CONTINUE,
        |rows: &R, sys| rows.upstream_close(sys, context_id, peer_type);
    proxy_on_done(context_id) of Over else TRUE, |rows: &R, sys| rows.done(sys, context_id);
    proxy_on_log(context_id) of Over else CONTINUE, |rows: &R, sys| rows.log(sys, context_id);
    proxy_on_delete(context_id) of Over else CONTINUE, |rows: &R, sys: &Sys| {
        sys.cancel_tasks(sys.take_tasks(context_id));
        rows.delete(sys, context_id)
    };
    proxy_on_http_call_response(_context_id, call_id, num_headers, body_size, num_trailers) else CONTINUE, |_: &R, sys: &Sys| {
        sys.call_answered(call_id, [num_headers, body_size, num_trailers]);
        Some(CONTINUE)
    };
    proxy_on_grpc_receive_initial_metadata(_context_id, call_id, num_elements) else CONTINUE, |_: &R, sys: &Sys| {
        sys.grpc_said(call_id, Said::Initial(num_elements));
        Some(CONTINUE)
    };
    proxy_on_grpc_receive(_context_id, call_id, size) else CONTINUE, |_: &R, sys: &Sys| {
        sys.grpc_said(call_id, Said::Message(size));
        Some(CONTINUE)
    };
    proxy_on_grpc_receive_trailing_metadata(_context_id, call_id, num_elements) else CONTINUE, |_: &R, sys: &Sys| {
        sys.grpc_said(call_id, Said::Trailing(num_elements));
        Some(CONTINUE)
    };
    proxy_on_grpc_close(_context_id, call_id, status_code) else CONTINUE, |_: &R, sys: &Sys| {
        sys.grpc_said(call_id, Said::Close(status_code));
        Some(CONTINUE)
    };
    }
    default {
    proxy_on_vm_start(_context_id, _configuration_size) = TRUE;
    proxy_on_request_metadata(_context_id, _num_elements) = CONTINUE;
    proxy_on_response_metadata(_context_id, _num_elements) = CONTINUE;
    proxy_on_foreign_function(_context_id, _function_id, _arguments_size) = CONTINUE;
    }
}

/// Where an `Err` came from, for the log.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    plugin: &'static str,
    id: u32,
    callback: &'static str,
}

impl Place {
    pub(crate) const fn new(plugin: &'static str, id: u32, callback: &'static str) -> Self {
        Self { plugin, id, callback }
    }

    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn log(&self, sys: &Sys, level: LogLevel, what: &str) {
        self.write(sys, level, [what.as_bytes(), b"", b""]);
    }

    /// `add_header: context 2: proxy_on_request_headers: proxy_add_header_map_value failed: BAD_ARGUMENT`.
    #[cold]
    pub(crate) fn log_failure(&self, sys: &Sys, failure: &Failure) {
        failure.tell(|what| self.write(sys, LogLevel::Error, what));
    }

    #[inline(never)]
    fn write(&self, sys: &Sys, level: LogLevel, [a, b, c]: [&[u8]; 3]) {
        let id = Decimal::new(self.id);
        let place = [self.plugin.as_bytes(), b": context ", id.as_bytes(), b": ", self.callback.as_bytes(), b": ", a, b, c];
        log(sys, level, &place);
    }

    /// Does what an [`Interrupt`] says and gives the callback's answer; Envoy ignores it where a reply or a reset follows (LOC-1, CLO-1).
    #[cold]
    fn interrupt(&self, sys: &Sys, policy: FailurePolicy, interrupt: Interrupt) -> u32 {
        match interrupt.0 {
            Kind::Reply(reply) => self.reply(sys, &reply),
            Kind::Reset(_) if sys.has_answered(self.id) => PAUSE,
            Kind::Reset(reset) => {
                self.check(sys, reset(sys));
                sys.over(self.id);
                PAUSE
            }
            Kind::Failure(failure) => self.fail(sys, policy, &failure),
        }
    }

    /// Logs a failure and answers the stream as the root's policy says.
    #[cold]
    pub(crate) fn fail(&self, sys: &Sys, policy: FailurePolicy, failure: &Failure) -> u32 {
        self.log_failure(sys, failure);
        match policy {
            FailurePolicy::Continue => CONTINUE,
            FailurePolicy::Reply(status) => self.reply(sys, &LocalReply::new(status).details("proxy_filter_failure")),
            FailurePolicy::Reset if sys.has_answered(self.id) => PAUSE,
            FailurePolicy::Reset => {
                self.check(sys, sys.proxy_close_stream(StreamType::HttpRequest));
                sys.over(self.id);
                PAUSE
            }
        }
    }

    fn reply(&self, sys: &Sys, reply: &LocalReply) -> u32 {
        if sys.has_answered(self.id) {
            return PAUSE;
        }
        self.check(sys, reply.send_to(sys));
        sys.over(self.id);
        PAUSE
    }

    fn check(&self, sys: &Sys, result: Result<(), crate::Error>) {
        if let Err(error) = result {
            self.log_failure(sys, &Failure::from(error));
        }
    }
}

/// Whether no two root ids are equal; `register!` asks at compile time.
pub const fn distinct(ids: &[&str]) -> bool {
    let mut i = 0;
    while i < ids.len() {
        let mut j = i + 1;
        while j < ids.len() {
            if equal(element(ids, i).as_bytes(), element(ids, j).as_bytes()) {
                return false;
            }
            j += 1;
        }
        i += 1;
    }
    true
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    match (a.split_first(), b.split_first()) {
        (None, None) => true,
        (Some((a, rest_a)), Some((b, rest_b))) => *a == *b && equal(rest_a, rest_b),
        _ => false,
    }
}

const fn element<'a>(ids: &[&'a str], index: usize) -> &'a str {
    match ids.split_at_checked(index) {
        Some((_, [id, ..])) => id,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;
    #[test]
    fn equal_root_ids_are_found() {
        assert!(super::distinct(&["a", "b", "ab", ""]));
        assert!(!super::distinct(&["a", "b", "a"]));
    }
}
