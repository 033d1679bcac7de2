//! How a batch gets to the collector, or is given up.

use crate::backlog::{Backlog, Dropped};
use crate::backoff::backoff;
use crate::batches::Batch;
use crate::config::ServiceConfig;
use core::cell::RefCell;
use core::time::Duration;
use fastrand::Rng;
use proxy_filter::prelude::*;

pub(crate) struct Delivery {
    config: ServiceConfig,
    /// For keys and jitter.
    random: RefCell<Option<Rng>>,
}

/// What became of an attempt.
enum Attempt {
    Taken,
    /// It would not be taken the next time either.
    Rejected(u16),
    /// It may be taken later, which the collector may have said when.
    Failed(String, Option<Duration>),
}

impl Delivery {
    pub(crate) fn new(config: ServiceConfig) -> Self {
        Self { config, random: RefCell::new(None) }
    }

    fn random(&self, context: &Context) -> Result<u64, Failure> {
        let mut random = self.random.try_borrow_mut()?;
        if random.is_none() {
            let mut seed = [0; 8];
            // The clock only where the proxy gives no random numbers: those that start together may read the same.
            *random = Some(Rng::with_seed(match context.random_bytes(&mut seed) {
                Ok(()) => u64::from_le_bytes(seed),
                Err(_) => context.now()?.as_nanos() as u64,
            }));
        }
        Ok(random.as_mut().map_or(0, |random| random.u64(..)))
    }

    /// Sends it until it is taken, rejected, or has failed too often.
    pub(crate) async fn deliver(&self, plugin: &Plugin<'_>, backlog: &Backlog, batch: Batch) -> Result<(), Failure> {
        let records = batch.records as u64;
        // By it the collector knows a batch of which an attempt only seemed to fail. None is better than one that others have too.
        let key = self.random(plugin).ok().map(|number| format!("{number:016x}"));
        let most = self.config.max_attempts;
        let lost = |why: String| format!("a batch of {records} records is lost: {why}");
        // What cannot be counted or logged meanwhile loses no record.
        let mut told = Vec::new();
        for attempt in 1..=most {
            match self.attempt(plugin, key.as_deref(), &batch).await {
                Attempt::Taken => {
                    told.push(backlog.shipped(plugin, records));
                    if attempt > 1 {
                        told.push(
                            plugin.log(LogLevel::Info, format!("a batch of {records} records was taken by attempt {attempt}")),
                        );
                    }
                    break;
                }
                Attempt::Rejected(status) => {
                    told.push(backlog.dropped(plugin, Dropped::Rejected, records));
                    told.push(plugin.log(LogLevel::Warn, lost(format!("the collector rejects it with status {status}"))));
                    break;
                }
                Attempt::Failed(why, _) if attempt == most => {
                    told.push(backlog.dropped(plugin, Dropped::GivenUp, records));
                    told.push(plugin.log(LogLevel::Warn, lost(format!("attempt {attempt} of {most} failed: {why}"))));
                }
                Attempt::Failed(why, asked) => {
                    // Said once for a batch; that it was taken, or lost, is said in the end.
                    if attempt == 1 {
                        told.push(plugin.log(LogLevel::Warn, format!("a batch of {records} records is sent again later: {why}")));
                    }
                    told.push(backlog.retried(plugin));
                    let (first, longest) = self.config.backoff_times();
                    let wait = backoff(first, longest, attempt, self.random(plugin).unwrap_or(0));
                    let wait = wait.max(asked.unwrap_or_default().min(longest));
                    // On a proxy without a clock the next attempt comes at once: there are only so many.
                    told.push(plugin.sleep(wait).await);
                }
            }
        }
        Ok(told.into_iter().collect::<Result<(), Error>>()?)
    }

    async fn attempt(&self, plugin: &Plugin<'_>, key: Option<&str>, batch: &Batch) -> Attempt {
        let config = &self.config;
        let mut call = HttpCall::post(&config.cluster, &config.path)
            .with_authority(config.authority.as_deref().unwrap_or(&config.cluster))
            .header("content-type", "application/x-ndjson")
            .body(batch.body.as_slice())
            .timeout(config.timeout_time())
            .discard_body();
        if let Some(key) = key {
            call = call.header("idempotency-key", key);
        }
        let reply = match plugin.call(call).await {
            Ok(reply) => reply,
            Err(error) => return Attempt::Failed(error.to_string(), None),
        };
        match reply.status() {
            200..=299 => Attempt::Taken,
            status @ (408 | 425 | 429 | 500..=599) => {
                let seconds = reply.headers().get("retry-after").and_then(|value| core::str::from_utf8(value).ok()?.parse().ok());
                Attempt::Failed(format!("the collector answers with status {status}"), seconds.map(Duration::from_secs))
            }
            status => Attempt::Rejected(status),
        }
    }
}
