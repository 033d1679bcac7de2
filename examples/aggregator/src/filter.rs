//! The filter: in every worker, for every request, and never in its way.

use crate::backlog::{Backlog, Dropped};
use crate::config::{FilterConfig, queue_name, within};
use crate::record::{Field, Value, json_line};
use core::cell::Cell;
use proxy_filter::prelude::*;

const MOST_FIELDS: usize = 32;

pub(crate) struct Recorder {
    vm_id: String,
    queue_name: String,
    queue: Cell<Option<QueueId>>,
    fields: Vec<(String, Field)>,
    max_queued: u32,
    max_value_bytes: usize,
    backlog: Backlog,
}

impl RootContext for Recorder {
    type Config = Json<FilterConfig>;

    /// Traffic matters more than its records.
    const FAILURE_POLICY: FailurePolicy = FailurePolicy::Continue;

    fn new(Json(config): Json<FilterConfig>, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        queue_name(&config.queue)?;
        within("max_queued", config.max_queued, 1..=1_000_000)?;
        within("max_value_bytes", config.max_value_bytes, 16..=8_192)?;
        if config.fields.is_empty() {
            return Err(ConfigError::new("fields: it is empty; leave it out for the usual ones"));
        }
        if config.fields.len() > MOST_FIELDS {
            return Err(ConfigError::new(format!("fields: {} are too many, at most {MOST_FIELDS}", config.fields.len())));
        }
        let mut fields: Vec<(String, Field)> = Vec::new();
        for name in config.fields {
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(ConfigError::new(format!("fields: \"{name}\" stands there twice")));
            }
            let field = Field::named(&name)?;
            fields.push((name, field));
        }
        Ok(Self {
            vm_id: config.vm_id,
            queue_name: config.queue.clone(),
            queue: Cell::new(None),
            fields,
            max_queued: config.max_queued,
            max_value_bytes: config.max_value_bytes,
            backlog: Backlog::new(config.queue),
        })
    }
}

impl Recorder {
    /// The service's queue, looked for until it is there: services start after filters.
    fn queue(&self, context: &Context) -> Result<Option<QueueId>, Error> {
        if self.queue.get().is_none() {
            self.queue.set(context.resolve_queue(&self.vm_id, &self.queue_name)?);
        }
        Ok(self.queue.get())
    }

    fn offer(&self, context: &Context, record: &[u8]) -> Result<(), Error> {
        let Some(queue) = self.queue(context)? else {
            return self.backlog.dropped(context, Dropped::NoQueue, 1);
        };
        if !self.backlog.has_room(context, queue, self.max_queued)? {
            return self.backlog.dropped(context, Dropped::QueueFull, 1);
        }
        self.backlog.put(context, queue)?;
        let put = context.enqueue(queue, record);
        if put.is_err() {
            self.backlog.taken(context, queue, 1)?;
            self.backlog.dropped(context, Dropped::NoQueue, 1)?;
            // The service is gone with its queue; it may come back with another.
            self.queue.set(None);
        }
        match put {
            Err(Error { status: Status::NotFound, .. }) => Ok(()),
            put => put,
        }
    }
}

impl HttpPlugin for Recorder {
    type Http = RecorderStream;

    fn create_http_context(self: &Rc<Self>, _stream: &HttpStream) -> RecorderStream {
        RecorderStream(Rc::clone(self))
    }
}

pub(crate) struct RecorderStream(Rc<Recorder>);

impl HttpContext for RecorderStream {
    fn on_log(&mut self, http: Log<'_>) -> Result<(), Failure> {
        // What cannot be read is missing: better a record without it than none.
        let values = self.0.fields.iter().map(|(name, field)| (&**name, field.read(&http).unwrap_or(Value::Missing)));
        Ok(self.0.offer(&http, &json_line(values, self.0.max_value_bytes)?)?)
    }
}
