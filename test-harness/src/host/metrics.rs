//! The metrics of a proxy: one value for each name and type, whichever VM defined it, and each VM's ids for them.

use super::VmHost;
use crate::limits::Limit;
use crate::metrics::{Metric, MetricValue};
use proxy_filter_abi::{MetricType, Status};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// What all VMs share (MET-14). A counter and a gauge of one name are two metrics (MET-2).
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    values: RefCell<Vec<MetricValue>>,
    /// Where each stands there.
    places: RefCell<BTreeMap<Key, usize>>,
    samples: Cell<usize>,
}

/// Metrics are told apart by name, then by type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: Vec<u8>,
    kind: u32,
}

impl Key {
    /// MET-19: dots at the end do not count.
    fn new(kind: MetricType, name: &[u8]) -> Self {
        let end = name.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
        Self { name: name[..end].to_vec(), kind: kind.to_wire() }
    }
}

/// A VM's ids for metrics: by type, in the order in which they were defined, the places of their values (MET-1).
#[derive(Debug, Default)]
pub(crate) struct MetricIds {
    of_type: [RefCell<Vec<usize>>; 3],
}

/// The low bits of an id are its metric's type.
const TYPE_BITS: u32 = 2;

impl Metrics {
    /// The metric of this name and type, if there is one.
    pub(crate) fn find(&self, kind: MetricType, name: &[u8]) -> Option<MetricValue> {
        let place = *self.places.borrow().get(&Key::new(kind, name))?;
        self.values.borrow().get(place).cloned()
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Metric> {
        let values = self.values.borrow();
        self.places.borrow().iter().map(|(key, place)| Metric::new(&key.name, values[*place].clone())).collect()
    }
}

impl MetricIds {
    fn count(&self) -> usize {
        self.of_type.iter().map(|ids| ids.borrow().len()).sum()
    }

    /// The next id of a type: 4, 5 or 6, and four more each time (MET-1).
    fn add(&self, kind: MetricType, place: usize) -> Result<u32, Status> {
        let kind = kind.to_wire();
        let mut ids = self.of_type.get(kind as usize).ok_or(Status::BadArgument)?.borrow_mut();
        ids.push(place);
        let number = u32::try_from(ids.len()).map_err(|_| Status::InternalFailure)?;
        Ok(number << TYPE_BITS | kind)
    }

    /// The place of the metric that has this id.
    fn find(&self, id: u32) -> Option<usize> {
        let (kind, number) = (id & ((1 << TYPE_BITS) - 1), id >> TYPE_BITS);
        let ids = self.of_type.get(kind as usize)?.borrow();
        ids.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }
}

/// Whether an id's low bits are those of no counter and no gauge (MET-11).
fn is_histogram_or_none(id: u32) -> bool {
    id & ((1 << TYPE_BITS) - 1) >= MetricType::Histogram.to_wire()
}

impl VmHost {
    /// MET-1 to MET-4: a name may be anything.
    pub(super) fn define_metric(&self, kind: MetricType, name: &[u8]) -> Result<u32, Status> {
        let (metrics, most) = (&self.state.metrics, self.state.bounds.most.metrics);
        let key = Key::new(kind, name);
        let mut places = metrics.places.borrow_mut();
        if self.metric_ids.count() >= most || places.len() >= most && !places.contains_key(&key) {
            self.state.reached(Limit::Metrics, &self.plugin().name);
            return Err(Status::InternalFailure);
        }
        let place = *places.entry(key).or_insert_with(|| {
            let mut values = metrics.values.borrow_mut();
            values.push(match kind {
                MetricType::Counter => MetricValue::Counter(0),
                MetricType::Gauge => MetricValue::Gauge(0),
                MetricType::Histogram => MetricValue::Histogram(Vec::new()),
            });
            values.len() - 1
        });
        self.metric_ids.add(kind, place)
    }

    pub(super) fn increment_metric(&self, id: u32, offset: i64) -> Result<(), Status> {
        // MET-10, MET-11: before it is looked up.
        if is_histogram_or_none(id) {
            return Err(Status::BadArgument);
        }
        self.with_metric(id, |metric| match metric {
            MetricValue::Counter(value) => {
                // MET-6.
                let offset = u64::try_from(offset).ok().filter(|offset| *offset > 0).ok_or(Status::BadArgument)?;
                *value = value.wrapping_add(offset);
                Ok(())
            }
            // MET-8.
            MetricValue::Gauge(value) => {
                *value = value.wrapping_add_signed(offset);
                Ok(())
            }
            MetricValue::Histogram(_) => Err(Status::BadArgument),
        })
    }

    pub(super) fn record_metric(&self, id: u32, sample: u64) -> Result<(), Status> {
        let room = self.state.metrics.samples.get() < self.state.bounds.most.metric_samples;
        let mut dropped = false;
        self.with_metric(id, |metric| {
            match metric {
                // MET-7.
                MetricValue::Counter(value) => *value = value.wrapping_add(sample),
                MetricValue::Gauge(value) => *value = sample,
                MetricValue::Histogram(samples) if room => {
                    samples.push(sample);
                    self.state.metrics.samples.update(|samples| samples + 1);
                }
                MetricValue::Histogram(_) => dropped = true,
            }
            Ok(())
        })?;
        if dropped {
            self.state.reached(Limit::MetricSamples, &self.plugin().name);
        }
        Ok(())
    }

    pub(super) fn get_metric(&self, id: u32) -> Result<u64, Status> {
        if is_histogram_or_none(id) {
            return Err(Status::BadArgument);
        }
        self.with_metric(id, |metric| match metric {
            MetricValue::Counter(value) | MetricValue::Gauge(value) => Ok(*value),
            MetricValue::Histogram(_) => Err(Status::BadArgument),
        })
    }

    /// Runs `f` on the metric that has this id in this VM.
    fn with_metric<R>(&self, id: u32, f: impl FnOnce(&mut MetricValue) -> Result<R, Status>) -> Result<R, Status> {
        let place = self.metric_ids.find(id).ok_or(Status::NotFound)?;
        let mut values = self.state.metrics.values.borrow_mut();
        values.get_mut(place).ok_or(Status::NotFound).and_then(f)
    }
}
