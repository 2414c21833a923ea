//! Work that a stop waits for, with a time limit.

use std::time::Duration;

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

/// How long threads may take to end after the log is closed.
pub(super) const THREADS_END_WITHIN: Duration = Duration::from_millis(500);

/// Waits for work that blocks, until that moment at most; what is not done then goes on by itself,
/// for as long as the process does.
pub(super) async fn by(until: Instant, what: &'static str, work: impl FnOnce() + Send + 'static) {
    let (done, ended) = oneshot::channel();
    // A thread of its own: those of the runtime are waited for when it ends.
    let thread = std::thread::Builder::new().name("ending".to_owned()).spawn(move || {
        work();
        // An error means that the receiver is gone.
        let _ = done.send(());
    });
    if let Err(error) = thread {
        tracing::warn!(%error, what, "was not ended");
        return;
    }
    if timeout_at(until, ended).await.is_err() {
        tracing::warn!(what, "did not end in time and is abandoned");
    }
}
