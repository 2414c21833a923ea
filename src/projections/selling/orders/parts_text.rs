//! Units by price as text, kept for the next order.

use crate::{events::OrderParts, projections::ApplyError};

/// Units by price, as a column holds them. Orders of one step follow each other, so the last text is often
/// the next one.
#[derive(Debug, Default)]
pub(super) struct PartsText {
    parts: OrderParts,
    text: String,
}

impl PartsText {
    pub(super) fn of(&mut self, parts: &OrderParts) -> Result<Option<&str>, ApplyError> {
        if parts.is_empty() {
            return Ok(None);
        }
        if self.parts != *parts {
            let text = serde_json::to_string(parts);
            self.text = text.map_err(|error| ApplyError::Impossible(error.to_string()))?;
            self.parts = parts.clone();
        }
        Ok(Some(&self.text))
    }
}
