//! Acceptance, by an operator, of a log that is known to have been longer.
//!
//! The event is written before the witness, and names what it gives up. So a crash in between
//! leaves a log that settles its old witness by itself, and the same command can be given again. It
//! must never accept anything but what the operator named.

use std::{fmt::Display, path::Path, sync::Arc};

use rusqlite::Connection;
use uuid::Uuid;

use super::{
    DirectoryLock, EmbeddedStore, LogReader, Loss, OpenError, Opening, failed_sync,
    key::StreamKey,
    ledger::{Heads, Statements},
    queue::Append,
    schema::LOG_FILE,
    wal, writer,
};
use crate::{
    clock::SharedClock,
    events::{GivenUp, LossAccepted, Position, SERVICE, StreamName, encode},
    store::{EventStore as _, Expected},
};

/// What an operator gives up, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The last position on disk.
    pub end: Position,
    /// The last position that is known to have been acknowledged.
    pub known: Position,
    pub reason: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Where the log says so.
    pub position: Position,
    /// It was accepted before, and nothing was written now.
    pub before: bool,
}

/// Why a loss was not accepted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("nothing is known to be missing: the log ends at position {end}, as it should")]
    NothingMissing { end: Position },
    #[error(
        "what is missing is another loss: the last position on disk is {}, and {} is known to have \
         been acknowledged",
        loss.end,
        loss.known
    )]
    Another { loss: Box<Loss> },
    #[error(
        "what is on disk is damaged itself and cannot be gone on with: {problem}\nrestore the whole \
         directory from a backup or a snapshot"
    )]
    Unsound { problem: String },
    #[error("the event could not be written: {0}")]
    NotWritten(String),
}

/// Accepts the loss that was found in the log of a directory.
///
/// # Errors
/// When nothing is missing, or not exactly that; when what is left is not sound.
pub fn accept_loss(
    directory: &Path,
    clock: &SharedClock,
    acceptance: &Acceptance,
) -> Result<Accepted, AcceptError> {
    let path = directory.join(LOG_FILE);
    if !path.exists() {
        // Without a log there is nothing to go on with, and none is made here.
        LogReader::open(directory)?;
    }
    let lock = DirectoryLock::take(directory)?;
    let mut opening = Opening::take(directory)?;
    let accepted = match opening.looked.loss.take() {
        None => {
            let end = Position(opening.looked.last.position);
            let found = accepted_before(&opening.looked.connection, acceptance)
                .map_err(|error| OpenError::sqlite(&path, &error))?;
            let position = found.ok_or(AcceptError::NothingMissing { end })?;
            Accepted { position, before: true }
        }
        Some(loss) => {
            if (loss.end, loss.known) != (acceptance.end, acceptance.known) {
                return Err(AcceptError::Another { loss: Box::new(loss) });
            }
            if let Some((_, problem)) = opening.looked.verify_all(&path)? {
                return Err(AcceptError::Unsound { problem });
            }
            // It was looked at without locks: nothing of that may stay open beside a writer.
            opening.looked.connection =
                Connection::open_in_memory().map_err(|error| OpenError::sqlite(&path, &error))?;
            let failed = |error: &dyn Display| AcceptError::NotWritten(error.to_string());
            wal::write_again(&path).map_err(|error| failed(&error))?;
            let position =
                write(&path, clock, acceptance, &loss).map_err(|error| failed(&error))?;
            Accepted { position, before: false }
        }
    };
    drop(opening);
    drop(lock);
    // Takes the log over as it is now, and with it the witness.
    EmbeddedStore::open(directory, Arc::clone(clock))?.close();
    Ok(accepted)
}

fn write(
    path: &Path,
    clock: &SharedClock,
    acceptance: &Acceptance,
    loss: &Loss,
) -> rusqlite::Result<Position> {
    let Acceptance { end, known, reason } = acceptance;
    let settles = loss.missing.iter().map(|missing| GivenUp {
        source: missing.source.clone(),
        position: missing.position,
        event_id: missing.event_id,
    });
    let now = clock.now();
    let event = LossAccepted {
        end: *end,
        known: *known,
        settles: settles.collect(),
        reason: reason.clone(),
        accepted_at_ms: now,
    };
    let connection = writer::connect(path)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut heads = Heads::load(&connection)?;
    let mut statements = Statements::of(&connection)?;
    let head = heads.head(&mut statements, &StreamKey::Ours(StreamName::log()))?;
    let revision = head.map_or(0, |head| head.revision + 1);
    let name = format!("loss/{revision}/{end}/{known}");
    let id = Uuid::new_v5(&SERVICE, name.as_bytes());
    let events = Arc::from([encode(id, &event, SERVICE, id)]);
    let expected = head.map_or(Expected::NoStream, |head| Expected::Exact(head.revision));
    let append = Append { stream: StreamName::log(), expected, events };
    // The expectation was read in this transaction.
    let _appended = heads.append(&mut statements, &append, now.0)?;
    drop(statements);
    failed_sync::or_end(connection.execute_batch("COMMIT"))?;
    Ok(Position(heads.last().position))
}

/// Where the log says that exactly this was accepted.
fn accepted_before(
    log: &Connection,
    acceptance: &Acceptance,
) -> rusqlite::Result<Option<Position>> {
    let sql = "SELECT data, position FROM events AS e JOIN streams AS s USING (stream)
               WHERE s.name = ?1 ORDER BY e.revision DESC";
    let mut query = log.prepare(sql)?;
    let mut rows = query.query([StreamName::log().to_string()])?;
    while let Some(row) = rows.next()? {
        let read = serde_json::from_slice::<LossAccepted>(row.get_ref(0)?.as_bytes()?);
        let same = |accepted: LossAccepted| {
            (accepted.end, accepted.known) == (acceptance.end, acceptance.known)
        };
        if read.is_ok_and(same) {
            return row.get::<_, i64>(1).map(|position| Some(Position(position.unsigned_abs())));
        }
    }
    Ok(None)
}
