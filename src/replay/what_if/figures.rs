//! The results of a sale, recorded or under other rules, and their differences.

use std::collections::{BTreeMap, HashSet};

use super::{
    super::{
        deed::Became,
        recording::{Recording, Shopper, What},
    },
    goods::Goods,
};
use crate::{
    events::{AttemptOutcome, Counts},
    values::{UnixMs, number_of},
};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    pub allocated_units: i64,
    pub attempts: i64,
    pub orders_placed: i64,
    pub units_placed: i64,
    /// Also those whose units came back.
    pub orders_paid: i64,
    /// Without the units that came back.
    pub units_sold: i64,
    /// Minor units of paid orders, less what was refunded of them.
    pub revenue_minor: i64,
    /// Distinct shoppers with a paid order, also if its units came back.
    pub winners: i64,
    pub orders_cancelled: i64,
    /// Without those that came back with a late payment.
    pub orders_expired: i64,
    /// Orders that neither were paid nor gave their units back.
    pub orders_held: i64,
    /// Paid orders of which all units came back.
    pub orders_refunded: i64,
    /// Units of paid orders that came back, also those that were written off.
    pub units_refunded: i64,
    /// What went back for them, in minor units.
    pub refunded_minor: i64,
    /// Expired orders that a late payment brought back.
    pub orders_reinstated: i64,
    /// Payments that bought nothing.
    pub payments_due_back: i64,
    /// Attempts that became no order, by what they came to.
    pub refusals: BTreeMap<AttemptOutcome, i64>,
    /// When no unit was available for the first time.
    pub sold_out_at: Option<UnixMs>,
    /// Absent where no paid order, recorded or played, had steps, time prices, an offer or a gift.
    pub goods: Option<Goods>,
}

/// Figures and winners.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub figures: Figures,
    pub winners: HashSet<Shopper>,
    pub goods: Goods,
    /// Whether a paid order was not just units times one price.
    pub has_bills: bool,
}

impl Tally {
    pub fn placed(&mut self, units: i64) {
        self.figures.attempts += 1;
        self.figures.orders_placed += 1;
        self.figures.units_placed += units;
        self.figures.orders_held += 1;
    }

    pub fn refused(&mut self, outcome: AttemptOutcome, attempts: i64) {
        self.figures.attempts += attempts;
        *self.figures.refusals.entry(outcome).or_default() += attempts;
    }

    /// Counts what became of an order of so many units.
    pub fn became(&mut self, shopper: Shopper, units: i64, became: &Became) {
        let figures = &mut self.figures;
        match became {
            Became::Paid { amount_minor, bill } => {
                self.goods.paid(units, *amount_minor, bill.as_deref());
                self.has_bills |= bill.is_some();
                figures.orders_paid += 1;
                figures.orders_held -= 1;
                figures.units_sold += units;
                figures.revenue_minor = figures.revenue_minor.saturating_add(*amount_minor);
                if self.winners.insert(shopper) {
                    figures.winners += 1;
                }
            }
            Became::Cancelled => {
                figures.orders_cancelled += 1;
                figures.orders_held -= 1;
            }
            Became::Expired => {
                figures.orders_expired += 1;
                figures.orders_held -= 1;
            }
            Became::Reinstated => {
                figures.orders_reinstated += 1;
                figures.orders_expired -= 1;
                figures.orders_held += 1;
            }
            Became::Refunded { units, amount_minor, restocked: _, whole } => {
                figures.orders_refunded += i64::from(*whole);
                figures.units_refunded += units;
                figures.units_sold -= units;
                figures.refunded_minor = figures.refunded_minor.saturating_add(*amount_minor);
                figures.revenue_minor = figures.revenue_minor.saturating_sub(*amount_minor);
            }
            Became::DueBack => figures.payments_due_back += 1,
        }
    }

    /// The figures, with what orders cost where either side has anything to tell of it.
    pub fn shown(&self, with_goods: bool) -> Figures {
        let goods = with_goods.then(|| self.goods.clone());
        Figures { goods, ..self.figures.clone() }
    }

    /// No unit is available at that moment.
    pub fn sold_out(&mut self, at: UnixMs) {
        self.figures.sold_out_at.get_or_insert(at);
    }

    /// Adds an item to a sale. A sale is sold out once each of its items has been.
    pub fn add(&mut self, item: &Self, first: bool) {
        let (sum, more) = (&mut self.figures, &item.figures);
        for (sum, more) in [
            (&mut sum.allocated_units, more.allocated_units),
            (&mut sum.attempts, more.attempts),
            (&mut sum.orders_placed, more.orders_placed),
            (&mut sum.units_placed, more.units_placed),
            (&mut sum.orders_paid, more.orders_paid),
            (&mut sum.units_sold, more.units_sold),
            (&mut sum.revenue_minor, more.revenue_minor),
            (&mut sum.orders_cancelled, more.orders_cancelled),
            (&mut sum.orders_expired, more.orders_expired),
            (&mut sum.orders_held, more.orders_held),
            (&mut sum.orders_refunded, more.orders_refunded),
            (&mut sum.units_refunded, more.units_refunded),
            (&mut sum.refunded_minor, more.refunded_minor),
            (&mut sum.orders_reinstated, more.orders_reinstated),
            (&mut sum.payments_due_back, more.payments_due_back),
        ] {
            *sum = sum.saturating_add(more);
        }
        for (outcome, attempts) in &more.refusals {
            *sum.refusals.entry(*outcome).or_default() += attempts;
        }
        sum.sold_out_at = match (sum.sold_out_at, more.sold_out_at) {
            (None, item) if first => item,
            (Some(all), Some(item)) => Some(all.max(item)),
            (_, _) => None,
        };
        self.goods.add(&item.goods);
        self.has_bills |= item.has_bills;
        self.winners.extend(&item.winners);
        self.figures.winners = number_of(self.winners.len());
    }
}

/// What the log and the ticks say, counted without any decider.
pub(super) fn recorded(recording: &Recording) -> Tally {
    let mut tally = Tally::default();
    let mut available: i64 = 0;
    let nothing_left =
        |available: i64, fact: usize| available == 0 && recording.released_after(fact) == 0;
    for (number, fact) in recording.facts.iter().enumerate() {
        match &fact.what {
            What::Steered(event) => {
                let adds = Counts::added_by(event.moves());
                tally.figures.allocated_units += adds.allocated;
                available += adds.available;
            }
            What::Placed(order) => {
                let units = recording.orders[*order as usize].units;
                tally.placed(units);
                available -= units;
                if nothing_left(available, number) {
                    tally.sold_out(fact.at);
                }
            }
            What::Deed(order, deed) => {
                let order = &recording.orders[*order as usize];
                let Some(became) = deed.became(order.bill.clone()) else { continue };
                tally.became(order.shopper, order.units, &became);
                match became {
                    Became::Cancelled | Became::Expired => available += order.units,
                    Became::Refunded { units, restocked: true, .. } => available += units,
                    Became::Refunded { units, restocked: false, .. } => {
                        tally.figures.allocated_units -= units;
                    }
                    Became::Reinstated => {
                        available -= order.units;
                        // Its payment stands in the same append.
                        if nothing_left(available, number + 1) {
                            tally.sold_out(fact.at);
                        }
                    }
                    Became::Paid { .. } | Became::DueBack => {}
                }
            }
        }
    }
    for attempt in &recording.attempts {
        if attempt.outcome != AttemptOutcome::Placed {
            tally.refused(attempt.outcome, 1);
        }
    }
    tally
}

/// In which figures the first differs from the second, in words. None where they are equal.
pub(super) fn differences(recorded: &Tally, played: &Tally) -> Vec<String> {
    let (a, b) = (&recorded.figures, &played.figures);
    let mut found = Vec::new();
    for (name, a, b) in [
        ("allocated units", a.allocated_units, b.allocated_units),
        ("attempts", a.attempts, b.attempts),
        ("orders placed", a.orders_placed, b.orders_placed),
        ("units placed", a.units_placed, b.units_placed),
        ("orders paid", a.orders_paid, b.orders_paid),
        ("units sold", a.units_sold, b.units_sold),
        ("revenue in minor units", a.revenue_minor, b.revenue_minor),
        ("winners", a.winners, b.winners),
        ("orders cancelled", a.orders_cancelled, b.orders_cancelled),
        ("orders expired", a.orders_expired, b.orders_expired),
        ("orders held", a.orders_held, b.orders_held),
        ("orders refunded", a.orders_refunded, b.orders_refunded),
        ("units refunded", a.units_refunded, b.units_refunded),
        ("refunded in minor units", a.refunded_minor, b.refunded_minor),
        ("orders reinstated", a.orders_reinstated, b.orders_reinstated),
        ("payments due back", a.payments_due_back, b.payments_due_back),
    ] {
        if a != b {
            found.push(format!("{name}: {a} recorded, {b} played"));
        }
    }
    found.extend(recorded.goods.differences(&played.goods));
    for outcome in AttemptOutcome::ALL {
        let count = |figures: &Figures| figures.refusals.get(&outcome).copied().unwrap_or(0);
        if count(a) != count(b) {
            found.push(format!(
                "attempts that came to {outcome:?}: {} recorded, {} played",
                count(a),
                count(b)
            ));
        }
    }
    if a.sold_out_at != b.sold_out_at {
        let text = |at: Option<UnixMs>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let (a, b) = (text(a.sold_out_at), text(b.sold_out_at));
        found.push(format!("sold out: {a} recorded, {b} played"));
    }
    if recorded.winners != played.winners {
        found.push("the winners are not the same shoppers".to_owned());
    }
    found
}
