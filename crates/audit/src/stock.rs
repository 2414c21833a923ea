//! The units of one item, counted by warehouse, as the log says they were given out.
//!
//! Available units are never stored here: they are what is left of the allocated ones. So "never
//! oversold" is one comparison and cannot be papered over by a second count that agrees.

use super::bodies::{Draw, Region, WarehouseUnits};

/// Units of one warehouse. 128 bits, so that no number a damaged log can hold overflows.
#[derive(Default)]
struct Counts {
    warehouse: String,
    allocated: i128,
    held: i128,
    sold: i128,
    /// Not on offer, so no part of what can be oversold before it is released.
    reserve: i128,
}

impl Counts {
    fn available(&self) -> i128 {
        self.allocated - self.held - self.sold
    }
}

/// A part of an order: warehouse number and units.
pub(super) type Part = (u32, i64);

/// Units given out, of a warehouse or of all together.
#[derive(Clone, Copy)]
pub(super) struct Totals {
    pub allocated: i128,
    pub held: i128,
    pub sold: i128,
}

/// The stock of one item.
#[derive(Default)]
pub(super) struct Stock {
    warehouses: Vec<Counts>,
}

impl Stock {
    /// The number of a warehouse; one not named before starts empty.
    pub(super) fn number(&mut self, warehouse: &str) -> u32 {
        let known = self.warehouses.iter().position(|counts| counts.warehouse == warehouse);
        let number = known.unwrap_or_else(|| {
            self.warehouses.push(Counts { warehouse: warehouse.to_owned(), ..Counts::default() });
            self.warehouses.len() - 1
        });
        // An item with four billion warehouses does not fit into memory first.
        number as u32
    }

    /// Where an event says that units lie.
    pub(super) fn parts(&mut self, warehouses: &[WarehouseUnits<'_>]) -> Vec<Part> {
        warehouses.iter().map(|part| (self.number(&part.warehouse), part.units)).collect()
    }

    /// The number of the only warehouse of an order, where it has only one.
    pub(super) fn only(&mut self, warehouses: &[WarehouseUnits<'_>], units: i64) -> Option<u32> {
        match warehouses {
            [only] if only.units == units => Some(self.number(&only.warehouse)),
            _ => None,
        }
    }

    /// The name of a warehouse that has a number.
    pub(super) fn name(&self, number: u32) -> &str {
        &self.warehouses[number as usize].warehouse
    }

    /// Each warehouse with its units, in the order in which they were first named.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, Totals)> {
        self.warehouses.iter().map(|counts| {
            let Counts { warehouse, allocated, held, sold, .. } = counts;
            (warehouse.as_str(), Totals { allocated: *allocated, held: *held, sold: *sold })
        })
    }

    /// Units of all warehouses together.
    pub(super) fn totals(&self) -> Totals {
        let none = Totals { allocated: 0, held: 0, sold: 0 };
        self.each().fold(none, |sum, (_, totals)| Totals {
            allocated: sum.allocated + totals.allocated,
            held: sum.held + totals.held,
            sold: sum.sold + totals.sold,
        })
    }

    /// Units on offer that no order has.
    pub(super) fn available(&self) -> i128 {
        self.warehouses.iter().map(Counts::available).sum()
    }

    /// Units of one warehouse on offer that no order has.
    pub(super) fn available_in(&self, warehouse: &str) -> i128 {
        let counts = self.warehouses.iter().find(|counts| counts.warehouse == warehouse);
        counts.map_or(0, Counts::available)
    }

    /// Each warehouse with its reserve, in the order in which they were first named.
    pub(super) fn reserves(&self) -> impl Iterator<Item = (&str, i128)> {
        self.warehouses.iter().map(|counts| (counts.warehouse.as_str(), counts.reserve))
    }

    /// Where the units of an order must be from: the first warehouse that has all of them, else the
    /// first ones that have some, along those of the region and then the others. `None` where there
    /// are not enough.
    pub(super) fn choice(
        &self,
        units: i64,
        region: Option<&Region>,
        draw: Draw,
    ) -> Option<Vec<Part>> {
        let named = region.map_or(&[][..], |region| &region.warehouses);
        let rank = |counts: &Counts| named.iter().position(|name| *name == counts.warehouse);
        let mut order: Vec<(u32, &Counts)> = (0..).zip(&self.warehouses).collect();
        // Stable: what neither region nor units tell apart stays as it was named.
        order.sort_by_key(|(_, counts)| {
            let fullest = match draw {
                Draw::Fullest if rank(counts).is_none() => -counts.available(),
                Draw::Fullest | Draw::Listed => 0,
            };
            (rank(counts).unwrap_or(named.len()), fullest)
        });
        let mut left = i128::from(units);
        if let Some((number, _)) = order.iter().find(|(_, counts)| counts.available() >= left) {
            return Some(vec![(*number, units)]);
        }
        let mut parts = Vec::new();
        for (number, counts) in order {
            let taken = left.min(counts.available());
            if let Some(units) = i64::try_from(taken).ok().filter(|units| *units > 0) {
                parts.push((number, units));
                left -= taken;
            }
        }
        (left == 0).then_some(parts)
    }

    pub(super) fn allocate(&mut self, warehouse: &str, units: i64) {
        let number = self.number(warehouse);
        self.warehouses[number as usize].allocated += i128::from(units);
    }

    pub(super) fn set_reserve(&mut self, warehouse: &str, units: i64) {
        let number = self.number(warehouse);
        self.warehouses[number as usize].reserve = i128::from(units);
    }

    /// Puts units of the reserve on offer.
    pub(super) fn release_reserve(&mut self, warehouse: &str, units: i64) {
        let number = self.number(warehouse);
        let counts = &mut self.warehouses[number as usize];
        counts.reserve -= i128::from(units);
        counts.allocated += i128::from(units);
    }

    pub(super) fn hold(&mut self, parts: &[Part]) {
        for &(number, units) in parts {
            self.warehouses[number as usize].held += i128::from(units);
        }
    }

    pub(super) fn sell(&mut self, parts: &[Part]) {
        for &(number, units) in parts {
            let counts = &mut self.warehouses[number as usize];
            counts.held -= i128::from(units);
            counts.sold += i128::from(units);
        }
    }

    pub(super) fn release(&mut self, parts: &[Part]) {
        for &(number, units) in parts {
            self.warehouses[number as usize].held -= i128::from(units);
        }
    }

    /// Sold units are free again.
    pub(super) fn restock(&mut self, parts: &[Part]) {
        for &(number, units) in parts {
            self.warehouses[number as usize].sold -= i128::from(units);
        }
    }

    /// Sold units came back and are of no use.
    pub(super) fn write_off(&mut self, parts: &[Part]) {
        self.restock(parts);
        for &(number, units) in parts {
            self.warehouses[number as usize].allocated -= i128::from(units);
        }
    }

    /// Whether no warehouse gave out more than it had. What holds for each warehouse holds for
    /// their sum, so the item as a whole is judged with them.
    pub(super) fn check(&self) -> Result<(), String> {
        for Counts { warehouse, allocated, held, sold, reserve } in &self.warehouses {
            if *reserve < 0 {
                return Err(format!("the reserve of warehouse {warehouse:?} is below zero"));
            }
            if *allocated < 0 || *held < 0 || *sold < 0 {
                return Err(format!("units of warehouse {warehouse:?} are below zero"));
            }
            if held + sold > *allocated {
                let over = held + sold - allocated;
                return Err(format!(
                    "oversold: warehouse {warehouse:?} has {allocated} units allocated, but {held} \
                     are held and {sold} sold, {over} too many"
                ));
            }
        }
        Ok(())
    }
}
