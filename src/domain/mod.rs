//! The deciders: a command and a state go in, events or a refusal come out.
//!
//! Pure: no clock, no randomness, no I/O, no async. `decide` never changes the state; `evolve` is
//! the only thing that does, and it never refuses, because what happened has happened.

#![deny(clippy::float_arithmetic)]

pub mod alert;
pub mod beacon;
pub mod demand;
pub mod incident;
pub mod item;
pub mod level;
mod receipts;
pub mod sale;
pub mod script;
pub mod seen;
pub mod traffic;

use uuid::Uuid;

use crate::{
    events::{Attempt, Event, Position, Stored},
    values::{RequestId, UnixMs},
};

/// What a command came to.
#[derive(Debug)]
pub struct Decision<E, O> {
    /// What happened; empty when nothing did.
    pub events: Vec<Caused<E>>,
    /// What the caller is told, once the events are in the log.
    pub outcome: O,
    /// Revision that the outcome rests on: of its event, or the last one when it was decided.
    pub revision: u64,
    /// Where that revision stands, if it stood in the log already when this was decided.
    pub position: Option<Position>,
    /// Set when the command was an attempt to buy: it is counted as demand.
    pub attempt: Option<Attempt>,
}

/// One kind of thing that decides: an item, a sale.
///
/// The state is rebuilt by `evolve` over the stream. Events are applied as soon as they are decided,
/// before they are stored; if storing fails the state is thrown away and rebuilt.
pub trait Decider: Sized + Send + Unpin + 'static {
    type Command: Send + Unpin + 'static;
    type Event: Stored + Clone + Send + Unpin + 'static;
    type Outcome: Send + Unpin + 'static;

    /// The state of a stream in which nothing has happened.
    fn initial(id: Uuid) -> Self;

    /// Judges a command at a moment. Does not change anything.
    fn decide(&self, command: Self::Command, now: UnixMs) -> Decision<Self::Event, Self::Outcome>;

    /// Applies an event at its revision. The position is not known before the event is stored.
    fn evolve(&mut self, event: &Self::Event, revision: u64);

    /// The events up to `revision` stand in the log and the last of them stands at `position`.
    fn landed(&mut self, revision: u64, position: Position);

    /// What time alone makes happen by now, at most `max` events: nothing, unless it is said.
    fn due(&self, _now: UnixMs, _max: usize) -> Vec<Caused<Self::Event>> {
        Vec::new()
    }

    /// When time alone will make something happen next.
    fn next_due(&self) -> Option<UnixMs> {
        None
    }

    /// Picks the events of this decider's streams out of all events.
    fn pick(event: Event) -> Option<Self::Event>;
}

/// An event and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caused<E> {
    pub event: E,
    /// Deterministic: the same command makes the same id.
    pub id: Uuid,
    /// Joins the events of one story: an order, a sale.
    pub correlation: Uuid,
    /// The command, or for what time alone brought about, the event that set the deadline.
    pub causation: Uuid,
}

/// Why a command could not even be judged. Unlike a refusal it is the caller's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misdirected {
    /// There is no such sale, item or order, or it is somebody else's.
    #[error("{0} does not exist")]
    NotFound(&'static str),
    /// The request id was used before with other fields.
    #[error("request {0} was used before with other fields")]
    RequestIdReused(RequestId),
}
