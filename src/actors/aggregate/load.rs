//! Rebuilds a state from its stream.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::super::{Fault, Shared, batch::Landing};
use crate::{
    domain::Decider,
    events::StreamName,
    snapshots::{self, ClockMove, FoldError, Folded, Loaded, Mark, fold},
    store::LogSource,
};

/// How long an event may take that the store has named and that cannot be read yet. After a change of
/// the leader it may never come.
const UNREADABLE_LASTS: Duration = Duration::from_secs(3);

/// First and longest pause between two looks at the end of a stream.
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// The state that the stream comes to, and where its last event stands. What was under way when the
/// clock was set is moved along with it.
pub(super) async fn load<D: Decider>(
    shared: Arc<Shared>,
    stream: StreamName,
    moves: Vec<ClockMove>,
) -> Result<(D, Option<Landing>), Fault> {
    let loaded: Loaded<D> = match &shared.snapshots {
        Some(snapshots) => snapshots.load(stream, moves).await?,
        None => {
            let log = LogSource::Store(Arc::clone(&shared.store));
            snapshots::load(None, &log, stream, moves).await?
        }
    };
    Ok(apart(loaded.folded))
}

/// A state that was read on.
pub(super) struct CaughtUp<D> {
    pub(super) state: D,
    /// The same once more, where that is worth its memory.
    pub(super) copy: Option<D>,
    pub(super) landing: Option<Landing>,
}

/// The state that the stream comes to, read on from one that is known, at least up to a revision
/// where one is given: a store that names its last event may show it some time later. `twice` where
/// events are decided on it that another node may contradict.
pub(super) async fn catch_up<D: Decider>(
    shared: Arc<Shared>,
    stream: StreamName,
    known: Option<(D, Option<Landing>)>,
    until: Option<u64>,
    moves: Vec<ClockMove>,
    twice: bool,
) -> Result<CaughtUp<D>, Fault> {
    let log = LogSource::Store(Arc::clone(&shared.store));
    let folded = match known {
        Some((state, Some(landing))) => known_in_log(&log, stream, state, landing, &moves).await?,
        Some((state, None)) if moves.is_empty() => Some(Folded { state, last: None }),
        Some((_, None)) | None => None,
    };
    let mut folded = match folded {
        Some(folded) => folded,
        None => {
            let (state, landing) = load(Arc::clone(&shared), stream, moves).await?;
            match landing {
                Some(landing) => known_in_log(&log, stream, state, landing, &[])
                    .await?
                    .ok_or_else(|| Fault::StoreUnavailable("the log has changed".to_owned()))?,
                None => Folded { state, last: None },
            }
        }
    };
    let (started, mut pause) = (Instant::now(), PAUSE_MIN);
    loop {
        folded = fold(&log, stream, folded, Vec::new(), None).await?;
        let here = folded.last.map(|last| last.revision);
        if here >= until || started.elapsed() >= UNREADABLE_LASTS {
            let (state, landing) = apart(folded);
            if !twice {
                return Ok(CaughtUp { state, copy: None, landing });
            }
            // Of a large state that takes some ten milliseconds.
            let copied = tokio::task::spawn_blocking(move || (state.copy(), state));
            let copied = copied.await.map_err(|gone| Fault::StoreUnavailable(gone.to_string()));
            let (copy, state) = copied?;
            return Ok(CaughtUp { state, copy, landing });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// The state, if the event behind which it stands is in the log and the clock was not set since.
async fn known_in_log<D: Decider>(
    log: &LogSource,
    stream: StreamName,
    state: D,
    landing: Landing,
    moves: &[ClockMove],
) -> Result<Option<Folded<D>>, Fault> {
    // What others wrote before the clock was set has to be moved with it, and the rest was.
    if moves.iter().any(|each| each.after > landing.last_position) {
        return Ok(None);
    }
    let found = log.read_stream(stream, landing.last_revision, 1).await?;
    let mark = found.first().map(Mark::of).filter(|mark| mark.position == landing.last_position);
    Ok(mark.map(|mark| Folded { state, last: Some(mark) }))
}

fn apart<D: Decider>(folded: Folded<D>) -> (D, Option<Landing>) {
    let Folded { state, last } = folded;
    let landing = last.map(|last| Landing {
        first_revision: last.revision,
        last_revision: last.revision,
        last_position: last.position,
    });
    (state, landing)
}

impl From<FoldError> for Fault {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Read(error) => error.into(),
            FoldError::Unreadable(what) => Self::Unreadable(what),
        }
    }
}
