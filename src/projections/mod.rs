//! Facts to read models: what can be asked of a sale without asking its items.
//!
//! A projection folds the log, event after event, into the rows of its own SQLite file. It exists
//! so that questions never queue behind buyers. It must never decide anything, read a clock or
//! depend on how the log was cut into pages: the same log always gives the same rows, byte for
//! byte.

mod as_of;
mod audience;
mod cause;
mod difference;
mod digest;
pub mod operations;
mod read_model;
mod rebuild;
mod row_cache;
mod selling;

pub use audience::journeys;
pub use selling::{acts, catalog, marks, orders, sales, stock, timeline};

use rusqlite::Transaction;

use crate::{
    events::{Event, Recorded},
    values::ItemId,
};

pub use as_of::{AS_OF, AsOfViews};
pub use cause::{Cause, ProjectionError, is_damage, may_pass};
pub use difference::Difference;
pub use read_model::{Checkpoint, Landmark, ReadModel, VIEWS, read_checkpoint, view_path};
pub use rebuild::{
    Progress, RebuildError, Verdict, catch_up, clear_leftovers, compare, compare_rows, digests,
    rebuild,
};

/// A fold of the log into rows.
///
/// A projection may keep rows in memory between events, but only as a copy of what is in its file
/// or of what `flush` is about to write there: a new value of it must carry on where another ended.
pub trait Projection: Send {
    /// Its name: also the name of its file. Never changes.
    fn name(&self) -> &'static str;

    /// Raise it when rows or their meaning change; older files are then built anew.
    fn version(&self) -> i64;

    /// The statements that make its empty tables. Each table must have a primary key.
    fn schema(&self) -> &'static str;

    /// Applies one event. Each event comes exactly once, in the order of the log.
    fn apply(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        fact: &Event,
    ) -> Result<(), ApplyError>;

    /// Writes what `apply` kept in memory. Comes once at the end of each page.
    fn flush(&mut self, _rows: &Transaction<'_>) -> Result<(), ApplyError> {
        Ok(())
    }

    /// Drops everything kept in memory: the page was rolled back.
    fn forget(&mut self) {}
}

/// Why an event could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file could not be read or written.
    #[error(transparent)]
    Rows(#[from] rusqlite::Error),
    /// The event contradicts the events before it: no decider of ours wrote this log.
    #[error("{0}")]
    Impossible(String),
}

/// All projections. A new one is added here and nowhere else.
pub fn all() -> Vec<Box<dyn Projection>> {
    vec![
        Box::new(catalog::Catalog),
        Box::<stock::StockLevels>::default(),
        Box::<orders::Orders>::default(),
        Box::<sales::Sales>::default(),
        Box::<timeline::Timeline>::default(),
        Box::<journeys::Journeys>::default(),
        Box::<marks::Snapshots>::default(),
        Box::<acts::Acts>::default(),
        Box::<operations::Operations>::default(),
    ]
}

/// The item whose stream an event stands in.
fn item_of(recorded: &Recorded) -> Result<ItemId, ApplyError> {
    recorded.stream.item_id().ok_or_else(|| {
        ApplyError::Impossible(format!("{} stands in {}", recorded.kind, recorded.stream))
    })
}

fn never_added(item: ItemId) -> ApplyError {
    ApplyError::Impossible(format!("item {item} was never added"))
}

/// SQLite's integers are signed; a log would have to be very long to notice.
fn signed(number: u64) -> Result<i64, ApplyError> {
    i64::try_from(number)
        .map_err(|_| ApplyError::Impossible(format!("{number} is beyond what a file can hold")))
}
