//! A TCP filter that lets connections through, keeps them, or closes them, as its configuration and its clients say.

use proxy_filter::prelude::*;
use std::cell::RefCell;

proxy_filter::register! { "gate" => tcp Gate }

/// What it does is the configuration: a password that a client says first, or one of the words below.
struct Gate {
    config: String,
    connections: RefCell<Vec<Held<phase::NewConnection>>>,
    data: RefCell<Vec<Held<phase::DownstreamData>>>,
}

impl RootContext for Gate {
    type Config = String;

    fn new(config: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self { config, connections: RefCell::default(), data: RefCell::default() })
    }
}

impl TcpPlugin for Gate {
    type Stream = GateStream;

    fn create_stream_context(self: &Rc<Self>, _stream: &Tcp) -> GateStream {
        GateStream { root: Rc::clone(self), inside: false }
    }
}

struct GateStream {
    root: Rc<Gate>,
    inside: bool,
}

impl GateStream {
    /// The guard is the second to come: `open` and `shut` decide about those that wait.
    fn guard(&mut self, said: &[u8], tcp: &Tcp) -> Result<StreamAction, StreamInterrupt> {
        for held in self.root.data.take() {
            let marked = held.with(|waiting| waiting.data().prepend("[late] "));
            let outcome = if said == b"open" { held.resume() } else { held.close() };
            tcp.log(LogLevel::Info, format!("{:?} {outcome:?}", marked.is_ok()))?;
        }
        for held in self.root.connections.take() {
            let outcome = if said == b"open" { held.resume() } else { held.close() };
            tcp.log(LogLevel::Info, format!("{outcome:?}"))?;
        }
        Ok(StreamAction::Continue)
    }
}

impl StreamContext for GateStream {
    fn on_new_connection(&mut self, tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        match self.root.config.as_str() {
            "hold connections" if self.root.connections.borrow().is_empty() => {
                let (held, wait) = tcp.hold();
                self.root.connections.borrow_mut().push(held);
                Ok(wait)
            }
            "decide at once" => {
                let (held, wait) = tcp.hold();
                held.resume()?;
                Ok(wait)
            }
            "close at once" => {
                let (held, wait) = tcp.hold();
                held.close()?;
                Ok(wait)
            }
            "forget" => Ok(tcp.hold().1),
            "refuse" => Err(StreamInterrupt::close()),
            "fail" => Err(std::io::Error::other("on purpose").into()),
            _ => Ok(ConnectionAction::Continue),
        }
    }

    fn on_downstream_data(&mut self, tcp: DownstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        let said = tcp.data().bytes()?;
        match self.root.config.as_str() {
            "panic" => panic!("on purpose"),
            "hold data" | "hold connections" if said == b"open" || said == b"shut" => self.guard(&said, &tcp),
            "hold data" if self.root.data.borrow().is_empty() => {
                let (held, wait) = tcp.hold();
                self.root.data.borrow_mut().push(held);
                Ok(wait)
            }
            password if !self.inside && password.starts_with("password ") => {
                let password = &password.as_bytes()["password ".len()..];
                self.inside = said.starts_with(password);
                match self.inside {
                    true => tcp.data().drain(password.len())?,
                    false if password.starts_with(&said) && !tcp.end_of_stream() => return Ok(StreamAction::Buffer),
                    false => return Err(StreamInterrupt::close()),
                }
                Ok(StreamAction::Continue)
            }
            _ => Ok(StreamAction::Continue),
        }
    }

    fn on_upstream_data(&mut self, tcp: UpstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        if tcp.end_of_stream() && self.inside {
            tcp.data().append("bye")?;
        }
        Ok(StreamAction::Continue)
    }

    fn on_upstream_close(&mut self, tcp: UpstreamClose<'_>) -> Result<(), Failure> {
        Ok(tcp.log(LogLevel::Info, "upstream closed")?)
    }

    fn on_downstream_close(&mut self, tcp: DownstreamClose<'_>) -> Result<(), Failure> {
        Ok(tcp.log(LogLevel::Info, format!("closed by {}", tcp.peer_type()))?)
    }

    fn on_log(&mut self, tcp: StreamLog<'_>) -> Result<(), Failure> {
        Ok(tcp.log(LogLevel::Info, "over")?)
    }
}
