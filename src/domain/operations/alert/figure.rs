//! The figures that a rule can name: a closed list with a sentence each.
//!
//! A name used by a rule in a stored sale is permanent. A figure without a value (no goal was set,
//! no visitor yet) is absent, which is not zero.

/// One, in millionths.
pub const MILLION: i128 = 1_000_000;

/// What a rule is judged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The service as a whole.
    Service,
    /// A sale as a whole.
    Sale,
    /// One item of a sale.
    Item,
}

/// Which scopes know a figure.
#[derive(Clone, Copy)]
enum Known {
    Everywhere,
    ServiceAndSale,
    SaleAndItem,
    SaleOnly,
    ItemOnly,
}

/// The enum, its names, its scopes and its sentences from one table.
macro_rules! figures {
    ($($variant:ident => $name:literal, $known:ident, $sentence:literal;)+) => {
        /// One figure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Figure {
            $(#[doc = $sentence] $variant,)+
        }

        impl Figure {
            /// All of them, in the order in which they are documented.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in conditions.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it counts and in which unit, as a sentence.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }

            fn known(self) -> Known {
                match self { $(Self::$variant => Known::$known,)+ }
            }
        }
    };
}

figures! {
    AllocatedUnits => "allocated_units", SaleAndItem, "Units on offer: available, held and sold together.";
    AvailableUnits => "available_units", SaleAndItem, "Units that can be bought now.";
    HeldUnits => "held_units", SaleAndItem, "Units in unpaid orders.";
    SoldUnits => "sold_units", SaleAndItem, "Units in paid orders.";
    ReserveUnits => "reserve_units", SaleAndItem, "Units that are not on offer yet.";
    UnitsInOrders => "units_in_orders", SaleAndItem, "Units held and sold together.";
    OrdersPlaced => "orders_placed", SaleAndItem, "Orders placed so far.";
    OrdersPaid => "orders_paid", SaleAndItem, "Orders paid so far.";
    OrdersExpired => "orders_expired", SaleAndItem, "Orders that were not paid in time so far.";
    RevenueMinor => "revenue_minor", SaleAndItem, "Revenue of paid orders in minor units of the currency.";
    Paused => "paused", SaleAndItem, "1 while orders are refused because of a pause, else 0.";
    Units10s => "units_10s", SaleAndItem, "Units put into orders within the last 10 seconds.";
    SecondsSinceOpen => "seconds_since_open", SaleAndItem, "Seconds since the sale opened; negative before.";
    SecondsToClose => "seconds_to_close", SaleAndItem, "Seconds until the sale's window ends; negative after.";
    TimeToPaySeconds => "time_to_pay_seconds", SaleAndItem, "Seconds that an unpaid order holds its units; of a sale, the shortest of its items.";
    ItemClosed => "item_closed", ItemOnly, "1 once the item was closed by hand, else 0.";
    OwnerChanges60s => "owner_changes_60s", ItemOnly, "How often the owner of the item among several nodes changed within the last 60 seconds, as this node sees it; 0 on one that is alone.";
    OrdersCancelled => "orders_cancelled", SaleOnly, "Orders cancelled so far.";
    HeldOrders => "held_orders", SaleOnly, "Orders that are neither paid, cancelled nor expired.";
    RefundsDue => "refunds_due", SaleOnly, "Payments so far that are due for refund.";
    Attempts => "attempts", SaleOnly, "Attempts to buy so far, including refused ones.";
    Participants => "participants", SaleOnly, "Shoppers with an attempt to buy.";
    PayingBuyers => "paying_buyers", SaleOnly, "Shoppers with a paid order.";
    Visitors => "visitors", SaleOnly, "Visitors recorded by beacons.";
    PageViews => "page_views", SaleOnly, "Page views recorded by beacons.";
    OversoldUnits => "oversold_units", SaleOnly, "Units in orders beyond the allocated ones; always 0.";
    PlannedUnits => "planned_units", SaleOnly, "Units planned to be in orders by now: by the planned curve, else evenly towards the goal. Absent without either, and before the sale opens.";
    GoalUnits => "goal_units", SaleOnly, "The goal of units sold. Absent if there is none.";
    GoalRevenueMinor => "goal_revenue_minor", SaleOnly, "The goal of revenue in minor units. Absent if there is none.";
    GoalConversionPpm => "goal_conversion_ppm", SaleOnly, "The goal of paying buyers among visitors in parts per million. Absent if there is none.";
    ConversionPpm => "conversion_ppm", SaleOnly, "Paying buyers among visitors in parts per million. Absent without visitors.";
    Attempts10s => "attempts_10s", SaleOnly, "Attempts to buy within the last 10 seconds.";
    OrdersPlaced10s => "orders_placed_10s", SaleOnly, "Orders placed within the last 10 seconds.";
    OrdersPaid10s => "orders_paid_10s", SaleOnly, "Orders paid within the last 10 seconds.";
    OrdersExpired10s => "orders_expired_10s", SaleOnly, "Orders expired within the last 10 seconds.";
    RefundsDue10s => "refunds_due_10s", SaleOnly, "Payments within the last 10 seconds that are due for refund.";
    Refused10s => "refused_10s", SaleOnly, "Attempts refused within the last 10 seconds, for any reason.";
    RefusedSoldOut10s => "refused_sold_out_10s", SaleOnly, "Attempts refused within the last 10 seconds because the item was sold out.";
    RefusedNotEnoughUnits10s => "refused_not_enough_units_10s", SaleOnly, "Attempts refused within the last 10 seconds because too few units were left.";
    RefusedNotOpenYet10s => "refused_not_open_yet_10s", SaleOnly, "Attempts refused within the last 10 seconds because the item was not open yet.";
    RefusedClosed10s => "refused_closed_10s", SaleOnly, "Attempts refused within the last 10 seconds because the item was closed.";
    RefusedPaused10s => "refused_paused_10s", SaleOnly, "Attempts refused within the last 10 seconds because of a pause.";
    RefusedOverLimits10s => "refused_over_limits_10s", SaleOnly, "Attempts refused within the last 10 seconds because of a limit per buyer or order.";
    Attempts60s => "attempts_60s", SaleOnly, "Attempts to buy within the last 60 seconds.";
    OrdersPlaced60s => "orders_placed_60s", SaleOnly, "Orders placed within the last 60 seconds.";
    OrdersPaid60s => "orders_paid_60s", SaleOnly, "Orders paid within the last 60 seconds.";
    OrdersExpired60s => "orders_expired_60s", SaleOnly, "Orders expired within the last 60 seconds.";
    RefundsDue60s => "refunds_due_60s", SaleOnly, "Payments within the last 60 seconds that are due for refund.";
    Refused60s => "refused_60s", SaleOnly, "Attempts refused within the last 60 seconds, for any reason.";
    RefundDueAgeSeconds => "dues_age_seconds", ServiceAndSale, "Seconds since the oldest money is due back that is not settled, of the sale or of all sales; 0 without any.";
    ProjectionLagMs => "projection_lag_ms", Everywhere, "Age of the oldest event that a read model of this node has not applied, in milliseconds.";
    AppendP99Ms => "append_p99_ms", Everywhere, "99th percentile of the last seconds' appends to the log in milliseconds. Absent without appends.";
    CommandsWaiting => "commands_waiting", Everywhere, "Commands waiting at all items of this node.";
    MailboxPpm => "mailbox_ppm", Everywhere, "Commands that wait at the item of this node where most do, in parts per million of those that may: of the setting waiting_max.";
    StoreAwaySeconds => "store_away_seconds", Everywhere, "Seconds since the store last answered and accepted writes; 0 while it does.";
    ClockOffMs => "clock_off_ms", Everywhere, "Largest difference between the wall clock and the sale clock within the last 10 seconds, in milliseconds.";
    NodesSuspected => "nodes_suspected", Everywhere, "Other nodes that this one suspects: they are announced, do not answer it and did not say that they leave; 0 on one that is alone.";
}

impl Figure {
    /// The figure of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|figure| figure.name() == name)
    }

    /// Whether a rule of that scope can name it.
    pub fn is_known_in(self, scope: Scope) -> bool {
        match (self.known(), scope) {
            (Known::Everywhere, Scope::Service | Scope::Sale | Scope::Item)
            | (Known::ServiceAndSale, Scope::Service | Scope::Sale)
            | (Known::SaleAndItem, Scope::Sale | Scope::Item)
            | (Known::SaleOnly, Scope::Sale)
            | (Known::ItemOnly, Scope::Item) => true,
            (Known::SaleAndItem | Known::SaleOnly | Known::ItemOnly, Scope::Service)
            | (Known::SaleOnly | Known::ServiceAndSale, Scope::Item)
            | (Known::ItemOnly, Scope::Sale) => false,
        }
    }
}

/// What the figures are at one moment, in millionths. What is absent has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readings([Option<i128>; Figure::ALL.len()]);

impl Default for Readings {
    fn default() -> Self {
        Self([None; Figure::ALL.len()])
    }
}

impl Readings {
    /// Notes what a figure is, as a whole number.
    pub fn set(&mut self, figure: Figure, value: i64) {
        self.0[figure as usize] = Some(i128::from(value) * MILLION);
    }

    /// The same with a figure noted.
    #[must_use]
    pub fn with(mut self, figure: Figure, value: i64) -> Self {
        self.set(figure, value);
        self
    }

    /// Its value in millionths.
    pub fn get(&self, figure: Figure) -> Option<i128> {
        self.0[figure as usize]
    }
}
