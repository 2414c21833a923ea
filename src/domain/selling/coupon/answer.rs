//! What a batch of coupons answers, and the decisions that carry an answer.

use serde::{Deserialize, Serialize};

use super::{
    batch::CouponBatch,
    view::{BatchView, CouponView, Redemption},
};
use crate::{
    domain::{AnswerFrom, Caused, Decided, Decision, Misdirected},
    events::{CouponEvent, CouponReason},
    values::{OrderId, RequestId},
};

/// What a batch of coupons answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponOutcome {
    Batch(Box<BatchView>),
    Coupon(CouponView),
    Coupons(Vec<CouponView>),
    /// What an order got: the same however often it is asked.
    Redeemed(Redemption),
    Refused(CouponReason),
    Misdirected(Misdirected),
}

/// Which part of a batch an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponShown {
    Batch,
    /// The coupon in this row.
    Coupon(u32),
    /// What this order got.
    Redemption(OrderId),
}

impl CouponBatch {
    pub(super) fn outcome(&self, shown: CouponShown) -> CouponOutcome {
        match (shown, &self.batch) {
            (_, None) => CouponOutcome::Misdirected(Misdirected::not_found("batch_id")),
            (CouponShown::Batch, Some(batch)) => CouponOutcome::Batch(Box::new(self.view(batch))),
            (CouponShown::Coupon(row), Some(_)) => CouponOutcome::Coupon(self.coupon(row)),
            (CouponShown::Redemption(order), Some(_)) => match self.claims.binding(order) {
                Some(binding) => CouponOutcome::Redeemed(self.redemption(binding)),
                None => CouponOutcome::Misdirected(Misdirected::not_found("order_id")),
            },
        }
    }

    pub(super) fn decided(
        &self,
        events: Vec<Caused<CouponEvent>>,
        outcome: AnswerFrom<CouponOutcome, CouponShown>,
    ) -> Decided<Self> {
        let next = self.acts.events();
        let revision = (next + events.len() as u64).saturating_sub(1);
        Decision { events, outcome, revision, position: None, attempt: None }
    }

    /// One event happens that a request caused. Its id comes from the request, so that one request is
    /// one event however often it is written.
    pub(super) fn acted(
        &self,
        request_id: RequestId,
        event: CouponEvent,
        shown: CouponShown,
    ) -> Decided<Self> {
        let caused = Caused {
            event,
            id: self.id.coupon_id(request_id).0,
            correlation: self.id.0,
            causation: request_id.0,
            judged_at: None,
        };
        self.decided(vec![caused], AnswerFrom::State(shown))
    }

    pub(super) fn shown(&self, shown: CouponShown) -> Decided<Self> {
        self.decided(Vec::new(), AnswerFrom::State(shown))
    }

    pub(super) fn told(&self, outcome: CouponOutcome) -> Decided<Self> {
        self.decided(Vec::new(), AnswerFrom::Decision(outcome))
    }

    pub(super) fn refused(&self, reason: CouponReason) -> Decided<Self> {
        self.told(CouponOutcome::Refused(reason))
    }

    pub(super) fn no(&self, why: Misdirected) -> Decided<Self> {
        self.told(CouponOutcome::Misdirected(why))
    }
}
