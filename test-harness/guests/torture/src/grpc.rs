//! gRPC, unary and in streams, whatever comes of it.

use crate::services::SOON;
use proxy_filter::prelude::*;

/// A request with all that it may have.
fn question(cluster: &str) -> GrpcCall {
    GrpcCall::new(cluster, "acme.Torture", "Ask").metadata("a-bin", b"\xff").message(b"question").timeout(SOON)
}

/// Asks one that answers, and one that does not listen.
pub(crate) async fn ask(cx: &Context) -> Result<(), GrpcError> {
    let (answer, refusal) = join(cx.grpc_call(question("unary")), cx.grpc_call(question("down"))).await;
    core::hint::black_box(refusal.map_or_else(|error| error.to_string().len(), |message| message.len()));
    answer.map(drop)
}

/// Says and hears all there is, until the server has ended the stream.
pub(crate) async fn converse(cx: &Context) -> Result<(), GrpcError> {
    let mut stream = cx.grpc_stream(question("stream"));
    let _ = stream.send("more");
    while let Some(message) = stream.next().await? {
        let metadata = stream.initial_metadata().map(|metadata| metadata.len());
        core::hint::black_box((message.len(), metadata));
        stream.half_close();
        // Nothing may follow, which a host need not mind.
        let _ = stream.send("too late");
    }
    core::hint::black_box((stream.trailing_metadata().map(|metadata| metadata.len()), stream.status()));
    stream.send("later still")
}

/// Begins what nobody waits for.
pub(crate) fn give_up(cx: &Context) {
    drop((cx.grpc_call(question("unary")), cx.grpc_stream(question("stream"))));
}
