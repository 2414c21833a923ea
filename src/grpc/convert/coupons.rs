//! Coupons between protobuf and the domain.

use super::times::{moment, timestamp};
use crate::{
    domain::{
        coupon::{BatchView, CouponState, CouponView, DraftCoupon},
        item::PlaceMore,
        limits::{NAME_CHARS_MAX, REFERENCE_CHARS_MAX},
        sale::DraftReward,
    },
    events::{
        CouponDiscount, CouponNamed, CouponPlan, CouponReason, CouponReturns, CouponTerms,
        GrantCause, IfDenied, ItemPlan, Reward,
    },
    grpc::proto,
    values::{CouponId, Invalid, ItemId, bounded_text},
};

// ---- in ----

pub(in crate::grpc) fn drafts(
    drafts: Vec<proto::CouponDraft>,
) -> Result<Vec<DraftCoupon>, Invalid> {
    let read = |(index, coupon): (usize, proto::CouponDraft)| {
        draft(coupon).map_err(|invalid| invalid.within(&format!("sale.coupons[{index}]")))
    };
    drafts.into_iter().enumerate().map(read).collect()
}

fn draft(draft: proto::CouponDraft) -> Result<DraftCoupon, Invalid> {
    let returns = match proto::CouponReturns::try_from(draft.returns) {
        Ok(proto::CouponReturns::Unspecified | proto::CouponReturns::Unpaid) => {
            CouponReturns::Unpaid
        }
        Ok(proto::CouponReturns::Refund) => CouponReturns::Refund,
        Err(_) => {
            let problem = format!("must be 0 to 2, not {}", draft.returns);
            return Err(Invalid::new("returns", problem));
        }
    };
    Ok(DraftCoupon {
        name: draft.name,
        currency_code: draft.currency_code,
        amount_minor: draft.amount_minor,
        percent_ppm: draft.percent_ppm,
        at_most_minor: draft.at_most_minor,
        min_spend_minor: draft.min_spend_minor,
        coupons: draft.coupons,
        per_buyer: draft.per_buyer,
        budget_minor: draft.budget_minor,
        items: draft.items,
        code: draft.code,
        with_offers: draft.with_offers,
        returns,
        from: moment("from_time", draft.from_time)?,
        until: moment("until_time", draft.until_time)?,
    })
}

/// The coupon that an order is to have, as its request names it.
pub(in crate::grpc) struct Wish {
    /// What else the order says.
    pub(in crate::grpc) more: PlaceMore,
    /// Id or name of the batch; empty where a code is to find it.
    pub(in crate::grpc) batch: String,
    pub(in crate::grpc) named: CouponNamed,
    pub(in crate::grpc) if_denied: IfDenied,
}

/// The coupon of an order, and what becomes of the order without it.
pub(super) fn wish(
    (coupon, if_denied): (Option<proto::CouponChoice>, i32),
) -> Result<Option<Wish>, Invalid> {
    let says = proto::IfCouponDenied::try_from(if_denied)
        .map_err(|_| Invalid::new("if_denied", format!("must be 0 to 2, not {if_denied}")))?;
    let Some(coupon) = coupon else {
        return match says {
            proto::IfCouponDenied::Unspecified => Ok(None),
            proto::IfCouponDenied::Cancel | proto::IfCouponDenied::Keep => {
                Err(Invalid::new("if_denied", "is set, and the order names no coupon"))
            }
        };
    };
    let if_denied = match says {
        proto::IfCouponDenied::Unspecified | proto::IfCouponDenied::Cancel => IfDenied::Cancel,
        proto::IfCouponDenied::Keep => IfDenied::Keep,
    };
    let named = named(&coupon).map_err(|invalid| invalid.within("coupon"))?;
    Ok(Some(Wish { more: PlaceMore::default(), batch: coupon.batch, named, if_denied }))
}

fn named(coupon: &proto::CouponChoice) -> Result<CouponNamed, Invalid> {
    let proto::CouponChoice { batch, coupon_id, code } = coupon;
    match (coupon_id.as_str(), code.as_str()) {
        ("", "") => Err(Invalid::new("coupon_id", "is missing, as is code: one of them is needed")),
        ("", code) => {
            bounded_text("code", code, NAME_CHARS_MAX)?;
            Ok(CouponNamed::Code(code.to_owned()))
        }
        (id, "") if batch.is_empty() => {
            let problem = format!("is missing: it is needed to find coupon {id:?}");
            Err(Invalid::new("batch", problem))
        }
        (id, "") => CouponId::parse("coupon_id", id).map(CouponNamed::Id),
        (id, code) => {
            let problem = format!("is {code:?}, and coupon_id is {id:?}: only one is allowed");
            Err(Invalid::new("code", problem))
        }
    }
}

/// A buyer who gets a coupon.
pub(in crate::grpc) fn buyer(buyer: String) -> Result<String, Invalid> {
    bounded_text("buyer", &buyer, REFERENCE_CHARS_MAX)?;
    Ok(buyer)
}

pub(in crate::grpc) fn cause(number: i32) -> Result<GrantCause, Invalid> {
    match proto::GrantCause::try_from(number) {
        Ok(proto::GrantCause::Prize) => Ok(GrantCause::Prize),
        Ok(proto::GrantCause::Quiz) => Ok(GrantCause::Quiz),
        Ok(proto::GrantCause::Earned) => Ok(GrantCause::Earned),
        Ok(proto::GrantCause::Goodwill) => Ok(GrantCause::Goodwill),
        Ok(proto::GrantCause::Unspecified) => Err(Invalid::new("cause", "is missing")),
        Err(_) => Err(Invalid::new("cause", format!("must be 1 to 4, not {number}"))),
    }
}

// ---- out ----

/// Coupons as a sale planned them; the items of the sale say which SKUs they are for.
pub(in crate::grpc) fn planned(
    plans: Vec<CouponPlan>,
    currency_code: &str,
    items: &[ItemPlan],
) -> Vec<proto::SaleCoupons> {
    let sku = |item: ItemId| items.iter().find(|plan| plan.item_id == item).map(|p| p.sku.clone());
    let planned = |CouponPlan { batch_id, terms }: CouponPlan| {
        let skus = terms.items.iter().filter_map(|item| sku(*item)).collect();
        proto::SaleCoupons {
            batch_id: batch_id.to_string(),
            draft: Some(self::terms(terms, currency_code, skus)),
        }
    };
    plans.into_iter().map(planned).collect()
}

fn terms(terms: CouponTerms, currency_code: &str, items: Vec<String>) -> proto::CouponDraft {
    let returns = match terms.returns {
        CouponReturns::Unpaid => proto::CouponReturns::Unpaid,
        CouponReturns::Refund => proto::CouponReturns::Refund,
    };
    let mut draft = proto::CouponDraft {
        name: terms.name,
        currency_code: currency_code.to_owned(),
        min_spend_minor: Some(terms.min_spend_minor),
        coupons: terms.coupons,
        per_buyer: Some(terms.per_buyer),
        budget_minor: terms.budget_minor,
        items,
        code: terms.code.unwrap_or_default(),
        with_offers: terms.with_offers,
        returns: returns.into(),
        from_time: Some(timestamp(terms.from_ms)),
        until_time: Some(timestamp(terms.until_ms)),
        ..Default::default()
    };
    match terms.discount {
        CouponDiscount::AmountMinor(amount) => draft.amount_minor = Some(amount),
        CouponDiscount::Percent(percent) => {
            draft.percent_ppm = Some(percent.ppm);
            draft.at_most_minor = percent.at_most_minor;
        }
    }
    draft
}

pub(in crate::grpc) fn draft_reward(reward: proto::CouponReward) -> DraftReward {
    DraftReward { spend_minor: reward.spend_minor, coupon: reward.coupon }
}

/// The rewards of a sale, each with the name of its batch.
pub(in crate::grpc) fn rewards(
    rewards: &[Reward],
    coupons: &[CouponPlan],
) -> Vec<proto::CouponReward> {
    let name = |batch_id| coupons.iter().find(|plan| plan.batch_id == batch_id);
    let named = |reward: &Reward| proto::CouponReward {
        spend_minor: reward.spend_minor,
        coupon: name(reward.batch_id).map_or_else(String::new, |plan| plan.terms.name.clone()),
    };
    rewards.iter().map(named).collect()
}

/// A batch; `items` are the SKUs it is for.
pub(in crate::grpc) fn batch(view: BatchView, items: Vec<String>) -> proto::CouponBatch {
    let currency_code = view.currency.code().to_owned();
    proto::CouponBatch {
        batch_id: view.batch_id.to_string(),
        sale_id: view.sale_id.to_string(),
        terms: Some(terms(view.terms, &currency_code, items)),
        currency_code,
        budget_minor: view.budget_minor,
        budget_left_minor: view.budget_minor - view.discount_minor,
        claimed_coupons: view.claimed,
        bound_coupons: view.bound,
        create_time: Some(timestamp(view.created_at)),
        closed_time: view.closed.map(|closed| timestamp(closed.closed_at_ms)),
    }
}

pub(in crate::grpc) fn coupon(view: CouponView) -> proto::Coupon {
    let cause = match view.cause {
        None => proto::GrantCause::Unspecified,
        Some(GrantCause::Prize) => proto::GrantCause::Prize,
        Some(GrantCause::Quiz) => proto::GrantCause::Quiz,
        Some(GrantCause::Earned) => proto::GrantCause::Earned,
        Some(GrantCause::Goodwill) => proto::GrantCause::Goodwill,
    };
    let (state, order_id, discount_minor) = match view.state {
        CouponState::Free => (proto::CouponState::Free, String::new(), 0),
        CouponState::Bound { order_id, discount_minor } => {
            (proto::CouponState::Bound, order_id.to_string(), discount_minor)
        }
        CouponState::Revoked => (proto::CouponState::Revoked, String::new(), 0),
    };
    proto::Coupon {
        coupon_id: view.coupon_id.to_string(),
        batch_id: view.batch_id.to_string(),
        buyer: view.buyer,
        state: state.into(),
        claim_time: Some(timestamp(view.claimed_at)),
        cause: cause.into(),
        order_id,
        discount_minor,
    }
}

pub(in crate::grpc) fn refusal(reason: CouponReason) -> proto::CouponRefusal {
    proto::CouponRefusal { reason: self::reason(reason).into(), message: reason.to_string() }
}

pub(in crate::grpc) fn reason(reason: CouponReason) -> proto::CouponReason {
    match reason {
        CouponReason::Expired => proto::CouponReason::Expired,
        CouponReason::Unknown => proto::CouponReason::Unknown,
        CouponReason::Used => proto::CouponReason::Used,
        CouponReason::OtherItem => proto::CouponReason::OtherItem,
        CouponReason::BelowMinimum => proto::CouponReason::BelowMinimum,
        CouponReason::BudgetSpent => proto::CouponReason::BudgetSpent,
        CouponReason::AllClaimed => proto::CouponReason::AllClaimed,
        CouponReason::OverBuyerLimit => proto::CouponReason::OverBuyerLimit,
    }
}
