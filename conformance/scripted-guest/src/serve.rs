//! Does an operation on a service and says what came of it.

use crate::{
    numbers::Kind,
    perform::{bytes, status},
    service::{Argument, Foreign, GrpcCall, HttpCall, Service},
    sys::{PLUGIN, Returned, import},
    text::escape,
    words::{Naming, Number},
};
use alloc::{format, string::String, vec::Vec};

/// Does it in a callback of context `id`; `None` if a number that it uses has no value.
pub(crate) fn serve(id: u32, service: &Service) -> Option<String> {
    Some(match service {
        Service::HttpCall(call) => http_call(id, call),
        Service::GrpcCall(call) => grpc_call(id, call),
        Service::GrpcStream(call) => grpc_stream(id, call),
        Service::GrpcSend { id: stream, message, end } => {
            status(import::proxy_grpc_send(number(id, stream)?, message.as_ptr(), message.len(), *end))
        }
        Service::GrpcCancel(call) => status(import::proxy_grpc_cancel(number(id, call)?)),
        Service::GrpcClose(call) => status(import::proxy_grpc_close(number(id, call)?)),
        Service::GetStatus => {
            let mut code = 0;
            let (answer, message) = Returned::take(|message, size| import::proxy_get_status(&mut code, message, size));
            match message {
                Returned::Bytes(message) => format!("{} {code} \"{}\"", status(answer), escape(&message)),
                message => format!("code {code}, message {}", bytes((answer, message))),
            }
        }
        Service::GetSharedData { key, naming } => get_shared_data(id, key, naming.as_ref()),
        Service::SetSharedData { key, value, cas } => {
            let cas = number(id, cas)?;
            status(import::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas))
        }
        Service::RegisterQueue { name, naming } => written(id, Kind::Queue, naming.as_ref(), |queue| {
            import::proxy_register_shared_queue(name.as_ptr(), name.len(), queue)
        }),
        Service::ResolveQueue { vm_id, name, naming } => written(id, Kind::Queue, naming.as_ref(), |queue| {
            import::proxy_resolve_shared_queue(vm_id.as_ptr(), vm_id.len(), name.as_ptr(), name.len(), queue)
        }),
        Service::Enqueue { queue, value } => {
            status(import::proxy_enqueue_shared_queue(number(id, queue)?, value.as_ptr(), value.len()))
        }
        Service::Dequeue(queue) => {
            let queue = number(id, queue)?;
            bytes(Returned::take(|value, size| import::proxy_dequeue_shared_queue(queue, value, size)))
        }
        Service::DefineMetric { metric_type, name, naming } => written(id, Kind::Metric, naming.as_ref(), |metric| {
            import::proxy_define_metric(*metric_type, name.as_ptr(), name.len(), metric)
        }),
        Service::Increment { metric, offset } => status(import::proxy_increment_metric(number(id, metric)?, *offset)),
        Service::Record { metric, value } => status(import::proxy_record_metric(number(id, metric)?, *value)),
        Service::GetMetric(metric) => {
            let mut value = NOT_WRITTEN;
            let answer = import::proxy_get_metric(number(id, metric)?, &raw mut value);
            if value == NOT_WRITTEN { status(answer) } else { format!("{} {value}", status(answer)) }
        }
        Service::Foreign(foreign) => call_foreign_function(id, foreign)?,
    })
}

/// What no host writes by chance.
const NOT_WRITTEN: u64 = 0xAAAA_AAA1_AAAA_AAA1;

fn number(id: u32, number: &Number) -> Option<u32> {
    u32::try_from(PLUGIN.with(|plugin| plugin.value(id, number))?).ok()
}

/// A hostcall that writes a number: a name is all that is said of it, unless it is 0 or comes with a failure.
fn written(id: u32, kind: Kind, naming: Option<&Naming>, call: impl FnOnce(*mut u32) -> u32) -> String {
    const UNTOUCHED: u32 = 0xAAAA_AAA1;
    let mut value = UNTOUCHED;
    let answer = call(&raw mut value);
    let said = status(answer);
    match (value, naming) {
        (UNTOUCHED, _) => said,
        (value, Some(naming)) if answer == 0 => {
            format!("{said} {}", PLUGIN.with(|plugin| plugin.give(id, kind, naming, value.into())))
        }
        (0, _) => format!("{said} 0"),
        (_, _) if answer != 0 => format!("{said} with a number"),
        _ => said,
    }
}

fn part(part: Option<&Vec<u8>>) -> (*const u8, usize) {
    part.map_or((core::ptr::null(), 0), |bytes| (bytes.as_ptr(), bytes.len()))
}

fn http_call(id: u32, call: &HttpCall) -> String {
    let (body, trailers) = (part(call.body.as_ref()), part(call.trailers.as_ref()));
    let (upstream, headers) = (&call.upstream, &call.headers);
    written(id, Kind::Call, call.naming.as_ref(), |token| {
        import::proxy_http_call(
            upstream.as_ptr(),
            upstream.len(),
            headers.as_ptr(),
            headers.len(),
            body.0,
            body.1,
            trailers.0,
            trailers.1,
            call.timeout,
            token,
        )
    })
}

fn grpc_call(id: u32, call: &GrpcCall) -> String {
    let (metadata, message) = (part(call.metadata.as_ref()), part(call.message.as_ref()));
    written(id, Kind::Call, call.naming.as_ref(), |token| {
        import::proxy_grpc_call(
            call.upstream.as_ptr(),
            call.upstream.len(),
            call.service.as_ptr(),
            call.service.len(),
            call.method.as_ptr(),
            call.method.len(),
            metadata.0,
            metadata.1,
            message.0,
            message.1,
            call.timeout,
            token,
        )
    })
}

fn grpc_stream(id: u32, call: &GrpcCall) -> String {
    let metadata = part(call.metadata.as_ref());
    written(id, Kind::Call, call.naming.as_ref(), |token| {
        import::proxy_grpc_stream(
            call.upstream.as_ptr(),
            call.upstream.len(),
            call.service.as_ptr(),
            call.service.len(),
            call.method.as_ptr(),
            call.method.len(),
            metadata.0,
            metadata.1,
            token,
        )
    })
}

fn get_shared_data(id: u32, key: &[u8], naming: Option<&Naming>) -> String {
    let mut answer = None;
    let cas = written(id, Kind::CompareAndSwap, naming, |cas| {
        let taken = Returned::take(|value, size| import::proxy_get_shared_data(key.as_ptr(), key.len(), value, size, cas));
        answer.insert(taken).0
    });
    let Some((code, value)) = answer else { return cas };
    let cas = cas.strip_prefix(&status(code)).unwrap_or_default().trim();
    let value = bytes((code, value));
    if cas.is_empty() { value } else { format!("{value} as {cas}") }
}

fn call_foreign_function(id: u32, foreign: &Foreign) -> Option<String> {
    let argument = match &foreign.argument {
        Argument::Bytes(bytes) => bytes.clone(),
        Argument::Number(value) => number(id, value)?.to_le_bytes().to_vec(),
    };
    let name = &foreign.name;
    let call = |result, size| {
        import::proxy_call_foreign_function(name.as_ptr(), name.len(), argument.as_ptr(), argument.len(), result, size)
    };
    if foreign.null {
        return Some(status(call(core::ptr::null_mut(), core::ptr::null_mut())));
    }
    let answer = Returned::take(call);
    let (Some(naming), (0, Returned::Bytes(result))) = (&foreign.naming, &answer) else { return Some(bytes(answer)) };
    let Ok(value) = <[u8; 4]>::try_from(result.as_slice()) else { return Some(bytes(answer)) };
    let name = PLUGIN.with(|plugin| plugin.give(id, Kind::Result, naming, u32::from_le_bytes(value).into()));
    Some(format!("{} {name}", status(0)))
}

/// As `oob`, of the services' hostcalls.
pub(crate) fn out_of_bounds() -> Vec<(&'static str, u32)> {
    let (wild, wild_output, length) = (0xFFFF_FF00 as *const u8, 0xFFFF_FF00 as *mut usize, 16);
    let (key, wild_number) = (b"x-a", wild_output.cast());
    let (start, size) = (key.as_ptr(), key.len());
    let mut output = 0;
    let none = core::ptr::null();
    Vec::from([
        ("http_call", import::proxy_http_call(wild, length, wild, length, wild, length, wild, length, 0, &raw mut output)),
        ("grpc_call", import::proxy_grpc_call(wild, length, start, size, start, size, none, 0, none, 0, 0, &raw mut output)),
        ("grpc_stream", import::proxy_grpc_stream(wild, length, start, size, start, size, none, 0, &raw mut output)),
        ("grpc_send", import::proxy_grpc_send(6, wild, length, 0)),
        ("get_status", import::proxy_get_status(wild_number, wild_output, wild_output)),
        ("get_shared_data", import::proxy_get_shared_data(wild, length, wild_output, wild_output, wild_number)),
        ("set_shared_data", import::proxy_set_shared_data(wild, length, start, size, 0)),
        ("register_queue", import::proxy_register_shared_queue(wild, length, &raw mut output)),
        ("resolve_queue", import::proxy_resolve_shared_queue(wild, length, start, size, &raw mut output)),
        ("enqueue", import::proxy_enqueue_shared_queue(0, wild, length)),
        ("define_metric", import::proxy_define_metric(0, wild, length, &raw mut output)),
        ("foreign", import::proxy_call_foreign_function(wild, length, wild, length, wild_output, wild_output)),
    ])
}
