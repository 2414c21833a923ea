//! The bounds of a shop's references of an order.

use crate::{
    events::{Labels, OrderReferences},
    values::{Invalid, bounded_text, looks},
};

/// Longest id of an order at its shop, and name and value of a label, in characters.
pub const SHOP_REFERENCE_CHARS_MAX: usize = 64;

/// Most labels of an order.
pub const LABELS_MAX: usize = 10;

/// References as a shop gave them, checked. An id that is empty is none.
///
/// # Errors
/// When a text is too long or holds what no name may, when there are too many labels, or when two have
/// names of the same looks.
pub fn checked(
    shop_order_id: String,
    given: Vec<(String, String)>,
) -> Result<OrderReferences, Invalid> {
    if !shop_order_id.is_empty() {
        bounded_text("shop_order_id", &shop_order_id, SHOP_REFERENCE_CHARS_MAX)?;
    }
    if given.len() > LABELS_MAX {
        let problem = format!("must have at most {LABELS_MAX} labels, not {}", given.len());
        return Err(Invalid::new("labels", problem));
    }
    for (index, (name, value)) in given.iter().enumerate() {
        let field = |of: &str| format!("labels[{index}].{of}");
        bounded_text(&field("name"), name, SHOP_REFERENCE_CHARS_MAX)?;
        bounded_text(&field("value"), value, SHOP_REFERENCE_CHARS_MAX)?;
        let seen = looks(name);
        if let Some(first) = given[..index].iter().position(|(earlier, _)| looks(earlier) == seen) {
            let problem = format!("looks like labels[{first}].name: a label has one value");
            return Err(Invalid::new(field("name"), problem));
        }
    }
    Ok(OrderReferences { shop_order_id, labels: Labels::from_iter(given) })
}
