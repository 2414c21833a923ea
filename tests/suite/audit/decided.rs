//! Goal: what an item decides is sound by the verifier's own arithmetic, whatever its prices, offers,
//! gifts, audience, regions and reserve plan are and however they change; and a total that is off by one
//! minor unit is found.
//!
//! Method: proptest puts random commands to the real item, and its events are shown to the verifier as
//! they would be stored. Neither side shares code with the other. What the histories reached is counted,
//! so that none of it can fall out of them unnoticed.

mod histories;
mod reached;

use audit::{Proof, ShownEvent, Verifier};
use doorbuster::{
    domain::{
        Caused, Decider,
        item::{Item, ItemCommand, SteerAction},
    },
    events::{Act, ItemEvent, ItemPlan, NewEvent, SaleCreated, SaleEvent, encode},
    values::{OrderId, UnixMs},
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
use crate::spec::live::{self, cancel, item_id, order_id, pay, request, sale_id, steer, units};

/// The item and what it stored.
struct Run {
    item: Item,
    stored: Vec<NewEvent>,
    placed: Vec<(OrderId, String)>,
    clock: i64,
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

    fn ask(&mut self, command: ItemCommand) {
        let decided = self.item.decide(command, UnixMs(self.clock));
        self.reached.answered(decided.attempt.as_ref());
        self.record(decided.events);
    }

    fn steer(&mut self, name: &str, action: SteerAction) {
        self.ask(steer(name, action));
    }

    fn take(&mut self, number: usize, step: Step) {
        let name = format!("step-{number}");
        let placed = |back: usize| {
            let index = self.placed.len().checked_sub(back + 1);
            index.map(|index| self.placed[index].clone())
        };
        let at = |warehouse: usize| WAREHOUSES[warehouse % WAREHOUSES.len()];
        match step {
            Step::Pass { ms } => self.clock = (self.clock + ms).max(0),
            Step::Place { buyer, units, region, shopper } => {
                let buyer = format!("buyer-{buyer}");
                let place = histories::order(&name, &buyer, units, region, shopper);
                self.placed.push((order_id(&name), name));
                self.ask(ItemCommand::PlaceOrder(place));
            }
            Step::Pay { back } => {
                let Some((order, placed)) = placed(back) else { return };
                let Some(price) = self.item.order_price(order) else { return };
                let total = price.total_minor;
                self.ask(pay(&name, &placed, total, &name));
            }
            Step::Cancel { back } => {
                let Some((_, placed)) = placed(back) else { return };
                for buyer in 0..4 {
                    let cancel =
                        cancel(&format!("{name}-{buyer}"), &placed, &format!("buyer-{buyer}"));
                    self.ask(cancel);
                }
            }
            Step::Due => {
                let due = self.item.due(UnixMs(self.clock), usize::MAX);
                self.record(due);
            }
            Step::Prices(prices) => self.steer(&name, SteerAction::SetPrices(prices.into())),
            Step::Offers(offers) => self.steer(&name, SteerAction::SetOffers(offers)),
            Step::GiftUnits { units } => {
                let offer = "two".to_owned();
                self.steer(&name, SteerAction::SetGiftUnits { offer, units });
            }
            Step::Audience(audience) => {
                self.steer(&name, SteerAction::SetAudience(audience.into()));
            }
            Step::Plan(steps) => self.steer(&name, SteerAction::SetReservePlan(steps)),
            Step::Allocate(added) => self.steer(&name, SteerAction::Allocate(added)),
            Step::Withdraw(gone) => self.steer(&name, SteerAction::Withdraw(gone)),
            Step::Move { from, by, units } => {
                let [from, to] = [from, from + by].map(|warehouse| at(warehouse).to_owned());
                self.steer(&name, SteerAction::Move { from, to, units });
            }
            Step::Reserve { warehouse, units: count } => {
                self.steer(&name, SteerAction::SetReserve(units(at(warehouse), count)));
            }
            Step::Release { warehouse, units: count } => {
                self.steer(&name, SteerAction::ReleaseReserve(units(at(warehouse), count)));
            }
            Step::Close => self.steer(&name, SteerAction::Close),
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

/// The same event with a total that is one minor unit higher.
fn dearer(event: &NewEvent) -> NewEvent {
    let mut data: Value = serde_json::from_slice(&event.data).unwrap();
    let of = |name: &str| data[name].as_i64();
    let total = of("total_minor").unwrap_or(of("units").unwrap() * of("unit_price_minor").unwrap());
    data["total_minor"] = json!(total + 1);
    NewEvent { data: data.to_string().into_bytes(), ..event.clone() }
}

fn config() -> Config {
    let cases = std::env::var("DOORBUSTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: cases.unwrap_or(256), failure_persistence: None, ..Config::default() }
}

/// What the item stores of a history whose steps begin at that moment, and what the history reached.
fn told(plan: ItemPlan, begins: i64, steps: Vec<Step>) -> Run {
    let mut run = Run {
        item: Item::initial(item_id().0),
        stored: Vec::new(),
        placed: Vec::new(),
        clock: 0,
        reached: Reached::of(&plan),
    };
    run.ask(live::add(plan));
    run.clock = begins;
    for (step, number) in steps.into_iter().zip(0..) {
        run.take(number, step);
    }
    run
}

#[test]
fn what_an_item_decides_is_sound_and_a_changed_total_is_found() {
    let reaching = Reaching::default();
    let begins = OPENS - 30..OPENS + 60;
    let histories = (histories::plan(), begins, histories::steps(), any::<prop::sample::Index>());
    let judged = TestRunner::new(config()).run(&histories, |(plan, begins, steps, spoilt)| {
        let sale = created(&plan);
        let mut run = told(plan, begins, steps);
        let proof = verify(&sale, &run.stored);
        prop_assert!(proof.ok(), "{proof}");
        reaching.add(&run.reached);
        let orders = run.stored.iter().enumerate().filter(|(_, event)| event.kind == "OrderPlaced");
        let orders: Vec<usize> = orders.map(|(index, _)| index).collect();
        if !orders.is_empty() {
            let index = orders[spoilt.index(orders.len())];
            run.stored[index] = dearer(&run.stored[index]);
            let proof = verify(&sale, &run.stored);
            prop_assert!(!proof.ok(), "a total that is one higher was not found");
        }
        Ok(())
    });
    judged.unwrap_or_else(|wrong| panic!("{wrong}"));
    reaching.check();
}
