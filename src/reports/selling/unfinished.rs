//! Open holds: what the process manager that wakes sleeping items begins with.

use crate::{
    projections::{Checkpoint, orders},
    reports::{ReportError, Reports, id_at},
    values::{ItemId, UnixMs},
};

/// Units of an item on hold for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenHold {
    pub item_id: ItemId,
    /// Revision of the event that placed the order.
    pub revision: u64,
    pub pay_by: UnixMs,
}

impl Reports {
    /// The holds that are open, and how far the read model knows the log.
    pub fn open_holds(&self) -> Result<(Vec<OpenHold>, Checkpoint), ReportError> {
        self.ask(orders::NAME, orders::VERSION, |rows, checkpoint| {
            let mut found = rows.prepare(
                "SELECT item_id, key, pay_by_ms FROM orders
                 JOIN items ON items.number = orders.key >> ?1 WHERE state = ?2",
            )?;
            let holds =
                found.query_map([i64::from(orders::REVISION_BITS), orders::HELD], |row| {
                    let revision = row.get::<_, i64>(1)? & ((1 << orders::REVISION_BITS) - 1);
                    Ok(OpenHold {
                        item_id: ItemId(id_at(row, 0)?),
                        revision: revision.cast_unsigned(),
                        pay_by: UnixMs(row.get(2)?),
                    })
                })?;
            Ok((holds.collect::<Result<_, _>>()?, checkpoint))
        })
    }
}
