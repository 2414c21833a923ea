//! `[[coupons]]` and `[[rewards]]` of the sale file.

use super::Reader;
use crate::{
    config::document::Section,
    domain::{coupon::DraftCoupon, sale::DraftReward},
    events::CouponReturns,
};

const COUPON_KEYS: &[&str] = &[
    "name",
    "currency",
    "amount_minor",
    "percent",
    "at_most_minor",
    "min_spend_minor",
    "coupons",
    "per_buyer",
    "budget_minor",
    "items",
    "code",
    "with_offers",
    "returns",
    "from",
    "until",
];

const REWARD_KEYS: &[&str] = &["spend_minor", "coupon"];

impl Reader {
    /// Reads the batches of coupons of a sale.
    pub(super) fn coupons(&mut self, section: &Section<'_>) -> Vec<DraftCoupon> {
        let coupons = self.tables(section, "coupons");
        coupons.iter().map(|coupon| self.coupon(coupon)).collect()
    }

    /// Reads what buyers earn.
    pub(super) fn rewards(&mut self, section: &Section<'_>) -> Vec<DraftReward> {
        let rewards = self.tables(section, "rewards");
        rewards.iter().map(|reward| self.reward(reward)).collect()
    }

    fn reward(&mut self, section: &Section<'_>) -> DraftReward {
        self.only(section, REWARD_KEYS);
        DraftReward {
            spend_minor: self.required_integer(section, "spend_minor").unwrap_or(0),
            coupon: self.text(section, "coupon"),
        }
    }

    fn coupon(&mut self, section: &Section<'_>) -> DraftCoupon {
        self.only(section, COUPON_KEYS);
        DraftCoupon {
            name: self.text(section, "name"),
            currency_code: self.optional_text(section, "currency").unwrap_or_default().to_owned(),
            amount_minor: self.integer(section, "amount_minor"),
            percent_ppm: self.percent(section),
            at_most_minor: self.integer(section, "at_most_minor"),
            min_spend_minor: self.integer(section, "min_spend_minor"),
            coupons: self.required_integer(section, "coupons").unwrap_or(0),
            per_buyer: self.integer(section, "per_buyer"),
            budget_minor: self.required_integer(section, "budget_minor").unwrap_or(0),
            items: self.texts(section, "items"),
            code: self.optional_text(section, "code").unwrap_or_default().to_owned(),
            with_offers: self.flag(section, "with_offers"),
            returns: self
                .one_of(
                    section,
                    "returns",
                    [CouponReturns::Unpaid, CouponReturns::Refund],
                    CouponReturns::name,
                )
                .unwrap_or_default(),
            from: self.time(section, "from"),
            until: self.time(section, "until"),
        }
    }
}
