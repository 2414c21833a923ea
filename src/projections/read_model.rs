//! One projection and its file: rows and checkpoint move in the same transaction.
//!
//! A file of another version, or one that cannot be read, is dropped and rebuilt from zero, because
//! it can always be derived from the log. The checkpoint names its event, so that a file of another
//! log is detected. It must never skip an event, apply one twice, or move the checkpoint without
//! the rows.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params,
};
use uuid::Uuid;

use super::{
    ApplyError, Difference, Projection, ProjectionError,
    cause::{is_damage, is_outside, is_untrusted},
    difference::first_difference,
    digest::digest_of,
    directories::{VIEWS, clear_leftovers, view_path},
    file::{
        FileIdentity, OpenFile, connect, create, drop_files, identity, seal_built, while_built,
    },
    follow::Streams,
    signed,
};
use crate::{
    events::{Category, Event, Position, Recorded, StreamName},
    private,
    values::UnixMs,
};

/// The table with the checkpoint.
const CHECKPOINT: &str = "checkpoint";

/// How far a read model has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// Of the last event applied; [`Position::START`] before the first.
    pub position: Position,
    /// When the store wrote that event, milliseconds since the Unix epoch; 0 before the first.
    pub recorded_at_ms: i64,
    /// Which event that is, so that another log can be told from this one; `None` before the first.
    pub event: Option<Landmark>,
    /// An earlier moment was asked for: nothing of that is missing.
    pub past: bool,
}

/// One event and its place in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landmark {
    pub stream: StreamName,
    pub revision: u64,
    pub id: Uuid,
}

impl Checkpoint {
    /// After that event.
    pub fn after(recorded: &Recorded) -> Self {
        let Recorded { position, stream, revision, id, recorded_at_ms, .. } = *recorded;
        let event = Some(Landmark { stream, revision, id });
        Self { position, recorded_at_ms, event, past: false }
    }

    /// The moment by which ages are told: that of the last event where an earlier one was asked for.
    pub fn moment(&self, now: UnixMs) -> UnixMs {
        if self.past { UnixMs(self.recorded_at_ms) } else { now }
    }

    /// Whether it is a checkpoint in a log that has `found` at the landmark's place in its stream.
    /// A position says nothing by itself: every log has one like it. And a copy of the event at
    /// another position, or recorded at another time, is in another log.
    pub fn is_in_log_with(&self, found: Option<&Recorded>) -> bool {
        match self.event {
            None => true,
            Some(_) => found.is_some_and(|recorded| Self::after(recorded) == *self),
        }
    }
}

/// A projection with its file.
pub struct ReadModel {
    projection: Box<dyn Projection>,
    path: PathBuf,
    identity: Option<FileIdentity>,
    connection: OpenFile,
    checkpoint: Checkpoint,
    /// How far each stream was seen.
    streams: Streams,
}

impl std::fmt::Debug for ReadModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadModel")
            .field("path", &self.path)
            .field("checkpoint", &self.checkpoint)
            .finish_non_exhaustive()
    }
}

/// The checkpoint in a file, if this version of the projection wrote it.
pub fn read_checkpoint(
    connection: &Connection,
    name: &str,
    version: i64,
) -> rusqlite::Result<Option<Checkpoint>> {
    // Not there in a file that was never finished, or that does not say which log it is of.
    let made = "SELECT count(*) FROM pragma_table_info('checkpoint') WHERE name = 'event_id'";
    let made = connection.prepare_cached(made)?.query_row([], |row| row.get::<_, i64>(0))?;
    if made == 0 {
        return Ok(None);
    }
    checkpoint_of(connection, name, version)
}

/// The same in a file that says which log it is of. It is asked for each page.
fn checkpoint_of(
    connection: &Connection,
    name: &str,
    version: i64,
) -> rusqlite::Result<Option<Checkpoint>> {
    connection
        .prepare_cached(
            "SELECT position, recorded_at_ms, stream, revision, event_id FROM checkpoint
             WHERE projection = ? AND version = ?",
        )?
        .query_row(params![name, version], |row| {
            let position = u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
            let recorded_at_ms = row.get(1)?;
            let (position, event) = (Position(position), landmark(row)?);
            Ok(Checkpoint { position, recorded_at_ms, event, past: false })
        })
        .optional()
}

/// The landmark in a row of checkpoints. One that makes no sense is in no log, and its file is
/// built anew.
fn landmark(row: &Row<'_>) -> rusqlite::Result<Option<Landmark>> {
    let Some(stream) = row.get::<_, Option<String>>(2)? else { return Ok(None) };
    let nowhere = StreamName { category: Category::Sale, id: Uuid::nil() };
    Ok(Some(Landmark {
        stream: StreamName::parse(&stream).unwrap_or(nowhere),
        revision: row.get::<_, i64>(3)?.cast_unsigned(),
        id: Uuid::from_bytes(row.get(4)?),
    }))
}

impl ReadModel {
    /// Opens the read model of a data directory, or makes an empty one. At most one process may
    /// have it open like this; any number may read.
    pub fn open(data: &Path, projection: Box<dyn Projection>) -> Result<Self, ProjectionError> {
        clear_leftovers(data)?;
        Self::open_again(data, projection)
    }

    /// The same in a directory that was in use meanwhile: what others may be building in it stays.
    pub fn open_again(
        data: &Path,
        projection: Box<dyn Projection>,
    ) -> Result<Self, ProjectionError> {
        Self::open_in(&data.join(VIEWS), projection)
    }

    pub(super) fn open_in(
        directory: &Path,
        projection: Box<dyn Projection>,
    ) -> Result<Self, ProjectionError> {
        private::make_inner_directory(directory)?;
        let model = projection.name();
        let path = directory.join(format!("{model}.db"));
        let failed = |source| ProjectionError::Rows { model, source };
        if identity(&path)?.is_none() {
            // A write-ahead log without its file would become part of the new one.
            drop_files(&path)?;
        }
        let (connection, checkpoint) = match resume(&path, &*projection) {
            Ok(Some(resumed)) => resumed,
            Ok(None) => {
                drop_files(&path)?;
                private::make_file(&path)?;
                (create(&path, &*projection).map_err(failed)?, Checkpoint::default())
            }
            Err(error) if is_outside(&error) => return Err(failed(error)),
            Err(_) => {
                drop_files(&path)?;
                private::make_file(&path)?;
                (create(&path, &*projection).map_err(failed)?, Checkpoint::default())
            }
        };
        let identity = identity(&path)?;
        let streams = Streams::default();
        Ok(Self { projection, path, identity, connection, checkpoint, streams })
    }

    /// Makes an empty one that nobody reads before [`finish`](Self::finish), and that is dropped if it is
    /// not finished: nothing of it is written twice, or synced before its end.
    pub(super) fn build_in(
        directory: &Path,
        projection: Box<dyn Projection>,
    ) -> Result<Self, ProjectionError> {
        let model = Self::open_in(directory, projection)?;
        let failed = |source| ProjectionError::Rows { model: model.name(), source };
        while_built(&model.connection).map_err(failed)?;
        Ok(model)
    }

    /// Makes one that was built a file like any other, on disk.
    pub(super) fn finish(self) -> Result<(), ProjectionError> {
        let failed = |source| ProjectionError::Rows { model: self.projection.name(), source };
        seal_built(&self.connection).map_err(failed)?;
        drop(self.connection);
        Ok(fs::File::open(&self.path)?.sync_all()?)
    }

    /// The projection's name.
    pub fn name(&self) -> &'static str {
        self.projection.name()
    }

    /// How far it has come.
    pub fn checkpoint(&self) -> Checkpoint {
        self.checkpoint
    }

    /// Whether the open file is the one that queries of this read model find.
    pub fn is_in_place(&self) -> bool {
        match identity(&self.path) {
            Ok(found) => found == self.identity,
            // Unknown at the moment.
            Err(_) => true,
        }
    }

    /// Forgets everything and starts from an empty file: what is in it is of another log.
    pub fn start_over(&mut self) -> Result<(), ProjectionError> {
        let failed = |source| ProjectionError::Rows { model: self.projection.name(), source };
        // SQLite removes files by their names when it closes one, so this one goes first.
        self.connection.distrust();
        self.connection = OpenFile::none().map_err(failed)?;
        drop_files(&self.path)?;
        private::make_file(&self.path)?;
        self.connection = create(&self.path, &*self.projection).map_err(failed)?;
        self.identity = identity(&self.path)?;
        self.projection.forget();
        self.streams.forget();
        self.checkpoint = Checkpoint::default();
        Ok(())
    }

    /// Removes the file of a read model that is not open.
    pub fn drop_file(data: &Path, name: &str) -> Result<(), ProjectionError> {
        Ok(drop_files(&view_path(data, name))?)
    }

    /// Applies consecutive events of the log in one transaction. Events at or below the checkpoint
    /// are skipped, so a page may be given again. On an error nothing of the page is applied and
    /// nothing is kept in memory, except where a sync failed: then nothing of the file may be trusted.
    /// What will not go away by trying again is any error but `Rows`.
    pub fn apply_page(&mut self, page: &[(Recorded, Event)]) -> Result<(), ProjectionError> {
        let result = self.fold(page);
        if let Err(error) = &result {
            // The rows were rolled back, so what was kept in memory is ahead of them.
            self.projection.forget();
            self.streams.forget();
            if let ProjectionError::Rows { source, .. } = error
                && is_untrusted(source)
            {
                self.connection.distrust();
                if let Err(error) = drop_files(&self.path) {
                    tracing::debug!(%error, "a read model could not be dropped");
                }
            }
        }
        result
    }

    fn fold(&mut self, page: &[(Recorded, Event)]) -> Result<(), ProjectionError> {
        let Self { projection, connection, streams, .. } = self;
        let (model, version) = (projection.name(), projection.version());
        let failed = |source| ProjectionError::Rows { model, source };
        let rows =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Read, not remembered: after a failed commit only the file has its outcome.
        let start = checkpoint_of(&rows, model, version).map_err(failed)?;
        let start = start.ok_or_else(|| failed(rusqlite::Error::QueryReturnedNoRows))?;
        let mut reached = start;
        for (recorded, fact) in page {
            let position = recorded.position;
            if position <= reached.position {
                continue;
            }
            let stopped = |error: ApplyError| error.of(model, position);
            streams.follow(&rows, recorded, model)?;
            projection.apply(&rows, recorded, fact).map_err(stopped)?;
            reached = Checkpoint::after(recorded);
        }
        if reached != start {
            let stopped = |error: ApplyError| error.of(model, reached.position);
            projection.flush(&rows).map_err(stopped)?;
            streams.write(&rows).map_err(stopped)?;
            write_checkpoint(&rows, model, reached).map_err(stopped)?;
            rows.commit().map_err(failed)?;
            connection.copy_what_has_grown().map_err(failed)?;
        }
        self.checkpoint = reached;
        Ok(())
    }

    /// SHA-256, in hexadecimal, over every row of every table in the order of its primary key, with
    /// the checkpoint. Two read models are equal if and only if their digests are.
    pub fn digest(&self) -> Result<String, ProjectionError> {
        self.digest_without("")
    }

    /// The same without the checkpoint: what was built from a log and from a copy of it in another
    /// store differs in positions and times of recording, and in nothing else.
    pub fn digest_of_rows(&self) -> Result<String, ProjectionError> {
        self.digest_without(CHECKPOINT)
    }

    /// Where the file in use differs first from this rebuild of it, with how far that file has come
    /// by now. `catch_up` is called with that position and brings this one there; nothing changes in
    /// the file while it runs.
    pub(super) fn difference_from<E: From<ProjectionError>>(
        &mut self,
        path: &Path,
        catch_up: impl FnOnce(&mut Self, Position) -> Result<(), E>,
    ) -> Result<Option<Difference>, E> {
        let (model, version) = (self.name(), self.projection.version());
        let failed = |source| ProjectionError::Rows { model, source };
        let opened = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let mut in_use = opened.map_err(failed)?;
        let rows = in_use.transaction().map_err(failed)?;
        let checkpoint = read_checkpoint(&rows, model, version).map_err(failed)?;
        if let Some(checkpoint) = checkpoint {
            catch_up(self, checkpoint.position)?;
        }
        Ok(first_difference(&rows, &self.connection).map_err(failed)?)
    }

    fn digest_without(&self, table: &str) -> Result<String, ProjectionError> {
        let digest = || {
            let rows = self.connection.unchecked_transaction()?;
            digest_of(&rows, table)
        };
        digest().map_err(|source| ProjectionError::Rows { model: self.name(), source })
    }
}

/// Checkpoint and digest of a file that another process may have open; `None` if another version
/// wrote it. A file that cannot be read equals nothing, so its digest is empty.
pub(super) fn digest_file(
    path: &Path,
    projection: &dyn Projection,
) -> Result<Option<(Position, String)>, ProjectionError> {
    let (model, version) = (projection.name(), projection.version());
    let read = || {
        let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        // Both in one transaction, so that the digest is that of the checkpoint.
        let rows = connection.transaction()?;
        let Some(checkpoint) = read_checkpoint(&rows, model, version)? else { return Ok(None) };
        Ok(Some((checkpoint.position, digest_of(&rows, "")?)))
    };
    match read() {
        Err(error) if is_damage(&error) => Ok(Some((Position::START, String::new()))),
        read => read.map_err(|source| ProjectionError::Rows { model, source }),
    }
}

fn write_checkpoint(
    rows: &Transaction<'_>,
    model: &str,
    reached: Checkpoint,
) -> Result<(), ApplyError> {
    let Checkpoint { position, recorded_at_ms, event, past: _ } = reached;
    let stream = event.map(|event| event.stream.to_string());
    let revision = event.map(|event| signed(event.revision)).transpose()?;
    let event_id = event.map(|event| *event.id.as_bytes());
    rows.prepare_cached(
        "UPDATE checkpoint
         SET position = ?, recorded_at_ms = ?, stream = ?, revision = ?, event_id = ?
         WHERE projection = ?",
    )?
    .execute(params![
        signed(position.0)?,
        recorded_at_ms,
        stream,
        revision,
        event_id,
        model
    ])?;
    Ok(())
}

/// Opens a file where it was left; `None` if it is new, unfinished or of another version.
fn resume(
    path: &Path,
    projection: &dyn Projection,
) -> rusqlite::Result<Option<(OpenFile, Checkpoint)>> {
    let connection = connect(path)?;
    let checkpoint = read_checkpoint(&connection, projection.name(), projection.version())?;
    Ok(checkpoint.map(|checkpoint| (connection, checkpoint)))
}
