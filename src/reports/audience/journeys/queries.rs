//! What is asked about shoppers.
//!
//! Without a sale a question is about everything in the log: all sales and recordings together, and
//! a shopper's way may lead from one to another.

use super::answers::{FunnelGrouping, PortraitAttribute, TrafficGrouping};
use crate::{
    reports::{Paging, paging::Sizes},
    values::{Invalid, SaleId, UnixMs},
};

/// Rows on a page of each question but paths and traffic: with the longest names they are still a
/// message that every client takes.
pub(super) const SIZES: Sizes = Sizes { default: 100, max: 4_000 };
/// Paths on a page.
pub(super) const PATH_SIZES: Sizes = Sizes { default: 20, max: 1_000 };
/// Rows of traffic on a page.
pub(super) const TRAFFIC_SIZES: Sizes = Sizes { default: 1_000, max: 4_000 };

/// A day: what a funnel's window is where none is given.
pub const FUNNEL_WINDOW_MS: i64 = 24 * 3_600_000;
/// A week: what an attribution's window is where none is given.
pub const ATTRIBUTION_WINDOW_MS: i64 = 7 * FUNNEL_WINDOW_MS;
/// Ten years: no window is longer.
pub const WINDOW_MS_MAX: i64 = 3_653 * FUNNEL_WINDOW_MS;

/// Steps of a path where none are given, and at most.
pub const PATH_STEPS: i64 = 8;
pub const PATH_STEPS_MAX: i64 = 32;

/// How many shoppers came how far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunnelQuery {
    pub sale_id: Option<SaleId>,
    /// From the view that a chain starts with to its last touch; `None` means a day.
    pub window_ms: Option<i64>,
    pub by: FunnelGrouping,
    /// Groups in the answer: 1 to 4,000; 0 means 100.
    pub paging: Paging,
}

/// Beacons and distinct visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficQuery {
    pub sale_id: Option<SaleId>,
    pub by: TrafficGrouping,
    /// By minute only: the minute that this moment lies in is the first.
    pub from: Option<UnixMs>,
    /// By minute only: minutes that start at or after this moment are left out.
    pub until: Option<UnixMs>,
    /// Rows in the answer: 1 to 4,000; 0 means 1,000.
    pub paging: Paging,
}

/// Which channels sold what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttributionQuery {
    pub sale_id: Option<SaleId>,
    /// How long before an order a touch counts; `None` means a week.
    pub window_ms: Option<i64>,
    /// Channels in the answer: 1 to 4,000; 0 means 100.
    pub paging: Paging,
}

/// Shoppers and buyers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortraitQuery {
    pub sale_id: Option<SaleId>,
    /// `None` means all of them.
    pub attribute: Option<PortraitAttribute>,
    /// Rows in the answer: 1 to 4,000; 0 means 100.
    pub paging: Paging,
}

/// The most common paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PathsQuery {
    pub sale_id: Option<SaleId>,
    /// A path is cut after so many steps: 1 to 32; 0 means 8.
    pub steps_max: i64,
    /// Paths in the answer: 1 to 1,000; 0 means 20.
    pub paging: Paging,
}

/// New, returning and repeat buyers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionQuery {
    pub sale_id: SaleId,
    /// Other sales in the answer: 1 to 4,000; 0 means 100.
    pub paging: Paging,
}

/// A window that holds something.
pub(super) fn checked_window(given: Option<i64>, usual: i64) -> Result<i64, Invalid> {
    match given.unwrap_or(usual) {
        ms if ms <= 0 => Err(Invalid::new("window", "must be longer than nothing")),
        ms if ms > WINDOW_MS_MAX => Err(Invalid::new("window", "must be at most 3653 days")),
        ms => Ok(ms),
    }
}
