//! `proxy-filter call`: one HTTP exchange through a filter on the mock host.

use crate::args::Call;
use crate::escape::printable;
use crate::transcript::{Time, Transcript};
use crate::verdict::{Exit, InputError, Verdict};
use crate::{configuration, json, messages, module, pause, refusal, report};
use proxy_filter_test::{Builder, Framing, Lint, Message, MockProxy, Outcome, Plugin};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What passes on the proxy's clock before an exchange that is held back counts as hanging: a filter may wait for its tick.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the command line says, read and checked before anything is run.
struct Input {
    request: Message,
    response: Message,
    config: Vec<u8>,
    vm_config: Vec<u8>,
}

impl Input {
    fn read(call: &Call) -> Result<Self, InputError> {
        let bodies = call.data.iter().chain(&call.response_body).filter(|data| *data == "@-");
        let configurations = call.config.iter().chain(&call.vm_config).filter(|config| *config == "-");
        if bodies.chain(configurations).count() > 1 {
            return Err(InputError(
                "standard input can be read once only: name a file for the other (- and @- read it)".to_owned(),
            ));
        }
        let configuration = |flag, argument: &Option<String>| {
            argument.as_deref().map_or(Ok(Vec::new()), |argument| configuration::read(flag, argument))
        };
        Ok(Self {
            request: messages::request(call)?,
            response: messages::response(call)?,
            config: configuration("--config", &call.config)?,
            vm_config: configuration("--vm-config", &call.vm_config)?,
        })
    }
}

/// Runs the command.
pub(crate) fn run(call: &Call) -> Verdict {
    match Input::read(call) {
        Ok(input) => exchange(call, input).unwrap_or_else(|failed| failed),
        Err(error) => error.into(),
    }
}

fn exchange(call: &Call, input: Input) -> Result<Verdict, Verdict> {
    let module = module::find(&call.module)?;
    let mut plugin = Plugin::from_file(&module.wasm)
        .name(module.name)
        .root_id(&call.root_id)
        .config(input.config)
        .vm_config(input.vm_config)
        .allow_on_headers_stop_iteration(call.allow_on_headers_stop_iteration);
    if let Some(instructions) = call.fuel {
        plugin = plugin.fuel_limit(instructions);
    }
    if let Some(mebibytes) = call.memory {
        plugin = plugin.memory_limit(mebibytes << 20);
    }

    let refused = |refused| refusal::of_plugin(&refused, call);
    // The same exchange without the filter: what differs from it is the filter's doing.
    let baseline = proxy(call).start().map_err(refused)?;
    let response = input.response.clone();
    baseline.set_raw_upstream(move |_| response.clone());
    let expected = baseline.send(input.request.clone());

    let begin = Instant::now();
    let proxy = proxy(call).plugin(plugin).start().map_err(refused)?;
    let start = begin.elapsed();
    let answered = Rc::new(Cell::new(false));
    let upstream_answered = Rc::clone(&answered);
    proxy.set_raw_upstream(move |_| {
        upstream_answered.set(true);
        input.response.clone()
    });
    let begin = Instant::now();
    let exchange = proxy.send(input.request);
    if exchange.outcome() == Outcome::Paused && proxy.trap().is_none() {
        proxy.advance(PATIENCE);
    }
    let time = Time { start, exchange: begin.elapsed() };

    let transcript = Transcript::new(&proxy, &exchange, &expected, answered.get(), time);
    Ok(judge(call, &transcript))
}

fn proxy(call: &Call) -> Builder {
    // What Envoy does not forgive is told in the verdict.
    let builder = Lint::ALL.iter().fold(MockProxy::builder(), |builder, lint| builder.allow(*lint));
    builder.log_level(call.log_level).framing(if call.http2 { Framing::Http2 } else { Framing::Http1 })
}

fn judge(call: &Call, transcript: &Transcript) -> Verdict {
    let paused =
        (transcript.outcome == Outcome::Paused).then(|| pause::explanation(transcript, call.allow_on_headers_stop_iteration));
    let stdout = if call.json {
        json::transcript(transcript, paused.as_deref(), call.trace)
    } else {
        report::transcript(transcript, call.trace)
    };
    let fatal = transcript.findings.iter().find(|finding| finding.lint().fails());
    let error = match (&transcript.trap, fatal) {
        (Some(trap), _) => Some(format!("the filter trapped in {}: {}", trap.callback, printable(trap.message.as_bytes()))),
        (None, Some(finding)) => Some(format!("the filter does what Envoy does not forgive: {finding}")),
        (None, None) => paused,
    };
    match error {
        Some(_) => Verdict { stdout, error, exit: Exit::FilterFailed },
        None => Verdict::done(stdout),
    }
}
