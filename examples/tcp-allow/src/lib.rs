//! Lets TCP connections in by where they come from and by what the client says first; all others are closed, logged and counted.
//!
//! ```json
//! {
//!   "allow": [
//!     { "name": "office", "sources": ["10.0.0.0/8", "2001:db8::/32"] },
//!     { "name": "anybody", "first_bytes": ["tls_client_hello", { "text": "SSH-2.0-" }] }
//!   ]
//! }
//! ```
//!
//! A connection is let in as soon as one rule holds: one of its sources, and one of its first bytes, where it has such.
#![cfg_attr(target_family = "wasm", no_std)]
#![forbid(unsafe_code)]

mod config;
mod first_bytes;

use config::{Config, Rule};
use core::net::SocketAddr;
use core::time::Duration;
use first_bytes::Verdict;
use proxy_filter::prelude::*;
use proxy_filter::property;

proxy_filter::no_std_runtime!();

proxy_filter::register! { "tcp_allow" => tcp TcpAllow }

struct TcpAllow {
    rules: Vec<Rule>,
    timeout: Duration,
    log_refused: bool,
    allowed: CounterFamily<1>,
    refused: CounterFamily<1>,
}

impl RootContext for TcpAllow {
    type Config = Json<Config>;

    fn new(Json(config): Json<Config>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        let (timeout, log_refused) = (config.timeout()?, config.log_refused);
        let rules = config.rules()?;
        let (most_rules, reasons) = (rules.len(), 5);
        Ok(Self {
            rules,
            timeout,
            log_refused,
            allowed: CounterFamily::new("tcp_allow.allowed", ["rule"], most_rules),
            refused: CounterFamily::new("tcp_allow.refused", ["reason"], reasons),
        })
    }
}

impl TcpPlugin for TcpAllow {
    type Stream = TcpAllowStream;

    fn create_stream_context(self: &Rc<Self>, _stream: &Tcp) -> TcpAllowStream {
        TcpAllowStream { root: Rc::clone(self), address: String::new(), state: State::Closed, decided: None }
    }
}

impl TcpAllow {
    fn allow(&self, tcp: &Context, rule: &Rule) {
        // What cannot be counted is no reason to keep somebody out.
        let _ = self.allowed.add(tcp, [&rule.name], 1);
    }

    fn refuse(&self, tcp: &Context, address: &str, reason: &str, why: &str) -> StreamInterrupt {
        // Nor to let somebody in.
        let _ = self.refused.add(tcp, [reason], 1);
        if self.log_refused {
            let _ = tcp.log(LogLevel::Info, format!("tcp_allow: refused {address}: {why}"));
        }
        StreamInterrupt::close()
    }
}

/// How many of the first bytes are logged: enough to know a protocol by, and not all that the client wanted to tell the upstream.
const SHOWN: usize = 16;

/// What is known of a connection.
enum State {
    Allowed,
    /// These rules, by number, hold if the first bytes do; so many bytes decide.
    Waits {
        rules: Vec<usize>,
        most: usize,
    },
    Closed,
}

struct TcpAllowStream {
    root: Rc<TcpAllow>,
    /// As the log says it.
    address: String,
    state: State,
    /// Ends the wait for the first bytes.
    decided: Option<oneshot::Sender<()>>,
}

impl TcpAllowStream {
    /// The best that rules say of the first bytes, and the first rule that says so.
    fn compare(&self, rules: &[usize], said: &[u8]) -> (Verdict, Option<&Rule>) {
        let rules = rules.iter().filter_map(|number| self.root.rules.get(*number));
        rules.fold((Verdict::No, None), |(best, by), rule| {
            let verdict = rule.first_bytes.iter().fold(Verdict::No, |verdict, pattern| verdict.or(pattern.compare(said)));
            if best == best.or(verdict) { (best, by) } else { (verdict, Some(rule)) }
        })
    }

    fn refuse(&mut self, tcp: &Context, reason: &str, why: &str) -> StreamInterrupt {
        self.state = State::Closed;
        self.root.refuse(tcp, &self.address, reason, why)
    }
}

impl StreamContext for TcpAllowStream {
    fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        self.address = tcp.property(property::SOURCE_ADDRESS)?.unwrap_or_default();
        let ip = self.address.parse::<SocketAddr>().ok().map(|address| address.ip().to_canonical());
        let root = Rc::clone(&self.root);
        let mut waiting = Vec::new();
        for (number, rule) in root.rules.iter().enumerate().filter(|(_, rule)| rule.has_source(ip)) {
            if rule.first_bytes.is_empty() {
                self.state = State::Allowed;
                root.allow(&tcp, rule);
                return Ok(ConnectionAction::Continue);
            }
            waiting.push(number);
        }
        if waiting.is_empty() {
            return Err(self.refuse(&tcp, "source", "no rule has this source"));
        }
        let patterns = waiting.iter().filter_map(|number| root.rules.get(*number)).flat_map(|rule| &rule.first_bytes);
        let most = patterns.map(first_bytes::Pattern::len).max().unwrap_or_default();
        self.state = State::Waits { rules: waiting, most };

        let (decided, decision) = oneshot::channel();
        self.decided = Some(decided);
        let address = self.address.clone();
        // Nothing can be read of a connection that waits (TCP-13), so it goes on, and is closed if it stays silent.
        tcp.watch(async move |tcp| match tcp.timeout(root.timeout, decision).await {
            Ok(_) => Ok(()),
            Err(elapsed) if elapsed.host_error().is_some() => Err(elapsed.into()),
            Err(_) => {
                let why = format!("said too little in {} ms", root.timeout.as_millis());
                Err(root.refuse(&tcp, &address, "timeout", &why))
            }
        })
    }

    fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        let (rules, most) = match &self.state {
            State::Allowed => return Ok(StreamAction::Continue),
            State::Closed => return Err(StreamInterrupt::close()),
            State::Waits { rules, most } => (rules, *most),
        };
        let said = tcp.data().bytes_from(0, most.max(SHOWN))?;
        match self.compare(rules, &said) {
            (Verdict::Yes, rule) => {
                if let Some(rule) = rule {
                    self.root.allow(&tcp, rule);
                }
                self.state = State::Allowed;
                if let Some(decided) = self.decided.take() {
                    let _ = decided.send(());
                }
                Ok(StreamAction::Continue)
            }
            (Verdict::More, _) if !tcp.end_of_stream() => Ok(StreamAction::Buffer),
            (Verdict::More, _) => Err(self.refuse(&tcp, "end", "ended before it said enough")),
            (Verdict::No, _) => {
                let shown = said.get(..SHOWN).unwrap_or(&said).escape_ascii();
                let why = format!("no rule has its first bytes \"{shown}\"");
                Err(self.refuse(&tcp, "first_bytes", &why))
            }
        }
    }

    fn on_upstream_data(&mut self, tcp: UpstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        match self.state {
            State::Allowed => Ok(StreamAction::Continue),
            State::Closed => Err(StreamInterrupt::close()),
            // The upstream has only ended: the client may still say who it is.
            State::Waits { .. } if tcp.size() == 0 => Ok(StreamAction::Continue),
            State::Waits { .. } => Err(self.refuse(&tcp, "upstream", "the upstream spoke before it did")),
        }
    }
}
