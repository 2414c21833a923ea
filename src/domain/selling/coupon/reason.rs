//! Why a coupon is not claimed or not redeemed. Nothing is recorded of it.

use std::fmt;

use crate::values::{Kinds, kinds};

/// The fact in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CouponReason {
    /// The batch is not open at that moment, or was closed.
    Expired,
    /// The buyer has no such coupon.
    Unknown,
    /// It is bound to another order.
    Used,
    OtherItem,
    /// The order's total is below the minimum, or so low that the coupon would take nothing off.
    BelowMinimum,
    /// The discount is more than is left of the budget.
    BudgetSpent,
    AllClaimed,
    OverBuyerLimit,
}

// The names are those of the contract.
kinds! { CouponReason {
    Self::Expired => "COUPON_EXPIRED",
    Self::Unknown => "COUPON_UNKNOWN",
    Self::Used => "COUPON_USED",
    Self::OtherItem => "COUPON_OTHER_ITEM",
    Self::BelowMinimum => "COUPON_BELOW_MINIMUM",
    Self::BudgetSpent => "COUPON_BUDGET_SPENT",
    Self::AllClaimed => "COUPON_ALL_CLAIMED",
    Self::OverBuyerLimit => "COUPON_OVER_BUYER_LIMIT",
} }

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
