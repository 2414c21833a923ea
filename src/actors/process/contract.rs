//! What a process is: events and deadlines in, commands to aggregates out.

use std::{fmt, hash::Hash};

use super::ask::Ask;
use crate::{
    domain::sale::SaleView,
    events::{Event, Position, Recorded},
    projections::Checkpoint,
    reports::{ReportError, Reports},
    values::{ItemId, SaleId, UnixMs},
};

/// What events and time ask of aggregates.
pub trait Process: Sized + Send + 'static {
    /// Also the name of the checkpoint's file. Never changes.
    const NAME: &'static str;

    /// One thing to be done, with everything that is decided by beside the sale it belongs to.
    type Work: Clone + Send + Sync + 'static;

    /// Tells one work from another: work of the same key is never done twice at once.
    type Key: Clone + Eq + Hash + fmt::Display + Send + 'static;

    /// The key of a work.
    fn key(work: &Self::Work) -> Self::Key;

    /// Takes in one event. Each comes once and in the order of the log, from the checkpoint on.
    fn observe(&mut self, recorded: &Recorded, event: &Event);

    /// Everything that the log held at the start was observed.
    fn caught_up(&mut self) {}

    /// What is to be done now. Asked only after [`Process::caught_up`].
    fn due(&self, known: &Known<'_>) -> Vec<Self::Work>;

    /// The sale that has to be known to decide a work.
    fn sale_of(_: &Self::Work) -> Option<SaleId> {
        None
    }

    /// Decides what a work asks of whom. Pure; every command carries a derived request id or changes
    /// nothing.
    fn decide(work: &Self::Work, sale: Option<&SaleView>, now: UnixMs) -> Vec<Ask>;

    /// Everything that a work asks was answered.
    fn done(&mut self, work: &Self::Work);

    /// Position of the oldest event whose work is not done: the checkpoint stays before it.
    fn oldest(&self) -> Option<Position>;

    /// The process as a read model keeps it, in the place of a checkpoint of its own; `None` where no
    /// read model does.
    ///
    /// Blocks on the read model, so it is called on a thread of its own.
    ///
    /// # Errors
    /// When the read model cannot be read.
    fn from_read_model(_: &Reports) -> Result<Option<(Self, Checkpoint)>, ReportError> {
        Ok(None)
    }
}

/// What is known at the moment when work may be due.
pub struct Known<'a> {
    pub now: UnixMs,
    /// Up to this moment everything that happened was observed.
    pub until: UnixMs,
    /// Where the log ended at the start of the node.
    pub end_at_start: Position,
    /// Other nodes may be doing the same.
    pub is_shared: bool,
    /// Whether an item is looked after by this node, and not by another.
    pub is_owned_here: &'a (dyn Fn(ItemId) -> bool + Sync),
    /// Whether the actor of an item is awake here.
    pub is_awake: &'a (dyn Fn(ItemId) -> bool + Sync),
}
