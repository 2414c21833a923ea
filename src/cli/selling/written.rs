//! Prices and offers of a draft as the API takes them.

use crate::{
    cli::json::timestamp,
    domain::price::DraftOffer,
    events::{PriceStep, ReturnedUnits, TimePrice, WhenGone},
    grpc::proto,
};

pub(super) fn price_step(step: &PriceStep) -> proto::PriceStep {
    proto::PriceStep { units: step.units, unit_price_minor: step.unit_price_minor }
}

pub(super) fn time_price(price: &TimePrice) -> proto::TimePrice {
    proto::TimePrice {
        from_time: Some(timestamp(price.from_ms)),
        until_time: Some(timestamp(price.until_ms)),
        unit_price_minor: price.unit_price_minor,
    }
}

pub(super) fn returned_units(returned_units: ReturnedUnits) -> proto::ReturnedUnits {
    match returned_units {
        ReturnedUnits::SamePrice => proto::ReturnedUnits::Unspecified,
        ReturnedUnits::NextPrice => proto::ReturnedUnits::NextPrice,
    }
}

pub(super) fn offer_draft(offer: DraftOffer) -> proto::OfferDraft {
    let when_gone = match offer.when_gone {
        None => proto::WhenGone::Unspecified,
        Some(WhenGone::Without) => proto::WhenGone::Without,
        Some(WhenGone::Refuse) => proto::WhenGone::Refuse,
    };
    proto::OfferDraft {
        name: offer.name,
        from_units: offer.from_units,
        from_minor: offer.from_minor,
        amount_minor: offer.amount_minor,
        each: offer.each,
        times_max: offer.times_max,
        percent_ppm: offer.percent_ppm,
        at_most_minor: offer.at_most_minor,
        gift_sku: offer.gift_sku,
        gift_units: offer.gift_units,
        gift_each: offer.gift_each,
        when_gone: when_gone.into(),
        from_time: offer.from.map(timestamp),
        until_time: offer.until.map(timestamp),
    }
}
