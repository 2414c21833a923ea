//! The wrapper of every service: calls are admitted by the service level and by the permits of
//! their connection, end at their deadline, fail as the contract defines, and are counted by method
//! and code.
//!
//! It adds one lookup in a small table per call, and nothing per message of a stream. A deadline is
//! a timer and a flag; a call without one has neither.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Sleep, sleep},
};
use tonic::{
    Code, Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::NamedService,
};

use super::{
    authenticator::Authenticator,
    bodies::{End, Held, Reserved, Until},
    foreign::{complete, method_unknown},
    methods::{Method, Methods},
    rpcs::Weight,
    service_level_gate::Gate,
    share::Share,
    status::{CallError, code_name},
    timeout::asked_timeout,
};
use crate::{
    actors::{Deadline, Fault},
    connections::Phase,
    trace::{TRACEPARENT, Trace, Within, call_span, within_span},
};

/// That service, wrapped.
#[derive(Clone)]
pub(super) struct CountedService<S> {
    service: S,
    methods: Methods,
    authenticator: Authenticator,
    gate: Gate,
    phase: watch::Receiver<Phase>,
}

/// Wraps the services of a node.
pub(super) struct CallCounter {
    methods: Methods,
    authenticator: Authenticator,
    gate: Gate,
    /// The phase of the server: endless streams end when it stops.
    phase: watch::Receiver<Phase>,
}

impl CallCounter {
    pub(super) fn new(
        methods: Methods,
        authenticator: Authenticator,
        gate: Gate,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        Self { methods, authenticator, gate, phase }
    }

    pub(super) fn count<S>(&self, service: S) -> CountedService<S> {
        let Self { methods, authenticator, gate, phase } = self;
        CountedService {
            service,
            methods: methods.clone(),
            authenticator: authenticator.clone(),
            gate: gate.clone(),
            phase: phase.clone(),
        }
    }
}

impl<S: NamedService> NamedService for CountedService<S> {
    const NAME: &'static str = S::NAME;
}

type Answer = http::Response<Body>;
type Answering = BoxFuture<Answer, Infallible>;

impl<S> Service<http::Request<Body>> for CountedService<S>
where
    S: Service<http::Request<Body>, Response = Answer, Error = Infallible, Future = Answering>
        + Clone
        + Send
        + 'static,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = Call;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Call {
        self.answer(request)
    }
}

impl<S> CountedService<S>
where
    S: Service<http::Request<Body>, Response = Answer, Error = Infallible, Future = Answering>
        + Clone
        + Send
        + 'static,
{
    /// Answers a call. The services of the contract are always ready.
    pub(super) fn answer(&self, mut request: http::Request<Body>) -> Call {
        let method = self.methods.at(request.uri().path());
        let trace = Trace::of(request.headers().get(TRACEPARENT).map(http::HeaderValue::as_bytes));
        let span = call_span(&method.name, &trace);
        let timeout = asked_timeout(request.headers());
        let timer = timeout.as_ref().ok().copied().flatten().map(Timer::after);
        if let Some(timer) = &timer {
            request.extensions_mut().insert(timer.deadline.clone());
        }
        let let_in = self.admitted(&method, &mut request).and_then(|held| {
            timeout.map_err(CallError::from)?;
            method.part.map_or(Ok(()), |part| self.gate.ask(part, 1))?;
            Ok(held)
        });
        let answer = match let_in {
            Ok(_) if timer.as_ref().is_some_and(Timer::is_over) => refused(CallError::deadline()),
            Ok(_) if !method.is_known => {
                refused(method_unknown(request.uri().path().trim_start_matches('/')))
            }
            Ok(None) => self.begin(&method, request),
            Ok(Some(end)) => while_valid(self.begin(&method, request), end),
            Err(failure) => refused(failure),
        };
        Call { answer: within_span(trace, span, answer), method, timer }
    }

    /// Asks for the token of a call. What ends with the token comes with its end.
    fn admitted(
        &self,
        method: &Method,
        request: &mut http::Request<Body>,
    ) -> Result<Option<End>, CallError> {
        let Some(roles) = method.roles else { return Ok(None) };
        let asks = &self.authenticator;
        let Some(token) = asks.admit(request.uri(), request.headers(), roles)? else {
            return Ok(None);
        };
        if let Some(hidden) = asks.hides(&token) {
            request.extensions_mut().insert(hidden);
        }
        Ok((method.streams || method.takes_stream).then(|| asks.end_of(&token)))
    }

    /// Hands a call on, with what its connection lets it hold.
    fn begin(&self, method: &Method, mut request: http::Request<Body>) -> Answering {
        let mut service = self.service.clone();
        if method.weight == Weight::Light && !method.takes_much {
            return service.call(request);
        }
        let Some(share) = request.extensions().get::<Arc<Share>>().cloned() else {
            return service.call(request);
        };
        if method.takes_much {
            let large = Arc::clone(&share.large);
            let goes_on = method.takes_stream;
            request = request.map(|body| Body::new(Reserved::new(body, large, goes_on)));
        }
        match method.weight {
            Weight::Light => service.call(request),
            Weight::Beside => until_stopped(service.call(request), self.phase.clone()),
            Weight::Following => match Arc::clone(&share.following).try_acquire_owned() {
                Ok(place) => {
                    let answer = hold(service.call(request), place);
                    until_stopped(answer, self.phase.clone())
                }
                Err(_full) => refused(CallError::crowded()),
            },
            Weight::Answer => Box::pin(async move {
                match Arc::clone(&share.reports).acquire_owned().await {
                    Ok(place) => hold(service.call(request), place).await,
                    Err(_closed) => refused(CallError::crowded()).await,
                }
            }),
        }
    }
}

/// The answer holds that place until it was taken.
fn hold(answer: Answering, place: OwnedSemaphorePermit) -> Answering {
    Box::pin(async move { Ok(answer.await?.map(|body| Body::new(Held::new(body, place)))) })
}

/// The answer ends when the server stops.
fn until_stopped(answer: Answering, mut phase: watch::Receiver<Phase>) -> Answering {
    let end: End = Box::pin(async move {
        // An error means that the sender is gone, which is the same as a stop.
        let _ = phase.wait_for(|phase| *phase != Phase::Serving).await;
        Fault::Stopping.into()
    });
    Box::pin(async move {
        let answer = answer.await?;
        if answer.headers().contains_key("grpc-status") {
            return Ok(answer);
        }
        Ok(answer.map(|body| Body::new(Until::new(body, end))))
    })
}

/// The call ends when its token does: a caller's stream also before it is answered.
fn while_valid(answer: Answering, mut end: End) -> Answering {
    Box::pin(async move {
        let answer = tokio::select! {
            answer = answer => answer?,
            failure = &mut end => return Ok(Status::from(failure).into_http::<Body>()),
        };
        if answer.headers().contains_key("grpc-status") {
            return Ok(answer);
        }
        Ok(answer.map(|body| Body::new(Until::new(body, end))))
    })
}

fn refused(failure: CallError) -> Answering {
    // Made when it is polled: only then is it known which call it is.
    Box::pin(async { Ok(Status::from(failure).into_http::<Body>()) })
}

/// What ends a call at its deadline.
struct Timer {
    deadline: Deadline,
    sleep: Pin<Box<Sleep>>,
}

impl Timer {
    fn after(timeout: Duration) -> Self {
        let deadline = Deadline::at(Instant::now() + timeout);
        Self { deadline, sleep: Box::pin(sleep(timeout)) }
    }

    fn is_over(&self) -> bool {
        self.deadline.is_over() && self.deadline.miss()
    }
}

/// A call that is under way.
pub(super) struct Call {
    answer: Within<Answering>,
    method: Arc<Method>,
    timer: Option<Timer>,
}

impl Call {
    /// Whether the call ends here because its deadline passed. Not if its command was decided: then
    /// its answer is waited for.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some(timer) = &mut self.timer else { return false };
        if timer.sleep.as_mut().poll(context).is_pending() {
            return false;
        }
        let late = timer.deadline.miss();
        self.timer = None;
        late
    }
}

impl Future for Call {
    type Output = Result<Answer, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = match Pin::new(&mut self.answer).poll(context) {
            Poll::Ready(Ok(answer)) => answer,
            Poll::Ready(Err(never)) => match never {},
            Poll::Pending if self.is_late(context) => {
                let takes_stream = self.method.takes_stream;
                let late =
                    if takes_stream { CallError::stream_deadline() } else { CallError::deadline() };
                Status::from(late).into_http::<Body>()
            }
            Poll::Pending => return Poll::Pending,
        };
        // A failure says so in its headers; without that the answer goes on, and is good.
        let mut code = Code::Ok;
        if answer.headers().contains_key("grpc-status") {
            code = complete(&mut answer);
        } else if self.method.streams
            && let Some(Timer { sleep, .. }) = self.timer.take()
        {
            let end: End = Box::pin(async move {
                sleep.await;
                CallError::stream_deadline()
            });
            answer = answer.map(|body| Body::new(Until::new(body, end)));
        }
        let span = self.answer.span();
        span.record("rpc.response.status_code", code_name(code));
        if is_fault_of_ours(code) {
            span.record("otel.status_code", "ERROR");
        }
        self.method.answered(code);
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
