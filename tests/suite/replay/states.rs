//! Goal: the state at a moment is what the events up to it make, wherever reading starts, and marks
//! only make it fast. Method: an item with more events than a few marks; each moment is asked with
//! marks and without, and at the end of what the item itself says.

use doorbuster::{
    events::Position,
    grpc::proto::{self, ItemPhase},
    replay::state::{Moment, Past, StateAt},
    reports::{Paging, Reports},
    values::{ItemId, SaleId},
};
use futures_util::future::join_all;

use super::{
    look,
    ten::{Ten, at},
};
use crate::support::{self, Node, OPENS_AT};

/// An item with some 900 events, and what it looked like at the end.
async fn busy() -> (Node, proto::Item) {
    let mut node = Node::start().await;
    let draft = support::item("lamp", &[("north", 500), ("south", 500)]);
    let (_, items) = node.sale(vec![draft]).await;
    for round in 0..10 {
        let placed = (0..50).map(|n| {
            let (node, item) = (&node, &items[0]);
            async move { node.place(item, &format!("b{n}"), 1 + (n + round) % 3).await }
        });
        let placed = join_all(placed).await;
        node.clock.advance(std::time::Duration::from_millis(700));
        let orders: Vec<proto::Order> =
            placed.into_iter().map(|placed| support::order(&placed.unwrap())).collect();
        join_all(orders.iter().take(40).map(|order| node.pay(order))).await;
        node.clock.advance(std::time::Duration::from_millis(800));
    }
    let item = node.item(&items[0]).await;
    node.stop();
    // What the projections had not come to is made up for, so that all marks are there.
    let log = doorbuster::store::embedded::LogReader::open(node.data()).unwrap();
    doorbuster::projections::rebuild(node.data(), |after| log.read_all(after, 500), |_| {})
        .unwrap();
    (node, item)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_the_same_with_marks_and_without_them() {
    let (node, last) = busy().await;
    let reports = Reports::open(node.data());
    let item = ItemId::parse("item", &last.item_id).unwrap();
    let now = doorbuster::clock::Clock::now(&node.clock);
    let (end, compared) = look(node.data(), move |log| {
        let fast = Past { log, marks: Some(&reports), now };
        let slow = Past { log, marks: None, now };
        let end = slow.item(item, Moment::End).unwrap();
        assert_eq!(fast.item(item, Moment::End).unwrap(), end);
        assert!(end.state.revision > 800, "{}", end.state.revision);
        let head = log.head().unwrap().0;
        let first = slow.item(item, Moment::Revision(0)).unwrap().state.position.0;
        let mut moments: Vec<Moment> = (0..=end.state.revision).map(Moment::Revision).collect();
        moments.extend((first..=head).map(|at| Moment::Position(Position(at))));
        moments.extend((0..=150).map(|tenth| Moment::Time(OPENS_AT.plus(tenth * 100))));
        // Around each mark, and some in between.
        let chosen = moments.into_iter().enumerate().filter(|(number, moment)| match moment {
            Moment::Revision(revision) => (revision + 2) % 256 < 4 || number % 61 == 0,
            Moment::Position(_) => number % 37 == 0,
            Moment::Time(_) | Moment::End => number % 3 == 0,
        });
        let mut compared = 0;
        for (_, moment) in chosen {
            let (fast, slow) = (fast.item(item, moment), slow.item(item, moment));
            assert_eq!(fast.unwrap(), slow.unwrap(), "{moment:?}");
            compared += 1;
        }
        (end, compared)
    })
    .await;
    assert!(compared > 50, "{compared}");
    let StateAt { state, phase, .. } = end;
    assert_eq!(phase, doorbuster::domain::item::ItemPhase::Open);
    let units = state.units();
    assert_eq!(
        (units.allocated, units.available, units.held, units.sold),
        (last.allocated_units, last.available_units, last.held_units, last.sold_units)
    );
    assert_eq!((state.orders.placed, state.orders.paid, state.orders.held), (500, 400, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_moment_of_the_sale_of_ten_is_what_it_was() {
    let ten = Ten::told().await;
    let item = ItemId::parse("item", &ten.item).unwrap();
    let sale = SaleId::parse("sale", &ten.sale).unwrap();
    // Tenths of a second, available, held, sold, and orders paid, cancelled, expired.
    let moments = [
        (0, (3, 0, 0), (0, 0, 0)),
        (2, (1, 2, 0), (0, 0, 0)),
        (49, (0, 3, 0), (0, 0, 0)),
        (50, (0, 2, 1), (1, 0, 0)),
        (100, (1, 1, 1), (1, 1, 0)),
        (125, (0, 1, 2), (2, 1, 0)),
        (603, (1, 0, 2), (2, 1, 1)),
    ];
    look(ten.node.data(), move |log| {
        let past = Past { log, marks: None, now: at(700) };
        for (tenths, units, orders) in moments {
            let moment = Moment::Time(at(tenths));
            let state = past.item(item, moment).unwrap().state;
            let found = state.units();
            assert_eq!((found.available, found.held, found.sold), units, "at {tenths}");
            let found = state.orders;
            assert_eq!((found.paid, found.cancelled, found.expired), orders, "at {tenths}");
            let whole = past.sale(sale, moment, &Paging::default()).unwrap();
            assert_eq!((whole.units.available, whole.orders), (units.0, state.orders));
        }
        let end = past.item(item, Moment::End).unwrap();
        assert_eq!(end.state.refunds_due_minor, 199_900);
        assert_eq!(end.state.revenue_minor, 2 * 199_900);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_answers_with_the_phase_of_the_moment() {
    let ten = Ten::opened().await;
    let steer = proto::PauseItemRequest {
        request_id: support::request_id(),
        item_id: ten.item.clone(),
        operator: "olga".to_owned(),
        reason: "the price is wrong".to_owned(),
    };
    ten.node.clock.set(at(20));
    ten.node.items().pause_item(steer).await.unwrap();
    for (tenths, phase, available) in
        [(0, ItemPhase::Open, 3), (3, ItemPhase::Open, 0), (20, ItemPhase::Paused, 0)]
    {
        let request = proto::GetStateAtRequest {
            item_id: ten.item.clone(),
            at: Some(time(tenths)),
            ..Default::default()
        };
        let found = ten.node.replays().get_state_at(request).await.unwrap().into_inner();
        let item = found.items[0].item.clone().unwrap();
        assert_eq!((item.phase(), item.available_units), (phase, available), "at {tenths}");
    }
    let sale = proto::GetStateAtRequest {
        sale_id: ten.sale.clone(),
        at: Some(time(1)),
        ..Default::default()
    };
    let found = ten.node.replays().get_state_at(sale).await.unwrap().into_inner();
    let total = found.sale.unwrap();
    assert_eq!((total.available_units, total.held_units), (2, 1));
    assert_eq!(total.orders.unwrap().placed, 1);
    assert_eq!(found.items.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_sale_adds_up_the_units_of_its_items() {
    let node = Node::start().await;
    let with_reserve = |sku: &str, units: i64| proto::ItemDraft {
        reserve: vec![proto::WarehouseUnits { warehouse: "south".to_owned(), units }],
        ..support::item(sku, &[("north", 5)])
    };
    let (sale, items) = node.sale(vec![with_reserve("lamp", 30), with_reserve("desk", 4)]).await;
    node.place(&items[0], "ann", 2).await.unwrap();
    let release = proto::ReleaseReserveRequest {
        request_id: support::request_id(),
        item_id: items[0].clone(),
        warehouse: "south".to_owned(),
        units: 10,
        operator: "olga".to_owned(),
        reason: "demand is there".to_owned(),
    };
    node.items().release_reserve(release).await.unwrap();
    let request = proto::GetStateAtRequest { sale_id: sale, ..Default::default() };
    let found = node.replays().get_state_at(request).await.unwrap().into_inner();
    let total = found.sale.unwrap();
    assert_eq!((total.allocated_units, total.available_units, total.held_units), (20, 18, 2));
    assert_eq!(total.reserve_units, 24);
}

fn time(tenths: i64) -> proto::LogPoint {
    let moment = at(tenths);
    let nanos = i32::try_from(moment.0.rem_euclid(1000)).unwrap() * 1_000_000;
    let time = prost_types::Timestamp { seconds: moment.second(), nanos };
    proto::LogPoint { point: Some(proto::log_point::Point::Time(time)) }
}
