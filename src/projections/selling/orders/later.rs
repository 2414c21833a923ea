//! What happens to a row between the placing of its order and its end, and after it was paid.

use rusqlite::{Transaction, params};

use super::{Orders, found, json, key, number_of_state, places, read_item, read_price};
use crate::{
    events::{CouponApplied, CouponDenied, OrderRefunded, OrderReinstated, OrderState, OrderStep},
    projections::ApplyError,
    values::ItemId,
};

impl Orders {
    /// An order that expired is held again, elsewhere perhaps; its payment follows.
    pub(super) fn reinstate(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        step: &OrderStep,
        back: &OrderReinstated,
    ) -> Result<(), ApplyError> {
        let item = self.items.change(id, || read_item(rows, id))?;
        let key = key(item.number, step.placed_revision)?;
        let (warehouse, split) = places(&back.warehouses)?;
        let changed = rows
            .prepare_cached(
                "UPDATE orders SET state = 1, settled_at_ms = NULL, reinstated_at_ms = ?,
                 warehouse = ?, split = ? WHERE key = ? AND order_id = ? AND state = 4",
            )?
            .execute(params![
                step.at.0,
                warehouse,
                split,
                key,
                step.order_id.0.as_bytes().as_slice(),
            ])?;
        found(step, changed)?;
        if let Some(goods) = &mut item.goods {
            goods.reinstated(&back.parts, step.placed_revision);
        }
        Ok(())
    }

    pub(super) fn refund(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        step: &OrderStep,
        refunded: &OrderRefunded,
    ) -> Result<(), ApplyError> {
        let item = self.items.change(id, || read_item(rows, id))?;
        let key = key(item.number, step.placed_revision)?;
        let state = step.change.becomes().unwrap_or(OrderState::Paid);
        let changed = rows
            .prepare_cached(
                "UPDATE orders SET state = ?, refunded_units = refunded_units + ?,
                 refunded_minor = refunded_minor + ?
                 WHERE key = ? AND order_id = ? AND state = 2",
            )?
            .execute(params![
                number_of_state(state),
                refunded.units,
                refunded.amount_minor,
                key,
                step.order_id.0.as_bytes().as_slice(),
            ])?;
        found(step, changed)?;
        if let Some(goods) = &mut item.goods {
            let (_, price) = read_price(rows, key)?;
            goods.refunded(refunded, &price, step.placed_revision);
        }
        Ok(())
    }

    pub(super) fn apply_coupon(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        step: &OrderStep,
        applied: &CouponApplied,
    ) -> Result<(), ApplyError> {
        let item = self.items.change(id, || read_item(rows, id))?;
        let changed = rows
            .prepare_cached(
                "UPDATE orders SET awaiting = awaiting - 1, coupon = ?, total_minor = ?
                 WHERE key = ? AND order_id = ? AND state = 1",
            )?
            .execute(params![
                json(&applied.coupon)?,
                applied.total_minor,
                key(item.number, step.placed_revision)?,
                step.order_id.0.as_bytes().as_slice(),
            ])?;
        found(step, changed)
    }

    /// The order stands without its coupon, perhaps with an offer in its place.
    pub(super) fn deny_coupon(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        step: &OrderStep,
        denied: &CouponDenied,
    ) -> Result<(), ApplyError> {
        let item = self.items.change(id, || read_item(rows, id))?;
        let offer = denied.offer.as_ref();
        let changed = rows
            .prepare_cached(
                "UPDATE orders SET awaiting = awaiting - 1, total_minor = ?,
                 offer = ifnull(?, offer), discount_minor = discount_minor + ?
                 WHERE key = ? AND order_id = ? AND state = 1",
            )?
            .execute(params![
                denied.total_minor,
                offer.map(|offer| &*offer.name),
                offer.map_or(0, |offer| offer.discount_minor),
                key(item.number, step.placed_revision)?,
                step.order_id.0.as_bytes().as_slice(),
            ])?;
        found(step, changed)?;
        if let (Some(goods), Some(offer)) = (&mut item.goods, offer) {
            goods.offered(&offer.name);
        }
        Ok(())
    }

    /// Changes one column of an order, which has to be in that state where one is named.
    pub(super) fn change(
        &mut self,
        rows: &Transaction<'_>,
        id: ItemId,
        step: &OrderStep,
        (set, value): (&str, i64),
        state: Option<OrderState>,
    ) -> Result<(), ApplyError> {
        let item = self.items.change(id, || read_item(rows, id))?;
        let changed = rows
            .prepare_cached(&format!(
                "UPDATE orders SET {set} WHERE key = ? AND order_id = ? AND state = ifnull(?, state)"
            ))?
            .execute(params![
                value,
                key(item.number, step.placed_revision)?,
                step.order_id.0.as_bytes().as_slice(),
                state.map(number_of_state),
            ])?;
        found(step, changed)
    }
}
