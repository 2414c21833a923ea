//! Shoppers on their way: funnel, traffic, attribution, portrait, paths, retention.
//!
//! All of it is asked of one read model, `journeys`. Traffic is read off sums and sets; everything
//! else is one walk over the touches of a sale, shopper by shopper, each in the order of time. A walk
//! is cut into ranges of shoppers, so that a sale of any size fits the memory; see `walk`.
//!
//! Touches of one moment are taken in the order view, favourite, cart, share, recorded purchase,
//! attempt, order, payment, cancellation, expiry. Definitions for people stand in docs/figures.md.

mod answers;
mod attribution;
mod funnel;
mod ground;
mod paths;
mod portrait;
mod queries;
mod retention;
mod segments;
mod together;
mod traffic;
mod walk;

pub use answers::{
    Attribution, AttributionRow, Credit, Funnel, FunnelFigures, FunnelGroup, FunnelGrouping,
    FunnelTotals, PathRow, PathStep, Paths, Portrait, PortraitAttribute, PortraitRow, Retention,
    RetentionRow, Traffic, TrafficFigures, TrafficGrouping, TrafficRow,
};
pub use queries::{
    AttributionQuery, FunnelQuery, PathsQuery, PortraitQuery, RetentionQuery, TrafficQuery,
};
pub use retention::NewBuyers;
pub use together::Shoppers;
