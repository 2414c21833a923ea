//! The item against a simple model, over random command sequences.
//!
//! Goal: find rules that no example thought of. Method: proptest makes commands of a few buyers on
//! little stock, with request ids drawn from a small pool so that they are often repeated or used
//! twice, and time that jumps and sometimes runs backwards. A model written from the comments in
//! the contract alone says what each command must come to. It is as slow and plain as possible: it
//! keeps a list of orders and counts everything anew at each step. It shares nothing with the
//! decider but the types of the messages.
//!
//! `DOORBUSTER_MODEL_CASES` raises the number of sequences.

mod contract;
mod steps;
mod stock;

use std::collections::HashMap;

use doorbuster::{
    domain::{
        Decider, Decision, Misdirected,
        item::{Item, ItemCommand, ItemOutcome, ItemShown, OrderState, Refusal},
    },
    events::{ItemEvent, ItemPlan, OfferEvent, OrderEvent, Position, StockEvent},
    values::{RequestId, UnixMs},
};
use proptest::{prelude::*, test_runner::Config};

use self::{
    contract::{CLOSES, Model, OPENS, PER_BUYER, PER_ORDER, PRICE, Said, TIME_TO_PAY},
    steps::{Step, WAREHOUSES, name, order_id, request_of, steps},
};
use crate::spec::live::{self, item_id, units};

/// The real item with its log.
struct Real {
    item: Item,
    log: Vec<ItemEvent>,
}

impl Real {
    fn new(stock: [i64; 2]) -> Self {
        Self::added(ItemPlan {
            opens_at_ms: UnixMs(OPENS),
            closes_at_ms: UnixMs(CLOSES),
            limit_per_buyer: Some(PER_BUYER),
            limit_per_order: Some(PER_ORDER),
            time_to_pay_ms: TIME_TO_PAY,
            unit_price_minor: PRICE,
            units: vec![units(WAREHOUSES[0], stock[0]), units(WAREHOUSES[1], stock[1])],
            ..live::plan()
        })
    }

    /// An item with that plan.
    fn added(plan: ItemPlan) -> Self {
        let mut real = Self { item: Item::initial(item_id().0), log: Vec::new() };
        let added = real.item.decide(live::add(plan), UnixMs(0));
        real.record(added.events.into_iter().map(|caused| caused.event));
        real
    }

    fn record(&mut self, events: impl Iterator<Item = ItemEvent>) {
        for event in events {
            let revision = self.log.len() as u64;
            self.item.evolve(&event, revision);
            self.log.push(event);
        }
    }

    /// Everything recorded so far reaches the log, as one append.
    fn land(&mut self) {
        let last = self.log.len() as u64 - 1;
        self.item.landed(last, position(last));
    }

    fn rebuild(&self) -> Item {
        let mut item = Item::initial(item_id().0);
        for (event, revision) in self.log.iter().zip(0..) {
            item.evolve(event, revision);
            item.landed(revision, position(revision));
        }
        live::through_snapshot(&item, self.log.len() as u64 - 1)
    }
}

/// Where the event of that revision stands in the log.
fn position(revision: u64) -> Position {
    Position(revision + 1)
}

fn said(outcome: &ItemOutcome) -> Said {
    match outcome {
        ItemOutcome::Order(order) => {
            Said::Order { request: request_of(order.order_id).unwrap(), state: order.state }
        }
        ItemOutcome::Item(view) => Said::Item(view.phase),
        ItemOutcome::Quote { .. } => panic!("no step asks for a quote"),
        ItemOutcome::Refused { refusal, .. } => Said::Refused(*refusal),
        ItemOutcome::Misdirected(Misdirected::NotFound(_)) => Said::NoOrder,
        ItemOutcome::Misdirected(Misdirected::RequestIdReused(_)) => Said::Reused,
        ItemOutcome::Misdirected(Misdirected::Invalid(wrong)) => panic!("{wrong}"),
    }
}

fn play(stock: [i64; 2], steps: &[Step]) {
    let mut real = Real::new(stock);
    let mut model = Model::new(stock, real.log.len() as u64);
    let mut clock = 90;
    let mut sent: Vec<&Step> = Vec::new();
    for step in steps {
        match *step {
            Step::Pass { ms } => {
                real.land();
                clock = (clock + ms).max(0);
            }
            Step::Restart => real.item = real.rebuild(),
            Step::Due { max } => {
                let due = real.item.due(UnixMs(clock), max);
                let expected = model.due(clock, max);
                let ids: Vec<_> = due.iter().map(|caused| caused.event.order_id()).collect();
                let expected = expected.iter().map(|&request| Some(order_id(request)));
                assert_eq!(ids, expected.collect::<Vec<_>>());
                real.record(due.into_iter().map(|caused| caused.event));
            }
            Step::Again { back } => {
                if let Some(step) = sent.iter().rev().nth(back) {
                    command(&mut real, &mut model, step, clock);
                }
            }
            _ => {
                sent.push(step);
                command(&mut real, &mut model, step, clock);
            }
        }
        compare(&real, &model, clock);
    }
    judge_the_log(&real.log);
    real.land();
    let rebuilt = real.rebuild();
    assert_eq!(rebuilt.next_due(), real.item.next_due());
    for step in steps.iter().filter(|step| step.request().is_some()) {
        let command = step.command(PRICE);
        let answers =
            [&real.item, &rebuilt].map(|item| item.decide(command.clone(), UnixMs(clock)));
        assert_eq!(format!("{:?}", answers[0]), format!("{:?}", answers[1]));
    }
}

fn command(real: &mut Real, model: &mut Model, step: &Step, clock: i64) {
    let total = match *step {
        Step::Pay { order, .. } => {
            let paid = model.orders.iter().find(|known| known.request == order);
            paid.map_or(PRICE, |order| order.units * PRICE)
        }
        _ => 0,
    };
    // The total of an order that comes later may differ: then the fields are not the same.
    let decided = real.item.decide(step.command(total), UnixMs(clock));
    let Decision { events, outcome, revision: decided_at, position: place, .. } = decided;
    real.record(events.into_iter().map(|caused| caused.event));
    let outcome = real.item.answer(outcome, UnixMs(clock));
    let (expected, revision) = model.answer(step, clock);
    assert_eq!(said(&outcome), expected, "{step:?} at {clock}");
    if let Some(revision) = revision {
        assert_eq!(decided_at, revision, "{step:?} at {clock}");
        if let Some(place) = place {
            assert_eq!(place, position(revision), "{step:?} at {clock}");
        }
    }
    if let ItemOutcome::Refused { refusal, available, .. } = outcome {
        let told = match *step {
            Step::Withdraw { warehouse: from, .. } | Step::Move { from, .. }
                if refusal == Refusal::NotEnoughFree =>
            {
                Some(model.free(usize::from(from)))
            }
            _ => (!refusal.is_of_order()).then(|| model.available()),
        };
        assert_eq!(available, told);
    }
}

fn compare(real: &Real, model: &Model, clock: i64) {
    assert_eq!(real.log.len() as u64, model.events, "events on record");
    let shown = real.item.show(ItemShown::Item, UnixMs(clock));
    let ItemOutcome::Item(view) = shown else { panic!("the item is there") };
    assert_eq!(view.units.allocated, model.allocated());
    for (warehouse, shown) in view.available_by_warehouse.iter().enumerate() {
        assert_eq!(shown.units, model.free(warehouse), "in {}", shown.warehouse);
    }
    assert_eq!(view.units.available, model.available());
    assert_eq!(view.units.reserve, model.reserve.iter().sum::<i64>());
    assert_eq!(view.units.held, model.units_in(&[OrderState::Held]));
    assert_eq!(view.units.sold, model.units_in(&[OrderState::Paid]));
    assert_eq!(view.phase, model.phase(clock));
    let held = model.orders.iter().filter(|order| order.state == OrderState::Held);
    assert_eq!(real.item.next_due(), held.map(|order| UnixMs(order.pay_by)).min());
    for order in &model.orders {
        let (order_id, buyer) = (order_id(order.request), name(order.buyer));
        let shown = real
            .item
            .decide(ItemCommand::ShowOrder { order_id, buyer: Some(buyer) }, UnixMs(clock));
        assert_eq!(
            said(&real.item.answer(shown.outcome, UnixMs(clock))),
            Said::Order { request: order.request, state: order.state }
        );
    }
}

/// What must hold of every log, whatever the rules are: no more units live than allocated at any
/// prefix and in any warehouse, each hold ended at most once, one order for one request.
fn judge_the_log(log: &[ItemEvent]) {
    let mut free: HashMap<&str, i64> = HashMap::new();
    let mut reserve: HashMap<&str, i64> = HashMap::new();
    let mut held = HashMap::new();
    let mut requests: Vec<RequestId> = Vec::new();
    let mut latest = UnixMs(0);
    for event in log {
        if let Some(at) = event.at() {
            assert!(at >= latest, "time runs backwards in the log");
            latest = at;
        }
        match event {
            ItemEvent::Stock(StockEvent::ReserveSet(e)) => {
                reserve.insert(&e.warehouse, e.units);
            }
            ItemEvent::Stock(StockEvent::ReserveReleased(e)) => {
                let kept = reserve.entry(&e.warehouse).or_default();
                *kept -= e.units;
                assert!(*kept >= 0, "more released than in reserve in {}", e.warehouse);
                *free.entry(&e.warehouse).or_default() += e.units;
            }
            ItemEvent::Stock(StockEvent::Allocated(e)) => {
                *free.entry(&e.warehouse).or_default() += e.units
            }
            ItemEvent::Stock(StockEvent::Withdrawn(e)) => {
                let left = free.entry(&e.warehouse).or_default();
                *left -= e.units;
                assert!(*left >= 0, "more withdrawn than available in {}", e.warehouse);
            }
            ItemEvent::Stock(StockEvent::Moved(e)) => {
                let left = free.entry(&e.from).or_default();
                *left -= e.units;
                assert!(*left >= 0, "more moved than available in {}", e.from);
                *free.entry(&e.to).or_default() += e.units;
            }
            ItemEvent::Order(OrderEvent::Placed(e)) => {
                assert!(!requests.contains(&e.request_id), "one request, two orders");
                requests.push(e.request_id);
                assert!(held.insert(e.order_id, &e.warehouses).is_none(), "placed twice");
                for part in &e.warehouses {
                    let left = free.entry(&part.warehouse).or_default();
                    *left -= part.units;
                    assert!(*left >= 0, "oversold in {}", part.warehouse);
                }
            }
            ItemEvent::Order(OrderEvent::Paid(e)) => {
                assert_eq!(held.remove(&e.order_id), Some(&e.warehouses), "left held twice");
            }
            ItemEvent::Order(OrderEvent::Cancelled(e)) => {
                assert_eq!(held.remove(&e.order_id), Some(&e.warehouses), "left held twice");
                for part in &e.warehouses {
                    *free.entry(&part.warehouse).or_default() += part.units;
                }
            }
            ItemEvent::Order(OrderEvent::Expired(e)) => {
                assert_eq!(held.remove(&e.order_id), Some(&e.warehouses), "left held twice");
                for part in &e.warehouses {
                    *free.entry(&part.warehouse).or_default() += part.units;
                }
            }
            ItemEvent::Order(
                OrderEvent::LimitGranted(_)
                | OrderEvent::CouponApplied(_)
                | OrderEvent::CouponDenied(_)
                | OrderEvent::PaymentFailed(_)
                | OrderEvent::HoldExtended(_)
                | OrderEvent::Reinstated(_)
                | OrderEvent::Refunded(_)
                | OrderEvent::RefundSettled(_),
            ) => panic!("no step of the model makes a {event:?}"),
            ItemEvent::Order(OrderEvent::RefundDue(e)) => {
                assert!(!held.contains_key(&e.order_id), "it could be paid")
            }
            ItemEvent::Offer(OfferEvent::Added(_))
            | ItemEvent::Offer(OfferEvent::Scheduled(_))
            | ItemEvent::Offer(OfferEvent::PurchaseLimitSet(_))
            | ItemEvent::Offer(OfferEvent::Paused(_))
            | ItemEvent::Offer(OfferEvent::Resumed(_))
            | ItemEvent::Offer(OfferEvent::Closed(_))
            | ItemEvent::Offer(OfferEvent::PricesSet(_))
            | ItemEvent::Offer(OfferEvent::OffersSet(_))
            | ItemEvent::Offer(OfferEvent::GiftUnitsSet(_))
            | ItemEvent::Offer(OfferEvent::AudienceSet(_))
            | ItemEvent::Offer(OfferEvent::ReservePlanSet(_))
            | ItemEvent::Offer(OfferEvent::ReserveProposed(_)) => {}
        }
    }
}

fn config() -> Config {
    let cases = std::env::var("DOORBUSTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: cases.unwrap_or(256), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_item_does_what_the_contract_says(
        north in 1..4_i64,
        south in 0..3_i64,
        steps in steps(),
    ) {
        play([north, south.max(1)], &steps);
    }
}
