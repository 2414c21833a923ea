//! Goal: what an item decides is sound by the verifier's own arithmetic, whatever its prices, offers and
//! gifts are and however they change; and a total that is off by one minor unit is found.
//!
//! Method: proptest puts random commands to the real item, and its events are shown to the verifier as
//! they would be stored. Neither side shares code with the other.

use audit::{Proof, ShownEvent, Verifier};
use doorbuster::{
    domain::{
        Caused, Decider,
        item::{Item, ItemCommand, PlaceMore, PlaceOrder, SteerAction},
    },
    events::{
        Act, AmountOff, Gift, ItemEvent, ItemPlan, NewEvent, Offer, OfferCondition, OfferEffect,
        PercentOff, PriceStep, Prices, ReturnedUnits, SaleCreated, SaleEvent, TimePrice, WhenGone,
        encode,
    },
    values::{OrderId, UnixMs},
};
use proptest::{prelude::*, test_runner::Config};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::spec::live::{self, cancel, item_id, order_id, pay, request, sale_id, steer, units};

const WAREHOUSES: [&str; 3] = ["north", "south", "west"];

/// What is asked of the item next.
#[derive(Debug, Clone)]
enum Step {
    Pass {
        ms: i64,
    },
    Place {
        buyer: u8,
        units: i64,
        region: bool,
    },
    /// Of the orders placed so far, counted from the last one.
    Pay {
        back: usize,
    },
    Cancel {
        back: usize,
    },
    Due,
    Prices(Prices),
    Offers(Vec<Offer>),
    GiftUnits {
        units: i64,
    },
    Allocate {
        warehouse: usize,
        units: i64,
    },
}

fn prices() -> impl Strategy<Value = Prices> {
    let steps = prop::collection::vec((1..6_i64, 0..40_i64), 0..4);
    let times = prop::option::of((0..600_i64, 1..600_i64, 1..60_i64));
    (steps, 0..40_i64, times, any::<bool>()).prop_map(|(steps, more, time, same)| {
        let mut price = 10;
        let steps = steps.into_iter().map(|(units, more)| {
            price += more;
            PriceStep { units, unit_price_minor: price }
        });
        let steps = steps.collect();
        let time = time.map(|(from, lasts, price)| TimePrice {
            from_ms: UnixMs(from),
            until_ms: UnixMs(from + lasts),
            unit_price_minor: price,
        });
        Prices {
            unit_price_minor: price + more,
            floor_minor: None,
            steps,
            time_prices: time.into_iter().collect(),
            returned_units: [ReturnedUnits::NextPrice, ReturnedUnits::SamePrice][usize::from(same)],
        }
    })
}

fn offers() -> impl Strategy<Value = Vec<Offer>> {
    let condition = prop_oneof![
        (1..5_i64).prop_map(OfferCondition::FromUnits),
        (1..120_i64).prop_map(OfferCondition::FromMinor),
    ];
    let amount = (1..60_i64, any::<bool>(), prop::option::of(1..4_i64));
    let percent = (1..1_000_000_i64, prop::option::of(1..50_i64));
    let gift = (3..9_i64, 1..3_i64, any::<bool>());
    let effect = prop_oneof![
        amount.prop_map(|(amount_minor, each, times_max)| {
            OfferEffect::Amount(AmountOff {
                amount_minor,
                each,
                times_max: times_max.filter(|_| each),
            })
        }),
        percent.prop_map(|(ppm, at_most_minor)| {
            OfferEffect::Percent(PercentOff { ppm, at_most_minor })
        }),
        gift.prop_map(|(units, each_units, refuse)| {
            let when_gone = if refuse { WhenGone::Refuse } else { WhenGone::Without };
            OfferEffect::Gift(Gift { sku: "STRAP".to_owned(), units, each_units, when_gone })
        }),
    ];
    let time = prop::option::of((0..600_i64, 1..600_i64));
    prop::collection::vec((condition, effect, time), 0..4).prop_map(|offers| {
        let named = ["one", "two", "three"].into_iter().zip(offers);
        let offer = |(name, (condition, effect, time)): (&str, (_, _, Option<(i64, i64)>))| Offer {
            name: name.to_owned(),
            condition,
            effect,
            from_ms: time.map(|(from, _)| UnixMs(from)),
            until_ms: time.map(|(from, lasts)| UnixMs(from + lasts)),
        };
        named.map(offer).collect()
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4_u8, 1..6_i64, any::<bool>())
            .prop_map(|(buyer, units, region)| Step::Place { buyer, units, region }),
        3 => (0..4_usize).prop_map(|back| Step::Pay { back }),
        2 => (0..4_usize).prop_map(|back| Step::Cancel { back }),
        2 => (-20..90_i64).prop_map(|ms| Step::Pass { ms }),
        2 => Just(Step::Due),
        1 => prices().prop_map(Step::Prices),
        1 => offers().prop_map(Step::Offers),
        1 => (1..9_i64).prop_map(|units| Step::GiftUnits { units }),
        1 => (0..WAREHOUSES.len(), 1..5_i64)
            .prop_map(|(warehouse, units)| Step::Allocate { warehouse, units }),
    ];
    prop::collection::vec(step, 1..60)
}

/// The item and what it stored.
struct Run {
    item: Item,
    stored: Vec<NewEvent>,
    placed: Vec<(OrderId, String)>,
    clock: i64,
}

impl Run {
    fn record(&mut self, events: Vec<Caused<ItemEvent>>) {
        for caused in events {
            let revision = self.stored.len() as u64;
            self.item.evolve(&caused.event, revision);
            self.stored.push(caused.encode());
        }
    }

    fn ask(&mut self, command: ItemCommand) {
        let decided = self.item.decide(command, UnixMs(self.clock));
        self.record(decided.events);
    }

    fn take(&mut self, number: usize, step: &Step) {
        let name = format!("step-{number}");
        let placed = |back: &usize| {
            let index = self.placed.len().checked_sub(back + 1);
            index.map(|index| self.placed[index].clone())
        };
        match step {
            Step::Pass { ms } => self.clock = (self.clock + ms).max(0),
            Step::Place { buyer, units, region } => {
                let buyer = format!("buyer-{buyer}");
                let mut place = PlaceOrder::new(
                    item_id(),
                    request(&name),
                    buyer.clone(),
                    *units,
                    String::new(),
                );
                if *region {
                    let region = "far".to_owned();
                    place = place.with(PlaceMore { region, ..PlaceMore::default() });
                }
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
                    self.ask(cancel(
                        &format!("{name}-{buyer}"),
                        &placed,
                        &format!("buyer-{buyer}"),
                    ));
                }
            }
            Step::Due => {
                let due = self.item.due(UnixMs(self.clock), usize::MAX);
                self.record(due);
            }
            Step::Prices(prices) => {
                self.ask(steer(&name, SteerAction::SetPrices(prices.clone().into())));
            }
            Step::Offers(offers) => {
                self.ask(steer(&name, SteerAction::SetOffers(offers.clone())));
            }
            Step::GiftUnits { units } => {
                let set = SteerAction::SetGiftUnits { offer: "two".to_owned(), units: *units };
                self.ask(steer(&name, set));
            }
            Step::Allocate { warehouse, units: more } => {
                let added = units(WAREHOUSES[*warehouse], *more);
                self.ask(steer(&name, SteerAction::Allocate(added.into())));
            }
        }
    }
}

fn plan(prices: Option<Prices>, offers: Vec<Offer>) -> ItemPlan {
    let base = live::plan();
    let unit_price_minor =
        prices.as_ref().map_or(base.unit_price_minor, |prices| prices.unit_price_minor);
    let units = vec![units("north", 6), units("south", 4)];
    ItemPlan { unit_price_minor, units, prices, offers, ..base }
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
    Config { cases: cases.unwrap_or(128), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_an_item_decides_is_sound_and_a_changed_total_is_found(
        first in prop::option::of(prices()),
        with in offers(),
        steps in steps(),
        spoilt in any::<prop::sample::Index>(),
    ) {
        let plan = plan(first, with);
        let sale = created(&plan);
        let mut run = Run {
            item: Item::initial(item_id().0),
            stored: Vec::new(),
            placed: Vec::new(),
            clock: 0,
        };
        run.ask(live::add(plan));
        for (step, number) in steps.iter().zip(0..) {
            run.take(number, step);
        }
        let proof = verify(&sale, &run.stored);
        prop_assert!(proof.ok(), "{proof}");
        let orders = run.stored.iter().enumerate().filter(|(_, event)| event.kind == "OrderPlaced");
        let orders: Vec<usize> = orders.map(|(index, _)| index).collect();
        if !orders.is_empty() {
            let index = orders[spoilt.index(orders.len())];
            run.stored[index] = dearer(&run.stored[index]);
            let proof = verify(&sale, &run.stored);
            prop_assert!(!proof.ok(), "a total that is one higher was not found");
        }
    }
}
