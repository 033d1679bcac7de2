//! Does one operation and says what came of it.

use crate::{
    names::status_name,
    numbers::Kind,
    pairs,
    script::{Action, Operation, Reply},
    serve,
    sys::{PLUGIN, Returned, import},
    text::escape,
};
use alloc::{format, string::String, vec::Vec};

/// What an operation leads to.
pub(crate) enum Outcome {
    /// A line for the log.
    Said(String),
    /// What the callback is to return.
    Return(u32),
    /// Nothing to say.
    Quiet,
}

/// Writes a line at level info.
pub(crate) fn log(line: &str) {
    import::proxy_log(2, line.as_ptr(), line.len());
}

/// A whole buffer, if it can be read.
pub(crate) fn get_buffer(buffer: u32) -> Option<Vec<u8>> {
    taken(Returned::take(|bytes, size| import::proxy_get_buffer_bytes(buffer, 0, u32::MAX, bytes, size)))
}

/// A header's value, if there is one.
pub(crate) fn get_header(map: u32, key: &[u8]) -> Option<Vec<u8>> {
    taken(Returned::take(|bytes, size| import::proxy_get_header_map_value(map, key.as_ptr(), key.len(), bytes, size)))
}

fn taken((status, returned): (u32, Returned)) -> Option<Vec<u8>> {
    match returned {
        Returned::Bytes(bytes) if status == 0 => Some(bytes),
        _ => None,
    }
}

/// Does `operation` in a callback of context `id`.
pub(crate) fn perform(id: u32, operation: &Operation) -> Outcome {
    let action = match &operation.action {
        Ok(action) => action,
        Err(error) => {
            log(&format!("script error: {error} in {:?}", operation.text));
            return Outcome::Quiet;
        }
    };
    Outcome::Said(match action {
        Action::Return(value) => return Outcome::Return(*value),
        Action::Trap => {
            log("- trap");
            core::arch::wasm32::unreachable()
        }
        Action::OutOfBounds => {
            say_each(out_of_bounds());
            return Outcome::Quiet;
        }
        Action::ServicesOutOfBounds => {
            say_each(serve::out_of_bounds());
            return Outcome::Quiet;
        }
        Action::Log { level, message } => status(import::proxy_log(*level, message.as_ptr(), message.len())),
        Action::LogLevel => {
            let mut level = 0;
            let answer = import::proxy_get_log_level(&mut level);
            format!("{} {level}", status(answer))
        }
        Action::Time(naming) => {
            let mut time = 0;
            let answer = status(import::proxy_get_current_time_nanoseconds(&mut time));
            match naming {
                _ if time == 0 => format!("{answer} 0"),
                Some(naming) => format!("{answer} {}", PLUGIN.with(|plugin| plugin.give(id, Kind::Time, naming, time))),
                None => answer,
            }
        }
        Action::TickPeriod(period) => status(import::proxy_set_tick_period_milliseconds(*period)),
        Action::Reply(reply) => status(send(reply)),
        Action::Continue(stream) => status(import::proxy_continue_stream(*stream)),
        Action::Close(stream) => status(import::proxy_close_stream(*stream)),
        Action::Property(path) => {
            bytes(Returned::take(|value, size| import::proxy_get_property(path.as_ptr(), path.len(), value, size)))
        }
        Action::PropertyLength(path) => {
            shown(Returned::take(|value, size| import::proxy_get_property(path.as_ptr(), path.len(), value, size)), |value| {
                format!("{} bytes", value.len())
            })
        }
        Action::SetProperty { path, value } => {
            status(import::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()))
        }
        Action::Context(naming) => PLUGIN.with(|plugin| plugin.give(id, Kind::Context, naming, id.into())),
        Action::Effective(target) => match PLUGIN.with(|plugin| plugin.resolve(id, target)) {
            Some(number) => status(import::proxy_set_effective_context(number)),
            None => "there is none".into(),
        },
        Action::Done => status(import::proxy_done()),
        Action::Service(service) => serve::serve(id, service).unwrap_or_else(|| "nothing has that name".into()),
        _ => map_or_buffer(action),
    })
}

fn map_or_buffer(action: &Action) -> String {
    match action {
        Action::Get { map, key } => {
            bytes(Returned::take(|value, size| import::proxy_get_header_map_value(*map, key.as_ptr(), key.len(), value, size)))
        }
        Action::Pairs(map) => list(Returned::take(|bytes, size| import::proxy_get_header_map_pairs(*map, bytes, size))),
        Action::Size(map) => number(|size| import::proxy_get_header_map_size(*map, size)),
        Action::Add { map, key, value } => {
            status(import::proxy_add_header_map_value(*map, key.as_ptr(), key.len(), value.as_ptr(), value.len()))
        }
        Action::Replace { map, key, value } => {
            status(import::proxy_replace_header_map_value(*map, key.as_ptr(), key.len(), value.as_ptr(), value.len()))
        }
        Action::Remove { map, key } => status(import::proxy_remove_header_map_value(*map, key.as_ptr(), key.len())),
        Action::SetPairs { map, pairs } => {
            let bytes = pairs::encode(pairs);
            status(import::proxy_set_header_map_pairs(*map, bytes.as_ptr(), bytes.len()))
        }
        Action::SetPairsRaw { map, bytes } => status(import::proxy_set_header_map_pairs(*map, bytes.as_ptr(), bytes.len())),
        Action::GetBuffer { buffer, start, length } => {
            bytes(Returned::take(|value, size| import::proxy_get_buffer_bytes(*buffer, *start, *length, value, size)))
        }
        Action::SetBuffer { buffer, start, length, bytes } => {
            status(import::proxy_set_buffer_bytes(*buffer, *start, *length, bytes.as_ptr(), bytes.len()))
        }
        Action::BufferStatus(buffer) => {
            let mut flags = NOT_WRITTEN;
            let length = number(|length| import::proxy_get_buffer_status(*buffer, length, &raw mut flags));
            if flags == NOT_WRITTEN { length } else { format!("{length} flags {flags}") }
        }
        other => format!("{other:?} is no operation on a map or a buffer"),
    }
}

fn send(reply: &Reply) -> u32 {
    let part = |part: &Option<Vec<u8>>| part.as_ref().map_or((core::ptr::null(), 0), |bytes| (bytes.as_ptr(), bytes.len()));
    let (details, body, headers) = (part(&reply.details), part(&reply.body), part(&reply.headers));
    import::proxy_send_local_response(reply.code, details.0, details.1, body.0, body.1, headers.0, headers.1, reply.grpc_status)
}

/// Hostcalls whose pointers lie outside memory, as inputs and as outputs.
fn out_of_bounds() -> [(&'static str, u32); 15] {
    let (wild, wild_output, length) = (0xFFFF_FF00 as *const u8, 0xFFFF_FF00 as *mut usize, 16);
    let key = b"x-a";
    [
        ("log", import::proxy_log(2, wild, length)),
        ("get key", Returned::take(|value, size| import::proxy_get_header_map_value(0, wild, length, value, size)).0),
        ("get value", import::proxy_get_header_map_value(0, c":path".as_ptr().cast(), 5, wild_output, wild_output)),
        ("pairs", import::proxy_get_header_map_pairs(0, wild_output, wild_output)),
        ("size", import::proxy_get_header_map_size(0, wild_output.cast())),
        ("set_pairs", import::proxy_set_header_map_pairs(0, wild, length)),
        ("add key", import::proxy_add_header_map_value(0, wild, length, key.as_ptr(), key.len())),
        ("add value", import::proxy_add_header_map_value(0, key.as_ptr(), key.len(), wild, length)),
        ("replace", import::proxy_replace_header_map_value(0, key.as_ptr(), key.len(), wild, length)),
        ("remove", import::proxy_remove_header_map_value(0, wild, length)),
        ("set_buffer", import::proxy_set_buffer_bytes(0, 0, 0, wild, length)),
        ("buffer_status", import::proxy_get_buffer_status(0, wild_output.cast(), wild_output.cast())),
        ("reply", import::proxy_send_local_response(500, wild, length, wild, length, wild, length, -1)),
        ("property", Returned::take(|value, size| import::proxy_get_property(wild, length, value, size)).0),
        ("set_property", import::proxy_set_property(wild, length, key.as_ptr(), key.len())),
    ]
}

fn say_each(answers: impl IntoIterator<Item = (&'static str, u32)>) {
    for (name, answer) in answers {
        log(&format!("- oob {name} = {}", status(answer)));
    }
}

pub(crate) fn status(status: u32) -> String {
    status_name(status).map_or_else(|| format!("status {status}"), String::from)
}

const NOT_WRITTEN: u32 = 0xAAAA_AAA1;

fn number(call: impl FnOnce(*mut u32) -> u32) -> String {
    let mut value = NOT_WRITTEN;
    let answer = call(&raw mut value);
    if value == NOT_WRITTEN { status(answer) } else { format!("{} {value}", status(answer)) }
}

pub(crate) fn bytes(answer: (u32, Returned)) -> String {
    shown(answer, |bytes| format!("\"{}\"", escape(bytes)))
}

/// Pairs as `[key=value]` each.
fn list(answer: (u32, Returned)) -> String {
    shown(answer, |bytes| match pairs::decode(bytes) {
        Some(pairs) => {
            let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("[{}={}]", escape(key), escape(value))).collect();
            pairs.join(" ")
        }
        None => format!("malformed \"{}\"", escape(bytes)),
    })
}

fn shown((answer, returned): (u32, Returned), show: impl FnOnce(&[u8]) -> String) -> String {
    match returned {
        Returned::Untouched if answer == 0 => "Ok without writing its outputs".into(),
        Returned::Untouched => status(answer),
        Returned::Null => format!("{} null", status(answer)),
        Returned::Bytes(bytes) => format!("{} {}", status(answer), show(&bytes)),
        Returned::Inconsistent(pointer, size) => format!("{} with pointer {pointer:#x}, size {size}", status(answer)),
    }
}
