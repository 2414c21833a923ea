//! What operators do to one order, what a shop tells of a payment that failed, and what another
//! aggregate says of an order that waits for it. Fields are validated where they enter and trusted
//! here.

use serde::{Deserialize, Serialize};

use crate::{
    domain::limits::{NAME_CHARS_MAX, REFERENCE_CHARS_MAX},
    events::{Act, Await, CouponReason},
    values::{
        CouponId, DueId, Fingerprint, Invalid, OrderId, RequestId, UNITS_MAX, UnixMs, bounded_text,
    },
};

/// An operator's hand on an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderAct {
    pub request_id: RequestId,
    pub operator: String,
    pub reason: String,
    pub action: OrderAction,
}

/// What the operator does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderAction {
    /// Gives a held order up.
    Cancel(OrderId),
    /// Lets a hold end later.
    ExtendHold { order_id: OrderId, until: UnixMs },
    /// Takes units of a paid order back.
    Refund {
        order_id: OrderId,
        units: i64,
        /// They are available again; else they are written off.
        #[serde(skip_serializing_if = "is_false", default)]
        restock: bool,
    },
    /// Says that money that was due is on its way back.
    SettleRefund { due_id: DueId, reference: String },
}

impl OrderAction {
    /// Takes units of a paid order back.
    ///
    /// # Errors
    /// When the units are not 1 to [`UNITS_MAX`].
    pub fn refund(order_id: OrderId, units: i64, restock: bool) -> Result<Self, Invalid> {
        if !(1..=UNITS_MAX).contains(&units) {
            let problem = format!("must be 1 to {UNITS_MAX}, not {units}");
            return Err(Invalid::new("units", problem));
        }
        Ok(Self::Refund { order_id, units, restock })
    }

    /// Says that money is on its way back.
    ///
    /// # Errors
    /// When the reference is not one.
    pub fn settle(due_id: DueId, reference: String) -> Result<Self, Invalid> {
        bounded_text("reference", &reference, REFERENCE_CHARS_MAX)?;
        Ok(Self::SettleRefund { due_id, reference })
    }

    fn fields(&self) -> (&'static str, Vec<Vec<u8>>) {
        let order = |id: &OrderId| id.0.as_bytes().to_vec();
        match self {
            Self::Cancel(order_id) => ("cancel_order", vec![order(order_id)]),
            Self::ExtendHold { order_id, until } => {
                ("extend_hold", vec![order(order_id), until.0.to_be_bytes().to_vec()])
            }
            Self::Refund { order_id, units, restock } => {
                let units = units.to_be_bytes().to_vec();
                ("refund_order", vec![order(order_id), units, vec![u8::from(*restock)]])
            }
            Self::SettleRefund { due_id, reference } => {
                ("settle_refund", vec![due_id.0.as_bytes().to_vec(), reference.as_bytes().to_vec()])
            }
        }
    }
}

impl OrderAct {
    /// Tells this command from another one under the same request id.
    pub fn fingerprint(&self) -> Fingerprint {
        let (verb, fields) = self.action.fields();
        let said = [verb.as_bytes(), self.operator.as_bytes(), self.reason.as_bytes()];
        Fingerprint::of(said.into_iter().chain(fields.iter().map(Vec::as_slice)))
    }

    /// As the event keeps it.
    pub(super) fn act(&self) -> Act {
        let Self { request_id, operator, reason, action: _ } = self;
        Act {
            request_id: *request_id,
            fingerprint: self.fingerprint(),
            operator: operator.clone(),
            reason: reason.clone(),
        }
    }
}

/// Records that a payment was tried and failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentFailure {
    pub request_id: RequestId,
    pub order_id: OrderId,
    pub payment_reference: String,
    /// The payment provider's word for what was wrong.
    pub code: String,
}

impl PaymentFailure {
    /// Checks the words of a failure.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn new(
        request_id: RequestId,
        order_id: OrderId,
        payment_reference: String,
        code: String,
    ) -> Result<Self, Invalid> {
        bounded_text("payment_reference", &payment_reference, REFERENCE_CHARS_MAX)?;
        bounded_text("code", &code, NAME_CHARS_MAX)?;
        Ok(Self { request_id, order_id, payment_reference, code })
    }

    /// Tells this command from another one under the same request id.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of([
            b"payment_failed".as_slice(),
            self.order_id.0.as_bytes(),
            self.payment_reference.as_bytes(),
            self.code.as_bytes(),
        ])
    }
}

/// What another aggregate says about an order that waits for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SettleAwait {
    pub order_id: OrderId,
    pub verdict: AwaitVerdict,
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwaitVerdict {
    LimitGranted,
    LimitDenied,
    CouponGranted { coupon_id: CouponId, discount_minor: i64 },
    CouponDenied(CouponReason),
}

impl AwaitVerdict {
    /// What it is about.
    pub(super) fn about(self) -> Await {
        match self {
            Self::LimitGranted | Self::LimitDenied => Await::SaleLimit,
            Self::CouponGranted { .. } | Self::CouponDenied(_) => Await::Coupon,
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}
