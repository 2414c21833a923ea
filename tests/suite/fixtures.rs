//! Goal: no change of the program changes what an earlier program wrote or answered: stored bytes,
//! fingerprints, derived ids, hashes, certificates, read models, and the output of the command line.
//!
//! Method: logs recorded by a released build stand in `tests/golden/logs/`, byte for byte. Each test
//! loads one into an empty store, under the positions, ids and moments it had, and compares what
//! comes of it with files that were written once: see the README there.

mod answers;
mod golden;
mod half_told;
mod imports;
mod later;
mod requests;
mod stored;

use std::{fs, path::Path, sync::Arc};

use doorbuster::{
    clock::ManualClock,
    events::{NewEvent, Position, Recorded, StreamName},
    store::{EventStore, Expected, SharedStore, embedded::EmbeddedStore},
    values::UnixMs,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tempfile::tempdir;
use uuid::Uuid;

/// A log with every kind of event there was when it was recorded.
const SOLD: &str = "sold";

/// A log whose sales were not told to all of their items.
const HALF_TOLD: &str = "half-told";

/// An event of a recorded log. Data and metadata are kept as the bytes they are.
#[derive(Deserialize)]
struct Line<'a> {
    position: Position,
    stream: String,
    revision: u64,
    id: Uuid,
    kind: String,
    recorded_at_ms: i64,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow)]
    metadata: &'a RawValue,
}

impl Line<'_> {
    fn read(text: &str) -> Recorded {
        let line: Line<'_> = serde_json::from_str(text).unwrap();
        Recorded {
            position: line.position,
            stream: StreamName::parse(&line.stream).unwrap(),
            revision: line.revision,
            id: line.id,
            kind: line.kind,
            data: line.data.get().as_bytes().to_vec(),
            metadata: line.metadata.get().as_bytes().to_vec(),
            recorded_at_ms: line.recorded_at_ms,
        }
    }
}

/// The events of a recorded log.
fn recorded(log: &str) -> Vec<Recorded> {
    let text = fs::read_to_string(golden::folder().join(log).join("log.jsonl")).unwrap();
    text.lines().map(Line::read).collect()
}

/// Events as lines of a recorded log, without what the store adds.
fn lines(events: &[Recorded]) -> String {
    let line = |event: &Recorded| {
        let Recorded { stream, revision, id, kind, data, metadata, .. } = event;
        let [data, metadata] = [data, metadata].map(|bytes| str::from_utf8(bytes).unwrap());
        format!(
            "{{\"stream\":\"{stream}\",\"revision\":{revision},\"id\":\"{id}\",\"kind\":\"{kind}\",\
             \"data\":{data},\"metadata\":{metadata}}}\n"
        )
    };
    events.iter().map(line).collect()
}

/// A store in that directory with a recorded log, and the clock it goes by, which stands at the
/// moment of the last event.
async fn loaded(log: &str, directory: &Path) -> (SharedStore, ManualClock) {
    let events = recorded(log);
    let clock = ManualClock::at(UnixMs(events[0].recorded_at_ms));
    let store = EmbeddedStore::open(directory, Arc::new(clock.clone())).unwrap();
    for event in &events {
        clock.set(UnixMs(event.recorded_at_ms));
        let Recorded { stream, revision, id, kind, data, metadata, .. } = event.clone();
        let new = NewEvent { id, kind: kind.into(), data, metadata };
        let appended =
            store.append(stream, Expected::before(revision), Arc::new([new])).await.unwrap();
        assert_eq!(appended.last_position, event.position);
    }
    let store: SharedStore = store;
    assert_eq!(everything(&store).await, events);
    (store, clock)
}

/// All events of a store.
async fn everything(store: &SharedStore) -> Vec<Recorded> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |event| event.position);
        let page = store.read_all(after, 500).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// The independent verifier finds nothing wrong in a store that was closed.
fn assert_sound(directory: &Path) {
    let out = tempdir().unwrap();
    let said = answers::Caller::of_data(SOLD, directory, &out).done("verify|--json");
    assert!(said.starts_with("{\"ok\":true,"), "{said}");
}
