//! `proxy_grpc_*`: calls and streams that are in flight, the clusters that they go to, and what was sent there.

mod call;
mod hostcalls;
mod service;

pub(crate) use call::Note;
use call::Receiving;

use super::arrived::Arrived;
use super::events::{Event, EventId};
use super::tokens::CalloutKind;
use super::{Root, State, VmHost};
use crate::grpc_cluster::{Frame, GrpcCluster, GrpcEvent, GrpcReply, GrpcRequest, Handler, Pairs, owned};
use crate::tester;
use bytes::Bytes;
use proxy_filter_abi::{BufferType, Callback, MapType};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The gRPC side of a proxy.
#[derive(Debug, Default)]
pub(crate) struct Grpc {
    clusters: RefCell<BTreeMap<String, Known>>,
    calls: RefCell<BTreeMap<GrpcId, Call>>,
}

/// A call or stream: the number of its VM, and its token there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GrpcId {
    pub(crate) vm: u32,
    token: u32,
}

#[derive(Debug)]
struct Known {
    /// Nothing while its closure runs.
    cluster: Option<GrpcCluster>,
    requests: Vec<GrpcRequest>,
}

/// A call or stream that the guest has a token for.
struct Call {
    root: u32,
    plugin: String,
    kind: CalloutKind,
    cluster: String,
    metadata: Pairs,
    handler: Option<Handler>,
    /// Its place among what the cluster has received, once it is there.
    record: Option<usize>,
    /// What is on its way to the service, and to the guest, each in order.
    to_service: VecDeque<(EventId, Item)>,
    to_guest: VecDeque<(EventId, Item)>,
    deadline: Option<EventId>,
    receiving: Receiving,
    replied: bool,
    /// When the request was whole.
    sent: Option<Duration>,
    /// The guest has said so by `proxy_grpc_close`.
    closed: bool,
}

#[derive(Debug)]
enum Item {
    Start,
    Message(Bytes),
    HalfClose,
    Frame(Frame),
    /// GRP-17: there is no such cluster.
    NoCluster,
    /// GRP-26: there is nobody at this URI.
    NoHost,
}

/// What has happened with a call: what its root is to be told.
pub(crate) struct Happened {
    pub(crate) id: GrpcId,
    pub(crate) root: u32,
    pub(crate) notes: Vec<Note>,
}

impl Grpc {
    pub(crate) fn set(&self, name: &str, cluster: GrpcCluster) {
        let mut clusters = self.clusters.borrow_mut();
        clusters.entry(name.to_owned()).or_insert_with(|| Known { cluster: None, requests: Vec::new() }).cluster = Some(cluster);
    }

    /// What was sent to a cluster; `None` where there is none of this name.
    pub(crate) fn requests(&self, name: &str) -> Option<Vec<GrpcRequest>> {
        self.clusters.borrow().get(name).map(|known| known.requests.clone())
    }

    pub(super) fn len(&self) -> usize {
        self.calls.borrow().len()
    }

    /// Whether something will yet happen with a call or stream of this VM.
    pub(crate) fn may_wake(&self, vm: u32) -> bool {
        self.calls.borrow().iter().any(|(id, call)| id.vm == vm && !call.rests())
    }

    /// The plugins of unary calls that nothing will ever end, each with its VM.
    pub(crate) fn never_answered(&self) -> Vec<(u32, String)> {
        let calls = self.calls.borrow();
        let never = calls.iter().filter(|(_, call)| call.kind == CalloutKind::GrpcCall && call.rests());
        never.map(|(id, call)| (id.vm, call.plugin.clone())).collect()
    }

    fn has(&self, id: GrpcId) -> bool {
        self.calls.borrow().contains_key(&id)
    }

    fn knows(&self, name: &str) -> bool {
        self.clusters.borrow().contains_key(name)
    }

    fn unknown(&self, name: &str) -> String {
        let clusters = self.clusters.borrow();
        let names: Vec<&str> = clusters.keys().map(String::as_str).collect();
        format!("GRP-2: no gRPC cluster is named {name:?}, but {names:?}: MockProxy::grpc_cluster adds one")
    }

    fn with_record(&self, cluster: &str, record: Option<usize>, f: impl FnOnce(&mut GrpcRequest)) {
        let mut clusters = self.clusters.borrow_mut();
        let request = record.and_then(|record| clusters.get_mut(cluster)?.requests.get_mut(record));
        if let Some(request) = request {
            f(request);
        }
    }
}

impl Call {
    /// Whether nothing is under way with it, and no time runs.
    fn rests(&self) -> bool {
        self.deadline.is_none() && self.to_service.is_empty() && self.to_guest.is_empty()
    }

    fn events(&mut self) -> Vec<EventId> {
        let due = self.to_service.drain(..).chain(self.to_guest.drain(..)).map(|(event, _)| event);
        due.chain(self.deadline.take()).collect()
    }
}

impl State {
    /// The next thing that is due of a call happens, on its way to the service or to the guest.
    pub(crate) fn run_grpc(&self, id: GrpcId, to_service: bool) -> Option<Happened> {
        let (item, root) = self.with_grpc(id, |call, _| {
            let due = if to_service { &mut call.to_service } else { &mut call.to_guest };
            due.pop_front().map(|(_, item)| (item, call.root))
        })??;
        let notes = match item {
            Item::Start => self.begin_grpc(id),
            Item::Message(message) => {
                self.record_grpc(id, |request| request.messages.push(message.clone()));
                self.tell_service(id, GrpcEvent::Message(message));
                Vec::new()
            }
            Item::HalfClose => {
                self.record_grpc(id, |request| request.half_closed = true);
                self.tell_service(id, GrpcEvent::HalfClose);
                Vec::new()
            }
            Item::Frame(frame) => {
                let whole = frame.ends();
                let notes = self.with_grpc(id, |call, now| {
                    let time = call.sent.map(|sent| now.saturating_sub(sent).as_millis());
                    call.receiving.receive(frame, time)
                })?;
                self.after_receiving(id, whole);
                notes
            }
            Item::NoHost => vec![Note::Close { code: 13, message: String::new() }],
            Item::NoCluster => vec![Note::Close { code: 14, message: "Cluster not available".to_owned() }],
        };
        Some(Happened { id, root, notes })
    }

    /// The time of a unary call is over.
    pub(crate) fn time_out_grpc(&self, id: GrpcId) -> Option<Happened> {
        let (root, notes) = self.with_grpc(id, |call, _| {
            call.deadline = None;
            (call.root, call.receiving.time_out())
        })?;
        self.after_receiving(id, false);
        Some(Happened { id, root, notes })
    }

    fn with_grpc<R>(&self, id: GrpcId, f: impl FnOnce(&mut Call, Duration) -> R) -> Option<R> {
        let now = self.events.now();
        self.grpc.calls.borrow_mut().get_mut(&id).map(|call| f(call, now))
    }

    fn record_grpc(&self, id: GrpcId, f: impl FnOnce(&mut GrpcRequest)) {
        if let Some((cluster, record)) = self.with_grpc(id, |call, _| (call.cluster.clone(), call.record)) {
            self.grpc.with_record(&cluster, record, f);
        }
    }

    /// The request reaches its service, if somebody listens there.
    fn begin_grpc(&self, id: GrpcId) -> Vec<Note> {
        let begun = self.with_grpc(id, |call, _| (call.cluster.clone(), call.metadata.clone()));
        let Some((name, metadata)) = begun else { return Vec::new() };
        let request = GrpcRequest { metadata, ..GrpcRequest::default() };
        let (taken, record) = {
            let mut clusters = self.grpc.clusters.borrow_mut();
            let Some(known) = clusters.get_mut(&name) else { return Vec::new() };
            let taken = known.cluster.take_if(|cluster| !cluster.refuses());
            if taken.is_some() {
                known.requests.push(request.clone());
            }
            (taken, known.requests.len().wrapping_sub(1))
        };
        let Some(mut cluster) = taken else {
            return self.with_grpc(id, |call, _| call.receiving.refused()).unwrap_or_default();
        };
        // Its closure may call the proxy.
        let handler = cluster.begin(&request);
        if let Some(known) = self.grpc.clusters.borrow_mut().get_mut(&name) {
            known.cluster.get_or_insert(cluster);
        }
        self.with_grpc(id, |call, _| {
            call.record = Some(record);
            call.handler = Some(handler);
        });
        self.tell_service(id, GrpcEvent::Start);
        Vec::new()
    }

    /// Tells the service of a call, and schedules what it sends.
    fn tell_service(&self, id: GrpcId, event: GrpcEvent) {
        let taken = self.with_grpc(id, |call, _| (call.handler.take(), call.replied, call.cluster.clone()));
        let Some((Some(mut handler), replied, cluster)) = taken else { return };
        let latency =
            self.grpc.clusters.borrow().get(&cluster).and_then(|known| known.cluster.as_ref().map(GrpcCluster::latency_of_all));
        let mut reply = GrpcReply::new(replied, latency.unwrap_or_default());
        // In a hostcall where the guest gives a call up.
        tester::run(|| handler(event, &mut reply));
        self.with_grpc(id, |call, _| {
            call.handler = Some(handler);
            call.replied = reply.begun;
        });
        for (after, frame) in reply.sent {
            self.schedule_grpc(id, after, Item::Frame(frame));
        }
    }

    /// What goes one way comes in the order in which it was sent.
    fn schedule_grpc(&self, id: GrpcId, after: Duration, item: Item) {
        let to_service = !matches!(item, Item::Frame(_) | Item::NoCluster | Item::NoHost);
        self.with_grpc(id, |call, now| {
            let due = if to_service { &mut call.to_service } else { &mut call.to_guest };
            let last = due.back().map_or(Duration::ZERO, |(event, _)| event.due().saturating_sub(now));
            due.push_back((self.events.schedule(after.max(last), Event::Grpc { id, to_service }), item));
        });
    }

    /// What has ended on the service's side, or has failed, goes on no further; what is not over on both sides is reset.
    fn after_receiving(&self, id: GrpcId, whole: bool) {
        let ended =
            self.with_grpc(id, |call, _| call.receiving.has_ended().then(|| (call.sent.is_some() && whole, call.events())));
        let Some(Some((over, events))) = ended else { return };
        events.into_iter().for_each(|event| self.events.cancel(event));
        if !over {
            self.reset_service(id);
        }
    }

    fn reset_service(&self, id: GrpcId) {
        self.record_grpc(id, |request| request.cancelled = true);
        self.tell_service(id, GrpcEvent::Cancel);
    }

    /// The root has been told: what becomes of the token (GRP-12, GRP-14).
    pub(crate) fn told_grpc(&self, id: GrpcId, note: &Note) {
        let over = self.with_grpc(id, |call, _| match note {
            _ if call.kind == CalloutKind::GrpcCall => true,
            Note::Close { .. } => call.closed,
            _ => false,
        });
        if over == Some(true) {
            self.forget_grpc(id);
        }
    }

    /// Whether the guest has this token still: what it has cancelled it is told nothing of.
    pub(crate) fn has_grpc(&self, id: GrpcId) -> bool {
        self.grpc.has(id)
    }

    fn forget_grpc(&self, id: GrpcId) {
        let call = self.grpc.calls.borrow_mut().remove(&id);
        call.into_iter().flat_map(|mut call| call.events()).for_each(|event| self.events.cancel(event));
    }

    fn cancel_grpc(&self, id: GrpcId) {
        if self.with_grpc(id, |call, _| call.receiving.has_ended()) == Some(false) {
            self.reset_service(id);
        }
        self.forget_grpc(id);
    }

    /// The calls and streams of a root end with it, without a word; of all roots of a VM where none is named (CAL-18).
    pub(super) fn cancel_grpc_of(&self, vm: u32, root: Option<u32>) {
        let of_root = |id: &GrpcId, call: &Call| id.vm == vm && root.is_none_or(|root| call.root == root);
        let ids: Vec<GrpcId> =
            self.grpc.calls.borrow().iter().filter(|(id, call)| of_root(id, call)).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.cancel_grpc(id));
    }
}

impl Note {
    /// The callback that says so, with what can be read in it.
    pub(crate) fn arrive(&self, root: &Root, host: &VmHost, id: GrpcId, call: impl FnOnce(Callback)) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (context_id, call_id, nothing) = (root.id, id.token, Arrived::nothing(root.id));
        match self {
            Self::Initial(map) => {
                let callback =
                    Callback::proxy_on_grpc_receive_initial_metadata { context_id, call_id, num_elements: number(map.len()) };
                host.with_arrived(nothing.map(MapType::GrpcCallInitialMetadata, map.clone()), callback, call);
            }
            Self::Message(message) => {
                let callback = Callback::proxy_on_grpc_receive { context_id, call_id, size: number(message.len()) };
                host.with_arrived(nothing.body(BufferType::GrpcCallMessage, message.to_vec()), callback, call);
            }
            Self::Trailing(map) => {
                let callback =
                    Callback::proxy_on_grpc_receive_trailing_metadata { context_id, call_id, num_elements: number(map.len()) };
                host.with_arrived(nothing.map(MapType::GrpcCallTrailingMetadata, map.clone()), callback, call);
            }
            Self::Close { code, message } => {
                // STA-4.
                root.set_status(*code, message.as_bytes());
                host.with_arrived(nothing, Callback::proxy_on_grpc_close { context_id, call_id, status_code: *code }, call);
                root.set_status(0, b"");
            }
        }
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("kind", &self.kind).field("cluster", &self.cluster).finish_non_exhaustive()
    }
}
