//! Why nothing moves any more, in words.

use crate::transcript::Transcript;

/// What holds the exchange back, what a proxy would do, and the likely mend.
pub(crate) fn explanation(transcript: &Transcript, allow_on_headers_stop_iteration: bool) -> String {
    let request = &transcript.request;
    let response = &transcript.response;
    let (what, prefix, message) = match (&request.after, request.complete, &response.after) {
        (None, _, _) => ("the request", "proxy_on_request_", &request.before),
        (Some(_), false, _) => ("the rest of the request", "proxy_on_request_", &request.before),
        (Some(_), true, None) => ("the response", "proxy_on_response_", &response.before),
        (Some(_), true, Some(_)) => ("the rest of the response", "proxy_on_response_", &response.before),
    };
    let last = transcript.callbacks.iter().rev().find(|(name, _)| name.starts_with(prefix)).map(|(name, _)| *name);
    let place = last.map(|name| format!(" in {name}")).unwrap_or_default();
    let mut text = format!(
        "the filter holds {what} back: it paused{place}, and nothing has let it go on since. In a proxy the client would wait until a \
         timeout. Answer that it continues, continue it later, or send a local reply."
    );
    let more_follows = message.as_ref().is_some_and(|message| !message.chunks().is_empty() || !message.trailers().is_empty());
    if more_follows && last.is_some_and(|name| name.ends_with("_headers")) && !allow_on_headers_stop_iteration {
        text.push_str(
            " A headers callback that pauses holds the body back, too; if it is meant to wait for the body, it needs \
             --allow-on-headers-stop-iteration, and the field of this name in Envoy's configuration.",
        );
    }
    text
}
