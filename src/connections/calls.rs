//! The calls of a connection, counted while they are under way.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    http::{Request, Response},
    service::Service,
};

use super::peers::{CallGuard, Peer};

/// A service whose calls are counted as under way until their answer was handed over or dropped.
pub(super) struct Calls<S> {
    service: S,
    peer: Arc<Peer>,
}

impl<S> Calls<S> {
    pub(super) fn new(service: S, peer: Arc<Peer>) -> Self {
        Self { service, peer }
    }
}

impl<S, B> Service<Request<Incoming>> for Calls<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Future: Unpin,
{
    type Response = Response<Guarded<B>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.peer.introduced();
        Answering { guard: Some(self.peer.call()), answer: self.service.call(request) }
    }
}

/// A call that is not answered yet.
pub(super) struct Answering<F> {
    answer: F,
    guard: Option<CallGuard>,
}

impl<F, B, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>> + Unpin,
{
    type Output = Result<Response<Guarded<B>>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context))?;
        let guard = self.guard.take();
        Poll::Ready(Ok(answer.map(|body| Guarded { body, _guard: guard })))
    }
}

/// The body of an answer: its call is under way as long as it lives.
pub(super) struct Guarded<B> {
    body: B,
    _guard: Option<CallGuard>,
}

impl<B: Body + Unpin> Body for Guarded<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
