//! Prices and offers of an item that is planned.

use super::{draft::DraftItem, fields::Fields};
use crate::{
    domain::price::{DraftOffer, check_offers, check_prices},
    events::{Offer, Prices, ReturnedUnits, TimePrice},
    values::{Invalid, UnixMs},
};

/// The ladder of an item, if it has one, and its offers.
pub(super) fn goods(
    item: &mut DraftItem,
    window: (UnixMs, UnixMs),
) -> Result<(Option<Prices>, Vec<Offer>), Invalid> {
    let prices = prices(item);
    if let Some(prices) = &prices {
        check_prices(prices, window)?;
    }
    let offers = check_offers(std::mem::take(&mut item.offers), window)?;
    Ok((prices, offers))
}

fn prices(item: &DraftItem) -> Option<Prices> {
    let DraftItem { unit_price_minor, floor_minor, steps, time_prices, returned_units, .. } = item;
    let plain = floor_minor.is_none()
        && steps.is_empty()
        && time_prices.is_empty()
        && *returned_units == ReturnedUnits::default();
    (!plain).then(|| Prices {
        unit_price_minor: *unit_price_minor,
        floor_minor: *floor_minor,
        steps: steps.clone(),
        time_prices: time_prices.clone(),
        returned_units: *returned_units,
    })
}

/// Nothing where there are none: sales of earlier versions keep their fingerprints.
pub(super) fn fingerprint(fields: &mut Fields, index: usize, item: &DraftItem) {
    if let Some(Prices { floor_minor, steps, time_prices, returned_units, .. }) = prices(item) {
        fields.text("prices");
        fields.length(index);
        fields.number(floor_minor);
        fields.length(steps.len());
        for step in steps {
            fields.number(Some(step.units));
            fields.number(Some(step.unit_price_minor));
        }
        fields.length(time_prices.len());
        for TimePrice { from_ms, until_ms, unit_price_minor } in time_prices {
            for number in [from_ms.0, until_ms.0, unit_price_minor] {
                fields.number(Some(number));
            }
        }
        fields.text(returned_units.name());
    }
    if item.offers.is_empty() {
        return;
    }
    fields.text("offers");
    fields.length(index);
    fields.length(item.offers.len());
    for offer in &item.offers {
        let DraftOffer {
            name,
            from_units,
            from_minor,
            amount_minor,
            each,
            times_max,
            percent_ppm,
            at_most_minor,
            gift_sku,
            gift_units,
            gift_each,
            when_gone,
            from,
            until,
        } = offer;
        fields.text(name);
        for number in [from_units, from_minor, amount_minor, times_max, percent_ppm] {
            fields.number(*number);
        }
        fields.number(Some(i64::from(*each)));
        for number in [at_most_minor, gift_units, gift_each] {
            fields.number(*number);
        }
        fields.text(gift_sku);
        fields.text(when_gone.map_or("", |when_gone| when_gone.name()));
        for moment in [from, until] {
            fields.number(moment.map(|at| at.0));
        }
    }
}
