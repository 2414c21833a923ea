//! A copy of a log with its witness, both of one moment, also beside a server.
//!
//! Files that are copied one by one while a server writes are of different moments, and a node
//! refuses to start on them. SQLite copies the log in one read transaction; the witness is made for
//! the copy. The log gets its name last, so a backup is whole or none.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::{
    OpenError,
    judge::{self, Known, Looked},
    look,
    schema::{self, LOG_FILE},
    witness::{self, Last, Record, WITNESS_FILE},
};
use crate::{events::Position, private};

/// The copy while it is made.
const DRAFT_FILE: &str = "log.db.new";

/// Why there is no backup. The log is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{} is not empty; a backup needs a new or empty directory", .0.display())]
    NotEmpty(PathBuf),
    #[error("{}: {problem}", path.display())]
    Failed { path: PathBuf, problem: String },
}

/// Copies the log of a directory into another one, which must be missing or empty. Gives the last
/// position of the copy.
///
/// # Errors
/// When the log is refused, the directory holds anything, or cannot be written.
pub fn backup(directory: &Path, to: &Path) -> Result<Position, BackupError> {
    let (in_use, held) = judge::is_in_use(directory);
    let known = Known::read(directory, in_use)?;
    let Looked { connection, last, loss, .. } = known.look_at(directory)?;
    if let Some(loss) = loss {
        let path = directory.join(LOG_FILE);
        return Err(OpenError::Lost { path, loss: Box::new(loss) }.into());
    }
    let failed = |error: &dyn std::error::Error| BackupError::Failed {
        path: to.to_owned(),
        problem: error.to_string(),
    };
    schema::make_directory(to)?;
    if fs::read_dir(to).map_err(|error| failed(&error))?.next().is_some() {
        return Err(BackupError::NotEmpty(to.to_owned()));
    }
    // SQLite copies one moment by itself: a server may start meanwhile.
    drop((connection, held));
    let copied = look::open_beside_others(&directory.join(LOG_FILE))
        .map_err(|error| error.to_string())
        .and_then(|log| copy(&log, to, &last));
    if copied.is_err() {
        // Nothing of a backup that failed is to be taken for one, or to be in the way of the next.
        for file in [DRAFT_FILE, "log.db.new-wal", "log.db.new-shm", WITNESS_FILE, LOG_FILE] {
            _ = fs::remove_file(to.join(file));
        }
    }
    copied.map_err(|problem| BackupError::Failed { path: to.to_owned(), problem })
}

fn copy(log: &Connection, to: &Path, at_least: &Last) -> Result<Position, String> {
    let draft = to.join(DRAFT_FILE);
    let name = draft.to_str().ok_or("the name of the directory is not UTF-8")?;
    let said = |error: rusqlite::Error| error.to_string();
    private::make_file(&draft).map_err(|error| error.to_string())?;
    log.execute("VACUUM INTO ?1", [name]).map_err(said)?;
    let copy = Connection::open(&draft).map_err(said)?;
    copy.pragma_update(None, "journal_mode", "WAL").map_err(said)?;
    schema::mark_witness(&copy).map_err(said)?;
    let last = judge::last_event(&copy).map_err(said)?;
    let generation = copy.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(said)?;
    copy.close().map_err(|(_, error)| said(error))?;
    if last.position < at_least.position {
        return Err(format!("the copy ends at {}, not {}", last.position, at_least.position));
    }
    let finish = || {
        File::open(&draft)?.sync_all()?;
        // The log gets its name after the witness, which it says is there.
        witness::create(to, &Record::settled(0, last, generation))?;
        fs::rename(&draft, to.join(LOG_FILE))?;
        File::open(to)?.sync_all()
    };
    finish().map_err(|error: io::Error| error.to_string())?;
    Ok(Position(last.position))
}
