//! Prices that an operator may set.
//!
//! Fields are named as in `ItemDraft` and `SetPricesRequest`.

use crate::{
    domain::limits::ALLOCATED_UNITS_MAX,
    events::{Prices, TimePrice},
    values::{Invalid, UNIT_PRICE_MINOR_MAX, UnixMs},
};

/// Most steps of a ladder.
const STEPS_MAX: usize = 20;

/// Most time prices of an item.
const TIME_PRICES_MAX: usize = 100;

/// Checks the prices of an item that is on sale from the first to the second moment of `window`.
///
/// # Errors
/// The first field that is wrong, with both values where two contradict each other.
pub fn check_prices(prices: &Prices, window: (UnixMs, UnixMs)) -> Result<(), Invalid> {
    price("unit_price_minor", prices.unit_price_minor, 1)?;
    let floor = prices.floor_minor.unwrap_or(1);
    price("floor_minor", floor, 1)?;
    not_below_floor("unit_price_minor", prices.unit_price_minor, floor)?;
    steps(prices, floor)?;
    time_prices(&prices.time_prices, floor, window)
}

fn steps(prices: &Prices, floor: i64) -> Result<(), Invalid> {
    let steps = &prices.steps;
    if steps.len() > STEPS_MAX {
        let problem = format!("has {} steps, more than {STEPS_MAX}", steps.len());
        return Err(Invalid::new("steps", problem));
    }
    let mut before = 1;
    let mut units = 0_i64;
    for (index, step) in steps.iter().enumerate() {
        let at = format!("steps[{index}]");
        let within = |invalid: Invalid| invalid.within(&at);
        if step.units < 1 {
            let problem = format!("must be at least 1, not {}", step.units);
            return Err(within(Invalid::new("units", problem)));
        }
        units = units.saturating_add(step.units);
        if units > ALLOCATED_UNITS_MAX {
            let problem = format!(
                "is {}, which makes the steps hold {units} units together, more than \
                 {ALLOCATED_UNITS_MAX}",
                step.units
            );
            return Err(within(Invalid::new("units", problem)));
        }
        price("unit_price_minor", step.unit_price_minor, 1).map_err(within)?;
        not_below_floor("unit_price_minor", step.unit_price_minor, floor).map_err(within)?;
        if step.unit_price_minor < before {
            let problem = format!(
                "is {}, below the {before} of the step before it: prices must not fall along the \
                 ladder",
                step.unit_price_minor
            );
            return Err(within(Invalid::new("unit_price_minor", problem)));
        }
        before = step.unit_price_minor;
    }
    if prices.unit_price_minor < before {
        let problem = format!(
            "is {}, below the {before} of the last step: prices must not fall along the ladder",
            prices.unit_price_minor
        );
        return Err(Invalid::new("unit_price_minor", problem));
    }
    Ok(())
}

fn time_prices(all: &[TimePrice], floor: i64, window: (UnixMs, UnixMs)) -> Result<(), Invalid> {
    if all.len() > TIME_PRICES_MAX {
        let problem = format!("has {} time prices, more than {TIME_PRICES_MAX}", all.len());
        return Err(Invalid::new("time_prices", problem));
    }
    for (index, TimePrice { from_ms, until_ms, unit_price_minor }) in all.iter().enumerate() {
        let at = format!("time_prices[{index}]");
        let within = |invalid: Invalid| invalid.within(&at);
        check_time(Some(*from_ms), Some(*until_ms), window).map_err(within)?;
        price("unit_price_minor", *unit_price_minor, 1).map_err(within)?;
        not_below_floor("unit_price_minor", *unit_price_minor, floor).map_err(within)?;
        let overlaps = |other: &&TimePrice| other.from_ms < *until_ms && *from_ms < other.until_ms;
        if let Some(other) = all[..index].iter().find(overlaps) {
            let problem = format!(
                "is {from_ms}, and this time price (until {until_ms}) overlaps the one from {} \
                 until {}",
                other.from_ms, other.until_ms
            );
            return Err(within(Invalid::new("from_time", problem)));
        }
    }
    Ok(())
}

/// Checks that a span begins before it ends and lies within the window of the item; an absent moment
/// is that of the window.
///
/// # Errors
/// Names `from_time` or `until_time` with both moments.
pub fn check_time(
    from: Option<UnixMs>,
    until: Option<UnixMs>,
    (opens, closes): (UnixMs, UnixMs),
) -> Result<(), Invalid> {
    if let Some(from) = from.filter(|&from| from < opens) {
        let problem = format!("is {from}, before the item opens ({opens})");
        return Err(Invalid::new("from_time", problem));
    }
    if let Some(until) = until.filter(|&until| until > closes) {
        let problem = format!("is {until}, after the item closes ({closes})");
        return Err(Invalid::new("until_time", problem));
    }
    let (begins, ends) = (from.unwrap_or(opens), until.unwrap_or(closes));
    if ends <= begins {
        let field = if until.is_some() { "until_time" } else { "from_time" };
        let problem = format!("makes it end ({ends}) before it begins ({begins})");
        return Err(Invalid::new(field, problem));
    }
    Ok(())
}

fn price(field: &str, minor: i64, min: i64) -> Result<(), Invalid> {
    if (min..=UNIT_PRICE_MINOR_MAX).contains(&minor) {
        return Ok(());
    }
    Err(Invalid::new(field, format!("must be {min} to {UNIT_PRICE_MINOR_MAX}, not {minor}")))
}

fn not_below_floor(field: &str, minor: i64, floor: i64) -> Result<(), Invalid> {
    if minor >= floor {
        return Ok(());
    }
    Err(Invalid::new(field, format!("is {minor}, below floor_minor ({floor})")))
}
