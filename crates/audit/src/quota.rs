//! The limit over a whole sale: no buyer ever has more units in held and paid orders of all its items,
//! and no order is granted its units that did not take them.
//!
//! Two streams tell of one order, so what items say is kept in [`Limited`], and the stream of the limit is
//! compared with it. In the order of the log an order is placed before it takes units, and takes them
//! before its item grants them.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    auditor::Event,
    bodies::{
        LimitGranted, OrderCancelled, OrderExpired, OrderPlaced, OrderRefunded, QuotaReturned,
        QuotaTaken,
    },
    item::ItemBook,
};

type Say<'a> = &'a mut dyn FnMut(String);

/// Orders that come under the limit of their sale, as their items tell of them.
#[derive(Default)]
pub(super) struct Limited(HashMap<Uuid, Order>);

struct Order {
    sale: Uuid,
    item: Uuid,
    buyer: String,
    units: i64,
    per_buyer: i64,
    /// Units that it has still.
    left: i64,
    taken: bool,
}

impl Limited {
    /// An event of an item that was judged by the item's own rules.
    pub(super) fn of_item(
        &mut self,
        item: &ItemBook,
        event: &Event<'_>,
        say: Say<'_>,
    ) -> Result<(), serde_json::Error> {
        let Some(per_buyer) = item.sale_limit() else { return Ok(()) };
        match event.kind {
            "OrderPlaced" => {
                let e: OrderPlaced<'_> = serde_json::from_slice(event.data)?;
                let (sale, item, buyer) = (item.sale(), item.id(), e.buyer.into_owned());
                let (units, left, taken) = (e.units, e.units, false);
                let order = Order { sale, item, buyer, units, per_buyer, left, taken };
                self.0.entry(e.order_id.0).or_insert(order);
            }
            "LimitGranted" => {
                let e: LimitGranted = serde_json::from_slice(event.data)?;
                let order = e.order_id.0;
                if !self.0.get(&order).is_some_and(|order| order.taken) {
                    say(format!("order {order} is granted units that it did not take"));
                }
            }
            "OrderCancelled" => {
                let e: OrderCancelled<'_> = serde_json::from_slice(event.data)?;
                self.keeps(e.order_id.0, 0);
            }
            "OrderExpired" => {
                let e: OrderExpired<'_> = serde_json::from_slice(event.data)?;
                self.keeps(e.order_id.0, 0);
            }
            "OrderRefunded" => {
                let e: OrderRefunded<'_> = serde_json::from_slice(event.data)?;
                self.keeps(e.order_id.0, e.units_left);
            }
            _ => {}
        }
        Ok(())
    }

    fn keeps(&mut self, order: Uuid, left: i64) {
        if let Some(order) = self.0.get_mut(&order) {
            order.left = left;
        }
    }
}

/// What is remembered of the limit over one sale.
pub(super) struct QuotaBook {
    sale: Uuid,
    limit: Option<i64>,
    /// Units that the orders of a buyer take.
    buyers: HashMap<String, i128>,
    /// Buyer and units of each order that took.
    orders: HashMap<Uuid, (String, i64)>,
    last_at_ms: i64,
}

impl QuotaBook {
    pub(super) fn new(sale: Uuid) -> Self {
        let (buyers, orders) = (HashMap::new(), HashMap::new());
        Self { sale, limit: None, buyers, orders, last_at_ms: 0 }
    }

    /// Applies an event; `say` is told what is wrong with it.
    pub(super) fn apply(
        &mut self,
        event: &Event<'_>,
        limited: &mut Limited,
        say: Say<'_>,
    ) -> Result<(), serde_json::Error> {
        match event.kind {
            "QuotaTaken" => self.take(event, &serde_json::from_slice(event.data)?, limited, say),
            "QuotaReturned" => {
                self.give_back(event, &serde_json::from_slice(event.data)?, limited, say);
            }
            kind => say(format!("no event of a limit is called {kind:?}")),
        }
        Ok(())
    }

    fn take(
        &mut self,
        event: &Event<'_>,
        taken: &QuotaTaken<'_>,
        limited: &mut Limited,
        say: Say<'_>,
    ) {
        let order = taken.order_id.0;
        self.of_order(event, order, b"taken", taken.taken_at_ms, say);
        match limited.0.get_mut(&order) {
            None => say(format!("order {order} takes units and was not placed under this limit")),
            Some(placed) => {
                placed.taken = true;
                let told = (self.sale, taken.item_id.0, &*taken.buyer, taken.units);
                let expected = (placed.sale, placed.item, &*placed.buyer, placed.units);
                if told != expected || taken.limit_per_buyer != placed.per_buyer {
                    say(format!("order {order} takes units otherwise than it was placed"));
                }
            }
        }
        let limit = *self.limit.get_or_insert(taken.limit_per_buyer);
        if taken.limit_per_buyer != limit {
            let found = taken.limit_per_buyer;
            say(format!("limit: expected {limit} as before, found {found}"));
        }
        let before = self.orders.insert(order, (taken.buyer.clone().into_owned(), taken.units));
        if before.is_some() {
            say(format!("order {order} takes its units twice"));
        }
        if taken.units < 1 {
            say(format!("order {order} takes {} units", taken.units));
        }
        let of_buyer = self.buyers.entry(taken.buyer.clone().into_owned()).or_default();
        *of_buyer += i128::from(taken.units);
        if *of_buyer > limit.into() {
            say(format!(
                "units of a buyer in the sale: expected at most {limit}, found {of_buyer}"
            ));
        }
        if *of_buyer != taken.buyer_units.into() {
            let found = taken.buyer_units;
            say(format!("units of the buyer then: expected {of_buyer}, found {found}"));
        }
    }

    fn give_back(
        &mut self,
        event: &Event<'_>,
        returned: &QuotaReturned,
        limited: &Limited,
        say: Say<'_>,
    ) {
        let (order, left) = (returned.order_id.0, returned.units_left);
        let what = [b"left".as_slice(), &left.to_be_bytes()].concat();
        self.of_order(event, order, &what, returned.returned_at_ms, say);
        let Some((buyer, takes)) = self.orders.get_mut(&order) else {
            return say(format!("order {order} gives units back that it did not take"));
        };
        if !(0..*takes).contains(&left) {
            say(format!("order {order} takes {takes} units and gives back all but {left}"));
        }
        if let Some(of_buyer) = self.buyers.get_mut(buyer) {
            *of_buyer -= i128::from(*takes) - i128::from(left);
        }
        *takes = left;
        if let Some(has) = limited.0.get(&order).map(|placed| placed.left)
            && left < has
        {
            say(format!("order {order} has {has} units and takes only {left} from now on"));
        }
    }

    /// Checks for every event that an order caused.
    fn of_order(&mut self, event: &Event<'_>, order: Uuid, what: &[u8], at_ms: i64, say: Say<'_>) {
        if !event.has_id(Uuid::new_v5(&self.sale, &[order.as_bytes(), what].concat())) {
            say(format!("the event id is not the one that order {order} makes"));
        }
        event.check_story(order, order, say);
        self.last_at_ms = event.check_time(at_ms, self.last_at_ms, false, say);
    }
}
