//! From the proxy's callbacks to an author's plugins: on the mock host, and on hosts that no proxy should be.

mod bodies;
mod calls;
mod configuration;
mod effective_context;
mod failures;
mod grpc;
mod holding;
mod holding_hostile;
mod host;
mod hostile;
mod plugins;
mod random;
mod replies;
mod roots;
mod tcp;
mod time;
mod waiting;
mod waiting_random;
mod watching;

use proxy_filter_test::{Exchange, LogLine, Message, MockProxy};

/// A request with headers, body and trailers, answered with a response that has these too.
fn exchange(proxy: &MockProxy) -> Exchange {
    proxy.set_raw_upstream(|_| Message::new([(":status", "200")]).chunk("answer").trailer("x-end", "2"));
    let request = http::Request::post("http://shop.example/").header("transfer-encoding", "chunked").body("question");
    proxy.send(Message::from(request.expect("a request")).trailer("x-end", "1"))
}

fn lines(log: &[LogLine]) -> Vec<String> {
    log.iter().map(ToString::to_string).collect()
}
