//! The row of a new order.

use rusqlite::{CachedStatement, ToSql, Transaction, params};

use super::{CHUNK_ORDERS, Orders, buyer_hash, json, places};
use crate::{
    events::{Labels, OrderPlaced},
    projections::ApplyError,
};

/// The statement that adds an order: with the columns that every order fills, and with those that are
/// given besides. What is not named is NULL or 0, and every parameter costs time. The state is `HELD`.
macro_rules! insert {
    ($columns:literal, $values:literal) => {
        concat!(
            "INSERT INTO orders
             (key, chunk, buyer_hash, state, placed_at_ms, pay_by_ms, units, unit_price_minor,
              order_id, buyer, channel, warehouse, split, total_minor, discount_minor,
              shop_order_id",
            $columns,
            ") VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?",
            $values,
            ")"
        )
    };
}

const INSERT: &str = insert!("", "");
const INSERT_PRICED: &str = insert!(", offer, parts", ", ?, ?");
const INSERT_WHOLE: &str =
    insert!(", offer, parts, gift, gift_gone, awaiting, labels", ", ?, ?, ?, ?, ?, ?");

/// Parameters of each of them.
const PARAMETERS: usize = 15;
/// Parameters of those with a price.
const PRICED_PARAMETERS: usize = PARAMETERS + 2;

impl Orders {
    /// Writes the row of an order, before which there are so many.
    pub(super) fn insert(
        &mut self,
        rows: &Transaction<'_>,
        key: i64,
        count: i64,
        placed: &OrderPlaced,
    ) -> Result<(), ApplyError> {
        let priced = !placed.parts.is_empty() || placed.offer.is_some();
        let whole = placed.gift.is_some()
            || placed.gift_gone.is_some()
            || !placed.awaits.is_empty()
            || !placed.labels.is_empty();
        let statement = match (priced, whole) {
            (_, true) => INSERT_WHOLE,
            (true, false) => INSERT_PRICED,
            (false, false) => INSERT,
        };
        let mut insert = rows.prepare_cached(statement)?;
        let (warehouse, split) = places(&placed.warehouses)?;
        let columns = params![
            key,
            count / CHUNK_ORDERS,
            buyer_hash(&placed.buyer),
            placed.placed_at_ms.0,
            placed.pay_by_ms.0,
            placed.units,
            placed.unit_price_minor,
            placed.order_id.0.as_bytes().as_slice(),
            placed.buyer,
            placed.channel,
            warehouse,
            split,
            placed.total(),
            placed.discount(),
            Some(placed.shop_order_id.as_str()).filter(|id| !id.is_empty()),
        ];
        bind(&mut insert, 0, columns)?;
        if priced {
            let offer = placed.offer.as_ref().map(|offer| &*offer.name);
            bind(&mut insert, PARAMETERS, params![offer, self.parts_text.of(&placed.parts)?])?;
        }
        if whole {
            let columns = params![
                placed.gift.as_ref().map(json).transpose()?,
                placed.gift_gone,
                i64::try_from(placed.awaits.len()).unwrap_or(0),
                label(rows, key, &placed.labels)?,
            ];
            bind(&mut insert, PRICED_PARAMETERS, columns)?;
        }
        insert.raw_execute()?;
        Ok(())
    }
}

/// Binds what follows so many parameters. One that is not bound is NULL.
fn bind(
    insert: &mut CachedStatement<'_>,
    after: usize,
    columns: &[&dyn ToSql],
) -> rusqlite::Result<()> {
    for (parameter, value) in (after + 1..).zip(columns) {
        insert.raw_bind_parameter(parameter, value)?;
    }
    Ok(())
}

/// Writes the labels of an order; gives them as its row holds them.
fn label(rows: &Transaction<'_>, key: i64, labels: &Labels) -> Result<Option<String>, ApplyError> {
    if labels.is_empty() {
        return Ok(None);
    }
    let mut insert = rows.prepare_cached("INSERT INTO labels VALUES (?, ?, ?)")?;
    for (name, value) in labels {
        insert.execute(params![name, value, key])?;
    }
    json(labels).map(Some)
}
