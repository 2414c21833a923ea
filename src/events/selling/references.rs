//! What a shop calls an order, and finds it by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Values by name. A sequence is not kept: the same labels are the same.
pub type Labels = BTreeMap<String, String>;

/// The shop's own references of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderReferences {
    /// Empty where the shop gave none. Orders may share one.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub shop_order_id: String,
    #[serde(skip_serializing_if = "Labels::is_empty", default)]
    pub labels: Labels,
}

impl OrderReferences {
    /// Whether the shop gave none.
    pub fn is_empty(&self) -> bool {
        let Self { shop_order_id, labels } = self;
        shop_order_id.is_empty() && labels.is_empty()
    }

    /// The labels on one line. Digests of exports rest on this form: it never changes.
    pub fn label_text(&self) -> String {
        let each = self.labels.iter().map(|(name, value)| format!("{name}={value}"));
        each.collect::<Vec<_>>().join("; ")
    }
}
