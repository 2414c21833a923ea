//! What happened to each item, second by second.
//!
//! Orders are counted from the item's own events, by the time in them. Attempts, repeats and
//! refusals are counted from demand ticks, of which one second may have several. A sale's timeline
//! is the sum over its items; it is kept as well, by second, minute and hour and in all, so that it
//! can be looked at every second (`spans.rs`). When an item had nothing left is kept to the
//! millisecond.

mod counts;
mod spans;

use std::sync::LazyLock;

use rusqlite::{OptionalExtension, Transaction, params, params_from_iter};

pub use self::counts::{COUNTS, Counts, counts_at};
use self::{counts::add, spans::Spans};
use crate::{
    events::{
        AttemptOutcome, Counts as Units, DemandTick, ItemAdded, OfferEvent, OrderChange,
        OrderEvent, StockEvent, unpack,
    },
    projections::{ApplyError, Here, Projection, row_cache::RowCache},
    values::{ItemId, UnixMs},
};

/// Name of the projection and of its file.
pub const NAME: &str = "timeline";
/// Version of its rows.
pub const VERSION: i64 = 6;

const ATTEMPTS: usize = 0;
const ORDERS_PLACED: usize = 1;
const UNITS_PLACED: usize = 2;
const ORDERS_PAID: usize = 3;
const UNITS_PAID: usize = 4;
const ORDERS_CANCELLED: usize = 5;
const ORDERS_EXPIRED: usize = 6;
const UNITS_RELEASED: usize = 7;
const REPEATS: usize = 8;
const UNITS_ALLOCATED: usize = 16;
/// Units that attempts asked for which were refused because too few were there.
const UNITS_REFUSED: usize = 17;
const REVENUE_MINOR: usize = 18;
const REFUNDS_DUE: usize = 19;
const UNITS_REFUNDED: usize = 23;
const REFUNDED_MINOR: usize = 24;
const ORDERS_REINSTATED: usize = 25;
const UNITS_REINSTATED: usize = 26;

/// Its tables: `docs/read-models.md` says what each column means. A byte of it that changes is
/// another version.
static SCHEMA: LazyLock<String> = LazyLock::new(|| {
    let counts = COUNTS.map(|count| format!("    {count} INTEGER NOT NULL,\n")).concat();
    format!(
        "CREATE TABLE sales (number INTEGER PRIMARY KEY, sale_id BLOB NOT NULL UNIQUE);
CREATE TABLE items (
    number INTEGER PRIMARY KEY,
    item_id BLOB NOT NULL UNIQUE,
    sale_id BLOB,
    sku TEXT,
    sale INTEGER,
    available_units INTEGER NOT NULL DEFAULT 0,
    last_placed_second INTEGER,
    sold_outs INTEGER NOT NULL DEFAULT 0,
    sold_out_since_ms INTEGER
);
CREATE INDEX items_by_sale ON items (sale_id);
CREATE TABLE seconds (
    item INTEGER NOT NULL,
    second INTEGER NOT NULL,
{counts}    PRIMARY KEY (item, second)
) WITHOUT ROWID;
CREATE TABLE sold_outs (
    item INTEGER NOT NULL,
    number INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER,
    PRIMARY KEY (item, number)
) WITHOUT ROWID;
CREATE INDEX sold_outs_by_time ON sold_outs (from_ms);
CREATE TABLE sale_spans (
    sale INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    second INTEGER NOT NULL,
{counts}    PRIMARY KEY (sale, seconds, second)
) WITHOUT ROWID;"
    )
});

/// Seconds by item.
#[derive(Debug, Default)]
pub struct Timeline {
    items: RowCache<ItemId, Item>,
    seconds: RowCache<(i64, i64), Second>,
    spans: Spans,
}

/// One second of one item.
#[derive(Debug)]
struct Second {
    counts: Counts,
    /// What of it is not in the sums of its sale yet.
    fresh: Counts,
    /// Whose sums they are.
    owner: i64,
}

/// What an item has left: a moment in which nothing is left is known to the millisecond.
#[derive(Debug)]
struct Item {
    number: i64,
    /// Number of its sale; while that is not known, the item's own number below zero.
    owner: i64,
    available_units: i64,
    /// The last second in which an order was placed.
    last_placed_second: Option<i64>,
    /// How often nothing was left.
    sold_outs: i64,
    sold_out_since_ms: Option<i64>,
}

/// Where attempts with that outcome are counted; `None` for those that became orders, which the
/// item's own events count.
pub fn column_of(outcome: AttemptOutcome) -> Option<usize> {
    match outcome {
        AttemptOutcome::Placed => None,
        AttemptOutcome::Repeated => Some(REPEATS),
        AttemptOutcome::SoldOut => Some(9),
        AttemptOutcome::NotEnoughUnits => Some(10),
        AttemptOutcome::NotOpenYet => Some(11),
        AttemptOutcome::Closed => Some(12),
        AttemptOutcome::Paused => Some(13),
        AttemptOutcome::OverBuyerLimit => Some(14),
        AttemptOutcome::OverOrderLimit => Some(15),
        AttemptOutcome::NotEligible => Some(20),
        AttemptOutcome::GiftGone => Some(21),
        AttemptOutcome::PriceChanged => Some(22),
    }
}

impl Projection for Timeline {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        VERSION
    }

    fn schema(&self) -> &'static str {
        &SCHEMA
    }

    fn on_offer(&mut self, here: &Here<'_>, event: &OfferEvent) -> Result<(), ApplyError> {
        let OfferEvent::Added(added) = event else { return Ok(()) };
        self.add_item(here.rows, here.item()?, added)
    }

    fn on_stock(&mut self, here: &Here<'_>, event: &StockEvent) -> Result<(), ApplyError> {
        let (id, at, adds) = (here.item()?, event.at(), Units::added_by(event.moves()));
        if adds == Units::default() {
            return Ok(());
        }
        self.left(here.rows, id, adds.available, at, event.act().is_of_reserve_plan())?;
        self.count(here.rows, id, at, &[(UNITS_ALLOCATED, adds.allocated)])
    }

    fn on_order(&mut self, here: &Here<'_>, event: &OrderEvent) -> Result<(), ApplyError> {
        let (id, step) = (here.item()?, event.step(here.recorded.revision));
        let adds = Units::added_by(event.moves());
        if adds.available != 0 {
            let item = self.left(here.rows, id, adds.available, step.at, false)?;
            if step.change == OrderChange::Placed {
                item.last_placed_second = Some(step.at.second());
            }
        }
        let (orders, units) = match step.change {
            OrderChange::Placed => (ORDERS_PLACED, UNITS_PLACED),
            OrderChange::Paid => (ORDERS_PAID, UNITS_PAID),
            OrderChange::Cancelled => (ORDERS_CANCELLED, UNITS_RELEASED),
            OrderChange::Expired => (ORDERS_EXPIRED, UNITS_RELEASED),
            // An expiry that a payment undid was one all the same.
            OrderChange::Reinstated => (ORDERS_REINSTATED, UNITS_REINSTATED),
            OrderChange::PartlyRefunded | OrderChange::Refunded => {
                let more = [
                    (UNITS_REFUNDED, step.units),
                    (REFUNDED_MINOR, step.refunded_minor),
                    (REVENUE_MINOR, step.revenue_minor),
                    // Units that are of no use are no longer allocated.
                    (UNITS_ALLOCATED, adds.allocated),
                ];
                return self.count(here.rows, id, step.at, &more);
            }
            OrderChange::Nothing if step.due_minor > 0 => {
                return self.count(here.rows, id, step.at, &[(REFUNDS_DUE, 1)]);
            }
            OrderChange::Nothing => return Ok(()),
        };
        let more = [(orders, 1), (units, step.units), (REVENUE_MINOR, step.revenue_minor)];
        self.count(here.rows, id, step.at, &more)
    }

    fn on_demand(&mut self, here: &Here<'_>, event: &DemandTick) -> Result<(), ApplyError> {
        self.apply_tick(here.rows, here.item()?, event)
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached(&format!(
            "INSERT OR REPLACE INTO seconds (item, second, {}) VALUES (?, ?{})",
            COUNTS.join(", "),
            ", ?".repeat(COUNTS.len())
        ))?;
        let mut left = rows.prepare_cached(
            "UPDATE items SET available_units = ?, last_placed_second = ?, sold_outs = ?,
             sold_out_since_ms = ? WHERE number = ?",
        )?;
        self.items.flush(|_, item| {
            let Item { available_units, last_placed_second, sold_outs, .. } = item;
            let (since, number) = (item.sold_out_since_ms, item.number);
            left.execute(params![available_units, last_placed_second, sold_outs, since, number])?;
            Ok(())
        })?;
        let spans = &mut self.spans;
        self.seconds.each_changed(|(_, second), row| {
            let fresh = std::mem::take(&mut row.fresh);
            spans.add(rows, row.owner, second, &fresh)
        })?;
        self.seconds.flush(|(item, second), row| {
            write.execute(params_from_iter([item, second].iter().chain(&row.counts)))?;
            Ok(())
        })?;
        self.spans.flush(rows)
    }

    fn forget(&mut self) {
        self.items.forget();
        self.seconds.forget();
        self.spans.forget();
    }
}

impl Timeline {
    fn add_item(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        added: &ItemAdded,
    ) -> Result<(), ApplyError> {
        let sale = spans::sale_number(rows, added.sale_id)?;
        let item = id.0.as_bytes().as_slice();
        let known = "SELECT number FROM items WHERE item_id = ?";
        let known: Option<i64> = rows.query_row(known, [item], |row| row.get(0)).optional()?;
        let Some(number) = known else {
            rows.prepare_cached(
                "INSERT INTO items (item_id, sale_id, sku, sale) VALUES (?, ?, ?, ?)",
            )?
            .execute(params![
                item,
                added.sale_id.0.as_bytes().as_slice(),
                added.sku,
                sale
            ])?;
            return Ok(());
        };
        // It was heard of before its sale was known: what was counted is the sale's from now on.
        self.flush(rows)?;
        self.forget();
        rows.execute(
            "UPDATE items SET sale_id = ?, sku = ?, sale = ? WHERE number = ?",
            params![added.sale_id.0.as_bytes().as_slice(), added.sku, sale, number],
        )?;
        spans::hand_over(rows, -number, sale)
    }

    /// Units came or went: notes when nothing was left, and when something was there again. A release
    /// by the reserve plan stands in the append of the order that took the last unit: no attempt found
    /// nothing left.
    fn left(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        more: i64,
        at: UnixMs,
        by_plan: bool,
    ) -> Result<&mut Item, ApplyError> {
        let item = self.items.change(id, || read_item(rows, id))?;
        add(&mut item.available_units, more);
        match item.sold_out_since_ms {
            None if more < 0 && item.available_units <= 0 => {
                item.sold_outs += 1;
                item.sold_out_since_ms = Some(at.0);
                rows.prepare_cached(
                    "INSERT INTO sold_outs (item, number, from_ms) VALUES (?, ?, ?)",
                )?
                .execute([item.number, item.sold_outs, at.0])?;
            }
            Some(since) if item.available_units > 0 && by_plan && since == at.0 => {
                item.sold_out_since_ms = None;
                rows.prepare_cached("DELETE FROM sold_outs WHERE item = ? AND number = ?")?
                    .execute([item.number, item.sold_outs])?;
                item.sold_outs -= 1;
            }
            Some(_) if item.available_units > 0 => {
                item.sold_out_since_ms = None;
                rows.prepare_cached(
                    "UPDATE sold_outs SET until_ms = ? WHERE item = ? AND number = ?",
                )?
                .execute([at.0, item.number, item.sold_outs])?;
            }
            None | Some(_) => {}
        }
        Ok(item)
    }

    fn apply_tick(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        tick: &DemandTick,
    ) -> Result<(), ApplyError> {
        let units_refused = units_refused(tick)?;
        let second = self.second(rows, id, tick.second)?;
        second.add(ATTEMPTS, i64::from(tick.attempts));
        for (outcome, attempts) in &tick.outcomes {
            if let Some(column) = column_of(*outcome) {
                second.add(column, i64::from(*attempts));
            }
        }
        second.add(UNITS_REFUSED, units_refused);
        Ok(())
    }

    fn count(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        at: UnixMs,
        more: &[(usize, i64)],
    ) -> Result<(), ApplyError> {
        let second = self.second(rows, id, at.second())?;
        for (column, more) in more {
            second.add(*column, *more);
        }
        Ok(())
    }

    fn second(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        second: i64,
    ) -> Result<&mut Second, ApplyError> {
        let Item { number, owner, .. } = *self.items.change(id, || read_item(rows, id))?;
        self.seconds.change((number, second), || {
            let counts = read_counts(rows, number, second)?;
            Ok(Second { counts, fresh: Counts::default(), owner })
        })
    }
}

impl Second {
    fn add(&mut self, column: usize, more: i64) {
        add(&mut self.counts[column], more);
        add(&mut self.fresh[column], more);
    }
}

/// Units that attempts of a tick asked for in vain because too few were there.
fn units_refused(tick: &DemandTick) -> Result<i64, ApplyError> {
    let wanting = [AttemptOutcome::SoldOut, AttemptOutcome::NotEnoughUnits];
    if !wanting.iter().any(|outcome| tick.outcomes.contains_key(outcome)) {
        return Ok(0);
    }
    let attempts = unpack(&tick.packed).map_err(ApplyError::Impossible)?;
    let refused = attempts.iter().filter(|attempt| wanting.contains(&attempt.outcome));
    Ok(refused.map(|attempt| i64::from(attempt.units)).sum())
}

/// The item's row. Demand is written beside the item's own stream, so a tick may be read before
/// the event that added the item: the item gets its number now and its sale then.
fn read_item(rows: &Transaction<'_>, id: ItemId) -> Result<Item, ApplyError> {
    let known = rows
        .prepare_cached(
            "SELECT number, coalesce(sale, -number), available_units, last_placed_second,
             sold_outs, sold_out_since_ms FROM items WHERE item_id = ?",
        )?
        .query_row([id.0.as_bytes().as_slice()], |row| {
            Ok(Item {
                number: row.get(0)?,
                owner: row.get(1)?,
                available_units: row.get(2)?,
                last_placed_second: row.get(3)?,
                sold_outs: row.get(4)?,
                sold_out_since_ms: row.get(5)?,
            })
        })
        .optional()?;
    if let Some(item) = known {
        return Ok(item);
    }
    rows.execute("INSERT INTO items (item_id) VALUES (?)", [id.0.as_bytes().as_slice()])?;
    let number = rows.last_insert_rowid();
    Ok(Item {
        number,
        owner: -number,
        available_units: 0,
        last_placed_second: None,
        sold_outs: 0,
        sold_out_since_ms: None,
    })
}

fn read_counts(rows: &Transaction<'_>, number: i64, second: i64) -> Result<Counts, ApplyError> {
    let counts = rows
        .prepare_cached(&format!(
            "SELECT {} FROM seconds WHERE item = ? AND second = ?",
            COUNTS.join(", ")
        ))?
        .query_row([number, second], |row| counts_at(row, 0))
        .optional()?;
    Ok(counts.unwrap_or_default())
}
