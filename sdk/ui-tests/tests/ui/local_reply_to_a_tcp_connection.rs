use proxy_filter::prelude::*;

struct Stream;

impl StreamContext for Stream {
    fn on_new_connection(&mut self, _tcp: NewConnection<'_>) -> Result<ConnectionAction, StreamInterrupt> {
        LocalReply::new(403).send()?;
        Ok(ConnectionAction::Continue)
    }
}

fn main() {}
