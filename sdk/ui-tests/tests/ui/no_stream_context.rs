use proxy_filter::prelude::*;

struct Root;

impl RootContext for Root {
    type Config = ();
    fn new((): (), _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

impl TcpPlugin for Root {
    type Stream = ();
    fn create_stream_context(self: &Rc<Self>, _stream: &Tcp) {}
}

fn main() {}
