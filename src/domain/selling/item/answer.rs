//! What an item answers, and the decisions that carry an answer.

use serde::{Deserialize, Serialize};

use super::{
    ItemView, OrderView, PlaceOrder, QuoteView, Refusal,
    orders::{Receipt, ReceiptKind},
    state::Item,
};
use crate::{
    domain::{AnswerFrom, Caused, Decided, Decision, Misdirected},
    events::{
        Attempt, AttemptOutcome, CouponReason, ItemAdded, ItemEvent, OrderState, RefundCause,
        WarehouseUnits,
    },
    values::{Fingerprint, RequestId, shopper_hash},
};

/// What an item answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemOutcome {
    Order(OrderView),
    Item(Box<ItemView>),
    Refused {
        refusal: Refusal,
        /// Units that were available; absent where the refusal is about an order, not about units.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        available: Option<i64>,
        /// What the order would cost, where that is the reason.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        quote: Option<Box<QuoteView>>,
        /// Why its coupon was refused, where that is the reason.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        coupon: Option<CouponReason>,
    },
    /// What an order would cost.
    Quote {
        quote: Box<QuoteView>,
        /// Units that were available.
        available: i64,
        /// Why it would be refused, whoever the buyer is.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        refusal: Option<Refusal>,
        /// Where its units would come from; empty where fewer are available.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        warehouses: Vec<WarehouseUnits>,
    },
    /// The command did not concern anything of this item.
    Misdirected(Misdirected),
}

/// Which part of an item an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemShown {
    Item,
    /// The order in this row, as the command that was just decided leaves it.
    Settled(u32),
    /// What the placing of the order in this row comes to.
    Placed(u32),
    /// The order in this row as it stands, with the deadline that is in force.
    Order(u32),
}

pub(super) fn refusal_of(cause: RefundCause) -> Refusal {
    match cause {
        RefundCause::OrderExpired => Refusal::OrderExpired,
        RefundCause::OrderCancelled => Refusal::OrderCancelled,
        RefundCause::AlreadyPaid => Refusal::AlreadyPaid,
    }
}

impl Item {
    pub(super) fn decided(
        &self,
        events: Vec<Caused<ItemEvent>>,
        outcome: AnswerFrom<ItemOutcome, ItemShown>,
    ) -> Decided<Self> {
        let revision = match events.len() as u64 {
            0 => self.revision,
            count => self.next_revision + count - 1,
        };
        Decision { events, outcome, revision, position: None, attempt: None }
    }

    /// These events happen; the answer shows what they make of the item.
    pub(super) fn shown(&self, events: Vec<Caused<ItemEvent>>, what: ItemShown) -> Decided<Self> {
        self.decided(events, AnswerFrom::State(what))
    }

    /// Nothing happens.
    pub(super) fn told(&self, outcome: ItemOutcome) -> Decided<Self> {
        self.decided(Vec::new(), AnswerFrom::Decision(outcome))
    }

    pub(super) fn refusal(&self, refusal: Refusal) -> ItemOutcome {
        let available = (!refusal.is_of_order()).then(|| self.stock.total().available);
        ItemOutcome::Refused { refusal, available, quote: None, coupon: None }
    }

    pub(super) fn refused(&self, refusal: Refusal) -> Decided<Self> {
        self.told(self.refusal(refusal))
    }

    /// The same, with what the order would cost.
    pub(super) fn refused_with(
        &self,
        refusal: Refusal,
        quote: Option<Box<QuoteView>>,
    ) -> Decided<Self> {
        let available = Some(self.stock.total().available);
        self.told(ItemOutcome::Refused { refusal, available, quote, coupon: None })
    }

    pub(super) fn misdirected(&self, why: Misdirected) -> Decided<Self> {
        self.told(ItemOutcome::Misdirected(why))
    }

    pub(super) fn reused(&self, request: RequestId) -> Decided<Self> {
        self.misdirected(Misdirected::RequestIdReused(request))
    }

    /// The answer to a payment, cancellation or act on an order whose request id was seen before.
    pub(super) fn repeated(
        &self,
        offer: &ItemAdded,
        request: RequestId,
        fingerprint: Fingerprint,
    ) -> Option<Decided<Self>> {
        if let Some(receipt) = self.orders.receipt(request) {
            return Some(if receipt.fingerprint == fingerprint {
                self.first_answer(offer, receipt)
            } else {
                self.reused(request)
            });
        }
        let seen = self.acts.contains_key(&request)
            || self.orders.find(self.id.order_id(request)).is_some();
        seen.then(|| self.reused(request))
    }

    pub(super) fn first_answer(&self, offer: &ItemAdded, receipt: &Receipt) -> Decided<Self> {
        let outcome = match receipt.kind {
            ReceiptKind::Paid => {
                ItemOutcome::Order(self.order(offer, receipt.order, Some(OrderState::Paid)))
            }
            ReceiptKind::Cancelled => {
                ItemOutcome::Order(self.order(offer, receipt.order, Some(OrderState::Cancelled)))
            }
            ReceiptKind::RefundDue(cause) => self.refusal(refusal_of(cause)),
            ReceiptKind::AsItStands => ItemOutcome::Order(self.order(offer, receipt.order, None)),
        };
        let mut first = self.told(outcome);
        first.revision = receipt.revision;
        first.position = receipt.position();
        first
    }

    pub(super) fn attempt(&self, place: PlaceOrder, outcome: AttemptOutcome) -> Attempt {
        Attempt {
            buyer_hash: shopper_hash(&place.buyer),
            units: place.units,
            outcome,
            channel: place.channel,
        }
    }

    pub(super) fn warehouses(&self, order: u32) -> Vec<WarehouseUnits> {
        let named = self.stock.warehouses();
        self.orders.warehouses(order, |index| {
            named.get(usize::from(index)).map(|at| at.warehouse.clone()).unwrap_or_default()
        })
    }
}
