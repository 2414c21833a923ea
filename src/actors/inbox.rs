//! Commands on their way to an aggregate: a queue, and a message only where the actor has to be woken.
//!
//! Waking the thread of an actor takes a system call and a context switch. While an append is in flight
//! the actor looks into its inbox anyway when the append has landed, so senders wake it only for enough
//! commands to be worth deciding during the flight. The queue is bounded by the tickets of its
//! deliveries, and orders by time: none is taken in while one before it has waited for too long, here or
//! decided, for the append before it to land. It must never hold a delivery that nobody looks at: an
//! actor that stops takes out what is left.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::batch::Delivery;
use crate::domain::Decider;

/// Commands for which an actor is woken while its append is in flight: deciding them then keeps the
/// store from waiting, and the cost of a wake-up is shared by that many.
const WORTH_WAKING: usize = 8;

/// The commands for one actor.
pub(super) struct Inbox<D: Decider> {
    queue: Mutex<Queue<D>>,
    /// How long one may have waited before further orders are refused.
    wait_max: Duration,
}

struct Queue<D: Decider> {
    deliveries: VecDeque<Delivery<D>>,
    commands: usize,
    reader: Reader,
    /// Since when the oldest of what was taken out waits to be sent to the store.
    taken_since: Option<Instant>,
    /// The state is there, so that what comes is decided.
    is_read: bool,
}

/// What the actor does about its inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Nothing until it is woken.
    Asleep,
    /// An append is in flight; it looks when that has landed, or is woken for many commands.
    Flying,
    /// It was woken and has not looked yet.
    Woken,
    /// It takes nothing any more.
    Gone,
}

/// What came of a delivery.
pub(super) enum Put<D: Decider> {
    /// The actor will look.
    Waits,
    /// The actor has to be woken by a message.
    Wake,
    /// The actor takes nothing any more.
    Gone(Delivery<D>),
    /// Others have waited for too long.
    TooMany(Delivery<D>),
}

impl<D: Decider> Inbox<D> {
    /// An empty inbox of an actor that has to be woken and has no state yet.
    pub(super) fn new(wait_max: Duration) -> Self {
        let queue = Queue {
            deliveries: VecDeque::new(),
            commands: 0,
            reader: Reader::Asleep,
            taken_since: None,
            is_read: false,
        };
        Self { queue: Mutex::new(queue), wait_max }
    }

    /// Adds a delivery behind the others.
    pub(super) fn put(&self, delivery: Delivery<D>) -> Put<D> {
        let mut queue = self.lock();
        if queue.reader == Reader::Gone {
            return Put::Gone(delivery);
        }
        if delivery.is_order() && queue.waits_longer(self.wait_max, delivery.since) {
            return Put::TooMany(delivery);
        }
        queue.commands += delivery.commands.len();
        queue.deliveries.push_back(delivery);
        let wake = match queue.reader {
            Reader::Asleep => true,
            Reader::Flying => queue.commands >= WORTH_WAKING,
            Reader::Woken | Reader::Gone => false,
        };
        if wake {
            queue.reader = Reader::Woken;
            return Put::Wake;
        }
        Put::Waits
    }

    /// Moves everything behind `waiting`. Until [`Self::listen`] nobody wakes the actor.
    pub(super) fn take(&self, waiting: &mut VecDeque<Delivery<D>>) {
        let mut queue = self.lock();
        queue.commands = 0;
        queue.taken_since = queue.oldest();
        if queue.reader != Reader::Gone {
            queue.reader = Reader::Woken;
        }
        waiting.append(&mut queue.deliveries);
    }

    /// The actor has done what it can: it has to be woken, for any command or, while an append is in
    /// flight, for many. What it has taken out and not sent to the store waits since `oldest`. False where
    /// there are such commands already, and it has to look again.
    pub(super) fn listen(&self, flying: bool, oldest: Option<Instant>) -> bool {
        let mut queue = self.lock();
        queue.taken_since = oldest;
        queue.is_read = true;
        let enough = if flying { WORTH_WAKING } else { 1 };
        if queue.commands >= enough {
            return false;
        }
        if queue.reader != Reader::Gone {
            queue.reader = if flying { Reader::Flying } else { Reader::Asleep };
        }
        true
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().deliveries.is_empty()
    }

    /// Takes nothing any more; gives what was left.
    pub(super) fn close(&self) -> VecDeque<Delivery<D>> {
        let mut queue = self.lock();
        queue.reader = Reader::Gone;
        queue.commands = 0;
        std::mem::take(&mut queue.deliveries)
    }

    /// Whether it takes nothing any more.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().reader == Reader::Gone
    }

    fn lock(&self) -> MutexGuard<'_, Queue<D>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Decider> Queue<D> {
    /// Since when the oldest waits that is not sent to the store.
    fn oldest(&self) -> Option<Instant> {
        self.taken_since.or_else(|| self.deliveries.front().map(|first| first.since))
    }

    /// Whether the oldest has waited longer than that. What waits for the state to be read does not count:
    /// that is no sign of a crowd.
    fn waits_longer(&self, most: Duration, now: Instant) -> bool {
        let waits = |oldest| now.saturating_duration_since(oldest) > most;
        self.is_read && self.oldest().is_some_and(waits)
    }
}
