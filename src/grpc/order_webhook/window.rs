//! The events that are being delivered: several at once, but of one order one after the other.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use super::letter::Letter;

/// Events that are read ahead of the oldest one that is not delivered.
pub(super) const WINDOW_MAX: usize = 256;

/// What is read and not delivered yet, in the order of the log.
#[derive(Default)]
pub(super) struct Window {
    slots: VecDeque<Slot>,
    /// Number of the first slot.
    first: u64,
}

struct Slot {
    /// Where the stream goes on behind it.
    token: String,
    position: Option<u64>,
    letter: Option<Arc<Letter>>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waits,
    IsSent,
    Done,
}

impl Window {
    pub(super) fn has_room(&self) -> bool {
        self.slots.len() < WINDOW_MAX
    }

    /// A message of the stream; one without an event is done.
    pub(super) fn push(&mut self, token: String, letter: Option<Letter>) {
        let state = if letter.is_some() { State::Waits } else { State::Done };
        let position = letter.as_ref().map(|letter| letter.position);
        self.slots.push_back(Slot { token, position, letter: letter.map(Arc::new), state });
    }

    /// The first event that may be sent now, with its number: none of its order is under way before it.
    pub(super) fn take(&mut self) -> Option<(u64, Arc<Letter>)> {
        let mut busy = HashSet::new();
        for (number, slot) in (self.first..).zip(&mut self.slots) {
            let Some(letter) = slot.letter.as_ref().filter(|_| slot.state != State::Done) else {
                continue;
            };
            if busy.insert(letter.key().to_owned()) && slot.state == State::Waits {
                slot.state = State::IsSent;
                return Some((number, Arc::clone(letter)));
            }
        }
        None
    }

    /// It was delivered or set aside.
    pub(super) fn done(&mut self, number: u64) {
        let place = usize::try_from(number - self.first).ok();
        if let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) {
            slot.state = State::Done;
            slot.letter = None;
        }
    }

    /// Forgets what is done up to the first that is not; where the stream goes on behind that, and the
    /// position of the last event.
    pub(super) fn settle(&mut self) -> Option<(String, Option<u64>)> {
        let (mut token, mut position) = (None, None);
        while let Some(slot) = self.slots.pop_front_if(|slot| slot.state == State::Done) {
            self.first += 1;
            token = Some(slot.token);
            position = slot.position.or(position);
        }
        token.map(|token| (token, position))
    }
}
