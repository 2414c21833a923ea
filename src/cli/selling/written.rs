//! Prices, offers and coupons of a draft as the API takes them.

use crate::{
    cli::json::timestamp,
    domain::{coupon::DraftCoupon, price::DraftOffer, sale::DraftReward},
    events::{CouponReturns, PriceStep, ReturnedUnits, TimePrice, WhenGone},
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

pub(super) fn coupon_draft(coupon: DraftCoupon) -> proto::CouponDraft {
    let returns = match coupon.returns {
        CouponReturns::Unpaid => proto::CouponReturns::Unspecified,
        CouponReturns::Refund => proto::CouponReturns::Refund,
    };
    proto::CouponDraft {
        name: coupon.name,
        currency_code: coupon.currency_code,
        amount_minor: coupon.amount_minor,
        percent_ppm: coupon.percent_ppm,
        at_most_minor: coupon.at_most_minor,
        min_spend_minor: coupon.min_spend_minor,
        coupons: coupon.coupons,
        per_buyer: coupon.per_buyer,
        budget_minor: coupon.budget_minor,
        items: coupon.items,
        code: coupon.code,
        with_offers: coupon.with_offers,
        returns: returns.into(),
        from_time: coupon.from.map(timestamp),
        until_time: coupon.until.map(timestamp),
    }
}

pub(super) fn reward_draft(reward: DraftReward) -> proto::CouponReward {
    proto::CouponReward { spend_minor: reward.spend_minor, coupon: reward.coupon }
}
