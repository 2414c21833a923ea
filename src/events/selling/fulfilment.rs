//! Exports of paid orders, by which warehouses learn what to ship.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    events::{Act, stored::stored_alone},
    values::UnixMs,
};

/// Paid orders of a sale were handed on, each in one export only.
///
/// Payments (`OrderPaid`) and refunds (`OrderRefunded`) of a sale are counted from 1 in the order of
/// the log: positions differ between stores, and these numbers do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersExported {
    /// Number of the last payment or refund in the export before; 0 for the first export.
    pub after: i64,
    /// Number of the last one in this export.
    pub upto: i64,
    /// Orders that were paid in between.
    pub orders: i64,
    /// SHA-256 of the export as CSV, in hexadecimal.
    pub sha256: String,
    pub act: Act,
    pub exported_at_ms: UnixMs,
}

stored_alone!(OrdersExported => "OrdersExported");

impl OrdersExported {
    /// What the operator did, by name.
    pub fn change(&self) -> Value {
        let Self { after, upto, orders, sha256, .. } = self;
        json!({ "after": after, "upto": upto, "orders": orders, "sha256": sha256 })
    }
}
