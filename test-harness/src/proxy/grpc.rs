//! The proxy's gRPC clusters: what filters call, and what was sent there.

use super::MockProxy;
use crate::grpc_cluster::{GrpcCluster, GrpcRequest};
use crate::host::grpc::{GrpcId, Happened};

impl MockProxy {
    /// Adds a gRPC service that filters may call, or puts it in the place of the one of its name.
    /// [`Builder::grpc_cluster`](crate::Builder::grpc_cluster) adds one before plugins are configured.
    ///
    /// What comes at once has come when [`send`](Self::send) returns; the rest is for [`advance`](Self::advance). A `GrpcService` message that
    /// names a `google_grpc.target_uri` goes to the cluster of that name.
    ///
    /// ```
    /// use proxy_filter_test::abi::{Callback, Host};
    /// use proxy_filter_test::{GrpcCluster, GrpcStatus, MockProxy, Spy};
    /// // A filter that calls `authz` for each request.
    /// let calls = Spy::acting("calls", |callback, host: &dyn Host| {
    ///     if let Callback::proxy_on_request_headers { .. } = callback {
    ///         host.proxy_grpc_call(b"authz", b"acme.Auth", b"Check", b"", b"ann", 500).expect("the call begins");
    ///     }
    ///     None
    /// });
    /// let proxy = MockProxy::new(calls.plugin())?;
    /// proxy.grpc_cluster("authz", GrpcCluster::unary(|request| match request.message() {
    ///     b"ann" => Ok("welcome"),
    ///     _ => Err(GrpcStatus::new(7, "who?")),
    /// }));
    ///
    /// proxy.send(http::Request::get("http://shop.example/").body("")?);
    /// let request = &proxy.grpc_requests_to("authz")[0];
    /// assert_eq!((request.service(), request.method(), request.message()), ("acme.Auth", "Check", &b"ann"[..]));
    /// let answered = |callback: &Callback| matches!(callback, Callback::proxy_on_grpc_receive { size: 7, .. });
    /// assert!(calls.callbacks().iter().any(answered));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn grpc_cluster(&self, name: &str, cluster: GrpcCluster) -> &Self {
        self.state.grpc.set(name, cluster);
        self
    }

    /// The calls and streams that a gRPC service has received so far, each as far as it has come.
    ///
    /// # Panics
    /// When the proxy has no such gRPC cluster.
    #[track_caller]
    pub fn grpc_requests_to(&self, cluster: &str) -> Vec<GrpcRequest> {
        let Some(requests) = self.state.grpc.requests(cluster) else {
            panic!("this proxy has no gRPC cluster \"{cluster}\": MockProxy::grpc_cluster adds one");
        };
        requests
    }

    pub(super) fn run_grpc(&self, id: GrpcId, to_service: bool) {
        if let Some(happened) = self.state.run_grpc(id, to_service) {
            self.tell_grpc(happened);
        }
    }

    pub(super) fn time_out_grpc(&self, id: GrpcId) {
        if let Some(happened) = self.state.time_out_grpc(id) {
            self.tell_grpc(happened);
        }
    }

    /// A root is told what has happened with its call, until it wants to hear no more of it.
    fn tell_grpc(&self, happened: Happened) {
        let Happened { id, root, notes } = happened;
        for note in notes {
            if !self.state.has_grpc(id) {
                return;
            }
            self.with_root(id.vm, root, |vm, root| {
                note.arrive(root, &vm.host, id, |callback| self.call_root(vm, callback));
            });
            self.state.told_grpc(id, &note);
        }
    }
}
