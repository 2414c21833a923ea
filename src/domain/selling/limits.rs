//! Bounds of what operators write about sales, items and prices. Sums and products of numbers within
//! them do not overflow.

use crate::values::SKU_CHARS_MAX;

/// Most units that one allocation can put on offer, and that the steps of a ladder hold together.
pub const ALLOCATED_UNITS_MAX: i64 = 1_000_000_000;

/// Most that all units of a sale together can be worth, in minor units, so that no figure about it
/// overflows.
pub const WORTH_MINOR_MAX: i64 = 1_000_000_000_000_000_000;

/// Longest SKU, name of a warehouse, of an offer and of an operator, in characters.
pub const NAME_CHARS_MAX: usize = SKU_CHARS_MAX;

/// Longest id of a buyer, and reference of a payment or a transfer, in characters.
pub const REFERENCE_CHARS_MAX: usize = 128;

/// Most warehouses of one item: each is one event of the item's first append.
pub const WAREHOUSES_PER_ITEM_MAX: usize = 100;
