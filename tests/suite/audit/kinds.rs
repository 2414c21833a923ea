//! The verifier imports nothing of ours, so no compiler compares its list of events with ours.

use std::{fs, sync::Arc};

use doorbuster::{
    clock::{Clock, ManualClock},
    events::{
        Category, Event, NewEvent, Position, Recorded, SERVICE, Stored, StreamName, decode,
        metadata,
    },
    store::{EventStore as _, Expected, embedded::EmbeddedStore},
};
use uuid::Uuid;

use super::verify;
use crate::support::OPENS_AT;

/// Where events of that kind stand.
fn category(event: &Event) -> Category {
    match event {
        Event::Item(_) => Category::Item,
        Event::Sale(_) => Category::Sale,
        Event::Coupon(_) => Category::Coupon,
        Event::Quota(_) => Category::Quota,
        Event::Demand(_) => Category::Demand,
        Event::Fulfilment(_) => Category::Fulfilment,
        Event::Traffic(_) => Category::Traffic,
        Event::Alert(_) => Category::Alert,
        Event::Incident(_) => Category::Incident,
        Event::Script(_) => Category::Script,
        Event::Level(_) => Category::Level,
        Event::Log(_) => Category::Log,
        Event::Node(_) => Category::Node,
    }
}

fn stream(category: Category) -> StreamName {
    let own = matches!(category, Category::Level | Category::Log | Category::Node);
    StreamName { category, id: if own { SERVICE } else { Uuid::from_u128(7) } }
}

/// What the verifier finds in a log of a single event.
async fn findings(stream: StreamName, kind: &str, data: &[u8]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(OPENS_AT));
    let store = EmbeddedStore::open(dir.path(), clock).unwrap();
    let id = Uuid::from_u128(1);
    let (kind, data) = (kind.to_owned().into(), data.to_vec());
    let event = NewEvent { id, kind, data, metadata: metadata(id, id) };
    store.append(stream, Expected::NoStream, vec![event].into()).await.unwrap();
    store.close();
    drop(store);
    let proof = verify(dir.path()).unwrap();
    proof.findings.into_iter().map(|found| found.problem).collect()
}

fn is_unknown(problem: &str) -> bool {
    problem.starts_with("no event of ") || problem.contains("cannot be read")
}

#[tokio::test]
async fn every_stored_kind_is_known_to_the_verifier() {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/events");
    for kind in Event::kinds() {
        let data = fs::read(format!("{samples}/{kind}.json")).unwrap();
        let event = decode(&Recorded {
            position: Position(1),
            stream: stream(Category::Item),
            revision: 0,
            id: Uuid::nil(),
            kind: kind.to_owned(),
            data: data.clone(),
            metadata: b"{}".to_vec(),
            recorded_at_ms: OPENS_AT.0,
        });
        let found = findings(stream(category(&event.unwrap())), kind, &data).await;
        let unknown = found.iter().find(|problem| is_unknown(problem));
        assert_eq!(unknown, None, "{kind}: crates/audit does not know it");
    }
}

#[tokio::test]
async fn a_kind_that_the_verifier_does_not_know_is_found_in_every_category() {
    for category in Category::ALL {
        let found = findings(stream(category), "StockEvaporated", b"{}").await;
        assert!(found.iter().any(|problem| is_unknown(problem)), "{category:?}: {found:?}");
    }
}
