//! The stock of an item as its decider keeps it: counts by warehouse, their sum, and where an order
//! draws its units from.

use crate::events::{Counts, StockMove, WarehouseCounts, WarehouseUnits, Warehouses};

/// The stock of an item.
#[derive(Debug, Default)]
pub struct Stock {
    /// In the order in which they were first named: orders draw from the first that can fill them.
    warehouses: Warehouses,
    total: Counts,
}

impl Stock {
    /// The sum over all warehouses.
    pub fn total(&self) -> Counts {
        self.total
    }

    /// Name and counts of each warehouse.
    pub fn warehouses(&self) -> &[WarehouseCounts] {
        &self.warehouses.0
    }

    /// Moves units of one warehouse. A warehouse not named before starts empty.
    pub fn apply(&mut self, moved: &StockMove<'_>) {
        match self.warehouses.shift(moved) {
            Ok(adds) => self.total = self.total.saturating_with(adds),
            // A negative count is a bug or a damaged log. Stop rather than sell from it.
            Err(impossible) => panic!("{impossible}: {self:?}"),
        }
    }

    /// Units that lie in reserve there.
    pub fn reserve(&self, warehouse: &str) -> i64 {
        self.warehouses.index(warehouse).map_or(0, |place| self.warehouses.0[place].counts.reserve)
    }

    /// Where an order's units come from: the first warehouse that has them all, else the first ones
    /// that have some. The caller has checked that enough are available in total.
    pub fn draw(&self, units: i64) -> Vec<WarehouseUnits> {
        let drawn = |at: &WarehouseCounts, units| {
            let warehouse = at.warehouse.clone();
            WarehouseUnits { warehouse, units }
        };
        let whole = self.warehouses().iter().find(|at| at.counts.available >= units);
        if let Some(whole) = whole {
            return vec![drawn(whole, units)];
        }
        let mut missing = units;
        let mut all = Vec::new();
        for at in self.warehouses() {
            let units = missing.min(at.counts.available);
            if units > 0 {
                all.push(drawn(at, units));
                missing -= units;
            }
        }
        all
    }

    /// Index of a warehouse that has been named.
    pub fn index(&self, warehouse: &str) -> Option<u32> {
        self.warehouses.index(warehouse).and_then(|index| u32::try_from(index).ok())
    }
}
