//! Goal: every order costs exactly what the rules of prices and offers say.
//!
//! Method: examples with figures written down by hand, among them published ones of other systems; a
//! model that knows every single unit and shares no code with the ladder; and drafts that are refused.

mod examples;
mod ladder;
mod refused;

use doorbuster::{
    domain::price::{DraftOffer, Ladder, Offers, Pricing, Quote, check_offers},
    events::{Offer, PriceStep, Prices, ReturnedUnits, TimePrice},
    values::UnixMs,
};

/// The window of every item here.
const WINDOW: (UnixMs, UnixMs) = (UnixMs(0), UnixMs(100_000));

/// The ladder of the guide: 100 units at 990, 400 at 1290, then 1590; at most 1100 for a while.
fn guide() -> Prices {
    Prices {
        floor_minor: Some(800),
        time_prices: vec![time_price(2_000, 3_000, 1100)],
        ..prices(&[(100, 990), (400, 1290)], 1590)
    }
}

fn prices(steps: &[(i64, i64)], unit_price_minor: i64) -> Prices {
    let step = |&(units, unit_price_minor)| PriceStep { units, unit_price_minor };
    Prices {
        unit_price_minor,
        floor_minor: None,
        steps: steps.iter().map(step).collect(),
        time_prices: Vec::new(),
        returned_units: ReturnedUnits::SamePrice,
    }
}

fn time_price(from: i64, until: i64, unit_price_minor: i64) -> TimePrice {
    TimePrice { from_ms: UnixMs(from), until_ms: UnixMs(until), unit_price_minor }
}

fn offers(drafts: &[DraftOffer]) -> Offers {
    let mut offers = Offers::default();
    offers.set(checked(drafts));
    offers
}

fn checked(drafts: &[DraftOffer]) -> Vec<Offer> {
    check_offers(drafts.to_vec(), WINDOW).unwrap()
}

fn percent(name: &str, percent: i64, from_minor: i64) -> DraftOffer {
    DraftOffer {
        name: name.to_owned(),
        from_minor: Some(from_minor),
        percent_ppm: Some(percent * 10_000),
        ..DraftOffer::default()
    }
}

fn amount(name: &str, amount_minor: i64, from_minor: i64) -> DraftOffer {
    DraftOffer {
        name: name.to_owned(),
        from_minor: Some(from_minor),
        amount_minor: Some(amount_minor),
        ..DraftOffer::default()
    }
}

fn gift(name: &str, units: i64, from_units: i64) -> DraftOffer {
    DraftOffer {
        name: name.to_owned(),
        from_units: Some(from_units),
        gift_sku: name.to_uppercase(),
        gift_units: Some(units),
        ..DraftOffer::default()
    }
}

/// A quote by offers alone, each unit at that price.
fn quote_at(unit_price_minor: i64, units: i64, offers: &Offers) -> Quote {
    let pricing = Pricing { unit_price_minor, ladder: None, offers: Some(offers) };
    pricing.quote(units, UnixMs(1_000))
}

/// A quote by a ladder alone.
fn quote_on(ladder: &Ladder, units: i64, now: i64) -> Quote {
    let pricing = Pricing { unit_price_minor: 1, ladder: Some(ladder), offers: None };
    pricing.quote(units, UnixMs(now))
}

/// Units and unit price of each part.
fn parts(quote: &Quote) -> Vec<(i64, i64)> {
    quote.parts.iter().map(|part| (part.units, part.unit_price_minor)).collect()
}
