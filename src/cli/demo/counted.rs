//! What the log says of the sales of a demonstration, counted event by event and from nothing else.

use std::collections::{HashMap, HashSet};

use crate::{
    cli::source::OpenLog,
    crowd::{deals::COUPON_BATCH, figures::count, sale::PutUp},
    events::{
        Counts, CouponEvent, Event, ItemEvent, OWN_OPERATOR, OrderChange, OrderEvent, Position,
        StockEvent, StreamName, decode,
    },
    values::{ItemId, OrderId, SaleId},
};

/// Counts of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// What paid orders brought, less what was refunded of them.
    pub revenue_minor: u64,
    /// Units that reserve plans put on offer.
    pub reserve_released_units: u64,
    /// Units of paid orders that had been held before by an order that expired or was cancelled.
    pub orders_resold: u64,
    /// Payments that bought nothing, and units of paid orders that came back: money that is or was due.
    pub refunds_due: u64,
    pub refunds_settled: u64,
    /// Acts that took units back, those of them that left the buyer some, and the units and the money.
    pub refunds: u64,
    pub refunds_in_part: u64,
    pub units_refunded: u64,
    pub refunded_minor: u64,
    pub exports: u64,
    pub exported_orders: u64,
    /// Coupons that orders got, and what they took off.
    pub coupons_redeemed: u64,
    pub coupons_minor: u64,
}

/// Units of an item that are available, by what became of them before. Orders take those that no order
/// held before, then those that came back from paid orders, then those that came back unpaid.
#[derive(Debug, Default)]
struct Pool {
    /// Of each of the three kinds.
    there: [i64; 3],
    /// The units that an order holds or has.
    orders: HashMap<OrderId, [i64; 3]>,
}

/// Places in these lists.
const NEVER_HELD: usize = 0;
const REFUNDED: usize = 1;
const UNPAID: usize = 2;

impl Pool {
    fn take(&mut self, units: i64) -> [i64; 3] {
        let mut left = units;
        self.there.each_mut().map(|there| {
            let taken = left.min(*there).max(0);
            *there -= taken;
            left -= taken;
            taken
        })
    }

    /// What an event of an order does to it; returns the units that are sold again.
    fn follow(&mut self, event: &OrderEvent, revision: u64) -> i64 {
        let step = event.step(revision);
        match step.change {
            OrderChange::Placed | OrderChange::Reinstated => {
                let taken = self.take(step.units);
                self.orders.insert(step.order_id, taken);
                0
            }
            OrderChange::Paid => self.orders.get(&step.order_id).map_or(0, |units| units[UNPAID]),
            OrderChange::Cancelled | OrderChange::Expired => {
                self.there[UNPAID] += step.units;
                0
            }
            OrderChange::PartlyRefunded | OrderChange::Refunded => {
                self.there[REFUNDED] += Counts::added_by(event.moves()).available;
                0
            }
            OrderChange::Nothing => 0,
        }
    }
}

/// Reads the whole log and counts what became of these sales.
pub(super) fn counted(log: &OpenLog, sales: &PutUp) -> anyhow::Result<Counted> {
    let items: HashSet<ItemId> = sales
        .items
        .iter()
        .map(|item| ItemId::parse("item_id", &item.item_id))
        .collect::<Result<_, _>>()?;
    let mut of_sales = HashSet::new();
    for sale in &sales.sale_ids {
        let sale = SaleId::parse("sale_id", sale)?;
        of_sales.insert(StreamName::fulfilment(sale));
        of_sales.insert(StreamName::coupon(sale.batch_id(COUPON_BATCH)));
    }
    let mut found = Counted::default();
    let mut pools: HashMap<ItemId, Pool> = HashMap::new();
    let mut revenue_minor: i64 = 0;
    let mut after = Position::START;
    loop {
        let page = log.page(after)?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for recorded in &page {
            if of_sales.contains(&recorded.stream) {
                found.of_sale(&decode(recorded)?);
            }
            let Some(item) = recorded.stream.item_id().filter(|item| items.contains(item)) else {
                continue;
            };
            let Event::Item(event) = decode(recorded)? else { continue };
            let pool = pools.entry(item).or_default();
            match event {
                ItemEvent::Order(event) => {
                    revenue_minor += event.step(recorded.revision).revenue_minor;
                    found.orders_resold += count(pool.follow(&event, recorded.revision));
                    found.money(&event);
                }
                ItemEvent::Stock(event) => {
                    pool.there[NEVER_HELD] += Counts::added_by(event.moves()).available;
                    if let StockEvent::ReserveReleased(e) = &event
                        && e.act.operator == OWN_OPERATOR
                    {
                        found.reserve_released_units += count(e.units);
                    }
                }
                ItemEvent::Offer(_) => {}
            }
        }
    }
    found.revenue_minor = count(revenue_minor);
    Ok(found)
}

impl Counted {
    fn of_sale(&mut self, event: &Event) {
        match event {
            Event::Fulfilment(exported) => {
                self.exports += 1;
                self.exported_orders += count(exported.orders);
            }
            Event::Coupon(CouponEvent::Redeemed(redeemed)) => {
                self.coupons_redeemed += 1;
                self.coupons_minor += count(redeemed.discount_minor);
            }
            _ => {}
        }
    }

    fn money(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::RefundDue(_) => self.refunds_due += 1,
            OrderEvent::Refunded(e) => {
                self.refunds_due += 1;
                self.refunds += 1;
                self.refunds_in_part += u64::from(e.units_left > 0);
                self.units_refunded += count(e.units);
                self.refunded_minor += count(e.amount_minor);
            }
            OrderEvent::RefundSettled(_) => self.refunds_settled += 1,
            OrderEvent::Placed(_)
            | OrderEvent::LimitGranted(_)
            | OrderEvent::CouponApplied(_)
            | OrderEvent::CouponDenied(_)
            | OrderEvent::Paid(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::HoldExtended(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Reinstated(_) => {}
        }
    }
}
