//! The demand curve: what was asked for, second by second, what of it was met and what was not; and
//! refusals by reason and item.

use rusqlite::Row;

use crate::{
    events::AttemptOutcome,
    projections::{
        Checkpoint,
        timeline::{self, counts_at},
    },
    reports::{
        Page, Paging, ReportError, Reports, TimelineQuery, TimelineSecond, Whose, id_at,
        paging::Sizes,
        share_ppm,
        timeline::{second_of, sums},
    },
    values::{ENDLESS, ItemId, UnixMs},
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// Attempts and what they came to: of one second, or of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Every attempt to place an order, also repeated and refused ones.
    pub attempts: i64,
    /// Attempts that became orders, by the items' own events.
    pub met: i64,
    /// Units of those orders.
    pub units_met: i64,
    /// Attempts that repeated an earlier request.
    pub repeats: i64,
    /// Attempts that were refused because too few units were there: SOLD_OUT, NOT_ENOUGH_UNITS.
    pub unmet: i64,
    /// Units that those attempts asked for.
    pub units_unmet: i64,
    /// Attempts that were refused for any other reason.
    pub refused_otherwise: i64,
}

/// Demand in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DemandTotal {
    pub demand: Demand,
    /// unmet / attempts in parts per million.
    pub unmet_share_ppm: i64,
    /// When an item first had no unit left, if one had.
    pub first_sold_out: Option<UnixMs>,
}

/// What was refused, of one item or of all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusals {
    /// Absent in the total.
    pub item_id: Option<ItemId>,
    /// Empty in the total.
    pub sku: String,
    pub attempts: i64,
    /// Refused attempts, all reasons.
    pub refused: i64,
    /// refused / attempts in parts per million.
    pub refused_share_ppm: i64,
    /// By reason; reasons that did not occur are left out.
    pub by_reason: Vec<(AttemptOutcome, i64)>,
}

/// Refusals by item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalsByItem {
    /// Over all items, whatever the page.
    pub total: Refusals,
    pub items: Vec<Refusals>,
    pub next_page_token: String,
    pub checkpoint: Checkpoint,
}

/// Whose refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalsQuery {
    pub whose: Whose,
    /// Items in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

impl From<&TimelineSecond> for Demand {
    fn from(second: &TimelineSecond) -> Self {
        let mut demand = Self {
            attempts: second.attempts,
            met: second.orders_placed,
            units_met: second.units_placed,
            repeats: second.repeats,
            units_unmet: second.units_refused,
            ..Self::default()
        };
        for (reason, attempts) in &second.refusals {
            match reason {
                AttemptOutcome::SoldOut | AttemptOutcome::NotEnoughUnits => {
                    demand.unmet += attempts;
                }
                AttemptOutcome::NotOpenYet
                | AttemptOutcome::Closed
                | AttemptOutcome::Paused
                | AttemptOutcome::OverBuyerLimit
                | AttemptOutcome::OverOrderLimit
                | AttemptOutcome::NotEligible
                | AttemptOutcome::GiftGone
                | AttemptOutcome::PriceChanged
                | AttemptOutcome::Placed
                | AttemptOutcome::Repeated => demand.refused_otherwise += attempts,
            }
        }
        demand
    }
}

impl Reports {
    /// Demand second by second, from the timeline. Seconds without attempts are included with
    /// zeros.
    pub fn demand(&self, query: &TimelineQuery) -> Result<Page<(i64, Demand)>, ReportError> {
        let page = self.timeline(query)?;
        let rows = page.rows.iter().map(|second| (second.second, Demand::from(second)));
        Ok(Page {
            rows: rows.collect(),
            next_page_token: page.next_page_token,
            checkpoint: page.checkpoint,
        })
    }

    /// Demand between two moments in all.
    pub fn demand_total(&self, query: &TimelineQuery) -> Result<DemandTotal, ReportError> {
        let whose = Whose::of(query.sale_id, query.item_id)?;
        let (second, _) = self.timeline_sum(whose, query.from, query.until)?;
        let demand = Demand::from(&second);
        let first_sold_out = self.ask(timeline::NAME, timeline::VERSION, |rows, _| {
            let first = format!("SELECT min(from_ms) FROM sold_outs WHERE {}", whose.numbers());
            Ok(rows.query_row(&first, [whose.key()], |row| row.get::<_, Option<i64>>(0))?)
        })?;
        Ok(DemandTotal {
            unmet_share_ppm: share_ppm(demand.unmet, demand.attempts),
            demand,
            first_sold_out: first_sold_out.map(UnixMs),
        })
    }

    /// All counts of the timeline between two moments, added up; its second is 0.
    pub fn timeline_sum(
        &self,
        whose: Whose,
        from: Option<UnixMs>,
        until: Option<UnixMs>,
    ) -> Result<(TimelineSecond, Checkpoint), ReportError> {
        let from = from.map_or(i64::MIN, UnixMs::second);
        let until = until.map_or(ENDLESS, |until| until.plus(999).second());
        self.ask(timeline::NAME, timeline::VERSION, |rows, checkpoint| {
            whose.must_be_known(rows)?;
            let sums = sums();
            let sum = format!(
                "SELECT {sums} FROM seconds WHERE {} AND second >= ? AND second < ?",
                whose.numbers()
            );
            let counts =
                rows.query_row(&sum, (whose.key(), from, until), |row| counts_at(row, 0))?;
            Ok((second_of(0, counts), checkpoint))
        })
    }

    /// Refusals by reason, item by item in the order in which they were added.
    pub fn refusals(&self, query: &RefusalsQuery) -> Result<RefusalsByItem, ReportError> {
        let whose = query.whose;
        let question = [b"refusals".as_slice(), whose.numbers().as_bytes(), &whose.key()];
        let cut = query.paging.cut(SIZES, question)?;
        let (total, _) = self.timeline_sum(whose, None, None)?;
        self.ask(timeline::NAME, timeline::VERSION, |rows, checkpoint| {
            let [after] = cut.after.unwrap_or([0]);
            let sums = sums();
            let mut found = rows.prepare(&format!(
                "SELECT number, item_id, coalesce(sku, ''), {sums}
                 FROM items LEFT JOIN seconds ON seconds.item = items.number
                 WHERE {} AND number > ? GROUP BY number ORDER BY number LIMIT ?",
                whose.items()
            ))?;
            let items = found.query_map((whose.key(), after, cut.limit()), |row: &Row<'_>| {
                let sum = second_of(0, counts_at(row, 3)?);
                let item = Some(ItemId(id_at(row, 1)?));
                Ok(([row.get(0)?], refusals_of(item, row.get(2)?, sum)))
            })?;
            let page = cut.page(items.collect::<Result<_, _>>()?, checkpoint);
            Ok(RefusalsByItem {
                total: refusals_of(None, String::new(), total.clone()),
                items: page.rows,
                next_page_token: page.next_page_token,
                checkpoint,
            })
        })
    }
}

fn refusals_of(item_id: Option<ItemId>, sku: String, sum: TimelineSecond) -> Refusals {
    let refused = sum.refusals.iter().map(|(_, attempts)| attempts).sum();
    Refusals {
        item_id,
        sku,
        attempts: sum.attempts,
        refused,
        refused_share_ppm: share_ppm(refused, sum.attempts),
        by_reason: sum.refusals,
    }
}
