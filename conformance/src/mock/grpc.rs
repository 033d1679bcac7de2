//! A scenario's gRPC server on the mock host.

use super::PACE;
use crate::grpc::{Behaviour, Received, Step, framed};
use crate::http2::START;
use crate::message::Message;
use proxy_filter_test::{GrpcCluster, GrpcEvent, GrpcReply, GrpcRequest};

/// The cluster that does a scenario's steps with each call.
pub(super) fn cluster(behaviour: &Behaviour) -> GrpcCluster {
    if behaviour.refuses {
        return GrpcCluster::refuse();
    }
    let steps = behaviour.steps.clone();
    GrpcCluster::stream(move |_| {
        let mut call = Call { steps: steps.clone(), next: 0, unread: 0, ended: false, reset: false };
        move |event, reply| call.go_on(&event, reply)
    })
}

struct Call {
    steps: Vec<Step>,
    next: usize,
    unread: usize,
    ended: bool,
    reset: bool,
}

impl Call {
    fn go_on(&mut self, event: &GrpcEvent, reply: &mut GrpcReply) {
        match event {
            GrpcEvent::Start => {}
            GrpcEvent::Message(_) => self.unread += 1,
            GrpcEvent::HalfClose => self.ended = true,
            GrpcEvent::Cancel => self.reset = true,
        }
        while let Some(step) = self.steps.get(self.next) {
            let ready = match step {
                Step::AwaitMessage => self.unread > 0,
                Step::AwaitEnd => self.ended,
                Step::AwaitReset => self.reset,
                _ => true,
            };
            if !ready {
                return;
            }
            self.next += 1;
            match step {
                Step::AwaitMessage => self.unread -= 1,
                Step::AwaitEnd | Step::AwaitReset => {}
                step => send(step, reply.after(PACE)),
            }
        }
    }
}

fn send(step: &Step, reply: &mut GrpcReply) {
    match step {
        Step::Headers(pairs, end) => reply.headers(pairs.iter().cloned(), *end),
        Step::Message(message) => reply.data(framed(message), false),
        Step::Data(data, end) => reply.data(data.to_vec(), *end),
        Step::Trailers(pairs) => reply.trailers(pairs.iter().cloned()),
        Step::Reset => reply.reset(),
        Step::Close => reply.close_connection(),
        Step::AwaitMessage | Step::AwaitEnd | Step::AwaitReset => {}
    }
}

/// What the server received, as it is on the wire.
pub(super) fn received(request: &GrpcRequest) -> Received {
    let headers = request.raw_metadata().iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    let body = request.messages().iter().flat_map(|message| framed(message)).collect();
    let request_of = Message { start: START.to_vec(), headers, body, ..Message::default() };
    Received { request: request_of, complete: request.half_closed(), reset: request.cancelled() }
}
