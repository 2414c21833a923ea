//! Goal: what-ifs know where units come from: the reserve plan, operators, regions and warehouses.
//!
//! Method: sales of a few attempts, one a second, each outcome counted by hand.

use doorbuster::{
    events::AttemptOutcome::{self, NotEnoughUnits, SoldOut},
    grpc::proto::{self, place_order_response::Outcome},
    replay::{
        explain::explain,
        what_if::{Figures, WhatIf},
    },
    values::{ItemId, UnixMs},
};

use super::{look, what_if};
use crate::support::{self, Node, OPENS_AT, create_sale, request_id, timestamp};

/// Seconds after the opening.
fn at(second: i64) -> UnixMs {
    OPENS_AT.plus(second * 1_000)
}

/// A sale of one item at 10.00.
struct Story {
    node: Node,
    item: String,
    orders: Vec<proto::Order>,
}

impl Story {
    async fn of(draft: proto::ItemDraft, opens_at: UnixMs) -> Self {
        let node = Node::start().await;
        let mut request = create_sale(vec![proto::ItemDraft { unit_price_minor: 1_000, ..draft }]);
        let sale = request.sale.as_mut().unwrap();
        sale.open_time = Some(timestamp(opens_at));
        let warehouses = vec!["south".to_owned()];
        if sale.items[0].units.len() > 1 {
            sale.regions = vec![proto::Region { name: "coast".to_owned(), warehouses }];
        }
        let sale = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
        Self { node, item: sale.items[0].item_id.clone(), orders: Vec::new() }
    }

    async fn place(&mut self, second: i64, buyer: &str, units: i64, region: &str) {
        self.node.clock.set(at(second));
        let shopper = proto::Shopper { member_tier: "gold".to_owned(), ..Default::default() };
        let request = proto::PlaceOrderRequest {
            region: region.to_owned(),
            shopper: Some(shopper),
            ..support::place(&self.item, buyer, units)
        };
        let placed = self.node.purchases().place_order(request).await.unwrap().into_inner();
        if let Some(Outcome::Order(order)) = placed.outcome {
            self.orders.push(order);
        }
    }

    async fn release(&self, second: i64, warehouse: &str, units: i64) {
        self.node.clock.set(at(second));
        let request = proto::ReleaseReserveRequest {
            request_id: request_id(),
            item_id: self.item.clone(),
            warehouse: warehouse.to_owned(),
            units,
            operator: "olga".to_owned(),
            reason: "more".to_owned(),
        };
        self.node.items().release_reserve(request).await.unwrap();
    }

    async fn move_to_south(&self, second: i64, units: i64) {
        self.node.clock.set(at(second));
        let request = proto::MoveStockRequest {
            request_id: request_id(),
            item_id: self.item.clone(),
            from_warehouse: "north".to_owned(),
            to_warehouse: "south".to_owned(),
            units,
            new_warehouse: false,
            operator: "olga".to_owned(),
            reason: "the south buys more".to_owned(),
        };
        self.node.items().move_stock(request).await.unwrap();
    }

    async fn withdraw_from_south(&self, second: i64, units: i64) {
        self.node.clock.set(at(second));
        let request = proto::WithdrawStockRequest {
            request_id: request_id(),
            item_id: self.item.clone(),
            warehouse: "south".to_owned(),
            units,
            supplier: String::new(),
            operator: "olga".to_owned(),
            reason: "damaged".to_owned(),
        };
        self.node.items().withdraw_stock(request).await.unwrap();
    }

    async fn allocate_in_south(&self, second: i64, units: i64) {
        self.node.clock.set(at(second));
        let request = proto::AllocateStockRequest {
            request_id: request_id(),
            item_id: self.item.clone(),
            warehouse: "south".to_owned(),
            units,
            operator: "olga".to_owned(),
            reason: "more".to_owned(),
            ..Default::default()
        };
        self.node.items().allocate_stock(request).await.unwrap();
    }

    /// Every order is paid; then everything is in the log.
    async fn paid(mut self) -> Self {
        self.node.clock.set(at(30));
        for order in &self.orders {
            self.node.pay(order).await;
        }
        self.node.stop();
        self
    }

    async fn what_if(&self, rules: &[&str]) -> WhatIf {
        let found = what_if(self.node.data(), &self.item, rules).await;
        assert_eq!(found.baseline_differences, Vec::<String>::new());
        found
    }
}

fn step(
    below: i64,
    release: i64,
    from: &[&str],
    action: proto::ReserveAction,
) -> proto::ReserveStep {
    proto::ReserveStep {
        below_units: below,
        release_units: release,
        from: from.iter().map(|&name| name.to_owned()).collect(),
        action: action.into(),
    }
}

fn in_reserve(units: &[(&str, i64)]) -> Vec<proto::WarehouseUnits> {
    let each = |&(warehouse, units): &(&str, i64)| {
        let warehouse = warehouse.to_owned();
        proto::WarehouseUnits { warehouse, units }
    };
    units.iter().map(each).collect()
}

/// Units allocated, orders placed, units sold, when it was sold out, and the refusals.
type Came = (i64, i64, i64, Option<UnixMs>, Vec<(AttemptOutcome, i64)>);

fn came(figures: &Figures) -> Came {
    assert_eq!(figures.revenue_minor, figures.units_sold * 1_000, "all orders are paid");
    let refusals = figures.refusals.iter().map(|(outcome, attempts)| (*outcome, *attempts));
    let Figures { allocated_units, orders_placed, units_sold, sold_out_at, .. } = *figures;
    (allocated_units, orders_placed, units_sold, sold_out_at, refusals.collect())
}

fn stated(found: &WhatIf, words: &str) -> bool {
    found.assumptions.iter().any(|stated| stated.contains(words))
}

/// Bob takes the last unit and the plan releases two in the same append; cat takes these and the plan
/// proposes three, which an operator releases.
async fn released() -> Story {
    let draft = proto::ItemDraft {
        reserve: in_reserve(&[("north", 2), ("south", 3)]),
        reserve_plan: vec![
            step(1, 2, &["north"], proto::ReserveAction::Release),
            step(1, 3, &["south"], proto::ReserveAction::Propose),
        ],
        ..support::item("lamp", &[("north", 3)])
    };
    let mut story = Story::of(draft, OPENS_AT).await;
    for (second, buyer, units) in [(1, "ann", 2), (2, "bob", 1), (3, "cat", 2), (4, "dan", 1)] {
        story.place(second, buyer, units, "").await;
    }
    story.release(5, "south", 3).await;
    story.place(6, "eve", 3, "").await;
    story.place(7, "fay", 1, "").await;
    story.paid().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_not_sold_out_where_the_plan_releases_in_the_same_append() {
    let story = released().await;
    let found = story.what_if(&[]).await;
    let expected = (8, 4, 8, Some(at(3)), vec![(SoldOut, 2)]);
    assert_eq!(came(&found.total.recorded), expected);
    assert_eq!(came(&found.total.played), expected);
    let item = ItemId::parse("item", &story.item).unwrap();
    let told = look(story.node.data(), move |log| explain(log, item, "dan").unwrap()).await;
    assert_eq!((told.first_sold_out_at, told.last_sold_out_at), (Some(at(3)), Some(at(6))));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_plan_only_operators_release_units() {
    let story = released().await;
    let found = story.what_if(&["reserve-plan=off"]).await;
    // Bob has the last unit of three; cat, dan and fay find none; eve has the three of the operator.
    assert_eq!(came(&found.total.played), (6, 3, 6, Some(at(2)), vec![(SoldOut, 3)]));
    assert_eq!((found.total.shoppers_lost, found.total.shoppers_kept), (1, 3));
    assert!(stated(&found, "neither releases nor proposes"), "{:?}", found.assumptions);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_by_the_plan_is_decided_anew() {
    let story = released().await;
    let found = story.what_if(&["units=-1"]).await;
    // Ann takes both units, and the plan releases two; bob has one, cat asks for more than the other,
    // which dan has.
    let refusals = vec![(SoldOut, 1), (NotEnoughUnits, 1)];
    assert_eq!(came(&found.total.played), (7, 4, 7, Some(at(4)), refusals));
    assert!(stated(&found, "is decided anew"), "{:?}", found.assumptions);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_release_what_the_plan_has_left() {
    let draft = proto::ItemDraft {
        reserve: in_reserve(&[("north", 3)]),
        reserve_plan: vec![step(1, 2, &[], proto::ReserveAction::Release)],
        ..support::item("lamp", &[("north", 3)])
    };
    let mut story = Story::of(draft, OPENS_AT).await;
    story.place(1, "ann", 2, "").await;
    story.release(2, "north", 3).await;
    story.place(3, "bob", 4, "").await;
    story.place(4, "cat", 1, "").await;
    let story = story.paid().await;
    // Nothing is left in reserve when bob takes the last units, so the plan had no effect.
    let off = story.what_if(&["reserve-plan=off"]).await;
    assert_eq!(came(&off.total.recorded), (6, 2, 6, Some(at(3)), vec![(SoldOut, 1)]));
    assert_eq!(off.total.played, off.total.recorded);
    // Ann takes both units and the plan releases two, so the operator releases the third one only.
    let fewer = story.what_if(&["units=-1"]).await;
    assert_eq!(came(&fewer.total.played), (5, 2, 3, None, vec![(NotEnoughUnits, 1)]));
    // Without the plan ann has the last units, and all three are there for the operator.
    let both = story.what_if(&["units=-1", "reserve-plan=off"]).await;
    assert_eq!(came(&both.total.played), (5, 2, 3, Some(at(1)), vec![(NotEnoughUnits, 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_of_an_item_that_is_open_at_once_is_judged_after_all_of_its_stock() {
    let draft = proto::ItemDraft {
        reserve: in_reserve(&[("north", 2), ("south", 4)]),
        reserve_plan: vec![step(9, 5, &[], proto::ReserveAction::Release)],
        ..support::item("lamp", &[("north", 1)])
    };
    let mut story = Story::of(draft, OPENS_AT).await;
    assert_eq!(story.node.item(&story.item).await.reserve_units, 1);
    story.place(1, "ann", 6, "").await;
    story.place(2, "bob", 1, "").await;
    let story = story.paid().await;
    let found = story.what_if(&["reserve-plan=off"]).await;
    assert_eq!(came(&found.total.recorded), (6, 1, 6, Some(at(1)), vec![(SoldOut, 1)]));
    assert_eq!(came(&found.total.played), (1, 1, 1, Some(at(2)), vec![(NotEnoughUnits, 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_is_judged_after_an_audience_is_set_as_well() {
    let draft = proto::ItemDraft {
        reserve: in_reserve(&[("north", 2)]),
        reserve_plan: vec![step(2, 2, &[], proto::ReserveAction::Release)],
        ..support::item("lamp", &[("north", 1)])
    };
    let mut story = Story::of(draft, at(1)).await;
    story.node.clock.set(at(2));
    let gold = vec!["gold".to_owned()];
    let set = proto::SetAudienceRequest {
        request_id: request_id(),
        item_id: story.item.clone(),
        audience: Some(proto::Audience { member_tiers: gold, ..Default::default() }),
        operator: "olga".to_owned(),
        reason: "members first".to_owned(),
    };
    story.node.items().set_audience(set).await.unwrap();
    story.place(3, "ann", 3, "").await;
    let story = story.paid().await;
    let found = story.what_if(&["reserve-plan=off"]).await;
    assert_eq!(came(&found.total.recorded), (3, 1, 3, Some(at(3)), vec![]));
    assert_eq!(came(&found.total.played), (1, 0, 0, None, vec![(NotEnoughUnits, 1)]));
}

/// Ann and bob get units of their region, which an operator brings there.
async fn moved() -> Story {
    let draft = support::item("lamp", &[("north", 4), ("south", 3)]);
    let mut story = Story::of(draft, OPENS_AT).await;
    story.place(1, "ann", 2, "coast").await;
    story.move_to_south(2, 3).await;
    story.place(3, "bob", 3, "coast").await;
    story.withdraw_from_south(4, 1).await;
    story.place(5, "cat", 1, "").await;
    story.place(6, "dan", 2, "coast").await;
    story.allocate_in_south(7, 2).await;
    story.withdraw_from_south(8, 1).await;
    story.place(9, "eve", 1, "coast").await;
    story.place(10, "fay", 1, "").await;
    story.paid().await
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_and_moved_and_withdrawn_units_are_replayed() {
    let story = moved().await;
    let none = story.what_if(&[]).await;
    let expected = (7, 4, 7, Some(at(5)), vec![(SoldOut, 2)]);
    assert_eq!(came(&none.total.recorded), expected);
    assert_eq!(came(&none.total.played), expected);
    assert!(stated(&none, "New winners name no region"));
    let by_hand = [
        // Two more in the north: dan gets them.
        ("units=+2", (9, 5, 9, Some(at(6)), vec![(SoldOut, 1)])),
        // Three in the north: ann gets two of them, one is moved and withdrawn; eve gets the unit that
        // is left of those that are allocated later.
        ("units=-4", (3, 2, 3, Some(at(9)), vec![(SoldOut, 3), (NotEnoughUnits, 1)])),
        // Two in the north: nothing is left to be moved or withdrawn.
        ("units=-5", (3, 2, 3, Some(at(1)), vec![(SoldOut, 4)])),
        // One less in the south: after bob none is left there to be withdrawn, and all get theirs.
        ("units=-1", expected.clone()),
    ];
    for (rule, expected) in by_hand {
        let found = story.what_if(&[rule]).await;
        assert_eq!(came(&found.total.played), expected, "{rule}");
    }
}
