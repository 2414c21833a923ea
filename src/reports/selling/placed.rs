//! Orders by the events that placed them.

use rusqlite::OptionalExtension as _;

use super::orders::{COLUMNS, order};
use crate::{
    projections::{
        Checkpoint,
        orders::{self, PRICE_COLUMNS, REVISION_BITS},
    },
    reports::{OrderRecord, ReportError, Reports},
    values::ItemId,
};

/// The event that placed an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedOrder {
    pub item: ItemId,
    pub revision: u64,
}

impl Reports {
    /// How far the read model of orders has come.
    pub fn orders_come_to(&self) -> Result<Checkpoint, ReportError> {
        self.ask(orders::NAME, orders::VERSION, |_, checkpoint| Ok(checkpoint))
    }

    /// The orders that these events placed; `None` for one that the read model does not have.
    pub fn placed_orders(
        &self,
        placed: &[PlacedOrder],
    ) -> Result<Vec<Option<OrderRecord>>, ReportError> {
        self.ask(orders::NAME, orders::VERSION, |rows, _| {
            let mut find = rows.prepare(&format!(
                "SELECT {COLUMNS}, {PRICE_COLUMNS} FROM items AS i CROSS JOIN orders AS o
                 ON o.key = (i.number << {REVISION_BITS}) + ?2 WHERE i.item_id = ?1"
            ))?;
            let found = placed.iter().map(|PlacedOrder { item, revision }| {
                let parameters = (item.0.as_bytes().as_slice(), revision.cast_signed());
                find.query_row(parameters, order).optional()
            });
            Ok(found.collect::<Result<_, _>>()?)
        })
    }
}
