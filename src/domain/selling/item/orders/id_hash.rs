//! Hashes of order ids, for the table that finds orders.
//!
//! An order's id is a SHA-1 of its item and its request, so its bits are spread already, but whoever
//! orders can choose them by trying. A key of this process keeps such ids from being put in one place of
//! the table, at a fraction of the cost of the general hash: a table that is divided hashes all of its
//! rows again.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
};

use crate::values::OrderId;

/// A hash with a key of its own.
#[derive(Clone)]
pub(super) struct IdHash {
    key: [u64; 2],
}

impl Default for IdHash {
    fn default() -> Self {
        let random = RandomState::new();
        Self { key: [random.hash_one(0_u8), random.hash_one(1_u8)] }
    }
}

impl fmt::Debug for IdHash {
    /// The key stays secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdHash").finish_non_exhaustive()
    }
}

impl IdHash {
    /// Both halves of the product of the id's keyed halves, so that each bit of the id reaches all bits.
    pub(super) fn of(&self, id: OrderId) -> u64 {
        let (high, low) = id.0.as_u64_pair();
        let product = u128::from(high ^ self.key[0]) * u128::from(low ^ self.key[1]);
        #[expect(clippy::cast_possible_truncation, reason = "each half for itself")]
        let halves = [product as u64, (product >> 64) as u64];
        halves[0] ^ halves[1]
    }
}
