//! Waiting for Ctrl-C or SIGTERM: the first asks to stop, the second does not wait any longer.

use std::io;

use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use super::Common;

/// Exit code after a second signal: somebody is in a hurry.
const INTERRUPTED: i32 = 130;

/// A runtime that waits for signals beside whatever runs.
///
/// # Errors
/// When it cannot be started.
pub(super) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("signals")
        .enable_all()
        .build()
}

/// The signals that ask to stop.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on they do not end the program by themselves. To be called within the runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Blocks until one comes; from then on another one ends the program at once.
    pub(super) fn wait(mut self, runtime: &Runtime, common: &Common) {
        runtime.block_on(self.next());
        common.note("stopping; a second signal stops at once");
        runtime.spawn(async move {
            self.next().await;
            std::process::exit(INTERRUPTED);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
