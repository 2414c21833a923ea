//! The one thread that writes the log.
//!
//! It takes everything that waits, writes it as one transaction, and only when that is on disk
//! publishes the new head and answers. It must never answer before the commit, never leave a
//! request without an answer, and never trust what it remembers after a transaction that failed.

use std::{
    env,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, Result};
use tokio::sync::watch;

use super::{
    checkpoint::Checkpointer,
    failed_sync,
    ledger::{Heads, Statements},
    probe::{self, CommitHealth, PROBE_EVERY},
    queue::{Queue, Request, Taken, Work},
    rules::Rules,
    schema::{self, PAGE_BYTES},
    wal,
    witness_writer::Witness,
};
use crate::{clock::SharedClock, events::Position, seldom::Seldom, store::AppendError};

/// How long to wait for a foreign lock on the file. Normally there is none.
pub(super) const BUSY: Duration = Duration::from_millis(100);

/// How long a start waits for other processes that read the log, for example to verify or copy it.
const READERS_END_WITHIN: Duration = Duration::from_secs(30);

/// Memory for pages, in KiB. A group must fit, or SQLite writes pages before the commit.
const CACHE_KIB: i64 = 16 * 1024;

/// The variable by which a measurement makes each commit take so many microseconds longer.
pub const SYNC_DELAY_US: &str = "DOORBUSTER_SYNC_DELAY_US";

/// What SQLite allows when nothing else is said.
const PAGES_MAX: u64 = 4_294_967_294;

/// The writing side of a log.
pub(super) struct Writer {
    path: PathBuf,
    clock: SharedClock,
    queue: Arc<Queue>,
    ends: watch::Sender<Ends>,
    health: Arc<CommitHealth>,
    /// When it was last tried whether the log can be written again.
    probed_at: Instant,
    size_max_bytes: Arc<AtomicU64>,
    checkpointer: Checkpointer,
    failures: Seldom,
    witness: Witness,
    /// How much longer a commit takes than the disk needs.
    sync_delay: Duration,
    /// What is remembered for clients of EventStoreDB, where the log is open for them.
    rules: Option<Rules>,
    /// Nothing after an error that leaves the connection's state in doubt.
    session: Option<Session>,
}

/// The end of the log, for all that wait for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    /// The last event of all.
    pub(super) all: Position,
    /// The last one in a stream of ours: the port knows no others.
    pub(super) ours: Position,
}

/// The state shared by the writer and its callers.
pub(super) struct Shared {
    pub(super) queue: Arc<Queue>,
    pub(super) ends: watch::Sender<Ends>,
    pub(super) health: Arc<CommitHealth>,
    pub(super) size_max_bytes: Arc<AtomicU64>,
}

/// A connection and what is known to be true on it.
struct Session {
    connection: Connection,
    heads: Heads,
    size_max_bytes: u64,
}

/// Why a group was not committed.
enum TransactionError {
    /// Certainly nothing was written.
    Before(rusqlite::Error),
    /// The commit itself failed: it may be on disk or not.
    AtCommit(String),
}

/// A connection that can write, with the settings that durability rests on.
pub(super) fn connect(path: &Path) -> Result<Connection> {
    // Without CREATE: a log that has gone missing is not to be replaced by an empty one.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS an fsync does not reach the medium; elsewhere these do nothing.
    connection.pragma_update(None, "fullfsync", "ON")?;
    connection.pragma_update(None, "checkpoint_fullfsync", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

impl Session {
    /// Opens the log and makes sure that everything in it is on disk. After a crash the WAL may hold
    /// commits that only the system's memory has; copying them into the log file syncs them, so that
    /// no event is read or acknowledged that could still be lost.
    fn open(
        path: &Path,
        checkpointer: &Checkpointer,
        witness: &mut Witness,
        patience: Duration,
    ) -> Result<Self, String> {
        let open = || {
            let connection = connect(path)?;
            let heads = Heads::load(&connection)?;
            Ok::<_, rusqlite::Error>((connection, heads))
        };
        let (connection, heads) = open().map_err(|error| error.to_string())?;
        let (last, answered) = (heads.last(), witness.position());
        if last.position < answered {
            return Err(format!(
                "the log ends at position {}, though {answered} was acknowledged",
                last.position
            ));
        }
        let session = Self { connection, heads, size_max_bytes: 0 };
        let began = Instant::now();
        while !session.settle(checkpointer, witness)? {
            if began.elapsed() >= patience {
                return Err("another process is reading the log and in the way".to_owned());
            }
            thread::sleep(BUSY);
        }
        // SQLite has made the WAL and synced its name, but it does not look whether that worked.
        sync_directory_of(path).map_err(|error| format!("the directory: {error}"))?;
        Ok(session)
    }

    /// Brings everything into the log file and says so in the witness. False if a reader was in the
    /// way.
    fn settle(&self, checkpointer: &Checkpointer, witness: &mut Witness) -> Result<bool, String> {
        let marked = schema::has_witness(&self.connection).map_err(|error| error.to_string())?;
        if !marked {
            let marked = failed_sync::or_end(schema::mark_witness(&self.connection));
            marked.map_err(|error| error.to_string())?;
        }
        if let Err(error) = witness.stamp(&self.connection) {
            // On a full disk. The number before says less about older copies, but nothing wrong.
            tracing::debug!(%error, "the log file could not be numbered anew");
        }
        let settled = checkpointer.copy_all(&self.connection).map_err(|error| error.to_string())?;
        if settled {
            witness.settled(self.heads.last()).map_err(|error| format!("the witness: {error}"))?;
        }
        Ok(settled)
    }

    /// Tries whether the log can be written: a row goes in, and out again.
    fn probe(&self) -> Result<(), TransactionError> {
        for step in [probe::put_in, probe::take_out] {
            self.run("BEGIN IMMEDIATE").map_err(TransactionError::Before)?;
            step(&self.connection).map_err(TransactionError::Before)?;
            self.commit_open()?;
        }
        Ok(())
    }

    /// Writes a group as one transaction. On success every request has its own answer.
    fn commit(
        &mut self,
        group: &mut [Request],
        rules: Option<&mut Rules>,
        now_ms: i64,
    ) -> Result<(), TransactionError> {
        self.run("BEGIN IMMEDIATE").map_err(TransactionError::Before)?;
        // A group that is larger than the cache is written before the commit, and the header synced.
        let written = failed_sync::or_end(self.write(group, rules, now_ms));
        written.map_err(TransactionError::Before)?;
        self.commit_open()
    }

    /// Commits the transaction that is open.
    fn commit_open(&self) -> Result<(), TransactionError> {
        self.run("COMMIT").map_err(|error| TransactionError::AtCommit(error.to_string()))
    }

    /// Runs a statement that is compiled once.
    fn run(&self, statement: &str) -> Result<()> {
        let ran = self.connection.prepare_cached(statement)?.execute([]);
        failed_sync::or_end(ran).map(drop)
    }

    fn write(
        &mut self,
        group: &mut [Request],
        mut rules: Option<&mut Rules>,
        now_ms: i64,
    ) -> Result<()> {
        let mut statements = Statements::of(&self.connection)?;
        for request in group {
            match &mut request.work {
                Work::Append { append, reply } => {
                    reply.decided = Some(self.heads.append(&mut statements, append, now_ms)?);
                }
                // Only a log that is open for clients takes them.
                Work::Raw { write, reply } => {
                    if let Some(rules) = &mut rules {
                        let answer =
                            rules.write(&mut self.heads, &mut statements, write, now_ms)?;
                        reply.decided = Some(answer);
                    }
                }
            }
        }
        Ok(())
    }

    fn ends(&self) -> Ends {
        let position = |position: i64| Position(position.cast_unsigned());
        Ends { all: position(self.heads.position), ours: position(self.heads.ours) }
    }

    /// Undoes a transaction and forgets what it had changed in memory.
    fn roll_back(&mut self) -> Result<()> {
        // Some errors make SQLite roll back by itself.
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.heads = Heads::load(&self.connection)?;
        Ok(())
    }

    fn limit_size(&mut self, bytes: u64) -> Result<()> {
        if bytes != self.size_max_bytes {
            let pages = (bytes / PAGE_BYTES).clamp(1, PAGES_MAX);
            let statement = format!("PRAGMA max_page_count = {pages}");
            self.connection.query_row(&statement, [], |_row| Ok(()))?;
            self.size_max_bytes = bytes;
        }
        Ok(())
    }
}

impl Writer {
    /// Opens the log for writing.
    pub(super) fn open(
        path: PathBuf,
        clock: SharedClock,
        shared: Shared,
        rules: Option<Rules>,
        mut witness: Witness,
    ) -> Result<Self, String> {
        let Shared { queue, ends, health, size_max_bytes } = shared;
        wal::write_again(&path).map_err(|error| format!("the WAL: {error}"))?;
        let checkpointer = Checkpointer::start(&path).map_err(|error| error.to_string())?;
        let session = Session::open(&path, &checkpointer, &mut witness, READERS_END_WITHIN)?;
        ends.send_replace(session.ends());
        let session = Some(session);
        let failures = Seldom::default();
        let sync_delay = env::var(SYNC_DELAY_US).ok().and_then(|us| us.parse().ok()).unwrap_or(0);
        let sync_delay = Duration::from_micros(sync_delay);
        if !sync_delay.is_zero() {
            tracing::warn!(?sync_delay, "each commit takes longer, as {SYNC_DELAY_US} says");
        }
        Ok(Self {
            path,
            clock,
            queue,
            ends,
            health,
            probed_at: Instant::now(),
            size_max_bytes,
            checkpointer,
            failures,
            witness,
            sync_delay,
            rules,
            session,
        })
    }

    /// Writes until the queue is closed and empty, then leaves the log as one file.
    pub(super) fn run(mut self) {
        let mut group = Vec::new();
        loop {
            let wait_max = self.health.is_failing().then_some(PROBE_EVERY);
            match self.queue.take(&mut group, wait_max) {
                Taken::Group => {
                    self.serve(&mut group);
                    // A small commit may find room where others do not, so it proves nothing.
                    if self.health.is_failing() && self.probed_at.elapsed() >= PROBE_EVERY {
                        self.probe();
                    }
                }
                Taken::Nothing => self.probe(),
                Taken::Closed => break,
            }
        }
        self.checkpointer.stop();
        if let Some(session) = self.session.take()
            && let Err(error) = session.settle(&self.checkpointer, &mut self.witness)
        {
            // The next opening does it.
            tracing::warn!(%error, "the write-ahead log was left behind");
        }
        self.witness.close();
    }

    fn serve(&mut self, group: &mut Vec<Request>) {
        let bytes = group.iter().map(|request| request.bytes as u64).sum();
        let failure = match self.try_commit(group) {
            Ok(ends) => {
                // First the head: the receiver of an answer must be able to read its events.
                self.publish(ends);
                if let Some(failed) = self.failures.ended() {
                    tracing::info!(failed, "appends are written again");
                }
                None
            }
            Err(failure) => {
                let failed = group.len() as u64;
                if let Some(appends) = self.failures.happened(self.clock.now(), failed) {
                    tracing::warn!(%failure, appends, "appends fail; logged at most once a minute");
                }
                Some(failure)
            }
        };
        if let Some(failure) = &failure {
            self.health.tell(Some(failure.to_string()));
        }
        for request in group.drain(..) {
            request.work.settle(failure.as_ref());
        }
        if let Some(session) = &self.session
            && let Err(error) =
                self.checkpointer.after_commit(&session.connection, bytes, &mut self.witness)
        {
            tracing::warn!(%error, "the write-ahead log could not be restarted");
        }
    }

    fn publish(&self, ends: Ends) {
        self.ends.send_if_modified(|known| {
            let moved = *known != ends;
            *known = ends;
            moved
        });
    }

    /// Tries whether the log can be written again after a failed commit, without an append.
    fn probe(&mut self) {
        self.probed_at = Instant::now();
        match self.try_commit(&mut []) {
            Ok(ends) => {
                // What failed without saying so may be in the log.
                self.publish(ends);
                let failed = self.failures.ended().unwrap_or(0);
                tracing::info!(failed, "the log can be written again");
                self.health.tell(None);
            }
            Err(failure) => {
                tracing::debug!(%failure, "the log can still not be written");
                self.health.tell(Some(failure.to_string()));
            }
        }
    }

    /// Commits a group; one of nothing is a try whether the log can be written.
    fn try_commit(&mut self, group: &mut [Request]) -> Result<Ends, AppendError> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(
                Session::open(&self.path, &self.checkpointer, &mut self.witness, Duration::ZERO)
                    .map_err(AppendError::NotWritten)?,
            ),
        };
        let now_ms = self.clock.now().0;
        let size_max_bytes = self.size_max_bytes.load(Ordering::Relaxed);
        let committed = session
            .limit_size(size_max_bytes)
            .map_err(TransactionError::Before)
            .and_then(|()| match group {
                [] => session.probe(),
                group => session.commit(group, self.rules.as_mut(), now_ms),
            });
        if !self.sync_delay.is_zero() {
            thread::sleep(self.sync_delay);
        }
        let committed = committed.and_then(|()| {
            // Before anything is published or answered: what was said to be there is missed.
            let noted = self.witness.committed(session.heads.last());
            noted.map_err(|error| TransactionError::AtCommit(format!("the witness: {error}")))
        });
        let failure = match committed {
            Ok(()) => return Ok(session.ends()),
            Err(failure) => failure,
        };
        if let Some(rules) = &mut self.rules {
            rules.forget();
        }
        match failure {
            TransactionError::Before(error) => {
                if session.roll_back().is_err() {
                    self.session = None;
                }
                Err(AppendError::NotWritten(error.to_string()))
            }
            TransactionError::AtCommit(error) => {
                self.session = None;
                Err(AppendError::Unknown(error))
            }
        }
    }
}

impl Drop for Writer {
    /// However the thread ends, no caller is left waiting for it.
    fn drop(&mut self) {
        self.queue.abandon();
        self.checkpointer.stop();
    }
}
