//! What happened to each item, second by second.
//!
//! Orders are counted from the item's own events, by the time in them. Attempts, repeats and
//! refusals are counted from demand ticks, of which one second may have several. A sale's timeline
//! is the sum over its items and is made when it is asked for. When an item had nothing left is
//! kept to the millisecond.

use rusqlite::{OptionalExtension, Row, Transaction, params, params_from_iter};

use super::{ApplyError, Projection, item_of, kept::Kept};
use crate::{
    events::{AttemptOutcome, DemandTick, Event, ItemEvent, Recorded, unpack},
    values::{ItemId, UnixMs},
};

/// Name of the projection and of its file.
pub const NAME: &str = "timeline";
/// Version of its rows.
pub const VERSION: i64 = 2;

/// Columns of a second that are counts, in the order in which they are read and written.
pub const COUNTS: [&str; 20] = [
    "attempts",
    "orders_placed",
    "units_placed",
    "orders_paid",
    "units_paid",
    "orders_cancelled",
    "orders_expired",
    "units_released",
    "repeats",
    "refused_sold_out",
    "refused_not_enough_units",
    "refused_not_open_yet",
    "refused_closed",
    "refused_paused",
    "refused_over_buyer_limit",
    "refused_over_order_limit",
    "units_allocated",
    "units_refused",
    "revenue_minor",
    "refunds_due",
];

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

/// One second of one item, as counts in the order of [`COUNTS`].
pub type Counts = [i64; COUNTS.len()];

/// Seconds by item.
#[derive(Debug, Default)]
pub struct Timeline {
    items: Kept<ItemId, Item>,
    seconds: Kept<(i64, i64), Counts>,
}

/// What an item has left: a moment in which nothing is left is known to the millisecond.
#[derive(Debug)]
struct Item {
    number: i64,
    available_units: i64,
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
        "CREATE TABLE items (
            number INTEGER PRIMARY KEY,
            item_id BLOB NOT NULL UNIQUE,
            sale_id BLOB,
            sku TEXT,
            available_units INTEGER NOT NULL DEFAULT 0,
            sold_outs INTEGER NOT NULL DEFAULT 0,
            sold_out_since_ms INTEGER
        );
        CREATE INDEX items_by_sale ON items (sale_id);
        CREATE TABLE seconds (
            item INTEGER NOT NULL,
            second INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            orders_placed INTEGER NOT NULL,
            units_placed INTEGER NOT NULL,
            orders_paid INTEGER NOT NULL,
            units_paid INTEGER NOT NULL,
            orders_cancelled INTEGER NOT NULL,
            orders_expired INTEGER NOT NULL,
            units_released INTEGER NOT NULL,
            repeats INTEGER NOT NULL,
            refused_sold_out INTEGER NOT NULL,
            refused_not_enough_units INTEGER NOT NULL,
            refused_not_open_yet INTEGER NOT NULL,
            refused_closed INTEGER NOT NULL,
            refused_paused INTEGER NOT NULL,
            refused_over_buyer_limit INTEGER NOT NULL,
            refused_over_order_limit INTEGER NOT NULL,
            units_allocated INTEGER NOT NULL,
            units_refused INTEGER NOT NULL,
            revenue_minor INTEGER NOT NULL,
            refunds_due INTEGER NOT NULL,
            PRIMARY KEY (item, second)
        ) WITHOUT ROWID;
        CREATE TABLE sold_outs (
            item INTEGER NOT NULL,
            number INTEGER NOT NULL,
            from_ms INTEGER NOT NULL,
            until_ms INTEGER,
            PRIMARY KEY (item, number)
        ) WITHOUT ROWID;"
    }

    fn apply(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        fact: &Event,
    ) -> Result<(), ApplyError> {
        match fact {
            Event::Item(event) => self.apply_item(rows, item_of(recorded)?, event),
            Event::Demand(tick) => self.apply_tick(rows, item_of(recorded)?, tick),
            Event::Sale(_)
            | Event::Traffic(_)
            | Event::Alert(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_) => Ok(()),
        }
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached(&format!(
            "INSERT OR REPLACE INTO seconds (item, second, {}) VALUES (?, ?{})",
            COUNTS.join(", "),
            ", ?".repeat(COUNTS.len())
        ))?;
        let mut left = rows.prepare_cached(
            "UPDATE items SET available_units = ?, sold_outs = ?, sold_out_since_ms = ?
             WHERE number = ?",
        )?;
        self.items.flush(|_, item| {
            let Item { number, available_units, sold_outs, sold_out_since_ms } = item;
            left.execute(params![available_units, sold_outs, sold_out_since_ms, number])?;
            Ok(())
        })?;
        self.seconds.flush(|(item, second), counts| {
            write.execute(params_from_iter([item, second].iter().chain(counts)))?;
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.items.forget();
        self.seconds.forget();
    }
}

impl Timeline {
    fn apply_item(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        event: &ItemEvent,
    ) -> Result<(), ApplyError> {
        match event {
            ItemEvent::Added(added) => {
                rows.execute(
                    "INSERT INTO items (item_id, sale_id, sku) VALUES (?, ?, ?)
                     ON CONFLICT (item_id) DO UPDATE
                     SET sale_id = excluded.sale_id, sku = excluded.sku",
                    params![
                        id.0.as_bytes().as_slice(),
                        added.sale_id.0.as_bytes().as_slice(),
                        added.sku
                    ],
                )?;
                Ok(())
            }
            ItemEvent::StockAllocated(added) => {
                let at = added.allocated_at_ms;
                self.left(rows, id, added.units, at)?;
                self.count(rows, id, at, &[(UNITS_ALLOCATED, added.units)])
            }
            ItemEvent::ReserveReleased(released) => {
                let at = released.released_at_ms;
                self.left(rows, id, released.units, at)?;
                self.count(rows, id, at, &[(UNITS_ALLOCATED, released.units)])
            }
            ItemEvent::OrderPlaced(placed) => {
                let at = placed.placed_at_ms;
                self.left(rows, id, -placed.units, at)?;
                self.count(rows, id, at, &[(ORDERS_PLACED, 1), (UNITS_PLACED, placed.units)])
            }
            ItemEvent::OrderPaid(paid) => self.count(
                rows,
                id,
                paid.paid_at_ms,
                &[(ORDERS_PAID, 1), (UNITS_PAID, paid.units), (REVENUE_MINOR, paid.amount_minor)],
            ),
            ItemEvent::OrderCancelled(cancelled) => {
                let (at, units) = (cancelled.cancelled_at_ms, cancelled.units);
                self.left(rows, id, units, at)?;
                self.count(rows, id, at, &[(ORDERS_CANCELLED, 1), (UNITS_RELEASED, units)])
            }
            ItemEvent::OrderExpired(expired) => {
                let (at, units) = (expired.expired_at_ms, expired.units);
                self.left(rows, id, units, at)?;
                self.count(rows, id, at, &[(ORDERS_EXPIRED, 1), (UNITS_RELEASED, units)])
            }
            ItemEvent::RefundDue(due) => self.count(rows, id, due.due_at_ms, &[(REFUNDS_DUE, 1)]),
            ItemEvent::Scheduled(_)
            | ItemEvent::PurchaseLimitSet(_)
            | ItemEvent::ReserveSet(_)
            | ItemEvent::Paused(_)
            | ItemEvent::Resumed(_)
            | ItemEvent::Closed(_) => Ok(()),
        }
    }

    /// Units came or went: notes when nothing was left, and when something was there again.
    fn left(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        more: i64,
        at: UnixMs,
    ) -> Result<(), ApplyError> {
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
            Some(_) if item.available_units > 0 => {
                item.sold_out_since_ms = None;
                rows.prepare_cached(
                    "UPDATE sold_outs SET until_ms = ? WHERE item = ? AND number = ?",
                )?
                .execute([at.0, item.number, item.sold_outs])?;
            }
            None | Some(_) => {}
        }
        Ok(())
    }

    fn apply_tick(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        tick: &DemandTick,
    ) -> Result<(), ApplyError> {
        let counts = self.second(rows, id, tick.second)?;
        add(&mut counts[ATTEMPTS], i64::from(tick.attempts));
        for (outcome, attempts) in &tick.outcomes {
            if let Some(column) = column_of(*outcome) {
                add(&mut counts[column], i64::from(*attempts));
            }
        }
        add(&mut counts[UNITS_REFUSED], units_refused(tick)?);
        Ok(())
    }

    fn count(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        at: UnixMs,
        more: &[(usize, i64)],
    ) -> Result<(), ApplyError> {
        let counts = self.second(rows, id, at.second())?;
        for (column, more) in more {
            add(&mut counts[*column], *more);
        }
        Ok(())
    }

    fn second(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        second: i64,
    ) -> Result<&mut Counts, ApplyError> {
        let number = self.items.change(id, || read_item(rows, id))?.number;
        self.seconds.change((number, second), || read_counts(rows, number, second))
    }
}

fn add(sum: &mut i64, more: i64) {
    *sum = sum.saturating_add(more);
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
            "SELECT number, available_units, sold_outs, sold_out_since_ms FROM items
             WHERE item_id = ?",
        )?
        .query_row([id.0.as_bytes().as_slice()], |row| {
            Ok(Item {
                number: row.get(0)?,
                available_units: row.get(1)?,
                sold_outs: row.get(2)?,
                sold_out_since_ms: row.get(3)?,
            })
        })
        .optional()?;
    if let Some(item) = known {
        return Ok(item);
    }
    rows.execute("INSERT INTO items (item_id) VALUES (?)", [id.0.as_bytes().as_slice()])?;
    let number = rows.last_insert_rowid();
    Ok(Item { number, available_units: 0, sold_outs: 0, sold_out_since_ms: None })
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

/// The counts of a row, from that column on.
pub fn counts_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    for (count, column) in counts.iter_mut().zip(first..) {
        *count = row.get(column)?;
    }
    Ok(counts)
}
