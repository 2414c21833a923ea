//! The limit of a buyer over all items of a sale: units that orders take, by buyer, and their sums.

use rusqlite::{Transaction, params};

use crate::{
    events::{CancelCause, OrderCancelled, QuotaReturned, QuotaTaken},
    projections::ApplyError,
    values::SaleId,
};

pub(super) fn add_sale(
    rows: &Transaction<'_>,
    sale: SaleId,
    limit_per_buyer: Option<i64>,
) -> Result<(), ApplyError> {
    rows.prepare_cached("INSERT OR IGNORE INTO sales (sale_id, limit_per_buyer) VALUES (?, ?)")?
        .execute(params![sale.0.as_bytes().as_slice(), limit_per_buyer])?;
    Ok(())
}

pub(super) fn take(
    rows: &Transaction<'_>,
    sale: SaleId,
    taken: &QuotaTaken,
) -> Result<(), ApplyError> {
    let QuotaTaken { order_id, buyer, units, .. } = taken;
    rows.prepare_cached("INSERT INTO limited_orders VALUES (?, ?, ?)")?.execute(params![
        order_id.0.as_bytes().as_slice(),
        buyer,
        units
    ])?;
    change(rows, sale, buyer, *units)
}

pub(super) fn give_back(
    rows: &Transaction<'_>,
    sale: SaleId,
    returned: &QuotaReturned,
) -> Result<(), ApplyError> {
    let QuotaReturned { order_id, units_left, .. } = *returned;
    let order = order_id.0.as_bytes().as_slice();
    let mut found = rows
        .prepare_cached("SELECT buyer, units FROM limited_orders WHERE order_id = ?")?
        .query_map([order], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let Some((buyer, units)) = found.pop() else {
        let why = format!("order {order_id} gives back what it never took");
        return Err(ApplyError::Impossible(why));
    };
    rows.prepare_cached("UPDATE limited_orders SET units = ? WHERE order_id = ?")?
        .execute(params![units_left, order])?;
    change(rows, sale, &buyer, units_left.saturating_sub(units))
}

/// The units of a buyer change, and the sums of the sale with them.
fn change(rows: &Transaction<'_>, sale: SaleId, buyer: &str, units: i64) -> Result<(), ApplyError> {
    let sale_id = sale.0.as_bytes().as_slice();
    let after: i64 = rows
        .prepare_cached(
            "INSERT INTO limited_buyers VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET units = units + excluded.units RETURNING units",
        )?
        .query_row(params![sale_id, buyer, units], |row| row.get(0))?;
    let before = after.saturating_sub(units);
    let any = i64::from(after > 0) - i64::from(before > 0);
    let changed = rows
        .prepare_cached(
            "UPDATE sales SET
                 limited_units = limited_units + ?2,
                 buyers = buyers + ?3,
                 buyers_at_limit =
                     buyers_at_limit + (?4 >= limit_per_buyer) - (?5 >= limit_per_buyer)
             WHERE sale_id = ?1 AND limit_per_buyer IS NOT NULL",
        )?
        .execute(params![sale_id, units, any, after, before])?;
    if changed == 1 {
        return Ok(());
    }
    Err(ApplyError::Impossible(format!("sale {sale} has no limit over its items")))
}

/// An order is cancelled, perhaps over the limit.
pub(super) fn cancelled(
    rows: &Transaction<'_>,
    cancelled: &OrderCancelled,
) -> Result<(), ApplyError> {
    let over = cancelled.cause == CancelCause::OverSaleLimit;
    let Some(sale) = cancelled.limited_by.filter(|_| over) else { return Ok(()) };
    rows.prepare_cached("UPDATE sales SET over_limit = over_limit + 1 WHERE sale_id = ?")?
        .execute([sale.0.as_bytes().as_slice()])?;
    Ok(())
}
