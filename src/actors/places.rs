//! Places for questions that hold a thread: so many at once, and the others wait without one.
//!
//! Threads that may block are counted, and reading a log may take one more of them. Where every one
//! is held by a question that waits for such a read, nothing moves any more; so whoever blocks a
//! thread takes a place first, and keeps it until the thread is free again.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Places of one kind. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub struct Places(Arc<Semaphore>);

/// One of them, free again when this is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held, not looked at")] OwnedSemaphorePermit);

impl Places {
    /// So many.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// Waits for a place, at most that long, or where no limit is given until there is one. First
    /// come, first served.
    pub async fn take(&self, wait_max: Option<Duration>) -> Option<Place> {
        let free = Arc::clone(&self.0).acquire_owned();
        let taken = match wait_max {
            None => free.await,
            Some(wait_max) => timeout(wait_max, free).await.ok()?,
        };
        // Nobody closes them, so there is no error.
        taken.ok().map(Place)
    }
}
