//! What every contestant can do: put up an item, take orders for it, and tell what it sold.
//!
//! The load and the checks know only these traits, so no contestant is measured or checked in a way
//! of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use uuid::{Builder, Uuid};

/// One unit for one buyer, idempotent by its request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub request: Uuid,
    pub buyer: String,
}

/// What a wish was answered with. A fault is an error, not an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The id of the order. It is durable.
    Ordered(u128),
    /// Sold out, or the buyer has a unit.
    Refused,
}

/// What an item sold, by the contestant's own books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    /// Units that are left.
    pub left: i64,
    /// Rows of orders.
    pub orders: i64,
}

/// One caller, which waits for its answers before it sends more.
#[async_trait]
pub trait Caller: Send {
    /// Places all of these in one call or one burst. Answers are in the order of the wishes.
    async fn place(&mut self, wishes: &[Wish]) -> anyhow::Result<Vec<Answer>>;
}

/// An item on offer.
#[async_trait]
pub trait Item: Send + Sync {
    /// Opens so many callers.
    async fn callers(&self, count: usize) -> anyhow::Result<Vec<Box<dyn Caller>>>;
    /// The books, after all orders that were answered.
    async fn sold(&self) -> anyhow::Result<Sold>;
    /// Waits until the contestant has done what it put off during the load, so that the next
    /// contestant does not pay for it.
    async fn settle(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// A contestant.
#[async_trait]
pub trait Shop: Send + Sync {
    /// Puts up a new item with so many units, at most one for each buyer.
    async fn put_up(&self, units: i64) -> anyhow::Result<Box<dyn Item>>;
    /// Reads back the settings that make an answer durable. An error says which of them is not on.
    async fn durable(&self) -> anyhow::Result<()>;
}

/// Wishes of buyers that are all different.
#[derive(Debug)]
pub struct Wishes {
    run: u64,
    next: AtomicU64,
}

impl Wishes {
    /// Wishes that no other run has.
    pub fn new() -> Self {
        Self { run: Uuid::new_v4().as_u64_pair().0, next: AtomicU64::new(1) }
    }

    /// The number of the first of `count` new wishes.
    pub fn take(&self, count: usize) -> u64 {
        self.next.fetch_add(count as u64, Ordering::Relaxed)
    }

    /// The wish with a number: always the same.
    pub fn wish(&self, number: u64) -> Wish {
        let bits = (u128::from(self.run) << 64) | u128::from(number);
        let request = Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
        Wish { request, buyer: format!("buyer-{number}") }
    }

    /// So many wishes from a number on.
    pub fn wishes(&self, first: u64, count: usize) -> Vec<Wish> {
        (first..first + count as u64).map(|number| self.wish(number)).collect()
    }
}
