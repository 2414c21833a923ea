//! The coupons of a batch and the orders they were bound to, in little memory: rows of plain numbers,
//! found by tables of row numbers.
//!
//! All are kept: a repeated request always gets its first answer, and an order redeems at most once,
//! also after its coupon was returned.

use std::hash::{BuildHasher, RandomState};

use crate::{
    domain::{item::index::Index, selling::names::Names},
    events::{CouponClaimed, CouponRedeemed, GrantCause, Position},
    values::{CouponId, Fingerprint, OrderId, UnixMs, short},
};

/// No row.
const NONE: u32 = u32::MAX;

/// One coupon.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) coupon_id: CouponId,
    pub(super) fingerprint: Fingerprint,
    pub(super) claimed_at: UnixMs,
    pub(super) revision: u64,
    /// Meaningless before the row has landed: see [`Claims::position`].
    position: Position,
    buyer: u32,
    /// The coupon that the buyer got before this one.
    earlier: u32,
    /// The binding to an order that is in force.
    bound: u32,
    pub(super) cause: Option<GrantCause>,
    pub(super) revoked: bool,
}

/// A coupon that is or was bound to an order.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) order_id: OrderId,
    pub(super) discount_minor: i64,
    pub(super) revision: u64,
    position: Position,
    pub(super) coupon: u32,
}

#[derive(Debug)]
struct Buyer {
    newest: u32,
    /// Without those that were granted.
    claimed: u32,
    all: u32,
}

/// All coupons of one batch.
#[derive(Debug, Default)]
pub(super) struct Claims {
    hasher: RandomState,
    rows: Vec<Row>,
    by_id: Index,
    names: Names,
    buyers: Vec<Buyer>,
    bindings: Vec<Binding>,
    by_order: Index,
    bound: u32,
    /// Rows and bindings from here on have no position yet.
    landed_rows: usize,
    landed_bindings: usize,
}

impl Claims {
    /// How many coupons were claimed and granted.
    pub(super) fn count(&self) -> u32 {
        short(self.rows.len())
    }

    /// How many are bound to an order now.
    pub(super) fn bound(&self) -> u32 {
        self.bound
    }

    pub(super) fn find(&self, coupon: CouponId) -> Option<u32> {
        self.by_id.find(self.hasher.hash_one(coupon.0), |row| self.row(row).coupon_id == coupon)
    }

    pub(super) fn row(&self, row: u32) -> &Row {
        &self.rows[row as usize]
    }

    pub(super) fn buyer(&self, row: u32) -> &str {
        self.names.name(self.row(row).buyer)
    }

    /// Where the claim stands in the log; `None` until that is known.
    pub(super) fn position(&self, row: u32) -> Option<Position> {
        ((row as usize) < self.landed_rows).then(|| self.row(row).position)
    }

    /// The binding of a coupon that is in force.
    pub(super) fn binding_of(&self, row: u32) -> Option<&Binding> {
        self.bindings.get(self.row(row).bound as usize)
    }

    /// Whether an order can use it.
    pub(super) fn is_free(&self, row: u32) -> bool {
        let row = self.row(row);
        !row.revoked && row.bound == NONE
    }

    /// The coupons of a buyer, newest first.
    pub(super) fn of_buyer(&self, buyer: &str) -> impl Iterator<Item = u32> {
        let newest =
            self.names.find(buyer).map_or(NONE, |buyer| self.buyers[buyer as usize].newest);
        let row = |row: u32| (row != NONE).then_some(row);
        std::iter::successors(row(newest), move |last| row(self.row(*last).earlier))
    }

    /// How many coupons the buyer claimed, and has with those that were granted.
    pub(super) fn counts_of(&self, buyer: &str) -> (u32, u32) {
        let buyer = self.names.find(buyer).map(|buyer| &self.buyers[buyer as usize]);
        buyer.map_or((0, 0), |buyer| (buyer.claimed, buyer.all))
    }

    /// The binding that an order got, whether it is in force or not.
    pub(super) fn binding(&self, order: OrderId) -> Option<u32> {
        self.by_order.find(self.hasher.hash_one(order.0), |index| {
            self.bindings[index as usize].order_id == order
        })
    }

    pub(super) fn binding_at(&self, index: u32) -> &Binding {
        &self.bindings[index as usize]
    }

    /// Whether the coupon is bound by this binding still.
    pub(super) fn is_in_force(&self, index: u32) -> bool {
        self.row(self.binding_at(index).coupon).bound == index
    }

    /// Where the redemption stands in the log; `None` until that is known.
    pub(super) fn binding_position(&self, index: u32) -> Option<Position> {
        ((index as usize) < self.landed_bindings).then(|| self.binding_at(index).position)
    }

    /// Adds a coupon that is not there.
    pub(super) fn claim(&mut self, event: &CouponClaimed, revision: u64) {
        let row = self.count();
        let buyer = self.names.number(&event.buyer);
        if buyer as usize == self.buyers.len() {
            self.buyers.push(Buyer { newest: NONE, claimed: 0, all: 0 });
        }
        let of = &mut self.buyers[buyer as usize];
        of.all += 1;
        of.claimed += u32::from(event.grant.is_none());
        self.rows.push(Row {
            coupon_id: event.coupon_id,
            fingerprint: event.fingerprint,
            claimed_at: event.claimed_at_ms,
            revision,
            position: Position::default(),
            buyer,
            earlier: std::mem::replace(&mut of.newest, row),
            bound: NONE,
            cause: event.grant.as_ref().map(|grant| grant.cause),
            revoked: false,
        });
        let Self { hasher, rows, by_id, .. } = self;
        by_id.insert(hasher.hash_one(event.coupon_id.0), row, |row| {
            hasher.hash_one(rows[row as usize].coupon_id.0)
        });
    }

    /// Binds a free coupon to an order that never had one.
    pub(super) fn bind(&mut self, row: u32, event: &CouponRedeemed, revision: u64) {
        let index = short(self.bindings.len());
        self.rows[row as usize].bound = index;
        self.bound += 1;
        self.bindings.push(Binding {
            order_id: event.order_id,
            discount_minor: event.discount_minor,
            revision,
            position: Position::default(),
            coupon: row,
        });
        let Self { hasher, bindings, by_order, .. } = self;
        by_order.insert(hasher.hash_one(event.order_id.0), index, |index| {
            hasher.hash_one(bindings[index as usize].order_id.0)
        });
    }

    /// Ends a binding that is in force.
    pub(super) fn release(&mut self, index: u32) {
        let coupon = self.binding_at(index).coupon as usize;
        self.rows[coupon].bound = NONE;
        self.bound -= 1;
    }

    pub(super) fn revoke(&mut self, row: u32) {
        self.rows[row as usize].revoked = true;
    }

    /// Everything up to `revision` stands in the log, the last of it at `position`, without gaps
    /// between what has no position yet.
    pub(super) fn landed(&mut self, revision: u64, position: Position) {
        for row in self.rows[self.landed_rows..].iter_mut().take_while(|r| r.revision <= revision) {
            row.position = position.back(revision - row.revision);
            self.landed_rows += 1;
        }
        let flying = self.bindings[self.landed_bindings..].iter_mut();
        for binding in flying.take_while(|binding| binding.revision <= revision) {
            binding.position = position.back(revision - binding.revision);
            self.landed_bindings += 1;
        }
    }
}
