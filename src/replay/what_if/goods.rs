//! What paid orders cost: discounts, gifts, and units by step and price.

use std::collections::BTreeMap;

use super::super::bill::Bill;

/// Where a unit stands on the ladder. Steps come in their order, before the base price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// Index of the step that the unit counts on.
    Step(u8),
    /// After the last step, or without steps.
    Base,
}

impl Rung {
    /// Number of the step, from 1.
    pub fn step_number(self) -> Option<i32> {
        match self {
            Self::Step(index) => Some(i32::from(index) + 1),
            Self::Base => None,
        }
    }
}

/// Paid orders, as their prices came about; also those whose units came back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Goods {
    /// What offers and coupons took off, in minor units.
    pub discount_minor: i64,
    /// Units of gifts that went with them.
    pub gift_units: i64,
    /// Units by step and unit price in minor units.
    pub sold: BTreeMap<(Rung, i64), i64>,
}

impl Goods {
    /// Counts a paid order.
    pub(super) fn paid(&mut self, units: i64, total_minor: i64, bill: Option<&Bill>) {
        let discount_minor = bill.map_or(0, |bill| bill.discount_minor);
        self.discount_minor = self.discount_minor.saturating_add(discount_minor);
        self.gift_units = self.gift_units.saturating_add(bill.map_or(0, |bill| bill.gift_units));
        let parts = bill.map_or(&[][..], |bill| &bill.parts);
        for part in parts {
            self.sold_at(
                part.step.map_or(Rung::Base, Rung::Step),
                part.unit_price_minor,
                part.units,
            );
        }
        if parts.is_empty() {
            // Without a ladder every unit costs the same.
            let unit_price = total_minor.saturating_add(discount_minor).checked_div(units);
            self.sold_at(Rung::Base, unit_price.unwrap_or(0), units);
        }
    }

    fn sold_at(&mut self, rung: Rung, unit_price_minor: i64, units: i64) {
        let sold = self.sold.entry((rung, unit_price_minor)).or_default();
        *sold = sold.saturating_add(units);
    }

    /// Adds an item to a sale.
    pub(super) fn add(&mut self, item: &Self) {
        self.discount_minor = self.discount_minor.saturating_add(item.discount_minor);
        self.gift_units = self.gift_units.saturating_add(item.gift_units);
        for (&(rung, unit_price_minor), &units) in &item.sold {
            self.sold_at(rung, unit_price_minor, units);
        }
    }

    /// In what the first differs from the second, in words.
    pub(super) fn differences(&self, played: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |name: &str, a: i64, b: i64| {
            if a != b {
                found.push(format!("{name}: {a} recorded, {b} played"));
            }
        };
        compare("discount in minor units", self.discount_minor, played.discount_minor);
        compare("units of gifts given", self.gift_units, played.gift_units);
        let mut prices: Vec<(Rung, i64)> =
            self.sold.keys().chain(played.sold.keys()).copied().collect();
        prices.sort_unstable();
        prices.dedup();
        for price in prices {
            let units = |goods: &Self| goods.sold.get(&price).copied().unwrap_or(0);
            let name = match price.0 {
                Rung::Step(index) => {
                    format!("units sold at {} on step {}", price.1, u32::from(index) + 1)
                }
                Rung::Base => format!("units sold at {} after the last step", price.1),
            };
            compare(&name, units(self), units(played));
        }
        found
    }
}
