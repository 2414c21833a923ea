//! How a node learns of the level of the service from the log.

use crate::{
    admission::CurrentServiceLevel,
    events::{Event, StreamName, decode},
    store::{ReadError, SharedStore},
};

/// Asks the store for the level and tells the service of it. One question where nothing changed.
pub(super) async fn hear_level(
    store: &SharedStore,
    service: &CurrentServiceLevel,
) -> Result<(), ReadError> {
    let stream = StreamName::level();
    let Some(revision) = store.last_revision(stream).await? else { return Ok(()) };
    if service.revision() >= Some(revision) {
        return Ok(());
    }
    for recorded in store.read_stream(stream, revision, 1).await? {
        match decode(&recorded) {
            Ok(event) => tell(service, recorded.revision, &event),
            Err(error) => return Err(ReadError::Damaged(error.to_string())),
        }
    }
    Ok(())
}

/// Tells the service of an event of the log, if it is one about the level.
pub(super) fn tell(service: &CurrentServiceLevel, revision: u64, event: &Event) {
    match event {
        Event::Level(set) => service.came(revision, set.level),
        Event::Item(_)
        | Event::Sale(_)
        | Event::Coupon(_)
        | Event::Quota(_)
        | Event::Demand(_)
        | Event::Fulfilment(_)
        | Event::Traffic(_)
        | Event::Alert(_)
        | Event::Incident(_)
        | Event::Script(_)
        | Event::Log(_)
        | Event::Node(_) => {}
    }
}
