//! Calls that are answered by the task of their connection.
//!
//! hyper hands each call of HTTP/2 to an executor, and the usual one makes a task of it: it is
//! allocated, scheduled, taken over by another thread, and there it contends with the task of its
//! connection for the lock of the connection. For a call that only waits for an answer that is much of
//! what the call costs. So the task of a connection polls its short calls itself: answers that come
//! together wake it once, and are written together. What computes for long or is a stream must not be
//! such a call: all others of its connection would wait for it.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use hyper::{
    body::{Body, Incoming},
    http::{Request, Response},
    rt::Executor,
    service::Service,
};

use super::serving::Conversation;

/// Whether a call is short.
pub type IsShort = fn(&Request<Incoming>) -> bool;

/// A call, from its request to the last byte of its answer.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where hyper puts the calls of one connection.
#[derive(Clone, Default)]
pub(super) struct CallExecutor(Arc<Begun>);

/// Short calls that were begun and not polled yet.
#[derive(Default)]
struct Begun {
    /// The next call is a short one.
    next_is_short: AtomicBool,
    calls: Mutex<Vec<Work>>,
}

impl CallExecutor {
    fn begun(&self) -> MutexGuard<'_, Vec<Work>> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Executor<F> for CallExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, call: F) {
        if self.0.next_is_short.swap(false, Ordering::Relaxed) {
            self.begun().push(Box::pin(call));
        } else {
            tokio::spawn(call);
        }
    }
}

/// The service of a connection; it says which of its calls are short. hyper executes a call right after
/// it has come from its service.
pub(super) struct Marked<S> {
    service: S,
    is_short: IsShort,
    executor: CallExecutor,
}

impl<S> Marked<S> {
    /// `executor` is the one that the connection has.
    pub(super) fn new(service: S, is_short: IsShort, executor: CallExecutor) -> Self {
        Self { service, is_short, executor }
    }
}

impl<S, B> Service<Request<Incoming>> for Marked<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    B: Body,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> S::Future {
        self.executor.0.next_is_short.store((self.is_short)(&request), Ordering::Relaxed);
        self.service.call(request)
    }
}

/// A connection and its short calls, as one task.
pub(super) struct WithShortCalls<C> {
    connection: Pin<Box<C>>,
    executor: CallExecutor,
    calls: FuturesUnordered<Work>,
}

impl<C> WithShortCalls<C> {
    /// `executor` is the one that the connection has.
    pub(super) fn new(connection: C, executor: CallExecutor) -> Self {
        Self { connection: Box::pin(connection), executor, calls: FuturesUnordered::new() }
    }

    /// Lets those calls go on that can.
    fn poll_calls(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(Some(())) = self.calls.poll_next_unpin(context) {}
    }
}

impl<C: Conversation> Future for WithShortCalls<C> {
    type Output = hyper::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        let this = &mut *self;
        // Before the connection, which then sends what they answer in the same turn.
        this.poll_calls(context);
        if let Poll::Ready(ended) = this.connection.as_mut().poll(context) {
            return Poll::Ready(ended);
        }
        let begun = std::mem::take(&mut *this.executor.begun());
        if !begun.is_empty() {
            this.calls.extend(begun);
            this.poll_calls(context);
        }
        Poll::Pending
    }
}

impl<C: Conversation> Conversation for WithShortCalls<C> {
    fn leave(mut self: Pin<&mut Self>) {
        self.connection.as_mut().leave();
    }
}

impl<C> Drop for WithShortCalls<C> {
    /// Calls hold the executor, and those that were not polled are held by it.
    fn drop(&mut self) {
        let begun = std::mem::take(&mut *self.executor.begun());
        drop(begun);
    }
}
