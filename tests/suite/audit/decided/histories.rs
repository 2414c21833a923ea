//! Random histories of an item: its plan, and what is asked of it one after the other.

use doorbuster::{
    domain::item::{PlaceMore, PlaceOrder, SuppliedUnits},
    events::{
        AmountOff, Audience, Draw, Gift, ItemPlan, Offer, OfferCondition, OfferEffect,
        OrderShopper, PercentOff, PriceStep, Prices, Region, ReserveAct, ReserveStep,
        ReturnedUnits, TimePrice, WarehouseSupplier, WhenGone,
    },
    values::{AgeBand, Gender, ShopperAttributes, SpendingTier, UnixMs},
};
use proptest::prelude::*;

use crate::spec::live::{self, item_id, request, units};

/// The window of the item, which is added at 0.
pub const OPENS: i64 = 100;
const CLOSES: i64 = 2_000;

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
        shopper: Option<OrderShopper>,
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
    /// Its hold ends so long after the present moment.
    Extend {
        back: usize,
        by_ms: i64,
    },
    /// An operator gives it up.
    Kill {
        back: usize,
    },
    /// Of the orders that were paid, counted from the last one.
    Refund {
        back: usize,
        /// All that are left where absent.
        units: Option<i64>,
        restock: bool,
    },
    /// Of the money that ever became due, counted from the last.
    Settle {
        back: usize,
    },
    /// An order whose payment arrives so long after its deadline. By then its hold was ended, or not.
    PayLate {
        units: i64,
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
    Audience(Audience),
    Plan(Vec<ReserveStep>),
    Allocate(SuppliedUnits),
    Withdraw(SuppliedUnits),
    /// To the next warehouse, or to the one after that.
    Move {
        from: usize,
        by: usize,
        units: i64,
    },
    Reserve {
        warehouse: usize,
        units: i64,
    },
    Release {
        warehouse: usize,
        units: i64,
    },
    Close,
}

/// The order of a buyer, under the request of that name.
pub fn order(
    name: &str,
    buyer: &str,
    units: i64,
    region: bool,
    shopper: Option<OrderShopper>,
) -> PlaceOrder {
    let buyer = buyer.to_owned();
    let place = PlaceOrder::new(item_id(), request(name), buyer, units, String::new());
    let region = if region { "far".to_owned() } else { String::new() };
    place.with(PlaceMore { region, shopper, ..PlaceMore::default() })
}

fn prices() -> impl Strategy<Value = Prices> {
    let steps = prop::collection::vec((1..6_i64, 0..40_i64), 0..4);
    let times = prop::option::of((0..200_i64, 1..400_i64, 1..60_i64));
    (steps, 0..40_i64, times, any::<bool>()).prop_map(|(steps, more, time, same)| {
        let mut price = 10;
        let steps = steps.into_iter().map(|(units, more)| {
            price += more;
            PriceStep { units, unit_price_minor: price }
        });
        let steps = steps.collect();
        let time = time.map(|(from, lasts, price)| TimePrice {
            from_ms: UnixMs(OPENS + from),
            until_ms: UnixMs(OPENS + from + lasts),
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
    let gift = (1..6_i64, 1..3_i64, any::<bool>());
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
            let each_units = each_units.min(units);
            OfferEffect::Gift(Gift { sku: "STRAP".to_owned(), units, each_units, when_gone })
        }),
    ];
    let time = prop::option::weighted(0.3, (0..200_i64, 1..400_i64));
    prop::collection::vec((condition, effect, time), 0..4).prop_map(|offers| {
        let named = ["one", "two", "three"].into_iter().zip(offers);
        let offer = |(name, (condition, effect, time)): (&str, (_, _, Option<(i64, i64)>))| Offer {
            name: name.to_owned(),
            condition,
            effect,
            from_ms: time.map(|(from, _)| UnixMs(OPENS + from)),
            until_ms: time.map(|(from, lasts)| UnixMs(OPENS + from + lasts)),
        };
        named.map(offer).collect()
    })
}

/// A shopper whom every audience here admits.
pub fn wanted() -> OrderShopper {
    OrderShopper {
        attributes: ShopperAttributes {
            age_band: Some(AgeBand::From18),
            gender: Some(Gender::Female),
            region: "east".to_owned(),
            spending_tier: Some(SpendingTier::Top),
        },
        new_buyer: Some(true),
        member_tier: "gold".to_owned(),
    }
}

/// A shopper of whom some of that is unknown or otherwise.
fn shopper() -> impl Strategy<Value = Option<OrderShopper>> {
    let some = prop::array::uniform6(0..4_u8).prop_map(|other| {
        let mut shopper = wanted();
        let attributes = &mut shopper.attributes;
        match other[0] {
            0 => attributes.age_band = None,
            1 => attributes.age_band = Some(AgeBand::From65),
            _ => {}
        }
        match other[1] {
            0 => attributes.gender = None,
            1 => attributes.gender = Some(Gender::Male),
            _ => {}
        }
        match other[2] {
            0 => attributes.region.clear(),
            1 => attributes.region = "north".to_owned(),
            _ => {}
        }
        match other[3] {
            0 => attributes.spending_tier = None,
            1 => attributes.spending_tier = Some(SpendingTier::Low),
            _ => {}
        }
        match other[4] {
            0 => shopper.member_tier.clear(),
            1 => shopper.member_tier = "tin".to_owned(),
            _ => {}
        }
        match other[5] {
            0 => shopper.new_buyer = None,
            1 => shopper.new_buyer = Some(false),
            _ => {}
        }
        shopper
    });
    prop_oneof![3 => Just(Some(wanted())), 2 => some.prop_map(Some), 1 => Just(None)]
}

/// Each list is empty, or has one that is wanted and another one.
fn audience() -> impl Strategy<Value = Audience> {
    prop::array::uniform6(prop::bool::weighted(0.3)).prop_map(|asks| Audience {
        age_bands: if asks[0] { vec![AgeBand::From25, AgeBand::From18] } else { vec![] },
        genders: if asks[1] { vec![Gender::Female, Gender::Other] } else { vec![] },
        regions: if asks[2] { vec!["west".to_owned(), "east".to_owned()] } else { vec![] },
        spending_tiers: if asks[3] { vec![SpendingTier::High, SpendingTier::Top] } else { vec![] },
        member_tiers: if asks[4] { vec!["gold".to_owned(), "lead".to_owned()] } else { vec![] },
        new_buyers_only: asks[5],
    })
}

fn reserve_plan() -> impl Strategy<Value = Vec<ReserveStep>> {
    let from = prop::sample::subsequence(WAREHOUSES.to_vec(), 0..=3).prop_shuffle();
    let step = (1..8_i64, 1..5_i64, from, any::<bool>());
    let step = step.prop_map(|(below_units, release_units, from, propose)| ReserveStep {
        below_units,
        release_units,
        from: from.into_iter().map(str::to_owned).collect(),
        act: if propose { ReserveAct::Propose } else { ReserveAct::Release },
    });
    prop::collection::vec(step, 1..4)
}

fn supplied(most: i64) -> impl Strategy<Value = SuppliedUnits> {
    let supplier = prop::option::of(prop::sample::select(vec!["acme", "acme", "bolt"]));
    let parts = (prop::sample::select(WAREHOUSES.to_vec()), 1..most, supplier);
    parts.prop_map(|(warehouse, count, supplier)| SuppliedUnits {
        at: units(warehouse, count),
        supplier: supplier.map(str::to_owned),
    })
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = || 0..WAREHOUSES.len();
    let pass = prop_oneof![9 => -20..90_i64, 1 => 300..1_200_i64];
    let step = prop_oneof![
        24 => (0..4_u8, 1..6_i64, any::<bool>(), shopper())
            .prop_map(|(buyer, units, region, shopper)| Step::Place { buyer, units, region, shopper }),
        8 => (0..4_usize).prop_map(|back| Step::Pay { back }),
        5 => (0..4_usize).prop_map(|back| Step::Cancel { back }),
        1 => (0..3_usize, 1..15_usize).prop_map(|(back, times)| Step::Fail { back, times }),
        3 => (0..4_usize, -20..300_i64).prop_map(|(back, by_ms)| Step::Extend { back, by_ms }),
        2 => (0..4_usize).prop_map(|back| Step::Kill { back }),
        8 => (0..3_usize, prop::option::of(1..4_i64), any::<bool>())
            .prop_map(|(back, units, restock)| Step::Refund { back, units, restock }),
        4 => (0..3_usize).prop_map(|back| Step::Settle { back }),
        6 => (1..4_i64, 0..60_i64, any::<bool>())
            .prop_map(|(units, after_ms, due)| Step::PayLate { units, after_ms, due }),
        1 => (1..60_i64).prop_map(|by_ms| Step::SetClock { by_ms }),
        1 => prop::option::of(1..9_i64).prop_map(|per_buyer| Step::Limit { per_buyer }),
        4 => pass.prop_map(|ms| Step::Pass { ms }),
        4 => Just(Step::Due),
        2 => prices().prop_map(Step::Prices),
        2 => offers().prop_map(Step::Offers),
        2 => (1..9_i64).prop_map(|units| Step::GiftUnits { units }),
        1 => audience().prop_map(Step::Audience),
        3 => reserve_plan().prop_map(Step::Plan),
        3 => supplied(5).prop_map(Step::Allocate),
        2 => supplied(4).prop_map(Step::Withdraw),
        2 => (at(), 1..3_usize, 1..4_i64)
            .prop_map(|(from, by, units)| Step::Move { from, by, units }),
        2 => (at(), 0..6_i64).prop_map(|(warehouse, units)| Step::Reserve { warehouse, units }),
        2 => (at(), 1..3_i64).prop_map(|(warehouse, units)| Step::Release { warehouse, units }),
    ];
    // Little happens after the item was closed.
    let closes = prop::option::weighted(0.2, Just(Step::Close));
    (prop::collection::vec(step, 1..80), closes, prop::collection::vec(Just(Step::Due), 0..2))
        .prop_map(|(steps, close, due)| steps.into_iter().chain(close).chain(due).collect())
}

/// 6 units in the north and 4 in the south, and some in reserve.
pub fn plan() -> impl Strategy<Value = ItemPlan> {
    let sold = (prop::option::of(prices()), offers(), prop::option::weighted(0.3, audience()));
    let stock = (any::<bool>(), any::<bool>(), any::<bool>());
    let reserve = (prop::array::uniform3(0..5_i64), prop::option::weighted(0.7, reserve_plan()));
    let within_ms = prop::option::weighted(0.8, 1..200_i64);
    (sold, stock, reserve, within_ms).prop_map(|(sold, stock, (reserve, steps), within_ms)| {
        let (prices, offers, audience) = sold;
        let (region, fullest, supplier) = stock;
        let base = live::plan();
        let unit_price_minor =
            prices.as_ref().map_or(base.unit_price_minor, |prices| prices.unit_price_minor);
        let reserve = WAREHOUSES.iter().zip(reserve).filter(|(_, count)| *count > 0);
        let warehouses = ["west", "moon", "south"].map(str::to_owned).to_vec();
        let far = Region { name: "far".to_owned(), warehouses };
        let acme = WarehouseSupplier { warehouse: "north".to_owned(), supplier: "acme".to_owned() };
        ItemPlan {
            unit_price_minor,
            opens_at_ms: UnixMs(OPENS),
            closes_at_ms: UnixMs(CLOSES),
            units: vec![units("north", 6), units("south", 4)],
            reserve: reserve.map(|(warehouse, count)| units(warehouse, count)).collect(),
            prices,
            offers,
            audience,
            regions: Vec::from_iter(region.then_some(far)),
            draw: if fullest { Draw::Fullest } else { Draw::Listed },
            reinstate_within_ms: within_ms,
            reserve_plan: steps.unwrap_or_default(),
            suppliers: Vec::from_iter(supplier.then_some(acme)),
            ..base
        }
    })
}
