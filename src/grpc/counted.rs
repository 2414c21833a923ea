//! A service whose calls are let in by the level of the service and counted by method and by the
//! code of their answer. It adds a look at a small table to a call, and nothing to the messages of a
//! stream.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::{
    Code, Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::NamedService,
};

use super::{
    level::{Gate, part_of},
    proto,
    status::code_name,
};
use crate::{
    admission::Part,
    metrics::{MethodCalls, Metrics},
    trace::{TRACEPARENT, Trace, Within, call_span, within_span},
};

/// The methods of the contract by their paths.
type Methods = HashMap<String, Arc<Method>>;

/// One method: its calls, and the part of the service without which it is not answered.
struct Method {
    name: String,
    calls: MethodCalls,
    part: Option<Part>,
}

/// That service, counted.
#[derive(Clone)]
pub(super) struct Counted<S> {
    service: S,
    methods: Arc<Methods>,
    /// A path of the service that is no method of it.
    unknown: Arc<Method>,
    gate: Gate,
}

/// Counts the calls of the services of a node.
pub(super) struct CallCounter {
    methods: Arc<Methods>,
    unknown: Arc<Method>,
    gate: Gate,
}

impl CallCounter {
    /// # Errors
    /// When the descriptors in this program cannot be read.
    pub(super) fn new(metrics: &Metrics, gate: Gate) -> Result<Self, prost::DecodeError> {
        let files = FileDescriptorSet::decode(proto::DESCRIPTORS)?.file;
        let mut methods = Methods::new();
        for file in &files {
            for service in &file.service {
                let service_name = format!("{}.{}", file.package(), service.name());
                for method in &service.method {
                    let name = format!("{service_name}/{}", method.name());
                    let (path, part) = (format!("/{name}"), part_of(&name));
                    methods.insert(
                        path,
                        Arc::new(Method { calls: metrics.calls_of(name.clone()), name, part }),
                    );
                }
            }
        }
        let unknown = metrics.calls_of("unknown".to_owned());
        let unknown = Arc::new(Method { name: "unknown".to_owned(), calls: unknown, part: None });
        Ok(Self { methods: Arc::new(methods), unknown, gate })
    }

    pub(super) fn count<S>(&self, service: S) -> Counted<S> {
        Counted {
            service,
            methods: Arc::clone(&self.methods),
            unknown: Arc::clone(&self.unknown),
            gate: self.gate.clone(),
        }
    }
}

impl<S: NamedService> NamedService for Counted<S> {
    const NAME: &'static str = S::NAME;
}

type Answer = http::Response<Body>;

impl<S> Service<http::Request<Body>> for Counted<S>
where
    S: Service<
            http::Request<Body>,
            Response = Answer,
            Error = Infallible,
            Future = BoxFuture<Answer, Infallible>,
        >,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = Call;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Call {
        let method = self.methods.get(request.uri().path()).unwrap_or(&self.unknown);
        let method = Arc::clone(method);
        let trace = Trace::of(request.headers().get(TRACEPARENT).map(http::HeaderValue::as_bytes));
        let span = call_span(&method.name, &trace);
        let let_in = method.part.map_or(Ok(()), |part| self.gate.ask(part, 1));
        let answer = match let_in {
            Ok(()) => self.service.call(request),
            // Made when it is polled: only then is it known which call it is.
            Err(failure) => Box::pin(async { Ok(Status::from(failure).into_http::<Body>()) }),
        };
        Call { answer: within_span(trace, span, answer), method }
    }
}

/// A call that is under way.
pub(super) struct Call {
    answer: Within<BoxFuture<Answer, Infallible>>,
    method: Arc<Method>,
}

impl Future for Call {
    type Output = Result<Answer, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match ready!(Pin::new(&mut self.answer).poll(context)) {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        // A failure says so in its headers; without that the answer goes on, and is good.
        let code = answer.headers().get("grpc-status");
        let code = code.map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
        let place = usize::try_from(i32::from(code)).unwrap_or(usize::MAX);
        let span = self.answer.span();
        span.record("rpc.response.status_code", code_name(code));
        if is_fault_of_ours(code) {
            span.record("otel.status_code", "ERROR");
        }
        self.method.calls.answered(place, code_name(code));
        Poll::Ready(Ok(answer))
    }
}

/// What a span of a server shows as an error; the rest is the caller's.
/// Source: <https://opentelemetry.io/docs/specs/semconv/rpc/grpc/>.
fn is_fault_of_ours(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
