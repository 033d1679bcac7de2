//! A filter under every failure of every hostcall.

use crate::{Builder, Fault, Lint, MockProxy, Reason, TestResult};
use proxy_filter_abi::{HOSTCALLS, Status};
use std::collections::{BTreeMap, BTreeSet};

/// What a filter went through when each hostcall that it makes answered each status: the ABI's failures (1 to 15), and two that it does
/// not have. Each once and each always, while it starts and while it serves; then all hostcalls together.
///
/// A filter may then refuse its configuration, answer with an error, or do without. It must not trap: one trap ends the traffic of all
/// streams of its VM.
///
/// ```
/// # use proxy_filter_test::{MockProxy, Plugin, StatusTable, TestResult};
/// # use serde_json::json;
/// # fn test(plugin: impl Fn() -> Plugin) -> TestResult {
/// // In a test of your own: `vm.plugin(&my_filter::PLUGINS, "my_filter").config(…)`.
/// let table = StatusTable::run(
///     || MockProxy::builder().plugin(plugin()),
///     |proxy| {
///         proxy.send(http::Request::get("http://shop.example/cart").body("")?);
///         Ok(())
///     },
/// )?;
/// println!("{table}");
/// assert!(table.hostcalls().contains(&"proxy_add_header_map_value"));
/// # Ok(()) }
/// # let config = json!({"request": {"add": [["x-hello", "world"]]}});
/// # test(|| Plugin::native(&add_header::PLUGINS, "add_header").config(config.clone())).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct StatusTable {
    faults: BTreeMap<&'static str, u64>,
    in_every_way: BTreeSet<&'static str>,
}

impl StatusTable {
    /// Runs `traffic` through a filter again and again, each time with another fault. `builder` makes the proxy, for the faults while a
    /// plugin starts; what lints would forbid is allowed, for a host that refuses what it must not refuse leads there.
    ///
    /// # Errors
    /// Those of `traffic`; and why the plugin did not start, where nothing failed.
    ///
    /// # Panics
    /// When the filter traps; when one that fails to start does so by anything else than refusing its configuration.
    #[track_caller]
    pub fn run(
        builder: impl Fn() -> Builder,
        traffic: impl Fn(&MockProxy) -> TestResult,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let lenient = || Lint::ALL.iter().fold(builder(), |builder, lint| builder.allow(*lint));
        let proxy = lenient().start()?;
        traffic(&proxy)?;
        let mut table = Self::default();
        for row in HOSTCALLS {
            table.while_serving(&proxy, row.name, &traffic)?;
            table.while_starting(&lenient, row.name, &traffic)?;
        }
        for status in statuses() {
            proxy.inject(Fault::of_every_hostcall(status));
            traffic(&proxy)?;
            survived(&proxy, format_args!("every hostcall answers {status}"));
            proxy.clear_faults();
        }
        // A host that has come to its senses is served.
        traffic(&proxy)?;
        survived(&proxy, format_args!("nothing fails any more"));
        Ok(table)
    }

    fn while_serving(
        &mut self,
        proxy: &MockProxy,
        hostcall: &'static str,
        traffic: &impl Fn(&MockProxy) -> TestResult,
    ) -> TestResult {
        let mut in_every_way = true;
        for fault in faults(hostcall) {
            let before = proxy.faults_injected();
            proxy.inject(fault.clone());
            traffic(proxy)?;
            survived(proxy, format_args!("{fault:?}"));
            proxy.clear_faults();
            let injected = proxy.faults_injected() - before;
            in_every_way &= injected > 0;
            if injected == 0 {
                // This filter does not make it.
                break;
            }
            *self.faults.entry(hostcall).or_default() += injected;
        }
        if in_every_way {
            self.in_every_way.insert(hostcall);
        }
        Ok(())
    }

    /// A new proxy for each fault: also a hostcall that a filter makes but once, at its start or with its first stream, fails in each way.
    fn while_starting(
        &mut self,
        builder: &impl Fn() -> Builder,
        hostcall: &'static str,
        traffic: &impl Fn(&MockProxy) -> TestResult,
    ) -> TestResult {
        let mut in_every_way = true;
        for fault in faults(hostcall) {
            match builder().inject(fault.clone()).start() {
                Ok(proxy) => {
                    let at_start = proxy.faults_injected();
                    traffic(&proxy)?;
                    let injected = proxy.faults_injected();
                    in_every_way &= injected > at_start;
                    if injected == 0 {
                        break;
                    }
                    *self.faults.entry(hostcall).or_default() += injected;
                    survived(&proxy, format_args!("{fault:?} while it started"));
                }
                Err(refused) => {
                    in_every_way = false;
                    assert!(matches!(refused.reason(), Reason::Configure), "{fault:?} while it started: {refused}");
                    *self.faults.entry(hostcall).or_default() += 1;
                }
            }
        }
        if in_every_way {
            self.in_every_way.insert(hostcall);
        }
        Ok(())
    }

    /// How many calls failed.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.faults.values().sum()
    }

    /// How often each hostcall failed that this filter makes.
    pub fn by_hostcall(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.faults.iter().map(|(name, times)| (*name, *times))
    }

    /// The hostcalls that failed with every status, once and always, while the filter served, after others or as a new one: those that
    /// `traffic` makes.
    #[must_use]
    pub fn hostcalls(&self) -> &BTreeSet<&'static str> {
        &self.in_every_way
    }
}

/// One line for each hostcall, the most often first.
impl std::fmt::Display for StatusTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} faults in {} hostcalls, 0 traps", self.faults(), self.faults.len())?;
        let mut rows: Vec<_> = self.by_hostcall().collect();
        rows.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        rows.iter().try_for_each(|(name, times)| writeln!(f, "{times:>8}  {name}"))
    }
}

/// Every failure of the ABI, the numbers that it leaves out, and wild ones; success (0) is what the host answers by itself.
fn statuses() -> impl Iterator<Item = Status> {
    (1..=15).chain([99, u32::MAX]).filter_map(Status::from_wire)
}

fn faults(hostcall: &str) -> impl Iterator<Item = Fault> {
    statuses().flat_map(move |status| {
        let always = Fault::new(hostcall, status);
        [always.clone().times(1), always]
    })
}

#[track_caller]
fn survived(proxy: &MockProxy, what: std::fmt::Arguments<'_>) {
    if let Some(trap) = proxy.trap() {
        panic!("the filter trapped when {what}: {trap:?}\n{}", proxy.trace());
    }
}
