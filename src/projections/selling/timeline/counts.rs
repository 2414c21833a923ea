//! The counts of a second: their columns, and how rows hold them.

use rusqlite::Row;

/// Columns of a second that are counts, in the order in which they are read and written.
pub const COUNTS: [&str; 27] = [
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
    "refused_not_eligible",
    "refused_gift_gone",
    "refused_price_changed",
    "units_refunded",
    "refunded_minor",
    "orders_reinstated",
    "units_reinstated",
];

/// One second of one item, as counts in the order of [`COUNTS`].
pub type Counts = [i64; COUNTS.len()];

/// Adds to a count, at most up to the largest number.
pub(super) fn add(sum: &mut i64, more: i64) {
    *sum = sum.saturating_add(more);
}

/// The counts of a row, from that column on.
pub fn counts_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    for (count, column) in counts.iter_mut().zip(first..) {
        *count = row.get(column)?;
    }
    Ok(counts)
}
