//! The stock of an item as its decider keeps it: counts by warehouse, their sum, and where an order
//! draws its units from.

use std::cmp::Reverse;

use crate::events::{
    Counts, ImpossibleMove, StockMove, WarehouseCounts, WarehouseUnits, Warehouses,
};

/// The stock of an item.
#[derive(Debug, Clone, Default)]
pub struct Stock {
    /// In the order in which they were first named: orders draw from the first that can fill them.
    warehouses: Warehouses,
    total: Counts,
}

impl Stock {
    /// The stock of these warehouses; `None` where no moves of units come to it.
    pub fn of(warehouses: Warehouses) -> Option<Self> {
        let mut total = Counts::default();
        for (number, at) in warehouses.0.iter().enumerate() {
            let known_once = warehouses.index(&at.warehouse) == Some(number);
            total = total.with(at.counts).filter(|_| known_once && at.counts.is_possible())?;
        }
        Some(Self { warehouses, total })
    }

    /// The sum over all warehouses.
    pub fn total(&self) -> Counts {
        self.total
    }

    /// Name and counts of each warehouse.
    pub fn warehouses(&self) -> &[WarehouseCounts] {
        &self.warehouses.0
    }

    /// Moves units of one warehouse. A warehouse not named before starts empty.
    ///
    /// # Errors
    /// When the units are not there to be moved.
    pub fn apply(&mut self, moved: &StockMove<'_>) -> Result<(), ImpossibleMove> {
        let adds = self.warehouses.shift(moved)?;
        self.total = self.total.with(adds).ok_or_else(|| moved.impossible(self.total))?;
        Ok(())
    }

    /// The counts of one warehouse.
    pub fn at(&self, warehouse: &str) -> Counts {
        let place = self.warehouses.index(warehouse);
        place.map_or_else(Counts::default, |place| self.warehouses.0[place].counts)
    }

    /// Units that lie in reserve there.
    pub fn reserve(&self, warehouse: &str) -> i64 {
        self.at(warehouse).reserve
    }

    /// Where an order's units come from: the first warehouse that has them all, else the first ones
    /// that have some. The caller has checked that enough are available in total.
    pub fn draw(&self, units: i64) -> Vec<WarehouseUnits> {
        draw_from(self.warehouses().iter(), units)
    }

    /// The same, with the warehouses in the order of these numbers.
    pub fn draw_in_order(&self, units: i64, order: &[usize]) -> Vec<WarehouseUnits> {
        draw_from(order.iter().map(|&number| &self.warehouses.0[number]), units)
    }

    /// Numbers of all warehouses: first the preferred ones in their order, then the others, those
    /// with most available units first where `fullest` is set, else as they were first named.
    pub fn order(&self, preferred: &[String], fullest: bool) -> Vec<usize> {
        let mut order: Vec<usize> =
            preferred.iter().filter_map(|name| self.warehouses.index(name)).collect();
        let mut others: Vec<usize> =
            (0..self.warehouses.0.len()).filter(|number| !order.contains(number)).collect();
        if fullest {
            let available = |&number: &usize| self.warehouses.0[number].counts.available;
            // Stable: of equals, the first named one comes first.
            others.sort_by_key(|number| Reverse(available(number)));
        }
        order.append(&mut others);
        order
    }

    /// Index of a warehouse that has been named.
    pub fn index(&self, warehouse: &str) -> Option<u32> {
        self.warehouses.index(warehouse).and_then(|index| u32::try_from(index).ok())
    }
}

fn draw_from<'a>(
    warehouses: impl Iterator<Item = &'a WarehouseCounts> + Clone,
    units: i64,
) -> Vec<WarehouseUnits> {
    let drawn = |at: &WarehouseCounts, units| {
        let warehouse = at.warehouse.clone();
        WarehouseUnits { warehouse, units }
    };
    let whole = warehouses.clone().find(|at| at.counts.available >= units);
    if let Some(whole) = whole {
        return vec![drawn(whole, units)];
    }
    let mut missing = units;
    let mut all = Vec::new();
    for at in warehouses {
        let units = missing.min(at.counts.available);
        if units > 0 {
            all.push(drawn(at, units));
            missing -= units;
        }
    }
    all
}
