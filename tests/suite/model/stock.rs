//! The stock of an item against a plain model, with everything that moves units: orders with and
//! without a region, payments, cancellations and deadlines, allocations, withdrawals, moves, reserves
//! and a reserve plan.
//!
//! The model keeps a list of orders and of warehouses and counts anew at each step. It shares nothing
//! with the item but the commands. After each step each warehouse must have what the model says, and
//! allocated = available + held + sold.

use doorbuster::{
    domain::{
        Decider as _,
        item::{ItemCommand, ItemOutcome, ItemShown, PlaceMore, SteerAction},
    },
    events::{Draw, ItemPlan, OrderState, Region},
    values::UnixMs,
};
use proptest::{prelude::*, test_runner::Config};

use super::{Real, judge_the_log};
use crate::spec::{
    live::{self, cancel, pay, place_from, steer, units},
    table::reserve_step,
};

const WAREHOUSES: [&str; 3] = ["north", "south", "east"];
const OPENS: i64 = 100;
const CLOSES: i64 = 2_000;
const TIME_TO_PAY: i64 = 60;
const PRICE: i64 = 10;

/// The warehouses of the one region, by number.
const COAST: [usize; 2] = [2, 1];

/// What can happen. Orders are chosen among those that were placed.
#[derive(Debug, Clone)]
enum Step {
    Place { units: i64, coast: bool },
    Pay { order: usize },
    Cancel { order: usize },
    Allocate { at: usize, units: i64 },
    Withdraw { at: usize, units: i64 },
    Move { from: usize, by: usize, units: i64 },
    Reserve { at: usize, units: i64 },
    Release { at: usize, units: i64 },
    Pass { ms: i64 },
}

#[derive(Debug, Clone)]
struct PlanStep {
    below: i64,
    release: i64,
    from: Vec<usize>,
    propose: bool,
}

impl PlanStep {
    fn text(&self) -> String {
        let act = if self.propose { "propose" } else { "release" };
        let from: Vec<_> = self.from.iter().map(|&at| WAREHOUSES[at]).collect();
        format!("{}:{}:{act}:{}", self.below, self.release, from.join("+"))
    }
}

#[derive(Debug)]
struct Order {
    drawn: [i64; 3],
    pay_by: i64,
    state: OrderState,
}

#[derive(Debug)]
struct Model {
    allocated: [i64; 3],
    reserve: [i64; 3],
    /// Warehouses in the order in which they were first named.
    named: Vec<usize>,
    orders: Vec<Order>,
    plan: Vec<PlanStep>,
    fired: Vec<bool>,
    fullest: bool,
}

impl Model {
    fn units(&self, at: usize, state: OrderState) -> i64 {
        self.orders.iter().filter(|order| order.state == state).map(|order| order.drawn[at]).sum()
    }

    fn free(&self, at: usize) -> i64 {
        let [held, sold] = [OrderState::Held, OrderState::Paid].map(|state| self.units(at, state));
        self.allocated[at] - held - sold
    }

    fn available(&self) -> i64 {
        (0..3).map(|at| self.free(at)).sum()
    }

    fn order_of_warehouses(&self, coast: bool) -> Vec<usize> {
        let mut order: Vec<usize> = if coast { COAST.to_vec() } else { Vec::new() };
        let mut others = self.named.clone();
        others.retain(|at| !order.contains(at));
        if self.fullest {
            // Selection of the largest, the first of equals.
            let mut sorted = Vec::new();
            while !others.is_empty() {
                let mut best = 0;
                for place in 1..others.len() {
                    if self.free(others[place]) > self.free(others[best]) {
                        best = place;
                    }
                }
                sorted.push(others.remove(best));
            }
            others = sorted;
        }
        order.extend(others);
        order
    }

    fn name(&mut self, at: usize) {
        if !self.named.contains(&at) {
            self.named.push(at);
        }
    }

    fn draw(&self, units: i64, coast: bool) -> [i64; 3] {
        let order = self.order_of_warehouses(coast);
        let mut drawn = [0; 3];
        if let Some(&whole) = order.iter().find(|&&at| self.free(at) >= units) {
            drawn[whole] = units;
            return drawn;
        }
        let mut missing = units;
        for at in order {
            drawn[at] = missing.min(self.free(at));
            missing -= drawn[at];
        }
        drawn
    }

    /// What the plan does after a decision.
    fn judge(&mut self, now: i64) {
        if !(OPENS..CLOSES).contains(&now) {
            return;
        }
        for number in 0..self.plan.len() {
            let PlanStep { below, release, from, propose } = self.plan[number].clone();
            if self.fired[number] || self.available() >= below {
                continue;
            }
            let from = if from.is_empty() { self.named.clone() } else { from };
            let mut left = release;
            for at in from {
                let taken = left.min(self.reserve[at]);
                left -= taken;
                if !propose {
                    self.reserve[at] -= taken;
                    self.allocated[at] += taken;
                }
            }
            self.fired[number] = left < release;
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = || 0..3_usize;
    let step = prop_oneof![
        12 => (1..=4_i64, any::<bool>()).prop_map(|(units, coast)| Step::Place { units, coast }),
        5 => (0..8_usize).prop_map(|order| Step::Pay { order }),
        4 => (0..8_usize).prop_map(|order| Step::Cancel { order }),
        2 => (at(), 1..=3_i64).prop_map(|(at, units)| Step::Allocate { at, units }),
        3 => (at(), 1..=3_i64).prop_map(|(at, units)| Step::Withdraw { at, units }),
        4 => (at(), 1..=2_usize, 1..=3_i64)
            .prop_map(|(from, by, units)| Step::Move { from, by, units }),
        2 => (at(), 0..=5_i64).prop_map(|(at, units)| Step::Reserve { at, units }),
        2 => (at(), 1..=3_i64).prop_map(|(at, units)| Step::Release { at, units }),
        6 => prop_oneof![4 => 1..30_i64, 1 => 60..120_i64].prop_map(|ms| Step::Pass { ms }),
    ];
    prop::collection::vec(step, 1..80)
}

fn plan_step() -> impl Strategy<Value = PlanStep> {
    let from = prop::sample::subsequence(vec![0_usize, 1, 2], 0..=3);
    (1..=8_i64, 1..=4_i64, from.prop_shuffle(), prop::bool::weighted(0.3))
        .prop_map(|(below, release, from, propose)| PlanStep { below, release, from, propose })
}

fn play(stock: [i64; 3], reserve: [i64; 3], fullest: bool, plan: Vec<PlanStep>, steps: &[Step]) {
    let at_each = |count: [i64; 3]| {
        WAREHOUSES.iter().zip(count).filter(|(_, count)| *count > 0).map(|(at, n)| units(at, n))
    };
    let coast = COAST.iter().map(|&at| WAREHOUSES[at].to_owned()).collect();
    let planned = ItemPlan {
        opens_at_ms: UnixMs(OPENS),
        closes_at_ms: UnixMs(CLOSES),
        time_to_pay_ms: TIME_TO_PAY,
        unit_price_minor: PRICE,
        units: at_each(stock).collect(),
        reserve: at_each(reserve).collect(),
        reserve_plan: plan.iter().map(|step| reserve_step(&step.text())).collect(),
        regions: vec![Region { name: "coast".to_owned(), warehouses: coast }],
        draw: if fullest { Draw::Fullest } else { Draw::Listed },
        ..live::plan()
    };
    let mut real = Real::added(planned);
    let fired = vec![false; plan.len()];
    let mut model = Model {
        allocated: stock,
        reserve,
        named: Vec::new(),
        orders: Vec::new(),
        plan,
        fired,
        fullest,
    };
    for count in [stock, reserve] {
        (0..3).filter(|&at| count[at] > 0).for_each(|at| model.name(at));
    }
    let mut now = 90;
    for (number, step) in steps.iter().enumerate() {
        run(&mut real, &mut model, step, number, &mut now);
        compare(&real, &model, now);
    }
    judge_the_log(&real.log);
}

fn run(real: &mut Real, model: &mut Model, step: &Step, number: usize, now: &mut i64) {
    let name = format!("step {number}");
    let moved = |mut model_moves: Box<dyn FnMut(&mut Model)>, model: &mut Model, done: bool| {
        if done {
            model_moves(model);
        }
        done
    };
    let (command, happens): (ItemCommand, bool) = match *step {
        Step::Pass { ms } => {
            *now += ms;
            real.land();
            let due = real.item.due(UnixMs(*now), usize::MAX);
            real.record(due.into_iter().map(|caused| caused.event));
            for order in &mut model.orders {
                if order.state == OrderState::Held && *now >= order.pay_by {
                    order.state = OrderState::Expired;
                }
            }
            return;
        }
        Step::Place { units, coast } => {
            let open = (OPENS..CLOSES).contains(now) && model.available() >= units;
            let ItemCommand::PlaceOrder(place) =
                place_from(&format!("order {}", model.orders.len()), "ann", units, "")
            else {
                unreachable!()
            };
            let region = if coast { "coast".to_owned() } else { String::new() };
            let command =
                ItemCommand::PlaceOrder(place.with(PlaceMore { region, ..PlaceMore::default() }));
            if open {
                let drawn = model.draw(units, coast);
                let pay_by = *now + TIME_TO_PAY;
                model.orders.push(Order { drawn, pay_by, state: OrderState::Held });
            }
            (command, open)
        }
        Step::Pay { order } | Step::Cancel { order } => {
            let Some(known) = model.orders.get_mut(order) else { return };
            let total = known.drawn.iter().sum::<i64>() * PRICE;
            let paid = matches!(step, Step::Pay { .. });
            let held = known.state == OrderState::Held;
            if held {
                known.state = if paid { OrderState::Paid } else { OrderState::Cancelled };
            }
            let of = format!("order {order}");
            let command =
                if paid { pay(&name, &of, total, &name) } else { cancel(&name, &of, "ann") };
            // A payment that buys nothing is on record as due for refund.
            (command, held || paid)
        }
        Step::Allocate { at, units: n } => {
            let grow = Box::new(move |model: &mut Model| {
                model.name(at);
                model.allocated[at] += n;
            });
            let action = SteerAction::Allocate(units(WAREHOUSES[at], n).into());
            (steer(&name, action), moved(grow, model, true))
        }
        Step::Withdraw { at, units: n } => {
            let free = model.named.contains(&at) && model.free(at) >= n;
            let shrink = Box::new(move |model: &mut Model| model.allocated[at] -= n);
            let action = SteerAction::Withdraw(units(WAREHOUSES[at], n).into());
            (steer(&name, action), moved(shrink, model, free))
        }
        Step::Move { from, by, units } => {
            let to = (from + by) % 3;
            let free = model.named.contains(&from) && model.free(from) >= units;
            let shift = Box::new(move |model: &mut Model| {
                model.name(to);
                model.allocated[from] -= units;
                model.allocated[to] += units;
            });
            let [from, to] = [from, to].map(|at| WAREHOUSES[at].to_owned());
            let action = SteerAction::Move { from, to, units };
            (steer(&name, action), moved(shift, model, free))
        }
        Step::Reserve { at, units: n } => {
            let set = Box::new(move |model: &mut Model| {
                model.name(at);
                model.reserve[at] = n;
            });
            let action = SteerAction::SetReserve(units(WAREHOUSES[at], n));
            (steer(&name, action), moved(set, model, true))
        }
        Step::Release { at, units: n } => {
            let there = model.named.contains(&at) && model.reserve[at] >= n;
            let release = Box::new(move |model: &mut Model| {
                model.reserve[at] -= n;
                model.allocated[at] += n;
            });
            let action = SteerAction::ReleaseReserve(units(WAREHOUSES[at], n));
            (steer(&name, action), moved(release, model, there))
        }
    };
    let decided = real.item.decide(command, UnixMs(*now));
    assert_eq!(!decided.events.is_empty(), happens, "{step:?} at {now}");
    real.record(decided.events.into_iter().map(|caused| caused.event));
    if happens {
        model.judge(*now);
    }
}

fn shown(real: &Real, now: i64) -> doorbuster::domain::item::ItemView {
    let ItemOutcome::Item(view) = real.item.show(ItemShown::Item, UnixMs(now)) else {
        panic!("the item is there")
    };
    *view
}

fn compare(real: &Real, model: &Model, now: i64) {
    let view = shown(real, now);
    for (at, warehouse) in WAREHOUSES.iter().enumerate() {
        let units = |list: &[doorbuster::events::WarehouseUnits]| {
            list.iter().find(|one| one.warehouse == *warehouse).map_or(0, |one| one.units)
        };
        assert_eq!(units(&view.available_by_warehouse), model.free(at), "{warehouse}");
        assert_eq!(units(&view.reserve_by_warehouse), model.reserve[at], "{warehouse}");
        assert!(model.free(at) >= 0 && model.reserve[at] >= 0);
    }
    let sum = |state| (0..3).map(|at| model.units(at, state)).sum::<i64>();
    let counts = view.units;
    assert_eq!(counts.allocated, model.allocated.iter().sum::<i64>());
    assert_eq!((counts.held, counts.sold), (sum(OrderState::Held), sum(OrderState::Paid)));
    assert_eq!(counts.allocated, counts.available + counts.held + counts.sold);
}

fn config() -> Config {
    Config { cases: super::config().cases, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn each_warehouse_has_what_a_plain_model_says(
        stock in [1..4_i64, 0..3_i64, 0..3_i64],
        reserve in [0..4_i64, 0..4_i64, 0..3_i64],
        fullest in any::<bool>(),
        plan in prop::collection::vec(plan_step(), 0..4),
        steps in steps(),
    ) {
        play(stock, reserve, fullest, plan, &steps);
    }
}
