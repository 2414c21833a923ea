//! Why an order costs what it costs, in the words of one language.

use super::{
    say::{Say, element},
    words::Word,
};
use crate::{
    events::{OrderPart, OrderPrice},
    pages::numbers::{amount, group},
};

/// The reasons one by one; none where each unit costs the price of the item and no offer applies.
pub fn reasons(price: &OrderPrice, units: i64, currency: &str, say: Say) -> Vec<String> {
    if price.is_plain() {
        return Vec::new();
    }
    let parts = price.parts_of(units);
    let mut told: Vec<String> = parts.iter().map(|part| of_part(part, currency, say)).collect();
    if let Some(offer) = &price.offer {
        let discount = amount(offer.discount_minor, currency);
        told.push(say.filled(Word::OfferTakes, &[("offer", &offer.name), ("amount", &discount)]));
    }
    if let Some(gift) = &price.gift {
        let n = group(gift.units);
        let values = [("offer", gift.offer.as_str()), ("n", &n), ("sku", &gift.sku)];
        told.push(say.filled(Word::GiftAdded, &values));
    }
    if let Some(offer) = &price.gift_gone {
        told.push(say.filled(Word::GiftUsedUp, &[("offer", offer)]));
    }
    told
}

fn of_part(part: &OrderPart, currency: &str, say: Say) -> String {
    let (n, price) = (group(part.units), amount(part.unit_price_minor, currency));
    let step = part.step.map_or_else(String::new, |step| (u32::from(step) + 1).to_string());
    let word = match (part.time_price, part.step) {
        (Some(_), _) => Word::PartAtTimePrice,
        (None, Some(_)) => Word::PartOfStep,
        (None, None) => Word::PartAtBasePrice,
    };
    say.filled(word, &[("n", &n), ("price", &price), ("step", &step)])
}

/// The reasons as a section of the page of an order.
pub fn section(out: &mut String, price: &OrderPrice, units: i64, currency: &str, say: Say) {
    let reasons = reasons(price, units, currency, say);
    if reasons.is_empty() {
        return;
    }
    out.push_str("<section class=\"card\">");
    element(out, "h2", "", say.word(Word::WhyThisPrice));
    out.push_str("<ul id=\"price\">");
    for reason in &reasons {
        element(out, "li", "", reason);
    }
    out.push_str("</ul></section>");
}
