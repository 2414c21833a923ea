//! In which order an item's events and the attempts on it were decided.
//!
//! The log has the events in order and demand ticks have the attempts in order; what joins them is
//! that each attempt that was placed is an order of the log. Between two of them a refused attempt
//! may still have several places among other events of its millisecond. The decider tells them
//! apart: it takes the first place at which it would have decided the same.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{
    Log, ReplayError,
    deed::Deed,
    recording::{Attempted, Recording, Shopper, What},
    replica::{Replica, Sent, placed},
};
use crate::{
    events::{AttemptOutcome, packed_units},
    values::{ItemId, UnixMs, short},
};

/// How the place of an attempt among the events is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// There is no other.
    Certain,
    /// The first one of several within a millisecond at which the decider decides the same.
    ByDecision,
    /// At none of its places would the decider decide the same: only its time is known.
    ByTime,
}

/// One step of what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The next event of the item.
    Fact(u32),
    /// An attempt that became no order of its own.
    Attempt(u32),
}

/// Everything in order.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    pub steps: Vec<Step>,
    /// Where each fact stands among the steps.
    pub place_of_fact: Vec<u32>,
    /// Orders whose attempt is in no tick: it was lost with a crash, or is not written yet.
    pub orders_without_attempt: u64,
    /// Attempts that were placed, of which the log has no order.
    pub attempts_without_order: u64,
    /// Attempts that the decider would have decided otherwise, wherever they are put.
    pub unexplained: u64,
    /// Orders and ends of holds of the log that the decider would not have let happen.
    pub contradicted: u64,
    /// Ends of holds that were taken to be part of a payment, where attempts that fit nowhere may have come
    /// between the two.
    doubtful: BTreeSet<usize>,
}

impl Sequence {
    fn differing(&self) -> u64 {
        self.unexplained + self.contradicted
    }
}

/// So many doubtful ends of holds are looked at: each costs putting the item in order once more.
const DOUBTFUL_MAX: usize = 16;

/// Reads an item and puts it in order. A hold that ended in the millisecond in which a payment brought its
/// order back ended with the payment, unless more attempts fit if it ended before.
///
/// # Errors
/// When there is no such item, or more than fits.
pub(super) fn in_order(log: &Log, item: ItemId) -> Result<(Recording, Sequence), ReplayError> {
    let mut recording = Recording::read(log, item)?;
    let mut found = sequence(&recording, |_| ());
    for fact in std::mem::take(&mut found.doubtful).into_iter().take(DOUBTFUL_MAX) {
        recording.takes_apart(fact, true);
        let apart = sequence(&recording, |_| ());
        if apart.differing() < found.differing() {
            found = apart;
        } else {
            recording.takes_apart(fact, false);
        }
    }
    Ok((recording, found))
}

/// What the item looked like when an attempt was decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// Place among the attempts; `None` for an order whose attempt is in no tick.
    pub attempt: Option<u32>,
    /// The order it became.
    pub order: Option<u32>,
    /// Events decided before it: the revision of the next one.
    pub next_revision: u32,
    pub available: i64,
    pub held: i64,
    pub placement: Placement,
}

/// Puts a recording in order. `see` is told of every attempt, with the state before it.
pub(super) fn sequence(recording: &Recording, mut see: impl FnMut(Sight)) -> Sequence {
    let joined = Joined::new(recording);
    let mut sorting = Sorting {
        recording,
        joined: &joined,
        replica: Replica::new(recording.item),
        next: 0,
        found: Sequence {
            attempts_without_order: joined.attempts_without_order,
            ..Sequence::default()
        },
        see: &mut see,
    };
    let mut after = 0;
    for (place, attempt) in recording.attempts.iter().enumerate() {
        let attempt_place = short(place);
        if attempt.outcome == AttemptOutcome::Placed {
            if let Some(order) = joined.order_of(place) {
                after = after.max(recording.orders[order as usize].fact as usize + 1);
            }
            continue;
        }
        sorting.put(attempt_place, *attempt, after);
    }
    sorting.pass(recording.facts.len());
    sorting.found
}

/// Which attempt became which order.
struct Joined {
    /// By attempt: its order, or the number that is none.
    orders: Vec<u32>,
    /// By order: its attempt.
    attempts: Vec<u32>,
    /// By attempt: the first fact that is known to come after it.
    before: Vec<u32>,
    attempts_without_order: u64,
}

const NONE: u32 = u32::MAX;

impl Joined {
    fn new(recording: &Recording) -> Self {
        let mut waiting: HashMap<(Shopper, UnixMs, u16), VecDeque<u32>> = HashMap::new();
        for (place, order) in recording.orders.iter().enumerate() {
            let units = packed_units(order.units);
            let key = (order.shopper, order.judged_at, units);
            waiting.entry(key).or_default().push_back(short(place));
        }
        let mut joined = Self {
            orders: vec![NONE; recording.attempts.len()],
            attempts: vec![NONE; recording.orders.len()],
            before: vec![short(recording.facts.len()); recording.attempts.len()],
            attempts_without_order: 0,
        };
        for (place, attempt) in recording.attempts.iter().enumerate() {
            if attempt.outcome != AttemptOutcome::Placed {
                continue;
            }
            let key = (attempt.shopper, attempt.at, attempt.units);
            match waiting.get_mut(&key).and_then(VecDeque::pop_front) {
                Some(order) => {
                    joined.orders[place] = order;
                    joined.attempts[order as usize] = short(place);
                }
                None => joined.attempts_without_order += 1,
            }
        }
        let mut before = short(recording.facts.len());
        for place in (0..recording.attempts.len()).rev() {
            joined.before[place] = before;
            if let Some(order) = joined.order_of(place) {
                before = before.min(recording.orders[order as usize].fact);
            }
        }
        joined
    }

    fn order_of(&self, attempt: usize) -> Option<u32> {
        self.orders.get(attempt).copied().filter(|order| *order != NONE)
    }

    fn attempt_of(&self, order: u32) -> Option<u32> {
        self.attempts.get(order as usize).copied().filter(|attempt| *attempt != NONE)
    }
}

struct Sorting<'a, F> {
    recording: &'a Recording,
    joined: &'a Joined,
    replica: Replica,
    /// The next fact.
    next: usize,
    found: Sequence,
    see: &'a mut F,
}

impl<F: FnMut(Sight)> Sorting<'_, F> {
    /// Puts an attempt between the facts. It comes after the first `after` of them.
    fn put(&mut self, place: u32, attempt: Attempted, after: usize) {
        let facts = &self.recording.facts;
        let mut first = self.next.max(after);
        while facts.get(first).is_some_and(|fact| fact.at < attempt.at) {
            first += 1;
        }
        self.pass(first);
        let mut last = first;
        let limit = self.joined.before[place as usize] as usize;
        while last < limit && facts.get(last).is_some_and(|fact| fact.at <= attempt.at) {
            last += 1;
        }
        let placement = self.settle(place, attempt, last);
        self.found.steps.push(Step::Attempt(place));
        (self.see)(Sight {
            attempt: Some(place),
            order: None,
            next_revision: short(self.next),
            available: self.replica.available(),
            held: self.replica.held(),
            placement,
        });
    }

    /// Goes on to the first fact, at most to `last`, before which the decider agrees.
    fn settle(&mut self, place: u32, attempt: Attempted, last: usize) -> Placement {
        let (first, only) = (self.next, self.next == last);
        loop {
            let unknown = matches!(
                attempt.outcome,
                AttemptOutcome::Repeated
                    | AttemptOutcome::NotEligible
                    | AttemptOutcome::PriceChanged
            );
            let agreed = unknown || self.would(place, attempt) == Some(attempt.outcome);
            if agreed {
                return if only { Placement::Certain } else { Placement::ByDecision };
            }
            if self.next >= last {
                self.found.unexplained += 1;
                let recording = self.recording;
                let doubtful = (first..last).filter(|fact| recording.ends_with_payment(*fact));
                self.found.doubtful.extend(doubtful);
                return Placement::ByTime;
            }
            self.pass(self.next + 1);
        }
    }

    fn would(&self, place: u32, attempt: Attempted) -> Option<AttemptOutcome> {
        let Attempted { at, shopper, units, .. } = attempt;
        self.replica.would(Sent::Attempt(place), shopper, i64::from(units), at)
    }

    /// Lets the facts happen up to there.
    fn pass(&mut self, to: usize) {
        while self.next < to {
            let recording = self.recording;
            let fact = &recording.facts[self.next];
            let agreed = match &fact.what {
                What::Steered(event) => {
                    self.replica.steer(event, self.recording.ends_act(self.next))
                }
                What::Placed(order) => self.place(*order),
                What::Deed(order, deed) => self.do_again(*order, *deed, fact.judged_at),
            };
            self.found.contradicted += u64::from(!agreed);
            self.found.place_of_fact.push(short(self.found.steps.len()));
            self.found.steps.push(Step::Fact(short(self.next)));
            self.next += 1;
        }
    }

    fn place(&mut self, place: u32) -> bool {
        let order = &self.recording.orders[place as usize];
        let attempt = self.joined.attempt_of(place);
        self.found.orders_without_attempt += u64::from(attempt.is_none());
        (self.see)(Sight {
            attempt,
            order: Some(place),
            next_revision: short(self.next),
            available: self.replica.available(),
            held: self.replica.held(),
            placement: Placement::Certain,
        });
        let (shopper, units) = (order.shopper, order.units);
        let (more, at) = (order.more.as_deref(), order.judged_at);
        let made = self.replica.attempt(Sent::Order(place), shopper, units, more, at);
        made.is_some_and(|(outcome, _)| outcome == AttemptOutcome::Placed)
    }

    /// Whether the order then stands where it is recorded to stand.
    fn do_again(&mut self, place: u32, deed: Deed, at: UnixMs) -> bool {
        let order = &self.recording.orders[place as usize];
        let placed = placed(Sent::Order(place), order.shopper, order.units);
        self.replica.do_again(placed, deed, at);
        let left = deed.leaves().filter(|_| !deed.is_done_by_another());
        left.is_none_or(|left| self.replica.stands(placed).is_some_and(|now| now.state == left))
    }
}
