//! Coupons and the orders that have them: an item and a batch tell one story in two streams, and each
//! has to say what the other one said before it.

use std::collections::HashMap;

use uuid::Uuid;

use super::bodies::ReturnCause;

/// What an item says of the coupon of an order.
pub(super) enum ItemNews {
    /// The order asks for one, at that total, by that time.
    Asks { order: Uuid, batch: Uuid, buyer: String, total: i128, placed_at_ms: i64 },
    /// The order has it.
    Has { order: Uuid, batch: Uuid, coupon: Uuid, discount: i64 },
    /// The order ended unpaid, or all of it was refunded.
    Ended { order: Uuid, refunded: bool },
}

/// What a batch says.
pub(super) enum BatchNews {
    /// A coupon of that buyer is bound to an order.
    Bound {
        order: Uuid,
        item: Uuid,
        buyer: String,
        coupon: Uuid,
        amounts: [i64; 2],
        placed_at_ms: i64,
    },
    /// It is free again.
    Returned { order: Uuid, cause: ReturnCause, after_refund: bool },
}

/// The orders that ask for coupons.
#[derive(Default)]
pub(super) struct OrderCoupons(HashMap<Uuid, Story>);

struct Story {
    item: Uuid,
    sale: Uuid,
    batch: Uuid,
    buyer: String,
    total: i128,
    placed_at_ms: i64,
    /// The coupon that is or was bound to it, and what it takes off.
    bound: Option<(Uuid, i64)>,
    returned: bool,
    has: bool,
    /// Whether it was refunded, where it ended.
    ended: Option<bool>,
}

type Say<'a> = &'a mut dyn FnMut(String);

impl OrderCoupons {
    /// Hears of an item of a sale.
    pub(super) fn item_says(&mut self, (sale, item): (Uuid, Uuid), news: ItemNews, say: Say<'_>) {
        match news {
            ItemNews::Asks { order, batch, buyer, total, placed_at_ms } => {
                let (bound, returned, has, ended) = (None, false, false, None);
                let story = Story {
                    item,
                    sale,
                    batch,
                    buyer,
                    total,
                    placed_at_ms,
                    bound,
                    returned,
                    has,
                    ended,
                };
                self.0.insert(order, story);
            }
            ItemNews::Has { order, batch, coupon, discount } => {
                let Some(story) = self.0.get_mut(&order) else { return };
                story.has = true;
                if story.bound != Some((coupon, discount)) || story.batch != batch {
                    say(format!("order {order} has a coupon that is not bound to it"));
                }
                if story.returned {
                    say(format!("order {order} has a coupon that was returned before"));
                }
            }
            ItemNews::Ended { order, refunded } => {
                if let Some(story) = self.0.get_mut(&order) {
                    story.ended = Some(refunded);
                }
            }
        }
    }

    /// Hears of a batch of a sale.
    pub(super) fn batch_says(
        &mut self,
        (sale, batch): (Uuid, Uuid),
        news: BatchNews,
        say: Say<'_>,
    ) {
        match news {
            BatchNews::Bound {
                order,
                item,
                buyer,
                coupon,
                amounts: [base, discount],
                placed_at_ms,
            } => {
                let Some(story) = self.0.get_mut(&order).filter(|story| story.batch == batch)
                else {
                    return say(format!("order {order} did not ask this batch for a coupon"));
                };
                story.bound = Some((coupon, discount));
                if story.item != item || story.sale != sale {
                    say(format!(
                        "order {order} is not one of item {item} in the sale of the batch"
                    ));
                }
                if story.buyer != buyer {
                    say(format!("order {order} redeems a coupon of another buyer"));
                }
                let (total, at_ms) = (story.total, story.placed_at_ms);
                if total != i128::from(base) || at_ms != placed_at_ms {
                    say(format!(
                        "order {order}: expected a total of {total} at {at_ms}, found {base} at {placed_at_ms}"
                    ));
                }
            }
            BatchNews::Returned { order, cause, after_refund } => {
                let Some(story) = self.0.get_mut(&order) else { return };
                story.returned = true;
                let fits = match cause {
                    ReturnCause::OrderExpired | ReturnCause::OrderCancelled => {
                        story.ended == Some(false)
                    }
                    ReturnCause::OrderRefunded => {
                        story.has && after_refund && story.ended == Some(true)
                    }
                    ReturnCause::NotApplied => !story.has,
                };
                if !fits {
                    say(format!("order {order} returns its coupon for a cause that is not so"));
                }
            }
        }
    }
}
