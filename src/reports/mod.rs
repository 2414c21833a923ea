//! Questions to the read models: typed queries in, pages of plain rows out.
//!
//! gRPC and the command line both ask here, so what a field, a filter or a page means is said once.
//! Every call blocks on the disk for a moment; callers on an async runtime ask from a blocking
//! thread. Nothing here writes, waits or knows a wire format.

mod audience;
mod bounded_sum;
mod cell;
mod export;
mod filter;
mod operations;
mod paging;
mod read_models;
mod selling;
mod share;
mod sql;
mod whose;

use audience::journeys;
use operations::{alerts, incidents, levels, pulse, scripts};
use selling::{
    acts, catalog, compare, curve, demand, goals, holds, marks, orders, planned, sales, stock,
    timeline, unfinished,
};

pub use acts::{ActLine, ActsQuery};
pub use alerts::{AlertChanged, AlertEnd, AlertLine, AlertsQuery};
pub use catalog::{ListSalesQuery, OfferLine, Offered, SaleLine, SoldElsewhere};
pub use cell::CsvManner;
pub use compare::{Compared, Comparison, Period};
pub use curve::{Reached, SoldOut, StockCurve, StockCurveQuery, StockPoint};
pub use demand::{Demand, DemandTotal, Refusals, RefusalsByItem, RefusalsQuery};
pub use export::{ExportError, ExportFormat, Exported};
pub use goals::{GoalAttainment, GoalKind, GoalLine};
pub use holds::{HoldEconomics, HoldFigures, HoldsQuery};
pub use incidents::{
    Basis, IMPACT_MINUTES_MAX, Impact, ImpactMinute, ImpactUntil, IncidentLine, IncidentRecord,
    IncidentStepLine, IncidentsQuery, Loss, Plan, loss,
};
pub use journeys::{
    Attribution, AttributionQuery, AttributionRow, Credit, Funnel, FunnelFigures, FunnelGroup,
    FunnelGrouping, FunnelQuery, FunnelTotals, NewBuyers, PathRow, PathStep, Paths, PathsQuery,
    Portrait, PortraitAttribute, PortraitQuery, PortraitRow, Retention, RetentionQuery,
    RetentionRow, Shoppers, Traffic, TrafficFigures, TrafficGrouping, TrafficQuery, TrafficRow,
};
pub use levels::{LevelLine, LevelsQuery};
pub use marks::MarkLimit;
pub use orders::{ListOrdersQuery, OrderRecord};
pub use paging::Paging;
pub use planned::planned_units;
pub use pulse::{
    Around, BINS_MAX, FiringAlert, Happening, LatencySecond, NodePulse, OpenIncident,
    ProjectionPulse, Pulse, PulseChannel, PulseItem, PulseSale, PulseSecond, PulseTotals,
    RECENT_SECONDS, Refused, TOLD_MAX, Units,
};
pub use read_models::{Page, ReportError, Reports};
pub use sales::{SalesFigures, SalesSummary, SalesSummaryQuery};
pub use scripts::{ScriptVersion, ScriptVersionsQuery, Wording};
pub use share::share_ppm;
pub use sql::{Sql, SqlError, SqlValue};
pub use stock::{StockLevel, StockLevelsQuery, WarehouseStock};
pub use timeline::{TimelineQuery, TimelineSecond};
pub use unfinished::OpenHold;
pub use whose::Whose;

use read_models::id_at;
