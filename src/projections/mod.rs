//! From events to read models, which answer queries without the actors of items.
//!
//! A projection folds the log, event after event, into the rows of its own SQLite file, so that
//! queries never queue behind orders. It must never decide anything, read a clock or
//! depend on how the log was cut into pages: the same log always gives the same rows, byte for
//! byte.

mod as_of;
mod audience;
mod cause;
mod difference;
mod digest;
mod directories;
mod file;
mod follow;
mod number_rows;
pub mod operations;
mod projection;
mod read_model;
mod rebuild;
mod row_cache;
mod selling;

pub use audience::journeys;
pub use selling::{
    acts, catalog, coupons, fulfilment, goods, marks, orders, refunds, sales, stock, timeline,
};

pub use as_of::{AS_OF, AsOfViews};
pub use cause::{Cause, ProjectionError, is_damage, may_pass};
pub use difference::Difference;
pub use directories::{VIEWS, clear_leftovers, view_path};
pub use projection::{ApplyError, Here, Projection};
use projection::{never_added, signed};
pub use read_model::{Checkpoint, Landmark, ReadModel, read_checkpoint};
pub use rebuild::{
    Progress, RebuildError, Verdict, catch_up, compare, compare_rows, digests, rebuild,
};

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
        Box::<refunds::Refunds>::default(),
        Box::<fulfilment::Fulfilment>::default(),
        Box::<coupons::Coupons>::default(),
    ]
}
