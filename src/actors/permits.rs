//! Permits for questions that hold a thread: a bounded number at once, the others wait without one.
//!
//! Threads that may block are counted, and reading a log may take one more of them. Where every one
//! is held by a query that waits for such a read, nothing proceeds; therefore a query takes a
//! permit before it blocks a thread, and keeps it until the thread is free again.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Permits of one kind. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub struct Permits(Arc<Semaphore>);

/// One of them, free again when this is dropped.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held, not looked at")] OwnedSemaphorePermit);

impl Permits {
    /// So many.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// A permit, if one is free now.
    pub fn try_take(&self) -> Option<Permit> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(Permit)
    }

    /// Waits for a permit, at most that long, or without a limit where none is given. First come,
    /// first served.
    pub async fn take(&self, wait_max: Option<Duration>) -> Option<Permit> {
        let free = Arc::clone(&self.0).acquire_owned();
        let taken = match wait_max {
            None => free.await,
            Some(wait_max) => timeout(wait_max, free).await.ok()?,
        };
        // The semaphore is never closed, so there is no error.
        taken.ok().map(Permit)
    }
}
