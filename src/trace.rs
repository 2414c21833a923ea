//! Which call it is that a log line or a fault belongs to: its trace id, as W3C Trace Context names
//! it. A caller may send one in `traceparent`; otherwise one is generated.
//!
//! It costs an order nothing worth measuring: what a caller brings is read where there is any, and
//! an id is generated only on demand, when something is written about the call.
//! The id follows the call from thread to thread for as long as its answer is being made; what goes
//! on afterwards, such as the messages of a stream, has none.
//!
//! Source of the form: <https://www.w3.org/TR/trace-context/#traceparent-header>.

use std::{
    cell::{Cell, RefCell},
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use tracing::{Span, field::Empty};

use crate::clock;

/// The header, and the key of gRPC's metadata, that a caller names its trace in.
pub const TRACEPARENT: &str = "traceparent";

/// The target of spans: off in log lines, read by the exporter.
pub const SPANS: &str = "doorbuster::call";

/// Length of version 00: two digits, 32, 16, two, and the dashes between them.
const TRACEPARENT_CHARS: usize = 55;

/// Names one trace. It is shown as 32 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(pub u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What a caller says of the trace that its call is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    pub trace_id: TraceId,
    /// The span of the caller.
    pub parent_id: u64,
    /// Whether the caller records the trace.
    pub sampled: bool,
}

impl TraceParent {
    /// Reads the header; `None` where it is not one, which the standard says to treat like none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (head, rest) = bytes.split_at_checked(TRACEPARENT_CHARS)?;
        let version = number(&head[0..2])?;
        // Later versions may go on after a dash; this one ends here.
        let goes_on = version != 0 && rest.first() == Some(&b'-');
        if version == 0xff || !(rest.is_empty() || goes_on) {
            return None;
        }
        if [2, 35, 52].iter().any(|dash| head[*dash] != b'-') {
            return None;
        }
        let trace_id = number(&head[3..35]).filter(|id| *id != 0)?;
        let parent_id = number(&head[36..52]).filter(|id| *id != 0)?;
        let flags = number(&head[53..55])?;
        let parent_id = u64::try_from(parent_id).ok()?;
        Some(Self { trace_id: TraceId(trace_id), parent_id, sampled: flags & 1 == 1 })
    }
}

/// A number of small hexadecimal digits; capitals are not allowed.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

/// The trace of one call.
#[derive(Debug, Default)]
pub struct Trace {
    brought: Option<TraceParent>,
    made: Cell<Option<TraceId>>,
}

impl Trace {
    /// Of a call that brought this header, if it brought one.
    pub fn of(traceparent: Option<&[u8]>) -> Self {
        let brought = traceparent.and_then(|header| std::str::from_utf8(header).ok());
        Self { brought: brought.and_then(TraceParent::parse), made: Cell::new(None) }
    }

    /// What the caller brought.
    pub fn brought(&self) -> Option<TraceParent> {
        self.brought
    }

    fn id(&self) -> TraceId {
        if let Some(brought) = self.brought {
            return brought.trace_id;
        }
        let id = self.made.get().unwrap_or_else(|| TraceId(clock::new_trace_id()));
        self.made.set(Some(id));
        id
    }
}

thread_local! {
    /// The trace of the call whose answer this thread is making.
    static CURRENT: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// The id of the call whose answer this thread is making, if it is making one.
pub fn current() -> Option<TraceId> {
    CURRENT.try_with(|current| Some(current.try_borrow().ok()?.as_ref()?.id())).ok()?
}

/// The work of one call: whatever is said while it goes on has the id of the call.
pub struct Within<F> {
    trace: Option<Trace>,
    span: Span,
    work: F,
}

/// That work as part of that trace.
pub fn within<F: Future + Unpin>(trace: Trace, work: F) -> Within<F> {
    within_span(trace, Span::none(), work)
}

/// That work as part of that trace and that span.
pub fn within_span<F: Future + Unpin>(trace: Trace, span: Span, work: F) -> Within<F> {
    Within { trace: Some(trace), span, work }
}

impl<F> Within<F> {
    /// The span of the call.
    pub fn span(&self) -> &Span {
        &self.span
    }
}

/// The span of a call of that method. Without an exporter there is none, at the cost of one check.
pub fn call_span(method: &str, trace: &Trace) -> Span {
    let span = tracing::info_span!(
        target: SPANS,
        "call",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
    );
    #[cfg(feature = "otel")]
    if !span.is_disabled() {
        exported::join(&span, trace);
    }
    #[cfg(not(feature = "otel"))]
    let _ = trace;
    span
}

/// The span of a step of a call.
pub fn step_span(step: &str) -> Span {
    tracing::info_span!(target: SPANS, "step", otel.name = step)
}

/// Spans as part of the trace that the caller brought, or the call as part of the span's.
#[cfg(feature = "otel")]
mod exported {
    use opentelemetry::{
        Context, SpanId, TraceFlags, TraceId,
        trace::{SpanContext, TraceContextExt, TraceState},
    };
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    use super::Trace;

    pub(super) fn join(span: &Span, trace: &Trace) {
        let Some(parent) = trace.brought() else {
            let made = span.context().span().span_context().trace_id();
            trace.made.set(Some(super::TraceId(u128::from_be_bytes(made.to_bytes()))));
            return;
        };
        let remote = SpanContext::new(
            TraceId::from_bytes(parent.trace_id.0.to_be_bytes()),
            SpanId::from_bytes(parent.parent_id.to_be_bytes()),
            TraceFlags::default().with_sampled(parent.sampled),
            true,
            TraceState::default(),
        );
        // An error means that this span is not exported.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote));
    }
}

impl<F: Future + Unpin> Future for Within<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { trace, span, work } = &mut *self;
        let _entered = span.enter();
        let _lent = Lent::to_this_thread(trace);
        Pin::new(work).poll(context)
    }
}

/// A trace that is lent to a thread until this is dropped.
struct Lent<'a>(&'a mut Option<Trace>);

impl<'a> Lent<'a> {
    fn to_this_thread(trace: &'a mut Option<Trace>) -> Self {
        swap(trace);
        Self(trace)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

fn swap(trace: &mut Option<Trace>) {
    // An error means that the thread is ending: nothing is said there any more.
    let _ = CURRENT.try_with(|current| {
        if let Ok(mut current) = current.try_borrow_mut() {
            std::mem::swap(&mut *current, trace);
        }
    });
}
