//! A batch of coupons as a decider: its rules, its state and its answers in one.

use uuid::Uuid;

use super::{
    answer::{CouponOutcome, CouponShown},
    batch::CouponBatch,
    command::CouponCommand,
    decide,
};
use crate::{
    domain::{Decided, Decider, Impossible, Moment, Verdict},
    events::{Category, CouponEvent, CouponReason, Position},
    values::{BatchId, UnixMs},
};

impl Decider for CouponBatch {
    type Command = CouponCommand;
    type Event = CouponEvent;
    type Outcome = CouponOutcome;
    type Refusal = CouponReason;
    type Shown = CouponShown;

    const CATEGORY: Category = Category::Coupon;

    fn initial(id: Uuid) -> Self {
        Self::unknown(BatchId(id))
    }

    fn decide(&self, command: CouponCommand, now: UnixMs) -> Decided<Self> {
        let at = Moment::after(self.last_at, now);
        decide::decide(self, command, at).judged(at)
    }

    fn verdict(outcome: &CouponOutcome) -> Verdict<'_, CouponReason> {
        match outcome {
            CouponOutcome::Batch(_)
            | CouponOutcome::Coupon(_)
            | CouponOutcome::Coupons(_)
            | CouponOutcome::Redeemed(_) => Verdict::Done,
            CouponOutcome::Refused(reason) => Verdict::Refused(reason),
            CouponOutcome::Misdirected(why) => Verdict::Misdirected(why),
        }
    }

    fn show(&self, shown: CouponShown, _: UnixMs) -> CouponOutcome {
        self.outcome(shown)
    }

    fn try_evolve(&mut self, event: &CouponEvent, revision: u64) -> Result<(), Impossible> {
        self.apply(event, revision)
    }

    fn landed(&mut self, revision: u64, position: Position) {
        self.claims.landed(revision, position);
        self.acts.landed(revision, position);
    }
}
