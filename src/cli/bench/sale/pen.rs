//! One stream that is being written: events wait here until their second is over.

use anyhow::bail;

use crate::{
    domain::{Caused, Decider, Decision},
    events::{Attempt, NewEvent, Position, StreamName},
    store::{Expected, SharedStore},
};

/// A stream and what is to be appended to it next.
pub struct Pen {
    stream: StreamName,
    /// Revision of the first event that waits.
    next_revision: u64,
    waiting: Vec<NewEvent>,
    /// Where the last event stands that was written.
    pub position: Position,
}

impl Pen {
    pub fn new(stream: StreamName) -> Self {
        Self { stream, next_revision: 0, waiting: Vec::new(), position: Position::START }
    }

    /// Revision that the next event gets.
    pub fn revision(&self) -> u64 {
        self.next_revision + self.waiting.len() as u64
    }

    pub fn add(&mut self, event: NewEvent) {
        self.waiting.push(event);
    }

    /// Lets a decider judge a command, and applies and takes down what it decides.
    pub fn decide<D: Decider>(
        &mut self,
        decider: &mut D,
        command: D::Command,
        now: crate::values::UnixMs,
    ) -> (D::Outcome, Option<Attempt>) {
        let Decision { events, outcome, attempt, .. } = decider.decide(command, now);
        self.take_down(decider, events);
        (decider.answer(outcome, now), attempt)
    }

    /// Applies events and takes them down.
    pub fn take_down<D: Decider>(&mut self, decider: &mut D, events: Vec<Caused<D::Event>>) {
        for caused in events {
            decider.evolve(&caused.event, self.revision());
            self.add(caused.encode());
        }
    }

    /// Appends what waits. Gives the number of events.
    pub async fn write(&mut self, store: &SharedStore) -> anyhow::Result<u64> {
        let count = self.waiting.len() as u64;
        let limits = store.limits();
        let mut waiting = std::mem::take(&mut self.waiting).into_iter().peekable();
        while waiting.peek().is_some() {
            let (mut append, mut bytes) = (Vec::new(), 0);
            while let Some(event) = waiting.peek() {
                let size = event.data.len() + event.metadata.len() + 2 * event.kind.len();
                let full = append.len() == limits.events_max || bytes + size > limits.bytes_enough;
                if full && !append.is_empty() {
                    break;
                }
                bytes += size;
                append.extend(waiting.next());
            }
            let expected = Expected::before(self.next_revision);
            let many = append.len() as u64;
            match store.append(self.stream, expected, append.into()).await {
                Ok(appended) => self.position = appended.last_position,
                Err(error) => bail!("{}: {error}", self.stream),
            }
            self.next_revision += many;
        }
        Ok(count)
    }
}
