//! The calls of each kind, all of them whatever the others answer.

use proxy_filter::prelude::*;
use proxy_filter::property::{self, SetPropertyError};
use proxy_filter::{HeaderMap, Headers, Value};

pub(crate) fn context(context: &Context) -> [Result<(), Error>; 2] {
    [context.log(LogLevel::Info, b"\xffhere"), context.now().map(drop)]
}

/// What is shared with other VMs.
pub(crate) fn shared(context: &Context) -> Vec<Result<(), Error>> {
    let data = context.shared_data();
    let update = |result: Result<(), UpdateError>| match result {
        Err(UpdateError::Host(error)) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    };
    let mut results = vec![
        data.get("a").map(drop),
        data.set("a", b"\xff"),
        update(data.update("a", |stored| (stored.map_or(0, <[u8]>::len).to_le_bytes(), ()))),
    ];
    if let Ok(Some(queue)) = context.resolve_queue("", "a") {
        results.extend([context.enqueue(queue, "item"), context.dequeue(queue).map(drop)]);
    }
    results
}

/// What the proxy knows, and what filters tell each other.
pub(crate) fn properties(stream: &HttpStream) -> [Result<(), Error>; 3] {
    let read = |result: Result<(), PropertyError>| match result {
        Err(PropertyError::Host(error)) => Err(error),
        // A host that answers something else is no reason to fail.
        Ok(()) | Err(_) => Ok(()),
    };
    let set = match stream.set_property("torture", b"\xff") {
        Err(SetPropertyError::Host(error)) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    };
    [
        set,
        read(stream.property(property::RESPONSE_FLAGS).map(drop)),
        read(stream.property_at::<Vec<(String, String)>>(&["torture"]).map(drop)),
    ]
}

pub(crate) fn read<A>(headers: &Headers<'_, A>) -> Vec<Result<(), Error>> {
    let walk = |all: HeaderMap| {
        let bytes: usize = all.iter().map(|(name, value)| name.len() + value.len()).sum();
        core::hint::black_box((bytes, all.len(), all.values("a").count()));
    };
    let look = |value: Option<Value>| {
        core::hint::black_box(value.map(|value| (value.to_str().is_ok(), value.into_bytes().len())));
    };
    vec![headers.get("a").map(look), headers.get(b"\xff").map(look), headers.all().map(walk)]
}

pub(crate) fn edit(headers: &Headers<'_>) -> Vec<Result<(), Error>> {
    let mut results = read(headers);
    results.extend([headers.size().map(drop), headers.add("a", "b"), headers.set("x-b", "c"), headers.remove("a")]);
    // The same again, so that the message is still one.
    if let Ok(all) = headers.all() {
        results.push(headers.set_all(&all));
    }
    results
}

pub(crate) fn body(body: &Body<'_>) -> Vec<Result<(), Error>> {
    vec![
        body.len().map(drop),
        body.status().map(drop),
        body.is_empty().map(drop),
        body.bytes().map(drop),
        body.bytes_from(1, 2).map(drop),
        body.append("b"),
        body.prepend("c"),
        body.drain(1),
        body.replace_first(0, "d"),
        body.replace("answer"),
    ]
}
