use proxy_filter::prelude::*;

struct Stream;

impl StreamContext for Stream {
    fn on_upstream_data(&mut self, tcp: UpstreamData<'_>) -> Result<StreamAction, StreamInterrupt> {
        let (_held, wait) = tcp.hold();
        Ok(wait)
    }
}

fn main() {}
