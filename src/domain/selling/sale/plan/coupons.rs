//! Coupons of a sale in its fingerprint.

use super::fields::Fields;
use crate::domain::coupon::DraftCoupon;

/// Nothing where there are none: sales of earlier versions keep their fingerprints.
pub(super) fn fingerprint(fields: &mut Fields, coupons: &[DraftCoupon]) {
    if coupons.is_empty() {
        return;
    }
    fields.text("coupons");
    fields.length(coupons.len());
    for coupon in coupons {
        let DraftCoupon {
            name,
            currency_code,
            amount_minor,
            percent_ppm,
            at_most_minor,
            min_spend_minor,
            coupons,
            per_buyer,
            budget_minor,
            items,
            code,
            with_offers,
            returns,
            from,
            until,
        } = coupon;
        for text in [name, currency_code, code] {
            fields.text(text);
        }
        for number in [amount_minor, percent_ppm, at_most_minor, min_spend_minor, per_buyer] {
            fields.number(*number);
        }
        for number in [*coupons, *budget_minor, i64::from(*with_offers)] {
            fields.number(Some(number));
        }
        fields.text(returns.name());
        for moment in [from, until] {
            fields.number(moment.map(|at| at.0));
        }
        fields.length(items.len());
        for sku in items {
            fields.text(sku);
        }
    }
}
