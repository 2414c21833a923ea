//! Prices, offers and quotes between protobuf and the domain.

use super::{
    shown_references,
    times::{moment, timestamp},
};
use crate::{
    domain::{
        item::{OrderView, QuoteView},
        price::{DraftOffer, Ladder, Offers, Quote, StepCounts},
    },
    events::{
        Await, GiftTaken, Offer, OfferCondition, OfferEffect, OrderPart, PriceStep, Prices,
        ReturnedUnits, TimePrice, WhenGone,
    },
    grpc::proto,
    values::Invalid,
};

// ---- in ----

pub(in crate::grpc) fn steps(steps: Vec<proto::PriceStep>) -> Vec<PriceStep> {
    let step = |step: proto::PriceStep| PriceStep {
        units: step.units,
        unit_price_minor: step.unit_price_minor,
    };
    steps.into_iter().map(step).collect()
}

pub(in crate::grpc) fn time_prices(
    time_prices: Vec<proto::TimePrice>,
) -> Result<Vec<TimePrice>, Invalid> {
    let read = |(index, price): (usize, proto::TimePrice)| {
        let required = |field: &str, time| {
            moment(field, time)?.ok_or_else(|| Invalid::new(field, "is missing"))
        };
        let read = || {
            Ok(TimePrice {
                from_ms: required("from_time", price.from_time)?,
                until_ms: required("until_time", price.until_time)?,
                unit_price_minor: price.unit_price_minor,
            })
        };
        read().map_err(|invalid: Invalid| invalid.within(&format!("time_prices[{index}]")))
    };
    time_prices.into_iter().enumerate().map(read).collect()
}

pub(in crate::grpc) fn returned_units(number: i32) -> Result<ReturnedUnits, Invalid> {
    match proto::ReturnedUnits::try_from(number) {
        Ok(proto::ReturnedUnits::Unspecified | proto::ReturnedUnits::SamePrice) => {
            Ok(ReturnedUnits::SamePrice)
        }
        Ok(proto::ReturnedUnits::NextPrice) => Ok(ReturnedUnits::NextPrice),
        Err(_) => Err(Invalid::new("returned_units", format!("must be 0 to 2, not {number}"))),
    }
}

pub(in crate::grpc) fn offers(offers: Vec<proto::OfferDraft>) -> Result<Vec<DraftOffer>, Invalid> {
    let read = |(index, draft): (usize, proto::OfferDraft)| {
        offer(draft).map_err(|invalid| invalid.within(&format!("offers[{index}]")))
    };
    offers.into_iter().enumerate().map(read).collect()
}

fn offer(draft: proto::OfferDraft) -> Result<DraftOffer, Invalid> {
    let when_gone = match proto::WhenGone::try_from(draft.when_gone) {
        Ok(proto::WhenGone::Unspecified) => None,
        Ok(proto::WhenGone::Without) => Some(WhenGone::Without),
        Ok(proto::WhenGone::Refuse) => Some(WhenGone::Refuse),
        Err(_) => {
            let problem = format!("must be 0 to 2, not {}", draft.when_gone);
            return Err(Invalid::new("when_gone", problem));
        }
    };
    Ok(DraftOffer {
        name: draft.name,
        from_units: draft.from_units,
        from_minor: draft.from_minor,
        amount_minor: draft.amount_minor,
        each: draft.each,
        times_max: draft.times_max,
        percent_ppm: draft.percent_ppm,
        at_most_minor: draft.at_most_minor,
        gift_sku: draft.gift_sku,
        gift_units: draft.gift_units,
        gift_each: draft.gift_each,
        when_gone,
        from: moment("from_time", draft.from_time)?,
        until: moment("until_time", draft.until_time)?,
    })
}

// ---- out ----

pub(in crate::grpc) fn quote(QuoteView { quote, currency }: QuoteView) -> proto::PriceQuote {
    proto::PriceQuote {
        units: quote.units,
        currency_code: currency.code().to_owned(),
        subtotal_minor: quote.subtotal_minor,
        discount_minor: quote.discount_minor(),
        total_minor: quote.total_minor,
        gift_gone: quote.gift_gone.is_some(),
        step_units_left: quote.step_units_left,
        change_time: quote.changes_at.map(timestamp),
        reason: quote.reason(currency),
        offer: quote.offer.map(|offer| offer.name.to_string()).unwrap_or_default(),
        gift: quote.gift.map(gift),
        parts: quote.parts.iter().copied().map(part).collect(),
    }
}

/// Writes what an order costs into its message.
pub(in crate::grpc) fn terms(order: &mut proto::Order, view: OrderView) {
    let OrderView { terms, awaiting, coupon, .. } = view;
    order.coupon_denied = view.coupon_denied.map(super::coupons::reason).unwrap_or_default().into();
    if let Some(references) = view.references {
        (order.shop_order_id, order.labels) = shown_references(*references);
    }
    order.awaiting = awaiting.into_iter().map(|what| awaited(what).into()).collect();
    if let Some(taken) = coupon {
        order.coupon_id = taken.coupon_id.to_string();
        order.coupon_discount_minor = taken.discount_minor;
    }
    let Some(terms) = terms else { return };
    order.parts = terms.parts.iter().copied().map(part).collect();
    if let Some(offer) = &terms.offer {
        (order.offer, order.discount_minor) = (offer.name.to_string(), offer.discount_minor);
    }
    order.gift = terms.gift.clone().map(gift);
    order.gift_gone = terms.gift_gone.is_some();
}

fn awaited(what: Await) -> proto::OrderAwaits {
    match what {
        Await::SaleLimit => proto::OrderAwaits::SaleLimit,
        Await::Coupon => proto::OrderAwaits::Coupon,
    }
}

pub(super) fn part(part: OrderPart) -> proto::OrderPart {
    // People count steps from one.
    let number = |index: u8| i32::from(index) + 1;
    proto::OrderPart {
        units: part.units,
        unit_price_minor: part.unit_price_minor,
        step: part.step.map(number),
        time_price: part.time_price.map(number),
    }
}

pub(super) fn gift(gift: GiftTaken) -> proto::OrderGift {
    proto::OrderGift { offer: gift.offer, sku: gift.sku, units: gift.units }
}

/// The ladder in force; `next` is what the next unit costs.
pub(in crate::grpc) fn ladder(ladder: &Ladder, next: Option<&Quote>) -> proto::ItemPrices {
    let prices = ladder.prices();
    let step = |(step, counts): (&PriceStep, &StepCounts)| proto::StepState {
        step: Some(price_step(step)),
        held_units: counts.held,
        sold_units: counts.sold,
        free_units: ladder.free(counts),
    };
    let in_force = next.and_then(|quote| quote.parts.first());
    proto::ItemPrices {
        ladder: i32::from(ladder.number()),
        unit_price_minor: prices.unit_price_minor,
        floor_minor: prices.floor_minor,
        steps: prices.steps.iter().zip(ladder.steps()).map(step).collect(),
        time_prices: prices.time_prices.iter().map(time_price).collect(),
        returned_units: returned(prices.returned_units).into(),
        price_in_force_minor: in_force.map_or(0, |part| part.unit_price_minor),
        change_time: next.and_then(|quote| quote.changes_at).map(timestamp),
    }
}

/// The offers in force, with what is left of their gifts.
pub(in crate::grpc) fn offers_in_force(offers: &Offers) -> Vec<proto::ItemOffer> {
    let offer = |offer: &Offer| {
        let pool = offers.pool_of(&offer.name);
        proto::ItemOffer {
            gift_free_units: pool.map_or(0, |pool| pool.free()),
            gift_held_units: pool.map_or(0, |pool| pool.held),
            gift_given_units: pool.map_or(0, |pool| pool.given),
            offer: Some(offer_draft(offer.clone())),
        }
    };
    offers.listed().iter().map(offer).collect()
}

/// Writes planned prices into the draft of an item.
pub(in crate::grpc) fn planned(
    draft: &mut proto::ItemDraft,
    prices: Option<Prices>,
    offers: Vec<Offer>,
) {
    if let Some(prices) = prices {
        draft.floor_minor = prices.floor_minor;
        draft.steps = prices.steps.iter().map(price_step).collect();
        draft.time_prices = prices.time_prices.iter().map(time_price).collect();
        draft.returned_units = returned(prices.returned_units).into();
    }
    draft.offers = offers.into_iter().map(offer_draft).collect();
}

fn price_step(step: &PriceStep) -> proto::PriceStep {
    proto::PriceStep { units: step.units, unit_price_minor: step.unit_price_minor }
}

fn time_price(price: &TimePrice) -> proto::TimePrice {
    proto::TimePrice {
        from_time: Some(timestamp(price.from_ms)),
        until_time: Some(timestamp(price.until_ms)),
        unit_price_minor: price.unit_price_minor,
    }
}

fn returned(returned_units: ReturnedUnits) -> proto::ReturnedUnits {
    match returned_units {
        ReturnedUnits::SamePrice => proto::ReturnedUnits::SamePrice,
        ReturnedUnits::NextPrice => proto::ReturnedUnits::NextPrice,
    }
}

fn offer_draft(offer: Offer) -> proto::OfferDraft {
    let mut draft = proto::OfferDraft {
        name: offer.name,
        from_time: offer.from_ms.map(timestamp),
        until_time: offer.until_ms.map(timestamp),
        ..Default::default()
    };
    match offer.condition {
        OfferCondition::FromUnits(units) => draft.from_units = Some(units),
        OfferCondition::FromMinor(minor) => draft.from_minor = Some(minor),
    }
    match offer.effect {
        OfferEffect::Amount(amount) => {
            draft.amount_minor = Some(amount.amount_minor);
            draft.each = amount.each;
            draft.times_max = amount.times_max;
        }
        OfferEffect::Percent(percent) => {
            draft.percent_ppm = Some(percent.ppm);
            draft.at_most_minor = percent.at_most_minor;
        }
        OfferEffect::Gift(gift) => {
            let when_gone = match gift.when_gone {
                WhenGone::Without => proto::WhenGone::Without,
                WhenGone::Refuse => proto::WhenGone::Refuse,
            };
            draft.gift_sku = gift.sku;
            draft.gift_units = Some(gift.units);
            draft.gift_each = Some(gift.each_units);
            draft.when_gone = when_gone.into();
        }
    }
    draft
}
