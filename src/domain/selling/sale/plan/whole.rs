//! What a sale says of all its items together: the limit of a buyer over the whole sale, and the coupons
//! that buyers earn by what they pay in it.

use super::{
    bounds::within_bounds,
    draft::{Draft, DraftReward},
    fields::Fields,
};
use crate::{
    domain::limits::{ALLOCATED_UNITS_MAX, WORTH_MINOR_MAX},
    events::{CouponPlan, ItemPlan, Reward},
    values::Invalid,
};

/// A limit lets every buyer have one unit, and no item has a limit that could never be reached.
pub(super) fn check_limit(limit: Option<i64>, items: &[ItemPlan]) -> Result<(), Invalid> {
    let Some(limit) = limit else { return Ok(()) };
    within_bounds("limit_per_buyer", limit, 1, ALLOCATED_UNITS_MAX)?;
    for (index, item) in items.iter().enumerate() {
        let of_item =
            [("limit_per_buyer", item.limit_per_buyer), ("limit_per_order", item.limit_per_order)];
        for (field, of_item) in of_item {
            if let Some(of_item) = of_item.filter(|of_item| *of_item > limit) {
                let problem =
                    format!("is {limit}, below {field} of items[{index}], which is {of_item}");
                return Err(Invalid::new("limit_per_buyer", problem));
            }
        }
    }
    Ok(())
}

/// Each reward is of a batch of the sale, and no batch has two.
pub(super) fn check_rewards(
    drafts: &[DraftReward],
    coupons: &[CouponPlan],
) -> Result<Vec<Reward>, Invalid> {
    let mut rewards: Vec<Reward> = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        let reward = reward(draft, coupons, &rewards);
        rewards.push(reward.map_err(|invalid| invalid.within(&format!("rewards[{index}]")))?);
    }
    Ok(rewards)
}

fn reward(
    DraftReward { spend_minor, coupon }: &DraftReward,
    coupons: &[CouponPlan],
    earlier: &[Reward],
) -> Result<Reward, Invalid> {
    within_bounds("spend_minor", *spend_minor, 1, WORTH_MINOR_MAX)?;
    let Some(batch) = coupons.iter().find(|batch| batch.terms.name == *coupon) else {
        let problem = match coupons {
            [] => format!("is {coupon:?}, and the sale has no coupons"),
            [..] => {
                let named: Vec<_> =
                    coupons.iter().map(|batch| format!("{:?}", batch.terms.name)).collect();
                format!("is {coupon:?}, and the coupons of the sale are {}", named.join(", "))
            }
        };
        return Err(Invalid::new("coupon", problem));
    };
    if let Some(index) = earlier.iter().position(|reward| reward.batch_id == batch.batch_id) {
        let problem = format!("is {coupon:?}, as of rewards[{index}]");
        return Err(Invalid::new("coupon", problem));
    }
    Ok(Reward { spend_minor: *spend_minor, batch_id: batch.batch_id })
}

/// Nothing where nothing is said: sales of earlier versions keep their fingerprints.
pub(super) fn fingerprint(fields: &mut Fields, draft: &Draft) {
    let Draft { limit_per_buyer, rewards, .. } = draft;
    if limit_per_buyer.is_some() {
        fields.text("limit_per_buyer");
        fields.number(*limit_per_buyer);
    }
    if rewards.is_empty() {
        return;
    }
    fields.text("rewards");
    fields.length(rewards.len());
    for DraftReward { spend_minor, coupon } in rewards {
        fields.number(Some(*spend_minor));
        fields.text(coupon);
    }
}
