//! What orders wait for, asked of those who decide it: the limit of their buyer over the sale, then
//! their coupon. The caller that placed an order and the process manager that looks after it come to
//! the same desk, so both do the same.
//!
//! ```text
//!  item: OrderPlaced{awaits} ──> desk ──Take────> limit: QuotaTaken
//!                                 │ <────────────── granted, or denied: then the coupon is not asked
//!                                 ├──SettleAwait──> item: LimitGranted, or OrderCancelled
//!                                 ├──Redeem───────> batch: CouponRedeemed
//!                                 │ <────────────── granted or denied
//!                                 ├──SettleAwait──> item: CouponApplied, or CouponDenied and OrderCancelled
//!                                 ├──Return──────> batch: CouponReturned, where the order does not have it
//!                                 └──GiveBack────> limit: QuotaReturned, likewise
//! ```
//!
//! Each aggregate gives a repeated question its first answer, so a settlement that broke off is repeated
//! from its beginning, on any node.

use std::{fmt::Debug, sync::Arc};

use tokio::{sync::Semaphore, task::JoinHandle};

use super::{Answer, Directory, Fault, failpoint};
use crate::{
    domain::{
        coupon::{CouponBatch, CouponCommand, CouponOutcome, RedeemCoupon, ReturnCoupon},
        item::{AwaitVerdict, Item, ItemCommand, ItemOutcome, OrderState, OrderView, SettleAwait},
        quota::{GiveBack, Quota, QuotaCommand, QuotaOutcome, QuotaRefusal, TakeUnits},
    },
    events::{Await, CouponAsked, ReturnCause},
    values::{BatchId, ItemId, OrderId, SaleId},
};

/// Orders settled at once for callers. Those beyond are left to the process manager.
const SETTLED_AT_ONCE: usize = 4096;

/// The last answer of an item about an order that waited; `None` where the order waited for nothing.
pub type Settled = Result<Option<Answer<ItemOutcome>>, Fault>;

/// Settles what orders wait for.
#[derive(Clone)]
pub struct AwaitDesk {
    items: Arc<Directory<Item>>,
    coupons: Arc<Directory<CouponBatch>>,
    quotas: Arc<Directory<Quota>>,
    places: Arc<Semaphore>,
}

impl AwaitDesk {
    /// A desk that asks these.
    pub fn new(
        items: Arc<Directory<Item>>,
        coupons: Arc<Directory<CouponBatch>>,
        quotas: Arc<Directory<Quota>>,
    ) -> Self {
        Self { items, coupons, quotas, places: Arc::new(Semaphore::new(SETTLED_AT_ONCE)) }
    }

    /// Settles an order in the background, whatever becomes of its caller. `None` where it waits for
    /// nothing, or where so many are being settled that the process manager has to do it.
    pub fn start(&self, item: ItemId, order: &OrderView) -> Option<JoinHandle<Settled>> {
        if !waits(order) {
            return None;
        }
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let (desk, order) = (self.clone(), order.clone());
        Some(tokio::spawn(async move {
            let settled = desk.settle(item, order).await;
            drop(place);
            settled
        }))
    }

    /// Does everything that is open about an order: settles what it waits for, or gives back
    /// what it does not have.
    ///
    /// # Errors
    /// When an aggregate could not be asked.
    pub async fn look_after(&self, item: ItemId, order_id: OrderId) -> Result<(), Fault> {
        let Some(order) = self.show(item, order_id).await? else { return Ok(()) };
        if waits(&order) {
            self.settle(item, order).await.map(drop)
        } else {
            self.give_back(&order).await
        }
    }

    async fn settle(&self, item: ItemId, mut order: OrderView) -> Settled {
        let mut last = None;
        while let Some(next) = order.awaiting.first().filter(|_| waits(&order)) {
            let verdict = match next {
                Await::SaleLimit => self.take(item, &order).await?,
                Await::Coupon => self.redeem(item, &order).await?,
            };
            let order_id = order.order_id;
            let settle = ItemCommand::SettleAwait(SettleAwait { order_id, verdict });
            let said = self.items.ask(item.0, settle, None).await?;
            let granted = matches!(verdict, AwaitVerdict::CouponGranted { .. });
            match &said.outcome {
                ItemOutcome::Order(settled) if !granted || settled.coupon.is_some() => {
                    order = settled.clone();
                    last = Some(said);
                }
                // It ended meanwhile, or costs more than it may, or stands without its coupon.
                ItemOutcome::Order(_) | ItemOutcome::Refused { .. } => {
                    if let Some(order) = self.show(item, order_id).await? {
                        self.give_back(&order).await?;
                    }
                    return Ok(Some(said));
                }
                other => return Err(no_answer("an order", other)),
            }
        }
        Ok(last)
    }

    /// Gives back at once what an order that ended, or lost some of its units, had taken elsewhere. What
    /// fails is done by the process manager.
    pub async fn released(&self, order: &OrderView) {
        if let Err(fault) = self.give_back(order).await {
            tracing::debug!(%fault, order = %order.order_id, "is given back later");
        }
    }

    /// What the limit over the sale says.
    async fn take(&self, item: ItemId, order: &OrderView) -> Result<AwaitVerdict, Fault> {
        let Some(limit) = &order.sale_limit else {
            let why = "an order waits for a limit that its sale does not have";
            return Err(Fault::Unreadable(why.into()));
        };
        let order_id = order.order_id;
        let take = TakeUnits::of((order_id, item), order.buyer.clone(), order.units, limit);
        let said = self.quotas.ask(limit.sale_id.0, take, None).await?;
        failpoint::passed("quota_taken").await;
        match said.outcome {
            QuotaOutcome::Taken { .. } => Ok(AwaitVerdict::LimitGranted),
            QuotaOutcome::Refused(QuotaRefusal::OverSaleLimit) => Ok(AwaitVerdict::LimitDenied),
            other => Err(no_answer("the limit over a sale", &other)),
        }
    }

    /// What the batch says.
    async fn redeem(&self, item_id: ItemId, order: &OrderView) -> Result<AwaitVerdict, Fault> {
        let Some(asked) = &order.asked else {
            return Err(Fault::Unreadable(
                "an order waits for a coupon that it did not ask for".into(),
            ));
        };
        failpoint::passed("order_placed").await;
        let CouponAsked { batch_id, named, .. } = asked.as_ref();
        let redeem = CouponCommand::Redeem(Box::new(RedeemCoupon {
            order_id: order.order_id,
            sale_id: order.sale_id,
            item_id,
            buyer: order.buyer.clone(),
            base_minor: order.total_minor,
            coupon: named.clone(),
            placed_at: order.placed_at,
        }));
        let said = self.coupons.ask(batch_id.0, redeem, None).await?;
        failpoint::passed("coupon_redeemed").await;
        match said.outcome {
            CouponOutcome::Redeemed(got) => Ok(AwaitVerdict::CouponGranted {
                coupon_id: got.coupon_id,
                discount_minor: got.discount_minor,
            }),
            CouponOutcome::Refused(reason) => Ok(AwaitVerdict::CouponDenied(reason)),
            // The sale planned the batch, and tells it soon.
            CouponOutcome::Misdirected(why) => Err(Fault::StoreUnavailable(why.to_string())),
            other => Err(no_answer("a batch of coupons", &other)),
        }
    }

    /// Gives back what an order may have taken and does not have: units of the limit over its sale, and
    /// its coupon. They know whether it did.
    async fn give_back(&self, order: &OrderView) -> Result<(), Fault> {
        if let Some((sale, back)) = units_to_return(order) {
            self.quotas.ask(sale.0, QuotaCommand::GiveBack(back), None).await?;
        }
        let Some((batch, cause)) = coupon_to_return(order) else { return Ok(()) };
        let back = CouponCommand::Return(ReturnCoupon { order_id: order.order_id, cause });
        self.coupons.ask(batch.0, back, None).await.map(drop)
    }

    async fn show(&self, item: ItemId, order_id: OrderId) -> Result<Option<OrderView>, Fault> {
        let show = ItemCommand::ShowOrder { order_id, buyer: None };
        match self.items.ask(item.0, show, None).await?.outcome {
            ItemOutcome::Order(order) => Ok(Some(order)),
            ItemOutcome::Misdirected(_) => Ok(None),
            other => Err(no_answer("an item", &other)),
        }
    }
}

fn waits(order: &OrderView) -> bool {
    order.state == OrderState::Held && !order.awaiting.is_empty()
}

/// How many units an order has left, where it has fewer than it was placed with and comes under the
/// limit of its sale.
fn units_to_return(order: &OrderView) -> Option<(SaleId, GiveBack)> {
    let limit = order.sale_limit.as_ref()?;
    let units_left = match order.state {
        OrderState::Expired | OrderState::Cancelled => 0,
        OrderState::Held | OrderState::Paid | OrderState::Refunded => {
            order.units - order.refunded_units
        }
    };
    let back = GiveBack { order_id: order.order_id, units_left };
    (units_left < order.units).then_some((limit.sale_id, back))
}

/// The batch at which a coupon may be bound to an order that does not have it, and why it does not;
/// `None` where the order waits for it or has it.
fn coupon_to_return(order: &OrderView) -> Option<(BatchId, ReturnCause)> {
    let batch = order.asked.as_ref()?.batch_id;
    let cause = match order.state {
        OrderState::Expired => ReturnCause::OrderExpired,
        OrderState::Cancelled => ReturnCause::OrderCancelled,
        OrderState::Held if waits(order) => return None,
        OrderState::Refunded if order.coupon.is_some() => ReturnCause::OrderRefunded,
        OrderState::Held | OrderState::Paid if order.coupon.is_some() => return None,
        OrderState::Held | OrderState::Paid | OrderState::Refunded => ReturnCause::NotApplied,
    };
    Some((batch, cause))
}

/// Something was answered that is no answer to what was asked.
fn no_answer(who: &str, what: &impl Debug) -> Fault {
    Fault::Unreadable(format!("{who} answered with something else: {what:?}"))
}
