//! The proxy's clusters: what filters call, and what was sent there.

use super::MockProxy;
use crate::cluster::Cluster;
use crate::message::Message;
use crate::upstream::Answer;
use bytes::Bytes;

impl MockProxy {
    /// Adds a cluster that filters may call, or puts it in the place of the one of its name: the closure answers each request.
    ///
    /// It returns a response of the crate `http`, a raw [`Message`] or an [`Answer`]: [`Answer::Refuse`], say, or a response
    /// [`after`](Answer::after) a time. What comes at once has come when [`send`](Self::send) returns; the rest is for
    /// [`advance`](Self::advance), and comes by its time, in whatever order it was asked for. [`set_cluster`](Self::set_cluster) takes a
    /// whole [`Cluster`]; [`Builder::cluster`](crate::Builder::cluster) adds one before plugins are configured.
    ///
    /// ```
    /// use proxy_filter_test::abi::{Callback, Host, pairs};
    /// use proxy_filter_test::{MockProxy, Spy};
    /// // A filter that calls `authz` for each request.
    /// let calls = Spy::acting("calls", |callback, host: &dyn Host| {
    ///     if let Callback::proxy_on_request_headers { .. } = callback {
    ///         let headers = pairs::encode([(":method", "GET"), (":path", "/check"), (":authority", "authz")]);
    ///         host.proxy_http_call(b"authz", &headers, b"", b"", 500).expect("the call begins");
    ///     }
    ///     None
    /// });
    /// let proxy = MockProxy::new(calls.plugin())?;
    /// proxy.cluster("authz", |request| http::Response::new(format!("{} is fine", request.uri().path())));
    ///
    /// proxy.send(http::Request::get("http://shop.example/").body("")?);
    /// assert_eq!(proxy.requests_to("authz")[0].uri().path(), "/check");
    /// let answered = calls.callbacks().into_iter().any(|callback| {
    ///     matches!(callback, Callback::proxy_on_http_call_response { num_headers: 3, body_size: 14, .. })
    /// });
    /// assert!(answered);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cluster<A: Into<Answer>>(&self, name: &str, answer: impl FnMut(http::Request<Bytes>) -> A + 'static) -> &Self {
        self.set_cluster(name, Cluster::new(answer))
    }

    /// Adds a cluster that filters may call, or puts it in the place of the one of its name: a [`Cluster`], or the answer that it
    /// always gives.
    pub fn set_cluster(&self, name: &str, cluster: impl Into<Cluster>) -> &Self {
        self.state.clusters.set(name, cluster.into());
        self
    }

    /// The requests that were sent to a cluster so far, as it received them (CAL-8).
    ///
    /// # Panics
    /// When the proxy has no such cluster, or it received what `http` cannot hold (see [`raw_requests_to`](Self::raw_requests_to)).
    #[track_caller]
    pub fn requests_to(&self, cluster: &str) -> Vec<http::Request<Bytes>> {
        let requests = self.raw_requests_to(cluster).into_iter().map(|request| request.to_request());
        requests.collect::<Result<_, _>>().unwrap_or_else(|error| {
            panic!("the cluster \"{cluster}\" received what http::Request cannot hold ({error}): look at raw_requests_to()")
        })
    }

    /// The requests that were sent to a cluster so far, in raw pairs.
    ///
    /// # Panics
    /// When the proxy has no such cluster.
    #[track_caller]
    pub fn raw_requests_to(&self, cluster: &str) -> Vec<Message> {
        let Some(requests) = self.state.clusters.requests(cluster) else {
            panic!("this proxy has no cluster \"{cluster}\": MockProxy::cluster adds one");
        };
        requests
    }

    /// A call has ended: its root is told so.
    pub(super) fn end_http_call(&self, call: u64) {
        let Some(ended) = self.state.end_http_call(call) else { return };
        self.with_root(ended.vm, ended.root, |vm, root| {
            ended.arrive(root, &vm.host, |callback| self.call_root(vm, callback));
        });
    }
}
