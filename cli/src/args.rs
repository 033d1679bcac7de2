//! What can be said on the command line.

use anstream::ColorChoice;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum, value_parser};
use proxy_filter_test::LogLevel;
use std::path::PathBuf;

/// The exit codes, at the end of each help text.
macro_rules! exit_codes {
    () => {
        "\
Exit codes:
  0  the exchange went through, whatever its status, local replies included
  1  the filter failed: it could not be built or loaded, refused its configuration,
     trapped, or left the exchange hanging
  2  bad input: an unknown flag, an unreadable or malformed file, a malformed header"
    };
}

const CALL_EXAMPLES: &str = concat!(
    "\
Examples:
  proxy-filter call examples/add-header --config examples/add-header/config.json /cart
  proxy-filter call filter.wasm --config '{\"limit\": 3}' -H 'x-tenant: shop' http://shop.example/
  proxy-filter call . -d @order.json -H 'content-type: application/json' --chunk-size 1000 /orders
  proxy-filter call . --response-status 503 --response-body 'try later' --json | jq .response

",
    exit_codes!()
);

/// See what a Proxy-Wasm filter does, before any proxy runs
#[derive(Debug, Parser)]
#[command(name = "proxy-filter", version, after_help = exit_codes!(), max_term_width = 120)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// When to use colours; `auto` is: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", display_order = 1000)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Call(Box<Call>),
    /// List the hostcalls of the ABI
    Hostcalls,
}

/// Send one HTTP exchange through a filter on the mock host and print what the filter changed
///
/// The request goes through the filter to an upstream that answers as you say, and its response back. What the proxy itself adds to
/// a message is not counted as a change of the filter's.
#[derive(Debug, clap::Args)]
#[command(after_help = CALL_EXAMPLES)]
pub(crate) struct Call {
    /// The filter: the directory or the Cargo.toml of its crate, which is built, or a .wasm file (or .wat)
    pub(crate) module: PathBuf,

    /// What is asked for: `/cart`, or a whole URL as `http://shop.example/cart`
    #[arg(default_value = "/")]
    pub(crate) path: String,

    /// The method; GET, or POST with --data
    #[arg(short = 'X', long, value_name = "METHOD", help_heading = "Request")]
    pub(crate) request: Option<String>,

    /// A header; `name;` has an empty value, `:authority: shop.example` sets a pseudo-header, `name:` takes away one that would be
    /// sent by itself (repeatable)
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", allow_hyphen_values = true, help_heading = "Request")]
    pub(crate) headers: Vec<String>,

    /// The body; @FILE reads it from a file, byte for byte, and @- from standard input (repeatable, joined with &)
    #[arg(
        short,
        long,
        visible_alias = "data-binary",
        value_name = "DATA|@FILE",
        allow_hyphen_values = true,
        help_heading = "Request"
    )]
    pub(crate) data: Vec<String>,

    /// A trailer (repeatable)
    #[arg(long = "trailer", value_name = "NAME: VALUE", allow_hyphen_values = true, help_heading = "Request")]
    pub(crate) trailers: Vec<String>,

    /// Both bodies come in chunks of so many bytes, each in a body callback of its own; otherwise in one
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u64).range(1..), help_heading = "Request")]
    pub(crate) chunk_size: Option<u64>,

    /// Bodies end as in HTTP/2, with the last chunk, not with an empty one after it as in HTTP/1
    #[arg(long, help_heading = "Request")]
    pub(crate) http2: bool,

    /// The plugin's configuration: a file, or, when it begins with { or [, the JSON itself; `-` reads standard input
    #[arg(long, value_name = "FILE|JSON", help_heading = "Filter")]
    pub(crate) config: Option<String>,

    /// The configuration of its VM, as --config
    #[arg(long, value_name = "FILE|JSON", help_heading = "Filter")]
    pub(crate) vm_config: Option<String>,

    /// The root id that the proxy asks for, when the module has several plugins
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true, help_heading = "Filter")]
    pub(crate) root_id: String,

    /// Log lines below this level are dropped
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = log_level(), help_heading = "Filter")]
    pub(crate) log_level: LogLevel,

    /// As the field of this name in Envoy's configuration: a headers callback that pauses holds back the headers only
    #[arg(long, help_heading = "Filter")]
    pub(crate) allow_on_headers_stop_iteration: bool,

    /// How many guest instructions a callback may use before it traps [default: a thousand million]
    #[arg(long, value_name = "INSTRUCTIONS", value_parser = value_parser!(u64).range(1..), help_heading = "Filter")]
    pub(crate) fuel: Option<u64>,

    /// How much memory the guest may have [default: 1024]
    #[arg(long, value_name = "MIB", value_parser = value_parser!(u64).range(1..=4096), help_heading = "Filter")]
    pub(crate) memory: Option<u64>,

    /// The status of the upstream's answer
    #[arg(
        long,
        value_name = "CODE",
        default_value_t = 200,
        value_parser = value_parser!(u16).range(200..=599),
        help_heading = "The upstream's answer"
    )]
    pub(crate) response_status: u16,

    /// A header of it, as --header; without one for it, `content-type: text/plain` is sent (repeatable)
    #[arg(
        long = "response-header",
        value_name = "NAME: VALUE",
        allow_hyphen_values = true,
        help_heading = "The upstream's answer"
    )]
    pub(crate) response_headers: Vec<String>,

    /// Its body, as --data [default: hello]
    #[arg(long, value_name = "DATA|@FILE", allow_hyphen_values = true, help_heading = "The upstream's answer")]
    pub(crate) response_body: Option<String>,

    /// A trailer of it (repeatable)
    #[arg(
        long = "response-trailer",
        value_name = "NAME: VALUE",
        allow_hyphen_values = true,
        help_heading = "The upstream's answer"
    )]
    pub(crate) response_trailers: Vec<String>,

    /// Print every callback with its cost, and every hostcall with its arguments and its answer
    #[arg(long)]
    pub(crate) trace: bool,

    /// Print everything as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

fn log_level() -> impl TypedValueParser<Value = LogLevel> {
    const NAMES: [&str; 6] = ["trace", "debug", "info", "warn", "error", "critical"];
    PossibleValuesParser::new(NAMES).map(|name| match name.as_str() {
        "trace" => LogLevel::Trace,
        "debug" => LogLevel::Debug,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        "critical" => LogLevel::Critical,
        _ => LogLevel::Info,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_made() {
        Args::command().debug_assert();
    }
}
