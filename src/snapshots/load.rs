//! A state from its snapshot and the events behind it, or from all events.

use super::{
    file::{Opened, Refused, SnapshotFiles},
    fold::{ClockMove, FoldError, Folded, fold, on_a_thread},
    mark::Mark,
};
use crate::{
    domain::Decider,
    events::StreamName,
    store::{LogSource, ReadError},
};

/// A state, and how much of it came out of a snapshot.
#[derive(Debug)]
pub struct Loaded<D> {
    pub folded: Folded<D>,
    /// Events that the snapshot holds; 0 where there is none.
    pub covered: u64,
}

/// The state that a stream comes to. A snapshot that cannot be used is ignored with a line in the log
/// of the program.
///
/// # Errors
/// When the log cannot be read, or an event of it.
pub async fn load<D: Decider>(
    files: Option<&SnapshotFiles>,
    log: &LogSource,
    stream: StreamName,
    moves: Vec<ClockMove>,
) -> Result<Loaded<D>, FoldError> {
    let mut from = None;
    if let Some(files) = files.filter(|_| D::HAS_SNAPSHOTS) {
        from = match try_snapshot::<D>(files, log, stream, &moves).await? {
            Ok(found) => found,
            Err(why) => {
                let path = files.path(stream);
                tracing::warn!(path = %path.display(), %why, "a snapshot is ignored");
                None
            }
        };
    }
    let from = from.unwrap_or_else(|| Folded::nothing(stream));
    let covered = from.events();
    let folded = fold(log, stream, from, moves, None).await?;
    Ok(Loaded { folded, covered })
}

/// The snapshot of a stream if there is one and it can be used.
async fn try_snapshot<D: Decider>(
    files: &SnapshotFiles,
    log: &LogSource,
    stream: StreamName,
    moves: &[ClockMove],
) -> Result<Result<Option<Folded<D>>, Refused>, FoldError> {
    let opened = {
        let files = files.clone();
        on_a_thread(move || Ok(files.open(stream))).await?
    };
    let opened = match opened {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(Ok(None)),
        Err(why) => return Ok(Err(why)),
    };
    // Deadlines were moved with the clock after some of what it holds, and it does not say which.
    if moves.iter().any(|each| each.after < opened.position()) {
        return Ok(Err(Refused::ClockWasSet));
    }
    let mark = match in_log(&opened, log, stream).await? {
        Ok(mark) => mark,
        Err(why) => return Ok(Err(why)),
    };
    let state = on_a_thread(move || Ok(opened.state::<D>())).await?;
    Ok(state.map(|state| Some(Folded { state, last: Some(mark) })))
}

/// The last event of a snapshot as the log has it.
///
/// # Errors
/// The outer one: the log cannot be read. The inner one: it has none or another one.
pub(super) async fn in_log(
    opened: &Opened,
    log: &LogSource,
    stream: StreamName,
) -> Result<Result<Mark, Refused>, ReadError> {
    let revision = opened.revision();
    let found = log.read_stream(stream, revision, 1).await?;
    let mark = found.first().map(Mark::of);
    Ok(opened
        .is_in_log_with(mark.as_ref())
        .and_then(|()| mark.ok_or(Refused::LogIsShorter { revision })))
}
