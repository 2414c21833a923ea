//! What is said of a coupon that is not claimed or not redeemed. Nothing is recorded of it by its batch.

use std::fmt;

use crate::{events::CouponReason, values::Kinds};

const _: () = assert!(CouponReason::ALL.len() == <CouponReason as Kinds>::NAMES.len());

impl CouponReason {
    /// All of them, in the order of the contract.
    pub const ALL: &[Self] = &[
        Self::Expired,
        Self::Unknown,
        Self::Used,
        Self::OtherItem,
        Self::BelowMinimum,
        Self::BudgetSpent,
        Self::AllClaimed,
        Self::OverBuyerLimit,
    ];

    /// One sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Expired => "These coupons cannot be used at this time.",
            Self::Unknown => "The buyer has no such coupon.",
            Self::Used => "The coupon is used for another order.",
            Self::OtherItem => "The coupon is not for this item.",
            Self::BelowMinimum => "The order costs less than the coupon asks for.",
            Self::BudgetSpent => "The budget of these coupons does not cover the discount.",
            Self::AllClaimed => "All of these coupons are claimed.",
            Self::OverBuyerLimit => "The buyer would have more coupons than one buyer may have.",
        }
    }
}

impl fmt::Display for CouponReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}
