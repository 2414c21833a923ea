//! Rebuilds a state from its stream.

use super::super::{Fault, batch::Landing, moves::Move};
use crate::{
    domain::Decider,
    events::{StreamName, decode},
    store::SharedStore,
};

/// Events read at once.
const LOAD_PAGE_EVENTS: usize = 4096;

/// The state that the stream comes to, and where its last event stands. What was under way when the
/// clock was set is moved along with it.
pub(super) async fn load<D: Decider>(
    store: SharedStore,
    stream: StreamName,
    moves: Vec<Move>,
) -> Result<(D, Option<Landing>), Fault> {
    let mut state = D::initial(stream.id);
    let mut landing: Option<Landing> = None;
    let mut moves = moves.into_iter().peekable();
    loop {
        let from = landing.map_or(0, |landing: Landing| landing.last_revision + 1);
        let page = store.read_stream(stream, from, LOAD_PAGE_EVENTS).await?;
        let Some(last) = page.last() else {
            moves.for_each(|each| state.clock_moved(each.by_ms));
            return Ok((state, landing));
        };
        let (last_revision, last_position) = (last.revision, last.position);
        for recorded in &page {
            let event = decode(recorded).map_err(|error| Fault::Unreadable(error.to_string()))?;
            let Some(event) = D::pick(event) else {
                let what = format!("{} does not belong into {stream}", recorded.kind);
                return Err(Fault::Unreadable(what));
            };
            while let Some(each) = moves.next_if(|each| each.after < recorded.position) {
                state.clock_moved(each.by_ms);
            }
            state.try_evolve(&event, recorded.revision).map_err(|why| {
                let (kind, revision) = (&recorded.kind, recorded.revision);
                Fault::Unreadable(format!(
                    "{kind} at revision {revision} of {stream} is impossible: {why}"
                ))
            })?;
            state.landed(recorded.revision, recorded.position);
        }
        landing = Some(Landing { first_revision: last_revision, last_revision, last_position });
    }
}
