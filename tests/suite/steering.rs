//! Goal: operators change a running sale over gRPC, each change counts from a stated revision on, and
//! is on record. Method: a real server; what buyers are answered before and after each act.

use std::sync::Arc;

use doorbuster::{
    clock::{Clock, ManualClock},
    events::{Act, Event, SaleEvent, SalePaused, StreamName, encode},
    grpc::proto::{
        self, ItemPhase, RefusalReason, pause_sale_response, release_reserve_response,
        resume_sale_response, set_purchase_limit_response, set_reserve_response,
    },
    store::{EventStore as _, Expected, embedded::EmbeddedStore},
    values::{Fingerprint, RequestId, SaleId},
};
use tonic::Code;

use crate::nodes::store::NodeStore;
use crate::support::{
    self, Node, OPENS_AT, assert_read_models_equal_a_rebuild, item, order, refused, request_id,
};

fn set_reserve(item: &str, warehouse: &str, units: i64) -> proto::SetReserveRequest {
    proto::SetReserveRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        warehouse: warehouse.to_owned(),
        units,
        operator: "olga".to_owned(),
        reason: "kept for the second hour".to_owned(),
        new_warehouse: false,
    }
}

fn release(item: &str, warehouse: &str, units: i64) -> proto::ReleaseReserveRequest {
    proto::ReleaseReserveRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        warehouse: warehouse.to_owned(),
        units,
        operator: "olga".to_owned(),
        reason: "demand is there".to_owned(),
    }
}

fn limit(
    item: &str,
    limit_per_buyer: Option<i64>,
    limit_per_order: Option<i64>,
) -> proto::SetPurchaseLimitRequest {
    proto::SetPurchaseLimitRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        limit_per_buyer,
        limit_per_order,
        operator: "olga".to_owned(),
        reason: "resellers".to_owned(),
    }
}

fn pause(sale: &str) -> proto::PauseSaleRequest {
    proto::PauseSaleRequest {
        request_id: request_id(),
        sale_id: sale.to_owned(),
        operator: "olga".to_owned(),
        reason: "the bank is down".to_owned(),
    }
}

fn resume(sale: &str) -> proto::ResumeSaleRequest {
    proto::ResumeSaleRequest {
        request_id: request_id(),
        sale_id: sale.to_owned(),
        operator: "olga".to_owned(),
        reason: "the bank is back".to_owned(),
    }
}

async fn pause_sale(node: &Node, sale: &str) -> proto::PauseSaleResponse {
    node.sales().pause_sale(pause(sale)).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_whose_items_are_too_busy_to_be_told_is_not_said_to_be_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(OPENS_AT);
    let log = EmbeddedStore::open(dir.path(), Arc::new(clock.clone())).unwrap();
    let store = NodeStore::new(&log, false);
    let node = Node::start_on(store.clone(), clock, |config| config.waiting_max = 1).await;
    let (sale, items) = node.sale(vec![item("phone", &[("north", 9)])]).await;
    let before = store.came();
    store.hold();
    let (mut purchases, order) = (node.purchases(), support::place(&items[0], "ann", 1));
    let ann = tokio::spawn(async move { purchases.place_order(order).await });
    store.more_came_than(before).await;

    let asked = pause(&sale);
    let status = node.sales().pause_sale(asked.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    store.release();
    ann.await.unwrap().unwrap();
    let paused = node.sales().pause_sale(asked).await.unwrap().into_inner();
    assert!(matches!(paused.outcome, Some(pause_sale_response::Outcome::Sale(_))), "{paused:?}");
    assert_eq!(refused(&node.place(&items[0], "bob", 1).await.unwrap()), RefusalReason::Paused);
}

async fn resume_sale(node: &Node, sale: &str) -> proto::ResumeSaleResponse {
    node.sales().resume_sale(resume(sale)).await.unwrap().into_inner()
}

async fn pause_item(node: &Node, item: &str) {
    let request = proto::PauseItemRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        operator: "olga".to_owned(),
        reason: "the picture is wrong".to_owned(),
    };
    node.items().pause_item(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn units_of_the_reserve_are_on_offer_once_they_are_released() {
    let mut node = Node::start().await;
    let mut phone = item("phone", &[("north", 1)]);
    phone.reserve = vec![proto::WarehouseUnits { warehouse: "south".to_owned(), units: 3 }];
    let (sale, items) = node.sale(vec![phone]).await;
    let shown = node.item(&items[0]).await;
    assert_eq!((shown.allocated_units, shown.available_units, shown.reserve_units), (1, 1, 3));
    assert_eq!(
        refused(&node.place(&items[0], "ann", 2).await.unwrap()),
        RefusalReason::NotEnoughUnits
    );

    let set = node.items().set_reserve(set_reserve(&items[0], "north", 4)).await;
    let set = set.unwrap().into_inner();
    let set_reserve_response::Outcome::Item(shown) = set.outcome.unwrap() else {
        panic!("refused")
    };
    assert_eq!((shown.reserve_units, shown.allocated_units), (7, 1));
    let more = node.items().release_reserve(release(&items[0], "south", 4)).await;
    let release_reserve_response::Outcome::Refusal(no) =
        more.unwrap().into_inner().outcome.unwrap()
    else {
        panic!("more released than there is");
    };
    assert_eq!(no.reason(), RefusalReason::NotEnoughReserve);

    let released = node.items().release_reserve(release(&items[0], "south", 2)).await;
    let released = released.unwrap().into_inner();
    assert!(released.revision > set.revision && released.position > set.position);
    let placed = node.place(&items[0], "ann", 3).await.unwrap();
    assert!(placed.revision > released.revision);
    let held = order(&placed);

    let levels = proto::GetStockLevelsRequest {
        sale_id: sale.clone(),
        min_position: placed.position,
        ..Default::default()
    };
    let levels = node.reports().get_stock_levels(levels).await.unwrap().into_inner().levels;
    let of = |at: &proto::WarehouseStock| (at.warehouse.clone(), at.held_units, at.reserve_units);
    let stock: Vec<_> = levels[0].warehouses.iter().map(of).collect();
    assert_eq!(stock, [("north".to_owned(), 1, 4), ("south".to_owned(), 2, 1)]);
    assert_eq!((levels[0].allocated_units, levels[0].reserve_units), (3, 5));

    // As it was before and after the release, and after a restart.
    let at = |position| proto::GetStateAtRequest {
        item_id: items[0].clone(),
        at: Some(proto::LogPoint { point: Some(proto::log_point::Point::Position(position)) }),
        min_position: position,
        ..Default::default()
    };
    for (position, expected) in [(set.position, (1, 7)), (released.position, (3, 5))] {
        let found = node.replays().get_state_at(at(position)).await.unwrap().into_inner();
        let shown = found.items[0].item.clone().unwrap();
        assert_eq!((shown.allocated_units, shown.reserve_units), expected);
    }
    node.restart().await;
    assert_eq!(node.item(&items[0]).await.reserve_units, 5);
    node.pay(&held).await;
    assert_eq!(node.item(&items[0]).await.sold_units, 3);
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
    let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_counts_from_its_revision_on() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("north", 9)])]).await;
    order(&node.place(&items[0], "ann", 3).await.unwrap());
    let set = node.items().set_purchase_limit(limit(&items[0], Some(2), None)).await;
    let set = set.unwrap().into_inner();
    let Some(set_purchase_limit_response::Outcome::Item(shown)) = set.outcome else { panic!() };
    assert_eq!(
        (shown.limit_per_buyer, shown.limit_per_order, shown.held_units),
        (Some(2), None, 3)
    );
    let no = node.place(&items[0], "bob", 3).await.unwrap();
    assert_eq!((refused(&no), no.revision), (RefusalReason::OverBuyerLimit, set.revision));
    let none = limit(&items[0], None, None);
    node.items().set_purchase_limit(none).await.unwrap();
    let placed = node.place(&items[0], "bob", 3).await.unwrap();
    order(&placed);

    let acts = proto::ListActsRequest {
        sale_id: sale,
        min_position: placed.position,
        ..Default::default()
    };
    let acts = node.reports().list_acts(acts).await.unwrap().into_inner().acts;
    let told: Vec<_> = acts.iter().map(|act| (act.kind.as_str(), act.reason.as_str())).collect();
    assert_eq!(told.iter().filter(|act| **act == ("PurchaseLimitSet", "resellers")).count(), 2);
    assert!(acts.iter().any(|act| act.revision == set.revision), "{acts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_steering_names_its_field() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("north", 9)])]).await;
    let mut items_client = node.items();
    let field = |status: tonic::Status| {
        use tonic_types::StatusExt as _;
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        details.bad_request().unwrap().field_violations[0].field.clone()
    };
    let bad = items_client.set_reserve(set_reserve(&items[0], "north", -1)).await.unwrap_err();
    assert_eq!(field(bad), "units");
    let bad = items_client.set_reserve(set_reserve(&items[0], "", 1)).await.unwrap_err();
    assert_eq!(field(bad), "warehouse");
    let bad = items_client.release_reserve(release(&items[0], "north", 0)).await.unwrap_err();
    assert_eq!(field(bad), "units");
    let bad = limit(&items[0], Some(0), None);
    assert_eq!(field(items_client.set_purchase_limit(bad).await.unwrap_err()), "limit_per_buyer");
    let bad = proto::PauseSaleRequest { reason: "\u{1b}[2J".to_owned(), ..pause(&sale) };
    assert_eq!(field(node.sales().pause_sale(bad).await.unwrap_err()), "reason");
    let unknown = node.sales().resume_sale(resume(&request_id())).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_sale_sells_nothing_and_gives_back_what_was_open() {
    let mut node = Node::start().await;
    let plan = vec![item("phone", &[("north", 9)]), item("lamp", &[("north", 9)])];
    let (sale, items) = node.sale(plan).await;
    let held = order(&node.place(&items[0], "ann", 1).await.unwrap());
    pause_item(&node, &items[1]).await;

    let first = pause(&sale);
    let paused = node.sales().pause_sale(first.clone()).await.unwrap().into_inner();
    let Some(pause_sale_response::Outcome::Sale(shown)) = paused.outcome else { panic!() };
    assert_eq!(shown.pause_time, Some(support::timestamp(OPENS_AT)));
    assert_eq!(refused(&node.place(&items[0], "bob", 1).await.unwrap()), RefusalReason::Paused);
    node.pay(&held).await;
    let Some(pause_sale_response::Outcome::Refusal(no)) = pause_sale(&node, &sale).await.outcome
    else {
        panic!("paused twice");
    };
    assert_eq!((no.reason(), no.message.as_str()), (RefusalReason::Paused, "The sale is paused."));

    node.restart().await;
    assert_eq!(node.item(&items[0]).await.phase(), ItemPhase::Paused);
    let resumed = resume_sale(&node, &sale).await;
    let Some(resume_sale_response::Outcome::Sale(shown)) = resumed.outcome else { panic!() };
    assert_eq!((shown.pause_time, resumed.revision), (None, 2));
    let [phone, lamp] = [node.item(&items[0]).await, node.item(&items[1]).await];
    assert_eq!((phone.phase(), phone.paused_with_sale), (ItemPhase::Open, false));
    assert_eq!((lamp.phase(), lamp.paused_itself), (ItemPhase::Paused, true));

    // The first pause comes once more: it is answered as it was, and pauses nothing.
    let again = node.sales().pause_sale(first).await.unwrap().into_inner();
    assert_eq!(again.revision, paused.revision);
    let placed = node.place(&items[0], "bob", 1).await.unwrap();
    order(&placed);
    let acts = proto::ListActsRequest {
        sale_id: sale,
        min_position: placed.position,
        ..Default::default()
    };
    let acts = node.reports().list_acts(acts).await.unwrap().into_inner().acts;
    let kinds: Vec<_> = acts.iter().map(|act| act.kind.as_str()).collect();
    assert_eq!(kinds, ["SaleCreated", "ItemPaused", "SalePaused", "SaleResumed"]);
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
    let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_a_crash_left_half_told_is_carried_out_on_start() {
    let mut node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("north", 9)])]).await;
    node.stop();
    // What a crash leaves: the sale's event is in the log, its items' events are not.
    let sale = SaleId::parse("sale_id", &sale).unwrap();
    let request = RequestId::parse("request_id", &request_id()).unwrap();
    let act = Act {
        request_id: request,
        fingerprint: Fingerprint(1),
        operator: "olga".to_owned(),
        reason: "the bank is down".to_owned(),
    };
    let paused = SaleEvent::Paused(SalePaused { act, paused_at_ms: OPENS_AT });
    let id = uuid::Uuid::new_v5(&sale.0, request.0.as_bytes());
    let event = encode(id, &Event::Sale(paused), sale.0, request.0);
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(OPENS_AT));
    let store = EmbeddedStore::open(node.data(), clock).unwrap();
    let after = Expected::Exact(0);
    store.append(StreamName::sale(sale), after, vec![event].into()).await.unwrap();
    store.close();
    drop(store);

    node.restart().await;
    // No call for the sale: the server completes it by itself.
    node.item_until(&items[0], |item| item.phase() == ItemPhase::Paused).await;
    resume_sale(&node, &sale.to_string()).await;
    assert_eq!(node.item(&items[0]).await.phase(), ItemPhase::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_and_resumptions_at_once_leave_every_item_as_the_sale_says() {
    let node = Node::start().await;
    let plan = (0..12).map(|n| item(&format!("item-{n}"), &[("north", 9)])).collect();
    let (sale, items) = node.sale(plan).await;
    for _ in 0..6 {
        let (mut one, mut two) = (node.sales(), node.sales());
        let (paused, resumed) =
            tokio::join!(one.pause_sale(pause(&sale)), two.resume_sale(resume(&sale)));
        paused.unwrap();
        resumed.unwrap();
    }
    let shown = proto::GetSaleRequest { sale_id: sale };
    let shown = node.sales().get_sale(shown).await.unwrap().into_inner().sale.unwrap();
    for item in &items {
        let item = node.item(item).await;
        assert_eq!(item.paused_with_sale, shown.pause_time.is_some(), "{item:?}");
    }
}
