//! The program's own log on stderr, spans for a collector, and what happens on a panic.

use std::io;

use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt::format::DefaultFields, layer::SubscriberExt,
    util::SubscriberInitExt,
};

#[cfg(feature = "otel")]
use super::otel;
use super::{
    failure::{Code, Failure},
    global_options::Common,
    log_lines::{FieldsAndTrace, JsonLines, LogFormat},
    paint, serve,
};
use crate::trace::SPANS;

/// What the log needs for as long as the program runs.
#[derive(Default)]
pub(super) struct Running {
    #[cfg(feature = "otel")]
    _spans: Option<otel::Exporting>,
}

/// Starts the log: a server reports its steps, other verbs only what is wrong. A server with a
/// collector sends spans of calls there.
pub(super) fn start(common: &Common, serve: Option<&serve::Args>) -> anyhow::Result<Running> {
    // The store's client reports each of its steps as an error; those that matter are logged by the
    // store's adapter.
    let usual = match (common.quiet, serve.is_some()) {
        (true, _) => "error,kurrentdb=off,h2=error",
        (false, true) => "info,kurrentdb=off,h2=error",
        (false, false) => "warn,kurrentdb=off,h2=error",
    };
    let filter = common.log.as_deref().filter(|filter| !filter.is_empty()).unwrap_or(usual);
    let filter = format!("{filter},{SPANS}=off");
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::new(Code::Usage, format!("--log is not a filter such as info: {error}"))
    })?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let (spans, running) = spans(serve)?;
    let registry = tracing_subscriber::registry().with(spans);
    match common.log_format {
        LogFormat::Text => {
            let ansi = paint::on_stderr();
            let fields = FieldsAndTrace(DefaultFields::new());
            registry.with(lines.with_ansi(ansi).fmt_fields(fields).with_filter(filter)).init();
        }
        LogFormat::Json => {
            let lines = lines.with_ansi(false).event_format(JsonLines);
            registry.with(lines.with_filter(filter)).init();
        }
    }
    Ok(running)
}

/// Exports spans of calls.
type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

#[cfg(feature = "otel")]
fn spans(serve: Option<&serve::Args>) -> anyhow::Result<(Option<SpanLayer>, Running)> {
    let endpoint = serve.and_then(serve::Args::otel_endpoint);
    let Some(endpoint) = endpoint else { return Ok((None, Running::default())) };
    let (tracer, exporting) = otel::start(&endpoint)?;
    let only_calls = tracing_subscriber::filter::Targets::new();
    let only_calls = only_calls.with_target(SPANS, tracing::Level::INFO);
    let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_filter(only_calls);
    Ok((Some(layer.boxed()), Running { _spans: Some(exporting) }))
}

#[cfg(not(feature = "otel"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it may fail")]
fn spans(_: Option<&serve::Args>) -> anyhow::Result<(Option<SpanLayer>, Running)> {
    Ok((None, Running::default()))
}
