//! How far the work of a process is done, in a small file of its own.
//!
//! The file is a shortcut and holds no fact: it is written without a sync, and one that is missing,
//! damaged or of another log means that the log is read from its beginning.

use std::{
    collections::VecDeque,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    events::{Position, StreamName},
    private,
    projections::{Checkpoint, Landmark},
};

/// The directory of all such files, inside of the data directory.
const DIRECTORY: &str = "processes";

/// Checkpoints kept in memory at most.
const PASSED_MAX: usize = 64;

/// A checkpoint as it is written.
#[derive(Serialize, Deserialize)]
struct Noted {
    position: Position,
    recorded_at_ms: i64,
    stream: String,
    revision: u64,
    event_id: Uuid,
}

/// Where the checkpoint of the process of that name is.
pub(super) fn path(data: &Path, name: &str) -> PathBuf {
    data.join(DIRECTORY).join(format!("{name}.json"))
}

/// The checkpoint in a file; `None` where there is none that can be read.
pub(super) fn read(path: &Path) -> Option<Checkpoint> {
    let found = fs::read(path).ok()?;
    let noted: Result<Noted, _> = serde_json::from_slice(&found);
    let stream = noted.as_ref().ok().and_then(|noted| StreamName::parse(&noted.stream));
    let (Ok(Noted { position, recorded_at_ms, revision, event_id: id, .. }), Some(stream)) =
        (noted, stream)
    else {
        tracing::warn!(path = %path.display(), "a damaged checkpoint is ignored");
        return None;
    };
    let event = Some(Landmark { stream, revision, id });
    Some(Checkpoint { position, recorded_at_ms, event, past: false })
}

/// Replaces the checkpoint in a file.
pub(super) fn write(path: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    let Checkpoint { position, recorded_at_ms, event: Some(event), .. } = *checkpoint else {
        return Ok(());
    };
    let Landmark { stream, revision, id: event_id } = event;
    let stream = stream.to_string();
    let noted = Noted { position, recorded_at_ms, stream, revision, event_id };
    if let Some(directory) = path.parent() {
        private::make_inner_directory(directory)?;
    }
    let draft = path.with_extension("new");
    private::file().truncate(true).open(&draft)?.write_all(&serde_json::to_vec(&noted)?)?;
    fs::rename(draft, path)
}

/// The checkpoints that a process has passed: the place between two events is not always one that a
/// store can read on from.
#[derive(Debug, Default)]
pub(super) struct Passed(VecDeque<Checkpoint>);

impl Passed {
    /// The process has come so far.
    pub(super) fn push(&mut self, checkpoint: Checkpoint) {
        if self.0.len() == PASSED_MAX {
            let mut index = 0;
            self.0.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
        self.0.push_back(checkpoint);
    }

    /// The newest checkpoint before the event at `oldest`; those before it are dropped.
    pub(super) fn before(&mut self, oldest: Option<Position>) -> Option<Checkpoint> {
        let is_before = |checkpoint: &Checkpoint| oldest.is_none_or(|at| checkpoint.position < at);
        while self.0.get(1).is_some_and(is_before) {
            self.0.pop_front();
        }
        self.0.front().copied().filter(is_before)
    }
}
