//! Finds all errors of a draft, not only the first: an invalid field is replaced by a harmless
//! value and the rest is checked again. The repaired draft is discarded.

use crate::{
    domain::{
        coupon::DraftCoupon,
        eligibility::DraftAudience,
        sale::{Draft, DraftItem, plan},
    },
    values::{Invalid, RequestId, UnixMs},
};

/// Problems looked for in one draft. Each takes a look at the whole of it.
const PROBLEMS_MAX: usize = 100;

/// A name that does not occur.
const NAME: &str = "mended";

/// A time to pay that is good.
const TIME_TO_PAY_MS: i64 = 60_000;

/// What is wrong with a draft, under the names that `named` gives each problem.
pub(super) fn all_problems(
    mut draft: Draft,
    named: impl Fn(Invalid, &Draft) -> Invalid,
) -> Vec<Invalid> {
    let mut found: Vec<Invalid> = Vec::new();
    for _ in 0..PROBLEMS_MAX {
        // Neither the request id nor the operator is of the file, so any will do to judge it.
        let judged = plan(RequestId(uuid::Uuid::nil()), draft.clone(), "operator".to_owned());
        let Err(invalid) = judged else { return found };
        let field = invalid.field.strip_prefix("sale.").unwrap_or(&invalid.field).to_owned();
        let invalid = named(invalid, &draft);
        let again = found.contains(&invalid);
        if !again {
            found.push(invalid);
        }
        if again || mend(&mut draft, &field).is_none() {
            return found;
        }
    }
    found
}

/// Replaces that field with a valid value; `None` where no valid value is known.
fn mend(draft: &mut Draft, field: &str) -> Option<()> {
    let (list, index, rest) = match field.split_once('[') {
        Some((list, rest)) => {
            let (index, rest) = rest.split_once(']')?;
            (list, index.parse::<usize>().ok()?, rest.strip_prefix('.').unwrap_or(rest))
        }
        None => return mend_sale(draft, field),
    };
    if list.starts_with("audience") {
        return mend_audience(draft.audience.as_mut()?, list);
    }
    match list {
        "items" => {
            // A curve is judged by all units, of which some may be gone now.
            draft.curve.clear();
            if rest == "sku" {
                draft.coupons.iter_mut().for_each(|coupon| coupon.items.clear());
            }
            mend_item(draft.items.get_mut(index)?, index, rest)
        }
        "regions" => {
            draft.regions.clear();
            Some(())
        }
        "curve" => {
            draft.curve.truncate(index);
            Some(())
        }
        "coupons" => {
            // Rewards are judged by the names of batches, of which one is none of the file's now.
            draft.rewards.clear();
            *draft.coupons.get_mut(index)? = coupon(index);
            Some(())
        }
        "rewards" => (index < draft.rewards.len()).then(|| _ = draft.rewards.remove(index)),
        "alerts" => {
            let rule = draft.alerts.get_mut(index)?;
            match rest {
                "name" => (rule.name, rule.off) = (format!("{NAME}_{index}"), false),
                "when" => rule.when = "sold_units < 1".to_owned(),
                "clear_when" => rule.clear_when = None,
                "for" => rule.for_ms = 0,
                "clear_for" => rule.clear_for_ms = 0,
                "sets_level" => rule.sets_level = None,
                _ => return None,
            }
            Some(())
        }
        _ => None,
    }
}

fn mend_sale(draft: &mut Draft, field: &str) -> Option<()> {
    match field {
        "name" => draft.name = NAME.to_owned(),
        "currency_code" => {
            draft.currency_code = "CNY".to_owned();
            draft.coupons.iter_mut().for_each(|coupon| coupon.currency_code.clear());
        }
        "open_time" => {
            own_windows_end(draft);
            // Before whatever the file says of the end.
            draft.opens_at = Some(draft.closes_at.map_or(UnixMs(0), |at| at.plus(-1)));
        }
        "close_time" => {
            own_windows_end(draft);
            draft.closes_at = Some(draft.opens_at?.plus(1));
        }
        "items" if draft.items.is_empty() => draft.items.push(item(0)),
        "curve" => draft.curve.clear(),
        "alerts" => draft.alerts.clear(),
        "regions" => draft.regions.clear(),
        "coupons" => {
            draft.coupons.clear();
            draft.rewards.clear();
        }
        "limit_per_buyer" => draft.limit_per_buyer = None,
        of if of.starts_with("audience") => return mend_audience(draft.audience.as_mut()?, of),
        _ => {
            let goals = draft.goals.as_mut()?;
            match field.strip_prefix("goals.")? {
                "units" => goals.units = Some(1),
                "revenue_minor" => goals.revenue_minor = Some(1),
                "conversion_ppm" => goals.conversion_ppm = Some(1),
                "new_buyers" => goals.new_buyers = Some(1),
                _ => return None,
            }
        }
    }
    Some(())
}

/// Windows of items are judged by that of the sale, which is none of the file's now.
fn own_windows_end(draft: &mut Draft) {
    for item in &mut draft.items {
        (item.opens_at, item.closes_at) = (None, None);
        item.time_prices.clear();
        item.offers.clear();
    }
    for coupon in &mut draft.coupons {
        (coupon.from, coupon.until) = (None, None);
    }
    draft.curve.clear();
}

fn mend_item(item: &mut DraftItem, index: usize, field: &str) -> Option<()> {
    match field {
        "sku" => item.sku = format!("{NAME}-{index}"),
        "title" => item.title = NAME.to_owned(),
        "unit_price_minor" => {
            item.unit_price_minor = 1;
            no_ladder(item);
        }
        "floor_minor" => item.floor_minor = None,
        "steps" => item.steps.clear(),
        "time_prices" => item.time_prices.clear(),
        "offers" => item.offers.clear(),
        "open_time" => {
            item.opens_at = None;
            item.time_prices.clear();
            item.offers.clear();
        }
        "close_time" => {
            item.closes_at = None;
            item.time_prices.clear();
            item.offers.clear();
        }
        "limit_per_buyer" => item.limit_per_buyer = None,
        "limit_per_order" => item.limit_per_order = None,
        "time_to_pay" => item.time_to_pay_ms = Some(TIME_TO_PAY_MS),
        "reinstate_within" => item.reinstate_within_ms = None,
        "units" => {
            item.units = vec![(NAME.to_owned(), 1)];
            item.suppliers.clear();
        }
        "reserve" => {
            item.reserve.clear();
            item.reserve_plan.clear();
        }
        "draw" => item.draw = Default::default(),
        plan if plan.starts_with("reserve_plan") => item.reserve_plan.clear(),
        of if of.starts_with("audience") => return mend_audience(item.audience.as_mut()?, of),
        listed => {
            let (list, rest) = listed.split_once('[')?;
            let place: usize = rest.split_once(']')?.0.parse().ok()?;
            let units = match list {
                "units" => &mut item.units,
                "suppliers" => {
                    item.suppliers.remove((place < item.suppliers.len()).then_some(place)?);
                    return Some(());
                }
                "reserve" => &mut item.reserve,
                "steps" | "time_prices" | "offers" => return mend_item(item, index, list),
                _ => return None,
            };
            let (warehouse, _) =
                std::mem::replace(units.get_mut(place)?, (format!("{NAME}-{place}"), 1));
            item.suppliers.retain(|(of, _)| *of != warehouse);
        }
    }
    Some(())
}

/// Empties the list that is wrong; the others are judged again.
fn mend_audience(audience: &mut DraftAudience, field: &str) -> Option<()> {
    let list = field.strip_prefix("audience.")?.split('[').next()?;
    match list {
        "age_bands" => audience.age_bands.clear(),
        "genders" => audience.genders.clear(),
        "regions" => audience.regions.clear(),
        "spending_tiers" => audience.spending_tiers.clear(),
        "member_tiers" => audience.member_tiers.clear(),
        "needs" => audience.needs.clear(),
        _ => return None,
    }
    Some(())
}

/// Prices are judged by the base price, which is none of the file's now.
fn no_ladder(item: &mut DraftItem) {
    item.floor_minor = None;
    item.steps.clear();
    item.time_prices.clear();
}

fn coupon(index: usize) -> DraftCoupon {
    DraftCoupon {
        name: format!("{NAME}_{index}"),
        amount_minor: Some(1),
        min_spend_minor: Some(2),
        coupons: 1,
        budget_minor: 1,
        ..DraftCoupon::default()
    }
}

fn item(index: usize) -> DraftItem {
    let mut item = DraftItem::default();
    let fields = ["sku", "title", "unit_price_minor", "time_to_pay", "units"];
    for field in fields {
        // Each of them is known.
        let _ = mend_item(&mut item, index, field);
    }
    item
}
