//! The current state of a sale, for the board and the alert rules.
//!
//! One is taken for each sale and second, whatever the number of viewers. It must stay cheap with a
//! million orders: it reads sums that read models maintain, never single orders.

mod around;
mod happenings;
mod proposals;
mod seconds;
mod shoppers;
mod take;

pub use around::Around;

use std::collections::HashMap;

use crate::{
    events::{Goals, PlannedUnits, Position},
    ownership::SeenNodes,
    reports::{CouponFigures, SaleDues, SaleLimitFigures},
    values::{
        AlertId, AlertSeverity, Currency, IncidentId, IncidentSeverity, ItemId, SaleId,
        ServiceLevel, UnixMs,
    },
};

/// One sale at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulse {
    pub sale: PulseSale,
    /// When it was taken, by the clock of the node.
    pub at: UnixMs,
    /// What each of the read models it was taken from had applied at least.
    pub position: Position,
    /// Age of the oldest event that a read model had not applied yet, in milliseconds.
    pub lag_ms: i64,
    pub totals: PulseTotals,
    /// The last seconds, oldest first, without gaps; at most [`RECENT_SECONDS`].
    pub recent: Vec<PulseSecond>,
    /// The whole sale from its opening on, in equal bins without gaps; at most [`BINS_MAX`].
    pub whole: Vec<PulseSecond>,
    /// Length of such a bin in seconds.
    pub bin_seconds: i64,
    pub items: Vec<PulseItem>,
    /// By what was ordered through them, the largest first.
    pub channels: Vec<PulseChannel>,
    /// Money that is due back.
    pub dues: SaleDues,
    /// Batches of coupons, in the order of the sale.
    pub coupons: Vec<CouponFigures>,
    /// The limit per buyer over all items; `None` without one.
    pub limit: Option<SaleLimitFigures>,
    /// What happened last, newest first: acts of operators, alerts, incidents, levels, sold outs.
    pub happenings: Vec<Happening>,
    /// What reserve plans ask an operator to release.
    pub proposals: Vec<PulseProposal>,
}

/// Seconds that are told one by one.
pub const RECENT_SECONDS: usize = 120;

/// Points of a curve over the whole sale.
pub const BINS_MAX: usize = 240;

/// What was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulseSale {
    pub sale_id: SaleId,
    pub name: String,
    pub currency: Currency,
    pub opens_at: UnixMs,
    pub closes_at: UnixMs,
    /// Set once it was closed by hand.
    pub closed_at: Option<UnixMs>,
    /// Set while every order is refused because the sale as a whole is paused.
    pub paused: bool,
    pub goals: Option<Goals>,
    pub curve: Vec<PlannedUnits>,
}

/// The sums over everything so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PulseTotals {
    pub units: Units,
    pub attempts: i64,
    /// Shoppers with an attempt to buy.
    pub participants: i64,
    /// Shoppers with a paid order.
    pub paying_buyers: i64,
    pub visitors: i64,
    pub page_views: i64,
    pub favourites: i64,
    pub carts: i64,
    pub orders_placed: i64,
    pub orders_paid: i64,
    pub orders_cancelled: i64,
    pub orders_expired: i64,
    /// Expired ones that a late payment brought back.
    pub orders_reinstated: i64,
    pub refunds_due: i64,
    /// Of paid orders, without what was refunded.
    pub revenue_minor: i64,
    /// Units in orders beyond what was allocated: not zero means that a promise was broken.
    pub oversold_units: i64,
    pub refused: Refused,
}

impl PulseTotals {
    /// Orders that are neither paid, cancelled nor expired.
    pub fn orders_held(&self) -> i64 {
        let ended = self.orders_paid + self.orders_cancelled + self.orders_expired;
        self.orders_placed - ended + self.orders_reinstated
    }
}

/// Where units are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Units {
    /// The sum of the three that follow.
    pub allocated: i64,
    pub available: i64,
    pub held: i64,
    pub sold: i64,
    /// Not on offer yet.
    pub reserve: i64,
}

/// Refused attempts by the fact in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    pub sold_out: i64,
    pub not_enough_units: i64,
    pub not_open_yet: i64,
    pub closed: i64,
    pub paused: i64,
    pub over_buyer_limit: i64,
    pub over_order_limit: i64,
    pub not_eligible: i64,
    pub gift_gone: i64,
    pub price_changed: i64,
}

/// One second, or one bin of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PulseSecond {
    /// Its first second since the Unix epoch.
    pub second: i64,
    pub attempts: i64,
    pub orders_placed: i64,
    pub units_placed: i64,
    pub orders_paid: i64,
    pub units_paid: i64,
    pub revenue_minor: i64,
    pub orders_cancelled: i64,
    pub orders_expired: i64,
    /// Expired ones that a late payment brought back.
    pub orders_reinstated: i64,
    pub refunds_due: i64,
    pub refused: Refused,
    /// Units that were available when it ended.
    pub available_units: i64,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulseItem {
    pub item_id: ItemId,
    pub sku: String,
    pub title: String,
    /// What the next unit costs.
    pub unit_price_minor: i64,
    /// Units left of the step that it is from; absent after the last step, and without steps.
    pub step_left_units: Option<i64>,
    pub limit_per_buyer: Option<i64>,
    pub limit_per_order: Option<i64>,
    pub paused: bool,
    pub closed: bool,
    pub units: Units,
    pub orders_placed: i64,
    pub orders_paid: i64,
    pub orders_expired: i64,
    pub revenue_minor: i64,
    /// Units put into orders within the last ten seconds.
    pub units_in_ten_seconds: i64,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulseChannel {
    pub channel: String,
    pub attempts: i64,
    pub orders_placed: i64,
}

/// Units of the reserve of one warehouse that a step of a plan asks an operator to release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulseProposal {
    pub item_id: ItemId,
    pub sku: String,
    pub title: String,
    /// Index of the step.
    pub step: u8,
    pub warehouse: String,
    pub units: i64,
    /// The mark of the step: fewer units than this were available.
    pub below_units: i64,
    pub since: UnixMs,
}

/// Something that happened, other than orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    pub at: UnixMs,
    /// Stored name of the event, such as `ItemPaused`.
    pub kind: String,
    /// SKU, rule or title: what it happened to.
    pub subject: String,
    /// The operator; empty if there is none.
    pub operator: String,
    pub reason: String,
}

/// The node that the board is served by, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePulse {
    pub at: UnixMs,
    /// By how much its clock was set since the start, in milliseconds.
    pub moved_ms: i64,
    /// How far its clock and the wall clock were apart within the last ten seconds at most.
    pub clock_off_ms: i64,
    /// How much of the service runs.
    pub level: ServiceLevel,
    /// Whether the node wants calls.
    pub ready: bool,
    /// Since when the store has not answered or not taken what was written; `None` while it does.
    pub store_away_since: Option<UnixMs>,
    /// Position of the log's last event, as far as the node knows.
    pub head: Position,
    pub projections: Vec<ProjectionPulse>,
    /// 99 of 100 appends to items within the last ten seconds took no longer, in microseconds.
    pub append_p99_us: Option<i64>,
    /// Orders within the last ten seconds, from being taken in to being answered, in microseconds.
    pub order_p50_us: Option<i64>,
    pub order_p99_us: Option<i64>,
    /// What those two were, of the last [`RECENT_SECONDS`] seconds, oldest first and without gaps.
    pub latency: Vec<LatencySecond>,
    /// Commands that wait at items and sales, undecided or not yet in the log.
    pub commands_waiting: i64,
    /// Share of its places that are taken at the item where most commands wait, in millionths.
    pub mailbox_ppm: i64,
    /// All that fire, also those that are not among the ones told.
    pub alerts_firing: i64,
    /// Newest first; at most [`TOLD_MAX`].
    pub alerts: Vec<FiringAlert>,
    /// Since when the oldest money is due back that is not settled, of all sales.
    pub oldest_due: Option<UnixMs>,
    /// All that are not resolved.
    pub incidents_open: i64,
    /// Newest first; at most [`TOLD_MAX`].
    pub incidents: Vec<OpenIncident>,
    /// All nodes, where this one is among others.
    pub nodes: Option<SeenNodes>,
    /// How often the owner of an item changed within the last minute, as this node sees it, where it did.
    pub owner_changes: HashMap<ItemId, i64>,
}

impl NodePulse {
    /// How far the last of those read models is behind, in milliseconds.
    pub fn lag_of(&self, names: &[&str]) -> i64 {
        let named = self.projections.iter().filter(|projection| names.contains(&projection.name));
        named.map(|projection| projection.lag_ms).max().unwrap_or(0)
    }
}

/// How long orders took as it was known at one second: those of the ten seconds up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LatencySecond {
    /// Since the Unix epoch.
    pub second: i64,
    /// In microseconds; `None` where there were no orders.
    pub p50_us: Option<i64>,
    pub p99_us: Option<i64>,
}

/// Alerts and incidents that are told one by one.
pub const TOLD_MAX: usize = 50;

/// How far a read model has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionPulse {
    pub name: &'static str,
    pub position: Position,
    /// Age of the oldest event that it has not applied yet, in milliseconds.
    pub lag_ms: i64,
    /// It met what it cannot apply.
    pub stopped: bool,
}

/// An alert that was raised and is not cleared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiringAlert {
    pub alert_id: AlertId,
    pub rule: String,
    pub severity: AlertSeverity,
    /// Absent where it is about the node.
    pub sale_id: Option<SaleId>,
    /// Empty where it is about no item.
    pub sku: String,
    pub condition: String,
    pub since: UnixMs,
    pub raised_at: UnixMs,
}

/// An incident that is not resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIncident {
    pub incident_id: IncidentId,
    pub sale_id: SaleId,
    pub title: String,
    /// Absent until it was assessed.
    pub severity: Option<IncidentSeverity>,
    pub owner: Option<String>,
    pub began_at: UnixMs,
    pub detected_at: UnixMs,
    /// Of its last step: what a next one is compared with.
    pub revision: i64,
}

impl Refused {
    /// All of them.
    pub fn total(&self) -> i64 {
        let Self {
            sold_out,
            not_enough_units,
            not_open_yet,
            closed,
            paused,
            over_buyer_limit,
            over_order_limit,
            not_eligible,
            gift_gone,
            price_changed,
        } = *self;
        sold_out
            + not_enough_units
            + not_open_yet
            + closed
            + paused
            + over_buyer_limit
            + over_order_limit
            + not_eligible
            + gift_gone
            + price_changed
    }
}
