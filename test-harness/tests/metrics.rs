//! The SDK's metrics, natively and as the real module: what the proxy counts, and what becomes of Envoy's traps.
#![cfg(feature = "wasmtime")]

use metered::PLUGINS;
use proxy_filter_abi::Status;
use proxy_filter_test::{Fault, MockProxy, TestResult, VmKind, both_vms};

fn start(vm: VmKind) -> Result<MockProxy, Box<dyn std::error::Error>> {
    Ok(MockProxy::new(vm.plugin(&PLUGINS, "metered"))?)
}

/// What the filter answers to these operations.
fn perform(proxy: &MockProxy, operations: &[&str]) -> Result<String, Box<dyn std::error::Error>> {
    let request = operations.iter().fold(http::Request::get("http://shop.example/"), |request, op| request.header("x-do", *op));
    let exchange = proxy.send(request.body("")?);
    Ok(String::from_utf8(exchange.response().body().to_vec())?)
}

fn calls(proxy: &MockProxy, hostcall: &str) -> usize {
    proxy.trace().matches(&format!("{hostcall}(")).count()
}

both_vms! {
    // MET-1, MET-6, MET-14
    fn a_counter_is_defined_once_and_lazily(vm) -> TestResult {
        let proxy = start(vm)?;
        assert_eq!((proxy.counter("requests"), calls(&proxy, "proxy_define_metric")), (None, 0));
        assert_eq!(perform(&proxy, &["requests add", "requests add 41", "requests get"])?, "ok, ok, 42");
        assert_eq!(perform(&proxy, &["requests add"])?, "ok");
        assert_eq!(proxy.counter("requests"), Some(43));
        assert_eq!(calls(&proxy, "proxy_define_metric"), 1);
        Ok(())
    }

    // MET-6
    fn to_add_nothing_is_no_hostcall(vm) -> TestResult {
        let proxy = start(vm)?;
        assert_eq!(perform(&proxy, &["requests add 0", "by_code add 0 200 a"])?, "ok, ok");
        assert_eq!(calls(&proxy, "_metric"), 0, "{}", proxy.trace());
        assert_eq!(proxy.metrics(), []);
        Ok(())
    }

    // MET-6
    fn more_than_the_abi_can_carry_is_refused_without_a_hostcall(vm) -> TestResult {
        let proxy = start(vm)?;
        let refused = "proxy_increment_metric failed: BAD_ARGUMENT";
        let most = i64::MAX as u64;
        let operations = [format!("requests add {}", most + 1), format!("requests add {most}"), "requests get".to_owned()];
        let answer = perform(&proxy, &operations.each_ref().map(String::as_str))?;
        assert_eq!(answer, format!("{refused}, ok, {most}"));
        assert_eq!(calls(&proxy, "proxy_increment_metric"), 1);
        Ok(())
    }

    // MET-8
    fn a_gauge_wraps_below_zero_unless_it_is_asked_not_to(vm) -> TestResult {
        let proxy = start(vm)?;
        let answer = perform(&proxy, &["at_hand set 3", "at_hand sub 1", "at_hand saturating_sub 5", "at_hand get"])?;
        assert_eq!(answer, "ok, ok, ok, 0");
        assert_eq!(perform(&proxy, &["at_hand saturating_sub 5", "at_hand add 0", "at_hand sub 1"])?, "ok, ok, ok");
        assert_eq!(proxy.gauge("at_hand"), Some(u64::MAX));
        Ok(())
    }

    // MET-10
    fn a_histogram_takes_samples(vm) -> TestResult {
        let proxy = start(vm)?;
        assert_eq!(perform(&proxy, &["size record 7", "size record 0", "sizes record 9 west"])?, "ok, ok, ok");
        assert_eq!(proxy.histogram("size"), Some(vec![7, 0]));
        assert_eq!(proxy.histogram(("size", [("zone", "west")])), Some(vec![9]));
        Ok(())
    }

    fn what_is_defined_ahead_shows_before_it_is_used(vm) -> TestResult {
        let proxy = MockProxy::new(vm.plugin(&PLUGINS, "metered").config("define"))?;
        assert_eq!((proxy.counter("requests"), proxy.gauge("at_hand"), proxy.histogram("size")), (Some(0), Some(0), Some(vec![])));
        Ok(())
    }

    // MET-16
    fn a_family_has_a_series_for_each_combination_and_no_more_than_it_may(vm) -> TestResult {
        let proxy = MockProxy::builder().plugin(vm.plugin(&PLUGINS, "metered")).stats_tags(["code", "tenant"]).start()?;
        perform(&proxy, &["by_code add 1 200 a", "by_code add 2 200 a", "by_code add 1 404 a"])?;
        assert_eq!(calls(&proxy, "proxy_define_metric"), 2);
        // The third and the fourth are one too many.
        perform(&proxy, &["by_code add 5 500 a", "by_code add 5 500 b", "by_code add 1 200 a"])?;
        assert_eq!((calls(&proxy, "proxy_define_metric"), proxy.counter("overflow")), (4, Some(2)));
        assert_eq!(perform(&proxy, &["by_code get _ 200 a", "by_code get _ 503 z"])?, "4, 10");
        assert_eq!(proxy.counter(("requests", [("code", "other"), ("tenant", "other")])), Some(10));
        let series: Vec<String> = proxy.prometheus().lines().filter(|line| line.starts_with("requests{")).map(str::to_owned).collect();
        assert_eq!(series, [
            r#"requests{code="200",tenant="a"} 4"#,
            r#"requests{code="404",tenant="a"} 1"#,
            r#"requests{code="other",tenant="other"} 10"#,
        ]);
        Ok(())
    }

    // MET-16
    fn a_value_cannot_write_tags_of_its_own(vm) -> TestResult {
        let proxy = MockProxy::builder().plugin(vm.plugin(&PLUGINS, "metered")).stats_tags(["code", "tenant"]).start()?;
        perform(&proxy, &["by_code add 1 200;.;tenant=.=boss \tx"])?;
        assert!(proxy.prometheus().contains(r#"requests{code="200_._tenant_._boss",tenant="_x"} 1"#), "{}", proxy.prometheus());
        Ok(())
    }

    fn gauges_with_tags(vm) -> TestResult {
        let proxy = start(vm)?;
        let answer = perform(&proxy, &[
            "by_zone set 5 west", "by_zone add 2 west", "by_zone sub 1 west", "by_zone get _ west", "by_zone saturating_sub 9 west",
            "by_zone sub 1 east",
        ])?;
        assert_eq!(answer, "ok, ok, ok, 6, ok, ok");
        assert_eq!(proxy.gauge(("at_hand", [("zone", "west")])), Some(0));
        assert_eq!(proxy.gauge(("at_hand", [("zone", "east")])), Some(u64::MAX));
        assert_eq!(proxy.counter("overflow"), None);
        perform(&proxy, &["by_zone add 1 north", "by_zone add 1 south"])?;
        assert_eq!((proxy.gauge(("at_hand", [("zone", "other")])), proxy.counter("overflow")), (Some(2), Some(2)));
        Ok(())
    }

    fn a_proxy_without_metrics_is_an_error_that_names_it(vm) -> TestResult {
        let proxy = start(vm)?;
        proxy.inject(Fault::new("proxy_define_metric", Status::Unimplemented).times(2));
        let answer = perform(&proxy, &["requests add", "by_zone add 1 west"])?;
        assert_eq!(answer, ["proxy_define_metric failed: UNIMPLEMENTED"; 2].join(", "));
        assert_eq!(perform(&proxy, &["requests add", "by_zone add 1 west"])?, "ok, ok", "it is asked again");
        Ok(())
    }

    // MET-14
    fn two_vms_count_together(vm) -> TestResult {
        let plugin = |id: &str| vm.plugin(&PLUGINS, "metered").vm_id(id).config("define").name(id);
        let proxy = MockProxy::builder().plugin(plugin("a")).plugin(plugin("b")).start()?;
        perform(&proxy, &["requests add 2"])?;
        assert_eq!(proxy.counter("requests"), Some(2));
        assert_eq!(calls(&proxy, "proxy_define_metric"), 6, "each VM has ids of its own");
        assert_eq!(proxy.metrics().len(), 3);
        Ok(())
    }
}
