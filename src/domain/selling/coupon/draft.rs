//! Coupons as an operator plans them with a sale, and the checked terms they become.
//!
//! Fields are named as in `CouponDraft`.

use std::collections::HashMap;

use crate::{
    domain::{
        limits::{NAME_CHARS_MAX, WORTH_MINOR_MAX},
        price::{bounds, check_name, coupon_discount, only_with, percent_off},
    },
    events::{CouponDiscount, CouponPlan, CouponReturns, CouponTerms, ItemPlan},
    values::{Currency, Invalid, ItemId, SaleId, UnixMs, bounded_text, looks},
};

/// Most batches of coupons of a sale.
pub const BATCHES_PER_SALE_MAX: usize = 100;

/// Most coupons of a batch.
pub const COUPONS_MAX: i64 = 1_000_000;

/// Most coupons of a batch that one buyer can have, claimed and granted ones together.
pub const BUYER_COUPONS_MAX: i64 = 100;

/// A batch of coupons as its operator wrote it down, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftCoupon {
    pub name: String,
    /// That of the sale where empty.
    pub currency_code: String,
    pub amount_minor: Option<i64>,
    pub percent_ppm: Option<i64>,
    pub at_most_minor: Option<i64>,
    /// 1 where absent.
    pub min_spend_minor: Option<i64>,
    pub coupons: i64,
    /// 1 where absent.
    pub per_buyer: Option<i64>,
    pub budget_minor: i64,
    /// SKUs of the sale; all of them where empty.
    pub items: Vec<String>,
    /// Empty where buyers have to claim.
    pub code: String,
    pub with_offers: bool,
    pub returns: CouponReturns,
    /// When the sale opens where absent.
    pub from: Option<UnixMs>,
    /// When the sale closes where absent.
    pub until: Option<UnixMs>,
}

/// What the coupons of a sale are checked against.
#[derive(Debug, Clone, Copy)]
pub struct SaleTerms<'a> {
    pub sale_id: SaleId,
    pub currency: Currency,
    /// When the sale opens and closes.
    pub window: (UnixMs, UnixMs),
    pub items: &'a [ItemPlan],
}

/// Checks the coupons of a sale.
///
/// # Errors
/// The first field that is wrong, by its path, for example `coupons[1].budget_minor`, with both values
/// where two contradict each other.
pub fn check_coupons(
    drafts: Vec<DraftCoupon>,
    sale: SaleTerms<'_>,
) -> Result<Vec<CouponPlan>, Invalid> {
    if drafts.len() > BATCHES_PER_SALE_MAX {
        let problem = format!("has {} batches, more than {BATCHES_PER_SALE_MAX}", drafts.len());
        return Err(Invalid::new("coupons", problem));
    }
    let skus: HashMap<&str, ItemId> =
        sale.items.iter().map(|item| (item.sku.as_str(), item.item_id)).collect();
    let mut plans: Vec<CouponPlan> = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.into_iter().enumerate() {
        let terms = terms(draft, sale, &skus).and_then(|terms| not_twice(terms, &plans));
        let terms = terms.map_err(|invalid| invalid.within(&format!("coupons[{index}]")))?;
        plans.push(CouponPlan { batch_id: sale.sale_id.batch_id(&terms.name), terms });
    }
    Ok(plans)
}

fn not_twice(terms: CouponTerms, plans: &[CouponPlan]) -> Result<CouponTerms, Invalid> {
    let CouponTerms { name, code, .. } = &terms;
    if let Some(index) = plans.iter().position(|plan| plan.terms.name == *name) {
        return Err(Invalid::new("name", format!("is {name:?}, as of coupons[{index}]")));
    }
    let Some(code) = code else { return Ok(terms) };
    let seen = looks(code);
    for (index, plan) in plans.iter().enumerate() {
        if let Some(earlier) = plan.terms.code.as_ref().filter(|earlier| looks(earlier) == seen) {
            let problem = format!("is {code:?}, and that of coupons[{index}] is {earlier:?}");
            return Err(Invalid::new("code", problem));
        }
    }
    Ok(terms)
}

fn terms(
    draft: DraftCoupon,
    sale: SaleTerms<'_>,
    skus: &HashMap<&str, ItemId>,
) -> Result<CouponTerms, Invalid> {
    check_name(&draft.name)?;
    currency(&draft.currency_code, sale.currency)?;
    let discount = discount(&draft)?;
    let min_spend_minor = draft.min_spend_minor.unwrap_or(1);
    min_spend(min_spend_minor, discount)?;
    bounds("coupons", draft.coupons, COUPONS_MAX)?;
    let per_buyer = draft.per_buyer.unwrap_or(1);
    bounds("per_buyer", per_buyer, BUYER_COUPONS_MAX)?;
    budget(draft.budget_minor, discount, min_spend_minor)?;
    let items = items(&draft.items, skus)?;
    if !draft.code.is_empty() {
        bounded_text("code", &draft.code, NAME_CHARS_MAX)?;
    }
    let (from_ms, until_ms) = window(&draft, sale.window)?;
    Ok(CouponTerms {
        name: draft.name,
        discount,
        min_spend_minor,
        coupons: draft.coupons,
        per_buyer,
        budget_minor: draft.budget_minor,
        items,
        code: (!draft.code.is_empty()).then_some(draft.code),
        with_offers: draft.with_offers,
        returns: draft.returns,
        from_ms,
        until_ms,
    })
}

fn currency(code: &str, of_sale: Currency) -> Result<(), Invalid> {
    if code.is_empty() || code == of_sale.code() {
        return Ok(());
    }
    let problem = format!("is {code:?}, and that of the sale is {:?}", of_sale.code());
    Err(Invalid::new("currency_code", problem))
}

fn discount(draft: &DraftCoupon) -> Result<CouponDiscount, Invalid> {
    match (draft.amount_minor, draft.percent_ppm) {
        (Some(amount), None) => {
            only_with("percent_ppm", [("at_most_minor", draft.at_most_minor)])?;
            bounds("amount_minor", amount, WORTH_MINOR_MAX)?;
            Ok(CouponDiscount::AmountMinor(amount))
        }
        (None, Some(ppm)) => percent_off(ppm, draft.at_most_minor).map(CouponDiscount::Percent),
        (None, None) => Err(Invalid::new(
            "amount_minor",
            "is missing, as is percent_ppm: a coupon needs one of them",
        )),
        (Some(amount), Some(ppm)) => {
            let problem =
                format!("is {amount}, and percent_ppm is {ppm}: only one of them is allowed");
            Err(Invalid::new("amount_minor", problem))
        }
    }
}

fn min_spend(min_spend_minor: i64, discount: CouponDiscount) -> Result<(), Invalid> {
    bounds("min_spend_minor", min_spend_minor, WORTH_MINOR_MAX)?;
    match discount {
        CouponDiscount::AmountMinor(amount) if min_spend_minor <= amount => {
            let problem =
                format!("is {min_spend_minor}: it must be above amount_minor, which is {amount}");
            Err(Invalid::new("min_spend_minor", problem))
        }
        CouponDiscount::AmountMinor(_) | CouponDiscount::Percent(_) => Ok(()),
    }
}

/// The budget covers at least one coupon.
fn budget(
    budget_minor: i64,
    discount: CouponDiscount,
    min_spend_minor: i64,
) -> Result<(), Invalid> {
    bounds("budget_minor", budget_minor, WORTH_MINOR_MAX)?;
    let one = match discount {
        CouponDiscount::AmountMinor(amount) => amount,
        CouponDiscount::Percent(percent) => {
            percent.at_most_minor.unwrap_or_else(|| coupon_discount(discount, min_spend_minor))
        }
    };
    if budget_minor >= one {
        return Ok(());
    }
    let problem = format!("is {budget_minor}, below one discount, which is {one}");
    Err(Invalid::new("budget_minor", problem))
}

fn items(named: &[String], skus: &HashMap<&str, ItemId>) -> Result<Vec<ItemId>, Invalid> {
    let mut items = Vec::with_capacity(named.len());
    for (index, sku) in named.iter().enumerate() {
        let at = format!("items[{index}]");
        let Some(item) = skus.get(sku.as_str()) else {
            return Err(Invalid::new(at, format!("is {sku:?}, and the sale has no such item")));
        };
        if items.contains(item) {
            return Err(Invalid::new(at, format!("is {sku:?}, which was named before")));
        }
        items.push(*item);
    }
    Ok(items)
}

/// Coupons can be claimed before the sale opens, but orders can use them only while it is open.
fn window(
    draft: &DraftCoupon,
    (opens, closes): (UnixMs, UnixMs),
) -> Result<(UnixMs, UnixMs), Invalid> {
    let from = draft.from.unwrap_or(opens).checked("from_time")?;
    let until = draft.until.unwrap_or(closes).checked("until_time")?;
    if until <= from {
        let field = if draft.until.is_some() { "until_time" } else { "from_time" };
        let problem = format!("makes it end ({until}) before it begins ({from})");
        return Err(Invalid::new(field, problem));
    }
    if from >= closes {
        let problem = format!("is {from}, and the sale closes at {closes}");
        return Err(Invalid::new("from_time", problem));
    }
    if until <= opens {
        let problem = format!("is {until}, and the sale opens at {opens}");
        return Err(Invalid::new("until_time", problem));
    }
    Ok((from, until))
}
