//! Holds: expiries, time to pay, and units kept from other buyers.
//!
//! Times are exact: each order's own, from the orders read model. Orders that are still held are
//! counted, but their time on hold has not ended and is in no sum.

use std::collections::BTreeMap;

use rusqlite::{Row, Transaction};

use crate::{
    projections::{
        Checkpoint,
        orders::{self, CANCELLED, EXPIRED, HELD, PAID, REFUNDED, REVISION_BITS},
        timeline,
    },
    reports::{
        Paging, ReportError, Reports, Whose, id_at,
        paging::{Cut, Sizes},
        share_ppm,
    },
    values::{ItemId, capped},
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// Whose holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldsQuery {
    pub whose: Whose,
    /// Items in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

/// Holds of one item, or of all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HoldFigures {
    /// Absent in the total.
    pub item_id: Option<ItemId>,
    /// Empty in the total.
    pub sku: String,
    pub holds_placed: i64,
    /// Neither paid, cancelled nor expired yet.
    pub holds_open: i64,
    pub holds_paid: i64,
    pub holds_cancelled: i64,
    pub holds_expired: i64,
    /// holds_expired / holds_placed in parts per million.
    pub expired_share_ppm: i64,
    /// From placing to paying, over paid holds: the smallest time that at least this share of them
    /// took at most. 0 where none was paid.
    pub time_to_pay_p50_ms: i64,
    pub time_to_pay_p90_ms: i64,
    pub time_to_pay_p99_ms: i64,
    pub time_to_pay_max_ms: i64,
    /// Units times seconds on hold, over holds that have ended.
    pub unit_seconds_held: i64,
    /// The same over those that expired.
    pub unit_seconds_lost: i64,
    /// Units that came back from cancelled and expired holds.
    pub units_released: i64,
    /// Units of `units_released` that were taken again. Those that were never taken before and those
    /// that came back from paid orders go first.
    pub units_resold: i64,
    /// Payments that came too late or twice and are due back.
    pub refunds_due: i64,
}

/// Hold economics of a sale or an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldEconomics {
    /// Over all items, whatever the page.
    pub total: HoldFigures,
    pub items: Vec<HoldFigures>,
    pub next_page_token: String,
    pub checkpoint: Checkpoint,
}

/// Sums on the way to figures.
#[derive(Default)]
struct Sums {
    /// By state: count.
    counts: [i64; REFUNDED as usize + 1],
    held_unit_ms: i128,
    lost_unit_ms: i128,
    /// How many paid holds took that long.
    times_to_pay: BTreeMap<i64, i64>,
    units_released: i64,
    units_resold: i64,
    refunds_due: i64,
}

impl Reports {
    /// Hold economics, item by item in the order in which they were added.
    pub fn holds(&self, query: &HoldsQuery) -> Result<HoldEconomics, ReportError> {
        let whose = query.whose;
        let question = [b"holds".as_slice(), whose.numbers().as_bytes(), &whose.key()];
        let cut: Cut<1> = query.paging.cut(SIZES, question)?;
        let mut moved = self.units_moved(whose)?;
        self.ask(orders::NAME, orders::VERSION, |rows, checkpoint| {
            whose.must_be_known(rows)?;
            let mut all = Sums::default();
            let mut lines = Vec::new();
            for (number, item_id) in numbers(rows, whose)? {
                let mut sums = Sums::default();
                sums.read(rows, number)?;
                let sku = match moved.remove(&item_id) {
                    None => String::new(),
                    Some(moved) => {
                        sums.units_released = moved.released;
                        sums.units_resold = moved.resold;
                        sums.refunds_due = moved.refunds_due;
                        moved.sku
                    }
                };
                all.add(&sums);
                lines.push(([number], sums.figures(Some(item_id), sku)));
            }
            let [after] = cut.after.unwrap_or([0]);
            lines.retain(|([number], _)| *number > after);
            lines.truncate(cut.rows());
            let page = cut.page(lines, checkpoint);
            Ok(HoldEconomics {
                total: all.figures(None, String::new()),
                items: page.rows,
                next_page_token: page.next_page_token,
                checkpoint,
            })
        })
    }

    /// Units that came and went, by item, from the timeline.
    fn units_moved(&self, whose: Whose) -> Result<BTreeMap<ItemId, Moved>, ReportError> {
        self.ask(timeline::NAME, timeline::VERSION, |rows, _| {
            let mut found = rows.prepare(&format!(
                "SELECT item_id, coalesce(sku, ''), coalesce(units_allocated + units_refunded, 0),
                 coalesce(units_placed + units_reinstated, 0), coalesce(units_released, 0),
                 coalesce(refunds_due, 0)
                 FROM items LEFT JOIN seconds ON seconds.item = items.number
                 WHERE {} ORDER BY number, second",
                whose.items()
            ))?;
            let mut by_item: BTreeMap<ItemId, Moved> = BTreeMap::new();
            let mut found = found.query([whose.key()])?;
            while let Some(row) = found.next()? {
                let moved = by_item.entry(ItemId(id_at(row, 0)?)).or_default();
                moved.second(row)?;
            }
            Ok(by_item)
        })
    }
}

/// Units of one item that came and went, as far as its seconds were read.
#[derive(Default)]
struct Moved {
    sku: String,
    /// Units on offer that no unpaid order has had.
    fresh: i64,
    /// Units on offer that came back from unpaid orders.
    back: i64,
    resold: i64,
    released: i64,
    refunds_due: i64,
}

impl Moved {
    /// Within a second, units come before they go: when in it they did is not kept.
    fn second(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        // Of refunded units those written off are taken from the allocated ones in the same second.
        let [came, placed, released, refunds_due]: [i64; 4] =
            [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
        if self.sku.is_empty() {
            self.sku = row.get(1)?;
        }
        self.fresh += came.max(0);
        self.back += released;
        self.resold += self.take(placed);
        // Withdrawn.
        self.take((-came).max(0));
        self.released += released;
        self.refunds_due += refunds_due;
        Ok(())
    }

    /// Takes units off the offer; says how many of them had come back from unpaid orders.
    fn take(&mut self, units: i64) -> i64 {
        let fresh = units.min(self.fresh);
        self.fresh -= fresh;
        let back = (units - fresh).min(self.back);
        self.back -= back;
        back
    }
}

fn numbers(rows: &Transaction<'_>, whose: Whose) -> rusqlite::Result<Vec<(i64, ItemId)>> {
    let items =
        format!("SELECT number, item_id FROM items WHERE {} ORDER BY number", whose.items());
    let mut items = rows.prepare(&items)?;
    let items = items.query_map([whose.key()], |row| Ok((row.get(0)?, ItemId(id_at(row, 1)?))))?;
    items.collect()
}

impl Sums {
    /// Adds the orders of an item: their rows lie side by side.
    fn read(&mut self, rows: &Transaction<'_>, number: i64) -> rusqlite::Result<()> {
        let mut found = rows.prepare_cached(
            "SELECT state, units, placed_at_ms, settled_at_ms FROM orders
             WHERE key >= ? AND key < ?",
        )?;
        let (first, end) = (number << REVISION_BITS, (number + 1) << REVISION_BITS);
        let mut found = found.query([first, end])?;
        while let Some(row) = found.next()? {
            let state: i64 = row.get(0)?;
            if let Some(count) = usize::try_from(state).ok().and_then(|at| self.counts.get_mut(at))
            {
                *count += 1;
            }
            let (units, placed): (i64, i64) = (row.get(1)?, row.get(2)?);
            let Some(settled) = row.get::<_, Option<i64>>(3)? else { continue };
            let held_ms = settled.saturating_sub(placed);
            let unit_ms = i128::from(units) * i128::from(held_ms);
            self.held_unit_ms += unit_ms;
            if state == EXPIRED {
                self.lost_unit_ms += unit_ms;
            }
            if state == PAID || state == REFUNDED {
                *self.times_to_pay.entry(held_ms).or_default() += 1;
            }
        }
        Ok(())
    }

    fn add(&mut self, other: &Self) {
        for (sum, more) in self.counts.iter_mut().zip(other.counts) {
            *sum += more;
        }
        self.held_unit_ms += other.held_unit_ms;
        self.lost_unit_ms += other.lost_unit_ms;
        for (time, count) in &other.times_to_pay {
            *self.times_to_pay.entry(*time).or_default() += count;
        }
        self.units_released += other.units_released;
        self.units_resold += other.units_resold;
        self.refunds_due += other.refunds_due;
    }

    fn count(&self, state: i64) -> i64 {
        usize::try_from(state).ok().and_then(|at| self.counts.get(at)).copied().unwrap_or(0)
    }

    /// The smallest time that at least `share` percent of the paid holds took at most.
    fn percentile(&self, share: i64) -> i64 {
        let count: i64 = self.times_to_pay.values().sum();
        let wanted = (i128::from(count) * i128::from(share) + 99) / 100;
        let mut seen = 0;
        for (time, times) in &self.times_to_pay {
            seen += i128::from(*times);
            if seen >= wanted {
                return *time;
            }
        }
        0
    }

    fn figures(&self, item_id: Option<ItemId>, sku: String) -> HoldFigures {
        let placed = self.counts.iter().sum();
        let seconds = |ms: i128| capped(ms / 1000);
        HoldFigures {
            item_id,
            sku,
            holds_placed: placed,
            holds_open: self.count(HELD),
            holds_paid: self.count(PAID) + self.count(REFUNDED),
            holds_cancelled: self.count(CANCELLED),
            holds_expired: self.count(EXPIRED),
            expired_share_ppm: share_ppm(self.count(EXPIRED), placed),
            time_to_pay_p50_ms: self.percentile(50),
            time_to_pay_p90_ms: self.percentile(90),
            time_to_pay_p99_ms: self.percentile(99),
            time_to_pay_max_ms: self.percentile(100),
            unit_seconds_held: seconds(self.held_unit_ms),
            unit_seconds_lost: seconds(self.lost_unit_ms),
            units_released: self.units_released,
            units_resold: self.units_resold,
            refunds_due: self.refunds_due,
        }
    }
}
