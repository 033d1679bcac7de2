use proxy_filter::prelude::*;

struct Config;

struct Root;

impl RootContext for Root {
    type Config = Config;
    fn new(_config: Config, _plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

fn main() {}
