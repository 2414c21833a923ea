//! The replay of a sale: the events of all its items and their demand, in the order of their time.
//!
//! It reads one page of each item ahead. An attempt appears at the end of its second, when it was
//! written.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
};

use super::{ItemFact, Log, ReplayError};
use crate::{
    events::{AttemptOutcome, Counts, DemandTick, Family, ItemEvent, StreamName, decode},
    projections::marks::{ItemState, OrderCounts},
    values::{ItemId, SaleId, UnixMs},
};

/// Events and ticks of an item read at once.
const PAGE_EVENTS: usize = 256;

/// A sale that is being played.
#[derive(Debug)]
pub struct Playback<'a> {
    log: &'a Log,
    tracks: Vec<Track>,
    /// The next thing of each track: its time, its track, whether it is demand.
    next: BinaryHeap<Reverse<(UnixMs, usize, bool)>>,
    totals: Totals,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    pub units: Counts,
    pub orders: OrderCounts,
    pub revenue_minor: i64,
    pub refunds_due_minor: i64,
    pub attempts: i64,
    /// Attempts that became no order, by what they came to.
    pub refusals: BTreeMap<AttemptOutcome, i64>,
    /// Orders placed in the last second that is over.
    pub orders_last_second: i64,
    second: i64,
    orders_this_second: i64,
}

impl Totals {
    /// Refused attempts: repeats are none.
    pub fn refused(&self) -> i64 {
        let refused =
            self.refusals.iter().filter(|(outcome, _)| **outcome != AttemptOutcome::Repeated);
        refused.map(|(_, attempts)| attempts).sum()
    }
}

#[derive(Debug)]
struct Track {
    item: ItemId,
    state: ItemState,
    events: VecDeque<ItemFact>,
    next_revision: u64,
    ticks: VecDeque<DemandTick>,
    next_tick: u64,
}

impl<'a> Playback<'a> {
    /// A sale before its first event.
    pub fn of_sale(log: &'a Log, sale: SaleId) -> Result<Self, ReplayError> {
        let (_, items) = log.items_of(sale)?;
        let mut playback =
            Self { log, tracks: Vec::new(), next: BinaryHeap::new(), totals: Totals::default() };
        for (place, item) in items.into_iter().enumerate() {
            playback.tracks.push(Track {
                item,
                state: ItemState::default(),
                events: VecDeque::new(),
                next_revision: 0,
                ticks: VecDeque::new(),
                next_tick: 0,
            });
            playback.queue(place, false)?;
            playback.queue(place, true)?;
        }
        Ok(playback)
    }

    /// When the next thing happens; `None` at the end of the log.
    pub fn next_at(&self) -> Option<UnixMs> {
        self.next.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Lets the next thing happen.
    pub fn step(&mut self) -> Result<(), ReplayError> {
        let Some(Reverse((at, place, demand))) = self.next.pop() else { return Ok(()) };
        self.totals.tick(at);
        let track = &mut self.tracks[place];
        if demand {
            if let Some(tick) = track.ticks.pop_front() {
                self.totals.count(&tick);
            }
        } else if let Some(ItemFact { recorded, event }) = track.events.pop_front() {
            let before = Figures::of(&track.state);
            track
                .state
                .apply(&recorded, &event)
                .map_err(|why| ReplayError::Impossible(format!("{}: {why}", recorded.position)))?;
            self.totals.change(&before, &Figures::of(&track.state));
        }
        self.queue(place, demand)
    }

    /// How it stands.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The items as they stand, in the order of the plan.
    pub fn items(&self) -> impl Iterator<Item = (ItemId, &ItemState)> {
        self.tracks.iter().map(|track| (track.item, &track.state))
    }

    /// Puts the next event or tick of a track in line.
    fn queue(&mut self, place: usize, demand: bool) -> Result<(), ReplayError> {
        let track = &mut self.tracks[place];
        let at =
            if demand { track.next_tick_at(self.log)? } else { track.next_event_at(self.log)? };
        self.next.extend(at.map(|at| Reverse((at, place, demand))));
        Ok(())
    }
}

impl Track {
    fn next_event_at(&mut self, log: &Log) -> Result<Option<UnixMs>, ReplayError> {
        if self.events.is_empty() {
            let page =
                log.read_stream(StreamName::item(self.item), self.next_revision, PAGE_EVENTS)?;
            for recorded in page {
                self.next_revision = recorded.revision + 1;
                let event = ItemEvent::pick(decode(&recorded)?);
                let event = event.ok_or_else(|| ReplayError::misplaced(&recorded))?;
                self.events.push_back(ItemFact { recorded, event });
            }
        }
        let next = self.events.front();
        Ok(next.map(|fact| fact.event.at().map_or(self.state.at, |at| at.max(self.state.at))))
    }

    fn next_tick_at(&mut self, log: &Log) -> Result<Option<UnixMs>, ReplayError> {
        if self.ticks.is_empty() {
            let page =
                log.read_stream(StreamName::demand(self.item), self.next_tick, PAGE_EVENTS)?;
            for recorded in page {
                self.next_tick = recorded.revision + 1;
                let tick = DemandTick::pick(decode(&recorded)?);
                self.ticks.push_back(tick.ok_or_else(|| ReplayError::misplaced(&recorded))?);
            }
        }
        let over = |tick: &DemandTick| UnixMs(tick.second.saturating_add(1).saturating_mul(1000));
        Ok(self.ticks.front().map(over))
    }
}

/// What of an item is added up.
struct Figures([i64; 12]);

impl Figures {
    fn of(state: &ItemState) -> Self {
        let (units, orders) = (state.units(), state.orders);
        Self([
            units.allocated,
            units.available,
            units.held,
            units.sold,
            orders.placed,
            orders.held,
            orders.paid,
            orders.cancelled,
            orders.expired,
            orders.refunded,
            state.revenue_minor,
            state.refunds_due_minor,
        ])
    }
}

impl Totals {
    fn tick(&mut self, at: UnixMs) {
        let second = at.second();
        if second > self.second {
            let just_over = second == self.second + 1;
            self.orders_last_second = if just_over { self.orders_this_second } else { 0 };
            self.orders_this_second = 0;
            self.second = second;
        }
    }

    fn count(&mut self, tick: &DemandTick) {
        self.attempts = self.attempts.saturating_add(i64::from(tick.attempts));
        for (outcome, attempts) in &tick.outcomes {
            if *outcome != AttemptOutcome::Placed {
                *self.refusals.entry(*outcome).or_default() += i64::from(*attempts);
            }
        }
    }

    fn change(&mut self, before: &Figures, after: &Figures) {
        self.orders_this_second += after.0[4] - before.0[4];
        let sums = [
            &mut self.units.allocated,
            &mut self.units.available,
            &mut self.units.held,
            &mut self.units.sold,
            &mut self.orders.placed,
            &mut self.orders.held,
            &mut self.orders.paid,
            &mut self.orders.cancelled,
            &mut self.orders.expired,
            &mut self.orders.refunded,
            &mut self.revenue_minor,
            &mut self.refunds_due_minor,
        ];
        for (sum, (before, after)) in sums.into_iter().zip(before.0.iter().zip(after.0)) {
            *sum = sum.saturating_add(after - before);
        }
    }
}
