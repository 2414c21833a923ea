//! Writing the witness: after the sync of a commit, before anything is published or answered.
//!
//! A write is 512 bytes into a file that never grows, without a sync; a thread of its own syncs it
//! each second, off the way of orders. What is written must be on disk already: the log first.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::Connection;

use super::{
    failed_sync,
    wal::WalMark,
    witness::{self, Last, Record},
};

/// How often the witness is synced while it changes.
const SYNC_EACH: Duration = Duration::from_secs(1);

/// The writing end of a witness.
#[derive(Debug)]
pub(super) struct Witness {
    file: File,
    wal_path: PathBuf,
    /// Opened when there is a write-ahead log. SQLite takes no locks on it, so closing it is safe.
    wal: Option<File>,
    record: Record,
    /// The highest number that was put into the header of the log.
    stamped: u32,
    /// Whether each write is synced before it returns.
    at_commits: Arc<AtomicBool>,
    dirty: Arc<AtomicBool>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What is known when a witness is opened for writing.
#[derive(Debug)]
pub(super) struct Start {
    /// The file, locked; `None` if it must be made.
    pub(super) file: Option<File>,
    pub(super) last: Last,
    /// The highest sequence number in the file.
    pub(super) sequence: u64,
    /// The highest number known of the header of the log.
    pub(super) generation: u32,
}

impl Witness {
    /// Takes over the witness of a log that was found to be whole up to `start.last`.
    pub(super) fn open(
        directory: &Path,
        wal_path: PathBuf,
        start: Start,
        at_commits: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let Start { file, last, sequence, generation } = start;
        // Not said to be in the log file yet: that is said when it has been copied there.
        let record = Record { checkpointed: 0, ..Record::settled(sequence, last, generation) };
        let file = match file {
            Some(file) => file,
            None => witness::create(directory, &record)?,
        };
        let record = Record { sequence: sequence + 1, ..record };
        let dirty = Arc::new(AtomicBool::new(false));
        let (wake, woken) = sync_channel(1);
        let (syncing, changed) = (file.try_clone()?, Arc::clone(&dirty));
        let thread = thread::Builder::new()
            .name("log-witness".to_owned())
            .spawn(move || sync_each_second(&syncing, &changed, &woken))?;
        Ok(Self {
            file,
            wal_path,
            wal: None,
            record,
            stamped: generation,
            at_commits,
            dirty,
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// The last position that was answered for.
    pub(super) fn position(&self) -> u64 {
        self.record.last.position
    }

    /// Notes what a commit has brought to disk.
    pub(super) fn committed(&mut self, last: Last) -> io::Result<()> {
        let wal = self.wal_mark()?;
        let before = self.record;
        let mut next = Record { last, wal, ..before };
        if wal != before.wal && before.wal != WalMark::NONE {
            // It was started over, which SQLite does only when all of it is in the log file.
            next.checkpointed = before.last.position;
            next.generation = self.stamped;
        }
        if (next.last, next.wal) == (before.last, before.wal) {
            return Ok(());
        }
        self.write(next)?;
        if self.at_commits.load(Ordering::Relaxed) {
            return self.file.sync_data();
        }
        self.dirty.store(true, Ordering::Relaxed);
        if wal != before.wal
            && let Some(wake) = &self.wake
        {
            // Full means that it is awake already.
            _ = wake.try_send(());
        }
        Ok(())
    }

    /// Notes that the whole log is in its file and the write-ahead log empty. Synced.
    pub(super) fn settled(&mut self, last: Last) -> io::Result<()> {
        self.wal = None;
        // Both slots, so that nothing older is said by the other one.
        for _ in 0..2 {
            self.write(Record::settled(self.record.sequence, last, self.stamped))?;
        }
        self.file.sync_data()
    }

    /// Raises the number in the header of the log file. To be done before the write-ahead log is
    /// copied and started over: from then on older copies of the log file are known as such.
    pub(super) fn stamp(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let next = self.stamped.saturating_add(1);
        failed_sync::or_end(connection.pragma_update(None, "user_version", next))?;
        self.stamped = next;
        Ok(())
    }

    /// Syncs what was written last and ends the thread.
    pub(super) fn close(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook.
            _ = thread.join();
        }
    }

    fn write(&mut self, record: Record) -> io::Result<()> {
        let record = Record { sequence: self.record.sequence + 1, ..record };
        self.file.write_all_at(&record.encode(), record.offset())?;
        self.record = record;
        Ok(())
    }

    fn wal_mark(&mut self) -> io::Result<WalMark> {
        if self.wal.is_none() {
            self.wal = match File::open(&self.wal_path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                file => Some(file?),
            };
        }
        self.wal.as_ref().map_or(Ok(WalMark::NONE), WalMark::of)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.close();
    }
}

fn sync_each_second(file: &File, dirty: &AtomicBool, woken: &Receiver<()>) {
    loop {
        let ended = woken.recv_timeout(SYNC_EACH) == Err(RecvTimeoutError::Disconnected);
        if dirty.swap(false, Ordering::Relaxed)
            && let Err(error) = file.sync_data()
        {
            // It is tried again with the next change; the log itself does not rest on it.
            tracing::warn!(%error, "the witness of the log could not be synced");
        }
        if ended {
            return;
        }
    }
}
