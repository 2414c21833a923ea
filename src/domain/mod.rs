//! The deciders: a command and a state go in, events or a refusal come out.
//!
//! Pure: no clock, no randomness, no I/O, no async. `decide` never changes the state; only `evolve`
//! does. Events that were just decided fit the state; stored ones may contradict each other, which
//! is an [`Impossible`] and no panic: a panic would end the process at every start.

#![deny(clippy::float_arithmetic)]

mod audience;
mod operations;
mod receipts;
pub mod seen;
mod selling;
pub mod snapshot;

pub use audience::{beacon, traffic};
pub use operations::{alert, incident, node_roll, script, service_level};
pub use selling::{
    coupon, demand, eligibility, fulfilment, item, limits, price, quota, references, sale,
};

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::snapshot::{Read, Reader, Writer};
use crate::{
    events::{
        Attempt, Category, Event, Family, ImpossibleMove, NewEvent, Position, Stored, encode,
    },
    values::{CouponId, Invalid, Kinds, OrderId, RequestId, UnixMs, kinds},
};

/// What a command came to. `decide` gives one whose outcome is an [`AnswerFrom`].
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

/// What a decider decides: its outcome is complete once the events are applied.
pub type Decided<D> =
    Decision<<D as Decider>::Event, AnswerFrom<<D as Decider>::Outcome, <D as Decider>::Shown>>;

/// Where an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerFrom<O, S = ()> {
    /// The decision itself: a refusal, a mistake of the caller, a first answer that is repeated.
    Decision(O),
    /// The state to which the events are applied, so that an answer and the events cannot differ.
    State(S),
}

/// What an outcome amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a, R> {
    Done,
    Refused(&'a R),
    Misdirected(&'a Misdirected),
}

/// One kind of thing that decides: an item, a sale.
///
/// The state is rebuilt by `evolve` over the stream. Events are applied as soon as they are decided,
/// before they are stored; if storing fails the state is thrown away and rebuilt.
pub trait Decider: Sized + Send + Unpin + 'static {
    /// What can be asked, by kinds. Commands and outcomes travel between nodes as JSON: a node sends
    /// commands to nodes of its own or a later version. A new field therefore has a default, which
    /// is what earlier versions meant, and is left out where it has it; names of variants and fields
    /// are permanent. A variant that the receiver does not know is an error of the link, and a field
    /// that it does not know is ignored. Fields are not validated again: they were where they entered.
    type Command: Kinds + Clone + Send + Unpin + 'static;
    type Event: Stored + Family<Event> + Clone + Send + Unpin + 'static;
    type Outcome: Send + Unpin + 'static;
    /// Why a command is refused.
    type Refusal: Kinds + 'static;
    /// Which part of the state an answer shows.
    type Shown;

    /// The category of its streams.
    const CATEGORY: Category;

    /// Whether its states are written down, so that a stream need not be folded from its beginning.
    const HAS_SNAPSHOTS: bool = false;

    /// The state of a stream in which nothing has happened.
    fn initial(id: Uuid) -> Self;

    /// The same state once more; nothing where it is as well folded again from its short stream.
    fn copy(&self) -> Option<Self> {
        None
    }

    /// Judges a command at a moment. Does not change anything.
    fn decide(&self, command: Self::Command, now: UnixMs) -> Decided<Self>;

    /// Whether the command is an attempt to order, whose latency is measured.
    fn is_attempt(_command: &Self::Command) -> bool {
        false
    }

    /// What an outcome amounts to.
    fn verdict(outcome: &Self::Outcome) -> Verdict<'_, Self::Refusal>;

    /// Shows that part of the state. Asked after the events of the decision are applied and before
    /// those of the next one.
    fn show(&self, shown: Self::Shown, now: UnixMs) -> Self::Outcome;

    /// The answer to a command that was decided at that moment and whose events are applied.
    fn answer(&self, from: AnswerFrom<Self::Outcome, Self::Shown>, now: UnixMs) -> Self::Outcome {
        match from {
            AnswerFrom::Decision(outcome) => outcome,
            AnswerFrom::State(shown) => self.show(shown, now),
        }
    }

    /// Applies an event of the log at its revision.
    ///
    /// # Errors
    /// When the event contradicts those before it. The state is of no use afterwards.
    fn try_evolve(&mut self, event: &Self::Event, revision: u64) -> Result<(), Impossible>;

    /// Applies an event that was decided on this state, before it is stored. The position is not
    /// known yet.
    ///
    /// # Panics
    /// If the decision contradicts the state it was made on: nothing of it may be stored.
    fn evolve(&mut self, event: &Self::Event, revision: u64) {
        if let Err(impossible) = self.try_evolve(event, revision) {
            let kind = event.kind();
            panic!("{kind} was decided for revision {revision} and is impossible: {impossible}");
        }
    }

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

    /// The clock was set by so much: what is under way and ends at a moment, ends so much later.
    fn clock_moved(&mut self, _by_ms: i64) {}

    /// Many events of the log are applied one after the other. Until [`bulk_ends`](Self::bulk_ends)
    /// nothing is asked but `try_evolve`, `landed` and `clock_moved`: what only questions need can wait.
    fn bulk_begins(&mut self) {}

    /// The many events have ended.
    ///
    /// # Errors
    /// When one of them contradicts those before it, and that was not seen before.
    fn bulk_ends(&mut self) -> Result<(), Impossible> {
        Ok(())
    }

    /// Writes down the state; equal states are written alike. `false` where it holds more than what the
    /// events that have landed come to.
    fn write(&self, _to: &mut Writer<'_>) -> bool {
        false
    }

    /// The state of a stream after its event at `revision`, as it was written down.
    ///
    /// # Errors
    /// When it is no such state: rules rely on what `try_evolve` checks, so it is checked here, too.
    fn read(_id: Uuid, _revision: u64, _from: &mut Reader<'_>) -> Read<Self> {
        snapshot::bad("is of a kind that is not written down")
    }

    /// Picks the events of this decider's streams out of all events.
    fn pick(event: Event) -> Option<Self::Event> {
        Self::Event::pick(event)
    }
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
    /// The moment by which it was judged, where that is not the event's own stamp.
    pub judged_at: Option<UnixMs>,
}

impl<E: Stored> Caused<E> {
    /// As it goes into the log.
    pub fn encode(&self) -> NewEvent {
        let event = encode(self.id, &self.event, self.correlation, self.causation);
        match self.judged_at {
            Some(moment) => event.judged_at(moment),
            None => event,
        }
    }
}

/// When something is decided.
///
/// Rules go by `now`. What an event says of its time is `stamp`: it is never before the last one of
/// its stream, although a clock may have been set back meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) now: UnixMs,
    pub(crate) stamp: UnixMs,
}

impl Moment {
    /// `now`, in a stream whose last event is stamped with `last`.
    pub(crate) fn after(last: UnixMs, now: UnixMs) -> Self {
        Self { now, stamp: now.max(last) }
    }

    /// The same moment by a clock that was not set by so much: that of a deadline from before.
    pub(crate) fn before_move(self, by_ms: i64) -> Self {
        Self { now: self.now.plus(by_ms.saturating_neg()), ..self }
    }

    /// What an event keeps beside its stamp.
    pub(crate) fn judged_at(self) -> Option<UnixMs> {
        (self.now != self.stamp).then_some(self.now)
    }
}

impl<E, O> Decision<E, O> {
    /// The same, its events judged at that moment.
    pub(crate) fn judged(mut self, at: Moment) -> Self {
        for caused in &mut self.events {
            caused.judged_at = at.judged_at();
        }
        self
    }

    /// The same with another outcome.
    pub fn with_outcome<P>(self, outcome: impl FnOnce(O) -> P) -> Decision<E, P> {
        let Self { events, outcome: before, revision, position, attempt } = self;
        Decision { events, outcome: outcome(before), revision, position, attempt }
    }
}

/// An event that contradicts those before it in its stream: no decider of ours wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    #[error(transparent)]
    Move(#[from] ImpossibleMove),
    #[error("order {0} {1}")]
    Order(OrderId, &'static str),
    #[error("coupon {0} {1}")]
    Coupon(CouponId, &'static str),
    #[error("the batch of coupons {0}")]
    Batch(&'static str),
    #[error(transparent)]
    Step(#[from] price::ImpossibleStep),
    #[error(transparent)]
    Gift(#[from] price::ImpossibleGift),
    #[error("an export goes from {after} to {upto}, but the one before ended at {ended}")]
    Export { after: i64, upto: i64, ended: i64 },
}

/// Why a command could not even be judged. Unlike a refusal it is the caller's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misdirected {
    /// There is no such sale, item or order, or it belongs to another buyer. Holds the name of the
    /// field, owned only where another node sent it.
    #[error("{0} does not exist")]
    NotFound(Cow<'static, str>),
    /// The request id was used before with other fields.
    #[error("request {0} was used before with other fields")]
    RequestIdReused(RequestId),
    /// A field is wrong, which only what is steered could see.
    #[error("{0}")]
    Invalid(Invalid),
}

impl Misdirected {
    /// What the field of this name names does not exist.
    pub fn not_found(field: &'static str) -> Self {
        Self::NotFound(Cow::Borrowed(field))
    }
}

kinds! { Misdirected {
    Self::NotFound(_) => "NOT_FOUND",
    Self::RequestIdReused(_) => "REQUEST_ID_REUSED",
    Self::Invalid(_) => "INVALID_ARGUMENT",
} }
