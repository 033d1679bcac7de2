//! The hostcalls of shared data and queues.

use super::VmHost;
use crate::limits::Limit;
use proxy_filter_abi::Status;

type Answer<T = ()> = Result<T, Status>;

impl VmHost {
    pub(super) fn get_shared_data(&self, key: &[u8]) -> Answer<(Vec<u8>, u32)> {
        self.state.shared.data.get(&self.vm().vm_id, key).ok_or(Status::NotFound)
    }

    pub(super) fn set_shared_data(&self, key: &[u8], value: &[u8], cas: u32) -> Answer {
        let most = self.state.bounds.most.shared_data_bytes;
        self.bounded(Limit::SharedData, self.state.shared.data.set(most, &self.vm().vm_id, key, value, cas))
    }

    /// QUE-1: a stream registers for its root.
    pub(super) fn register_shared_queue(&self, name: &[u8]) -> Answer<u32> {
        let most = self.state.bounds.most.queue_bytes;
        let listener = self.root().map(|root| (self.id(), root.id));
        self.bounded(Limit::Queues, self.state.shared.queues.register(most, &self.vm().vm_id, name, listener))
    }

    /// QUE-3: no vm_id is the own.
    pub(super) fn resolve_shared_queue(&self, vm_id: &[u8], name: &[u8]) -> Answer<u32> {
        let own = self.vm().vm_id.as_bytes();
        let vm_id = std::str::from_utf8(if vm_id.is_empty() { own } else { vm_id }).map_err(|_| Status::NotFound)?;
        self.state.shared.queues.resolve(vm_id, name).ok_or(Status::NotFound)
    }

    pub(super) fn enqueue_shared_queue(&self, queue: u32, value: &[u8]) -> Answer {
        let most = self.state.bounds.most.queue_bytes;
        self.bounded(Limit::Queues, self.state.shared.queues.enqueue(most, queue, value))
    }

    pub(super) fn dequeue_shared_queue(&self, queue: u32) -> Answer<Vec<u8>> {
        self.state.shared.queues.dequeue(queue)
    }

    /// In these hostcalls `INTERNAL_FAILURE` is the mock proxy's own: a limit is reached.
    fn bounded<T>(&self, limit: Limit, answer: Answer<T>) -> Answer<T> {
        if matches!(answer, Err(Status::InternalFailure)) {
            self.state.reached(limit, &self.plugin().name);
        }
        answer
    }
}
