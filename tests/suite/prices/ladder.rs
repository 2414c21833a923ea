//! A model that knows every single unit of a ladder: each is free, held or sold, and has a price.

use std::collections::HashMap;

use doorbuster::{
    domain::price::{Ladder, Offers, Pricing},
    events::{OrderPart, Prices, ReturnedUnits},
    values::UnixMs,
};
use proptest::{collection::vec, prelude::*, test_runner::Config};

use super::{gift, offers, percent, prices, time_price};

#[derive(Debug, Clone)]
enum Step {
    Place {
        units: i64,
        at: i64,
    },
    /// Of one of the orders so far.
    Pay(usize),
    Release(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..9_i64, 0..40_i64).prop_map(|(units, at)| Step::Place { units, at }),
        2 => (0..99_usize).prop_map(Step::Pay),
        3 => (0..99_usize).prop_map(Step::Release),
    ]
}

fn ladders() -> impl Strategy<Value = Prices> {
    let steps = vec((1..12_i64, 1..50_i64), 0..4);
    (steps, 0..60_i64, 1..90_i64, any::<bool>()).prop_map(|(mut steps, more, time, next)| {
        steps.sort_by_key(|(_, price)| *price);
        let base = steps.last().map_or(1, |(_, price)| *price) + more;
        let returned_units = if next { ReturnedUnits::NextPrice } else { ReturnedUnits::SamePrice };
        let time_prices = vec![time_price(10, 20, time)];
        Prices { returned_units, time_prices, ..prices(&steps, base) }
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Free,
    Held,
    Sold,
    /// Came back, and is not sold at its price again.
    Spent,
}

/// Every unit of every step, with the step's number and price.
struct Model {
    units: Vec<(u8, i64, Unit)>,
    base: i64,
    time: i64,
    next_price: bool,
}

impl Model {
    fn new(prices: &Prices) -> Self {
        let mut units = Vec::new();
        for (index, step) in prices.steps.iter().enumerate() {
            for _ in 0..step.units {
                units.push((index as u8, step.unit_price_minor, Unit::Free));
            }
        }
        Self {
            units,
            base: prices.unit_price_minor,
            time: prices.time_prices[0].unit_price_minor,
            next_price: prices.returned_units == ReturnedUnits::NextPrice,
        }
    }

    /// What each of so many units costs, and which of the model's they are.
    fn take(&mut self, units: i64, at: i64) -> (i64, Vec<usize>) {
        let most = if (10..20).contains(&at) { self.time } else { i64::MAX };
        let (mut total, mut taken) = (0, Vec::new());
        for _ in 0..units {
            let free = self.units.iter().position(|(_, _, unit)| *unit == Unit::Free);
            let price = free.map_or(self.base, |index| self.units[index].1);
            total += price.min(most);
            if let Some(index) = free {
                self.units[index].2 = Unit::Held;
                taken.push(index);
            }
        }
        (total, taken)
    }

    fn settle(&mut self, taken: &[usize], paid: bool) {
        for &index in taken {
            self.units[index].2 = match (paid, self.next_price) {
                (true, _) => Unit::Sold,
                (false, false) => Unit::Free,
                (false, true) => Unit::Spent,
            };
        }
    }

    fn count(&self, step: u8, of: Unit) -> i64 {
        self.units.iter().filter(|(at, _, unit)| *at == step && *unit == of).count() as i64
    }
}

struct Order {
    parts: Vec<OrderPart>,
    taken: Vec<usize>,
}

fn move_all(
    ladder: &mut Ladder,
    parts: &[OrderPart],
    to: fn(&mut Ladder, u8, i64) -> Result<(), doorbuster::domain::price::ImpossibleStep>,
) {
    for part in parts {
        if let Some(step) = part.step {
            to(ladder, step, part.units).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_ladder_prices_every_unit_as_a_model_of_single_units(
        prices in ladders(),
        steps in vec(step(), 1..60),
    ) {
        let mut model = Model::new(&prices);
        let mut ladder = Ladder::new(1, prices.clone());
        let mut open: Vec<Order> = Vec::new();
        for step in steps {
            match step {
                Step::Place { units, at } => {
                    let pricing = Pricing { unit_price_minor: 7, ladder: Some(&ladder), offers: None };
                    let quote = pricing.quote(units, UnixMs(at));
                    let (total, taken) = model.take(units, at);
                    prop_assert_eq!(quote.total_minor, total);
                    prop_assert_eq!(quote.parts.iter().map(|part| part.units).sum::<i64>(), units);
                    move_all(&mut ladder, &quote.parts, Ladder::hold);
                    open.push(Order { parts: quote.parts.to_vec(), taken });
                }
                Step::Pay(of) | Step::Release(of) if open.is_empty() => _ = of,
                Step::Pay(of) => {
                    let order = open.swap_remove(of % open.len());
                    model.settle(&order.taken, true);
                    move_all(&mut ladder, &order.parts, Ladder::sell);
                }
                Step::Release(of) => {
                    let order = open.swap_remove(of % open.len());
                    model.settle(&order.taken, false);
                    move_all(&mut ladder, &order.parts, Ladder::release);
                }
            }
            for (index, counts) in (0_u8..).zip(ladder.steps()) {
                prop_assert_eq!(counts.held, model.count(index, Unit::Held));
                prop_assert_eq!(counts.sold, model.count(index, Unit::Sold));
                prop_assert!(counts.held + counts.sold <= counts.units);
                prop_assert!(counts.taken <= counts.units || !model.next_price);
            }
            let free = model.units.iter().find(|(_, _, unit)| *unit == Unit::Free);
            let left = free.map(|(at, _, _)| model.count(*at, Unit::Free));
            prop_assert_eq!(ladder.units_left(), left);
        }
    }

    #[test]
    fn an_order_costs_its_parts_without_the_one_offer_and_at_least_one(
        prices in ladders(),
        units in 1..40_i64,
        at in 0..40_i64,
        percents in vec((1..=100_i64, 1..400_i64), 0..5),
    ) {
        let drafts: Vec<_> = percents
            .iter()
            .enumerate()
            .map(|(index, (of, from))| percent(&format!("offer_{index}"), *of, *from))
            .collect();
        let offers: Offers = offers(&drafts);
        let ladder = Ladder::new(1, prices);
        let pricing = Pricing { unit_price_minor: 7, ladder: Some(&ladder), offers: Some(&offers) };
        let quote = pricing.quote(units, UnixMs(at));
        let cost: i64 = quote.parts.iter().map(|part| part.units * part.unit_price_minor).sum();
        prop_assert_eq!(quote.subtotal_minor, cost);
        prop_assert_eq!(quote.total_minor, cost - quote.discount_minor());
        prop_assert!(quote.total_minor >= 1);
        let largest = percents
            .iter()
            .filter(|(_, from)| cost >= *from)
            .map(|(of, _)| (cost * of / 100).min(cost - 1))
            .max();
        prop_assert_eq!(quote.discount_minor(), largest.unwrap_or(0));
    }

    #[test]
    fn a_pool_of_gifts_is_always_free_held_and_given(
        units in 1..6_i64,
        steps in vec(0..3_u8, 1..40),
    ) {
        let mut pools = offers(&[gift("strap", units, 1)]);
        let pricing = |pools: &Offers| {
            let pricing = Pricing { unit_price_minor: 5, ladder: None, offers: Some(pools) };
            pricing.quote(1, UnixMs(0))
        };
        let (mut counted, mut held) = (HashMap::from([("free", units)]), Vec::new());
        for step in steps {
            match (step, held.pop()) {
                (0, last) => {
                    held.extend(last);
                    let quote = pricing(&pools);
                    prop_assert_eq!(quote.gift.is_some(), counted["free"] > 0);
                    if let Some(gift) = quote.gift {
                        pools.hold(&gift).unwrap();
                        *counted.entry("free").or_default() -= 1;
                        held.push(gift);
                    }
                }
                (1, Some(gift)) => {
                    pools.give(&gift).unwrap();
                    *counted.entry("given").or_default() += 1;
                }
                (_, Some(gift)) => {
                    pools.release(&gift).unwrap();
                    *counted.entry("free").or_default() += 1;
                }
                (_, None) => {}
            }
            let pool = pools.pool_of("strap").unwrap();
            let given = counted.get("given").copied().unwrap_or(0);
            prop_assert_eq!((pool.free(), pool.given), (counted["free"], given));
            prop_assert_eq!(pool.held, held.len() as i64);
            prop_assert_eq!(pool.units, pool.free() + pool.held + pool.given);
        }
    }
}
