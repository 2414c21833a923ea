//! Logs of rescheduled sales that no call leaves behind: a crash stopped the server between the sale's
//! event and those of its items, or the sale was created by an earlier version.

use std::{path::Path, sync::Arc};

use doorbuster::{
    clock::{Clock, ManualClock},
    domain::sale::{Draft, DraftItem, plan},
    events::{
        Act, Event, NewEvent, Position, Recorded, SaleEvent, SalePaused, SaleRescheduled,
        StreamName, encode,
    },
    grpc::proto::{self, ItemPhase},
    store::{
        EventStore as _, Expected, SharedStore,
        embedded::{EmbeddedStore, LogReader},
    },
    values::{Fingerprint, RequestId, SaleId},
};

use super::{agreed, at, moved, outcome, planned, reschedule, stamp, to, window};
use crate::support::{Node, OPENS_AT, PATIENCE, request_id};

fn act() -> Act {
    Act {
        request_id: RequestId::parse("request_id", &request_id()).unwrap(),
        fingerprint: Fingerprint(1),
        operator: "olga".to_owned(),
        reason: "the bank is late".to_owned(),
    }
}

fn postponed() -> SaleEvent {
    SaleEvent::Rescheduled(SaleRescheduled {
        opens_at_ms_before: at(10),
        closes_at_ms_before: at(70),
        opens_at_ms: at(40),
        closes_at_ms: at(70),
        act: act(),
        rescheduled_at_ms: OPENS_AT,
    })
}

fn paused() -> SaleEvent {
    SaleEvent::Paused(SalePaused { act: act(), paused_at_ms: OPENS_AT })
}

fn store(data: &Path, clock: ManualClock) -> Arc<EmbeddedStore> {
    let clock: Arc<dyn Clock> = Arc::new(clock);
    EmbeddedStore::open(data, clock).unwrap()
}

/// What a crash leaves: events of the sale are in the log of a stopped server, its items' are not.
async fn sale_says(node: &Node, sale: SaleId, events: Vec<SaleEvent>) {
    let store = store(node.data(), ManualClock::at(OPENS_AT));
    let stream = StreamName::sale(sale);
    for event in events {
        let request = event.act().request_id.0;
        let id = uuid::Uuid::new_v5(&sale.0, request.as_bytes());
        let event = encode(id, &Event::Sale(event), sale.0, request);
        let last = store.last_revision(stream).await.unwrap();
        let after = last.map_or(Expected::NoStream, Expected::Exact);
        store.append(stream, after, vec![event].into()).await.unwrap();
    }
    store.close();
}

fn recorded(node: &Node) -> Vec<Recorded> {
    LogReader::open(node.data()).unwrap().read_all(Position::START, 1_000).unwrap()
}

/// The items are on offer, paused, and open as the sale says.
async fn told_everything(node: &Node, items: &[String]) {
    for (item, opens) in items.iter().zip([40, 50]) {
        let knows = |item: &proto::Item| item.open_time == stamp(opens) && item.paused_with_sale;
        node.item_until(item, knows).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_a_crash_left_half_told_is_carried_out_on_start() {
    let mut node = Node::start().await;
    let (sale, items) = planned(&node).await;
    node.stop();
    sale_says(&node, SaleId::parse("sale_id", &sale).unwrap(), vec![postponed()]).await;
    node.restart().await;
    // No call for the sale: the server completes it by itself.
    for (item, opens) in items.iter().zip([40, 50]) {
        node.item_until(item, |item| item.open_time == stamp(opens)).await;
    }
    assert_eq!(node.item(&items[0]).await.phase(), ItemPhase::NotOpenYet);
    agreed(node, &sale).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_crash_interrupts_the_telling_no_act_is_lost() {
    for acts in [[paused(), postponed()], [postponed(), paused()]] {
        let mut node = Node::start().await;
        let (sale, items) = planned(&node).await;
        node.stop();
        sale_says(&node, SaleId::parse("sale_id", &sale).unwrap(), acts.to_vec()).await;
        let untold = recorded(&node).len();
        node.restart().await;
        told_everything(&node, &items).await;
        node.stop();
        let events = recorded(&node);
        assert!(events.len() >= untold + 4, "two items are told of two acts each");
        let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
        assert!(proof.ok(), "{proof}");

        for end in untold..events.len() {
            let data = tempfile::tempdir().unwrap();
            let clock = ManualClock::at(OPENS_AT);
            let cut = store(data.path(), clock.clone());
            for event in &events[..end] {
                let Recorded { stream, revision, id, kind, data, metadata, .. } = event.clone();
                let event = NewEvent { id, kind: kind.into(), data, metadata };
                cut.append(stream, Expected::before(revision), Arc::new([event])).await.unwrap();
            }
            let cut: SharedStore = cut;
            let mut node = Node::start_on(Arc::clone(&cut), clock, |_| {}).await;
            told_everything(&node, &items).await;
            node.stop();
            cut.close();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_opened_before_its_sale_stays_on_sale_when_the_sale_is_extended() {
    let mut node = Node::start().await;
    node.stop();
    let request = RequestId::parse("request_id", &request_id()).unwrap();
    let phone = DraftItem {
        sku: "phone".to_owned(),
        title: "Phone".to_owned(),
        unit_price_minor: 199_900,
        time_to_pay_ms: Some(60_000),
        units: vec![("north".to_owned(), 9)],
        ..Default::default()
    };
    let draft = Draft {
        name: "of an earlier version".to_owned(),
        currency_code: "CNY".to_owned(),
        opens_at: Some(at(10)),
        closes_at: Some(at(70)),
        items: vec![phone],
        ..Default::default()
    };
    let mut created = plan(request, draft, "olga".to_owned()).unwrap();
    // This version plans no such item.
    created.items[0].opens_at_ms = at(5);
    created.created_at_ms = OPENS_AT;
    let (sale_id, item) = (SaleId::of_request(request), created.items[0].item_id.to_string());
    sale_says(&node, sale_id, vec![SaleEvent::Created(created)]).await;
    node.restart().await;
    // The sale is there, and its item is told by the process that goes on with it.
    let there = async {
        let asked = proto::GetItemRequest { item_id: item.clone() };
        while node.items().get_item(asked.clone()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, there).await.expect("the item is added");
    node.item_until(&item, |item| item.open_time == stamp(5)).await;
    let sale = sale_id.to_string();

    // Postponed, and back: it opens as long before its sale as ever.
    moved(&node, to(&sale, Some(20), None)).await;
    assert_eq!(window(&node, &item).await, [15, 80]);
    moved(&node, to(&sale, Some(10), None)).await;
    node.advance(6 * 60);
    assert_eq!(outcome(&node, &item, "ann").await, Ok(199_900));
    let (shown, _, position) = moved(&node, to(&sale, None, Some(90))).await;
    assert_eq!(window(&node, &item).await, [5, 90]);
    assert_eq!(shown.open_time, stamp(10));
    assert_eq!(outcome(&node, &item, "bob").await, Ok(199_900));
    let list = proto::ListSalesRequest { min_position: position, ..Default::default() };
    let line = node.sales().list_sales(list).await.unwrap().into_inner().sales.remove(0);
    assert_eq!((line.open_time, line.close_time), (stamp(5), stamp(90)));
    assert!(reschedule(&node, to(&sale, Some(30), None)).await.is_err(), "its item is on sale");
    agreed(node, &sale).await;
}
