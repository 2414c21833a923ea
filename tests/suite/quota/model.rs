//! Goal: whatever is asked, late, twice or in any order, no buyer ever has more than the limit, and once
//! nothing is left to do, the limit counts exactly the units that buyers have in held and paid orders.
//! Method: proptest makes steps of three buyers on two items; a plain model, a list of orders that is
//! counted anew each time, says what the limit must answer. The verifier judges the whole log.
//!
//! `DOORBUSTER_MODEL_CASES` raises the number of sequences.

use doorbuster::{
    domain::{
        item::{AwaitVerdict, ItemOutcome},
        quota::{QuotaOutcome, QuotaRefusal},
    },
    events::{OrderState, QuotaEvent},
    values::OrderId,
};
use proptest::{prelude::*, test_runner::Config};

use super::world::{LIMIT, World, order_id};

const BUYERS: [&str; 3] = ["ann", "bob", "cat"];

#[derive(Debug, Clone)]
enum Step {
    Place {
        item: usize,
        buyer: usize,
        units: i64,
    },
    /// The others are of an order that was placed.
    Take(usize),
    Settle(usize),
    Cancel(usize),
    Pay(usize),
    Refund(usize, i64),
    /// Tells the limit one of the things that the order's events told.
    GiveBack(usize, usize),
    Pass(i64),
    Restart,
}

struct Order {
    item: usize,
    id: OrderId,
    buyer: usize,
    units: i64,
    /// What it takes, once it took.
    takes: Option<i64>,
    verdict: Option<AwaitVerdict>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let order = || 0..40_usize;
    let step = prop_oneof![
        8 => (0..2_usize, 0..BUYERS.len(), 1..=LIMIT + 1)
            .prop_map(|(item, buyer, units)| Step::Place { item, buyer, units }),
        8 => order().prop_map(Step::Take),
        8 => order().prop_map(Step::Settle),
        2 => order().prop_map(Step::Cancel),
        5 => order().prop_map(Step::Pay),
        3 => (order(), 1..=LIMIT).prop_map(|(order, units)| Step::Refund(order, units)),
        5 => (order(), 0..3_usize).prop_map(|(order, told)| Step::GiveBack(order, told)),
        2 => (-5..60_i64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..80)
}

fn used(orders: &[Order], buyer: usize) -> i64 {
    orders.iter().filter(|order| order.buyer == buyer).filter_map(|order| order.takes).sum()
}

/// What the limit must answer to an order that takes its units.
fn take(orders: &mut [Order], at: usize) -> QuotaOutcome {
    let free = LIMIT - used(orders, orders[at].buyer);
    let order = &mut orders[at];
    if order.takes.is_none() && order.units > free {
        return QuotaOutcome::Refused(QuotaRefusal::OverSaleLimit);
    }
    QuotaOutcome::Taken { units_left: *order.takes.get_or_insert(order.units) }
}

fn give_back(order: &mut Order, left: i64) -> QuotaOutcome {
    let Some(takes) = &mut order.takes else { return QuotaOutcome::NotTaken };
    *takes = left.min(*takes);
    QuotaOutcome::Taken { units_left: *takes }
}

fn taken(world: &mut World, orders: &mut [Order], at: usize) {
    let outcome = world.take(orders[at].id);
    assert_eq!(outcome, take(orders, at));
    orders[at].verdict = Some(match outcome {
        QuotaOutcome::Taken { .. } => AwaitVerdict::LimitGranted,
        _ => AwaitVerdict::LimitDenied,
    });
}

fn play(steps: &[Step]) {
    let mut world = World::new();
    let mut orders: Vec<Order> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let named = |order: usize| (!orders.is_empty()).then(|| order % orders.len());
        match *step {
            Step::Place { item, buyer, units } => {
                let name = format!("o{number}");
                world.place(item, &name, BUYERS[buyer], units);
                let (id, takes, verdict) = (order_id(item, &name), None, None);
                orders.push(Order { item, id, buyer, units, takes, verdict });
            }
            Step::Pass(ms) => world.pass(ms),
            Step::Restart => world.rebuild(),
            Step::Take(order) => {
                if let Some(at) = named(order) {
                    taken(&mut world, &mut orders, at);
                }
            }
            Step::Settle(order) => {
                if let Some(at) = named(order)
                    && let Some(verdict) = orders[at].verdict
                {
                    world.settle(orders[at].item, orders[at].id, verdict);
                }
            }
            Step::Cancel(order) => {
                if let Some(at) = named(order) {
                    world.cancel(orders[at].item, orders[at].id, BUYERS[orders[at].buyer]);
                }
            }
            Step::Pay(order) => {
                if let Some(at) = named(order) {
                    world.pay(orders[at].item, orders[at].id, 10 * orders[at].units);
                }
            }
            Step::Refund(order, units) => {
                if let Some(at) = named(order) {
                    world.refund(orders[at].item, &format!("r{number}"), orders[at].id, units);
                }
            }
            Step::GiveBack(order, told) => {
                if let Some(at) = named(order)
                    && let Some(&left) = world.told_left(orders[at].id).get(told)
                {
                    let outcome = world.give_back(orders[at].id, left);
                    assert_eq!(outcome, give_back(&mut orders[at], left));
                }
            }
        }
        for (buyer, name) in BUYERS.iter().enumerate() {
            assert!(used(&orders, buyer) <= LIMIT, "{name} after {step:?}");
        }
    }
    finish(&mut world, &mut orders);
    judge(&world.quota_log);
    let proof = world.verify();
    assert!(proof.ok(), "{proof}");
}

/// Does what is left to do, as a process does it, and compares what is counted.
fn finish(world: &mut World, orders: &mut [Order]) {
    for at in 0..orders.len() {
        let (item, id) = (orders[at].item, orders[at].id);
        let Some(order) = shown(world, item, id) else { continue };
        if order.state == OrderState::Held && !order.awaiting.is_empty() {
            taken(world, orders, at);
            world.settle(item, id, orders[at].verdict.unwrap());
        }
        for left in world.told_left(id) {
            assert_eq!(world.give_back(id, left), give_back(&mut orders[at], left));
        }
    }
    for (buyer, name) in BUYERS.iter().enumerate() {
        let mut has = 0;
        for order in orders.iter().filter(|order| order.buyer == buyer) {
            let Some(order) = shown(world, order.item, order.id) else { continue };
            if matches!(order.state, OrderState::Held | OrderState::Paid) {
                assert!(order.awaiting.is_empty());
                has += order.units - order.refunded_units;
            }
        }
        assert_eq!(used(orders, buyer), has, "{name}");
    }
}

/// An order as it stands; `None` where it was refused at once.
fn shown(
    world: &mut World,
    item: usize,
    order_id: OrderId,
) -> Option<doorbuster::domain::item::OrderView> {
    let show = doorbuster::domain::item::ItemCommand::ShowOrder { order_id, buyer: None };
    match world.ask(item, show) {
        ItemOutcome::Order(order) => Some(order),
        _ => None,
    }
}

/// The promise of the limit, from its events alone.
fn judge(log: &[QuotaEvent]) {
    let mut orders = std::collections::HashMap::new();
    for event in log {
        match event {
            QuotaEvent::Taken(e) => {
                assert!(orders.insert(e.order_id, (e.buyer.clone(), e.units)).is_none());
            }
            QuotaEvent::Returned(e) => {
                let (_, takes) = orders.get_mut(&e.order_id).expect("it took");
                assert!(e.units_left < *takes && e.units_left >= 0);
                *takes = e.units_left;
            }
        }
        for buyer in BUYERS {
            let of_buyer = orders.values().filter(|(of, _)| of == buyer);
            assert!(of_buyer.map(|(_, units)| units).sum::<i64>() <= LIMIT);
        }
    }
}

fn cases() -> Config {
    let asked = std::env::var("DOORBUSTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: asked.unwrap_or(256), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_limit_does_what_a_plain_model_says(steps in steps()) {
        play(&steps);
    }
}
