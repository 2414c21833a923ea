//! The rules of a batch of coupons: a command and the state go in, events or a reason come out.

use super::{
    answer::{CouponOutcome, CouponShown},
    batch::{Batch, CouponBatch},
    command::{
        BatchAction, ClaimCoupon, CouponCommand, CreateBatch, GrantCoupon, RedeemCoupon,
        ReturnCoupon, SteerBatch,
    },
    draft::BUYER_COUPONS_MAX,
};
use crate::{
    domain::{AnswerFrom, Caused, Decided, Decision, Misdirected, Moment, price::coupon_discount},
    events::{
        Act, BudgetRaised, CouponBatchClosed, CouponBatchCreated, CouponClaimed, CouponEvent,
        CouponGrant, CouponNamed, CouponReason, CouponRedeemed, CouponReturned, CouponReturns,
        CouponRevoked, ReturnCause,
    },
    values::{CouponId, Fingerprint, Invalid, RequestId, UnixMs},
};

pub(super) fn decide(of: &CouponBatch, command: CouponCommand, at: Moment) -> Decided<CouponBatch> {
    let (command, batch) = match (command, &of.batch) {
        (CouponCommand::Create(create), _) => return of.create(*create, at),
        (_, None) => return of.no(Misdirected::not_found("batch_id")),
        (command, Some(batch)) => (command, batch),
    };
    match command {
        CouponCommand::Create(_) | CouponCommand::Show => of.shown(CouponShown::Batch),
        CouponCommand::Claim(claim) => of.claim(batch, claim, at),
        CouponCommand::Grant(grant) => of.grant(batch, grant, at),
        CouponCommand::Redeem(redeem) => of.redeem(batch, *redeem, at),
        CouponCommand::Return(back) => of.give_back(batch, back, at),
        CouponCommand::Steer(steer) => of.steer(batch, &steer, at),
        CouponCommand::ShowBuyer { buyer } => {
            let coupons = of.claims.of_buyer(&buyer).map(|row| of.coupon(row)).collect();
            of.told(CouponOutcome::Coupons(coupons))
        }
    }
}

impl CouponBatch {
    fn create(&self, create: CreateBatch, at: Moment) -> Decided<Self> {
        let CreateBatch { request_id, sale_id, currency, terms, operator } = create;
        // The id of a batch comes from its sale and name, so a second creation is a repeat.
        if self.batch.is_some() {
            return self.shown(CouponShown::Batch);
        }
        let act = Act::planned(request_id, operator);
        let created_at_ms = at.stamp;
        let created = CouponBatchCreated { sale_id, currency, terms, act, created_at_ms };
        self.acted(request_id, CouponEvent::BatchCreated(created), CouponShown::Batch)
    }

    fn claim(&self, batch: &Batch, claim: ClaimCoupon, at: Moment) -> Decided<Self> {
        let fingerprint = claim.fingerprint();
        if let Some(decided) = self.claimed_before(claim.request_id, fingerprint) {
            return decided;
        }
        if batch.closed.is_some() || !batch.created.terms.is_open_at(at.now) {
            return self.refused(CouponReason::Expired);
        }
        if let Some(reason) = self.over_limit(batch, &claim.buyer, true) {
            return self.refused(reason);
        }
        let ClaimCoupon { request_id, buyer } = claim;
        self.gets(request_id, fingerprint, buyer, None, at)
    }

    fn grant(&self, batch: &Batch, granted: GrantCoupon, at: Moment) -> Decided<Self> {
        let fingerprint = granted.fingerprint();
        if let Some(decided) = self.claimed_before(granted.request_id, fingerprint) {
            return decided;
        }
        // Given in advance it can be used later, given too late never.
        if batch.closed.is_some() || at.now >= batch.created.terms.until_ms {
            return self.refused(CouponReason::Expired);
        }
        if let Some(reason) = self.over_limit(batch, &granted.buyer, false) {
            return self.refused(reason);
        }
        let GrantCoupon { request_id, buyer, grant } = granted;
        self.gets(request_id, fingerprint, buyer, Some(grant), at)
    }

    /// The first answer of this claim or grant, or that its request id is taken.
    fn claimed_before(
        &self,
        request_id: RequestId,
        fingerprint: Fingerprint,
    ) -> Option<Decided<Self>> {
        if let Some(row) = self.claims.find(self.id.coupon_id(request_id)) {
            let of = self.claims.row(row);
            if of.fingerprint != fingerprint {
                return Some(self.no(Misdirected::RequestIdReused(request_id)));
            }
            let coupon = AnswerFrom::Decision(CouponOutcome::Coupon(self.coupon(row)));
            return Some(Decision {
                revision: of.revision,
                position: self.claims.position(row),
                ..self.decided(Vec::new(), coupon)
            });
        }
        // No act has the fingerprint of a claim.
        self.acts.of(request_id, fingerprint).err().map(|reused| self.no(reused))
    }

    fn over_limit(&self, batch: &Batch, buyer: &str, by_buyer: bool) -> Option<CouponReason> {
        let terms = &batch.created.terms;
        if i64::from(self.claims.count()) >= terms.coupons {
            return Some(CouponReason::AllClaimed);
        }
        let (claimed, all) = self.claims.counts_of(buyer);
        let is_over = by_buyer && i64::from(claimed) >= terms.per_buyer
            || i64::from(all) >= BUYER_COUPONS_MAX;
        is_over.then_some(CouponReason::OverBuyerLimit)
    }

    fn gets(
        &self,
        request_id: RequestId,
        fingerprint: Fingerprint,
        buyer: String,
        grant: Option<CouponGrant>,
        at: Moment,
    ) -> Decided<Self> {
        let coupon_id = self.id.coupon_id(request_id);
        let claimed = CouponEvent::Claimed(CouponClaimed {
            coupon_id,
            request_id,
            fingerprint,
            buyer,
            grant,
            by_code: false,
            claimed_at_ms: at.stamp,
        });
        self.acted(request_id, claimed, CouponShown::Coupon(self.claims.count()))
    }

    /// The first fact in the way decides.
    fn redeem(&self, batch: &Batch, redeem: RedeemCoupon, at: Moment) -> Decided<Self> {
        if let Some(binding) = self.claims.binding(redeem.order_id) {
            let first = AnswerFrom::Decision(CouponOutcome::Redeemed(self.redemption(binding)));
            return Decision {
                revision: self.claims.binding_at(binding).revision,
                position: self.claims.binding_position(binding),
                ..self.decided(Vec::new(), first)
            };
        }
        let terms = &batch.created.terms;
        if batch.closed.is_some() || !terms.is_open_at(redeem.placed_at) {
            return self.refused(CouponReason::Expired);
        }
        let (coupon_id, claimed) = match self.usable(batch, &redeem, at.stamp) {
            Ok(usable) => usable,
            Err(reason) => return self.refused(reason),
        };
        if redeem.sale_id != batch.created.sale_id || !terms.covers(redeem.item_id) {
            return self.refused(CouponReason::OtherItem);
        }
        if redeem.base_minor < terms.min_spend_minor {
            return self.refused(CouponReason::BelowMinimum);
        }
        let discount_minor = coupon_discount(terms.discount, redeem.base_minor);
        // A coupon is not used up for nothing.
        if discount_minor < 1 {
            return self.refused(CouponReason::BelowMinimum);
        }
        if discount_minor > batch.left_minor() {
            return self.refused(CouponReason::BudgetSpent);
        }
        let RedeemCoupon { order_id, item_id, base_minor, placed_at, .. } = redeem;
        let redeemed = CouponEvent::Redeemed(CouponRedeemed {
            coupon_id,
            order_id,
            item_id,
            base_minor,
            discount_minor,
            placed_at_ms: placed_at,
            redeemed_at_ms: at.stamp,
        });
        let of_order = |id, event| Caused {
            event,
            id,
            correlation: order_id.0,
            causation: order_id.0,
            judged_at: None,
        };
        let claimed = claimed.map(|claimed| of_order(coupon_id.0, CouponEvent::Claimed(claimed)));
        let redeemed = of_order(self.id.redeemed_id(order_id), redeemed);
        let shown = CouponShown::Redemption(order_id);
        self.decided(claimed.into_iter().chain([redeemed]).collect(), AnswerFrom::State(shown))
    }

    /// The coupon that an order names; with its claim, where the order's code makes one.
    fn usable(
        &self,
        batch: &Batch,
        redeem: &RedeemCoupon,
        stamp: UnixMs,
    ) -> Result<(CouponId, Option<CouponClaimed>), CouponReason> {
        let code = match &redeem.coupon {
            CouponNamed::Id(coupon) => {
                let row = self.claims.find(*coupon).filter(|&row| {
                    self.claims.buyer(row) == redeem.buyer && !self.claims.row(row).revoked
                });
                let row = row.ok_or(CouponReason::Unknown)?;
                let is_free = self.claims.is_free(row);
                return if is_free { Ok((*coupon, None)) } else { Err(CouponReason::Used) };
            }
            CouponNamed::Code(code) => code,
        };
        if batch.created.terms.code.as_ref() != Some(code) {
            return Err(CouponReason::Unknown);
        }
        let buyers = || self.claims.of_buyer(&redeem.buyer);
        if let Some(oldest) = buyers().filter(|&row| self.claims.is_free(row)).last() {
            return Ok((self.claims.row(oldest).coupon_id, None));
        }
        if let Some(reason) = self.over_limit(batch, &redeem.buyer, true) {
            let has_bound = buyers().any(|row| self.claims.binding_of(row).is_some());
            return Err(if has_bound { CouponReason::Used } else { reason });
        }
        let request_id = RequestId(redeem.order_id.0);
        let coupon_id = self.id.coupon_id(request_id);
        // Somebody claimed under the id of this order, which is no request of a client of ours.
        if self.claims.find(coupon_id).is_some() || self.acts.knows(request_id) {
            return Err(CouponReason::Unknown);
        }
        let claimed = CouponClaimed {
            coupon_id,
            request_id,
            fingerprint: Fingerprint::of([b"code".as_slice(), code.as_bytes()]),
            buyer: redeem.buyer.clone(),
            grant: None,
            by_code: true,
            claimed_at_ms: stamp,
        };
        Ok((coupon_id, Some(claimed)))
    }

    fn give_back(&self, batch: &Batch, back: ReturnCoupon, at: Moment) -> Decided<Self> {
        let ReturnCoupon { order_id, cause } = back;
        let Some(binding) = self.claims.binding(order_id) else {
            return self.shown(CouponShown::Batch);
        };
        let coupon = self.claims.binding_at(binding).coupon;
        let shown = AnswerFrom::State(CouponShown::Coupon(coupon));
        let keeps = cause == ReturnCause::OrderRefunded
            && batch.created.terms.returns == CouponReturns::Unpaid;
        if keeps || !self.claims.is_in_force(binding) {
            return self.decided(Vec::new(), shown);
        }
        let returned = CouponEvent::Returned(CouponReturned {
            coupon_id: self.claims.row(coupon).coupon_id,
            order_id,
            discount_minor: self.claims.binding_at(binding).discount_minor,
            cause,
            returned_at_ms: at.stamp,
        });
        let returned = Caused {
            event: returned,
            id: self.id.returned_id(order_id),
            correlation: order_id.0,
            causation: order_id.0,
            judged_at: None,
        };
        self.decided(vec![returned], shown)
    }

    fn steer(&self, batch: &Batch, steer: &SteerBatch, at: Moment) -> Decided<Self> {
        let act = steer.act();
        let request_id = steer.request_id;
        if self.claims.find(self.id.coupon_id(request_id)).is_some() {
            return self.no(Misdirected::RequestIdReused(request_id));
        }
        match self.acts.of(request_id, act.fingerprint) {
            Ok(None) => {}
            Ok(Some(receipt)) => return receipt.repeated(self.answer_to(steer.action)),
            Err(reused) => return self.no(reused),
        }
        match steer.action {
            BatchAction::Close if batch.closed.is_some() => self.shown(CouponShown::Batch),
            BatchAction::Close => {
                let closed = CouponBatchClosed { act, closed_at_ms: at.stamp };
                self.acted(request_id, CouponEvent::BatchClosed(closed), CouponShown::Batch)
            }
            BatchAction::RaiseBudget(_) if batch.closed.is_some() => {
                self.refused(CouponReason::Expired)
            }
            BatchAction::RaiseBudget(budget_minor) if budget_minor <= batch.budget_minor => {
                let had = batch.budget_minor;
                let problem = format!("is {budget_minor}: it must be above the budget of {had}");
                self.no(Misdirected::Invalid(Invalid::new("budget_minor", problem)))
            }
            BatchAction::RaiseBudget(budget_minor) => {
                let raised = BudgetRaised { budget_minor, act, raised_at_ms: at.stamp };
                self.acted(request_id, CouponEvent::BudgetRaised(raised), CouponShown::Batch)
            }
            BatchAction::Revoke(coupon_id) => {
                let Some(row) = self.claims.find(coupon_id) else {
                    return self.no(Misdirected::not_found("coupon_id"));
                };
                let shown = CouponShown::Coupon(row);
                if self.claims.row(row).revoked {
                    return self.shown(shown);
                }
                if !self.claims.is_free(row) {
                    return self.refused(CouponReason::Used);
                }
                let revoked = CouponRevoked { coupon_id, act, revoked_at_ms: at.stamp };
                self.acted(request_id, CouponEvent::Revoked(revoked), shown)
            }
        }
    }

    /// What an act is answered that was carried out before: the subject as it stands.
    fn answer_to(&self, action: BatchAction) -> CouponOutcome {
        let shown = match action {
            BatchAction::Close | BatchAction::RaiseBudget(_) => Some(CouponShown::Batch),
            BatchAction::Revoke(coupon) => self.claims.find(coupon).map(CouponShown::Coupon),
        };
        self.outcome(shown.unwrap_or(CouponShown::Batch))
    }
}
