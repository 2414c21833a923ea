//! The report about a log that is known to have been longer, or is another one.

use std::fmt;

use uuid::Uuid;

use super::wal::WalFrames;
use crate::events::Position;

/// Why a log is not accepted as the one that earlier answers came from. Opening it changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The last position on disk that is sound.
    pub end: Position,
    /// The last position that is known to have been acknowledged.
    pub known: Position,
    /// What is known beside the log and is not in it.
    pub missing: Vec<Missing>,
    /// What is wrong with the rows themselves, where that is what was found.
    pub problem: Option<String>,
    /// The write-ahead log as it lies there.
    pub wal: Option<WalFrames>,
}

/// One thing that is known beside the log and is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The file that says so, for example `log.witness` or `views/orders.db`.
    pub source: String,
    pub position: Position,
    /// `None` where the file itself is missing or cannot be believed.
    pub event_id: Option<Uuid>,
    /// What was found instead.
    pub found: String,
}

impl Loss {
    /// What lies between the end on disk and what is known, as a sentence.
    pub fn between(&self) -> String {
        let (end, known) = (self.end.0, self.known.0);
        match known.saturating_sub(end) {
            0 if self.known == self.end => {
                "between: nothing is known to be missing, and nothing can tell".to_owned()
            }
            0 => format!("between: position {known} holds another event on disk"),
            1 => format!("between: position {known}, one event, is not on disk"),
            count => {
                let first = end.saturating_add(1);
                format!("between: positions {first} to {known}, {count} events, are not on disk")
            }
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (end, known) = (self.end.0, self.known.0);
        writeln!(f, "the log is not the one that was answered from")?;
        writeln!(f, "  last position on disk: {end}")?;
        writeln!(f, "  known to have been acknowledged: {known}")?;
        writeln!(f, "  {}", self.between())?;
        for Missing { source, position, event_id, found } in &self.missing {
            match event_id {
                Some(id) => writeln!(f, "  {source} knows event {id} at {position}: {found}")?,
                None => writeln!(f, "  {source} {found}")?,
            }
        }
        if let Some(problem) = &self.problem {
            writeln!(f, "  the rows behind the last checkpoint: {problem}")?;
        }
        if let Some(wal) = &self.wal {
            writeln!(f, "  log.db-wal: {wal}")?;
        }
        write!(
            f,
            "nothing was changed. Restore the whole directory from a backup or a snapshot; or, to \
             go on without what is missing, first keep a copy of the directory and then run: \
             doorbuster log accept --end {end} --known {known} --reason TEXT"
        )
    }
}
