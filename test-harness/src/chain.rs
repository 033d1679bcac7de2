//! The filters that one stream passes, as they were when it began.

use crate::host::StreamKey;
use crate::host::http_stream::HttpStream;
use crate::host::tcp_stream::TcpStream;
use crate::instance::Instance;
use crate::place::Place;
use crate::profile::Profile;
use crate::worker::Worker;
use std::rc::Rc;

/// The filters of a stream, in order, and the access loggers that are told of its end.
pub(crate) struct Chain {
    links: Vec<Link>,
    loggers: Vec<Rc<Place>>,
    worker: usize,
}

struct Link {
    instance: Rc<Instance>,
    /// The stream's context; none where the VM was dead when the stream began.
    context: Option<u32>,
    fails_open: bool,
}

impl Chain {
    /// The chain for a new stream; its contexts get their ids now, long before some of them are created (CTX-1, CTX-2).
    pub(crate) fn new(stream: u64, number: usize, worker: &Worker, logged: bool) -> Self {
        let link = |(filter, place): (usize, &Rc<Place>)| {
            let instance = place.latest(&worker.vms);
            let context =
                (!instance.vm.is_dead()).then(|| instance.vm.host.new_stream(StreamKey { stream, filter }, &instance.root));
            Link { instance, context, fails_open: place.fails_open() }
        };
        let loggers = if logged { worker.loggers.borrow().clone() } else { Vec::new() };
        Self { links: worker.filters.borrow().iter().enumerate().map(link).collect(), loggers, worker: number }
    }

    /// The worker that the stream is in.
    pub(crate) fn worker(&self) -> usize {
        self.worker
    }

    /// Of each filter whether `allow_on_headers_stop_iteration` is set.
    pub(crate) fn stop_iteration(&self, profile: Profile) -> Vec<bool> {
        let allowed = |link: &Link| link.instance.root.plugin.allow_on_headers_stop_iteration;
        self.links.iter().map(|link| profile == Profile::Spec || allowed(link)).collect()
    }

    /// Tells a new stream which filters were dead when it began (FAI-7, FAI-8, FAI-9).
    pub(crate) fn begin(&self, stream: &mut HttpStream) {
        for (filter, fails_open) in self.dead() {
            if fails_open { stream.begin_without(filter) } else { stream.begin_dead(filter) }
        }
    }

    /// The same of a new connection (FAI-14).
    pub(crate) fn begin_connection(&self, stream: &mut TcpStream) {
        for (filter, fails_open) in self.dead() {
            if fails_open { stream.begin_without(filter) } else { stream.begin_dead(filter) }
        }
    }

    /// The filters that were dead when the stream began, and whether they fail open.
    fn dead(&self) -> impl Iterator<Item = (usize, bool)> {
        self.links.iter().enumerate().filter(|(_, link)| link.context.is_none()).map(|(filter, link)| (filter, link.fails_open))
    }

    /// How many filters there are.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    pub(crate) fn instances(&self) -> impl Iterator<Item = &Rc<Instance>> {
        self.links.iter().map(|link| &link.instance)
    }

    pub(crate) fn instance(&self, filter: usize) -> &Rc<Instance> {
        &self.links[filter].instance
    }

    /// The stream's context in a filter, unless its VM is dead.
    pub(crate) fn context(&self, filter: usize) -> Option<u32> {
        let link = &self.links[filter];
        link.context.filter(|_| !link.instance.vm.is_dead())
    }

    pub(crate) fn loggers(&self) -> &[Rc<Place>] {
        &self.loggers
    }

    /// Whether the stream may still come to this instance's root.
    pub(crate) fn holds(&self, instance: &Instance) -> bool {
        let logger = |place: &Rc<Place>| Rc::ptr_eq(&place.instance().root, &instance.root);
        self.links.iter().any(|link| Rc::ptr_eq(&link.instance.root, &instance.root)) || self.loggers.iter().any(logger)
    }
}
