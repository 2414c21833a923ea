//! A draw instead of first come, first served: every participant enters once, and units are offered
//! in a random order. The same seed gives the same draw.

use std::collections::{HashMap, VecDeque};

use super::super::{
    recording::{Recording, Shopper},
    replica::Sent,
    sequence::{Sequence, Step},
};
use crate::{events::AttemptOutcome, values::number_of};

/// A participant of the draw, with the first request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entrant {
    pub sent: Sent,
    pub shopper: Shopper,
    pub units: i64,
    /// The first order that is recorded of the shopper: its fate is theirs here, too.
    pub recorded: Option<u32>,
}

/// The draw of one item.
#[derive(Debug)]
pub(super) struct Draw {
    seed: u64,
    /// The step after which it is held: the last attempt that enters.
    held_at: Option<usize>,
    first_orders: HashMap<Shopper, u32>,
    entered: HashMap<Shopper, Entrant>,
    queue: VecDeque<Entrant>,
}

impl Draw {
    pub fn over(recording: &Recording, sequence: &Sequence, seed: u64) -> Self {
        let enters = |step: &Step| match step {
            Step::Fact(fact) => {
                let what = &recording.facts[*fact as usize].what;
                matches!(what, super::super::recording::What::Placed(_))
            }
            Step::Attempt(attempt) => {
                !never_in_the_draw(recording.attempts[*attempt as usize].outcome)
            }
        };
        let mut first_orders = HashMap::new();
        for (order, place) in recording.orders.iter().zip(0..) {
            first_orders.entry(order.shopper).or_insert(place);
        }
        Self {
            seed,
            held_at: sequence.steps.iter().rposition(enters),
            first_orders,
            entered: HashMap::new(),
            queue: VecDeque::new(),
        }
    }

    /// Whether it is held after that step.
    pub fn is_held_at(&self, place: usize) -> bool {
        self.held_at == Some(place)
    }

    /// Enters a shopper; `false` if it has entered already.
    pub fn enter(&mut self, sent: Sent, shopper: Shopper, units: i64, order: Option<u32>) -> bool {
        use std::collections::hash_map::Entry;
        match self.entered.entry(shopper) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                let recorded = order.or_else(|| self.first_orders.get(&shopper).copied());
                entry.insert(Entrant { sent, shopper, units, recorded });
                true
            }
        }
    }

    /// Draws: from now on [`Draw::first`] returns the participants in the drawn order.
    pub fn begin(&mut self) {
        let mut drawn: Vec<(u64, Entrant)> = self
            .entered
            .values()
            .map(|entrant| (lot(self.seed, entrant.shopper, 0), *entrant))
            .collect();
        // Equal lots are as good as impossible; then the shopper's number decides.
        drawn.sort_by_key(|(lot, entrant)| (*lot, entrant.shopper));
        self.queue = drawn.into_iter().map(|(_, entrant)| entrant).collect();
    }

    /// Whose turn it is.
    pub fn first(&self) -> Option<Entrant> {
        self.queue.front().copied()
    }

    /// The first one had their turn.
    pub fn served(&mut self) {
        self.queue.pop_front();
    }

    /// Those to whom nothing was offered.
    pub fn left(&self) -> i64 {
        number_of(self.queue.len())
    }
}

/// A number that looks random and is the same for the same seed, shopper and purpose.
pub(super) fn lot(seed: u64, shopper: Shopper, purpose: u64) -> u64 {
    let mut lot = seed ^ shopper.0.rotate_left(8) ^ purpose.rotate_left(40);
    // The finaliser of SplitMix64, twice: every bit of what goes in reaches every bit.
    for _ in 0..2 {
        lot = lot.wrapping_add(0x9e37_79b9_7f4a_7c15);
        lot = (lot ^ (lot >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        lot = (lot ^ (lot >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        lot ^= lot >> 31;
    }
    lot
}

/// Attempts on an item that took no orders are not in the draw either.
pub(super) fn never_in_the_draw(outcome: AttemptOutcome) -> bool {
    match outcome {
        AttemptOutcome::NotOpenYet | AttemptOutcome::Closed | AttemptOutcome::Paused => true,
        AttemptOutcome::Placed
        | AttemptOutcome::Repeated
        | AttemptOutcome::SoldOut
        | AttemptOutcome::NotEnoughUnits
        | AttemptOutcome::OverBuyerLimit
        | AttemptOutcome::OverOrderLimit
        | AttemptOutcome::NotEligible
        | AttemptOutcome::GiftGone
        | AttemptOutcome::PriceChanged => false,
    }
}
