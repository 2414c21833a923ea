//! The coupon that a request names: its batch is looked up in the sale of the item, which never changes.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    actors::{Answer, Directory, Sales},
    domain::{
        Misdirected,
        item::{Item, ItemCommand, ItemOutcome, PlaceOrder, Refusal},
        sale::SaleOutcome,
    },
    events::{CouponAsked, CouponNamed, CouponPlan, CouponReason},
    grpc::{
        convert::{self, coupons::Wish},
        proto,
        selling::purchase::Outcome,
        status::CallError,
    },
    values::{BatchId, ItemId, SaleId},
};

/// The batches of coupons of each item that orders with coupons were placed for.
pub(super) struct Batches {
    items: Arc<Directory<Item>>,
    sales: Sales,
    known: RwLock<HashMap<ItemId, Arc<[Batch]>>>,
}

/// What an order has to know of a batch.
struct Batch {
    id: BatchId,
    name: String,
    code: Option<String>,
    with_offers: bool,
}

impl From<CouponPlan> for Batch {
    fn from(CouponPlan { batch_id: id, terms }: CouponPlan) -> Self {
        let (name, code, with_offers) = (terms.name, terms.code, terms.with_offers);
        Self { id, name, code, with_offers }
    }
}

/// Why no order is placed.
pub(super) enum NotPlaced {
    /// It is answered so.
    Refused(Box<proto::PlaceOrderResponse>),
    Failed(CallError),
}

impl<E: Into<CallError>> From<E> for NotPlaced {
    fn from(failure: E) -> Self {
        Self::Failed(failure.into())
    }
}

impl Batches {
    pub(super) fn new(items: Arc<Directory<Item>>, sales: Sales) -> Self {
        Self { items, sales, known: RwLock::default() }
    }

    /// The order with the coupon that it wishes for.
    pub(super) async fn asked_for(
        &self,
        item: ItemId,
        order: PlaceOrder,
        wish: Wish,
    ) -> Result<PlaceOrder, NotPlaced> {
        let Wish { mut more, batch, named, if_denied } = wish;
        let batches = self.of(item).await?;
        let found = match (batch.as_str(), &named) {
            ("", CouponNamed::Code(code)) => {
                batches.iter().find(|of| of.code.as_ref() == Some(code))
            }
            (batch, _) => {
                let id = BatchId::parse("coupon.batch", batch).ok();
                let found = batches.iter().find(|of| Some(of.id) == id || of.name == batch);
                Some(found.ok_or(Misdirected::not_found("coupon.batch"))?)
            }
        };
        let Some(batch) = found else { return Err(self.no_such_code(item).await?) };
        more.coupon = Some(CouponAsked {
            batch_id: batch.id,
            named,
            if_denied,
            skip_offers: !batch.with_offers,
            max_total_minor: None,
        });
        Ok(order.with(more))
    }

    async fn of(&self, item: ItemId) -> Result<Arc<[Batch]>, CallError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&item).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let sale = self.sale_of(item).await?.outcome;
        let planned = match self.sales.show(sale).await?.outcome {
            SaleOutcome::Sale(view) => view.plan.coupons,
            SaleOutcome::Misdirected(why) => return Err(why.into()),
            SaleOutcome::Refused(why) => {
                return Err(CallError::internal("a question was refused", &why));
            }
        };
        let batches: Arc<[Batch]> = planned.into_iter().map(Batch::from).collect();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(known.entry(item).or_insert(batches)))
    }

    /// The sale of an item, as the item answers.
    async fn sale_of(&self, item: ItemId) -> Result<Answer<SaleId>, CallError> {
        let Answer { outcome, revision, position } =
            self.items.ask(item.0, ItemCommand::Show, None).await?;
        match outcome {
            ItemOutcome::Item(view) => Ok(Answer { outcome: view.sale_id, revision, position }),
            ItemOutcome::Misdirected(why) => Err(why.into()),
            other => Err(CallError::internal(
                "an item answered with something else",
                &format!("{other:?}"),
            )),
        }
    }

    /// A code that no batch of the sale has is a word of the buyer's, not a fault of the shop's.
    async fn no_such_code(&self, item: ItemId) -> Result<NotPlaced, CallError> {
        let Answer { revision, position, .. } = self.sale_of(item).await?;
        let (refusal, reason) = (Refusal::CouponRefused, CouponReason::Unknown);
        let outcome = Err(convert::refusal(refusal, None, None, Some(reason)));
        let outcome = Outcome { outcome, revision, position: position.0 };
        Ok(NotPlaced::Refused(Box::new(outcome.into())))
    }
}
