//! Goal: what-ifs know what became of orders after they were placed: units that came back, holds that
//! were extended, late payments, acts of operators, coupons.
//!
//! Method: an item decides a few commands at known seconds; its events and attempts are stored as a
//! server stores them. What it came to, and what it comes to under other rules, is counted by hand.

use std::{collections::BTreeMap, sync::Arc};

use doorbuster::{
    clock::ManualClock,
    domain::item::{AwaitVerdict, ItemCommand, OrderAction, PlaceMore, PlaceOrder, SettleAwait},
    events::{
        AmountOff, Attempt,
        AttemptOutcome::{NotEnoughUnits, OverBuyerLimit, SoldOut},
        CouponAsked, CouponNamed, CouponReason, DemandTick, IfDenied, ItemPlan, NewEvent, Offer,
        OfferCondition, OfferEffect, PackedAttempt, StreamName, encode, pack, packed_units,
    },
    replay::what_if::{Figures, WhatIf},
    store::{EventStore, Expected, embedded::EmbeddedStore},
    values::{BatchId, CouponId, UnixMs},
};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use super::what_if;
use crate::{
    audit::decided::{Run, begun},
    spec::live::{act_on, cancel, item_id, order_id, pay, place, plan, units},
};

/// The events of an item and the attempts on it, in a store.
pub async fn stored(run: &Run) -> TempDir {
    let data = tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(UnixMs(10_000_000)));
    let store = EmbeddedStore::open(data.path(), clock).unwrap();
    let events: Arc<[NewEvent]> = run.stored.clone().into();
    let item = StreamName::item(item_id());
    store.append(item, Expected::before(0), events).await.unwrap();
    let mut ticks: Vec<NewEvent> = Vec::new();
    for attempts in run.attempts.chunk_by(|(one, _), (other, _)| one.second() == other.second()) {
        let id = Uuid::from_u128(ticks.len() as u128 + 1);
        ticks.push(encode(id, &tick(attempts), id, id));
    }
    if !ticks.is_empty() {
        let demand = StreamName::demand(item_id());
        store.append(demand, Expected::before(0), ticks.into()).await.unwrap();
    }
    store.close();
    data
}

fn tick(attempts: &[(UnixMs, Attempt)]) -> DemandTick {
    let second = attempts[0].0.second();
    let packed = attempts.iter().map(|(at, attempt)| PackedAttempt {
        arrival_ms: u16::try_from(at.0 - second * 1_000).unwrap(),
        units: packed_units(attempt.units),
        outcome: attempt.outcome,
        buyer_hash: attempt.buyer_hash,
    });
    let packed: Vec<PackedAttempt> = packed.collect();
    DemandTick {
        second,
        attempts: u32::try_from(attempts.len()).unwrap(),
        outcomes: Default::default(),
        channels: Default::default(),
        packed: pack(&packed),
    }
}

/// An item at 10 minor units with a minute to pay.
struct Story(Run);

impl Story {
    fn of(stock: i64, plan: ItemPlan) -> Self {
        let units = vec![units("north", stock)];
        let times = ItemPlan { time_to_pay_ms: 60_000, closes_at_ms: UnixMs(1_000_000), ..plan };
        Self(begun(ItemPlan { units, ..times }, 0))
    }

    /// Asks at a second for something.
    fn at(&mut self, second: i64, command: ItemCommand) -> &mut Self {
        self.0.clock = second * 1_000;
        let before = self.0.stored.len();
        let attempts = self.0.attempts.len();
        self.0.ask(command);
        let told = self.0.stored.len() > before || self.0.attempts.len() > attempts;
        assert!(told, "nothing came of it at {second}");
        self
    }

    fn end_holds(&mut self, second: i64) -> &mut Self {
        self.0.clock = second * 1_000;
        self.0.end_holds();
        self
    }

    async fn stored(&self) -> TempDir {
        stored(&self.0).await
    }
}

/// What it comes to under other rules; under its own it comes to what is recorded.
async fn under(data: &TempDir, rules: &[&str]) -> WhatIf {
    let found = what_if(data.path(), &item_id().to_string(), rules).await;
    assert_eq!(found.baseline_differences, Vec::<String>::new());
    found
}

fn refund(name: &str, order: &str, units: i64, restock: bool) -> ItemCommand {
    act_on(name, OrderAction::refund(order_id(order), units, restock).unwrap())
}

fn extend(name: &str, order: &str, second: i64) -> ItemCommand {
    let until = UnixMs(second * 1_000);
    act_on(name, OrderAction::ExtendHold { order_id: order_id(order), until })
}

/// Orders paid, units sold, revenue, winners.
fn sold(figures: &Figures) -> (i64, i64, i64, i64) {
    (figures.orders_paid, figures.units_sold, figures.revenue_minor, figures.winners)
}

/// Orders cancelled, expired, held and brought back; payments due back.
fn ends(figures: &Figures) -> (i64, i64, i64, i64, i64) {
    let Figures { orders_cancelled, orders_expired, orders_held, .. } = *figures;
    let Figures { orders_reinstated, payments_due_back, .. } = *figures;
    (orders_cancelled, orders_expired, orders_held, orders_reinstated, payments_due_back)
}

/// Orders and units refunded, and the money for them.
fn refunded(figures: &Figures) -> (i64, i64, i64) {
    (figures.orders_refunded, figures.units_refunded, figures.refunded_minor)
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_come_back_are_sold_again_or_written_off() {
    let mut story = Story::of(3, plan());
    story.at(1, place("ann", "ann", 2)).at(2, place("bob", "bob", 1)).at(3, place("cat", "cat", 1));
    story.at(4, pay("p1", "ann", 20, "p1")).at(5, pay("p2", "bob", 10, "p2"));
    story.at(10, refund("b1", "ann", 1, true)).at(20, place("dan", "dan", 1));
    story.at(30, pay("p3", "dan", 10, "p3")).at(40, refund("b2", "bob", 1, false));
    story.at(50, place("eve", "eve", 1));
    let data = story.stored().await;
    let found = under(&data, &[]).await;
    for figures in [&found.total.recorded, &found.total.played] {
        assert_eq!(figures.allocated_units, 2, "bob's unit is written off");
        assert_eq!((figures.orders_placed, figures.units_placed), (3, 4));
        assert_eq!(sold(figures), (3, 2, 20, 3), "bob has paid, too");
        assert_eq!(refunded(figures), (1, 2, 20));
        assert_eq!(figures.sold_out_at, Some(UnixMs(2_000)));
        assert_eq!(figures.refusals, [(SoldOut, 2)].into());
    }
    // Without ann's order cat gets one of her units, and nothing of hers comes back: it is there for dan
    // and the other one for eve. Cat and eve pay as one of the others did; bob's unit is written off.
    let limited = under(&data, &["limit=1"]).await;
    let played = &limited.total.played;
    assert_eq!((played.orders_placed, played.allocated_units >= 0), (3, true));
    assert_eq!(played.refusals, [(SoldOut, 1), (OverBuyerLimit, 1)].into());
    assert!(limited.assumptions.iter().any(|stated| stated.contains("take units back")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_was_extended_ends_when_it_ended() {
    let mut story = Story::of(3, plan());
    story.at(1, place("ann", "ann", 1)).at(2, place("bob", "bob", 1)).at(3, place("cat", "cat", 1));
    story.at(50, extend("e1", "ann", 200)).at(51, extend("e2", "cat", 100)).end_holds(63);
    story.at(65, pay("p2", "bob", 10, "p2")).end_holds(101).at(150, pay("p1", "ann", 10, "p1"));
    story.at(160, place("dan", "dan", 2));
    let data = story.stored().await;
    let found = under(&data, &[]).await;
    for figures in [&found.total.recorded, &found.total.played] {
        assert_eq!(sold(figures), (1, 1, 10, 1));
        assert_eq!(ends(figures), (0, 2, 1, 0, 1), "dan's order is held at the end");
    }
    // Bob's payment is 3 s late, and nobody paid for cat.
    let back = under(&data, &["late-payments=reinstate"]).await;
    assert_eq!(sold(&back.total.played), (2, 2, 20, 2));
    // With bob's unit sold, one is left for dan, who asks for two.
    assert_eq!(ends(&back.total.played), (0, 1, 0, 1, 0));
    assert_eq!((back.total.shoppers_gained, back.total.shoppers_kept), (1, 1));
    assert!(back.assumptions.iter().any(|stated| stated.contains("brings its order back")));
    // With 30 s to pay nothing is left to be extended: ann's payment is late as well.
    let short = under(&data, &["time-to-pay=30s"]).await;
    assert_eq!(sold(&short.total.played), (0, 0, 0, 0));
    assert_eq!(ends(&short.total.played), (0, 3, 1, 0, 2));
    // With five minutes bob is in time, and no deadline is earlier than those in force.
    let long = under(&data, &["time-to-pay=5m"]).await;
    assert_eq!(sold(&long.total.played), (2, 2, 20, 2));
    assert_eq!(ends(&long.total.played), (0, 1, 0, 0, 0), "cat's hold lasts until 303 s");
}

/// The log does not tell an expiry with the payment from one just before it; attempts do.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_between_the_end_of_a_hold_and_its_late_payment_fits_there() {
    let plan = || ItemPlan { reinstate_within_ms: Some(1_000), ..plan() };
    let mut between = Story::of(2, plan());
    between.at(1, place("ann", "ann", 2)).end_holds(61).at(61, place("bob", "bob", 3));
    between.at(61, pay("p1", "ann", 20, "p1"));
    let mut before = Story::of(2, plan());
    before.at(1, place("ann", "ann", 2)).at(61, pay("p1", "ann", 20, "p1"));
    before.at(61, place("bob", "bob", 3));
    let refused = [BTreeMap::from([(NotEnoughUnits, 1), (SoldOut, 1)]), [(SoldOut, 2)].into()];
    for (mut story, refused) in [between, before].into_iter().zip(refused) {
        let found = under(&story.at(62, place("cat", "cat", 1)).stored().await, &[]).await;
        for figures in [&found.total.recorded, &found.total.played] {
            assert_eq!((sold(figures), ends(figures)), ((1, 2, 20, 1), (0, 0, 0, 1, 0)));
            assert_eq!(figures.refusals, refused);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_came_back_are_due_back_where_late_payments_are() {
    let mut story = Story::of(1, ItemPlan { reinstate_within_ms: Some(600_000), ..plan() });
    story.at(1, place("ann", "ann", 1)).end_holds(62).at(70, pay("p1", "ann", 10, "p1"));
    story.at(80, place("bob", "bob", 1));
    let data = story.stored().await;
    let found = under(&data, &[]).await;
    for figures in [&found.total.recorded, &found.total.played] {
        assert_eq!(sold(figures), (1, 1, 10, 1));
        assert_eq!(ends(figures), (0, 0, 0, 1, 0));
        assert_eq!(figures.refusals, [(SoldOut, 1)].into());
    }
    // Bob gets the unit, and pays as late as ann did.
    let due = under(&data, &["late-payments=refund"]).await;
    assert_eq!(sold(&due.total.played), (0, 0, 0, 0));
    assert_eq!(ends(&due.total.played), (0, 2, 0, 0, 2));
    assert_eq!((due.total.shoppers_lost, due.total.shoppers_kept), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_ends_the_hold_and_brings_it_back_is_one_decision() {
    let north = vec![units("north", 1), units("south", 1)];
    let plan = ItemPlan { reinstate_within_ms: Some(1_000), ..plan() };
    let mut story = Story::of(1, plan.clone());
    story.0 = begun(
        ItemPlan { units: north, time_to_pay_ms: 60_000, closes_at_ms: UnixMs(1_000_000), ..plan },
        0,
    );
    // Ann has the north, bob the south and nothing is left. Bob pays at his deadline and has his own
    // unit again, which is the last one.
    story
        .at(1, place("ann", "ann", 1))
        .at(2, place("bob", "bob", 1))
        .at(3, pay("p1", "ann", 10, "p1"));
    story.at(62, pay("p2", "bob", 10, "p2")).at(70, refund("b1", "bob", 1, false));
    let data = story.stored().await;
    let found = under(&data, &[]).await;
    for figures in [&found.total.recorded, &found.total.played] {
        assert_eq!(sold(figures), (2, 1, 10, 2));
        assert_eq!(ends(figures), (0, 0, 0, 1, 0));
        assert_eq!((figures.allocated_units, refunded(figures)), (1, (1, 1, 10)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_cancel_orders_as_they_did() {
    let mut story = Story::of(1, plan());
    story.at(1, place("ann", "ann", 1)).at(5, act_on("k", OrderAction::Cancel(order_id("ann"))));
    story.at(9, place("bob", "bob", 1)).at(10, cancel("c", "bob", "bob"));
    story.at(11, pay("p", "bob", 10, "p")).at(12, place("cat", "cat", 1));
    let data = story.stored().await;
    for rules in [&[][..], &["late-payments=reinstate"][..]] {
        let found = under(&data, rules).await;
        for figures in [&found.total.recorded, &found.total.played] {
            assert_eq!(sold(figures), (0, 0, 0, 0), "{rules:?}");
            assert_eq!(ends(figures), (2, 0, 1, 0, 1), "{rules:?}");
        }
    }
}

fn with_coupon(buyer: &str, units: i64, if_denied: IfDenied, most: Option<i64>) -> ItemCommand {
    let ItemCommand::PlaceOrder(order) = place(buyer, buyer, units) else { unreachable!() };
    let asked = CouponAsked {
        batch_id: BatchId(Uuid::from_u128(0xba7c)),
        named: CouponNamed::Code("SAVE".to_owned()),
        if_denied,
        skip_offers: true,
        max_total_minor: None,
    };
    let more = PlaceMore { coupon: Some(asked), max_total_minor: most, ..PlaceMore::default() };
    ItemCommand::PlaceOrder(PlaceOrder::with(order, more))
}

fn settle(order: &str, verdict: AwaitVerdict) -> ItemCommand {
    ItemCommand::SettleAwait(SettleAwait { order_id: order_id(order), verdict })
}

fn granted(discount_minor: i64) -> AwaitVerdict {
    AwaitVerdict::CouponGranted { coupon_id: CouponId(Uuid::from_u128(0xc0)), discount_minor }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_keep_their_coupons_while_they_win_and_new_winners_have_none() {
    let effect = OfferEffect::Amount(AmountOff { amount_minor: 2, each: false, times_max: None });
    let offer = Offer {
        name: "two".to_owned(),
        condition: OfferCondition::FromUnits(2),
        effect,
        from_ms: None,
        until_ms: None,
    };
    let mut story = Story::of(9, ItemPlan { offers: vec![offer], ..plan() });
    story.at(1, with_coupon("ann", 3, IfDenied::Cancel, None)).at(2, settle("ann", granted(7)));
    let denied = AwaitVerdict::CouponDenied(CouponReason::BudgetSpent);
    story.at(3, with_coupon("bob", 3, IfDenied::Cancel, None)).at(4, settle("bob", denied));
    story.at(5, with_coupon("cat", 2, IfDenied::Keep, None)).at(6, settle("cat", denied));
    story.at(7, with_coupon("dan", 2, IfDenied::Cancel, Some(15))).at(8, settle("dan", granted(4)));
    story.at(9, with_coupon("eve", 2, IfDenied::Keep, Some(17))).at(10, settle("eve", denied));
    story.at(11, place("fay", "fay", 4)).at(12, place("gus", "gus", 4));
    // Ann pays 30 less 7, cat 20 less the 2 of the offer, fay 40 less 2. Bob, dan and eve are cancelled:
    // without a coupon, above 15, above 17.
    story.at(13, pay("p1", "ann", 23, "p1")).at(14, pay("p2", "cat", 18, "p2"));
    story.at(15, pay("p3", "fay", 38, "p3"));
    let data = story.stored().await;
    let found = under(&data, &[]).await;
    for figures in [&found.total.recorded, &found.total.played] {
        assert_eq!(sold(figures), (3, 9, 23 + 18 + 38, 3));
        assert_eq!(ends(figures), (3, 0, 0, 0, 0));
        assert_eq!(figures.goods.as_ref().unwrap().discount_minor, 7 + 2 + 2);
        assert_eq!(figures.refusals, [(SoldOut, 1)].into());
    }
    assert!(found.assumptions.iter().any(|stated| stated.contains("have no coupon")));
    // Gus gets 4 units, and pays for them as one of ann, cat and fay did: without a coupon.
    let more = under(&data, &["units=+4"]).await;
    assert_eq!(sold(&more.total.played), (4, 13, 23 + 18 + 38 + 38, 4));
    // At 1 for each of the first units the coupon takes 2 of 3 minor units off.
    let cheap = under(&data, &["steps=3:1"]).await;
    assert_eq!(cheap.total.played.revenue_minor, 1 + 18 + 38);
}
