//! What a shop calls its orders: judged for its form only, because nothing depends on it.

use super::Say;
use crate::bodies::OrderPlaced;

const CHARS_MAX: usize = 64;
const LABELS_MAX: usize = 10;

pub(super) fn check_references(placed: &OrderPlaced<'_>, say: Say<'_>) {
    if let Some(id) = placed.shop_order_id.as_deref().filter(|id| !is_reference(id)) {
        say(format!(
            "the shop's id of the order, {id:?}, does not have 1 to {CHARS_MAX} characters"
        ));
    }
    let Some(labels) = &placed.labels else { return };
    let labels = &labels.0;
    if labels.is_empty() || labels.len() > LABELS_MAX {
        say(format!("the order has {} labels instead of 1 to {LABELS_MAX}", labels.len()));
    }
    let unfit = labels.iter().find(|(name, value)| !is_reference(name) || !is_reference(value));
    if let Some((name, value)) = unfit {
        say(format!(
            "label {name:?} with {value:?} does not have 1 to {CHARS_MAX} characters each"
        ));
    }
    if let Some([first, second]) = labels.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        say(format!("label {:?} stands behind label {:?}", second.0, first.0));
    }
}

fn is_reference(text: &str) -> bool {
    (1..=CHARS_MAX).contains(&text.chars().count())
}
