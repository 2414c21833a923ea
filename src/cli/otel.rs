//! Spans of calls, sent to an OpenTelemetry collector over OTLP: only in builds with the feature
//! `otel`, and only where an endpoint is set.
//!
//! Selling never waits for it: spans go into a bounded queue and are sent by a thread of its own;
//! the library drops spans beyond the bound and logs that.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::runtime::Runtime;

use super::failure::{Code, Failure};

/// As which service the spans are shown.
const SERVICE: &str = "doorbuster";

/// The connection to a collector. On drop it sends the remaining spans.
pub(super) struct Exporting {
    provider: SdkTracerProvider,
    /// The runtime of the connection; only the exporter uses it.
    _runtime: Runtime,
}

/// Connects to the collector at that address, which may start later.
pub(super) fn start(endpoint: &str) -> Result<(SdkTracer, Exporting), Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(Code::Failed, format!("no spans can be sent to {endpoint}: {why}"))
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("doorbuster-spans")
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    let exporter = {
        let _inside = runtime.enter();
        SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()
    };
    let resource = Resource::builder_empty()
        .with_service_name(SERVICE)
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter.map_err(|error| failed(&error))?)
        .build();
    let tracer = provider.tracer(SERVICE);
    Ok((tracer, Exporting { provider, _runtime: runtime }))
}

impl Drop for Exporting {
    fn drop(&mut self) {
        // An unreachable collector does not delay the exit.
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}
