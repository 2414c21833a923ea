//! The commands of a batch of coupons. Their fields are validated where they enter and trusted here.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{limits::WORTH_MINOR_MAX, price::bounds},
    events::{Act, CouponGrant, CouponNamed, CouponTerms, ReturnCause},
    values::{
        CouponId, Currency, Fingerprint, Invalid, ItemId, OrderId, RequestId, SaleId, UnixMs, kinds,
    },
};

/// Everything that can be asked of a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponCommand {
    Create(Box<CreateBatch>),
    Claim(ClaimCoupon),
    Grant(GrantCoupon),
    Redeem(Box<RedeemCoupon>),
    Return(ReturnCoupon),
    Steer(SteerBatch),
    /// What the batch looks like.
    Show,
    /// The coupons of that buyer.
    ShowBuyer {
        buyer: String,
    },
}

kinds! { CouponCommand {
    Self::Create(_) => "create_batch",
    Self::Claim(_) => "claim_coupon",
    Self::Grant(_) => "grant_coupon",
    Self::Redeem(_) => "redeem_coupon",
    Self::Return(_) => "return_coupon",
    Self::Steer(SteerBatch { action: BatchAction::Close, .. }) => "close_batch",
    Self::Steer(SteerBatch { action: BatchAction::RaiseBudget(_), .. }) => "raise_budget",
    Self::Steer(SteerBatch { action: BatchAction::Revoke(_), .. }) => "revoke_coupon",
    Self::Show => "show_batch",
    Self::ShowBuyer { .. } => "list_coupons",
} }

/// Puts the batch up. Sent by the sale that planned it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateBatch {
    pub request_id: RequestId,
    pub sale_id: SaleId,
    pub currency: Currency,
    pub terms: CouponTerms,
    pub operator: String,
}

/// A buyer takes one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClaimCoupon {
    pub request_id: RequestId,
    pub buyer: String,
}

/// A buyer is given one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GrantCoupon {
    pub request_id: RequestId,
    pub buyer: String,
    pub grant: CouponGrant,
}

/// Binds a coupon to an order, as the order stands in its `OrderPlaced`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RedeemCoupon {
    pub order_id: OrderId,
    /// The sale of the item.
    pub sale_id: SaleId,
    pub item_id: ItemId,
    pub buyer: String,
    /// The order's total before the coupon, in minor units.
    pub base_minor: i64,
    pub coupon: CouponNamed,
    pub placed_at: UnixMs,
}

/// The order does not have its coupon any more.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ReturnCoupon {
    pub order_id: OrderId,
    pub cause: ReturnCause,
}

/// An operator's hand on the batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SteerBatch {
    pub request_id: RequestId,
    pub operator: String,
    pub reason: String,
    pub action: BatchAction,
}

/// What an operator can do to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchAction {
    Close,
    /// The whole budget from now on, in minor units.
    RaiseBudget(i64),
    Revoke(CouponId),
}

impl BatchAction {
    /// Raises the budget to so many minor units.
    ///
    /// # Errors
    /// When no budget is of that size.
    pub fn raise_budget(budget_minor: i64) -> Result<Self, Invalid> {
        bounds("budget_minor", budget_minor, WORTH_MINOR_MAX)?;
        Ok(Self::RaiseBudget(budget_minor))
    }
}

impl ClaimCoupon {
    /// Tells this claim from another one under the same request id.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of([b"claim".as_slice(), self.buyer.as_bytes()])
    }
}

impl GrantCoupon {
    /// Tells this grant from another one under the same request id.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let CouponGrant { cause, operator, reason } = &self.grant;
        let fields = ["grant", &self.buyer, cause.name(), operator, reason];
        Fingerprint::of(fields.map(str::as_bytes))
    }
}

impl SteerBatch {
    pub(super) fn act(&self) -> Act {
        let Self { request_id, operator, reason, action } = self;
        let (verb, value) = match action {
            BatchAction::Close => ("close", String::new()),
            BatchAction::RaiseBudget(budget) => ("raise", budget.to_string()),
            BatchAction::Revoke(coupon) => ("revoke", coupon.to_string()),
        };
        let fields = [verb, &value, operator, reason];
        Act {
            request_id: *request_id,
            fingerprint: Fingerprint::of(fields.map(str::as_bytes)),
            operator: operator.clone(),
            reason: reason.clone(),
        }
    }
}
