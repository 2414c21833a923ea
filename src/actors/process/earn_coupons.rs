//! Buyers earn coupons: when what a buyer has paid in a sale, net of refunds, reaches the amount of a
//! reward, the buyer is granted a coupon of its batch; when refunds take it below, the coupon is revoked,
//! unless an order uses it: then when that order gives it back.
//!
//! What buyers paid is counted here, from the events of items alone, for sales that have rewards. The
//! checkpoint stays before such a sale until the last of its coupons cannot be used any more, so that a
//! start counts its payments from the first one on; then the sale is dropped.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    ask::Ask,
    contract::{Known, Process},
};
use crate::{
    domain::{
        coupon::{BatchAction, CouponCommand, GrantCoupon, SteerBatch},
        sale::SaleView,
    },
    events::{
        CouponEvent, CouponGrant, Event, GrantCause, ItemEvent, OWN_OPERATOR, OrderEvent, Position,
        Recorded, Reward, SaleCreated, SaleEvent,
    },
    values::{BatchId, CouponId, ItemId, OrderId, RequestId, SaleId, UnixMs},
};

/// Sales with rewards, and what their buyers paid.
#[derive(Debug, Default)]
pub struct EarnCoupons {
    sales: HashMap<SaleId, Sale>,
    /// Of the items of these sales.
    items: HashMap<ItemId, SaleId>,
    /// Of the batches of their rewards.
    batches: HashMap<BatchId, SaleId>,
}

#[derive(Debug)]
struct Sale {
    /// Where it was created.
    since: Position,
    /// When no coupon of its rewards can be used any more.
    ends_at: UnixMs,
    rewards: Vec<Reward>,
    numbers: HashMap<Arc<str>, usize>,
    buyers: Vec<Buyer>,
    /// The buyer of each order, by number.
    orders: HashMap<OrderId, usize>,
    /// Whose coupon it is, and of which reward.
    coupons: HashMap<CouponId, (usize, usize)>,
    /// Rewards of buyers, by their numbers, whose coupons are not what they should be.
    open: HashSet<(usize, usize)>,
}

#[derive(Debug)]
struct Buyer {
    name: Arc<str>,
    paid_minor: i64,
    /// What the batch of each reward knows.
    told: Vec<Told>,
}

/// How a batch stands to a buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Told {
    #[default]
    Nothing,
    Granted,
    /// An order uses it.
    Bound,
    /// For good: nothing is granted again.
    Revoked,
}

/// A coupon that is to be granted or revoked.
#[derive(Debug, Clone)]
pub struct Earned {
    sale: SaleId,
    reward: Reward,
    place: (usize, usize),
    buyer: Arc<str>,
    grant: bool,
}

impl Process for EarnCoupons {
    const NAME: &'static str = "earn-coupons";
    type Work = Earned;
    type Key = RequestId;

    fn key(work: &Earned) -> RequestId {
        work.request_id()
    }

    fn observe(&mut self, recorded: &Recorded, event: &Event) {
        if !self.sales.is_empty() {
            self.drop_ended(UnixMs(recorded.recorded_at_ms));
        }
        match event {
            Event::Sale(SaleEvent::Created(created)) if !created.rewards.is_empty() => {
                self.created(SaleId(recorded.stream.id), created, recorded.position);
            }
            Event::Item(ItemEvent::Order(event)) => {
                let item = recorded.stream.item_id();
                let sale = item.and_then(|item| self.items.get(&item));
                if let Some(sale) = sale.and_then(|sale| self.sales.get_mut(sale)) {
                    sale.order_says(event);
                }
            }
            Event::Coupon(event) => self.batch_says(BatchId(recorded.stream.id), event),
            Event::Sale(_)
            | Event::Item(ItemEvent::Offer(_) | ItemEvent::Stock(_))
            | Event::Quota(_)
            | Event::Demand(_)
            | Event::Fulfilment(_)
            | Event::Traffic(_)
            | Event::Alert(_)
            | Event::Incident(_)
            | Event::Script(_)
            | Event::Level(_)
            | Event::Log(_)
            | Event::Node(_) => {}
        }
    }

    fn due(&self, _: &Known<'_>) -> Vec<Earned> {
        self.sales.iter().flat_map(|(id, sale)| sale.open_of(*id)).collect()
    }

    fn decide(work: &Earned, _: Option<&SaleView>, _: UnixMs) -> Vec<Ask> {
        let Earned { reward, buyer, grant, .. } = work;
        let request_id = work.request_id();
        let operator = OWN_OPERATOR.to_owned();
        let spend = reward.spend_minor;
        let command = if *grant {
            let reason = format!("paid {spend} minor units in the sale");
            let grant = CouponGrant { cause: GrantCause::Earned, operator, reason };
            CouponCommand::Grant(GrantCoupon { request_id, buyer: buyer.to_string(), grant })
        } else {
            CouponCommand::Steer(SteerBatch {
                request_id: RequestId(Uuid::new_v5(&request_id.0, b"revoke")),
                operator,
                reason: format!("refunds left less than {spend} minor units paid in the sale"),
                action: BatchAction::Revoke(work.coupon_id()),
            })
        };
        vec![Ask::Coupon(reward.batch_id, command)]
    }

    fn done(&mut self, work: &Earned) {
        let told = if work.grant { Told::Granted } else { Told::Revoked };
        // A coupon that an order uses by now is not revoked.
        if let Some(sale) = self.sales.get_mut(&work.sale)
            && sale.told(work.place) != Told::Bound
        {
            sale.knows(work.place, told);
        }
    }

    fn oldest(&self) -> Option<Position> {
        self.sales.values().map(|sale| sale.since).min()
    }
}

impl Earned {
    fn request_id(&self) -> RequestId {
        self.sale.earned_request(self.reward.batch_id, &self.buyer)
    }

    fn coupon_id(&self) -> CouponId {
        self.reward.batch_id.coupon_id(self.request_id())
    }
}

impl EarnCoupons {
    fn created(&mut self, id: SaleId, created: &SaleCreated, since: Position) {
        let SaleCreated { items, rewards, coupons, .. } = created;
        let of_rewards = coupons
            .iter()
            .filter(|plan| rewards.iter().any(|reward| reward.batch_id == plan.batch_id));
        let ends_at = of_rewards.map(|plan| plan.terms.until_ms).max();
        self.items.extend(items.iter().map(|item| (item.item_id, id)));
        self.batches.extend(rewards.iter().map(|reward| (reward.batch_id, id)));
        let sale = Sale {
            since,
            ends_at: ends_at.unwrap_or(created.closes_at_ms),
            rewards: rewards.clone(),
            numbers: HashMap::new(),
            buyers: Vec::new(),
            orders: HashMap::new(),
            coupons: HashMap::new(),
            open: HashSet::new(),
        };
        self.sales.insert(id, sale);
    }

    /// What happens to the coupons of rewards, by this process or by others.
    fn batch_says(&mut self, batch: BatchId, event: &CouponEvent) {
        let Some(id) = self.batches.get(&batch) else { return };
        let Some(sale) = self.sales.get_mut(id) else { return };
        match event {
            CouponEvent::Claimed(claimed) => {
                let made = id.earned_request(batch, &claimed.buyer);
                if claimed.request_id == made
                    && let Some(place) = sale.place(batch, &claimed.buyer)
                {
                    sale.coupons.insert(claimed.coupon_id, place);
                    sale.knows(place, Told::Granted);
                }
            }
            CouponEvent::Revoked(revoked) => sale.coupon_is(revoked.coupon_id, Told::Revoked),
            CouponEvent::Redeemed(redeemed) => sale.coupon_is(redeemed.coupon_id, Told::Bound),
            CouponEvent::Returned(returned) => sale.coupon_is(returned.coupon_id, Told::Granted),
            CouponEvent::BatchCreated(_)
            | CouponEvent::BudgetRaised(_)
            | CouponEvent::BatchClosed(_) => {}
        }
    }

    /// Drops sales whose coupons are worth nothing any more.
    fn drop_ended(&mut self, now: UnixMs) {
        let ended = |sale: &Sale| sale.ends_at <= now;
        if !self.sales.values().any(ended) {
            return;
        }
        self.sales.retain(|_, sale| !ended(sale));
        self.items.retain(|_, sale| self.sales.contains_key(sale));
        self.batches.retain(|_, sale| self.sales.contains_key(sale));
    }
}

impl Sale {
    fn order_says(&mut self, event: &OrderEvent) {
        let minor = match event {
            OrderEvent::Placed(placed) => {
                let buyer = self.number(&placed.buyer);
                self.orders.insert(placed.order_id, buyer);
                return;
            }
            OrderEvent::Paid(paid) => paid.amount_minor,
            OrderEvent::Refunded(refunded) => 0_i64.saturating_sub(refunded.amount_minor),
            OrderEvent::Cancelled(cancelled) => {
                self.orders.remove(&cancelled.order_id);
                return;
            }
            OrderEvent::LimitGranted(_)
            | OrderEvent::CouponApplied(_)
            | OrderEvent::CouponDenied(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::HoldExtended(_)
            // A late payment may bring it back.
            | OrderEvent::Expired(_)
            | OrderEvent::Reinstated(_)
            | OrderEvent::RefundDue(_)
            | OrderEvent::RefundSettled(_) => return,
        };
        let Some(&buyer) = self.orders.get(&event.order_id()) else { return };
        let of = &mut self.buyers[buyer];
        of.paid_minor = of.paid_minor.saturating_add(minor);
        (0..self.rewards.len()).for_each(|reward| self.judge((buyer, reward)));
    }

    fn number(&mut self, buyer: &str) -> usize {
        if let Some(number) = self.numbers.get(buyer) {
            return *number;
        }
        let (number, name) = (self.buyers.len(), Arc::<str>::from(buyer));
        self.numbers.insert(Arc::clone(&name), number);
        let told = vec![Told::default(); self.rewards.len()];
        self.buyers.push(Buyer { name, paid_minor: 0, told });
        number
    }

    fn place(&self, batch: BatchId, buyer: &str) -> Option<(usize, usize)> {
        let reward = self.rewards.iter().position(|reward| reward.batch_id == batch)?;
        Some((*self.numbers.get(buyer)?, reward))
    }

    fn told(&self, (buyer, reward): (usize, usize)) -> Told {
        self.buyers[buyer].told[reward]
    }

    /// Something happened to a coupon; nothing where it is none of a reward.
    fn coupon_is(&mut self, coupon: CouponId, told: Told) {
        if let Some(&place) = self.coupons.get(&coupon) {
            self.knows(place, told);
        }
    }

    fn knows(&mut self, place: (usize, usize), told: Told) {
        self.buyers[place.0].told[place.1] = told;
        self.judge(place);
    }

    /// Notes whether a coupon is to be granted or revoked.
    fn judge(&mut self, place: (usize, usize)) {
        match self.wants(place) {
            Some(_) => self.open.insert(place),
            None => self.open.remove(&place),
        };
    }

    /// Whether a coupon is to be granted (`true`) or revoked; `None` where nothing is to be done.
    fn wants(&self, (buyer, reward): (usize, usize)) -> Option<bool> {
        let Buyer { paid_minor, told, .. } = &self.buyers[buyer];
        let earned = *paid_minor >= self.rewards[reward].spend_minor;
        match told[reward] {
            Told::Nothing => earned.then_some(true),
            Told::Granted => (!earned).then_some(false),
            Told::Bound | Told::Revoked => None,
        }
    }

    fn open_of(&self, sale: SaleId) -> impl Iterator<Item = Earned> {
        self.open.iter().filter_map(move |&place| {
            let (buyer, reward) = (Arc::clone(&self.buyers[place.0].name), self.rewards[place.1]);
            Some(Earned { sale, reward, place, buyer, grant: self.wants(place)? })
        })
    }
}
