//! The bounds of creation, also enforced by steering: the warehouses of an item, their number, and
//! the value of its units.
//!
//! An item knows only itself, so each item is limited to the value allowed for a whole sale at
//! creation. Sums over the items of a sale can exceed it; they stay at the largest number and are
//! marked in displays.

use super::{reserve_plan::check_within_reserve, state::Item, stock::Stock};
use crate::{
    domain::{
        price::{check_prices, check_time},
        sale::{NAME_CHARS_MAX, WAREHOUSES_PER_ITEM_MAX, WORTH_MINOR_MAX},
    },
    events::{Offer, OfferEffect, Prices, ReserveStep},
    values::{Invalid, bounded_text, looks},
};

/// Most names of warehouses in one message.
const LISTED_MAX: usize = 10;

/// Steering names a warehouse of the item, or says that it is a new one. `field` is what the caller
/// calls it.
pub(super) fn warehouse(stock: &Stock, field: &str, name: &str, new: bool) -> Result<(), Invalid> {
    if stock.index(name).is_some() {
        return Ok(());
    }
    let named = stock.warehouses();
    if !new {
        let problem = format!(
            "is {name:?}, and the item has no such warehouse: it has {}. A new one is named with \
             new_warehouse",
            listed(stock)
        );
        return Err(Invalid::new(field, problem));
    }
    bounded_text(field, name, NAME_CHARS_MAX)?;
    let seen = looks(name);
    if let Some(earlier) = named.iter().find(|at| looks(&at.warehouse) == seen) {
        let earlier = &earlier.warehouse;
        let problem =
            format!("is {name:?}, which looks like {earlier:?}: under NFKC both are the same");
        return Err(Invalid::new(field, problem));
    }
    if named.len() >= WAREHOUSES_PER_ITEM_MAX {
        let problem = format!(
            "is {name:?}, and the item has {} warehouses already: at most {WAREHOUSES_PER_ITEM_MAX}",
            named.len()
        );
        return Err(Invalid::new(field, problem));
    }
    Ok(())
}

/// So many units more, on offer or in reserve, are not worth more than a sale may be. To take some
/// away is never refused.
pub(super) fn worth(stock: &Stock, unit_price_minor: i64, more: i64) -> Result<(), Invalid> {
    let total = stock.total();
    let units = i128::from(total.allocated) + i128::from(total.reserve) + i128::from(more);
    let worth = units * i128::from(unit_price_minor);
    if more <= 0 || worth <= i128::from(WORTH_MINOR_MAX) {
        return Ok(());
    }
    let problem = format!(
        "makes all units of the item together worth {worth} minor units, more than {WORTH_MINOR_MAX}"
    );
    Err(Invalid::new("units", problem))
}

/// Another ladder of prices can be in force: time prices within the window, and all units together
/// not worth too much.
pub(super) fn prices(item: &Item, prices: &Prices) -> Result<(), Invalid> {
    if item.ladder.as_ref().is_some_and(|ladder| ladder.number() == u8::MAX) {
        let problem = format!("cannot be set: the item has had {} ladders already", u8::MAX);
        return Err(Invalid::new("unit_price_minor", problem));
    }
    check_prices(prices, (item.opens_at, item.closes_at))?;
    let total = item.stock.total();
    let units = i128::from(total.allocated) + i128::from(total.reserve);
    let price = prices.unit_price_minor;
    let worth = units * i128::from(price);
    if worth <= i128::from(WORTH_MINOR_MAX) {
        return Ok(());
    }
    let problem = format!(
        "is {price}, which makes {units} units worth {worth} minor units, more than {WORTH_MINOR_MAX}"
    );
    Err(Invalid::new("unit_price_minor", problem))
}

/// Other offers can be in force: within the window, and no gift has fewer units than are taken.
pub(super) fn offers(item: &Item, offers: &[Offer]) -> Result<(), Invalid> {
    for (index, offer) in offers.iter().enumerate() {
        let at = format!("offers[{index}]");
        let within = |invalid: Invalid| invalid.within(&at);
        check_time(offer.from_ms, offer.until_ms, (item.opens_at, item.closes_at))
            .map_err(within)?;
        if let OfferEffect::Gift(gift) = &offer.effect {
            let pool = item.offers.as_ref().and_then(|had| had.pool(&offer.name, &gift.sku));
            let taken = pool.map_or(0, |pool| pool.held + pool.given);
            not_below_taken("gift_units", gift.units, taken).map_err(within)?;
        }
    }
    Ok(())
}

/// A reserve plan is within the reserve of the item.
pub(super) fn reserve_plan(stock: &Stock, steps: &[ReserveStep]) -> Result<(), Invalid> {
    let named: Vec<&str> = stock.warehouses().iter().map(|at| &*at.warehouse).collect();
    check_within_reserve("steps", steps, &named, |name| stock.reserve(name))
}

/// The gift of an offer can have so many units.
pub(super) fn gift_units(item: &Item, offer: &str, units: i64) -> Result<(), Invalid> {
    let Some(pool) = item.offers.as_ref().and_then(|offers| offers.pool_of(offer)) else {
        let problem = format!("is {offer:?}, and no offer of that name has a gift");
        return Err(Invalid::new("offer", problem));
    };
    not_below_taken("units", units, pool.held + pool.given)
}

fn not_below_taken(field: &str, units: i64, taken: i64) -> Result<(), Invalid> {
    if units >= taken {
        return Ok(());
    }
    Err(Invalid::new(field, format!("is {units}, and {taken} units are held or given")))
}

fn listed(stock: &Stock) -> String {
    let named = stock.warehouses();
    let names: Vec<_> =
        named.iter().take(LISTED_MAX).map(|at| format!("{:?}", at.warehouse)).collect();
    let more = match named.len().saturating_sub(LISTED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", names.join(", "))
}
