//! What an exchange was, as data: both messages before and after the filter, the log, the costs.

use proxy_filter_test::{Exchange, Finding, LocalReplySent, LogLine, Message, MockProxy, Outcome, Trap};
use std::time::Duration;

/// One message on its way through the filter.
#[derive(Debug)]
pub(crate) struct Passage {
    /// As it would have arrived without the filter, with what the proxy itself adds; `None` for what was never sent.
    pub(crate) before: Option<Message>,
    /// As it arrived, or as much of it; `None` when nothing did.
    pub(crate) after: Option<Message>,
    /// Whether it arrived to its end.
    pub(crate) complete: bool,
}

/// Guest instructions, by phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fuel {
    /// Initialising the module, making the root and starting the VM.
    pub(crate) start: u64,
    pub(crate) configure: u64,
    pub(crate) exchange: u64,
}

/// Wall time, which is for information only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    /// Loading, compiling, starting and configuring.
    pub(crate) start: Duration,
    pub(crate) exchange: Duration,
}

#[derive(Debug)]
pub(crate) struct Transcript {
    pub(crate) outcome: Outcome,
    /// Envoy's `response.code_details`.
    pub(crate) details: String,
    pub(crate) request: Passage,
    pub(crate) response: Passage,
    pub(crate) local_reply: Option<LocalReplySent>,
    /// Of the whole run, starting and configuring included.
    pub(crate) log: Vec<LogLine>,
    pub(crate) trap: Option<Trap>,
    /// The callbacks of the exchange, each with the guest instructions that it used.
    pub(crate) callbacks: Vec<(&'static str, u64)>,
    pub(crate) fuel: Fuel,
    pub(crate) time: Time,
    /// Bytes of the guest's memory.
    pub(crate) memory: Option<u64>,
    /// Mistakes that no hostcall refuses.
    pub(crate) findings: Vec<Finding>,
    pub(crate) trace: String,
}

impl Transcript {
    /// What came of `exchange` on `proxy`, where `baseline` is the same exchange without the filter.
    pub(crate) fn new(proxy: &MockProxy, exchange: &Exchange, baseline: &Exchange, upstream_answered: bool, time: Time) -> Self {
        let outcome = exchange.outcome();
        let trace = proxy.trace();
        let before_exchange: Vec<_> = {
            let all = proxy.callbacks();
            let count = all.len() - exchange.callbacks().len();
            all.into_iter().take(count).collect()
        };
        let exchange_fuel = exchange.fuel_used();
        let configure = before_exchange.iter().filter(|(name, _)| *name == "proxy_on_configure").map(|(_, fuel)| fuel).sum();
        Self {
            outcome,
            details: exchange.details(),
            request: Passage {
                before: baseline.raw_upstream_request(),
                after: exchange.raw_upstream_request(),
                complete: exchange.upstream_request_is_complete(),
            },
            response: Passage {
                before: baseline.raw_response().filter(|_| upstream_answered),
                after: exchange.raw_response(),
                complete: outcome == Outcome::Complete,
            },
            local_reply: exchange.local_reply(),
            log: proxy.log(),
            trap: proxy.trap(),
            callbacks: exchange.callbacks(),
            fuel: Fuel {
                start: proxy.fuel_used().saturating_sub(configure).saturating_sub(exchange_fuel),
                configure,
                exchange: exchange_fuel,
            },
            time,
            memory: proxy.memory_size(),
            findings: proxy.findings(),
            trace,
        }
    }
}
