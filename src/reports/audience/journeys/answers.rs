//! Queries about shoppers and their answers: plain structs, no rows, no protobuf.
//!
//! A share is in parts per million, rounded down, and its denominator is always here as well; where
//! that is 0 the share is 0.

use crate::{
    projections::Checkpoint,
    reports::share_ppm,
    values::{Invalid, ItemId, SaleId, UnixMs},
};

/// A closed list of names that a question may use, with the error that lists them.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident, $field:literal:
     $($(#[$each:meta])* $variant:ident => $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$each])* $variant),+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name where people and programs read it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads a name; an unknown one is an error that lists the known ones.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                Self::ALL.iter().copied().find(|known| known.name() == text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|known| known.name()).collect();
                    Invalid::new($field, format!("must be one of {}", known.join(", ")))
                })
            }
        }
    };
}

choice! {
    /// What a funnel is split by.
    FunnelGrouping, "by":
    /// Not at all.
    None => "none",
    /// A chain has to stay with one item.
    Item => "item",
    /// The channel of a shopper's first touch that has one.
    Channel => "channel",
    AgeBand => "age-band",
    Gender => "gender",
    Region => "region",
    SpendingTier => "spending-tier",
    /// A chain has to stay within one category of goods.
    Category => "category",
}

choice! {
    /// What traffic is split by.
    TrafficGrouping, "by":
    None => "none",
    Item => "item",
    Channel => "channel",
    Minute => "minute",
}

choice! {
    /// What a portrait says of shoppers.
    PortraitAttribute, "attribute":
    AgeBand => "age-band",
    Gender => "gender",
    Region => "region",
    SpendingTier => "spending-tier",
}

choice! {
    /// One step of a path.
    PathStep, "step":
    View => "view",
    Favourite => "favourite",
    Cart => "cart",
    Share => "share",
    /// A purchase that a recording tells of.
    Buy => "buy",
    /// An attempt that got no units.
    Refused => "refused",
    /// An attempt that repeated an earlier one and got its answer.
    Repeated => "repeated",
    Order => "order",
    Paid => "paid",
    Cancelled => "cancelled",
    Expired => "expired",
    /// Units of a paid order came back.
    Refunded => "refunded",
}

/// Counts of touches and of distinct shoppers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FunnelTotals {
    /// Beacons by action.
    pub pv: i64,
    pub fav: i64,
    pub cart: i64,
    pub share: i64,
    /// Purchases: those that a recording tells of, and paid orders.
    pub buy: i64,
    /// Distinct shoppers with a beacon of any action.
    pub uv: i64,
    /// Distinct shoppers with a purchase.
    pub buyers: i64,
    /// Of both: distinct shoppers with a beacon and a purchase, so never more than either.
    pub visitors_who_bought: i64,
    pub attempts: i64,
    /// Distinct shoppers with an attempt.
    pub attempters: i64,
    pub orders: i64,
    pub paid_orders: i64,
    pub units_paid: i64,
    /// Of paid orders, in minor units of the answer's currency; 0 where it has none.
    pub revenue_minor: i64,
}

/// A funnel: totals, and how many shoppers came how far in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FunnelFigures {
    pub totals: FunnelTotals,
    /// Shoppers who came through this step and all before it, in order and within the window, in
    /// the order of [`FunnelFigures::STEPS`].
    pub steps: [i64; 5],
}

impl FunnelFigures {
    /// Names of the steps.
    pub const STEPS: [&'static str; 5] = ["view", "cart", "attempt", "order", "paid"];

    /// Of those at the step before, in parts per million; the first step's is of itself.
    pub fn of_previous_ppm(&self, step: usize) -> i64 {
        share_ppm(self.steps[step], self.steps[step.saturating_sub(1)])
    }

    /// Of those at the first step, in parts per million.
    pub fn of_first_ppm(&self, step: usize) -> i64 {
        share_ppm(self.steps[step], self.steps[0])
    }
}

/// One group of a funnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunnelGroup {
    /// The SKU, channel, band, tier, region or category; `(direct)`, `(unknown)` or `(none)` where
    /// there is none.
    pub name: String,
    /// Where it is split by item.
    pub item_id: Option<ItemId>,
    pub figures: FunnelFigures,
}

/// The funnel of a sale, or of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funnel {
    /// From the view that a chain starts with to its last touch, at most.
    pub window_ms: i64,
    pub by: FunnelGrouping,
    /// ISO 4217 code of the revenue; empty where there is none, or more than one.
    pub currency: String,
    /// Over all groups, whatever the page; chains may go from item to item here.
    pub total: FunnelFigures,
    /// In the order in which they came into the log.
    pub groups: Vec<FunnelGroup>,
    pub next_page_token: String,
    /// Touches of shoppers with too many of them that were not looked at.
    pub touches_left_out: i64,
    pub checkpoint: Checkpoint,
}

/// Beacons by action, and their distinct visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrafficFigures {
    pub views: i64,
    pub favourites: i64,
    pub carts: i64,
    pub shares: i64,
    /// Purchases that a recording tells of.
    pub buys: i64,
    /// Distinct shoppers with a beacon of any action. Exact; does not add up over rows.
    pub visitors: i64,
}

/// One row of traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficRow {
    /// The SKU or channel; `(none)` and `(direct)` where there is none; empty for minutes.
    pub name: String,
    /// Where it is split by item and there is one.
    pub item_id: Option<ItemId>,
    /// Where it is split by minute: its start.
    pub minute: Option<UnixMs>,
    pub figures: TrafficFigures,
}

/// The traffic of a sale, or of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    pub by: TrafficGrouping,
    /// Over all rows, whatever the page.
    pub total: TrafficFigures,
    /// Minutes by time; items and channels in the order in which they came into the log.
    pub rows: Vec<TrafficRow>,
    pub next_page_token: String,
    pub checkpoint: Checkpoint,
}

/// What a channel is credited with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Credit {
    /// Paid orders.
    pub orders: i64,
    pub units: i64,
    pub revenue_minor: i64,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributionRow {
    /// `(direct)` where a buyer came through none.
    pub channel: String,
    /// Orders whose buyer's first touch was through it.
    pub first_touch: Credit,
    /// Orders whose buyer's last touch before ordering was through it.
    pub last_touch: Credit,
}

/// Which channels sold what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// How long before an order a touch counts.
    pub window_ms: i64,
    /// ISO 4217 code of the revenue; empty where there is none, or more than one.
    pub currency: String,
    /// All paid orders.
    pub total: Credit,
    /// In the order in which channels came into the log, `(direct)` first.
    pub rows: Vec<AttributionRow>,
    pub next_page_token: String,
    pub touches_left_out: i64,
    pub checkpoint: Checkpoint,
}

/// Shoppers that have one thing in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortraitRow {
    pub attribute: PortraitAttribute,
    /// `(unknown)` if it was not stated.
    pub value: String,
    /// Distinct shoppers with any touch.
    pub shoppers: i64,
    /// Distinct shoppers with a purchase.
    pub buyers: i64,
    /// Purchases: paid orders, and those that a recording tells of.
    pub orders: i64,
    /// Of paid orders.
    pub units: i64,
    pub revenue_minor: i64,
}

/// Shoppers and buyers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portrait {
    pub currency: String,
    /// Distinct shoppers with any touch: the denominator of shares of shoppers.
    pub shoppers: i64,
    pub buyers: i64,
    /// By attribute, then in its natural order, regions in the order in which they came into the log,
    /// `(unknown)` last.
    pub rows: Vec<PortraitRow>,
    pub next_page_token: String,
    pub touches_left_out: i64,
    pub checkpoint: Checkpoint,
}

/// One sequence of touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRow {
    /// Equal steps in a row are one.
    pub steps: Vec<PathStep>,
    /// Shoppers whose touches were exactly these, or began with these where it is cut.
    pub shoppers: i64,
    /// Of those, shoppers with a purchase.
    pub buyers: i64,
}

/// The most common paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Steps after which a path is cut.
    pub steps_max: u16,
    /// Shoppers with a path: the denominator of shares.
    pub shoppers: i64,
    /// Different paths that were told apart.
    pub distinct_paths: i64,
    /// Shoppers whose paths were not told apart any more, because there were too many.
    pub shoppers_left_out: i64,
    /// Most shoppers first, then by steps.
    pub rows: Vec<PathRow>,
    pub next_page_token: String,
    pub touches_left_out: i64,
    pub checkpoint: Checkpoint,
}

/// What buyers of the sale in question did in another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRow {
    /// The other sale, or a recording.
    pub sale_id: SaleId,
    /// Its name; empty where it is not known.
    pub name: String,
    /// Buyers of the sale in question with a beacon in this one.
    pub visited: i64,
    /// Buyers of the sale in question with a purchase in this one.
    pub bought: i64,
}

/// New, returning and repeat buyers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    pub sale_id: SaleId,
    /// Distinct shoppers with a purchase in the sale: the denominator of every share here.
    pub buyers: i64,
    /// Buyers without an earlier purchase in another sale of this log.
    pub new_buyers: i64,
    /// Buyers with one.
    pub returning_buyers: i64,
    /// Buyers with two purchases or more in the sale.
    pub repeat_buyers: i64,
    /// Other sales, in the order in which they came into the log.
    pub rows: Vec<RetentionRow>,
    pub next_page_token: String,
    pub checkpoint: Checkpoint,
}
