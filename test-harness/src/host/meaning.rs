//! What each hostcall means.

use super::header_map::{Entry, parse_leniently};
use super::http_stream::{HttpStream, Side};
use super::{Effect, VmHost, buffer, tcp_stream};
use crate::limits::Limit;
use crate::profile::Profile;
use proxy_filter_abi::{AbiVersion, BufferType, Callback, Host, LogLevel, MapType, MetricType, Status, StreamType};
use std::time::Duration;

type Answer<T = ()> = Result<T, Status>;

/// Which message a body buffer belongs to.
fn side_of(buffer: BufferType) -> Option<Side> {
    match buffer {
        BufferType::HttpRequestBody => Some(Side::Request),
        BufferType::HttpResponseBody => Some(Side::Response),
        _ => None,
    }
}

/// Which end of a connection a buffer's bytes come from.
fn end_of(buffer: BufferType) -> Option<tcp_stream::Side> {
    match buffer {
        BufferType::DownstreamData => Some(tcp_stream::Side::Downstream),
        BufferType::UpstreamData => Some(tcp_stream::Side::Upstream),
        _ => None,
    }
}

/// What a map's pairs count against [`Limits::map_bytes`](crate::Limits::map_bytes).
fn weight(pairs: &[Entry]) -> usize {
    const OF_A_PAIR: usize = 32;
    pairs.iter().map(|(name, value)| name.len() + value.len() + OF_A_PAIR).sum()
}

impl VmHost {
    /// Runs `f` on the bytes of a buffer.
    fn buffer<R>(&self, buffer: BufferType, f: impl FnOnce(&[u8]) -> R) -> Answer<R> {
        let by_spec = self.state.profile == Profile::Spec;
        if let (Some(side), Some(key)) = (side_of(buffer), self.stream()) {
            let streams = self.state.streams.borrow();
            if by_spec && !streams.get(&key.stream).is_some_and(|stream| stream.has_body(key.filter, side)) {
                return Err(Status::NotFound);
            }
            return Ok(f(streams.get(&key.stream).map_or(&[], |stream| stream.body(key.filter, side))));
        }
        if let (Some(side), Some(key)) = (end_of(buffer), self.stream()) {
            let connections = self.state.connections.borrow();
            return Ok(f(connections.get(&key.stream).map_or(&[], |connection| connection.data(key.filter, side))));
        }
        match buffer {
            BufferType::HttpRequestBody | BufferType::HttpResponseBody if by_spec => Err(Status::NotFound),
            // BUF-4: nothing is there, which is no error.
            BufferType::HttpRequestBody
            | BufferType::HttpResponseBody
            | BufferType::DownstreamData
            | BufferType::UpstreamData => Ok(f(&[])),
            // GRP-18: outside of its callback there is none, which is no error.
            BufferType::GrpcCallMessage => Ok(self.arrived_message(f)),
            BufferType::HttpCallResponseBody => self.arrived_body(buffer, f).ok_or(Status::NotFound),
            BufferType::VmConfiguration if by_spec && !self.is_starting() => Err(Status::NotFound),
            BufferType::ForeignFunctionArguments if self.foreign_arguments.borrow().is_some() => {
                Ok(f(self.foreign_arguments.borrow().as_deref().unwrap_or_default()))
            }
            // BUF-6, BUF-18.
            BufferType::VmConfiguration | BufferType::ForeignFunctionArguments => Ok(f(&self.vm().configuration)),
            BufferType::PluginConfiguration if self.is_configuring() => Ok(f(&self.plugin().configuration)),
            BufferType::PluginConfiguration => Err(Status::NotFound),
        }
    }

    fn edit(&self, map: MapType, f: impl FnOnce(&mut super::HeaderMap)) -> Answer {
        self.with_stream(|stream, filter| stream.map_mut(filter, map).map(f)).unwrap_or(Err(Status::BadArgument))
    }

    /// An edit by which a map may grow by so many bytes.
    fn grow(&self, map: MapType, bytes: usize, f: impl FnOnce(&mut super::HeaderMap)) -> Answer {
        self.within_limit(map, |map| weight(map.entries()) + bytes, f)
    }

    /// An edit after which a map is at most of this size.
    fn within_limit(
        &self,
        map: MapType,
        size: impl FnOnce(&super::HeaderMap) -> usize,
        f: impl FnOnce(&mut super::HeaderMap),
    ) -> Answer {
        let most = self.state.bounds.most.map_bytes;
        let mut too_large = false;
        self.edit(map, |map| {
            too_large = size(map) > most;
            if !too_large {
                f(map);
            }
        })?;
        if too_large {
            self.state.reached(Limit::Map, &self.plugin().name);
            return Err(Status::InternalFailure);
        }
        Ok(())
    }
}

impl Host for VmHost {
    fn proxy_log(&self, level: LogLevel, message: &[u8]) -> Answer {
        if level >= self.state.log_level.get() {
            self.state.log(level, &self.plugin().name, message);
        }
        Ok(())
    }

    fn proxy_get_log_level(&self) -> Answer<u32> {
        Ok(self.state.log_level.get().to_wire())
    }

    fn proxy_get_current_time_nanoseconds(&self) -> Answer<u64> {
        u64::try_from(self.state.events.wall().as_nanos()).map_err(|_| Status::InternalFailure)
    }

    fn proxy_get_buffer_bytes(&self, buffer_type: BufferType, start: u32, max_size: u32) -> Answer<Vec<u8>> {
        if self.state.profile == Profile::Spec && start.checked_add(max_size).is_none() {
            return Err(Status::BadArgument);
        }
        self.buffer(buffer_type, |bytes| buffer::get(bytes, start, max_size).to_vec())
    }

    fn proxy_set_buffer_bytes(&self, buffer_type: BufferType, start: u32, size: u32, value: &[u8]) -> Answer {
        if let Some(side) = side_of(buffer_type) {
            let set = self.with_stream(|stream, filter| stream.set_body(filter, side, start, size, value));
            let absent = if self.state.profile == Profile::Spec { Status::NotFound } else { Status::BadArgument };
            return set.unwrap_or(Err(absent));
        }
        if let Some(side) = end_of(buffer_type) {
            let set = self.with_connection(|connection, filter| connection.set_data(filter, side, start, size, value));
            return set.unwrap_or(Err(Status::BadArgument));
        }
        match buffer_type {
            // GRP-18: the root's own copy.
            BufferType::GrpcCallMessage => self.edit_arrived_message(|message| buffer::set(message, start, size, value)),
            BufferType::HttpCallResponseBody if self.arrived_body(buffer_type, |_| ()).is_none() => Err(Status::NotFound),
            BufferType::PluginConfiguration if !self.is_configuring() => Err(Status::NotFound),
            _ => Err(Status::BadArgument),
        }
    }

    fn proxy_get_buffer_status(&self, buffer_type: BufferType) -> Answer<(u32, u32)> {
        let length = self.buffer(buffer_type, <[u8]>::len)?;
        Ok((u32::try_from(length).map_err(|_| Status::InternalFailure)?, 0))
    }

    fn proxy_get_header_map_size(&self, map_type: MapType) -> Answer<u32> {
        let mut size = 0;
        let by_spec = self.state.profile == Profile::Spec;
        self.edit(map_type, |map| size = if by_spec { map.to_wire().len() } else { map.byte_size() })?;
        u32::try_from(size).map_err(|_| Status::InternalFailure)
    }

    fn proxy_get_header_map_pairs(&self, map_type: MapType) -> Answer<Vec<u8>> {
        if let Some(pairs) = self.arrived_map(map_type, super::HeaderMap::to_wire) {
            return Ok(pairs);
        }
        let pairs =
            self.with_readable(|stream, filter| stream.map(filter, map_type).map(super::HeaderMap::to_wire).unwrap_or_default());
        Ok(pairs.unwrap_or_default())
    }

    fn proxy_set_header_map_pairs(&self, map_type: MapType, pairs: &[u8]) -> Answer {
        let pairs = parse_leniently(pairs);
        let size = weight(&pairs);
        self.within_limit(map_type, |_| size, |map| map.set_pairs(&pairs))
    }

    fn proxy_get_header_map_value(&self, map_type: MapType, key: &[u8]) -> Answer<Vec<u8>> {
        let get = |map: &super::HeaderMap| map.get(key).map(<[u8]>::to_vec).ok_or(Status::NotFound);
        let value = self
            .arrived_map(map_type, get)
            .or_else(|| self.with_readable(|stream, filter| stream.map(filter, map_type).and_then(get)));
        match value.unwrap_or(Err(Status::BadArgument)) {
            // HDR-7: what is not there is empty.
            Err(Status::NotFound) if self.abi.get() == AbiVersion::V0_1_0 => Ok(Vec::new()),
            value => value,
        }
    }

    fn proxy_add_header_map_value(&self, map_type: MapType, key: &[u8], value: &[u8]) -> Answer {
        self.grow(map_type, key.len() + value.len(), |map| map.add(key, value))
    }

    fn proxy_replace_header_map_value(&self, map_type: MapType, key: &[u8], value: &[u8]) -> Answer {
        self.grow(map_type, key.len() + value.len(), |map| map.replace(key, value))
    }

    fn proxy_remove_header_map_value(&self, map_type: MapType, key: &[u8]) -> Answer {
        self.edit(map_type, |map| map.remove(key))
    }

    fn proxy_continue_stream(&self, stream_type: StreamType) -> Answer {
        match stream_type {
            StreamType::HttpRequest | StreamType::HttpResponse => {
                self.after_callback(Effect::Continue(stream_type));
                self.with_stream(HttpStream::release_request_maps);
                Ok(())
            }
            // CON-12: nothing, on an HTTP stream.
            StreamType::Downstream => {
                self.after_callback(Effect::ContinueConnection);
                Ok(())
            }
            StreamType::Upstream => Err(Status::Unimplemented),
        }
    }

    fn proxy_close_stream(&self, stream_type: StreamType) -> Answer {
        match stream_type {
            StreamType::HttpRequest | StreamType::HttpResponse => {
                self.stop_running();
                self.after_callback(Effect::Close);
            }
            // CLO-3: they mean nothing to an HTTP stream, and are the same to a connection (TCP-5).
            StreamType::Downstream | StreamType::Upstream => self.after_callback(Effect::CloseConnection),
        }
        Ok(())
    }

    fn proxy_send_local_response(
        &self,
        status_code: u32,
        details: &[u8],
        body: &[u8],
        headers: &[u8],
        grpc_status: u32,
    ) -> Answer {
        // LOC-15: what stops is the stream whose callback runs, whatever the reply is sent to. From a root nothing is sent (LOC-14).
        self.stop_running();
        let ending = |callback| {
            matches!(callback, Callback::proxy_on_log { .. } | Callback::proxy_on_done { .. } | Callback::proxy_on_delete { .. })
        };
        if self.running_stream().is_some() && self.stream().is_none() && !self.running.get().is_some_and(ending) {
            self.with_running_stream(HttpStream::note_reply_on_root);
        }
        let reply = super::Reply::of_filter(status_code, details, body, headers, grpc_status);
        self.after_callback(Effect::Reply(reply));
        Ok(())
    }

    fn proxy_http_call(&self, upstream: &[u8], headers: &[u8], body: &[u8], _trailers: &[u8], timeout: u32) -> Answer<u32> {
        self.http_call(upstream, headers, body, timeout)
    }

    fn proxy_grpc_call(
        &self,
        upstream: &[u8],
        service: &[u8],
        method: &[u8],
        initial_metadata: &[u8],
        message: &[u8],
        timeout: u32,
    ) -> Answer<u32> {
        self.grpc_call(upstream, service, method, initial_metadata, message, timeout)
    }

    fn proxy_grpc_stream(&self, upstream: &[u8], service: &[u8], method: &[u8], initial_metadata: &[u8]) -> Answer<u32> {
        self.grpc_stream(upstream, service, method, initial_metadata)
    }

    fn proxy_grpc_send(&self, stream_id: u32, message: &[u8], end_stream: u32) -> Answer {
        self.grpc_send(stream_id, message, end_stream != 0)
    }

    fn proxy_grpc_cancel(&self, call_id: u32) -> Answer {
        self.grpc_cancel(call_id)
    }

    fn proxy_grpc_close(&self, call_id: u32) -> Answer {
        self.grpc_close(call_id)
    }

    fn proxy_get_status(&self) -> Answer<(u32, Vec<u8>)> {
        Ok(self.status())
    }

    fn proxy_set_tick_period_milliseconds(&self, period: u32) -> Answer {
        if let Some(root) = self.root() {
            root.set_timer(&self.state.events, Duration::from_millis(period.into()));
        }
        Ok(())
    }

    fn proxy_get_property(&self, path: &[u8]) -> Answer<Vec<u8>> {
        self.get_property(path).inspect(|_| self.note_read(path))
    }

    fn proxy_set_property(&self, path: &[u8], value: &[u8]) -> Answer {
        self.set_property(path, value)
    }

    fn proxy_call_foreign_function(&self, name: &[u8], arguments: &[u8]) -> Answer<Vec<u8>> {
        self.call_foreign_function(name, arguments)
    }

    fn proxy_set_effective_context(&self, context_id: u32) -> Answer {
        let id = if context_id == 0 { self.running.get().map_or(0, |callback| callback.context_id()) } else { context_id };
        if context_id != 0 && !self.contexts.borrow().contains_key(&id) {
            self.note_dead_context(id);
            return Err(Status::BadArgument);
        }
        self.effective.set(id);
        Ok(())
    }

    fn proxy_done(&self) -> Answer {
        // LIF-20, LIF-22.
        let stream = self.with_stream(HttpStream::done).unwrap_or_default();
        if stream || self.done() { Ok(()) } else { Err(Status::NotFound) }
    }

    fn proxy_define_metric(&self, metric_type: MetricType, name: &[u8]) -> Answer<u32> {
        self.define_metric(metric_type, name)
    }

    fn proxy_increment_metric(&self, metric_id: u32, offset: i64) -> Answer {
        self.increment_metric(metric_id, offset)
    }

    fn proxy_record_metric(&self, metric_id: u32, value: u64) -> Answer {
        self.record_metric(metric_id, value)
    }

    fn proxy_get_metric(&self, metric_id: u32) -> Answer<u64> {
        self.get_metric(metric_id)
    }

    fn proxy_get_shared_data(&self, key: &[u8]) -> Answer<(Vec<u8>, u32)> {
        self.get_shared_data(key)
    }

    fn proxy_set_shared_data(&self, key: &[u8], value: &[u8], cas: u32) -> Answer {
        self.set_shared_data(key, value, cas)
    }

    fn proxy_register_shared_queue(&self, name: &[u8]) -> Answer<u32> {
        self.register_shared_queue(name)
    }

    fn proxy_resolve_shared_queue(&self, vm_id: &[u8], name: &[u8]) -> Answer<u32> {
        self.resolve_shared_queue(vm_id, name)
    }

    fn proxy_enqueue_shared_queue(&self, queue_id: u32, value: &[u8]) -> Answer {
        self.enqueue_shared_queue(queue_id, value)
    }

    fn proxy_dequeue_shared_queue(&self, queue_id: u32) -> Answer<Vec<u8>> {
        self.dequeue_shared_queue(queue_id)
    }
}

impl VmHost {
    fn stop_running(&self) {
        self.with_running_stream(HttpStream::stop_iteration);
    }

    fn with_running_stream(&self, f: impl FnOnce(&mut HttpStream, usize)) {
        let Some(key) = self.running_stream() else { return };
        if let Some(stream) = self.state.streams.borrow_mut().get_mut(&key.stream) {
            f(stream, key.filter);
        }
    }
}
