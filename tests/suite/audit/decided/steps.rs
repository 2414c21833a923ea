//! What a random history asks of an item, and with which prices and offers.

use doorbuster::{
    events::{
        AmountOff, Gift, Offer, OfferCondition, OfferEffect, PercentOff, PriceStep, Prices,
        ReturnedUnits, TimePrice, WhenGone,
    },
    values::UnixMs,
};
use proptest::prelude::*;

pub const WAREHOUSES: [&str; 3] = ["north", "south", "west"];

/// What is asked of the item next.
#[derive(Debug, Clone)]
pub enum Step {
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
    /// So many payments of it fail.
    Fail {
        back: usize,
        times: usize,
    },
    /// From the present moment on.
    Extend {
        back: usize,
        by_ms: i64,
    },
    Kill {
        back: usize,
    },
    Refund {
        back: usize,
        units: i64,
        restock: bool,
    },
    /// Of the money that ever became due, counted from the last.
    Settle {
        back: usize,
    },
    /// The time of a hold passes, and what was held is or is not ended before its payment arrives.
    PayLate {
        back: usize,
        after_ms: i64,
        due: bool,
    },
    Due,
    /// The clock is set forwards; what is held goes by the one before.
    SetClock {
        by_ms: i64,
    },
    Limit {
        per_buyer: Option<i64>,
    },
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

pub fn prices() -> impl Strategy<Value = Prices> {
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

pub fn offers() -> impl Strategy<Value = Vec<Offer>> {
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

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4_u8, 1..6_i64, any::<bool>())
            .prop_map(|(buyer, units, region)| Step::Place { buyer, units, region }),
        3 => (0..4_usize).prop_map(|back| Step::Pay { back }),
        2 => (0..4_usize).prop_map(|back| Step::Cancel { back }),
        1 => (0..3_usize, 1..15_usize).prop_map(|(back, times)| Step::Fail { back, times }),
        1 => (0..4_usize, -20..300_i64).prop_map(|(back, by_ms)| Step::Extend { back, by_ms }),
        1 => (0..4_usize).prop_map(|back| Step::Kill { back }),
        3 => (0..5_usize, 1..4_i64, any::<bool>())
            .prop_map(|(back, units, restock)| Step::Refund { back, units, restock }),
        2 => (0..3_usize).prop_map(|back| Step::Settle { back }),
        2 => (0..3_usize, 0..80_i64, any::<bool>())
            .prop_map(|(back, after_ms, due)| Step::PayLate { back, after_ms, due }),
        1 => (1..60_i64).prop_map(|by_ms| Step::SetClock { by_ms }),
        1 => prop::option::of(1..9_i64).prop_map(|per_buyer| Step::Limit { per_buyer }),
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
