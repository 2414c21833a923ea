//! Goal: what an item decides is sound by the verifier's own arithmetic, whatever its prices, offers,
//! gifts, audience, regions and reserve plan are and however they change, and whatever becomes of its
//! orders; and a total, a share of it or a count that is off by one is found.
//!
//! Method: proptest puts random commands to the real item, and its events are shown to the verifier as
//! they would be stored. Neither side shares code with the other. What the histories reached is counted,
//! so that none of it can fall out of them unnoticed.

pub mod histories;
mod reached;

use audit::{Proof, ShownEvent, Verifier};
use doorbuster::{
    domain::{
        Caused, Decider,
        item::{Item, ItemCommand, OrderAction, PlaceOrder, SteerAction},
    },
    events::{Act, Attempt, ItemEvent, ItemPlan, NewEvent, SaleCreated, SaleEvent, encode},
    values::{DueId, OrderId, UnixMs},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    histories::{OPENS, Step, WAREHOUSES},
    reached::{Reached, Reaching},
};
use crate::spec::live::{
    self, act_on, cancel, item_id, order_id, pay, payment_failed, request, sale_id, steer, units,
};

/// The item and what it stored.
pub struct Run {
    pub item: Item,
    pub stored: Vec<NewEvent>,
    /// Attempts, and when each was decided.
    pub attempts: Vec<(UnixMs, Attempt)>,
    placed: Vec<(OrderId, String)>,
    pub clock: i64,
    /// By how much the clock was set; by none of its moments is it before 1970.
    moved: i64,
    reached: Reached,
}

impl Run {
    fn record(&mut self, events: Vec<Caused<ItemEvent>>) {
        for caused in events {
            let revision = self.stored.len() as u64;
            self.reached.see(&caused.event);
            self.item.evolve(&caused.event, revision);
            self.stored.push(caused.encode());
        }
    }

    pub fn ask(&mut self, command: ItemCommand) {
        let decided = self.item.decide(command, UnixMs(self.clock));
        self.reached.answered(decided.attempt.as_ref());
        self.attempts.extend(decided.attempt.map(|attempt| (UnixMs(self.clock), attempt)));
        self.record(decided.events);
    }

    fn steer(&mut self, name: &str, action: SteerAction) {
        self.ask(steer(name, action));
    }

    /// One of the orders placed so far, counted from the last one.
    pub fn placed(&self, back: usize) -> Option<(OrderId, String)> {
        let index = self.placed.len().checked_sub(back + 1)?;
        Some(self.placed[index].clone())
    }

    pub fn place(&mut self, name: String, place: PlaceOrder) {
        self.placed.push((order_id(&name), name));
        self.ask(ItemCommand::PlaceOrder(place));
    }

    /// A payment of its exact total.
    fn pay(&mut self, name: &str, back: usize) {
        let Some((order, placed)) = self.placed(back) else { return };
        let Some(price) = self.item.order_price(order) else { return };
        self.ask(pay(name, &placed, price.total_minor, name));
    }

    pub fn end_holds(&mut self) {
        let due = self.item.due(UnixMs(self.clock), usize::MAX);
        self.record(due);
    }

    fn cancel(&mut self, name: &str, back: usize) {
        let Some((_, placed)) = self.placed(back) else { return };
        for buyer in 0..4 {
            self.ask(cancel(&format!("{name}-{buyer}"), &placed, &format!("buyer-{buyer}")));
        }
    }

    fn fail(&mut self, name: &str, back: usize, times: usize) {
        let Some((_, placed)) = self.placed(back) else { return };
        for time in 0..times {
            self.ask(payment_failed(&format!("{name}-{time}"), &placed, "card", "no"));
        }
    }

    fn act_on(&mut self, name: &str, back: usize, action: impl FnOnce(OrderId) -> OrderAction) {
        let Some((order, _)) = self.placed(back) else { return };
        self.ask(act_on(name, action(order)));
    }

    fn refund(&mut self, name: &str, back: usize, units: Option<i64>, restock: bool) {
        let told = |event: &NewEvent| serde_json::from_slice::<Value>(&event.data).unwrap();
        let mut paid = self.stored.iter().rev().filter(|event| event.kind == "OrderPaid");
        let Some(paid) = paid.nth(back).map(told) else { return };
        let mut refunds =
            self.stored.iter().filter(|event| event.kind == "OrderRefunded").map(told);
        let last = refunds.rfind(|refund| refund["order_id"] == paid["order_id"]);
        let left = last.map_or(paid["units"].clone(), |refund| refund["units_left"].clone());
        let order_id = serde_json::from_value(paid["order_id"].clone()).unwrap();
        let units = units.or(left.as_i64()).unwrap().max(1);
        self.ask(act_on(name, OrderAction::refund(order_id, units, restock).unwrap()));
    }

    fn settle(&mut self, name: &str, back: usize) {
        let dues = self.stored.iter().rev();
        let mut dues = dues.filter(|event| ["RefundDue", "OrderRefunded"].contains(&&*event.kind));
        let Some(due_id) = dues.nth(back).map(|due| DueId(due.id)) else { return };
        self.ask(act_on(name, OrderAction::settle(due_id, name.to_owned()).unwrap()));
    }

    pub fn take(&mut self, number: usize, step: Step) {
        let name = format!("step-{number}");
        let at = |warehouse: usize| WAREHOUSES[warehouse % WAREHOUSES.len()];
        match step {
            Step::Pass { ms } => self.clock = (self.clock + ms).max(self.moved),
            Step::SetClock { by_ms } => {
                self.clock += by_ms;
                self.moved += by_ms;
                self.item.clock_moved(by_ms);
            }
            Step::Place { buyer, units, region, shopper } => {
                let buyer = format!("buyer-{buyer}");
                let place = histories::order(&name, &buyer, units, region, shopper);
                self.place(name, place);
            }
            Step::Pay { back } => self.pay(&name, back),
            Step::PayLate { units, after_ms, due } => {
                let late = format!("{name}-late");
                let shopper = Some(histories::wanted());
                let place = histories::order(&late, "buyer-0", units, false, shopper);
                self.place(late, place);
                self.clock += 100 + after_ms;
                if due {
                    self.end_holds();
                }
                self.pay(&name, 0);
            }
            Step::Cancel { back } => self.cancel(&name, back),
            Step::Fail { back, times } => self.fail(&name, back, times),
            Step::Extend { back, by_ms } => {
                let until = UnixMs(self.clock + by_ms);
                let extend = |order_id| OrderAction::ExtendHold { order_id, until };
                self.act_on(&name, back, extend);
            }
            Step::Kill { back } => self.act_on(&name, back, OrderAction::Cancel),
            Step::Refund { back, units, restock } => self.refund(&name, back, units, restock),
            Step::Settle { back } => self.settle(&name, back),
            Step::Due => self.end_holds(),
            step => self.steered(&name, step, at),
        }
    }

    /// What operators do to the item.
    fn steered(&mut self, name: &str, step: Step, at: impl Fn(usize) -> &'static str) {
        match step {
            Step::Limit { per_buyer } => {
                let limits = SteerAction::SetPurchaseLimit { per_buyer, per_order: None };
                self.steer(name, limits);
            }
            Step::Prices(prices) => self.steer(name, SteerAction::SetPrices(prices.into())),
            Step::Offers(offers) => self.steer(name, SteerAction::SetOffers(offers)),
            Step::GiftUnits { units } => {
                let offer = "two".to_owned();
                self.steer(name, SteerAction::SetGiftUnits { offer, units });
            }
            Step::Audience(audience) => {
                self.steer(name, SteerAction::SetAudience(audience.into()));
            }
            Step::Plan(steps) => self.steer(name, SteerAction::SetReservePlan(steps)),
            Step::Allocate(added) => self.steer(name, SteerAction::Allocate(added)),
            Step::Withdraw(gone) => self.steer(name, SteerAction::Withdraw(gone)),
            Step::Move { from, by, units } => {
                let [from, to] = [from, from + by].map(|warehouse| at(warehouse).to_owned());
                self.steer(name, SteerAction::Move { from, to, units });
            }
            Step::Reserve { warehouse, units: count } => {
                self.steer(name, SteerAction::SetReserve(units(at(warehouse), count)));
            }
            Step::Release { warehouse, units: count } => {
                self.steer(name, SteerAction::ReleaseReserve(units(at(warehouse), count)));
            }
            Step::Close => self.steer(name, SteerAction::Close),
            other => panic!("{other:?} does not steer"),
        }
    }
}

/// The sale that planned the item.
fn created(plan: &ItemPlan) -> NewEvent {
    let (sale, asked) = (sale_id().0, request("the-sale"));
    let created = SaleCreated {
        name: "Sale".to_owned(),
        currency: live::cny(),
        opens_at_ms: plan.opens_at_ms,
        closes_at_ms: plan.closes_at_ms,
        items: vec![plan.clone()],
        goals: None,
        curve: Vec::new(),
        alerts: Vec::new(),
        coupons: Vec::new(),
        limit_per_buyer: None,
        rewards: Vec::new(),
        act: Act::planned(asked, "olga".to_owned()),
        created_at_ms: UnixMs(0),
    };
    let id = Uuid::new_v5(&sale, asked.0.as_bytes());
    encode(id, &SaleEvent::Created(created), sale, asked.0)
}

/// The verdict on the sale and the events of its item.
fn verify(sale: &NewEvent, item: &[NewEvent]) -> Proof {
    let mut verifier = Verifier::default();
    let streams = [format!("sale-{}", sale_id().0), format!("item-{}", item_id().0)];
    let of_item = item.iter().zip(0..).map(|(event, revision)| (event, &streams[1], revision));
    let all = [(sale, &streams[0], 0)].into_iter().chain(of_item);
    for ((event, stream, revision), position) in all.zip(1..) {
        verifier.see(&ShownEvent {
            position,
            stream,
            revision,
            id: event.id.as_bytes(),
            kind: &event.kind,
            data: &event.data,
            metadata: &event.metadata,
            recorded_at_ms: 0,
        });
    }
    verifier.end()
}

/// The same event with a number that is one higher; `None` where it has none that is checked alone.
fn spoilt(event: &NewEvent) -> Option<NewEvent> {
    let mut data: Value = serde_json::from_slice(&event.data).unwrap();
    let of = |name: &str| data[name].as_i64();
    let name = match &*event.kind {
        "OrderPlaced" => "total_minor",
        "OrderPaid" | "RefundDue" | "OrderRefunded" | "RefundSettled" => "amount_minor",
        "OrderReinstated" | "OrderCancelled" | "OrderExpired" => "units",
        "PaymentFailed" | "HoldExtended" => "placed_revision",
        _ => return None,
    };
    let told = of(name).or_else(|| Some(of("units")? * of("unit_price_minor")?));
    data[name] = json!(told.unwrap() + 1);
    Some(NewEvent { data: data.to_string().into_bytes(), ..event.clone() })
}

fn config() -> Config {
    let cases = std::env::var("DOORBUSTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: cases.unwrap_or(256), failure_persistence: None, ..Config::default() }
}

/// An item that was added, at that moment.
pub fn begun(plan: ItemPlan, begins: i64) -> Run {
    let mut run = Run {
        item: Item::initial(item_id().0),
        stored: Vec::new(),
        attempts: Vec::new(),
        placed: Vec::new(),
        clock: 0,
        moved: 0,
        reached: Reached::of(&plan),
    };
    run.ask(live::add(plan));
    run.clock = begins;
    run
}

/// What the item stores of a history whose steps begin at that moment, and what the history reached.
fn told(plan: ItemPlan, begins: i64, steps: Vec<Step>) -> Run {
    let mut run = begun(plan, begins);
    for (step, number) in steps.into_iter().zip(0..) {
        run.take(number, step);
    }
    run
}

#[test]
fn what_an_item_decides_is_sound_and_a_number_that_is_one_higher_is_found() {
    let reaching = Reaching::default();
    let begins = OPENS - 30..OPENS + 60;
    let histories = (histories::plan(), begins, histories::steps(), any::<prop::sample::Index>());
    let judged = TestRunner::new(config()).run(&histories, |(plan, begins, steps, spoil)| {
        let sale = created(&plan);
        let mut run = told(plan, begins, steps);
        let proof = verify(&sale, &run.stored);
        prop_assert!(proof.ok(), "{proof}");
        reaching.add(&run.reached);
        let wrong = run.stored.iter().enumerate();
        let wrong = wrong.filter_map(|(index, event)| Some((index, spoilt(event)?)));
        let wrong: Vec<(usize, NewEvent)> = wrong.collect();
        if !wrong.is_empty() {
            let (index, wrong) = &wrong[spoil.index(wrong.len())];
            run.stored[*index] = wrong.clone();
            let proof = verify(&sale, &run.stored);
            prop_assert!(!proof.ok(), "{} with a number that is one higher", wrong.kind);
        }
        Ok(())
    });
    judged.unwrap_or_else(|wrong| panic!("{wrong}"));
    reaching.check();
}
