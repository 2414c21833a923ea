//! What operators do to the stock of an item.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::units::{MoveKind, StockMove};
use crate::{
    events::{act::Act, stored::stored_names},
    values::UnixMs,
};

/// Everything that operators can do to the stock of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockEvent {
    /// Units were put on offer.
    Allocated(StockAllocated),
    /// So many units lie in a warehouse that are not on offer.
    ReserveSet(ReserveSet),
    /// Units of the reserve were put on offer.
    ReserveReleased(ReserveReleased),
    /// Available units went from one warehouse to another.
    Moved(StockMoved),
    /// Available units were taken off the offer.
    Withdrawn(StockWithdrawn),
}

stored_names! { StockEvent:
    Allocated => "StockAllocated",
    ReserveSet => "ReserveSet",
    ReserveReleased => "ReserveReleased",
    Moved => "StockMoved",
    Withdrawn => "StockWithdrawn",
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockAllocated {
    pub warehouse: String,
    pub units: i64,
    /// Who delivered them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub supplier: Option<String>,
    pub act: Act,
    pub allocated_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveSet {
    pub warehouse: String,
    /// All that lie there in reserve from now on; 0 where there are none.
    pub units: i64,
    pub act: Act,
    pub set_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveReleased {
    pub warehouse: String,
    pub units: i64,
    pub act: Act,
    pub released_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockMoved {
    pub from: String,
    pub to: String,
    pub units: i64,
    pub act: Act,
    pub moved_at_ms: UnixMs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockWithdrawn {
    pub warehouse: String,
    pub units: i64,
    /// Whose units they were.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub supplier: Option<String>,
    pub act: Act,
    pub withdrawn_at_ms: UnixMs,
}

impl StockEvent {
    /// When it happened, by the item's own clock.
    pub fn at(&self) -> UnixMs {
        match self {
            Self::Allocated(e) => e.allocated_at_ms,
            Self::ReserveSet(e) => e.set_at_ms,
            Self::ReserveReleased(e) => e.released_at_ms,
            Self::Moved(e) => e.moved_at_ms,
            Self::Withdrawn(e) => e.withdrawn_at_ms,
        }
    }

    /// Who did it.
    pub fn act(&self) -> &Act {
        match self {
            Self::Allocated(e) => &e.act,
            Self::ReserveSet(e) => &e.act,
            Self::ReserveReleased(e) => &e.act,
            Self::Moved(e) => &e.act,
            Self::Withdrawn(e) => &e.act,
        }
    }

    /// What it does to the units of the item.
    pub fn moves(&self) -> impl Iterator<Item = StockMove<'_>> {
        let arrived = match self {
            Self::Moved(e) => {
                Some(StockMove { kind: MoveKind::Allocate, warehouse: &e.to, units: e.units })
            }
            Self::Allocated(_)
            | Self::ReserveSet(_)
            | Self::ReserveReleased(_)
            | Self::Withdrawn(_) => None,
        };
        std::iter::once(self.moved()).chain(arrived)
    }

    /// The same event, of at most so many units.
    #[must_use]
    pub fn of_at_most(&self, units_max: i64) -> Self {
        let mut event = self.clone();
        let units = match &mut event {
            Self::Allocated(e) => &mut e.units,
            Self::ReserveSet(e) => &mut e.units,
            Self::ReserveReleased(e) => &mut e.units,
            Self::Moved(e) => &mut e.units,
            Self::Withdrawn(e) => &mut e.units,
        };
        *units = units_max.min(*units);
        event
    }

    /// The units that it moves, in the warehouse in which they have to be.
    pub fn moved(&self) -> StockMove<'_> {
        let (kind, warehouse, units) = match self {
            Self::Allocated(e) => (MoveKind::Allocate, &e.warehouse, e.units),
            Self::ReserveSet(e) => (MoveKind::SetReserve, &e.warehouse, e.units),
            Self::ReserveReleased(e) => (MoveKind::ReleaseReserve, &e.warehouse, e.units),
            Self::Moved(e) => (MoveKind::Withdraw, &e.from, e.units),
            Self::Withdrawn(e) => (MoveKind::Withdraw, &e.warehouse, e.units),
        };
        StockMove { kind, warehouse, units }
    }

    /// What it changed, by name.
    pub fn change(&self) -> Value {
        match self {
            Self::Allocated(e) => change(&e.warehouse, e.units, e.supplier.as_deref()),
            Self::ReserveSet(e) => change(&e.warehouse, e.units, None),
            Self::ReserveReleased(e) => change(&e.warehouse, e.units, None),
            Self::Moved(e) => json!({ "from": e.from, "to": e.to, "units": e.units }),
            Self::Withdrawn(e) => change(&e.warehouse, e.units, e.supplier.as_deref()),
        }
    }
}

fn change(warehouse: &str, units: i64, supplier: Option<&str>) -> Value {
    match supplier {
        None => json!({ "warehouse": warehouse, "units": units }),
        Some(supplier) => {
            json!({ "warehouse": warehouse, "units": units, "supplier": supplier })
        }
    }
}
