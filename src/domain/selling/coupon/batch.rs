//! The state of one batch of coupons, and how events change it.

use super::{claims::Claims, draft::BUYER_COUPONS_MAX};
use crate::{
    domain::{Impossible, receipts::Receipts},
    events::{
        CouponBatchClosed, CouponBatchCreated, CouponClaimed, CouponEvent, CouponRedeemed,
        CouponReturned, CouponRevoked,
    },
    values::{BatchId, CouponId, UnixMs},
};

/// One batch of coupons.
#[derive(Debug)]
pub struct CouponBatch {
    pub(super) id: BatchId,
    /// `None` until it was created: there is no such batch.
    pub(super) batch: Option<Batch>,
    pub(super) claims: Claims,
    /// Acts of operators, for repeated requests.
    pub(super) acts: Receipts<()>,
    /// The latest stamp in the stream: stamps never run backwards. Rules do not look at it.
    pub(super) last_at: UnixMs,
}

/// A batch that was created.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) created: CouponBatchCreated,
    pub(super) closed: Option<CouponBatchClosed>,
    /// The budget in force.
    pub(super) budget_minor: i64,
    /// What the discounts of bound coupons come to: at most the budget.
    pub(super) discount_minor: i64,
}

impl CouponBatch {
    /// A batch that was never created.
    pub(super) fn unknown(id: BatchId) -> Self {
        Self {
            id,
            batch: None,
            claims: Claims::default(),
            acts: Receipts::default(),
            last_at: UnixMs::default(),
        }
    }

    /// Applies an event at its revision.
    ///
    /// What is checked here is all that rules rely on later, so that no decision on a state from a log
    /// can be impossible itself.
    pub(super) fn apply(&mut self, event: &CouponEvent, revision: u64) -> Result<(), Impossible> {
        match (event, &mut self.batch) {
            (CouponEvent::BatchCreated(created), None) => self.batch = Some(Batch::new(created)?),
            (CouponEvent::BatchCreated(_), Some(_)) => {
                return Err(Impossible::Batch("was created before"));
            }
            (_, None) => return Err(Impossible::Batch("was never created")),
            (CouponEvent::Claimed(claimed), Some(batch)) => {
                may_be_claimed(&self.claims, batch, claimed)?;
                self.claims.claim(claimed, revision);
            }
            (CouponEvent::Redeemed(redeemed), Some(batch)) => {
                let coupon = free_coupon(&self.claims, redeemed.coupon_id)?;
                batch.spend(redeemed)?;
                if self.claims.binding(redeemed.order_id).is_some() {
                    return Err(Impossible::Order(redeemed.order_id, "redeemed a coupon before"));
                }
                self.claims.bind(coupon, redeemed, revision);
            }
            (CouponEvent::Returned(returned), Some(batch)) => {
                let binding = binding_in_force(&self.claims, returned)?;
                batch.discount_minor -= returned.discount_minor;
                self.claims.release(binding);
            }
            (CouponEvent::Revoked(CouponRevoked { coupon_id, .. }), Some(_)) => {
                let coupon = free_coupon(&self.claims, *coupon_id)?;
                self.claims.revoke(coupon);
            }
            (CouponEvent::BudgetRaised(raised), Some(batch)) => {
                if raised.budget_minor <= batch.budget_minor {
                    return Err(Impossible::Batch("has its budget raised to less than it is"));
                }
                batch.budget_minor = raised.budget_minor;
            }
            (CouponEvent::BatchClosed(closed), Some(batch)) => {
                if batch.closed.is_some() {
                    return Err(Impossible::Batch("was closed before"));
                }
                batch.closed = Some(closed.clone());
            }
        }
        self.last_at = self.last_at.max(event.at());
        match event.act() {
            Some(act) => self.acts.keep(act, revision, ()),
            None => self.acts.passed(revision),
        }
        Ok(())
    }
}

impl Batch {
    fn new(created: &CouponBatchCreated) -> Result<Self, Impossible> {
        let terms = &created.terms;
        if terms.coupons < 0 || terms.per_buyer < 0 || terms.budget_minor < 0 {
            return Err(Impossible::Batch("has terms below zero"));
        }
        Ok(Self {
            created: created.clone(),
            closed: None,
            budget_minor: terms.budget_minor,
            discount_minor: 0,
        })
    }

    /// What is left of the budget.
    pub(super) fn left_minor(&self) -> i64 {
        self.budget_minor - self.discount_minor
    }

    fn spend(&mut self, redeemed: &CouponRedeemed) -> Result<(), Impossible> {
        let CouponRedeemed { coupon_id, base_minor, discount_minor, .. } = *redeemed;
        if discount_minor < 1 || discount_minor >= base_minor {
            return Err(Impossible::Coupon(coupon_id, "takes off more than it can, or nothing"));
        }
        if discount_minor > self.left_minor() {
            return Err(Impossible::Coupon(coupon_id, "takes off more than the budget has left"));
        }
        self.discount_minor += discount_minor;
        Ok(())
    }
}

fn may_be_claimed(
    claims: &Claims,
    batch: &Batch,
    claimed: &CouponClaimed,
) -> Result<(), Impossible> {
    let terms = &batch.created.terms;
    let impossible = |why| Err(Impossible::Coupon(claimed.coupon_id, why));
    if claims.find(claimed.coupon_id).is_some() {
        return impossible("was claimed before");
    }
    if i64::from(claims.count()) >= terms.coupons {
        return impossible("is one more than there are");
    }
    let (by_buyer, all) = claims.counts_of(&claimed.buyer);
    let is_over = claimed.grant.is_none() && i64::from(by_buyer) >= terms.per_buyer;
    if is_over || i64::from(all) >= BUYER_COUPONS_MAX {
        return impossible("is one more than its buyer may have");
    }
    Ok(())
}

fn free_coupon(claims: &Claims, coupon: CouponId) -> Result<u32, Impossible> {
    let row = claims.find(coupon).ok_or(Impossible::Coupon(coupon, "was never claimed"))?;
    if claims.is_free(row) { Ok(row) } else { Err(Impossible::Coupon(coupon, "is not free")) }
}

fn binding_in_force(claims: &Claims, returned: &CouponReturned) -> Result<u32, Impossible> {
    let impossible = |why| Impossible::Order(returned.order_id, why);
    let binding = claims.binding(returned.order_id);
    let binding = binding.ok_or_else(|| impossible("redeemed no coupon"))?;
    let of = claims.binding_at(binding);
    if claims.row(of.coupon).coupon_id != returned.coupon_id
        || of.discount_minor != returned.discount_minor
    {
        return Err(impossible("redeemed another coupon"));
    }
    if claims.is_in_force(binding) {
        Ok(binding)
    } else {
        Err(impossible("has returned its coupon before"))
    }
}
