//! Orders that wait for a coupon, or for their buyer's limit over the sale: what others decided about
//! them, in order and once, and what they cost then.

use super::{ItemBook, Read, Say, goods::differ};
use crate::{
    auditor::Event,
    bodies::{
        Await, CancelCause, CouponApplied, CouponAsked, CouponDenied, Id, IfDenied, LimitGranted,
        OrderCancelled, OrderPlaced,
    },
    chain,
    offers::Basket,
    order_coupons::ItemNews,
    orders::State,
};

/// What an order waits for.
pub(super) struct Waiting {
    /// In the order in which it is decided.
    open: Vec<Await>,
    coupon: Option<Asked>,
    /// When it was judged, for the offers of that moment.
    at_ms: i64,
    denied: bool,
}

struct Asked {
    batch: uuid::Uuid,
    keep: bool,
    skip_offers: bool,
    max_total_minor: Option<i64>,
}

impl From<&CouponAsked> for Asked {
    fn from(asked: &CouponAsked) -> Self {
        Self {
            batch: asked.batch_id.0,
            keep: asked.if_denied == IfDenied::Keep,
            skip_offers: asked.skip_offers,
            max_total_minor: asked.max_total_minor,
        }
    }
}

impl ItemBook {
    /// Whether an event of that kind belongs to this file's rules. Reads and judges it if so.
    pub(super) fn apply_awaits(&mut self, event: &Event<'_>, say: Say<'_>) -> Option<Read> {
        Some(match event.kind {
            "LimitGranted" => self.limit_granted(event, say),
            "CouponApplied" => self.coupon_applied(event, say),
            "CouponDenied" => self.coupon_denied(event, say),
            _ => return None,
        })
    }

    /// Remembers what a new order waits for.
    pub(super) fn wait(&mut self, event: &Event<'_>, placed: &OrderPlaced<'_>, say: Say<'_>) {
        let told = placed.sale_limit.map(|limit| (limit.sale_id.0, limit.per_buyer));
        let waits_for_limit = placed.awaits.contains(&Await::SaleLimit);
        if self.sale_limit().map(|most| (self.sale(), most)) != told
            || waits_for_limit != told.is_some()
        {
            say("the order does not come under the limit of its sale".to_owned());
        }
        if placed.awaits.is_empty() && placed.coupon.is_none() {
            return;
        }
        let asks = placed.awaits.contains(&Await::Coupon);
        let in_order = matches!(
            placed.awaits.as_slice(),
            [Await::SaleLimit] | [Await::Coupon] | [Await::SaleLimit, Await::Coupon]
        );
        if !in_order || asks != placed.coupon.is_some() {
            say("the order does not wait for what it asks for, in order".to_owned());
        }
        let Some(row) = self.orders.find(placed.order_id.0) else { return };
        if let Some(asked) = &placed.coupon {
            self.news = Some(ItemNews::Asks {
                order: placed.order_id.0,
                batch: asked.batch_id.0,
                buyer: placed.buyer.clone().into_owned(),
                total: self.orders.total(row),
                placed_at_ms: placed.placed_at_ms,
            });
        }
        let waiting = Waiting {
            open: placed.awaits.clone(),
            coupon: placed.coupon.as_ref().map(Asked::from),
            at_ms: event.judged_at(placed.placed_at_ms),
            denied: false,
        };
        self.waiting.insert(row, waiting);
    }

    /// Whether the order still waits for something.
    pub(super) fn waits(&self, row: u32) -> bool {
        self.waiting.get(&row).is_some_and(|waiting| !waiting.open.is_empty())
    }

    /// Whether the end of an order, or its refund, says by which sale's limit it was counted.
    pub(super) fn check_limited_by(&self, told: Option<Id>, say: Say<'_>) {
        let counted_by = self.sale_limit().map(|_| self.sale());
        if told.map(|sale| sale.0) != counted_by {
            say("the order does not say by which sale's limit it was counted".to_owned());
        }
    }

    /// Judges that an order is cancelled because of what it waited for.
    pub(super) fn check_in_vain(
        &self,
        event: &Event<'_>,
        cancelled: &OrderCancelled<'_>,
        say: Say<'_>,
    ) {
        let order = cancelled.order_id.0;
        if !event.has_id(chain::awaited_id(order, "cancelled in vain")) {
            say(format!("the event id is not the one that the end of order {order} makes"));
        }
        event.check_story(order, order, say);
        let waiting = self.orders.find(order).and_then(|row| self.waiting.get(&row));
        let fits = waiting.is_some_and(|waiting| match cancelled.cause {
            CancelCause::OverSaleLimit => waiting.open.first() == Some(&Await::SaleLimit),
            CancelCause::Coupon => {
                waiting.denied && !waiting.coupon.as_ref().is_some_and(|asked| asked.keep)
            }
            CancelCause::Price => {
                waiting.coupon.as_ref().is_some_and(|asked| asked.max_total_minor.is_some())
            }
            CancelCause::Buyer | CancelCause::Operator => false,
        });
        if !fits {
            say(format!("order {order} is cancelled for what it did not wait for"));
        }
    }

    /// Judges what an event says of the coupon of an order that ends with it.
    pub(super) fn ended_with_coupon(
        &mut self,
        order: uuid::Uuid,
        (told, refunded): (Option<Id>, bool),
        say: Say<'_>,
    ) {
        self.news = Some(ItemNews::Ended { order, refunded });
        let waiting = self.orders.find(order).and_then(|row| self.waiting.get(&row));
        let asked = waiting.filter(|waiting| !waiting.denied);
        let asked = asked.and_then(|waiting| Some(waiting.coupon.as_ref()?.batch));
        let told = told.map(|batch| batch.0);
        if asked != told {
            let text = |batch: Option<uuid::Uuid>| {
                batch.map_or("none".to_owned(), |batch| batch.to_string())
            };
            differ("batch of the coupon of an order that ends", text(asked), text(told), say);
        }
    }

    fn limit_granted(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let granted: LimitGranted = serde_json::from_slice(event.data)?;
        let about = (granted.order_id.0, granted.placed_revision, granted.granted_at_ms);
        self.decided(event, about, (Await::SaleLimit, "limit granted"), say);
        Ok(())
    }

    fn coupon_applied(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let applied: CouponApplied = serde_json::from_slice(event.data)?;
        let about = (applied.order_id.0, applied.placed_revision, applied.applied_at_ms);
        let Some(row) = self.decided(event, about, (Await::Coupon, "coupon applied"), say) else {
            return Ok(());
        };
        let asked = self.waiting.get(&row).and_then(|waiting| waiting.coupon.as_ref());
        if let Some(asked) = asked
            && asked.batch != applied.batch_id.0
        {
            differ("batch of a coupon", asked.batch, applied.batch_id.0, say);
        }
        let discount = i128::from(applied.discount_minor);
        let total = self.orders.total(row) - discount;
        if discount < 1 {
            differ("discount of a coupon", "at least 1", discount, say);
        }
        self.news = Some(ItemNews::Has {
            order: applied.order_id.0,
            batch: applied.batch_id.0,
            coupon: applied.coupon_id.0,
            discount: applied.discount_minor,
        });
        self.check_new_total(row, total, applied.total_minor, say);
        self.orders.reprice(row, discount, i128::from(applied.total_minor));
        Ok(())
    }

    fn coupon_denied(&mut self, event: &Event<'_>, say: Say<'_>) -> Read {
        let denied: CouponDenied<'_> = serde_json::from_slice(event.data)?;
        let about = (denied.order_id.0, denied.placed_revision, denied.denied_at_ms);
        let Some(row) = self.decided(event, about, (Await::Coupon, "coupon denied"), say) else {
            return Ok(());
        };
        let told = denied.offer.as_ref();
        let told = told.map(|offer| (offer.name.as_ref(), i128::from(offer.discount_minor)));
        let (units, subtotal) = (self.orders.row(row).units, self.orders.total(row));
        let waiting = self.waiting.get(&row);
        let instead = waiting.and_then(|waiting| {
            let asked = waiting.coupon.as_ref().filter(|asked| asked.keep && asked.skip_offers);
            let at_ms = waiting.at_ms;
            asked.and_then(|_| {
                self.goods.offers.best(Basket { units: i64::from(units), subtotal, at_ms })
            })
        });
        if instead != told {
            let text = |offer: Option<(&str, i128)>| match offer {
                Some((name, discount)) => format!("{discount} off by {name:?}"),
                None => "none".to_owned(),
            };
            differ("offer instead of a coupon", text(instead), text(told), say);
        }
        let discount = told.map_or(0, |(_, discount)| discount);
        // Where the order is cancelled for its price, the next event says so.
        let total = subtotal - discount;
        if i128::from(denied.total_minor) != total || total < 1 {
            differ("total without its coupon", total, denied.total_minor, say);
        }
        self.orders.reprice(row, discount, i128::from(denied.total_minor));
        if let Some(waiting) = self.waiting.get_mut(&row) {
            waiting.denied = true;
        }
        Ok(())
    }

    fn check_new_total(&self, row: u32, total: i128, told: i64, say: Say<'_>) {
        if i128::from(told) != total || total < 1 {
            differ("total with its coupon", total, told, say);
        }
        let asked = self.waiting.get(&row).and_then(|waiting| waiting.coupon.as_ref());
        if let Some(most) = asked.and_then(|asked| asked.max_total_minor)
            && told > most
        {
            differ("total with its coupon", format!("at most {most}"), told, say);
        }
    }

    /// Something that an order waited for is decided: it has to be what it waited for first.
    fn decided(
        &mut self,
        event: &Event<'_>,
        (order, placed_revision, at_ms): (uuid::Uuid, u64, i64),
        (what, name): (Await, &str),
        say: Say<'_>,
    ) -> Option<u32> {
        self.goods.plain = false;
        self.end_time(event, at_ms, say);
        if !event.has_id(chain::awaited_id(order, name)) {
            say(format!("the event id is not the one that order {order} makes"));
        }
        event.check_story(order, order, say);
        let row = self.find(event, order, placed_revision, say)?;
        if self.orders.row(row).state != State::Held
            || event.judged_at(at_ms) >= self.orders.row(row).pay_by_ms
        {
            let found = self.orders.row(row).state.verb();
            differ(name, "an order that is held, before its deadline", found, say);
        }
        let waiting = self.waiting.get_mut(&row);
        match waiting.filter(|waiting| waiting.open.first() == Some(&what)) {
            Some(waiting) => _ = waiting.open.remove(0),
            None => say(format!("order {order} does not wait for that")),
        }
        Some(row)
    }
}
