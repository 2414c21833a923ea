//! Plays an item's recorded attempts through the real decider, under rules that may be other ones.
//!
//! Attempts and the acts of operators come in the recorded order at the recorded moments. What
//! becomes of an order is taken from the record where the same attempt won there, too, and drawn
//! from the recorded fates of the item's orders where it did not.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use super::{
    super::{
        recording::{Attempted, Ending, Fate, Order, Recording, Shopper, What},
        replica::{Ended, Placed, Replica, Sent},
        sequence::{Sequence, Step},
    },
    draw::{Draw, Entrant, never_in_the_draw},
    figures::Tally,
    prices::Planned,
    rules::Rules,
};
use crate::{
    events::{AttemptOutcome, ItemEvent, OfferEvent, StockEvent, packed_units},
    values::{UnixMs, short},
};

/// Plays an item. `stock` are the planned allocations as they are to be, in their order.
pub(super) fn play(
    recording: &Recording,
    sequence: &Sequence,
    rules: &Rules,
    stock: &[i64],
) -> Tally {
    let mut play = Play {
        recording,
        sequence,
        rules,
        stock,
        planned: Planned::of(recording),
        replica: Replica::new(recording.item),
        tally: Tally::default(),
        pending: BinaryHeap::new(),
        orders: Vec::new(),
        last_order: HashMap::new(),
        fates: fates(recording),
        draw: rules.draw.then(|| Draw::over(recording, sequence, rules.seed)),
        now: UnixMs::default(),
    };
    for place in 0..sequence.steps.len() {
        play.step(place);
    }
    play.end_before((UnixMs(i64::MAX), u32::MAX));
    play.close()
}

/// What will happen to an order, when, and after which step of that moment.
type Pending = Reverse<(UnixMs, u32, u32, Act)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Expire,
    Cancel,
    Pay,
}

/// Comes after every recorded step of its moment.
const LAST: u32 = u32::MAX;

struct Play<'a> {
    recording: &'a Recording,
    sequence: &'a Sequence,
    rules: &'a Rules,
    stock: &'a [i64],
    planned: Planned,
    replica: Replica,
    tally: Tally,
    pending: BinaryHeap<Pending>,
    /// Orders as they are placed here, and whether each is still held.
    orders: Vec<(Placed, bool)>,
    /// The last recorded order of each shopper, as far as it has been played: repeats are of it.
    last_order: HashMap<(Shopper, u16), u32>,
    /// The recorded fates that new winners draw from.
    fates: Vec<u32>,
    draw: Option<Draw>,
    now: UnixMs,
}

/// Orders of which it is known what became of them.
fn fates(recording: &Recording) -> Vec<u32> {
    let orders = recording.orders.iter().zip(0..);
    orders.filter(|(order, _)| !order.fate.is_open()).map(|(_, place)| place).collect()
}

impl Play<'_> {
    fn step(&mut self, place: usize) {
        let step = self.sequence.steps[place];
        let at = match step {
            Step::Fact(fact) => self.recording.facts[fact as usize].at,
            Step::Attempt(attempt) => self.recording.attempts[attempt as usize].at,
        };
        self.now = self.now.max(at);
        // With the place itself: the recorded end of an order that stands here.
        self.end_before((self.now, short(place)));
        match step {
            Step::Fact(fact) => self.fact(fact as usize),
            Step::Attempt(attempt) => self.attempt(attempt),
        }
        if let Some(draw) = &mut self.draw
            && draw.is_held_at(place)
        {
            draw.begin();
        }
        self.offer();
    }

    fn fact(&mut self, fact: usize) {
        let recording = self.recording;
        match &recording.facts[fact].what {
            What::Steered(event) => self.steer(event, recording.ends_act(fact)),
            What::Placed(place) => {
                let order = &recording.orders[*place as usize];
                let units = packed_units(order.units);
                self.last_order.insert((order.shopper, units), *place);
                self.ask(Sent::Order(*place), order.shopper, order.units, Some(*place));
            }
            // What becomes of orders is in the queue: see `place`.
            What::Paid(_) | What::Cancelled(_) | What::Expired(_) | What::Refund => {}
        }
    }

    /// What operators did, with what the rules change about it.
    fn steer(&mut self, event: &ItemEvent, ends_act: bool) {
        let mut event = event.clone();
        if let ItemEvent::Offer(OfferEvent::Added(added)) = &mut event {
            added.time_to_pay_ms = self.rules.time_to_pay_ms.unwrap_or(added.time_to_pay_ms);
        } else if let ItemEvent::Offer(OfferEvent::PurchaseLimitSet(limits)) = &mut event {
            limits.per_buyer = self.rules.limit.unwrap_or(limits.per_buyer);
        } else if let ItemEvent::Stock(StockEvent::Allocated(added)) = &mut event
            // The planned ones come first; what operators added later is as it was.
            && let Some((units, later)) = self.stock.split_first()
        {
            added.units = *units;
            self.stock = later;
        } else if let ItemEvent::Offer(OfferEvent::ReservePlanSet(_)) = &event
            && self.rules.without_reserve_plan
        {
            return;
        }
        let Some(event) = self.rules.prices.steered(event, &self.planned) else { return };
        self.replica.steer(&event, ends_act);
        if let ItemEvent::Offer(OfferEvent::Added(added)) = &event
            && let Some(ladder) = self.rules.prices.added_ladder(added, &self.planned)
        {
            self.replica.steer(&ladder, true);
        }
    }

    fn attempt(&mut self, place: u32) {
        let Attempted { shopper, units, outcome, .. } = self.recording.attempts[place as usize];
        if outcome == AttemptOutcome::Repeated {
            // The same request once more. Of one whose order is not recorded nothing is known.
            match self.last_order.get(&(shopper, units)).copied() {
                Some(order) => {
                    let units = self.recording.orders[order as usize].units;
                    self.ask(Sent::Order(order), shopper, units, Some(order));
                }
                None => self.tally.refused(outcome, 1),
            }
            return;
        }
        // What was said of the shopper, and what the order was to cost at most, are not recorded.
        let keeps_its_outcome =
            matches!(outcome, AttemptOutcome::NotEligible | AttemptOutcome::PriceChanged);
        if keeps_its_outcome || self.draw.is_some() && never_in_the_draw(outcome) {
            self.tally.refused(outcome, 1);
            return;
        }
        self.ask(Sent::Attempt(place), shopper, i64::from(units), None);
    }

    /// A shopper asks for units; `recorded` is the order that came of this very attempt.
    fn ask(&mut self, sent: Sent, shopper: Shopper, units: i64, recorded: Option<u32>) {
        if let Some(draw) = &mut self.draw {
            // A shopper that enters twice has one chance.
            if !draw.enter(sent, shopper, units, recorded) {
                self.tally.refused(AttemptOutcome::Repeated, 1);
            }
            return;
        }
        self.decide(sent, shopper, units, recorded);
    }

    fn decide(
        &mut self,
        sent: Sent,
        shopper: Shopper,
        units: i64,
        recorded: Option<u32>,
    ) -> Option<AttemptOutcome> {
        let order = recorded.map(|order| &self.recording.orders[order as usize]);
        let region = order.map_or("", Order::region);
        let (outcome, placed) = self.replica.attempt(sent, shopper, units, region, self.now)?;
        if outcome != AttemptOutcome::Placed {
            self.tally.refused(outcome, 1);
            return Some(outcome);
        }
        self.tally.placed(units);
        if self.replica.available() == 0 {
            self.tally.sold_out(self.now);
        }
        let number = short(self.orders.len());
        self.orders.push((placed, true));
        self.foresee(number, placed, recorded);
        Some(outcome)
    }

    /// Queues what will become of an order.
    fn foresee(&mut self, number: u32, placed: Placed, recorded: Option<u32>) {
        let model = match recorded {
            Some(order) => Some(order),
            None => self.drawn_fate(number, placed.shopper),
        };
        let overdue = placed.pay_by;
        let Some(model) = model else {
            // No order of the item ever ended, so it is unknown which would have been paid.
            self.pending.push(Reverse((overdue, LAST, number, Act::Expire)));
            return;
        };
        let order = &self.recording.orders[model as usize];
        let Fate { paid, cancelled, expired, .. } = order.fate;
        if order.fate.is_open() {
            return;
        }
        // At the recorded moment the recorded step is the place, too.
        let same = recorded.is_some() && order.judged_at == self.now;
        let place = |ending: Ending, at: UnixMs| {
            let place = self.sequence.place_of_fact[ending.fact as usize];
            if same && at == ending.judged_at { place } else { LAST }
        };
        for (ending, act) in [(paid, Act::Pay), (cancelled, Act::Cancel)] {
            if let Some(ending) = ending {
                let at = self.now.plus(ending.judged_at.since(order.judged_at));
                self.pending.push(Reverse((at, place(ending, at), number, act)));
            }
        }
        // The alarm that ends a hold may ring a little late.
        let (at, place) = match expired {
            Some(ending) => {
                let at = overdue.plus(ending.judged_at.since(order.pay_by).max(0));
                (at, place(ending, at))
            }
            None => (overdue, LAST),
        };
        self.pending.push(Reverse((at, place, number, Act::Expire)));
    }

    /// The order whose fate a new winner gets.
    fn drawn_fate(&self, number: u32, shopper: Shopper) -> Option<u32> {
        let lot = super::draw::lot(self.rules.seed, shopper, u64::from(number));
        let place = usize::try_from(lot % (self.fates.len().max(1) as u64)).unwrap_or(0);
        self.fates.get(place).copied()
    }

    /// Lets come what is due up to and with that moment and step.
    fn end_before(&mut self, limit: (UnixMs, u32)) {
        while let Some(Reverse((at, place, number, act))) = self.pending.peek().copied() {
            if (at, place) > limit {
                break;
            }
            self.pending.pop();
            self.now = self.now.max(at);
            self.end(number, act);
            self.offer();
        }
    }

    fn end(&mut self, number: u32, act: Act) {
        let (placed, held) = self.orders[number as usize];
        // Also when a hold has ended: a payment that comes too late is told of all the same.
        if !held && act != Act::Pay {
            return;
        }
        let ended = match act {
            Act::Pay => self.replica.pay(placed, self.now),
            Act::Cancel => self.replica.cancel(placed, self.now),
            Act::Expire => self.replica.expire(placed, self.now),
        };
        match ended {
            Some(Ended::Paid { amount_minor, bill }) => {
                self.tally.paid(placed.shopper, placed.units, amount_minor, bill.as_deref());
            }
            Some(Ended::Cancelled) => self.tally.cancelled(),
            Some(Ended::Expired) => self.tally.expired(),
            None => return,
        }
        self.orders[number as usize].1 = false;
    }

    /// Offers the available units to the drawn shoppers, in their order.
    fn offer(&mut self) {
        while self.replica.available() > 0
            && let Some(entrant) = self.draw.as_ref().and_then(Draw::first)
        {
            let Entrant { sent, shopper, units, recorded } = entrant;
            // The next participant keeps the turn until the item takes orders again.
            let would = self.replica.would(sent, shopper, units, self.now);
            if matches!(would, Some(AttemptOutcome::Closed | AttemptOutcome::Paused)) {
                break;
            }
            self.decide(sent, shopper, units, recorded);
            self.draw.as_mut().map(Draw::served);
        }
    }

    /// The figures. Shoppers that were not drawn count as sold out.
    fn close(mut self) -> Tally {
        let left = self.draw.as_ref().map_or(0, Draw::left);
        if left > 0 {
            self.tally.refused(AttemptOutcome::SoldOut, left);
        }
        self.tally.figures.allocated_units = self.replica.allocated();
        self.tally
    }
}
