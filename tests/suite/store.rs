//! Goal: every store keeps the contract of the port, because everything above rests on it.
//!
//! Method: the rules are those of `doorbuster::conformance`, so that users can run them too. Here
//! they run on the embedded log, on the development server through the official client, and on the
//! real server that `DOORBUSTER_TEST_ESDB` names. What only the embedded store promises is in
//! `store/embedded.rs`, damage in `store/damage.rs`, what its witness is for in `store/witness.rs`.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod addresses;
mod damage;
mod embedded;
mod layers;
mod witness;

use std::sync::Arc;

use doorbuster::{
    clock::new_request_id,
    conformance::RULES,
    events::{Category, NewEvent, Position, Recorded, StreamName},
    store::{EventStore, SharedStore, StoreAddress, kurrent::KurrentStore},
};
use uuid::Uuid;

pub fn stream(number: u128) -> StreamName {
    StreamName { category: Category::Item, id: Uuid::from_u128(number) }
}

/// An event whose id, data and metadata follow from a number.
pub fn event(number: u128) -> NewEvent {
    NewEvent {
        id: Uuid::from_u128(number),
        kind: "OrderPlaced".into(),
        data: format!(r#"{{"order":{number},"buyer":"顾客 {number}"}}"#).into_bytes(),
        metadata: format!(r#"{{"$correlationId":"{number}"}}"#).into_bytes(),
    }
}

pub fn events(numbers: impl IntoIterator<Item = u128>) -> Arc<[NewEvent]> {
    numbers.into_iter().map(event).collect()
}

/// Every event of a log, read in pages of some size.
pub async fn everything(store: &dyn EventStore, page_max: usize) -> Vec<Recorded> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |event| event.position);
        let page = store.read_all(after, page_max).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Checks all rules, each in streams of its own.
pub async fn conforms(store: SharedStore, category: Category) {
    let run = new_request_id().0;
    let mut broken = Vec::new();
    for rule in RULES {
        if let Err(problem) = rule.check(Arc::clone(&store), run, category).await {
            broken.push(format!("{}: {problem}", rule.sentence()));
        }
    }
    assert!(broken.is_empty(), "broken rules:\n{}", broken.join("\n"));
}

#[tokio::test]
async fn the_embedded_log_conforms() {
    let (store, _alive) = embedded::fresh();
    conforms(store, Category::Item).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_server_that_is_named_conforms() {
    let Ok(address) = std::env::var("DOORBUSTER_TEST_ESDB") else {
        crate::support::not_verified("no real cluster; name one in DOORBUSTER_TEST_ESDB");
        return;
    };
    let StoreAddress::Cluster(address) = address.parse().unwrap() else {
        panic!("DOORBUSTER_TEST_ESDB must be a connection string");
    };
    conforms(KurrentStore::open_to_probe(&address).unwrap(), Category::Probe).await;
}
