//! The mark before a moment of an item: the start for computing its past state.

use rusqlite::{OptionalExtension, params};

use crate::{
    projections::marks::{self, ItemState, read_state},
    reports::{ReportError, Reports},
    values::{ItemId, UnixMs, bound_of},
};

/// Up to where a mark may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkLimit {
    Revision(u64),
    /// By the item's own clock.
    Time(UnixMs),
}

impl Reports {
    /// The item's last mark that stands at the limit or before it; `None` where there is none yet.
    pub fn mark_before(
        &self,
        item: ItemId,
        limit: MarkLimit,
    ) -> Result<Option<ItemState>, ReportError> {
        let (column, at) = match limit {
            MarkLimit::Revision(revision) => ("revision", bound_of(revision)),
            MarkLimit::Time(at) => ("at_ms", at.0),
        };
        self.ask(marks::NAME, marks::VERSION, |rows, _| {
            let state = rows
                .query_row(
                    &format!(
                        "SELECT m.state FROM items i JOIN marks m ON m.item = i.number
                         WHERE i.item_id = ? AND m.{column} <= ?
                         ORDER BY m.{column} DESC, m.revision DESC LIMIT 1"
                    ),
                    params![item.0.as_bytes().as_slice(), at],
                    |row| row.get::<_, String>(0),
                )
                .optional()?;
            // What this version cannot read is no mark: the events before it say the same.
            Ok(state.and_then(|state| read_state(&state).ok()))
        })
    }
}
