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
        deed::{Became, Deed},
        recording::{Attempted, Fact, Order, Recording, Shopper, What},
        replica::{Placed, Replica, Sent},
        sequence::{Sequence, Step},
    },
    draw::{Draw, Entrant, never_in_the_draw},
    figures::Tally,
    prices::Planned,
    rules::Rules,
};
use crate::{
    events::{
        AttemptOutcome, CancelCause, ItemEvent, OfferEvent, OrderState, StockEvent, packed_units,
    },
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
        moment: UnixMs::default(),
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
    /// What that fact tells is done to it.
    Again(u32),
}

/// Comes after every recorded step of its moment.
const LAST: u32 = u32::MAX;

/// An order as it is placed here.
#[derive(Debug, Clone, Copy)]
struct Fated {
    placed: Placed,
    /// The recorded order whose fate it has.
    fate: Option<u32>,
    /// That is the order which came of the same attempt, at the recorded moment: what was done to it
    /// is done again at the recorded steps.
    own: bool,
    /// When it was placed here.
    at: UnixMs,
}

struct Play<'a> {
    recording: &'a Recording,
    sequence: &'a Sequence,
    rules: &'a Rules,
    stock: &'a [i64],
    planned: Planned,
    replica: Replica,
    tally: Tally,
    pending: BinaryHeap<Pending>,
    /// Orders as they are placed here.
    orders: Vec<Fated>,
    /// The last recorded order of each shopper, as far as it has been played: repeats are of it.
    last_order: HashMap<(Shopper, u16), u32>,
    /// The recorded fates that new winners draw from.
    fates: Vec<u32>,
    draw: Option<Draw>,
    /// Never before the step before it.
    now: UnixMs,
    /// By which the rules decide; `now` but where a clock was set or a deadline moved with it.
    moment: UnixMs,
}

/// Orders of which it is known what became of them, without a coupon or a limit over the sale: whom
/// these would have kept from buying is not known.
fn fates(recording: &Recording) -> Vec<u32> {
    let known = |order: &Order| {
        recording.state(order) != OrderState::Held
            && recording.deeds(order).all(|(_, _, deed)| match deed {
                Deed::Cancelled(cause) => {
                    matches!(cause, CancelCause::Buyer | CancelCause::Operator)
                }
                _ => true,
            })
    };
    let orders = recording.orders.iter().zip(0..);
    orders.filter(|(order, _)| known(order)).map(|(_, place)| place).collect()
}

impl Play<'_> {
    fn step(&mut self, place: usize) {
        let step = self.sequence.steps[place];
        let (at, judged_at) = match step {
            Step::Fact(fact) => {
                let fact = &self.recording.facts[fact as usize];
                (fact.at, fact.judged_at)
            }
            Step::Attempt(attempt) => {
                let at = self.recording.attempts[attempt as usize].at;
                (at, at)
            }
        };
        self.now = self.now.max(at);
        // With the place itself: the recorded end of an order that stands here.
        self.end_before((self.now, short(place)));
        self.moment = judged_at;
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
            What::Deed(..) => {}
        }
    }

    /// What operators did, with what the rules change about it.
    fn steer(&mut self, event: &ItemEvent, ends_act: bool) {
        let mut event = event.clone();
        if let ItemEvent::Offer(OfferEvent::Added(added)) = &mut event {
            added.time_to_pay_ms = self.rules.time_to_pay_ms.unwrap_or(added.time_to_pay_ms);
            if let Some(late) = self.rules.late_payments {
                added.reinstate_within_ms = late.reinstate_within_ms(added.reinstate_within_ms);
            }
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
        let more = order.and_then(|order| order.more.as_deref());
        let (outcome, placed) = self.replica.attempt(sent, shopper, units, more, self.moment)?;
        if outcome != AttemptOutcome::Placed {
            self.tally.refused(outcome, 1);
            return Some(outcome);
        }
        self.tally.placed(units);
        if self.replica.available() == 0 {
            self.tally.sold_out(self.now);
        }
        let number = short(self.orders.len());
        let fate = recorded.or_else(|| self.drawn_fate(number, placed.shopper));
        let own = order.is_some_and(|order| order.judged_at == self.moment);
        self.orders.push(Fated { placed, fate, own, at: self.moment });
        if recorded.is_none() {
            // A limit over the sale lets new winners buy.
            self.replica.do_again(placed, Deed::LimitGranted, self.moment);
        }
        self.foresee(number, recorded.is_none());
        Some(outcome)
    }

    /// Queues what will become of an order.
    fn foresee(&mut self, number: u32, is_new: bool) {
        let Fated { placed, fate, own, at: placed_at } = self.orders[number as usize];
        let Some(stands) = self.replica.stands(placed) else { return };
        let Some(fate) = fate else {
            // No order of the item ever ended, so it is unknown which would have been paid.
            self.pending.push(Reverse((stands.hold_until, LAST, number, Act::Expire)));
            return;
        };
        let recording = self.recording;
        let order = &recording.orders[fate as usize];
        for (fact, done, deed) in recording.deeds(order) {
            let about_awaited = matches!(
                deed,
                Deed::LimitGranted | Deed::CouponGranted { .. } | Deed::CouponDenied(_)
            );
            if about_awaited && is_new || deed == Deed::Expired {
                continue;
            }
            let (at, place) = if own {
                (done.at, self.sequence.place_of_fact[fact as usize])
            } else {
                (placed_at.plus(done.judged_at.since(order.judged_at)), LAST)
            };
            self.pending.push(Reverse((at, place, number, Act::Again(fact))));
        }
        self.foresee_expiry(number, stands.hold_until);
    }

    /// Queues the end of a hold by its deadline. Where that is as recorded, so is the end: at the recorded
    /// step, or never where something else ended the hold or its deadline was moved. Else it ends as
    /// late after its deadline as recorded. Nothing where the record ends before the order did.
    fn foresee_expiry(&mut self, number: u32, hold_until: UnixMs) {
        let recording = self.recording;
        let Fated { fate: Some(fate), own, .. } = self.orders[number as usize] else { return };
        let order = &recording.orders[fate as usize];
        if recording.state(order) == OrderState::Held {
            return;
        }
        let (mut deadline, mut expired) = (order.pay_by, None);
        let mut as_recorded = own && hold_until == deadline;
        for (fact, done, deed) in recording.deeds(order) {
            match deed {
                Deed::Extended { until } => {
                    deadline = until;
                    as_recorded |= own && hold_until == until;
                }
                Deed::Expired | Deed::ExpiredByPayment => expired = Some((fact, done, deed)),
                _ => {}
            }
        }
        let late_ms = expired.map_or(0, |(_, done, _)| done.judged_at.since(deadline).max(0));
        let pending = match expired {
            Some((fact, done, Deed::Expired)) if as_recorded && hold_until == deadline => {
                (done.at, self.sequence.place_of_fact[fact as usize], number, Act::Again(fact))
            }
            _ if as_recorded => return,
            // The alarm that ends a hold may ring a little late.
            _ => (hold_until.plus(late_ms), LAST, number, Act::Expire),
        };
        self.pending.push(Reverse(pending));
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
        let Fated { placed, own, .. } = self.orders[number as usize];
        self.moment = self.now;
        let deed = match act {
            Act::Expire => Deed::Expired,
            Act::Again(fact) => {
                let Fact { what, judged_at, .. } = &self.recording.facts[fact as usize];
                if own {
                    self.moment = *judged_at;
                }
                match *what {
                    What::Deed(_, Deed::Extended { until }) => {
                        Deed::Extended { until: until.plus(self.moment.since(*judged_at)) }
                    }
                    What::Deed(_, deed) => deed,
                    What::Steered(_) | What::Placed(_) => return,
                }
            }
        };
        let became = self.replica.do_again(placed, deed, self.moment);
        for became in &became {
            self.tally.became(placed.shopper, placed.units, became);
        }
        if became.contains(&Became::Reinstated) && self.replica.available() == 0 {
            self.tally.sold_out(self.now);
        }
        if let Deed::Extended { .. } = deed
            && let Some(stands) = self.replica.stands(placed)
        {
            self.foresee_expiry(number, stands.hold_until);
        }
    }

    /// Offers the available units to the drawn shoppers, in their order.
    fn offer(&mut self) {
        while self.replica.available() > 0
            && let Some(entrant) = self.draw.as_ref().and_then(Draw::first)
        {
            let Entrant { sent, shopper, units, recorded } = entrant;
            self.moment = self.now;
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
