//! What happens to a batch of coupons: it is created with its sale, its coupons are claimed, redeemed
//! by orders and returned.
//!
//! The batch's stream is its consistency boundary: how many coupons are claimed and what they cost
//! together is decided there, for all items of a sale at once.

use serde::{Deserialize, Serialize};

use super::price::PercentOff;
use crate::{
    events::{act::Act, stored::stored_names},
    values::{
        BatchId, CouponId, Currency, Fingerprint, ItemId, OrderId, RequestId, SaleId, UnixMs,
    },
};

/// Everything that can happen to a batch of coupons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CouponEvent {
    /// The batch exists, with terms that never change.
    BatchCreated(CouponBatchCreated),
    /// A coupon belongs to a buyer from now on.
    Claimed(CouponClaimed),
    /// A coupon is bound to an order.
    Redeemed(CouponRedeemed),
    /// A coupon is free again: its order ended or did not take it.
    Returned(CouponReturned),
    /// A coupon that is not bound belongs to nobody any more.
    Revoked(CouponRevoked),
    /// All discounts together may cost more.
    BudgetRaised(BudgetRaised),
    /// No coupon of it is claimed or redeemed any more.
    BatchClosed(CouponBatchClosed),
}

stored_names! { CouponEvent:
    BatchCreated => "CouponBatchCreated",
    Claimed => "CouponClaimed",
    Redeemed => "CouponRedeemed",
    Returned => "CouponReturned",
    Revoked => "CouponRevoked",
    BudgetRaised => "BudgetRaised",
    BatchClosed => "CouponBatchClosed",
}

/// A batch of coupons as its sale planned it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponPlan {
    pub batch_id: BatchId,
    pub terms: CouponTerms,
}

/// What the coupons of a batch are worth, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponTerms {
    /// Lower-case letters, digits and `_`; unique within the sale.
    pub name: String,
    pub discount: CouponDiscount,
    /// Least total of an order before the coupon, in minor units.
    pub min_spend_minor: i64,
    /// Coupons that can be claimed.
    pub coupons: i64,
    /// Coupons that one buyer can claim.
    pub per_buyer: i64,
    /// What the discounts of all bound coupons may come to, in minor units, before it is raised.
    pub budget_minor: i64,
    /// Orders of these items may use it; of all items of the sale where empty.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub items: Vec<ItemId>,
    /// An order that names it claims and redeems a coupon at once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// An order with this coupon keeps its money offer.
    #[serde(skip_serializing_if = "is_false", default)]
    pub with_offers: bool,
    #[serde(skip_serializing_if = "CouponReturns::is_unpaid", default)]
    pub returns: CouponReturns,
    pub from_ms: UnixMs,
    /// The first moment at which no coupon can be claimed or redeemed any more.
    pub until_ms: UnixMs,
}

/// What a coupon takes off an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponDiscount {
    /// Minor units.
    AmountMinor(i64),
    /// A part of the total.
    Percent(PercentOff),
}

/// When the coupon of an order can be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponReturns {
    /// When the order ends unpaid.
    #[default]
    Unpaid,
    /// Also when all units of the order are refunded.
    Refund,
}

impl CouponReturns {
    /// The name in files and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unpaid => "unpaid",
            Self::Refund => "refund",
        }
    }

    fn is_unpaid(&self) -> bool {
        matches!(self, Self::Unpaid)
    }
}

impl CouponTerms {
    /// Whether coupons can be claimed and redeemed at that moment.
    pub fn is_open_at(&self, at: UnixMs) -> bool {
        self.from_ms <= at && at < self.until_ms
    }

    /// Whether orders of that item may use it.
    pub fn covers(&self, item: ItemId) -> bool {
        self.items.is_empty() || self.items.contains(&item)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponBatchCreated {
    pub sale_id: SaleId,
    pub currency: Currency,
    pub terms: CouponTerms,
    pub act: Act,
    pub created_at_ms: UnixMs,
}

/// Why an operator or the sale itself gave a buyer a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantCause {
    Prize,
    Quiz,
    /// The buyer's paid orders in the sale reached an amount.
    Earned,
    Goodwill,
}

impl GrantCause {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 4] = [Self::Prize, Self::Quiz, Self::Earned, Self::Goodwill];

    /// The name in events and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prize => "prize",
            Self::Quiz => "quiz",
            Self::Earned => "earned",
            Self::Goodwill => "goodwill",
        }
    }
}

/// That a coupon was given to its buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponGrant {
    pub cause: GrantCause,
    pub operator: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponClaimed {
    pub coupon_id: CouponId,
    /// Of the order itself where the order's code claimed it.
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub buyer: String,
    /// Absent where the buyer claimed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grant: Option<CouponGrant>,
    /// An order claimed it by the code of the batch; its `CouponRedeemed` follows in the same append.
    #[serde(skip_serializing_if = "is_false", default)]
    pub by_code: bool,
    pub claimed_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponRedeemed {
    pub coupon_id: CouponId,
    pub order_id: OrderId,
    pub item_id: ItemId,
    /// The order's total before the coupon, in minor units.
    pub base_minor: i64,
    pub discount_minor: i64,
    /// When the order was placed: the batch was open then.
    pub placed_at_ms: UnixMs,
    pub redeemed_at_ms: UnixMs,
}

/// Why a coupon is free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnCause {
    OrderExpired,
    OrderCancelled,
    OrderRefunded,
    /// The order stands without the coupon.
    NotApplied,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponReturned {
    pub coupon_id: CouponId,
    pub order_id: OrderId,
    /// What the coupon had taken off, in minor units.
    pub discount_minor: i64,
    pub cause: ReturnCause,
    pub returned_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponRevoked {
    pub coupon_id: CouponId,
    pub act: Act,
    pub revoked_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetRaised {
    /// The whole budget from now on, in minor units.
    pub budget_minor: i64,
    pub act: Act,
    pub raised_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponBatchClosed {
    pub act: Act,
    pub closed_at_ms: UnixMs,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl CouponEvent {
    /// When it happened.
    pub fn at(&self) -> UnixMs {
        match self {
            Self::BatchCreated(e) => e.created_at_ms,
            Self::Claimed(e) => e.claimed_at_ms,
            Self::Redeemed(e) => e.redeemed_at_ms,
            Self::Returned(e) => e.returned_at_ms,
            Self::Revoked(e) => e.revoked_at_ms,
            Self::BudgetRaised(e) => e.raised_at_ms,
            Self::BatchClosed(e) => e.closed_at_ms,
        }
    }

    /// The request of an operator that it carries out; `None` for what belongs to one coupon's buyer.
    pub fn act(&self) -> Option<&Act> {
        match self {
            Self::BatchCreated(e) => Some(&e.act),
            Self::Revoked(e) => Some(&e.act),
            Self::BudgetRaised(e) => Some(&e.act),
            Self::BatchClosed(e) => Some(&e.act),
            Self::Claimed(_) | Self::Redeemed(_) | Self::Returned(_) => None,
        }
    }
}
