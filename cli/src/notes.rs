//! What a proxy would do otherwise than it looks here.

use crate::transcript::{Passage, Transcript};

/// A sentence for each.
pub(crate) fn of(transcript: &Transcript) -> Vec<String> {
    let mut notes = Vec::new();
    let request = transcript.request.before.as_ref().and_then(|request| request.header(":method"));
    let bodiless = request == Some(b"HEAD")
        || transcript.response.after.as_ref().is_some_and(|response| response.header(":status") == Some(b"304"));
    notes.extend(wrong_length(&transcript.request).map(|text| format!("the request that the upstream received {text}")));
    if !bodiless {
        notes.extend(wrong_length(&transcript.response).map(|text| format!("the response that the client received {text}")));
    }
    notes
}

/// HDR-25: Envoy sends both as they are, and the receiver reads a cut body or waits for what does not come.
fn wrong_length(passage: &Passage) -> Option<String> {
    let message = passage.after.as_ref().filter(|_| passage.complete)?;
    let said: u64 = std::str::from_utf8(message.header("content-length")?).ok()?.parse().ok()?;
    let length = message.body().len();
    (said != length as u64).then(|| {
        format!(
            "says content-length {said} and has {length} bytes: over HTTP/1 its receiver would cut the body, or wait for the rest; remove \
             the header, or set it, while the headers are still held"
        )
    })
}
