//! How long something took, kept so that the last seconds can be told from the sums.
//!
//! A histogram for Prometheus has few classes; this one has eight for each doubling of microseconds,
//! so that a reading is accurate to an eighth. Counting costs one addition; a reader of the last
//! seconds keeps the earlier counts and subtracts them.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::values::{bound_of, micros, narrow};

/// Classes for each doubling, as a power of two.
const PER_DOUBLING_BITS: u32 = 3;

/// Enough for five days.
const CLASSES: usize = 8 * 36;

/// Durations by class.
#[derive(Debug)]
pub struct Latency {
    counts: Vec<AtomicU64>,
}

impl Default for Latency {
    fn default() -> Self {
        Self { counts: (0..CLASSES).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Latency {
    /// So many took so long.
    pub fn took(&self, duration: Duration, many: u64) {
        let us = micros(duration);
        self.counts[class_of(us)].fetch_add(many, Ordering::Relaxed);
    }

    /// What was counted so far, by class.
    pub fn counted(&self) -> Vec<u64> {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

/// Within how many microseconds that share of what was counted between two readings was done, in
/// parts per million; `None` where nothing was.
pub fn quantile_us(before: &[u64], after: &[u64], share_ppm: u64) -> Option<i64> {
    let fresh = |class: usize| {
        let before = before.get(class).copied().unwrap_or(0);
        after.get(class).copied().unwrap_or(0).saturating_sub(before)
    };
    let total: u64 = (0..after.len()).map(fresh).sum();
    if total == 0 {
        return None;
    }
    let wanted = u128::from(total) * u128::from(share_ppm);
    let mut sum = 0;
    let class = (0..after.len()).find(|class| {
        sum += fresh(*class);
        u128::from(sum) * 1_000_000 >= wanted
    });
    class.map(|class| bound_of(last_of(class)))
}

fn class_of(us: u64) -> usize {
    let exact = 1 << PER_DOUBLING_BITS;
    if us < exact {
        return usize::try_from(us).unwrap_or(0);
    }
    let doublings = 63 - us.leading_zeros();
    let within = (us >> (doublings - PER_DOUBLING_BITS)) & (exact - 1);
    let class = u64::from(doublings - PER_DOUBLING_BITS + 1) * exact + within;
    narrow(class).min(CLASSES - 1)
}

/// The longest of a class.
fn last_of(class: usize) -> u64 {
    let (exact, class) = (1_u64 << PER_DOUBLING_BITS, class as u64);
    if class < exact {
        return class;
    }
    let shift = class / exact - 1;
    let first = (exact + class % exact) << shift;
    first + (1 << shift) - 1
}
