//! The path of a property, as a test writes it.

/// A property's path: its parts, or all in one text with dots between, as Envoy's documentation writes it.
///
/// ```no_run
/// # fn test(proxy: &proxy_filter_test::MockProxy) {
/// proxy.set_property("xds.route_name", "cart");
/// // A part with a dot in it.
/// proxy.set_property(["metadata", "filter_metadata", "envoy.lb", "canary"], true);
/// # }
/// ```
pub trait PropertyPath {
    /// The parts.
    fn into_parts(self) -> Vec<Vec<u8>>;
}

impl PropertyPath for &str {
    fn into_parts(self) -> Vec<Vec<u8>> {
        self.split('.').map(Into::into).collect()
    }
}

impl<const N: usize> PropertyPath for [&str; N] {
    fn into_parts(self) -> Vec<Vec<u8>> {
        self[..].into_parts()
    }
}

impl PropertyPath for &[&str] {
    fn into_parts(self) -> Vec<Vec<u8>> {
        self.iter().map(|part| part.as_bytes().to_vec()).collect()
    }
}
