//! What an incident cost, computed from the log each time it is asked for: planned against ordered
//! units, minute by minute. docs/incidents.md says the formula; the arithmetic is in `loss`.
//!
//! Seconds are whole: that in which the incident began counts, and so does that in which it ended.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, params_from_iter};

use super::{Basis, IncidentLine, Loss, Plan, loss};
use crate::{
    events::{AttemptOutcome, Position},
    projections::{Checkpoint, catalog, goods::LadderSold, timeline},
    reports::{
        ReportError, Reports, id_at,
        timeline::{AVAILABLE, second_of, sums},
    },
    values::{ItemId, SaleId, UnixMs, capped, number_of},
};

/// Minutes that are told one by one: a day. The sums are over all of them.
pub const IMPACT_MINUTES_MAX: usize = 1_440;

/// How long before the incident the pace is taken, in seconds.
const PACE_SECONDS: i64 = 60;

/// What an incident cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Impact {
    pub basis: Basis,
    pub from: UnixMs,
    /// Its end; while it is open what [`ImpactUntil`] says.
    pub until: UnixMs,
    /// ISO 4217 code.
    pub currency: String,
    /// Units planned to be ordered meanwhile, and ordered.
    pub planned_units: i64,
    pub ordered_units: i64,
    /// Units that were there when it began, and when it ended.
    pub available_at_begin: i64,
    pub available_at_end: i64,
    /// What a lost unit is counted at.
    pub unit_price_minor: i64,
    pub lost: Loss,
    /// The same by minute, rounded down.
    pub lost_units_per_minute: i64,
    pub lost_revenue_minor_per_minute: i64,
    /// Every attempt meanwhile, and the refused ones by reason.
    pub attempts: i64,
    pub refusals: Vec<(AttemptOutcome, i64)>,
    /// Oldest first, at most [`IMPACT_MINUTES_MAX`].
    pub minutes: Vec<ImpactMinute>,
}

/// Until when an incident that is open has cost something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImpactUntil {
    /// The last event that is counted.
    LastEvent,
    /// Now, if everything up to `head` is counted; else the time of the last counted event. Time
    /// that is not counted yet would look like time without orders.
    Now { now: UnixMs, head: Position },
}

impl ImpactUntil {
    fn moment(self, counted: Checkpoint) -> UnixMs {
        match self {
            Self::Now { now, head } if counted.position >= head => now,
            Self::Now { .. } | Self::LastEvent => UnixMs(counted.recorded_at_ms),
        }
    }
}

/// One minute of it, counted from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImpactMinute {
    pub from: UnixMs,
    pub planned_units: i64,
    pub ordered_units: i64,
    /// By itself: minutes above the plan do not make up for others here, but they do in the sum.
    pub lost: Loss,
}

/// What the catalog knows of the sale.
struct Planned {
    currency: String,
    opens_at: UnixMs,
    closes_at: UnixMs,
    ended_at: UnixMs,
    goal_units: Option<i64>,
    curve: String,
    /// Prices of the items in question.
    prices: Vec<(ItemId, i64)>,
}

/// What the timeline knows.
struct TimelineCounts {
    /// Allocated units of the items in question and of the whole sale, by the end.
    share: (i64, i64),
    available_at_begin: i64,
    available_at_end: i64,
    pace_units: i64,
    /// Units ordered by minute since the beginning.
    minutes: Vec<(i64, i64)>,
    /// Meanwhile.
    sum: crate::reports::TimelineSecond,
    /// Paid units and what was paid for them, by the end, also of those that came back.
    paid: (i64, i64),
    /// Allocated units by item, by the end.
    allocated: Vec<(ItemId, i64)>,
}

impl Reports {
    /// What an incident cost by its end, or by the moment that is asked for while it is open; and how
    /// far it was counted.
    pub fn impact(
        &self,
        incident: &IncidentLine,
        asked: ImpactUntil,
    ) -> Result<(Impact, Checkpoint), ReportError> {
        let Planned { currency, opens_at, closes_at, ended_at, goal_units, curve, prices } =
            self.sale_plan(incident)?;
        let from = UnixMs(incident.began_at.second().saturating_mul(1_000));
        // The pace of a sale that has just opened is that since then.
        let pace_from = from.second().saturating_sub(PACE_SECONDS).max(opens_at.second());
        let asking = |rows: &Transaction<'_>, checkpoint: Checkpoint| {
            let until = incident.ended_at.unwrap_or_else(|| asked.moment(checkpoint));
            let until = until.max(incident.began_at).plus(999).second();
            let until = UnixMs(until.saturating_mul(1_000)).max(from);
            let seconds = (pace_from, from.second(), until.second());
            Ok((TimelineCounts::of(rows, incident, seconds)?, until, checkpoint))
        };
        let (counted, until, checkpoint) = self.ask(timeline::NAME, timeline::VERSION, asking)?;
        let plan = Plan {
            opens_at,
            closes_at,
            ended_at,
            // The projection wrote it from points.
            curve: serde_json::from_str(&curve).unwrap_or_default(),
            goal_units,
            share: counted.share,
            pace_units: counted.pace_units,
            pace_ms: from.second().saturating_sub(pace_from).saturating_mul(1_000),
            began_at: from,
        };
        let unit_price_minor = match counted.paid {
            (units, revenue) if units > 0 => revenue / units,
            _ => {
                let (planned, ordered) = (plan.between(from, until), counted.sum.units_placed);
                let lost = loss(planned, ordered, counted.available_at_end, 0).units;
                let asked = |item| concerns(incident, item);
                let ladders = self.ladders_before(incident.sale_id, until, asked)?;
                // The second of the end is over then.
                let until = until.plus(-1);
                price_of_next(lost, until, &counted.allocated, &prices, &ladders)
            }
        };
        let impact = told(&plan, &counted, (from, until), (currency, unit_price_minor));
        Ok((impact, checkpoint))
    }

    fn sale_plan(&self, incident: &IncidentLine) -> Result<Planned, ReportError> {
        let sale = incident.sale_id.0.as_bytes().as_slice();
        self.ask(catalog::NAME, catalog::VERSION, |rows, _| {
            let mut of_items =
                rows.prepare("SELECT item_id, unit_price_minor FROM items WHERE sale_id = ?")?;
            let prices = of_items
                .query_map([sale], |row| Ok((ItemId(id_at(row, 0)?), row.get::<_, i64>(1)?)))?;
            let mut prices: Vec<(ItemId, i64)> = prices.collect::<Result<_, _>>()?;
            prices.retain(|(item, _)| concerns(incident, *item));
            let found = rows
                .query_row(
                    "SELECT currency, opens_at_ms, closes_at_ms, goal_units, curve,
                         min(closes_at_ms, coalesce(closed_at_ms, closes_at_ms))
                     FROM sales WHERE sale_id = ?",
                    [sale],
                    |row| {
                        Ok(Planned {
                            currency: row.get(0)?,
                            opens_at: UnixMs(row.get(1)?),
                            closes_at: UnixMs(row.get(2)?),
                            goal_units: row.get(3)?,
                            curve: row.get(4)?,
                            ended_at: UnixMs(row.get(5)?),
                            prices,
                        })
                    },
                )
                .optional()?;
            found.ok_or(ReportError::NotFound("sale_id"))
        })
    }
}

/// Whether the incident is about that item of its sale.
fn concerns(incident: &IncidentLine, item: ItemId) -> bool {
    incident.items.is_empty() || incident.items.contains(&item)
}

impl TimelineCounts {
    fn of(
        rows: &Transaction<'_>,
        incident: &IncidentLine,
        (pace_from, from, until): (i64, i64, i64),
    ) -> Result<Self, ReportError> {
        let items = numbers(rows, incident.sale_id)?;
        let mine: Vec<i64> = items
            .iter()
            .filter(|(_, item)| concerns(incident, *item))
            .map(|(number, _)| *number)
            .collect();
        // Numbers of rows, so they can stand in the text.
        let mine = mine.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        let of = |what: &str, first: i64, end: i64| -> Result<i64, ReportError> {
            let sum = format!(
                "SELECT bounded_sum({what}) FROM seconds
                 WHERE item IN ({mine}) AND second >= ? AND second < ?"
            );
            Ok(rows.query_row(&sum, [first, end], |row| row.get(0))?)
        };
        let mut allocated = Vec::with_capacity(items.len());
        let mut of_item = rows.prepare(
            "SELECT coalesce(sum(units_allocated), 0) FROM seconds WHERE item = ? AND second < ?",
        )?;
        for (number, item) in &items {
            allocated.push((*item, of_item.query_row([*number, until], |row| row.get(0))?));
        }
        let share = allocated.iter().fold((0_i64, 0_i64), |(mine, all), (item, units)| {
            let add = if concerns(incident, *item) { *units } else { 0 };
            (mine.saturating_add(add), all.saturating_add(*units))
        });
        allocated.retain(|(item, _)| concerns(incident, *item));
        let mut by_minute = rows.prepare(&format!(
            "SELECT (second - ?1) / 60 AS minute, bounded_sum(units_placed) FROM seconds
             WHERE item IN ({mine}) AND second >= ?1 AND second < ?2 GROUP BY minute"
        ))?;
        let minutes = by_minute.query_map([from, until], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let minutes = minutes.collect::<Result<_, _>>()?;
        let all = format!(
            "SELECT {} FROM seconds WHERE item IN ({mine}) AND second >= ? AND second < ?",
            sums()
        );
        let sum = rows.query_row(&all, [from, until], |row| timeline::counts_at(row, 0))?;
        // Revenue is what is left after refunds.
        let paid_minor = i128::from(of("revenue_minor", i64::MIN, until)?)
            + i128::from(of("refunded_minor", i64::MIN, until)?);
        Ok(Self {
            share,
            available_at_begin: of(AVAILABLE, i64::MIN, from)?,
            available_at_end: of(AVAILABLE, i64::MIN, until)?,
            pace_units: of("units_placed", pace_from, from)?,
            minutes,
            sum: second_of(0, sum),
            paid: (of("units_paid", i64::MIN, until)?, capped(paid_minor)),
            allocated,
        })
    }
}

/// Items of a sale with the numbers of their rows.
fn numbers(rows: &Transaction<'_>, sale: SaleId) -> Result<Vec<(i64, ItemId)>, ReportError> {
    let mut found =
        rows.prepare("SELECT number, item_id FROM items WHERE sale_id = ? ORDER BY number")?;
    let sale = params_from_iter([sale.0.as_bytes().as_slice()]);
    let found = found.query_map(sale, |row| Ok((row.get(0)?, ItemId(id_at(row, 1)?))))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// What so many lost units would have cost on average as the next ones of their items. Each item has
/// lost its share of them by allocated units, rounded down, and at least one.
fn price_of_next(
    lost: i64,
    at: UnixMs,
    allocated: &[(ItemId, i64)],
    prices: &[(ItemId, i64)],
    ladders: &BTreeMap<ItemId, LadderSold>,
) -> i64 {
    let price = |item| prices.iter().find(|(known, _)| *known == item).map(|(_, price)| *price);
    let known = allocated.iter().filter_map(|&(item, units)| Some((item, units, price(item)?)));
    let all: i128 = known.clone().map(|(_, units, _)| i128::from(units)).sum();
    let worth = known.map(|(item, units, price)| {
        let next = capped(i128::from(lost) * i128::from(units) / all.max(1)).max(1);
        let price = ladders
            .get(&item)
            .map_or(i128::from(price), |ladder| ladder.worth_of_next(next, at) / i128::from(next));
        price * i128::from(units)
    });
    capped(worth.sum::<i128>() / all.max(1))
}

fn told(
    plan: &Plan,
    counted: &TimelineCounts,
    (from, until): (UnixMs, UnixMs),
    (currency, unit_price_minor): (String, i64),
) -> Impact {
    let could_be_sold = counted.available_at_end.max(0);
    let ordered_units = counted.sum.units_placed;
    let planned_units = plan.between(from, until);
    let lost = loss(planned_units, ordered_units, could_be_sold, unit_price_minor);
    let length_ms = until.since(from);
    let minutes_count = usize::try_from(length_ms.saturating_add(59_999) / 60_000).unwrap_or(0);
    let mut minutes = Vec::with_capacity(minutes_count.min(IMPACT_MINUTES_MAX));
    let mut ordered = counted.minutes.iter().peekable();
    for minute in 0..minutes_count.min(IMPACT_MINUTES_MAX) {
        let number = number_of(minute);
        let begin = from.plus(number.saturating_mul(60_000));
        let planned_units = plan.between(begin, begin.plus(60_000).min(until));
        let there = ordered.next_if(|(at, _)| *at == number);
        let ordered_units = there.map_or(0, |(_, units)| *units);
        let lost = loss(planned_units, ordered_units, could_be_sold, unit_price_minor);
        minutes.push(ImpactMinute { from: begin, planned_units, ordered_units, lost });
    }
    let by_minute = |sum: i64| {
        let rate = i128::from(sum) * 60_000 / i128::from(length_ms.max(1));
        capped(rate)
    };
    Impact {
        basis: plan.basis(),
        from,
        until,
        currency,
        planned_units,
        ordered_units,
        available_at_begin: counted.available_at_begin,
        available_at_end: counted.available_at_end,
        unit_price_minor,
        lost,
        lost_units_per_minute: by_minute(lost.units),
        lost_revenue_minor_per_minute: by_minute(lost.revenue_minor),
        attempts: counted.sum.attempts,
        refusals: counted.sum.refusals.clone(),
        minutes,
    }
}
