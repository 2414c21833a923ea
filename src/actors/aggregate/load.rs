//! Rebuilds a state from its stream.

use super::{Fault, Landing};
use crate::{
    domain::Decider,
    events::{StreamName, decode},
    store::SharedStore,
};

/// Events read at once.
const LOAD_PAGE_EVENTS: usize = 4096;

/// The state that the stream comes to, and where its last event stands.
pub(super) async fn load<D: Decider>(
    store: SharedStore,
    stream: StreamName,
) -> Result<(D, Option<Landing>), Fault> {
    let mut state = D::initial(stream.id);
    let mut landing: Option<Landing> = None;
    loop {
        let from = landing.map_or(0, |landing: Landing| landing.last_revision + 1);
        let page = store.read_stream(stream, from, LOAD_PAGE_EVENTS).await?;
        let Some(last) = page.last() else { return Ok((state, landing)) };
        let (last_revision, last_position) = (last.revision, last.position);
        for recorded in &page {
            let event = decode(recorded).map_err(|error| Fault::Unreadable(error.to_string()))?;
            let Some(event) = D::pick(event) else {
                let what = format!("{} does not belong into {stream}", recorded.kind);
                return Err(Fault::Unreadable(what));
            };
            state.evolve(&event, recorded.revision);
            state.landed(recorded.revision, recorded.position);
        }
        landing = Some(Landing { first_revision: last_revision, last_revision, last_position });
    }
}
