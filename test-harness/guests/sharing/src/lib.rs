//! Filters, an access logger and a service that share data and queues.

use proxy_filter::prelude::*;
use std::cell::Cell;

proxy_filter::register! {
    "count" => http Count,
    "produce" => http Produce,
    "report" => root Report,
    "consume" => root Consume,
}

/// Counts requests in shared data, in decimal: `update` loses none; `lossy` reads, adds and sets, so that it may.
struct Count {
    lossy: bool,
}

impl RootContext for Count {
    type Config = String;

    fn new(config: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        match config.as_str() {
            "update" => Ok(Self { lossy: false }),
            "lossy" => Ok(Self { lossy: true }),
            _ => Err(ConfigError::new("`update` or `lossy`")),
        }
    }
}

impl HttpPlugin for Count {
    type Http = CountStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> CountStream {
        CountStream(Rc::clone(self))
    }
}

struct CountStream(Rc<Count>);

/// One more than what is stored.
fn one_more(stored: Option<&[u8]>) -> u32 {
    stored.and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse().ok()).unwrap_or(0) + 1
}

impl HttpContext for CountStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let data = http.shared_data();
        let count = if self.0.lossy {
            let count = one_more(data.get("count")?.map(|stored| stored.value).as_deref());
            data.set("count", count.to_string())?;
            count
        } else {
            data.update("count", |stored| {
                let count = one_more(stored);
                (count.to_string(), count)
            })?
        };
        http.headers().set("x-count", count.to_string())?;
        Ok(HeadersAction::Continue)
    }
}

/// Puts each request's path into the queue `lines` of the vm_id that is its configuration.
struct Produce(String);

impl RootContext for Produce {
    type Config = String;

    fn new(vm_id: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self(vm_id))
    }
}

impl HttpPlugin for Produce {
    type Http = ProduceStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> ProduceStream {
        ProduceStream(Rc::clone(self))
    }
}

struct ProduceStream(Rc<Produce>);

impl HttpContext for ProduceStream {
    fn on_request_headers(&mut self, http: RequestHeaders<'_>) -> Result<HeadersAction> {
        let queue = http.resolve_queue(&self.0.0, "lines")?.or_reply(|| LocalReply::new(503).details("no_queue"))?;
        if let Some(path) = http.path()? {
            http.enqueue(queue, path)?;
        }
        Ok(HeadersAction::Continue)
    }
}

/// An access logger that puts a line for each stream into the queue `lines` of the vm_id that is its configuration.
struct Report(String);

impl RootContext for Report {
    type Config = String;

    fn new(vm_id: String, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self(vm_id))
    }

    fn on_log(self: &Rc<Self>, log: AccessLog<'_>) -> Result<(), Failure> {
        let line = match (log.method()?, log.path()?, log.status()?) {
            (Some(method), Some(path), Some(status)) => [&*method, b" ", &path, b" ", status.to_string().as_bytes()].concat(),
            _ => Vec::new(),
        };
        if let Some(queue) = log.resolve_queue(&self.0, "lines")? {
            log.enqueue(queue, line)?;
        }
        Ok(())
    }
}

/// Logs what comes by its queue `lines`. With the configuration `linger` it is done only when a line says `stop`; with `echo` it
/// puts each line back.
struct Consume {
    config: String,
    ending: Cell<bool>,
}

impl RootContext for Consume {
    type Config = String;

    fn new(config: String, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        plugin.register_queue("lines")?;
        Ok(Self { config, ending: Cell::new(false) })
    }

    fn on_queue_ready(self: &Rc<Self>, queue: QueueId, plugin: Plugin<'_>) -> Result<(), Failure> {
        if self.config == "echo" {
            let line = plugin.dequeue(queue)?.unwrap_or_default();
            return Ok(plugin.enqueue(queue, line)?);
        }
        let mut lines = 0;
        while let Some(line) = plugin.dequeue(queue)? {
            lines += 1;
            plugin.log(LogLevel::Info, &line)?;
            if self.ending.get() && line == b"stop" {
                plugin.done()?;
            }
        }
        if lines == 0 {
            plugin.log(LogLevel::Info, "nothing is there any more")?;
        }
        Ok(())
    }

    fn on_done(self: &Rc<Self>, _plugin: Plugin<'_>) -> Result<bool, Failure> {
        self.ending.set(true);
        Ok(self.config != "linger")
    }
}
