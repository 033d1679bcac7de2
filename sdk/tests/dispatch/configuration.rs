//! What a configuration is read into, and what is said of one that cannot be.

use super::lines;
use proxy_filter::prelude::*;
use proxy_filter_test::{MockProxy, Plugin as TestPlugin};
use std::fmt::Debug;
use std::marker::PhantomData;

/// Logs its configuration.
struct Shows<C>(PhantomData<C>);

impl<C: FromConfig + Debug + 'static> RootContext for Shows<C> {
    type Config = C;
    fn new(config: C, plugin: &Plugin<'_>) -> Result<Self, ConfigError> {
        plugin.log(LogLevel::Info, format!("{config:?}"))?;
        Ok(Self(PhantomData))
    }
}

#[derive(Debug)]
struct Percent(#[expect(dead_code, reason = "shown")] u8);

impl FromConfig for Percent {
    fn from_config(bytes: &[u8]) -> Result<Self, ConfigError> {
        match String::from_config(bytes)?.parse()? {
            number @ 0..=100 => Ok(Self(number)),
            _ => Err(ConfigError::new("must be at most 100")),
        }
    }
}

proxy_filter::register! {
    "nothing" => root Shows<()>,
    "bytes" => root Shows<Vec<u8>>,
    "text" => root Shows<String>,
    "optional" => root Shows<Option<String>>,
    "own" => root Shows<Percent>,
}

/// The line that the plugin, or the SDK for it, logs.
fn logged(root_id: &str, configuration: &[u8]) -> String {
    let plugin = TestPlugin::native(&PLUGINS, root_id).name("p").config(configuration);
    let log = match MockProxy::new(plugin) {
        Ok(proxy) => proxy.log(),
        Err(refused) => refused.log().to_vec(),
    };
    lines(&log).concat()
}

#[test]
fn a_configuration_is_read_into_what_the_plugin_asks_for() {
    for (root_id, configuration, expected) in [
        ("nothing", &b"anything"[..], "[info] p: ()"),
        ("bytes", b"a\xff", "[info] p: [97, 255]"),
        ("bytes", b"", "[info] p: []"),
        ("text", "größer".as_bytes(), "[info] p: \"größer\""),
        ("text", b"", "[info] p: \"\""),
        ("text", b"ab\xff", "[error] p: text: bad configuration: not UTF-8 text: invalid byte at 2"),
        ("optional", b"", "[info] p: None"),
        ("optional", b"a", "[info] p: Some(\"a\")"),
        ("optional", b"\xff", "[error] p: optional: bad configuration: not UTF-8 text: invalid byte at 0"),
        ("own", b"100", "[info] p: Percent(100)"),
        ("own", b"101", "[error] p: own: bad configuration: must be at most 100"),
        ("own", b"", "[error] p: own: bad configuration: cannot parse integer from empty string"),
    ] {
        assert_eq!(logged(root_id, configuration), expected);
    }
}

#[test]
fn a_configuration_of_no_interest_is_not_fetched() {
    for (root_id, fetched) in [("nothing", false), ("bytes", true)] {
        let proxy = MockProxy::new(TestPlugin::native(&PLUGINS, root_id).config("anything")).unwrap();
        assert_eq!(proxy.trace().contains("proxy_get_buffer_bytes"), fetched, "{root_id}");
    }
}

#[cfg(feature = "json")]
mod json {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "shown")]
    struct Limit {
        limit: u8,
    }

    proxy_filter::register! {
        "json" => root Shows<Json<Limit>>,
        "optional_json" => root Shows<Option<Json<Limit>>>,
    }

    #[test]
    fn json_is_read_by_serde_and_its_mistakes_are_told_with_their_place() {
        for (root_id, configuration, expected) in [
            ("json", r#"{"limit": 5}"#, "[info] p: Json(Limit { limit: 5 })"),
            ("optional_json", r#"{"limit": 5}"#, "[info] p: Some(Json(Limit { limit: 5 }))"),
            ("optional_json", "", "[info] p: None"),
            (
                "json",
                "",
                "[error] p: json: bad configuration: EOF while parsing a value at line 1 column 0 (the configuration is empty)",
            ),
            (
                "optional_json",
                "{\n\"limits\": 5}",
                "[error] p: optional_json: bad configuration: unknown field `limits`, expected `limit` at line 2 column 8",
            ),
            (
                "json",
                r#"{"limit": 256}"#,
                "[error] p: json: bad configuration: invalid value: integer `256`, expected u8 at line 1 column 13",
            ),
        ] {
            let plugin = TestPlugin::native(&PLUGINS, root_id).name("p").config(configuration);
            let log = match MockProxy::new(plugin) {
                Ok(proxy) => proxy.log(),
                Err(refused) => refused.log().to_vec(),
            };
            assert_eq!(lines(&log).concat(), expected);
        }
    }
}
