//! What a projection is: a method for each family of events, and the errors of applying one.

use rusqlite::Transaction;

use super::ProjectionError;
use crate::{
    events::{
        AlertEvent, CouponEvent, DemandTick, Event, IncidentEvent, ItemEvent, LevelSet,
        LossAccepted, NodeEvent, OfferEvent, OrderEvent, OrdersExported, Position, QuotaEvent,
        Recorded, SaleEvent, ScriptEvent, StockEvent, TrafficRecorded,
    },
    values::ItemId,
};

/// An event's place in the log, and the rows that it changes.
pub struct Here<'a> {
    pub rows: &'a Transaction<'a>,
    pub recorded: &'a Recorded,
}

impl Here<'_> {
    /// The item in whose stream the event stands.
    pub(super) fn item(&self) -> Result<ItemId, ApplyError> {
        let Recorded { stream, kind, .. } = self.recorded;
        let misplaced = || ApplyError::Impossible(format!("{kind} stands in {stream}"));
        stream.item_id().ok_or_else(misplaced)
    }
}

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

    /// Applies one event. Each event comes exactly once, in the order of the log. A projection has
    /// the method of each family that it folds; this hands them out.
    fn apply(
        &mut self,
        rows: &Transaction<'_>,
        recorded: &Recorded,
        fact: &Event,
    ) -> Result<(), ApplyError> {
        let here = &Here { rows, recorded };
        match fact {
            Event::Item(event) => self.on_item(here, event),
            Event::Sale(event) => self.on_sale(here, event),
            Event::Coupon(event) => self.on_coupon(here, event),
            Event::Quota(event) => self.on_quota(here, event),
            Event::Demand(event) => self.on_demand(here, event),
            Event::Fulfilment(event) => self.on_fulfilment(here, event),
            Event::Traffic(event) => self.on_traffic(here, event),
            Event::Alert(event) => self.on_alert(here, event),
            Event::Incident(event) => self.on_incident(here, event),
            Event::Script(event) => self.on_script(here, event),
            Event::Level(event) => self.on_level(here, event),
            Event::Log(event) => self.on_log(here, event),
            Event::Node(event) => self.on_node(here, event),
        }
    }

    /// Anything happens to an item. For projections that fold all families of it alike; the others
    /// have the methods of the families.
    fn on_item(&mut self, here: &Here<'_>, event: &ItemEvent) -> Result<(), ApplyError> {
        match event {
            ItemEvent::Offer(event) => self.on_offer(here, event),
            ItemEvent::Stock(event) => self.on_stock(here, event),
            ItemEvent::Order(event) => self.on_order(here, event),
        }
    }

    /// An item is offered: added, scheduled, limited, paused, resumed, closed.
    fn on_offer(&mut self, _: &Here<'_>, _: &OfferEvent) -> Result<(), ApplyError> {
        Ok(())
    }

    /// Operators change the stock of an item.
    fn on_stock(&mut self, _: &Here<'_>, _: &StockEvent) -> Result<(), ApplyError> {
        Ok(())
    }

    /// An order is placed, paid, given up or expires; a payment is due back.
    fn on_order(&mut self, _: &Here<'_>, _: &OrderEvent) -> Result<(), ApplyError> {
        Ok(())
    }

    /// A sale is created, paused, resumed, closed.
    fn on_sale(&mut self, _: &Here<'_>, _: &SaleEvent) -> Result<(), ApplyError> {
        Ok(())
    }

    /// A batch of coupons is created or steered, or one of its coupons changes hands.
    fn on_coupon(&mut self, _: &Here<'_>, _: &CouponEvent) -> Result<(), ApplyError> {
        Ok(())
    }

    /// An order takes units of its buyer's limit over a sale, or gives some back.
    fn on_quota(&mut self, _: &Here<'_>, _: &QuotaEvent) -> Result<(), ApplyError> {
        Ok(())
    }

    /// Attempts on an item within one second.
    fn on_demand(&mut self, _: &Here<'_>, _: &DemandTick) -> Result<(), ApplyError> {
        Ok(())
    }

    /// Paid orders of a sale are exported.
    fn on_fulfilment(&mut self, _: &Here<'_>, _: &OrdersExported) -> Result<(), ApplyError> {
        Ok(())
    }

    /// What visitors did.
    fn on_traffic(&mut self, _: &Here<'_>, _: &TrafficRecorded) -> Result<(), ApplyError> {
        Ok(())
    }

    /// An alert is raised or cleared.
    fn on_alert(&mut self, _: &Here<'_>, _: &AlertEvent) -> Result<(), ApplyError> {
        Ok(())
    }

    /// An incident goes on by a step.
    fn on_incident(&mut self, _: &Here<'_>, _: &IncidentEvent) -> Result<(), ApplyError> {
        Ok(())
    }

    /// A wording of customer service is published or withdrawn.
    fn on_script(&mut self, _: &Here<'_>, _: &ScriptEvent) -> Result<(), ApplyError> {
        Ok(())
    }

    /// The service runs at another level.
    fn on_level(&mut self, _: &Here<'_>, _: &LevelSet) -> Result<(), ApplyError> {
        Ok(())
    }

    /// A loss in the log is accepted.
    fn on_log(&mut self, _: &Here<'_>, _: &LossAccepted) -> Result<(), ApplyError> {
        Ok(())
    }

    /// A node announces itself or leaves.
    fn on_node(&mut self, _: &Here<'_>, _: &NodeEvent) -> Result<(), ApplyError> {
        Ok(())
    }

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

impl ApplyError {
    /// What it means for the read model that was at that event.
    pub(super) fn of(self, model: &'static str, position: Position) -> ProjectionError {
        match self {
            Self::Rows(source) => ProjectionError::Rows { model, source },
            Self::Impossible(problem) => ProjectionError::Impossible { model, position, problem },
        }
    }
}

pub(super) fn never_added(item: ItemId) -> ApplyError {
    ApplyError::Impossible(format!("item {item} was never added"))
}

/// SQLite's integers are signed; a log would have to be very long to notice.
pub(super) fn signed(number: u64) -> Result<i64, ApplyError> {
    i64::try_from(number)
        .map_err(|_| ApplyError::Impossible(format!("{number} is beyond what a file can hold")))
}
