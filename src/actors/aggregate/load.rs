//! Rebuilds a state from its stream.

use std::sync::Arc;

use super::super::{Fault, Shared, batch::Landing};
use crate::{
    domain::Decider,
    events::StreamName,
    snapshots::{self, ClockMove, FoldError, Folded, Loaded},
    store::LogSource,
};

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
    let Folded { state, last } = loaded.folded;
    let landing = last.map(|last| Landing {
        first_revision: last.revision,
        last_revision: last.revision,
        last_position: last.position,
    });
    Ok((state, landing))
}

impl From<FoldError> for Fault {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Read(error) => error.into(),
            FoldError::Unreadable(what) => Self::Unreadable(what),
        }
    }
}
