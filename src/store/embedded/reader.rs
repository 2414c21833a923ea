//! Reading the log as the port shows it: our own streams, forwards.
//!
//! Streams of others, where a client of EventStoreDB has written some, are read past. Reading takes
//! no lock of ours and goes on beside the writer.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rusqlite::params;

use super::{
    OpenError,
    chain::Hash,
    judge::{self, Known, Looked},
    key::StreamKey,
    look,
    loss::Loss,
    raw::Direction,
    rows::{
        COLUMNS, Checked, Page, Query, ReadSession, limit, read_error, unknown_stream, wrong_type,
    },
    schema::{self, LOG_FILE},
    wal,
};
use crate::{
    events::{Position, Recorded, Shown, StreamName},
    store::ReadError,
    values::bound_of,
};

/// Reads a log that another process may be writing. Takes no lock and changes nothing in the
/// log. Its methods block.
#[derive(Debug)]
pub struct LogReader {
    session: Mutex<ReadSession>,
    loss: Option<Loss>,
    /// Keeps writers out of a log that is only looked at.
    _held: Option<File>,
}

/// Where one stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamHead {
    pub name: StreamName,
    pub last_revision: u64,
    /// Hash of its last event.
    pub hash: Hash,
}

impl LogReader {
    /// Opens the log of a directory. One that is known to have been longer can be read, too, but
    /// its [`loss`](Self::loss) must be told: what is read from it is not what was answered.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(LOG_FILE);
        let (in_use, held) = judge::is_in_use(directory);
        let known = Known::read(directory, in_use)?;
        if !path.exists()
            && let Some(loss) = known.without_log()
        {
            return Err(OpenError::Lost { path, loss: Box::new(loss) });
        }
        let Looked { connection, loss, .. } = known.look_at(directory)?;
        if loss.is_some() {
            // Read as it was looked at: an ordinary connection would make files beside it.
            let session = Mutex::new(ReadSession::over(connection));
            return Ok(Self { session, loss, _held: held });
        }
        drop(connection);
        if !in_use {
            bring_to_disk(&path);
        }
        drop(held);
        let session = ReadSession::open(&path)
            .map_err(|error| OpenError::Io { path, problem: error.to_string() })?;
        Ok(Self { session: Mutex::new(session), loss, _held: None })
    }

    /// What is missing in the log, if it is known to have been longer or another one.
    pub fn loss(&self) -> Option<&Loss> {
        self.loss.as_ref()
    }

    /// Like [`read_stream`](crate::store::EventStore::read_stream) of the store.
    pub fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        self.with(|session| session.read_stream(stream, from_revision, max))
    }

    /// Like [`show_stream`](crate::store::EventStore::show_stream) of the store.
    pub fn show_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
        show: &dyn Fn(&Shown<'_>),
    ) -> Result<usize, ReadError> {
        self.with(|session| session.show_stream(stream, from_revision, max, show))
    }

    /// Like [`last_revision`](crate::store::EventStore::last_revision) of the store.
    pub fn last_revision(&self, stream: StreamName) -> Result<Option<u64>, ReadError> {
        self.with(|session| session.last_revision(stream))
    }

    /// Like [`read_all`](crate::store::EventStore::read_all) of the store.
    pub fn read_all(&self, after: Position, max: usize) -> Result<Vec<Recorded>, ReadError> {
        self.with(|session| session.read_all(after, max, Position::START))
    }

    /// Position of the last event, also if it is not in a stream of ours.
    pub fn head(&self) -> Result<Position, ReadError> {
        self.with(|session| {
            let sql = "SELECT coalesce(max(position), 0) FROM events";
            let last = session.connection.query_row(sql, [], |row| row.get(0));
            last.map(|last: i64| Position(last.cast_unsigned())).map_err(read_error)
        })
    }

    /// All streams of ours, in the order of their first events.
    pub fn streams(&self) -> Result<Vec<StreamHead>, ReadError> {
        self.with(ReadSession::streams)
    }

    fn with<T>(&self, read: impl FnOnce(&mut ReadSession) -> T) -> T {
        read(&mut self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ReadSession {
    pub(super) fn last_revision(&mut self, stream: StreamName) -> Result<Option<u64>, ReadError> {
        Ok(self.find_stream(&stream.to_string())?.map(|(_number, last)| last))
    }

    pub(super) fn read_stream(
        &mut self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        self.stream_page(stream, from_revision, max, recorded)
    }

    pub(super) fn show_stream(
        &mut self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
        show: &dyn Fn(&Shown<'_>),
    ) -> Result<usize, ReadError> {
        let show = |event: &Checked<'_>| shown(event).map(|event| show(&event));
        Ok(self.stream_page(stream, from_revision, max, show)?.len())
    }

    /// Reads a stream and keeps what its reader wants of it.
    fn stream_page<T>(
        &mut self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
        keep: impl FnMut(&Checked<'_>) -> Option<T>,
    ) -> Result<Vec<T>, ReadError> {
        let Ok(from) = i64::try_from(from_revision) else { return Ok(Vec::new()) };
        let found = self.find_stream(&stream.to_string())?;
        let Some((number, head)) = found else { return Ok(Vec::new()) };
        let sql = format!(
            "SELECT {COLUMNS} WHERE stream = ?1 AND revision >= ?2 ORDER BY revision LIMIT ?3"
        );
        let query = Query { sql: &sql, direction: Direction::Forwards, max };
        let page = self.read_page(&query, params![number, from, limit(max)], keep)?;
        if page.rows > 0 && page.first_revision != from_revision {
            return Err(ReadError::Damaged(format!(
                "{stream} goes on at revision {}, not {from_revision}",
                page.first_revision
            )));
        }
        // All there is up to the head, unless more was not wanted.
        let end = from_revision + page.rows as u64;
        if page.rows < max && !page.large && end <= head {
            let problem = format!("{stream} ends before revision {end}; its head is {head}");
            return Err(ReadError::Damaged(problem));
        }
        Ok(page.kept)
    }

    /// Reads on after a position. `head` is a position that is known to be there.
    pub(super) fn read_all(
        &mut self,
        after: Position,
        max: usize,
        head: Position,
    ) -> Result<Vec<Recorded>, ReadError> {
        let mut after = after;
        loop {
            let page = self.page_after(after, max, max, head, recorded)?;
            // A page of foreign events only must not look like the end of the log.
            if !page.kept.is_empty() || page.rows == 0 {
                return Ok(page.kept);
            }
            after = Position(page.last_position);
        }
    }

    /// Looks at `rows_max` events after a position, of whatever stream, and keeps at most `max`.
    pub(super) fn page_after<T>(
        &mut self,
        after: Position,
        rows_max: usize,
        max: usize,
        head: Position,
        mut keep: impl FnMut(&Checked<'_>) -> Option<T>,
    ) -> Result<Page<T>, ReadError> {
        let from = bound_of(after.0);
        let sql = format!("SELECT {COLUMNS} WHERE position > ?1 ORDER BY position LIMIT ?2");
        let query = Query { sql: &sql, direction: Direction::Forwards, max };
        let mut expected = after.0;
        let mut gap = None;
        let page = self.read_page(&query, params![from, limit(rows_max)], |event| {
            expected = expected.wrapping_add(1);
            if event.position != expected && gap.is_none() {
                gap = Some((event.position, expected));
            }
            keep(event)
        })?;
        if let Some((position, expected)) = gap {
            let problem = format!("it goes on at position {position}, not {expected}");
            return Err(ReadError::Damaged(problem));
        }
        let end = after.0.saturating_add(page.rows as u64);
        if page.rows < rows_max && page.kept.len() < max && !page.large && end < head.0 {
            let problem = format!("it ends at position {end}, though {head} was written");
            return Err(ReadError::Damaged(problem));
        }
        Ok(page)
    }

    fn streams(&mut self) -> Result<Vec<StreamHead>, ReadError> {
        let marked = schema::is_marked(&self.connection).map_err(read_error)?;
        let sql = "SELECT name, revision, hash FROM streams ORDER BY stream";
        let mut query = self.connection.prepare_cached(sql).map_err(read_error)?;
        let mut rows = query.query([]).map_err(read_error)?;
        let mut heads = Vec::new();
        while let Some(row) = rows.next().map_err(read_error)? {
            let name = row.get_ref(0).map_err(read_error)?.as_str().map_err(wrong_type)?;
            let name = match StreamKey::of(name) {
                StreamKey::Ours(name) => name,
                StreamKey::Foreign(_) if marked => continue,
                StreamKey::Foreign(name) => return Err(unknown_stream(&name)),
            };
            let revision: i64 = row.get(1).map_err(read_error)?;
            heads.push(StreamHead {
                name,
                last_revision: revision.cast_unsigned(),
                hash: row.get(2).map_err(read_error)?,
            });
        }
        Ok(heads)
    }
}

/// Brings a log that no server has open to disk. After a kill or a failed sync its last rows may be only
/// in the page cache, and a read model built from them would contain more than a power loss leaves.
fn bring_to_disk(path: &Path) {
    // Where it may not be written, whoever made it has to.
    if wal::write_again(path).is_ok() {
        return;
    }
    for file in [look::wal_of(path), path.to_owned()] {
        // On a medium that cannot be written there is nothing to sync.
        _ = File::open(file).and_then(|file| file.sync_data());
    }
}

/// An event as the port shows it; nothing if it is not in a stream of ours.
fn shown<'a>(event: &Checked<'a>) -> Option<Shown<'a>> {
    let stream = match event.name.key {
        StreamKey::Ours(name) => name,
        StreamKey::Foreign(_) => return None,
    };
    Some(Shown {
        position: Position(event.position),
        stream,
        revision: event.revision,
        id: event.id,
        kind: event.kind,
        data: event.data,
        metadata: event.metadata,
        recorded_at_ms: event.recorded_at_ms,
    })
}

/// The same to be kept.
fn recorded(event: &Checked<'_>) -> Option<Recorded> {
    shown(event).map(|event| event.recorded())
}

/// Reading connections that wait for the next page to be read.
#[derive(Debug)]
pub(super) struct IdleReaders {
    path: PathBuf,
    sessions: Mutex<Vec<ReadSession>>,
}

impl IdleReaders {
    pub(super) fn of(path: PathBuf) -> Self {
        Self { path, sessions: Mutex::new(Vec::new()) }
    }

    /// Reads with an idle connection or a new one. Blocks.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&mut ReadSession) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let idle = self.sessions().pop();
        let mut session = match idle {
            Some(session) => session,
            None => ReadSession::open(&self.path)?,
        };
        let outcome = read(&mut session)?;
        // Not reached after an error: a fresh connection is the better one to try with then.
        self.sessions().push(session);
        Ok(outcome)
    }

    pub(super) fn close(&self) {
        self.sessions().clear();
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Vec<ReadSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
