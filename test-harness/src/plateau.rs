//! Whether a guest's memory stays as it is while equal streams come and go.

use crate::lint::Lint;
use crate::proxy::MockProxy;

impl MockProxy {
    /// Runs `stream` twice so many times as it is told and looks whether the guests' memory still grows in the second half: then
    /// something is kept of each stream, and the test fails by [`Lint::MemoryGrows`] (MEM-8). How much, and what the proxy handed over
    /// meanwhile, stands in the [`Finding`](crate::Finding::detail).
    ///
    /// Memory grows by 64 KiB: a guest that leaks `n` bytes in each stream is found when `streams * n` is more than that, so a thousand
    /// streams find 65 bytes. In the null VM the streams run, and nothing is measured. The answer is by how many bytes memory grew, for
    /// a test that allows it.
    ///
    /// ```
    /// # use proxy_filter_test::{MockProxy, Plugin};
    /// # use serde_json::json;
    /// # fn test(plugin: Plugin) -> proxy_filter_test::TestResult {
    /// let proxy = MockProxy::new(plugin)?;
    /// proxy.memory_plateau(1_000, || {
    ///     proxy.send(http::Request::get("http://shop.example/cart").body("").expect("a request"));
    /// });
    /// # Ok(()) }
    /// # test(Plugin::native(&add_header::PLUGINS, "add_header").config(json!({}))).unwrap();
    /// ```
    ///
    /// # Panics
    /// When the memory grows; and as [`send`](Self::send).
    #[track_caller]
    pub fn memory_plateau(&self, streams: usize, mut stream: impl FnMut()) -> u64 {
        (0..streams).for_each(|_| stream());
        let vms: Vec<_> = self.workers.iter().flat_map(|worker| worker.vms.alive()).collect();
        let sizes = || vms.iter().map(|vm| vm.memory_size().unwrap_or(0)).collect::<Vec<u64>>();
        let before = sizes();
        let handed_over = self.state.handed_over.borrow().clone();
        (0..streams).for_each(|_| stream());
        let mut grown = 0;
        for ((vm, before), after) in vms.iter().zip(before).zip(sizes()) {
            let growth = after.saturating_sub(before);
            if growth == 0 {
                continue;
            }
            grown += growth;
            let given = self.state.handed_over.borrow();
            let given = given.iter().filter_map(|(hostcall, (count, bytes))| {
                let (count_before, bytes_before) = handed_over.get(hostcall).copied().unwrap_or_default();
                let (count, bytes) = (count - count_before, bytes - bytes_before);
                (count > 0).then(|| format!("{bytes} bytes in {count} values by {hostcall}"))
            });
            let given = given.collect::<Vec<_>>().join(", ");
            let each = growth / streams.max(1) as u64;
            let detail = format!(
                "{} KiB more in {streams} streams, about {each} bytes in each; meanwhile the proxy handed over {}",
                growth >> 10,
                if given.is_empty() { "nothing" } else { given.as_str() },
            );
            self.state.found_with(Lint::MemoryGrows, Some(vm.host.plugin().name.clone()), Some(detail));
        }
        self.check();
        grown
    }
}
