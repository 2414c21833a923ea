//! What happened to each item, second by second.
//!
//! Orders are counted from the item's own events, by the time in them. Attempts, repeats and
//! refusals are counted from demand ticks, of which one second may have several. A sale's timeline
//! is the sum over its items and is made when it is asked for.

use rusqlite::{OptionalExtension, Row, Transaction, params, params_from_iter};

use super::{ApplyError, Projection, item_of, kept::Kept};
use crate::{
    events::{AttemptOutcome, DemandTick, Event, ItemEvent, Recorded},
    values::{ItemId, UnixMs},
};

/// Name of the projection and of its file.
pub const NAME: &str = "timeline";
/// Version of its rows.
pub const VERSION: i64 = 1;

/// Columns of a second that are counts, in the order in which they are read and written.
pub const COUNTS: [&str; 16] = [
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

/// One second of one item, as counts in the order of [`COUNTS`].
pub type Counts = [i64; COUNTS.len()];

/// Seconds by item.
#[derive(Debug, Default)]
pub struct Timeline {
    numbers: Kept<ItemId, i64>,
    seconds: Kept<(i64, i64), Counts>,
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
            sale_id BLOB
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
            PRIMARY KEY (item, second)
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
            Event::Sale(_) | Event::Traffic(_) => Ok(()),
        }
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached(&format!(
            "INSERT OR REPLACE INTO seconds (item, second, {}) VALUES (?, ?{})",
            COUNTS.join(", "),
            ", ?".repeat(COUNTS.len())
        ))?;
        self.numbers.flush(|_, _| Ok(()))?;
        self.seconds.flush(|(item, second), counts| {
            write.execute(params_from_iter([item, second].iter().chain(counts)))?;
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.numbers.forget();
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
                    "INSERT INTO items (item_id, sale_id) VALUES (?, ?)
                     ON CONFLICT (item_id) DO UPDATE SET sale_id = excluded.sale_id",
                    params![id.0.as_bytes().as_slice(), added.sale_id.0.as_bytes().as_slice()],
                )?;
                Ok(())
            }
            ItemEvent::OrderPlaced(placed) => self.count(
                rows,
                id,
                placed.placed_at_ms,
                &[(ORDERS_PLACED, 1), (UNITS_PLACED, placed.units)],
            ),
            ItemEvent::OrderPaid(paid) => {
                self.count(rows, id, paid.paid_at_ms, &[(ORDERS_PAID, 1), (UNITS_PAID, paid.units)])
            }
            ItemEvent::OrderCancelled(cancelled) => self.count(
                rows,
                id,
                cancelled.cancelled_at_ms,
                &[(ORDERS_CANCELLED, 1), (UNITS_RELEASED, cancelled.units)],
            ),
            ItemEvent::OrderExpired(expired) => self.count(
                rows,
                id,
                expired.expired_at_ms,
                &[(ORDERS_EXPIRED, 1), (UNITS_RELEASED, expired.units)],
            ),
            ItemEvent::Scheduled(_)
            | ItemEvent::PurchaseLimitSet(_)
            | ItemEvent::StockAllocated(_)
            | ItemEvent::Paused(_)
            | ItemEvent::Resumed(_)
            | ItemEvent::Closed(_)
            | ItemEvent::RefundDue(_) => Ok(()),
        }
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
        let number = *self.numbers.change(id, || number_of(rows, id))?;
        self.seconds.change((number, second), || read_counts(rows, number, second))
    }
}

fn add(sum: &mut i64, more: i64) {
    *sum = sum.saturating_add(more);
}

/// The item's number. Demand is written beside the item's own stream, so a tick may be read before
/// the event that added the item: the item gets its number now and its sale then.
fn number_of(rows: &Transaction<'_>, id: ItemId) -> Result<i64, ApplyError> {
    let known = rows
        .prepare_cached("SELECT number FROM items WHERE item_id = ?")?
        .query_row([id.0.as_bytes().as_slice()], |row| row.get(0))
        .optional()?;
    if let Some(number) = known {
        return Ok(number);
    }
    rows.execute("INSERT INTO items (item_id) VALUES (?)", [id.0.as_bytes().as_slice()])?;
    Ok(rows.last_insert_rowid())
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
