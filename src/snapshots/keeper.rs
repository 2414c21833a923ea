//! The thread that writes snapshots, one at a time.
//!
//! It folds the newest snapshot and the events behind it, as a node does that starts, and writes what
//! that comes to. So it needs nothing of the actor that decides, costs it no time, and holds only
//! what is in the log. Its threads yield the processor to orders, but are not starved by them: what lies
//! behind a snapshot stays bounded.

use std::{
    collections::{HashMap, VecDeque},
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{runtime::Runtime, sync::Notify};

use super::{
    file::{NotWritten, SnapshotFiles},
    fold::FoldError,
    load::{Loaded, load},
    rule::{Look, Rule},
};
use crate::{
    domain::{Decider, item::Item},
    events::{Category, StreamName},
    store::{LogSource, SharedStore},
    threads,
};

/// Streams that wait for their turn; those beyond ask again.
const WAITING_MAX: usize = 64;

/// How many times as long as it took to write a snapshot the thread leaves a running sale alone.
const REST: u32 = 10;

/// Time that the end of the thread may take, of that for stopping.
const ENDING: Duration = Duration::from_millis(250);

/// Threads that read and decode for it.
const READING_THREADS: usize = 2;

/// The snapshots of a node, and who writes them.
#[derive(Debug)]
pub struct Snapshots {
    keeper: Arc<Keeper>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Keeper {
    files: SnapshotFiles,
    log: LogSource,
    rule: Rule,
    desk: Mutex<Desk>,
    changed: Condvar,
    /// What is under way ends.
    stop: Notify,
    stopping: AtomicBool,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("files", &self.files).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Desk {
    waiting: VecDeque<StreamName>,
    busy: bool,
    kept: HashMap<StreamName, Kept>,
}

/// What is known of the newest snapshot of a stream.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    /// Events that it holds.
    covered: u64,
    /// Another one is not written before, unless the stream is at rest.
    rests_until: Option<Instant>,
}

/// Why a snapshot was not renewed.
#[derive(Debug, thiserror::Error)]
enum NotRenewed {
    #[error(transparent)]
    Fold(#[from] FoldError),
    #[error(transparent)]
    Write(#[from] NotWritten),
}

impl Snapshots {
    /// Those of a data directory, of the log in that store.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(data: &Path, store: SharedStore, rule: Rule) -> std::io::Result<Arc<Self>> {
        let keeper = Arc::new(Keeper {
            files: SnapshotFiles::of(data),
            log: LogSource::Store(store),
            rule,
            desk: Mutex::default(),
            changed: Condvar::new(),
            stop: Notify::new(),
            stopping: AtomicBool::new(false),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(READING_THREADS)
            .thread_name("snapshots")
            .on_thread_start(threads::patient)
            .enable_all()
            .build()?;
        let works = Arc::clone(&keeper);
        let thread = thread::Builder::new().name("snapshots".to_owned()).spawn(move || {
            threads::patient();
            works.run(runtime);
        })?;
        Ok(Arc::new(Self { keeper, thread: Mutex::new(Some(thread)) }))
    }

    /// The state that a stream comes to, from its snapshot where it has one.
    ///
    /// # Errors
    /// When the log cannot be read, or an event of it.
    pub async fn load<D: Decider>(
        &self,
        stream: StreamName,
        moves: Vec<super::ClockMove>,
    ) -> Result<Loaded<D>, FoldError> {
        let loaded = load(Some(&self.keeper.files), &self.keeper.log, stream, moves).await?;
        if loaded.covered > 0 {
            self.keeper.desk().kept.entry(stream).or_default().covered = loaded.covered;
        }
        Ok(loaded)
    }

    /// A stream of this node has so many events. Asks for a snapshot where one is due.
    pub fn look<D: Decider>(&self, stream: StreamName, events: u64, at_rest: bool) -> Look {
        if !D::HAS_SNAPSHOTS {
            return Look::NEVER;
        }
        let Keeper { rule, changed, .. } = &*self.keeper;
        let mut desk = self.keeper.desk();
        let Kept { covered, rests_until } = desk.kept.get(&stream).copied().unwrap_or_default();
        let [tail_max, at_rest_max] = [false, true].map(|rests| rule.tail_max(covered, rests));
        let may = at_rest || rests_until.is_none_or(|until| until <= Instant::now());
        if may && rule.is_due(events, covered, at_rest) {
            if !desk.waiting.contains(&stream) && desk.waiting.len() < WAITING_MAX {
                desk.waiting.push_back(stream);
                changed.notify_all();
            }
            // It takes a while, and may fail.
            return Look { again_at: events + tail_max / 2, await_rest: true };
        }
        let await_rest = rule.is_due(events, covered, true);
        let again = if await_rest { tail_max } else { at_rest_max };
        Look { again_at: (covered + again).max(events + tail_max / 8), await_rest }
    }

    /// Writes what waits, as far as there is time for it, and ends. Blocks.
    pub fn finish(&self, until: Instant) {
        let keeper = &*self.keeper;
        let until = until.checked_sub(ENDING).unwrap_or(until);
        let mut desk = keeper.desk();
        while desk.busy || !desk.waiting.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::info!("a snapshot is not written: there is no time left for it");
                break;
            }
            let waited = keeper.changed.wait_timeout(desk, left);
            desk = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        keeper.stopping.store(true, Ordering::SeqCst);
        drop(desk);
        keeper.changed.notify_all();
        keeper.stop.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // An error is a panic, which has been reported.
        _ = thread.map(JoinHandle::join);
    }
}

impl Keeper {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn run(&self, runtime: Runtime) {
        while let Some(stream) = self.next() {
            runtime.block_on(async {
                tokio::select! {
                    () = self.stop.notified() => {}
                    () = self.renew(stream) => {}
                }
            });
            self.desk().busy = false;
            self.changed.notify_all();
        }
        // A read that is under way must not hold up the end.
        runtime.shutdown_background();
    }

    /// The next stream; none when it is time to stop.
    fn next(&self) -> Option<StreamName> {
        let mut desk = self.desk();
        loop {
            if self.is_stopping() {
                return None;
            }
            if let Some(stream) = desk.waiting.pop_front() {
                desk.busy = true;
                return Some(stream);
            }
            desk = self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    async fn renew(&self, stream: StreamName) {
        let renewed = match stream.category {
            Category::Item => self.renew_of::<Item>(stream).await,
            _ => return,
        };
        match renewed {
            Ok(()) | Err(NotRenewed::Write(NotWritten::Stopped)) => {}
            Err(why) => tracing::warn!(%stream, %why, "a snapshot is not written"),
        }
    }

    async fn renew_of<D: Decider>(&self, stream: StreamName) -> Result<(), NotRenewed> {
        let started = Instant::now();
        let loaded: Loaded<D> = load(Some(&self.files), &self.log, stream, Vec::new()).await?;
        let Loaded { folded, covered } = loaded;
        let events = folded.events();
        let Some(mark) = folded.last.filter(|_| events > covered) else {
            self.desk().kept.insert(stream, Kept { covered, rests_until: None });
            return Ok(());
        };
        let go_on = || !self.is_stopping();
        let bytes = self.files.write(stream, &mark, &folded.state, &go_on)?;
        let took = started.elapsed();
        let rests_until = Instant::now().checked_add(took * REST);
        self.desk().kept.insert(stream, Kept { covered: events, rests_until });
        let ms = took.as_millis();
        tracing::info!(%stream, events, bytes, ms, "a snapshot is written");
        Ok(())
    }
}
