//! The read models of a data directory, opened for one question at a time, and what an answer or an
//! error is. The questions themselves stand in the families.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::{Connection, OpenFlags, Row, Transaction};
use uuid::Uuid;

use super::bounded_sum;
use crate::{
    events::Position,
    projections::{self, Checkpoint, read_checkpoint, view_path},
    values::Invalid,
};

/// Default bound of touches in memory at once: some 170 MiB.
pub(in crate::reports) const HELD_MAX: usize = 3_000_000;

/// Steps of SQLite's machine between two looks at whether to stop: a fraction of a millisecond.
const STEPS_PER_LOOK: i32 = 10_000;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A field of the question was wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// What the named field names is not in the read model, or not yet.
    #[error("{0} does not exist")]
    NotFound(&'static str),
    /// The read model is not there or is being built; trying again later may help.
    #[error("the read model {0} is not ready")]
    NotReady(&'static str),
    /// The answer cannot be delivered: the server is stopping.
    #[error("the server is stopping")]
    Stopped,
    /// The file could not be read.
    #[error("the read model cannot be read: {0}")]
    Unreadable(rusqlite::Error),
}

impl From<rusqlite::Error> for ReportError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            // Only a stop interrupts a question.
            Some(rusqlite::ErrorCode::OperationInterrupted) => Self::Stopped,
            Some(_) | None => Self::Unreadable(error),
        }
    }
}

/// Some rows of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Asks for the rows after these; empty after the last ones.
    pub next_page_token: String,
    /// What the read model had applied when it answered.
    pub checkpoint: Checkpoint,
}

/// The read models of one data directory, to be asked. Cheap to clone, usable from any thread.
#[derive(Debug, Clone)]
pub struct Reports {
    data: PathBuf,
    held_max: usize,
    /// Set when answers cannot be delivered any more.
    stopped: Arc<AtomicBool>,
    /// Whom to tell of a read model whose file is damaged.
    damage: Option<DamageListener>,
    /// These are of an earlier moment, which was asked for.
    past: bool,
}

/// Hears the name of a read model whose file is damaged.
#[derive(Clone)]
struct DamageListener(Arc<dyn Fn(&'static str) + Send + Sync>);

impl std::fmt::Debug for DamageListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DamageListener")
    }
}

impl Reports {
    /// Questions to the read models of a data directory. Those that are not there yet are noticed
    /// when they are asked.
    pub fn open(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            held_max: HELD_MAX,
            stopped: Arc::default(),
            damage: None,
            past: false,
        }
    }

    /// The same queries; damage of a read model is reported to its keeper.
    #[must_use]
    pub fn telling_of_damage(
        self,
        listener: impl Fn(&'static str) + Send + Sync + 'static,
    ) -> Self {
        Self { damage: Some(DamageListener(Arc::new(listener))), ..self }
    }

    /// Ends every question that is under way, and those to come, to these and their clones.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// The same questions to read models of an earlier moment in another directory, stopped together
    /// with these.
    #[must_use]
    pub fn of_the_past(&self, data: &Path) -> Self {
        Self { data: data.to_owned(), damage: None, past: true, ..self.clone() }
    }

    /// The same questions, with so many touches of shoppers in memory at once; what does not fit is
    /// looked at in several passes.
    #[must_use]
    pub fn holding(self, touches: usize) -> Self {
        Self { held_max: touches.max(1), ..self }
    }

    pub(super) fn held_max(&self) -> usize {
        self.held_max
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// How far a read model has come.
    pub fn checkpoint(&self, name: &'static str, version: i64) -> Result<Checkpoint, ReportError> {
        self.ask(name, version, |_, checkpoint| Ok(checkpoint))
    }

    /// Position of the last event that the read model of that name has applied.
    pub fn position(&self, name: &'static str) -> Result<Position, ReportError> {
        let known = projections::all().into_iter().find(|projection| projection.name() == name);
        let projection = known.ok_or(ReportError::NotReady(name))?;
        Ok(self.checkpoint(name, projection.version())?.position)
    }

    /// Answers from one moment of one read model: checkpoint and rows belong together.
    ///
    /// The file is opened anew for each question, which costs a fraction of a millisecond: a read
    /// model may be dropped and rebuilt at any time, and an open file would go on answering from
    /// the one that is gone.
    pub(super) fn ask<T>(
        &self,
        name: &'static str,
        version: i64,
        answer: impl FnOnce(&Transaction<'_>, Checkpoint) -> Result<T, ReportError>,
    ) -> Result<T, ReportError> {
        let answered = self.answer(name, version, answer);
        if let (Err(ReportError::Unreadable(error)), Some(damage)) = (&answered, &self.damage)
            && projections::is_damage(error)
        {
            damage.0(name);
        }
        answered
    }

    fn answer<T>(
        &self,
        name: &'static str,
        version: i64,
        answer: impl FnOnce(&Transaction<'_>, Checkpoint) -> Result<T, ReportError>,
    ) -> Result<T, ReportError> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(ReportError::Stopped);
        }
        let path = view_path(&self.data, name);
        if !path.exists() {
            return Err(ReportError::NotReady(name));
        }
        let mut connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;")?;
        let stopped = Arc::clone(&self.stopped);
        let look = move || stopped.load(Ordering::Relaxed);
        connection.progress_handler(STEPS_PER_LOOK, Some(look))?;
        bounded_sum::add_to(&connection)?;
        let rows = connection.transaction()?;
        match read_checkpoint(&rows, name, version)? {
            None => Err(ReportError::NotReady(name)),
            Some(checkpoint) => answer(&rows, Checkpoint { past: self.past, ..checkpoint }),
        }
    }
}

/// Reads a column that holds the 16 bytes of an id.
pub(super) fn id_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let bytes: [u8; 16] = row.get(column)?;
    Ok(Uuid::from_bytes(bytes))
}
