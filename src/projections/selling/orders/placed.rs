//! The row of a new order.

use rusqlite::{Transaction, params};

use super::{CHUNK_ORDERS, HELD, Orders, buyer_hash, json, places};
use crate::{
    events::{Labels, OrderPlaced},
    projections::ApplyError,
};

impl Orders {
    /// Writes the row of an order, before which there are so many.
    pub(super) fn insert(
        &mut self,
        rows: &Transaction<'_>,
        key: i64,
        count: i64,
        placed: &OrderPlaced,
    ) -> Result<(), ApplyError> {
        let plain = placed.parts.is_empty()
            && placed.offer.is_none()
            && placed.gift.is_none()
            && placed.gift_gone.is_none()
            && placed.awaits.is_empty()
            && placed.labels.is_empty();
        if plain {
            return insert_plain(rows, key, count, placed);
        }
        let (warehouse, split) = places(&placed.warehouses)?;
        let gift = placed.gift.as_ref().map(json).transpose()?;
        let parts = self.parts_text.of(&placed.parts)?;
        let labels = label(rows, key, &placed.labels)?;
        rows.prepare_cached(
            "INSERT INTO orders
             (key, chunk, buyer_hash, state, placed_at_ms, pay_by_ms, units, unit_price_minor,
              order_id, buyer, channel, warehouse, split,
              total_minor, discount_minor, offer, gift, gift_gone, parts, awaiting,
              shop_order_id, labels)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            key,
            count / CHUNK_ORDERS,
            buyer_hash(&placed.buyer),
            HELD,
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
            placed.offer.as_ref().map(|offer| &offer.name),
            gift,
            placed.gift_gone,
            parts,
            i64::try_from(placed.awaits.len()).unwrap_or(0),
            shop_order_id(placed),
            labels,
        ])?;
        Ok(())
    }
}

/// The row of most orders: what is not named is NULL, and every parameter costs time.
fn insert_plain(
    rows: &Transaction<'_>,
    key: i64,
    count: i64,
    placed: &OrderPlaced,
) -> Result<(), ApplyError> {
    let (warehouse, split) = places(&placed.warehouses)?;
    rows.prepare_cached(
        "INSERT INTO orders
         (key, chunk, buyer_hash, state, placed_at_ms, pay_by_ms, units, unit_price_minor,
          order_id, buyer, channel, warehouse, split, total_minor, discount_minor, awaiting,
          shop_order_id)
         VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?)",
    )?
    .execute(params![
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
        shop_order_id(placed),
    ])?;
    Ok(())
}

fn shop_order_id(placed: &OrderPlaced) -> Option<&str> {
    Some(placed.shop_order_id.as_str()).filter(|id| !id.is_empty())
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
