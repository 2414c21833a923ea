//! The explanation of a shopper's results in English sentences. Programs read the facts beside
//! them; the Chinese sentences are in the pages layer.

use super::{
    explain::{AttemptStory, Explanation, OrderStory, SENTENCES_MAX},
    sequence::Placement,
};
use crate::{domain::item::OrderState, events::AttemptOutcome, values::UnixMs};

impl Explanation {
    /// The story.
    pub fn sentences(&self) -> Vec<String> {
        let mut told = Vec::new();
        if self.attempts.is_empty() {
            told.push(format!(
                "No attempt of a shopper with this id's hash on {} is recorded.",
                self.title
            ));
            told.push(
                "Attempts are written once their second is over; a crash can lose those of the \
                 second that was running. Orders are never lost."
                    .to_owned(),
            );
        }
        told.extend(self.attempts.iter().take(SENTENCES_MAX).map(AttemptStory::sentence));
        let more = self.attempts_in_total - self.attempts.len().min(SENTENCES_MAX) as i64;
        if more > 0 {
            told.push(format!("{more} more attempts followed."));
        }
        told.extend(self.orders.iter().take(SENTENCES_MAX).map(OrderStory::sentence));
        told.push(match (self.first_sold_out_at, self.last_sold_out_at) {
            (Some(first), Some(last)) if first != last => format!(
                "The item was sold out for the first time at {first} and most recently at {last}: \
                 units that came back from holds were sold in between."
            ),
            (Some(first), _) => format!("The item was sold out at {first}."),
            (None, _) => "The item was never sold out.".to_owned(),
        });
        if self.orders_without_attempt > 0 {
            told.push(format!(
                "{} orders are in the log whose attempts are in no demand tick, so some attempts \
                 are not counted here.",
                self.orders_without_attempt
            ));
        }
        told
    }
}

impl AttemptStory {
    fn sentence(&self) -> String {
        let Self { at, units, attempts_before, attempts_before_in_second, .. } = self;
        format!(
            "At {at}, after {attempts_before} other attempts ({attempts_before_in_second} of them in \
             the same second), an attempt for {}: {} Units then: {} available, {} on hold. {}",
            counted(*units),
            self.came_to(),
            self.available,
            self.held,
            self.place(),
        )
    }

    fn came_to(&self) -> &'static str {
        match self.outcome {
            AttemptOutcome::Placed => "an order was placed.",
            AttemptOutcome::Repeated => "it was an earlier request again, with its first answer.",
            AttemptOutcome::SoldOut => "refused, no unit was available.",
            AttemptOutcome::NotEnoughUnits => "refused, fewer units were available.",
            AttemptOutcome::NotOpenYet => "refused, the item was not open yet.",
            AttemptOutcome::Closed => "refused, the item was closed.",
            AttemptOutcome::Paused => "refused, the item was paused.",
            AttemptOutcome::OverBuyerLimit => "refused, it was more than one buyer may have.",
            AttemptOutcome::OverOrderLimit => "refused, it was more than one order may have.",
            AttemptOutcome::NotEligible => "refused, the buyer was not in the audience.",
            AttemptOutcome::GiftGone => "refused, the gift was used up.",
            AttemptOutcome::PriceChanged => "refused, it would have cost more than it might.",
        }
    }

    fn place(&self) -> String {
        if let Some((order, revision)) = self.order {
            return format!("It became order {order}, revision {revision} of the item.");
        }
        let between = match (self.after_revision, self.before_revision) {
            (Some(after), Some(before)) => {
                format!("between revisions {after} and {before} of the item")
            }
            (Some(after), None) => format!("after revision {after}, the item's last"),
            (None, Some(before)) => format!("before revision {before} of the item"),
            (None, None) => "before anything else of the item".to_owned(),
        };
        let how = match self.placement {
            Placement::Certain => "its only place in the order of decisions",
            Placement::ByDecision => {
                "the first of several places in its millisecond with the same decision"
            }
            Placement::ByTime => "known by its time only",
        };
        format!("It was decided {between} ({how}).")
    }
}

impl OrderStory {
    fn sentence(&self) -> String {
        let Self { order_id, units, placed_at, pay_by, .. } = self;
        let at = |at: Option<UnixMs>| at.map_or("later".to_owned(), |at| format!("at {at}"));
        let fate = match self.state {
            OrderState::Held => format!("is on hold and can be paid until {pay_by}"),
            OrderState::Paid => format!("was paid {}", at(self.settled_at)),
            OrderState::Refunded => {
                format!("was paid {} and came back whole", at(self.settled_at))
            }
            OrderState::Cancelled => format!("was cancelled {}", at(self.settled_at)),
            OrderState::Expired => {
                format!("was not paid by {pay_by} and expired {}", at(self.settled_at))
            }
        };
        let late = if self.paid_too_late {
            " A payment arrived when the hold had ended; it is due back."
        } else {
            ""
        };
        let units = counted(*units);
        let why = self.price_sentence();
        let shop = self.references_sentence();
        format!("Order {order_id} for {units}, placed at {placed_at}, {fate}.{late}{why}{shop}")
    }

    /// What the shop calls it, where it gave references.
    fn references_sentence(&self) -> String {
        let Some(references) = &self.references else { return String::new() };
        let (id, labels) = (&references.shop_order_id, references.label_text());
        match (id.is_empty(), labels.is_empty()) {
            (false, true) => format!(" Its id at the shop is {id}."),
            (true, _) => format!(" Its labels are {labels}."),
            (false, false) => format!(" Its id at the shop is {id}, its labels are {labels}."),
        }
    }

    /// What it costs and why, where it is not units times one price.
    fn price_sentence(&self) -> String {
        if self.price.is_plain() {
            return String::new();
        }
        let total = self.currency.amount(self.price.total_minor);
        format!(" It costs {total}: {}", self.price.reason(self.units, self.currency))
    }
}

fn counted(units: i64) -> String {
    if units == 1 { "1 unit".to_owned() } else { format!("{units} units") }
}
