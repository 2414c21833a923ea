//! Common parts of the deciders of acts: each of their events belongs to one request, and a
//! repeated request gets its first answer.

use std::collections::HashMap;

use uuid::Uuid;

use super::{AnswerFrom, Caused, Decision, Misdirected};
use crate::{
    events::{Act, Position},
    values::{Fingerprint, RequestId},
};

/// The answers a stream has given, and how far the stream has come.
#[derive(Debug)]
pub(super) struct Receipts<T> {
    given: HashMap<RequestId, Receipt<T>>,
    /// Whose position is not known yet, oldest first.
    in_flight: Vec<RequestId>,
    /// How many events the stream has: the revision of the next one.
    next_revision: u64,
}

/// What was answered to a request that changed something.
#[derive(Debug)]
pub(super) struct Receipt<T> {
    fingerprint: Fingerprint,
    revision: u64,
    position: Option<Position>,
    pub(super) shown: T,
}

impl<T> Default for Receipts<T> {
    fn default() -> Self {
        Self { given: HashMap::new(), in_flight: Vec::new(), next_revision: 0 }
    }
}

impl<T> Receipts<T> {
    /// An act became an event; `shown` is what its answer is made of.
    pub(super) fn keep(&mut self, act: &Act, revision: u64, shown: T) {
        let receipt = Receipt { fingerprint: act.fingerprint, revision, position: None, shown };
        self.given.insert(act.request_id, receipt);
        self.in_flight.push(act.request_id);
        self.next_revision = revision + 1;
    }

    /// An event of this revision belongs to no act.
    pub(super) fn passed(&mut self, revision: u64) {
        self.next_revision = revision + 1;
    }

    /// The events up to `revision` are in the log, the last of them at `position`.
    pub(super) fn landed(&mut self, revision: u64, position: Position) {
        let given = &mut self.given;
        self.in_flight.retain(|request_id| {
            let Some(receipt) = given.get_mut(request_id) else { return false };
            let has_landed = receipt.revision <= revision;
            if has_landed {
                receipt.position = Some(position.back(revision - receipt.revision));
            }
            !has_landed
        });
    }

    /// What this request was answered before, if it was.
    pub(super) fn of(
        &self,
        request_id: RequestId,
        fingerprint: Fingerprint,
    ) -> Result<Option<&Receipt<T>>, Misdirected> {
        match self.given.get(&request_id) {
            Some(receipt) if receipt.fingerprint != fingerprint => {
                Err(Misdirected::RequestIdReused(request_id))
            }
            found => Ok(found),
        }
    }

    /// Whether this request became an event.
    pub(super) fn knows(&self, request_id: RequestId) -> bool {
        self.given.contains_key(&request_id)
    }

    /// How many events the stream has.
    pub(super) fn events(&self) -> u64 {
        self.next_revision
    }

    /// Nothing happens; the answer rests on what the stream says so far.
    pub(super) fn unchanged<E, O>(&self, outcome: O) -> Decision<E, AnswerFrom<O>> {
        self.nothing(AnswerFrom::Decision(outcome))
    }

    /// Nothing happens; the answer shows the state.
    pub(super) fn shown<E, O>(&self) -> Decision<E, AnswerFrom<O>> {
        self.nothing(AnswerFrom::State(()))
    }

    fn nothing<E, O>(&self, outcome: AnswerFrom<O>) -> Decision<E, AnswerFrom<O>> {
        Decision {
            events: Vec::new(),
            outcome,
            // Of the last event; 0 while there is none.
            revision: self.next_revision.saturating_sub(1),
            position: None,
            attempt: None,
        }
    }

    /// One act happens to the stream of this id; the answer shows the state after it. The event's id
    /// comes from the request, so that one request is one event however often it is written.
    pub(super) fn happens<E, O>(
        &self,
        stream_id: Uuid,
        request_id: RequestId,
        event: E,
    ) -> Decision<E, AnswerFrom<O>> {
        let caused = Caused {
            event,
            id: Uuid::new_v5(&stream_id, request_id.0.as_bytes()),
            correlation: stream_id,
            causation: request_id.0,
            // The decider knows the time: see `Decision::judged`.
            judged_at: None,
        };
        Decision { events: vec![caused], revision: self.next_revision, ..self.shown() }
    }
}

impl<T> Receipt<T> {
    /// The first answer once more.
    pub(super) fn repeated<E, O, S>(&self, outcome: O) -> Decision<E, AnswerFrom<O, S>> {
        Decision {
            events: Vec::new(),
            outcome: AnswerFrom::Decision(outcome),
            revision: self.revision,
            position: self.position,
            attempt: None,
        }
    }
}
