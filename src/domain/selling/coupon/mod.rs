//! A batch of coupons: how many can be claimed, by whom, and what they may cost together.
//!
//! Read in this order: `command` (what can be asked), `reason` (the business "no"s), `claims` (the
//! coupons and the orders they are bound to, in little memory), `batch` (what is remembered and how
//! events change it), `decide` (the rules), `answer` (how a decision answers), `view` (what answers
//! show), `decider` (all of it as one decider). `draft` checks the coupons that a sale plans.

mod answer;
mod batch;
mod claims;
mod command;
mod decide;
mod decider;
mod draft;
mod reason;
mod view;

pub use crate::events::{CouponNamed, CouponReason};
pub use answer::{CouponOutcome, CouponShown};
pub use batch::CouponBatch;
pub use command::{
    BatchAction, ClaimCoupon, CouponCommand, CreateBatch, GrantCoupon, RedeemCoupon, ReturnCoupon,
    SteerBatch,
};
pub use draft::{
    BATCHES_PER_SALE_MAX, BUYER_COUPONS_MAX, COUPONS_MAX, DraftCoupon, SaleTerms, check_coupons,
};
pub use view::{BatchView, CouponState, CouponView, Redemption};
