//! What if: a recorded sale under other rules, decided by the decider that sells.
//!
//! First it is run under its original rules: results under other rules are meaningful only if that
//! reproduces the recorded result, so the answer states whether it did and lists the differences.
//! Then it is run under the other rules. Unknowns are assumed, and every assumption is stated.

mod draw;
mod figures;
mod goods;
mod play;
mod prices;
mod rules;

use crate::{
    events::{AttemptOutcome, CancelCause, ItemEvent, OfferEvent, StockAllocated, StockEvent},
    values::{Currency, Invalid, ItemId, number_of},
};

use self::figures::{Tally, differences, recorded};
use super::{
    Log, ReplayError,
    deed::Deed,
    recording::{Fact, Recording},
    sequence::{Sequence, in_order},
};

pub use figures::Figures;
pub use goods::{Goods, Rung};
pub use prices::PriceRules;
pub use rules::{KNOWN, LatePayments, Rules, Units};

/// What another rule would have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    pub rules: Rules,
    /// Over all items that were played.
    pub total: Compared,
    pub items: Vec<Compared>,
    /// Whether the sale under its own rules came to exactly what is recorded.
    pub baseline_matches: bool,
    /// Where it did not, in words.
    pub baseline_differences: Vec<String>,
    /// What the answer rests on.
    pub assumptions: Vec<String>,
}

/// One item, or all of them: as recorded and as played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// `None` in the total, where sku and title are empty.
    pub item: Option<ItemId>,
    pub sku: String,
    pub title: String,
    pub currency: Currency,
    pub recorded: Figures,
    pub played: Figures,
    /// Shoppers with a paid order when played and none when recorded.
    pub shoppers_gained: i64,
    /// Shoppers with a paid order when recorded and none when played.
    pub shoppers_lost: i64,
    /// Shoppers with a paid order in both.
    pub shoppers_kept: i64,
}

/// Plays items under other rules. `field` is what rules are called in complaints.
///
/// # Errors
/// When an item does not exist, is too large, or has fewer units than are to be taken away.
pub fn run(log: &Log, items: &[ItemId], rules: Rules, field: &str) -> Result<WhatIf, ReplayError> {
    let mut answer: Option<WhatIf> = None;
    let (mut all_recorded, mut all_played) = (Tally::default(), Tally::default());
    let mut differing = Vec::new();
    let mut unknown = Unknown::default();
    for item in items {
        // One item at a time is in memory.
        let (recording, sequence) = in_order(log, *item)?;
        unknown.add(&recording);
        let was = recorded(&recording);
        let as_planned = planned(&recording);
        let replayed = play::play(&recording, &sequence, &Rules::default(), &as_planned);
        differing.extend(doubts(&recording, &sequence, &differences(&was, &replayed)));
        let stock = stock(&recording, as_planned, rules.units, field)?;
        rules.prices.check(&recording, field)?;
        let played = play::play(&recording, &sequence, &rules, &stock);
        all_recorded.add(&was, answer.is_none());
        all_played.add(&played, answer.is_none());
        let compared = compared(&recording, &was, &played);
        match &mut answer {
            Some(answer) => answer.items.push(compared),
            None => {
                let total = Compared {
                    item: None,
                    sku: String::new(),
                    title: String::new(),
                    ..compared.clone()
                };
                answer = Some(WhatIf {
                    rules: Rules::default(),
                    total,
                    items: vec![compared],
                    baseline_matches: true,
                    baseline_differences: Vec::new(),
                    assumptions: Vec::new(),
                });
            }
        }
    }
    let mut answer = answer.ok_or(ReplayError::NotFound("item_id"))?;
    set_shoppers(&mut answer.total, &all_recorded, &all_played);
    (answer.total.recorded, answer.total.played) = sides(&all_recorded, &all_played);
    answer.assumptions = assumptions(&rules, unknown);
    answer.rules = rules;
    answer.baseline_matches = differing.is_empty();
    answer.baseline_differences = differing;
    Ok(answer)
}

fn compared(recording: &Recording, was: &Tally, played: &Tally) -> Compared {
    let (recorded, played_figures) = sides(was, played);
    let mut compared = Compared {
        item: Some(recording.item),
        sku: recording.offer.sku.clone(),
        title: recording.offer.title.clone(),
        currency: recording.offer.currency,
        recorded,
        played: played_figures,
        shoppers_gained: 0,
        shoppers_lost: 0,
        shoppers_kept: 0,
    };
    set_shoppers(&mut compared, was, played);
    compared
}

/// The figures of both, with the same ones on either side.
fn sides(was: &Tally, played: &Tally) -> (Figures, Figures) {
    let with_goods = was.has_bills || played.has_bills;
    (was.shown(with_goods), played.shown(with_goods))
}

fn set_shoppers(compared: &mut Compared, was: &Tally, played: &Tally) {
    let kept = was.winners.intersection(&played.winners).count();
    compared.shoppers_kept = number_of(kept);
    compared.shoppers_gained = number_of(played.winners.len() - kept);
    compared.shoppers_lost = number_of(was.winners.len() - kept);
}

/// Where a sale under its own rules does not come to what is recorded, and why that may be.
fn doubts(recording: &Recording, sequence: &Sequence, found: &[String]) -> Vec<String> {
    let sku = &recording.offer.sku;
    let mut doubts: Vec<String> = found.iter().map(|found| format!("{sku}: {found}")).collect();
    for (count, what) in [
        (sequence.orders_without_attempt, "orders have no attempt in the demand ticks"),
        (sequence.attempts_without_order, "placed attempts have no order in the log"),
        (sequence.unexplained, "attempts would have been decided otherwise at any place they fit"),
        (sequence.contradicted, "events of the log would have been decided otherwise"),
    ] {
        if count > 0 {
            doubts.push(format!("{sku}: {count} {what}"));
        }
    }
    doubts
}

/// Units of the planned allocations. They come with one request, that of the sale.
fn planned(recording: &Recording) -> Vec<i64> {
    let allocations = recording.facts.iter().map_while(Fact::steered);
    let allocations = allocations.filter_map(|event| {
        let ItemEvent::Stock(StockEvent::Allocated(added)) = event else { return None };
        Some(added)
    });
    let allocations: Vec<&StockAllocated> = allocations.collect();
    let plan = allocations.first().map(|first| first.act.request_id);
    let of_plan = allocations.iter().take_while(|added| Some(added.act.request_id) == plan);
    of_plan.map(|added| added.units).collect()
}

/// The planned units under another rule: more come to the first warehouse, fewer are taken from the
/// last ones.
fn stock(
    recording: &Recording,
    mut planned: Vec<i64>,
    units: Option<Units>,
    field: &str,
) -> Result<Vec<i64>, ReplayError> {
    let Some(units) = units else { return Ok(planned) };
    let total: i64 = planned.iter().sum();
    let mut change = match units {
        Units::Change(change) => change,
        Units::Total(wanted) => wanted - total,
    };
    if total + change < 1 {
        let problem = format!(
            "leaves nothing of {}, of which {total} units were planned",
            recording.offer.sku
        );
        return Err(Invalid::new(format!("{field} units"), problem).into());
    }
    if change > 0
        && let Some(first) = planned.first_mut()
    {
        *first += change;
        return Ok(planned);
    }
    for units in planned.iter_mut().rev() {
        let taken = (*units).min(-change);
        *units -= taken;
        change += taken;
    }
    Ok(planned)
}

/// What of the items bears on the assumptions.
#[derive(Default)]
struct Unknown {
    /// Attempts were refused by what is not recorded of them.
    keeps_outcomes: bool,
    /// Orders named the region whose warehouses they prefer.
    regions: bool,
    coupons: bool,
    /// A limit over the whole sale let buyers buy, or not.
    sale_limit: bool,
    /// Operators extended holds, cancelled orders or took units back.
    acts: bool,
    reserve_plan: bool,
}

impl Unknown {
    fn add(&mut self, recording: &Recording) {
        self.keeps_outcomes |= recording.attempts.iter().any(|attempt| {
            matches!(attempt.outcome, AttemptOutcome::NotEligible | AttemptOutcome::PriceChanged)
        });
        let said = recording.orders.iter().filter_map(|order| order.more.as_deref());
        self.regions |= said.clone().any(|more| !more.region.is_empty());
        self.coupons |= said.clone().any(|more| more.coupon.is_some());
        for (_, _, deed) in recording.orders.iter().flat_map(|order| recording.deeds(order)) {
            self.acts |= matches!(
                deed,
                Deed::Extended { .. }
                    | Deed::Refunded { .. }
                    | Deed::Cancelled(CancelCause::Operator)
            );
            self.sale_limit |=
                matches!(deed, Deed::LimitGranted | Deed::Cancelled(CancelCause::OverSaleLimit));
        }
        self.reserve_plan |= recording
            .facts
            .iter()
            .filter_map(Fact::steered)
            .any(|event| matches!(event, ItemEvent::Offer(OfferEvent::ReservePlanSet(_))));
    }

    fn stated(&self, rules: &Rules) -> Vec<String> {
        let plan = if rules.without_reserve_plan {
            "The reserve plan neither releases nor proposes anything. What operators released \
             themselves, also after a proposal, is released as far as it lies in reserve."
        } else {
            "What the reserve plan releases is decided anew, after the orders under these rules."
        };
        let stated = [
            (
                self.keeps_outcomes,
                "Attempts that came to NOT_ELIGIBLE or PRICE_CHANGED come to the same: what was said \
                 of the shopper, and what the order was to cost at most, are not recorded.",
            ),
            (
                self.regions,
                "New winners name no region: that of a refused attempt is not recorded.",
            ),
            (
                self.coupons,
                "New winners have no coupon. An order that had one keeps it while it still wins: it \
                 takes as much off as recorded, at most all but one minor unit.",
            ),
            (
                self.sale_limit,
                "The limit over the whole sale refuses whom it refused when recorded, and no new \
                 winners.",
            ),
            (
                self.acts,
                "Operators extend, cancel and take units back as recorded, of orders that stand as \
                 they have to; of units at most those that are left.",
            ),
            (self.reserve_plan, plan),
        ];
        stated.iter().filter(|(holds, _)| *holds).map(|(_, text)| (*text).to_owned()).collect()
    }
}

fn assumptions(rules: &Rules, unknown: Unknown) -> Vec<String> {
    let mut stated = vec![
        "Shoppers make the attempts that are recorded, at the recorded moments; nobody comes, \
         leaves or asks for other units because of the other rules."
            .to_owned(),
        "Operators allocate, pause, resume and close as recorded.".to_owned(),
        "Orders of attempts that won when recorded, too, are paid, cancelled or left unpaid after \
         the recorded time."
            .to_owned(),
        format!(
            "Orders of new winners are paid, cancelled or left unpaid as an order of the same item \
             was, drawn with seed {}; where no order of it ended, they are left unpaid.",
            rules.seed
        ),
        "Holds that are left unpaid end at their deadline, as late after it as recorded."
            .to_owned(),
        "Shoppers are told apart by 56 bits of a hash, as in demand ticks.".to_owned(),
    ];
    if rules.units.is_some() {
        stated.push(
            "Units are added to or taken from the plan of each item: more in its first warehouse, \
             fewer from its last ones. What operators added later is as it was."
                .to_owned(),
        );
    }
    if rules.time_to_pay_ms.is_some() {
        stated.push(
            "A longer time to pay does not make anybody pay later; payments that came too late \
             buy if they come in time now."
                .to_owned(),
        );
    }
    match rules.late_payments {
        Some(LatePayments::Reinstate) => stated.push(
            "A payment that comes too late brings its order back under the rules of items with \
             late_payments = \"reinstate\": within the time that the item says, or else 10 minutes."
                .to_owned(),
        ),
        Some(LatePayments::Refund) => {
            stated.push("A payment that comes too late is due back.".to_owned());
        }
        None => {}
    }
    if rules.limit.is_some() {
        stated.push(
            "Who asks for more than the limit leaves room for is refused and does not ask for less."
                .to_owned(),
        );
    }
    stated.extend(unknown.stated(rules));
    stated.extend(rules.prices.assumptions());
    if rules.draw {
        stated.push(format!(
            "Everybody who came while the item took orders enters once, with the units asked for \
             first; the draw (seed {}) is held after the last of these attempts, and units that \
             come back are offered to those drawn next. A further attempt counts as a repeat, and \
             who is never offered a unit as sold out.",
            rules.seed
        ));
    }
    stated
}
