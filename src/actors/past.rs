//! Past read models: found or built, one at a time, by a thread of the lowest priority.
//!
//! A build continues when its query has ended, so that a later query finds it done.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch, time::timeout};

use super::Permits;
use crate::{
    events::{Position, Recorded},
    projections::{AsOfViews, Cause, Checkpoint, RebuildError},
    store::{LogSource, ReadError},
    threads,
};

/// Moments that may be asked for and not be built yet.
const WAITING_MAX: usize = 8;

/// Moments that are looked for at once: each look holds a thread, and reads the log.
const LOOKS_MAX: usize = 8;

/// Events read at once.
const PAGE_EVENTS: usize = 1_000;

/// Why there are no read models of that moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PastFault {
    /// Too many moments wait to be built.
    #[error("too many queries of past positions at once")]
    Overloaded,
    /// It is being built and has come to that position.
    #[error("the read models of that moment are being built, and are at position {0}")]
    Building(Position),
    /// They cannot be built at the moment: the disk or the store is in the way.
    #[error("the read models of that moment cannot be built at the moment: {0}")]
    HeldUp(Arc<str>),
    /// They could not be built.
    #[error("the read models of that moment could not be built: {0}")]
    Failed(Arc<str>),
}

impl From<RebuildError<ReadError>> for PastFault {
    fn from(error: RebuildError<ReadError>) -> Self {
        let why = error.to_string().into();
        match error {
            RebuildError::Log(ReadError::Unavailable(_)) | RebuildError::Files(_) => {
                Self::HeldUp(why)
            }
            RebuildError::Projection(error) => match error.cause() {
                Cause::Outside => Self::HeldUp(why),
                Cause::File | Cause::Log => Self::Failed(why),
            },
            RebuildError::Log(ReadError::Damaged(_)) | RebuildError::Decode(_) => Self::Failed(why),
        }
    }
}

/// The keeper of past read models.
pub struct Past {
    views: AsOfViews,
    log: LogSource,
    /// What is being built or waits for it.
    builds: Mutex<HashMap<Position, watch::Receiver<Build>>>,
    looks: Permits,
    /// Whose turn it is to build.
    turn: Mutex<()>,
}

#[derive(Debug, Clone, Default)]
struct Build {
    reached: Position,
    done: Option<Result<PathBuf, PastFault>>,
}

impl Past {
    /// The past of that data directory according to that log. `alone` if no other process uses the
    /// directory: remains of a crash are then removed.
    pub fn new(data: &Path, log: LogSource, alone: bool) -> Arc<Self> {
        let views = AsOfViews::of(data);
        if alone && let Err(error) = views.clear_unfinished() {
            tracing::warn!(%error, "unfinished past read models could not be removed");
        }
        Arc::new(Self {
            views,
            log,
            builds: Mutex::default(),
            looks: Permits::new(LOOKS_MAX),
            turn: Mutex::default(),
        })
    }

    /// A directory with the read models as they were at that position. Waits at most that long,
    /// or where no limit is given until they are built.
    pub async fn at(
        self: &Arc<Self>,
        position: Position,
        wait_max: Option<Duration>,
    ) -> Result<PathBuf, PastFault> {
        let place = self.looks.take(wait_max).await.ok_or(PastFault::Overloaded)?;
        let past = Arc::clone(self);
        let runtime = Handle::current();
        let found = tokio::task::spawn_blocking(move || {
            // Also when the caller has gone.
            let _place = place;
            past.views.find(position, |checkpoint| past.holds(&runtime, checkpoint))
        });
        let failed = |why: &dyn std::fmt::Display| PastFault::Failed(why.to_string().into());
        let found = found.await.map_err(|error| failed(&error))?;
        let held_up = |error: ReadError| PastFault::from(RebuildError::Log(error));
        if let Some(directory) = found.map_err(held_up)? {
            return Ok(directory);
        }
        let mut build = self.start(position)?;
        let done = async {
            build.wait_for(|build| build.done.is_some()).await.map(|build| build.done.clone())
        };
        let done = match wait_max {
            None => done.await,
            Some(wait_max) => match timeout(wait_max, done).await {
                Ok(done) => done,
                Err(_) => return Err(PastFault::Building(build.borrow().reached)),
            },
        };
        match done {
            Ok(Some(Ok(directory))) => Ok(directory),
            Ok(Some(Err(fault))) => Err(fault),
            Ok(None) | Err(_) => Err(failed(&"the thread that built them ended")),
        }
    }

    /// The read models of that moment were found damaged: they are built anew when they are asked for.
    pub fn is_damaged(&self, position: Position) {
        if let Err(error) = self.views.remove(position) {
            tracing::warn!(%error, position = position.0, "damaged past read models could not be removed");
        }
    }

    /// Joins the build of that moment, or starts it.
    fn start(self: &Arc<Self>, position: Position) -> Result<watch::Receiver<Build>, PastFault> {
        let mut builds = self.builds();
        if let Some(build) = builds.get(&position) {
            return Ok(build.clone());
        }
        if builds.len() >= WAITING_MAX {
            return Err(PastFault::Overloaded);
        }
        let (progress, build) = watch::channel(Build::default());
        let past = Arc::clone(self);
        let runtime = Handle::current();
        let thread = std::thread::Builder::new().name("as-of".to_owned());
        let started = thread.spawn(move || {
            threads::idle();
            let done = past.build(&runtime, position, &progress);
            // First out of the list: later callers look for the directory.
            past.builds().remove(&position);
            progress.send_modify(|build| build.done = Some(done));
        });
        started.map_err(|error| PastFault::Failed(error.to_string().into()))?;
        builds.insert(position, build.clone());
        Ok(build)
    }

    fn build(
        &self,
        runtime: &Handle,
        position: Position,
        progress: &watch::Sender<Build>,
    ) -> Result<PathBuf, PastFault> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |checkpoint| self.holds(runtime, checkpoint);
        let page = |after| self.page_after(runtime, after);
        let built = self.views.build(position, holds, page, |reached| {
            progress.send_modify(|build| build.reached = reached.position);
        });
        built.map_err(|error: RebuildError<ReadError>| {
            tracing::error!(%error, position = position.0, "past read models were not built");
            error.into()
        })
    }

    fn page_after(&self, runtime: &Handle, after: Position) -> Result<Vec<Recorded>, ReadError> {
        runtime.block_on(self.log.read_all(after, PAGE_EVENTS))
    }

    /// Whether this is the log that read models with this checkpoint were made from.
    fn holds(&self, runtime: &Handle, checkpoint: Checkpoint) -> Result<bool, ReadError> {
        let Some(event) = checkpoint.event else { return Ok(true) };
        let found = runtime.block_on(self.log.read_stream(event.stream, event.revision, 1))?;
        Ok(checkpoint.is_in_log_with(found.first()))
    }

    fn builds(&self) -> MutexGuard<'_, HashMap<Position, watch::Receiver<Build>>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
