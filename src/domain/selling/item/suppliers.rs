//! The units of an item by supplier: what each delivered, and what was taken back.
//!
//! Lots are not tracked: which supplier a sold unit came from is not known.

use serde::{Deserialize, Serialize};

use super::SuppliedUnits;
use crate::{events::StockEvent, values::Invalid};

/// Most suppliers of one item.
pub(super) const SUPPLIERS_MAX: usize = 100;

/// Units of one supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierUnits {
    pub supplier: String,
    /// All that were put on offer.
    pub allocated: i64,
    /// Those of them that left the offer again.
    pub withdrawn: i64,
}

/// Units by supplier, in the order in which suppliers were first named.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Suppliers(Vec<SupplierUnits>);

impl Suppliers {
    /// All of them.
    pub(super) fn all(&self) -> &[SupplierUnits] {
        &self.0
    }

    /// Counts what an event of the stock says of a supplier. Numbers stay at the largest one.
    pub(super) fn apply(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Allocated(e) => {
                if let Some(supplier) = &e.supplier {
                    let of = self.of(supplier);
                    of.allocated = of.allocated.saturating_add(e.units);
                }
            }
            StockEvent::Withdrawn(e) => {
                if let Some(supplier) = &e.supplier {
                    let of = self.of(supplier);
                    of.withdrawn = of.withdrawn.saturating_add(e.units);
                }
            }
            StockEvent::ReserveSet(_) | StockEvent::ReserveReleased(_) | StockEvent::Moved(_) => {}
        }
    }

    /// A new supplier is within the bound.
    pub(super) fn may_deliver(&self, supplier: Option<&str>) -> Result<(), Invalid> {
        let Some(supplier) = supplier else { return Ok(()) };
        if self.find(supplier).is_some() || self.0.len() < SUPPLIERS_MAX {
            return Ok(());
        }
        let problem = format!(
            "is {supplier:?}, and the item has {} suppliers already: at most {SUPPLIERS_MAX}",
            self.0.len()
        );
        Err(Invalid::new("supplier", problem))
    }

    /// A supplier takes back at most what it delivered.
    pub(super) fn may_take_back(&self, back: &SuppliedUnits) -> Result<(), Invalid> {
        let Some(supplier) = &back.supplier else { return Ok(()) };
        let left = self.find(supplier).map_or(0, |of| of.allocated.saturating_sub(of.withdrawn));
        if back.at.units <= left {
            return Ok(());
        }
        let problem = format!(
            "is {supplier:?}, of whose units {left} were allocated and not withdrawn, fewer than {}",
            back.at.units
        );
        Err(Invalid::new("supplier", problem))
    }

    fn find(&self, supplier: &str) -> Option<&SupplierUnits> {
        self.0.iter().find(|of| of.supplier == supplier)
    }

    fn of(&mut self, supplier: &str) -> &mut SupplierUnits {
        let place = self.0.iter().position(|of| of.supplier == supplier).unwrap_or_else(|| {
            let supplier = supplier.to_owned();
            self.0.push(SupplierUnits { supplier, allocated: 0, withdrawn: 0 });
            self.0.len() - 1
        });
        &mut self.0[place]
    }
}
