//! An item as a decider: its rules, its state and its answers in one.

use uuid::Uuid;

use super::{
    ItemCommand, Refusal,
    answer::{ItemOutcome, ItemShown},
    decide, ending,
    state::Item,
};
use crate::{
    domain::{
        Caused, Decided, Decider, Impossible, Misdirected, Moment, Verdict,
        snapshot::{Read, Reader, Writer},
    },
    events::{Category, ItemEvent, Position},
    values::{ItemId, UnixMs},
};

impl Decider for Item {
    type Command = ItemCommand;
    type Event = ItemEvent;
    type Outcome = ItemOutcome;
    type Refusal = Refusal;
    type Shown = ItemShown;

    const CATEGORY: Category = Category::Item;
    const HAS_SNAPSHOTS: bool = true;

    fn initial(id: Uuid) -> Self {
        Self::unknown(ItemId(id))
    }

    fn copy(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn decide(&self, command: Self::Command, now: UnixMs) -> Decided<Self> {
        let at = Moment::after(self.last_at, now);
        let mut decided = decide::decide(self, command, at);
        // The answer stays at the revision of its own event.
        if !decided.events.is_empty() {
            let follow = self.follow_plan(&decided.events, at);
            decided.events.extend(follow);
        }
        decided
    }

    fn is_attempt(command: &ItemCommand) -> bool {
        matches!(command, ItemCommand::PlaceOrder(_))
    }

    fn verdict(outcome: &ItemOutcome) -> Verdict<'_, Refusal> {
        match outcome {
            ItemOutcome::Order(_) | ItemOutcome::Item(_) | ItemOutcome::Quote { .. } => {
                Verdict::Done
            }
            ItemOutcome::Refused { refusal, .. } => Verdict::Refused(refusal),
            ItemOutcome::Misdirected(why) => Verdict::Misdirected(why),
        }
    }

    fn show(&self, shown: ItemShown, now: UnixMs) -> ItemOutcome {
        let Some(offer) = &self.offer else {
            return ItemOutcome::Misdirected(Misdirected::not_found("item_id"));
        };
        match shown {
            ItemShown::Item => ItemOutcome::Item(Box::new(self.view(offer, now))),
            ItemShown::Settled(row) => {
                let state = self.orders.row(row).state;
                ItemOutcome::Order(self.order(offer, row, Some(state)))
            }
            ItemShown::Placed(row) => self.placed_outcome(row),
            ItemShown::Order(row) => ItemOutcome::Order(self.order(offer, row, None)),
        }
    }

    fn try_evolve(&mut self, event: &ItemEvent, revision: u64) -> Result<(), Impossible> {
        self.apply(event, revision)
    }

    fn landed(&mut self, revision: u64, position: Position) {
        self.landed_at(revision, position);
    }

    fn due(&self, now: UnixMs, max: usize) -> Vec<Caused<ItemEvent>> {
        let at = Moment::after(self.last_at, now);
        let expire =
            |row| ending::expiry(self, row, at.before_move(self.orders.deadline(row).moved_ms));
        self.orders.due(now, max).into_iter().map(expire).collect()
    }

    fn next_due(&self) -> Option<UnixMs> {
        self.orders.next_deadline()
    }

    fn clock_moved(&mut self, by_ms: i64) {
        self.orders.move_deadlines(by_ms);
    }

    fn bulk_begins(&mut self) {
        self.orders.bulk_begins(self.next_revision);
    }

    fn bulk_ends(&mut self) -> Result<(), Impossible> {
        self.orders.bulk_ends().map_err(|twice| Impossible::Order(twice, "was placed before"))
    }

    fn write(&self, to: &mut Writer<'_>) -> bool {
        self.write_down(to)
    }

    fn read(id: Uuid, revision: u64, from: &mut Reader<'_>) -> Read<Self> {
        Self::read_back(ItemId(id), revision, from)
    }
}
