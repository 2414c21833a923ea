//! The bounds of creation, also enforced by steering: the warehouses of an item, their number, and
//! the value of its units.
//!
//! An item knows only itself, so each item is limited to the value allowed for a whole sale at
//! creation. Sums over the items of a sale can exceed it; they stay at the largest number and are
//! marked in displays.

use super::stock::Stock;
use crate::{
    domain::sale::{NAME_CHARS_MAX, WAREHOUSES_PER_ITEM_MAX, WORTH_MINOR_MAX},
    events::ItemAdded,
    values::{Invalid, bounded_text, looks},
};

/// Most names of warehouses in one message.
const LISTED_MAX: usize = 10;

/// Steering names a warehouse of the item, or says that it is a new one.
pub(super) fn warehouse(stock: &Stock, name: &str, new: bool) -> Result<(), Invalid> {
    if stock.index(name).is_some() {
        return Ok(());
    }
    let named = stock.warehouses();
    if !new {
        let problem = format!(
            "is {name:?}, and the item has no such warehouse: it has {}. A new one is named with \
             new_warehouse",
            listed(stock)
        );
        return Err(Invalid::new("warehouse", problem));
    }
    bounded_text("warehouse", name, NAME_CHARS_MAX)?;
    let seen = looks(name);
    if let Some(earlier) = named.iter().find(|at| looks(&at.warehouse) == seen) {
        let earlier = &earlier.warehouse;
        let problem =
            format!("is {name:?}, which looks like {earlier:?}: under NFKC both are the same");
        return Err(Invalid::new("warehouse", problem));
    }
    if named.len() >= WAREHOUSES_PER_ITEM_MAX {
        let problem = format!(
            "is {name:?}, and the item has {} warehouses already: at most {WAREHOUSES_PER_ITEM_MAX}",
            named.len()
        );
        return Err(Invalid::new("warehouse", problem));
    }
    Ok(())
}

/// So many units more, on offer or in reserve, are not worth more than a sale may be. To take some
/// away is never refused.
pub(super) fn worth(stock: &Stock, offer: &ItemAdded, more: i64) -> Result<(), Invalid> {
    let total = stock.total();
    let units = i128::from(total.allocated) + i128::from(total.reserve) + i128::from(more);
    let worth = units * i128::from(offer.unit_price_minor);
    if more <= 0 || worth <= i128::from(WORTH_MINOR_MAX) {
        return Ok(());
    }
    let problem = format!(
        "makes all units of the item together worth {worth} minor units, more than {WORTH_MINOR_MAX}"
    );
    Err(Invalid::new("units", problem))
}

fn listed(stock: &Stock) -> String {
    let named = stock.warehouses();
    let names: Vec<_> =
        named.iter().take(LISTED_MAX).map(|at| format!("{:?}", at.warehouse)).collect();
    let more = match named.len().saturating_sub(LISTED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", names.join(", "))
}
