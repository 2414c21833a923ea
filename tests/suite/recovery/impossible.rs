//! A stream whose events contradict each other makes its item unavailable, and nothing else.

use std::sync::Arc;

use doorbuster::{
    actors::Fault,
    clock::{Clock, ManualClock},
    domain::item::ItemCommand,
    events::{
        Act, Event, ItemEvent, NewEvent, ReserveReleased, ReserveSet, StockEvent, StreamName,
        encode,
    },
    store::{EventStore as _, Expected, embedded::EmbeddedStore},
    values::{Fingerprint, ItemId, RequestId},
};
use tonic::Code;
use tonic_types::StatusExt;

use super::{sold, until_readyz, watched};
use crate::{
    processes::bench::Bench,
    replay::look,
    support::{Node, OPENS_AT, item, request_id},
};

/// Four units lie in reserve.
fn reserve(of: ItemId) -> NewEvent {
    act(of, |act| {
        let warehouse = "shanghai".to_owned();
        StockEvent::ReserveSet(ReserveSet { warehouse, units: 4, act, set_at_ms: OPENS_AT })
    })
}

/// Nine units leave a reserve in which fewer lie.
fn impossible(of: ItemId) -> NewEvent {
    act(of, |act| {
        let warehouse = "shanghai".to_owned();
        let released_at_ms = OPENS_AT;
        StockEvent::ReserveReleased(ReserveReleased { warehouse, units: 9, act, released_at_ms })
    })
}

fn act(of: ItemId, event: impl FnOnce(Act) -> StockEvent) -> NewEvent {
    let request = RequestId::parse("request_id", &request_id()).unwrap();
    let act = Act {
        request_id: request,
        fingerprint: Fingerprint(1),
        operator: "olga".to_owned(),
        reason: "none".to_owned(),
    };
    encode(request.0, &Event::Item(ItemEvent::Stock(event(act))), of.0, request.0)
}

/// A node of two items with a unit held of each, started again after the impossible event was
/// written behind those of the first item.
async fn contradicted() -> (Node, String, Vec<String>) {
    let mut node = watched().await;
    let drafts = vec![item("phone", &[("shanghai", 9)]), item("watch", &[("shanghai", 9)])];
    let (sale, items) = node.sale(drafts).await;
    for item in &items {
        sold(&node, item, 0..1).await;
    }
    node.stop();
    let phone = ItemId::parse("item_id", &items[0]).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(OPENS_AT));
    let store = EmbeddedStore::open(node.data(), clock).unwrap();
    let events = vec![reserve(phone), impossible(phone)].into();
    store.append(StreamName::item(phone), Expected::Exact(4), events).await.unwrap();
    store.close();
    drop(store);
    node.restart().await;
    (node, sale, items)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_whose_stream_contradicts_itself_is_unavailable_and_the_others_sell() {
    let (mut node, _, items) = contradicted().await;
    // Also after its hold would have ended, for which it would be woken.
    for _ in 0..2 {
        let refused = node.place(&items[0], "late", 1).await.unwrap_err();
        assert_eq!(refused.code(), Code::DataLoss, "{refused:?}");
        let reason = refused.get_details_error_info().unwrap().reason;
        assert_eq!(reason, "LOG_UNREADABLE");
        node.place(&items[1], "bob", 1).await.unwrap();
        until_readyz(&node, |status, _| status == 200).await;
        node.advance(61);
    }
    node.stop();
    let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
    let found: Vec<_> =
        proof.findings.iter().map(|found| (&*found.stream, found.revision)).collect();
    assert!(found.contains(&(&format!("item-{}", items[0]), Some(6))), "{proof:?}");
    assert!(found.iter().all(|(stream, _)| !stream.ends_with(&items[1])), "{proof:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_what_if_takes_the_units_that_are_there() {
    let (mut node, _, items) = contradicted().await;
    node.stop();
    let phone = ItemId::parse("item_id", &items[0]).unwrap();
    let rules = doorbuster::replay::what_if::Rules::parse("rules", ["limit=1"]).unwrap();
    let found = look(node.data(), move |log| {
        doorbuster::replay::what_if::run(log, &[phone], rules, "rules").unwrap()
    })
    .await;
    assert!(!found.baseline_matches);
    let told = &found.baseline_differences;
    assert!(told.iter().any(|told| told.contains("1 events of the log")), "{told:?}");
    assert_eq!(found.total.played.allocated_units, 9 + 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fault_names_stream_revision_and_what_is_impossible() {
    let bench = Bench::start().await;
    bench.create_sale(&["phone"]).await;
    let phone = bench.tell("phone").await;
    bench.fall_asleep().await;
    bench.write(StreamName::item(phone), impossible(phone)).await;
    let Err(Fault::Unreadable(why)) = bench.ask(phone, ItemCommand::Show).await else {
        panic!("an impossible event is read")
    };
    let wanted = format!("ReserveReleased at revision 4 of item-{} is impossible: ", phone.0);
    assert!(why.starts_with(&wanted), "{why}");
    assert!(why.contains("ReleaseReserve of 9 units in shanghai"), "{why}");
}
