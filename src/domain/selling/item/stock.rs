//! The units of an item, by warehouse. At every revision, in each warehouse and in total:
//! allocated = available + held + sold, and none of them is negative.

use crate::events::WarehouseUnits;

/// Units of one warehouse, or the sum over all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub allocated: i64,
    pub available: i64,
    pub held: i64,
    pub sold: i64,
    /// Beside the allocated ones: not on offer before they are released.
    pub reserve: i64,
}

/// The stock of an item.
#[derive(Debug, Default)]
pub struct Stock {
    /// In the order in which they were first named: orders draw from the first that can fill them.
    warehouses: Vec<(String, Counts)>,
    total: Counts,
}

/// Which way units go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Allocate,
    /// Out of the reserve.
    ReleaseReserve,
    Hold,
    Sell,
    Release,
}

impl Counts {
    fn apply(&mut self, change: Move, units: i64) {
        match change {
            Move::Allocate => {
                self.allocated += units;
                self.available += units;
            }
            Move::ReleaseReserve => {
                self.reserve -= units;
                self.allocated += units;
                self.available += units;
            }
            Move::Hold => {
                self.available -= units;
                self.held += units;
            }
            Move::Sell => {
                self.held -= units;
                self.sold += units;
            }
            Move::Release => {
                self.held -= units;
                self.available += units;
            }
        }
        // A negative count is a bug or a log nobody should sell from. Stop; never carry on.
        assert!(
            self.available >= 0 && self.held >= 0 && self.sold >= 0 && self.reserve >= 0,
            "stock went negative: {self:?} after {change:?} of {units}"
        );
    }
}

impl Stock {
    /// The sum over all warehouses.
    pub fn total(&self) -> Counts {
        self.total
    }

    /// Name and counts of each warehouse.
    pub fn warehouses(&self) -> &[(String, Counts)] {
        &self.warehouses
    }

    /// Moves units of one warehouse. A warehouse not named before starts empty.
    pub fn apply(&mut self, change: Move, warehouse: &str, units: i64) {
        self.at(warehouse).apply(change, units);
        self.total.apply(change, units);
    }

    /// So many units lie in reserve there, whatever it was before.
    pub fn set_reserve(&mut self, warehouse: &str, units: i64) {
        assert!(units >= 0, "a reserve of {units} units");
        let counts = self.at(warehouse);
        let before = std::mem::replace(&mut counts.reserve, units);
        self.total.reserve += units - before;
    }

    /// Units that lie in reserve there.
    pub fn reserve(&self, warehouse: &str) -> i64 {
        let found = self.warehouses.iter().find(|(name, _)| name == warehouse);
        found.map_or(0, |(_, counts)| counts.reserve)
    }

    fn at(&mut self, warehouse: &str) -> &mut Counts {
        let known = self.warehouses.iter().position(|(name, _)| name == warehouse);
        let index = known.unwrap_or_else(|| {
            self.warehouses.push((warehouse.to_owned(), Counts::default()));
            self.warehouses.len() - 1
        });
        &mut self.warehouses[index].1
    }

    /// Where an order's units come from: the first warehouse that has them all, else the first ones
    /// that have some. The caller has checked that enough are available in total.
    pub fn draw(&self, units: i64) -> Vec<WarehouseUnits> {
        let whole = self.warehouses.iter().find(|(_, counts)| counts.available >= units);
        if let Some((warehouse, _)) = whole {
            return vec![WarehouseUnits { warehouse: warehouse.clone(), units }];
        }
        let mut missing = units;
        let mut drawn = Vec::new();
        for (warehouse, counts) in &self.warehouses {
            let units = missing.min(counts.available);
            if units > 0 {
                drawn.push(WarehouseUnits { warehouse: warehouse.clone(), units });
                missing -= units;
            }
        }
        drawn
    }

    /// Index of a warehouse that has been named.
    pub fn index(&self, warehouse: &str) -> Option<u32> {
        let index = self.warehouses.iter().position(|(name, _)| name == warehouse)?;
        u32::try_from(index).ok()
    }
}
