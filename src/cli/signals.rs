//! Waiting for Ctrl-C or SIGTERM: the first asks to stop, the second does not wait any longer.

use std::{future, io};

use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use super::{
    Common,
    failure::{Code, Failure},
};
use crate::whole_file;

/// Exit code after a second signal.
const INTERRUPTED: i32 = Code::Interrupted as i32;
/// Exit code of a program that SIGTERM ends.
const TERMINATED: i32 = 143;

/// From now on Ctrl-C and SIGTERM end the program at once, but without unfinished files.
///
/// # Errors
/// When the system refuses.
pub(super) fn leave_no_parts() -> io::Result<()> {
    let runtime = runtime()?;
    let mut signals = runtime.block_on(async { Signals::catch() })?;
    let waiting = move || {
        let code = runtime.block_on(signals.next());
        whole_file::abandon_all();
        std::process::exit(code);
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(waiting).map(|_| ())
}

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

    /// Waits for the next one; gives the exit code of a program that it ends.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPTED,
            _ = self.terminate.recv() => TERMINATED,
        }
    }
}

/// Whether work that would end by itself is to end early. The second signal ends the program at
/// once.
pub(super) struct Interruption {
    told: watch::Receiver<bool>,
    /// Waits for the signals as long as this is there.
    runtime: Runtime,
}

impl Interruption {
    /// Catches signals from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn catch() -> io::Result<Self> {
        let runtime = runtime()?;
        let mut signals = runtime.block_on(async { Signals::catch() })?;
        let (tell, told) = watch::channel(false);
        runtime.spawn(async move {
            signals.next().await;
            tell.send_replace(true);
            signals.next().await;
            std::process::exit(INTERRUPTED);
        });
        Ok(Self { told, runtime })
    }

    /// What the work comes to, unless it is interrupted before.
    ///
    /// # Errors
    /// Those of the work, and [`Code::Interrupted`].
    pub(super) async fn unless<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            done = work => done,
            () = self.happened() => Err(Failure::new(Code::Interrupted, "interrupted").into()),
        }
    }

    /// Blocks until it happens.
    pub(super) fn wait(&self) {
        self.runtime.block_on(self.happened());
    }

    async fn happened(&self) {
        let mut told = self.told.clone();
        if told.wait_for(|told| *told).await.is_err() {
            // The receiver of signals is gone.
            future::pending::<()>().await;
        }
    }
}

/// Whether that is how it ended.
pub(super) fn is_interruption(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Failure>().is_some_and(|failure| failure.code == Code::Interrupted)
}

/// From now on a panic in any thread ends the process: its supervisor starts it again and it is
/// rebuilt from the log; half a server would be worse.
pub fn stop_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::exit(101);
    }));
}
