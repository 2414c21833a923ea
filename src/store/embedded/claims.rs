//! What read models prove about their log.
//!
//! A read model holds only events that were synced, so one that is ahead of the log shows that the
//! log was longer. Only the table with its checkpoint is looked at, whatever version wrote it. A
//! file that cannot be read says nothing: it is built anew. One damaged value must not claim a
//! loss, so a checkpoint is believed only where no event of the log explains it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use uuid::Uuid;

use super::{
    look,
    loss::Missing,
    witness::{Last, WITNESS_FILE},
};
use crate::values::bound_of;
use crate::{events::Position, private};

/// Directory of the read models inside the data directory.
const VIEWS: &str = "views";

/// Says that the read models beside a log were made from the log of a cluster.
const ELSEWHERE: &str = "views.cluster";

/// An event that must be in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) source: String,
    pub(super) position: i64,
    pub(super) id: Uuid,
    /// What only the witness knows.
    hash: Option<Vec<u8>>,
    /// What only a read model knows.
    place: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    stream: String,
    revision: i64,
    recorded_at_ms: i64,
}

impl Claim {
    pub(super) fn of_witness(last: &Last) -> Self {
        Self {
            source: WITNESS_FILE.to_owned(),
            position: bound_of(last.position),
            id: last.id,
            hash: Some(last.hash.to_vec()),
            place: None,
        }
    }

    /// What contradicts it in a log; nothing if the log holds the event.
    pub(super) fn missing_in(&self, log: &Connection) -> Result<Option<Missing>> {
        if self.position <= 0 {
            return Ok(None);
        }
        let at = "SELECT id, e.hash, name, e.revision, recorded_at_ms
                  FROM events AS e JOIN streams AS s USING (stream) WHERE position = ?1";
        let found = log.query_row(at, [self.position], |row| {
            let place =
                Place { stream: row.get(2)?, revision: row.get(3)?, recorded_at_ms: row.get(4)? };
            Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, Vec<u8>>(1)?, place))
        });
        let found = match found.optional()? {
            None => "the log ends before it".to_owned(),
            Some((id, hash, _)) if Uuid::from_bytes(id) == self.id => {
                if self.hash.as_ref().is_none_or(|known| *known == hash) {
                    return Ok(None);
                }
                "that event has another hash on disk".to_owned()
            }
            // The same event in all but one bit of its id: it is the checkpoint that is damaged.
            Some((id, _, place))
                if self.place.as_ref() == Some(&place)
                    && (Uuid::from_bytes(id).as_u128() ^ self.id.as_u128()).count_ones() == 1 =>
            {
                return Ok(None);
            }
            Some((id, _, _)) => format!("event {} is there instead", Uuid::from_bytes(id)),
        };
        if self.place.as_ref().map_or(Ok(false), |place| holds(log, place, self.id))? {
            return Ok(None);
        }
        let position = Position(self.position.unsigned_abs());
        let (source, event_id) = (self.source.clone(), Some(self.id));
        Ok(Some(Missing { source, position, event_id, found }))
    }
}

/// Whether a log has that event at that place of its stream, wherever in the whole log.
fn holds(log: &Connection, place: &Place, id: Uuid) -> Result<bool> {
    let sql = "SELECT e.id FROM events AS e JOIN streams AS s USING (stream)
               WHERE s.name = ?1 AND e.revision = ?2";
    let found =
        log.query_row(sql, params![place.stream, place.revision], |row| row.get::<_, [u8; 16]>(0));
    Ok(found.optional()?.is_some_and(|found| Uuid::from_bytes(found) == id))
}

/// What the read models of a directory claim. `in_use` states that another process may be writing
/// them.
pub(super) fn of_read_models(directory: &Path, in_use: bool) -> Vec<Claim> {
    if directory.join(ELSEWHERE).exists() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(directory.join(VIEWS)) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "db"));
    files.sort();
    files.iter().filter_map(|path| of_read_model(path, in_use)).collect()
}

fn of_read_model(path: &Path, in_use: bool) -> Option<Claim> {
    let file = look::open(path, in_use).ok()?;
    let sql = "SELECT position, recorded_at_ms, stream, revision, event_id FROM checkpoint
               WHERE event_id IS NOT NULL";
    let claim = file.query_row(sql, [], |row| {
        Ok(Claim {
            source: format!("{VIEWS}/{}", path.file_name().unwrap_or_default().to_string_lossy()),
            position: row.get(0)?,
            id: Uuid::from_bytes(row.get(4)?),
            hash: None,
            place: Some(Place {
                stream: row.get(2)?,
                revision: row.get(3)?,
                recorded_at_ms: row.get(1)?,
            }),
        })
    });
    claim.ok()
}

/// Notes that the read models in a directory are of a cluster's log and claim nothing about a log
/// in the directory.
///
/// # Errors
/// When the directory cannot be written.
pub fn read_models_are_of_a_cluster(directory: &Path) -> std::io::Result<()> {
    let path = directory.join(ELSEWHERE);
    if path.exists() {
        return Ok(());
    }
    private::make_file(&path)?.sync_all()?;
    fs::File::open(directory)?.sync_all()
}

/// Removes read models that are of a cluster's log: those of the log in the directory are made
/// anew. To be called by the only one who uses the directory.
pub(super) fn drop_those_of_a_cluster(directory: &Path) -> std::io::Result<()> {
    let mark = directory.join(ELSEWHERE);
    if !mark.exists() {
        return Ok(());
    }
    let views = directory.join(VIEWS);
    if views.exists() {
        fs::remove_dir_all(&views)?;
    }
    fs::File::open(directory)?.sync_all()?;
    fs::remove_file(mark)
}
