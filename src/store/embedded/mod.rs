//! The log in one SQLite file: the default store, which needs no server.
//!
//! One thread writes, all others read beside it. This file is the interface: opening, closing, and
//! the port. It must never let two stores write one directory, and never create or change a file in
//! a directory with a foreign `log.db`.

mod accept;
mod backup;
pub mod chain;
mod checkpoint;
mod claims;
mod failed_sync;
mod judge;
mod key;
mod ledger;
mod lock;
mod look;
mod loss;
mod probe;
mod queue;
pub mod raw;
mod raw_pages;
mod reader;
mod recent;
mod rows;
mod rules;
mod schema;
mod settings;
mod wal;
mod witness;
mod witness_writer;
mod writer;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use tokio::sync::{Semaphore, oneshot, watch};

pub use self::{
    accept::{AcceptError, Acceptance, Accepted, accept_loss},
    backup::{BackupError, backup},
    claims::read_models_are_of_a_cluster,
    lock::{DirectoryLock, LOCK_FILE},
    loss::{Loss, Missing},
    reader::{LogReader, StreamHead},
    recent::{REMEMBERED_BYTES, remembered_bytes},
    schema::{FOREIGN_MARK, LOG_FILE, OpenError},
    wal::WalFrames,
    witness::WITNESS_FILE,
    writer::SYNC_DELAY_US,
};
use self::{
    judge::{Known, Looked},
    probe::CommitHealth,
    queue::{Append, Queue, Work},
    reader::IdleReaders,
    rows::ReadSession,
    rules::Rules,
    witness::Last,
    witness_writer::{Start, Witness},
    writer::{Ends, Shared, Writer},
};
use super::{
    AppendError, AppendLimits, Appended, EventStore, Expected, ReadError, Show, StoreFuture,
};
use crate::{
    clock::SharedClock,
    events::{NewEvent, Position, Recorded, StreamName},
    threads,
    values::UNLIMITED,
};

/// How much one append can hold.
const LIMITS: AppendLimits =
    AppendLimits { events_max: 4_096, bytes_max: 2 << 20, bytes_enough: 1 << 20 };

/// Data and metadata of one event.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// Pages read at the same time; more reads wait for their turn.
const READS_MAX: usize = 4;

/// A store in a directory of this machine.
#[derive(Debug)]
pub struct EmbeddedStore {
    queue: Arc<Queue>,
    ends: watch::Receiver<Ends>,
    /// Open for clients of EventStoreDB: see [`raw`].
    for_clients: bool,
    readers: Arc<IdleReaders>,
    reads: Arc<Semaphore>,
    size_max_bytes: Arc<AtomicU64>,
    health: Arc<CommitHealth>,
    sync_witness: Arc<AtomicBool>,
    writing: Mutex<Option<Writing>>,
}

/// What lasts as long as the log is open for writing.
#[derive(Debug)]
struct Writing {
    thread: JoinHandle<()>,
    _lock: DirectoryLock,
}

impl EmbeddedStore {
    /// Opens the log of a directory for reading and writing; makes both if they are missing.
    ///
    /// A log that was not closed is brought in order first: what was committed is in it, what was
    /// not is gone. Blocks while it does this, at most about a second.
    pub fn open(directory: &Path, clock: SharedClock) -> Result<Arc<Self>, OpenError> {
        Self::open_with(directory, clock, None)
    }

    /// Like [`open`](Self::open), and clients of EventStoreDB may write to it: any stream, any kind
    /// of event. What they write shows in the port only where it is in streams of ours.
    pub fn open_for_clients(directory: &Path, clock: SharedClock) -> Result<Arc<Self>, OpenError> {
        Self::open_with(directory, clock, Some(Rules::new()))
    }

    fn open_with(
        directory: &Path,
        clock: SharedClock,
        rules: Option<Rules>,
    ) -> Result<Arc<Self>, OpenError> {
        schema::make_directory(directory)?;
        let path = directory.join(LOG_FILE);
        // A foreign file is refused before anything is put beside it. With our lock file there the
        // directory is ours, and the log perhaps in use: then the lock comes first.
        if path.exists() && !directory.join(LOCK_FILE).exists() {
            schema::inspect(&path, false)?;
        }
        let lock = DirectoryLock::take(directory)?;
        let opening = Opening::take(directory)?;
        if let Some(loss) = opening.looked.loss {
            return Err(OpenError::Lost { path, loss: Box::new(loss) });
        }
        Self::start(opening, clock, rules, lock)
    }

    /// Syncs the witness at every commit instead of each second: a power loss together with a
    /// damaged write-ahead log is then noticed, too. A commit takes about twice as long.
    pub fn sync_witness_at_commits(&self, at_commits: bool) {
        self.sync_witness.store(at_commits, Ordering::Relaxed);
    }

    /// Keeps the log file from growing beyond this size, to leave room on the disk for others;
    /// appends that would need more are refused as not written. `None` lifts the limit. Counts
    /// from the next append on, rounded to pages of 8 KiB.
    pub fn limit_size(&self, bytes_max: Option<u64>) {
        self.size_max_bytes.store(bytes_max.unwrap_or(UNLIMITED), Ordering::Relaxed);
    }

    fn start(
        opening: Opening,
        clock: SharedClock,
        rules: Option<Rules>,
        lock: DirectoryLock,
    ) -> Result<Arc<Self>, OpenError> {
        let path = opening.directory.join(LOG_FILE);
        let sync_witness = Arc::new(AtomicBool::new(false));
        let witness = opening.into_witness(Arc::clone(&sync_witness))?;
        let queue = Arc::new(Queue::new());
        let start = Ends { all: Position::START, ours: Position::START };
        let (published, ends) = watch::channel(start);
        let for_clients = rules.is_some();
        let size_max_bytes = Arc::new(AtomicU64::new(UNLIMITED));
        let health = Arc::new(CommitHealth::default());
        let failed = |problem| OpenError::Io { path: path.clone(), problem };
        let shared = Shared {
            queue: Arc::clone(&queue),
            ends: published,
            health: Arc::clone(&health),
            size_max_bytes: Arc::clone(&size_max_bytes),
        };
        let writer = Writer::open(path.clone(), clock, shared, rules, witness).map_err(failed)?;
        let thread = thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || {
                threads::urgent();
                writer.run();
            })
            .map_err(|error| failed(error.to_string()))?;
        Ok(Arc::new(Self {
            queue,
            ends,
            for_clients,
            readers: Arc::new(IdleReaders::of(path)),
            reads: Arc::new(Semaphore::new(READS_MAX)),
            size_max_bytes,
            health,
            sync_witness,
            writing: Mutex::new(Some(Writing { thread, _lock: lock })),
        }))
    }

    /// Reads on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut ReadSession) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let turn = Arc::clone(&self.reads).acquire_owned().await.map_err(|_closed| closed())?;
        let readers = Arc::clone(&self.readers);
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            readers.read(read)
        });
        reading.await.map_err(|error| ReadError::Unavailable(error.to_string()))?
    }
}

/// A log that is about to be opened for writing: judged, and nothing in it changed yet.
struct Opening {
    directory: PathBuf,
    /// The witness, locked; none where there is none.
    witness: Option<File>,
    looked: Looked,
}

impl Opening {
    /// Judges the log of a directory whose lock the caller holds; makes one where there never was
    /// any.
    fn take(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(LOG_FILE);
        let mut witness = witness::open_locked(directory)?;
        let known = Known::read(directory, false)?;
        if !path.exists() {
            if let Some(loss) = known.without_log() {
                return Err(OpenError::Lost { path, loss: Box::new(loss) });
            }
            schema::create(directory)?;
            witness = witness::open_locked(directory)?;
        }
        let looked = Known::read(directory, false)?.look_at(directory)?;
        Ok(Self { directory: directory.to_owned(), witness, looked })
    }

    /// Goes on from here: what the log holds now is what is known of it.
    fn into_witness(self, sync_at_commits: Arc<AtomicBool>) -> Result<Witness, OpenError> {
        let Self { directory, witness, looked } = self;
        let Looked { connection, answered, sequence, generation, adopt, .. } = looked;
        // Before any other connection opens the file: it was read without locks.
        drop(connection);
        let failed = |error| OpenError::io(&directory.join(WITNESS_FILE), &error);
        claims::drop_those_of_a_cluster(&directory)
            .map_err(|error| OpenError::io(&directory, &error))?;
        let file = witness.filter(|_| !adopt);
        // What is on disk behind that was never answered, and another process that has the log open
        // can keep SQLite from seeing it.
        let answered = if file.is_some() { answered } else { Last::NONE };
        let start = Start { file, last: answered, sequence, generation };
        let wal = look::wal_of(&directory.join(LOG_FILE));
        Witness::open(&directory, wal, start, sync_at_commits).map_err(failed)
    }
}

impl EventStore for EmbeddedStore {
    fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> StoreFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let bytes = checked_bytes(&events).map_err(AppendError::NotWritten)?;
            let (answer, answered) = oneshot::channel();
            let count = events.len();
            let work = Work::append(Append { stream, expected, events }, answer);
            let pushed = self.queue.push(work, count, bytes).await;
            pushed.map_err(|_closed| AppendError::NotWritten("the store is closed".to_owned()))?;
            answered.await.unwrap_or_else(|_gone| {
                Err(AppendError::Unknown("the store stopped before it answered".to_owned()))
            })
        })
    }

    fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(self.read(move |session| session.read_stream(stream, from_revision, max)))
    }

    fn show_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
        show: Show,
    ) -> StoreFuture<'_, Result<usize, ReadError>> {
        Box::pin(self.read(move |session| session.show_stream(stream, from_revision, max, &*show)))
    }

    fn read_all(
        &self,
        after: Position,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        let head = self.head();
        Box::pin(self.read(move |session| session.read_all(after, max, head)))
    }

    fn last_revision(&self, stream: StreamName) -> StoreFuture<'_, Result<Option<u64>, ReadError>> {
        Box::pin(self.read(move |session| session.last_revision(stream)))
    }

    /// There is no other writer: this process knows the whole log.
    fn end(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        Box::pin(std::future::ready(Ok(self.head())))
    }

    fn found_end(&self) -> StoreFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn head(&self) -> Position {
        self.ends.borrow().ours
    }

    fn wait_after(&self, position: Position) -> StoreFuture<'_, Result<(), ReadError>> {
        let mut ends = self.ends.clone();
        Box::pin(async move {
            let ended = ends.wait_for(|ends| ends.ours > position).await;
            ended.map(|_ends| ()).map_err(|_gone| closed())
        })
    }

    fn limits(&self) -> AppendLimits {
        LIMITS
    }

    fn commit_failure(&self) -> Option<String> {
        self.health.failure()
    }

    /// The lock on the directory keeps it to one process.
    fn is_shared(&self) -> bool {
        false
    }

    /// Also closes the files and gives the directory free.
    fn close(&self) {
        self.queue.close();
        self.reads.close();
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.readers.close();
        if let Some(writing) = writing {
            // A panic there has been reported by the panic hook.
            _ = writing.thread.join();
        }
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// Bytes of an append, or why the store does not take it.
fn checked_bytes(events: &[NewEvent]) -> Result<usize, String> {
    if events.is_empty() {
        return Err("an append must have at least one event".to_owned());
    }
    let AppendLimits { events_max, bytes_max, .. } = LIMITS;
    if events.len() > events_max {
        return Err(format!("{} events in one append; {events_max} is the most", events.len()));
    }
    let mut total = 0;
    for event in events {
        let bytes = event.data.len() + event.metadata.len();
        if bytes > EVENT_BYTES_MAX {
            return Err(format!("an event of {bytes} bytes; {EVENT_BYTES_MAX} is the most"));
        }
        for text in [&event.data, &event.metadata] {
            std::str::from_utf8(text).map_err(|error| format!("an event is not text: {error}"))?;
        }
        total += bytes + 2 * event.kind.len();
    }
    if total > bytes_max {
        return Err(format!("{total} bytes in one append; {bytes_max} is the most"));
    }
    Ok(total)
}

fn closed() -> ReadError {
    ReadError::Unavailable("the store is closed".to_owned())
}
