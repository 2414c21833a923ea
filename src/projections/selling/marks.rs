//! Snapshots along each item's stream: the state of the item after every 256th of its events.
//!
//! The state of an item at any moment is the mark before it and the few events after that, so the
//! time does not depend on the number of orders. The state is folded from the events alone: it is
//! for display and never decides.

use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::{
    events::{
        Counts, ImpossibleMove, ItemEvent, OfferEvent, OrderChange, OrderStep, Position, Recorded,
        Warehouses,
    },
    projections::{ApplyError, Here, Projection, row_cache::RowCache, signed},
    values::{Currency, ItemId, SaleId, UnixMs},
};

/// Name of the projection and of its file.
pub const NAME: &str = "marks";
/// Version of its rows.
pub const VERSION: i64 = 3;

/// Events of an item between two marks: a page that is read and folded in about a millisecond.
pub const EVENTS_PER_MARK: u64 = 256;

/// An item as its events up to one of them show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemState {
    /// What was put on offer; `None` before that.
    pub offer: Option<OfferState>,
    pub opens_at: UnixMs,
    pub closes_at: UnixMs,
    pub limit_per_buyer: Option<i64>,
    pub limit_per_order: Option<i64>,
    /// The item itself is paused.
    pub paused: bool,
    /// Its sale is paused.
    pub sale_paused: bool,
    pub closed: bool,
    pub orders: OrderCounts,
    /// Minor units of paid orders, without what was refunded.
    pub revenue_minor: i64,
    /// Minor units of payments that bought nothing.
    pub refunds_due_minor: i64,
    /// Minor units of paid orders that were refunded.
    #[serde(skip_serializing_if = "is_none", default)]
    pub refunded_minor: i64,
    /// Those of both that are on their way back.
    #[serde(skip_serializing_if = "is_none", default)]
    pub refunds_settled_minor: i64,
    /// In the order in which they were first named.
    pub warehouses: Warehouses,
    /// Of the last event.
    pub revision: u64,
    /// Where that event stands in the log. Not kept in marks: a copy of the log in another store has
    /// the same marks and other positions.
    #[serde(skip)]
    pub position: Position,
    /// The latest moment that any of the events says it happened at.
    pub at: UnixMs,
}

/// What was put on offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferState {
    pub sale_id: SaleId,
    pub sku: String,
    pub title: String,
    pub currency: Currency,
    pub unit_price_minor: i64,
    pub time_to_pay_ms: i64,
}

/// Orders by where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderCounts {
    pub placed: i64,
    pub held: i64,
    pub paid: i64,
    pub cancelled: i64,
    pub expired: i64,
    #[serde(skip_serializing_if = "is_none", default)]
    pub refunded: i64,
}

impl OrderCounts {
    /// Orders that were ever paid, those among them of which all units came back, too: what reports call
    /// `orders_paid`.
    pub fn ever_paid(&self) -> i64 {
        self.paid.saturating_add(self.refunded)
    }
}

/// What only some items have is left out of the marks of the others.
fn is_none(count: &i64) -> bool {
    *count == 0
}

impl Default for ItemState {
    fn default() -> Self {
        Self {
            offer: None,
            opens_at: UnixMs::default(),
            closes_at: UnixMs::LATEST,
            limit_per_buyer: None,
            limit_per_order: None,
            paused: false,
            sale_paused: false,
            closed: false,
            orders: OrderCounts::default(),
            revenue_minor: 0,
            refunds_due_minor: 0,
            refunds_settled_minor: 0,
            refunded_minor: 0,
            warehouses: Warehouses::default(),
            revision: 0,
            position: Position::START,
            at: UnixMs::default(),
        }
    }
}

impl ItemState {
    /// The units over all warehouses.
    pub fn units(&self) -> Counts {
        self.warehouses.total()
    }

    /// Applies the next event of the item.
    ///
    /// # Errors
    /// When it contradicts the events before it.
    pub fn apply(&mut self, recorded: &Recorded, event: &ItemEvent) -> Result<(), ImpossibleMove> {
        self.revision = recorded.revision;
        self.position = recorded.position;
        self.at = event.at().map_or(self.at, |at| at.max(self.at));
        match event {
            ItemEvent::Offer(event) => self.apply_offer(event),
            // It does nothing but move units.
            ItemEvent::Stock(_) => {}
            ItemEvent::Order(event) => self.apply_step(&event.step(recorded.revision)),
        }
        self.warehouses.apply(event.moves())
    }

    fn apply_offer(&mut self, event: &OfferEvent) {
        match event {
            OfferEvent::Added(added) => {
                self.offer = Some(OfferState {
                    sale_id: added.sale_id,
                    sku: added.sku.clone(),
                    title: added.title.clone(),
                    currency: added.currency,
                    unit_price_minor: added.unit_price_minor,
                    time_to_pay_ms: added.time_to_pay_ms,
                });
            }
            OfferEvent::Scheduled(window) => {
                self.opens_at = window.opens_at_ms;
                self.closes_at = window.closes_at_ms;
            }
            OfferEvent::PurchaseLimitSet(limits) => {
                self.limit_per_buyer = limits.per_buyer;
                self.limit_per_order = limits.per_order;
            }
            OfferEvent::Paused(paused) => *self.pause_flag(paused.by_sale) = true,
            OfferEvent::Resumed(resumed) => *self.pause_flag(resumed.by_sale) = false,
            OfferEvent::Closed(_) => self.closed = true,
            OfferEvent::PricesSet(_)
            | OfferEvent::OffersSet(_)
            | OfferEvent::GiftUnitsSet(_)
            | OfferEvent::AudienceSet(_)
            | OfferEvent::ReservePlanSet(_)
            | OfferEvent::ReserveProposed(_) => {}
        }
    }

    fn pause_flag(&mut self, by_sale: bool) -> &mut bool {
        if by_sale { &mut self.sale_paused } else { &mut self.paused }
    }

    fn apply_step(&mut self, step: &OrderStep) {
        self.revenue_minor = self.revenue_minor.saturating_add(step.revenue_minor);
        self.refunds_due_minor = self.refunds_due_minor.saturating_add(step.due_minor);
        self.refunds_settled_minor = self.refunds_settled_minor.saturating_add(step.settled_minor);
        let orders = &mut self.orders;
        let (before, after) = match step.change {
            OrderChange::Placed => {
                orders.placed += 1;
                orders.held += 1;
                return;
            }
            OrderChange::Paid => (&mut orders.held, &mut orders.paid),
            OrderChange::Cancelled => (&mut orders.held, &mut orders.cancelled),
            OrderChange::Expired => (&mut orders.held, &mut orders.expired),
            OrderChange::Reinstated => (&mut orders.expired, &mut orders.held),
            OrderChange::PartlyRefunded => {
                self.refunded_minor = self.refunded_minor.saturating_add(step.refunded_minor);
                return;
            }
            OrderChange::Refunded => {
                self.refunded_minor = self.refunded_minor.saturating_add(step.refunded_minor);
                (&mut orders.paid, &mut orders.refunded)
            }
            OrderChange::Nothing => return,
        };
        *before -= 1;
        *after += 1;
    }
}

/// The marks of all items.
#[derive(Debug, Default)]
pub struct Snapshots {
    items: RowCache<ItemId, Item>,
}

#[derive(Debug)]
struct Item {
    number: i64,
    state: ItemState,
}

impl Projection for Snapshots {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> i64 {
        VERSION
    }

    fn schema(&self) -> &'static str {
        "CREATE TABLE items (
            number INTEGER PRIMARY KEY,
            item_id BLOB NOT NULL UNIQUE,
            -- The state after the last event, as in marks.
            state TEXT NOT NULL
        );
        CREATE TABLE marks (
            item INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            at_ms INTEGER NOT NULL,
            state TEXT NOT NULL,
            PRIMARY KEY (item, revision)
        ) WITHOUT ROWID;
        CREATE INDEX marks_by_time ON marks (item, at_ms);"
    }

    fn on_item(&mut self, here: &Here<'_>, event: &ItemEvent) -> Result<(), ApplyError> {
        let id = here.item()?;
        let Item { number, state } = self.items.change(id, || read_item(here.rows, id))?;
        state.apply(here.recorded, event).map_err(|why| ApplyError::Impossible(why.to_string()))?;
        if (here.recorded.revision + 1).is_multiple_of(EVENTS_PER_MARK) {
            here.rows
                .prepare_cached(
                    "INSERT INTO marks (item, revision, at_ms, state) VALUES (?, ?, ?, ?)",
                )?
                .execute(params![*number, signed(state.revision)?, state.at.0, text(state)?])?;
        }
        Ok(())
    }

    fn flush(&mut self, rows: &Transaction<'_>) -> Result<(), ApplyError> {
        let mut write = rows.prepare_cached("UPDATE items SET state = ? WHERE number = ?")?;
        self.items.flush(|_, item| {
            write.execute(params![text(&item.state)?, item.number])?;
            Ok(())
        })
    }

    fn forget(&mut self) {
        self.items.forget();
    }
}

fn text(state: &ItemState) -> Result<String, ApplyError> {
    serde_json::to_string(state).map_err(|error| ApplyError::Impossible(error.to_string()))
}

/// The state in a row, or what is wrong with it.
pub fn read_state(text: &str) -> Result<ItemState, serde_json::Error> {
    serde_json::from_str(text)
}

/// The item as it was left, or one to which nothing has happened.
fn read_item(rows: &Transaction<'_>, id: ItemId) -> Result<Item, ApplyError> {
    let key = id.0.as_bytes().as_slice();
    let known = rows
        .prepare_cached("SELECT number, state FROM items WHERE item_id = ?")?
        .query_row([key], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    if let Some((number, state)) = known {
        let state =
            read_state(&state).map_err(|error| ApplyError::Impossible(error.to_string()))?;
        return Ok(Item { number, state });
    }
    let state = ItemState::default();
    rows.execute("INSERT INTO items (item_id, state) VALUES (?, ?)", params![key, text(&state)?])?;
    Ok(Item { number: rows.last_insert_rowid(), state })
}
