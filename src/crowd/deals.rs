//! What the units of a simulated sale cost, and what comes with them: a ladder of prices, a time
//! price, an offer, a gift, a reserve that is released by plan, and coupons for those who come late.
//!
//! Every tenth of the units is the measure, so that a sale of any size shows each of them. An item
//! of fewer than ten units keeps the base price.

use prost_types::Timestamp;

use crate::grpc::proto::{
    CouponDraft, ItemDraft, OfferDraft, PriceStep, ReserveAction, ReserveStep, TimePrice,
    WarehouseUnits, WhenGone,
};

/// The base price.
pub const UNIT_PRICE_MINOR: i64 = 9_900;

/// The first tenth of the units costs this.
const FIRST_STEP_MINOR: i64 = 6_900;
/// The next four tenths.
const SECOND_STEP_MINOR: i64 = 8_900;
/// Nothing costs more for this long after the opening.
const TIME_PRICE_MS: i64 = 1_000;
const TIME_PRICE_MINOR: i64 = 8_400;
/// Off an order at the base price.
const DISCOUNT_MINOR: i64 = 500;

/// Name and shared code of the batch of coupons.
pub const COUPON_BATCH: &str = "late";
pub const COUPON_CODE: &str = "LATE";
/// A coupon takes a tenth of an order off.
const COUPON_PPM: i64 = 100_000;
const COUPONS: i64 = 100;
const COUPON_BUDGET_MINOR: i64 = 100_000;

/// The least that a unit earns on average: the sale's goal is reckoned with it.
pub const GOAL_UNIT_MINOR: i64 = 8_000;

/// The coupons of the sale.
pub fn coupons() -> CouponDraft {
    CouponDraft {
        name: COUPON_BATCH.to_owned(),
        code: COUPON_CODE.to_owned(),
        percent_ppm: Some(COUPON_PPM),
        coupons: COUPONS,
        budget_minor: COUPON_BUDGET_MINOR,
        ..Default::default()
    }
}

/// Gives an item with these units its deal. `moment` is so many milliseconds after the opening.
pub fn add(draft: &mut ItemDraft, units: i64, moment: impl Fn(i64) -> Timestamp) {
    let tenth = units / 10;
    if tenth == 0 {
        return;
    }
    let step = |units, unit_price_minor| PriceStep { units, unit_price_minor };
    draft.steps = vec![step(tenth, FIRST_STEP_MINOR), step(4 * tenth, SECOND_STEP_MINOR)];
    draft.time_prices = vec![TimePrice {
        from_time: Some(moment(0)),
        until_time: Some(moment(TIME_PRICE_MS)),
        unit_price_minor: TIME_PRICE_MINOR,
    }];
    draft.offers = vec![
        OfferDraft {
            name: "full_price".to_owned(),
            from_minor: Some(UNIT_PRICE_MINOR),
            amount_minor: Some(DISCOUNT_MINOR),
            ..Default::default()
        },
        OfferDraft {
            name: "early".to_owned(),
            from_units: Some(1),
            gift_sku: format!("{}-GIFT", draft.sku),
            gift_units: Some(2 * tenth),
            when_gone: WhenGone::Without.into(),
            ..Default::default()
        },
    ];
    for place in &mut draft.units {
        place.units = units - 2 * tenth;
        draft.reserve.push(WarehouseUnits { units: 2 * tenth, ..place.clone() });
    }
    draft.reserve_plan = vec![ReserveStep {
        below_units: tenth,
        release_units: 2 * tenth,
        from: Vec::new(),
        action: ReserveAction::Release.into(),
    }];
}
