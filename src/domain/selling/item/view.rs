//! How an item and its orders are shown: what answers carry, copied out of the state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Item, Refusal, SupplierUnits,
    orders::{Due, Terms},
};
use crate::{
    domain::price::{Ladder, Offers, Quote},
    events::{
        Audience, Await, Counts, CouponAsked, CouponReason, CouponTaken, Draw, GiftTaken,
        ItemAdded, OfferApplied, OrderPart, OrderReferences, OrderState, Proposal, Region,
        ReserveStep, SaleLimit, WarehouseUnits, open_proposals,
    },
    values::{Currency, DueId, ItemId, OrderId, SaleId, UnixMs},
};

/// An order as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    pub order_id: OrderId,
    pub sale_id: SaleId,
    pub buyer: String,
    pub units: i64,
    /// The price of one unit; of the first part where there are several.
    pub unit_price_minor: i64,
    /// What is to be paid.
    pub total_minor: i64,
    /// Why it costs that, where it is not units times one price. Shared by all orders with the same
    /// terms: a copy for each answer is made on one thread and freed on another.
    #[serde(with = "shared", skip_serializing_if = "Option::is_none", default)]
    pub terms: Option<Arc<Terms>>,
    /// What the order waits for; it cannot be paid meanwhile.
    #[serde(skip_serializing_if = "<[Await]>::is_empty", default)]
    pub awaiting: Box<[Await]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coupon: Option<Box<CouponTaken>>,
    /// The coupon that it asked for, whatever came of that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked: Option<Box<CouponAsked>>,
    /// Why its coupon was denied.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coupon_denied: Option<CouponReason>,
    /// Why it was cancelled, where what it waited for is the reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<Refusal>,
    /// The limit over the whole sale that it comes under.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sale_limit: Option<Box<SaleLimit>>,
    pub currency: Currency,
    pub state: OrderState,
    pub placed_at: UnixMs,
    pub pay_by: UnixMs,
    /// Units that came back after they were paid, and the money for them.
    pub refunded_units: i64,
    pub refunded_minor: i64,
    pub failed_payments: u8,
    /// Money that has to go back, or had to; the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub dues: Vec<DueView>,
    /// What the shop calls it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub references: Option<Box<OrderReferences>>,
}

/// Shared terms as JSON has them.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Terms;

    pub fn serialize<S: Serializer>(terms: &Option<Arc<Terms>>, to: S) -> Result<S::Ok, S::Error> {
        terms.as_deref().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<Terms>>, D::Error> {
        Ok(Option::<Terms>::deserialize(from)?.map(Arc::new))
    }
}

impl OrderView {
    /// Units by price; empty where the item had no ladder.
    pub fn parts(&self) -> &[OrderPart] {
        self.terms.as_ref().map_or(&[], |terms| &terms.parts)
    }

    pub fn offer(&self) -> Option<&OfferApplied> {
        self.terms.as_ref()?.offer.as_ref()
    }

    pub fn gift(&self) -> Option<&GiftTaken> {
        self.terms.as_ref()?.gift.as_ref()
    }

    /// Whether a gift would have come with it, and was used up.
    pub fn gift_gone(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.gift_gone.is_some())
    }
}

/// Money of an order that has to go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueView {
    pub due_id: DueId,
    pub amount_minor: i64,
    /// The transfer by which it was settled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<String>,
}

/// What an order would cost, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteView {
    pub quote: Quote,
    pub currency: Currency,
}

/// What the item lets buyers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemPhase {
    NotOpenYet,
    Open,
    Paused,
    Closed,
}

/// An item as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemView {
    pub item_id: ItemId,
    pub sale_id: SaleId,
    pub sku: String,
    pub title: String,
    /// The base price: that of every unit after the last step.
    pub unit_price_minor: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ladder: Option<Ladder>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offers: Option<Offers>,
    /// What the next unit costs, where there are a ladder or offers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_unit: Option<Quote>,
    pub currency: Currency,
    pub opens_at: UnixMs,
    pub closes_at: UnixMs,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit_per_buyer: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit_per_order: Option<i64>,
    pub time_to_pay_ms: i64,
    pub phase: ItemPhase,
    pub units: Counts,
    pub available_by_warehouse: Vec<WarehouseUnits>,
    /// Where units lie that are not on offer yet; only warehouses that have some.
    pub reserve_by_warehouse: Vec<WarehouseUnits>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub suppliers: Vec<SupplierUnits>,
    /// Who may buy; everybody where absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audience: Option<Audience>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub regions: Vec<Region>,
    pub draw: Draw,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reserve_plan: Vec<ReserveStep>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reserve_proposals: Vec<Proposal>,
    /// The item itself is paused.
    pub paused_itself: bool,
    /// Its sale is paused.
    pub paused_with_sale: bool,
}

impl Item {
    /// An order, as it is or as it was answered first.
    pub(super) fn order(
        &self,
        offer: &ItemAdded,
        order: u32,
        state: Option<OrderState>,
    ) -> OrderView {
        let row = self.orders.row(order);
        let awaited = self.orders.awaited(order);
        // A first answer is what it was.
        let later = state.is_none();
        let (refunded_units, refunded_minor) =
            if later { self.orders.refunded(order) } else { (0, 0) };
        OrderView {
            order_id: row.order_id,
            sale_id: offer.sale_id,
            buyer: self.orders.buyer(row).to_owned(),
            units: i64::from(row.units),
            unit_price_minor: self.orders.unit_price_minor(order),
            total_minor: row.total_minor,
            terms: self.orders.shared_terms(order),
            awaiting: awaited.map_or_else(Box::default, |awaited| awaited.open().collect()),
            coupon: awaited.and_then(|awaited| awaited.taken()).map(Box::new),
            asked: awaited.and_then(|awaited| awaited.asked()).map(Box::new),
            coupon_denied: awaited.and_then(|awaited| awaited.denied),
            refused: self.refused_in_vain(order),
            sale_limit: offer.sale_limit().map(Box::new),
            currency: offer.currency,
            state: state.unwrap_or(row.state),
            placed_at: row.placed_at,
            // A first answer is what it was; an order as it stands has the deadline that is in force.
            pay_by: match state {
                Some(_) => row.pay_by,
                None => self.orders.deadline(order).in_force(),
            },
            refunded_units,
            refunded_minor,
            failed_payments: if later { self.orders.failed_payments(order) } else { 0 },
            dues: if later { self.dues(order) } else { Vec::new() },
            references: self.orders.references(order).cloned().map(Box::new),
        }
    }

    fn dues(&self, order: u32) -> Vec<DueView> {
        let view = |(due_id, due): (DueId, &Due)| DueView {
            due_id,
            amount_minor: due.amount_minor,
            reference: due.reference().map(str::to_owned),
        };
        self.orders.dues_of(order).map(view).collect()
    }

    pub(super) fn phase(&self, now: UnixMs, paused: bool) -> ItemPhase {
        if self.closed || now >= self.closes_at {
            ItemPhase::Closed
        } else if paused {
            ItemPhase::Paused
        } else if now < self.opens_at {
            ItemPhase::NotOpenYet
        } else {
            ItemPhase::Open
        }
    }

    pub(super) fn view(&self, offer: &ItemAdded, now: UnixMs) -> ItemView {
        let units = |units: fn(&Counts) -> i64| {
            let all = self.stock.warehouses().iter();
            all.map(move |at| WarehouseUnits {
                warehouse: at.warehouse.clone(),
                units: units(&at.counts),
            })
        };
        let priced = self.ladder.is_some() || self.offers.is_some();
        ItemView {
            item_id: self.id,
            sale_id: offer.sale_id,
            sku: offer.sku.clone(),
            title: offer.title.clone(),
            unit_price_minor: self.base_price(offer),
            ladder: self.ladder.as_deref().cloned(),
            offers: self.offers.as_deref().cloned(),
            next_unit: priced.then(|| self.quote(offer, 1, now)),
            currency: offer.currency,
            opens_at: self.opens_at,
            closes_at: self.closes_at,
            limit_per_buyer: self.limit_per_buyer,
            limit_per_order: self.limit_per_order,
            time_to_pay_ms: offer.time_to_pay_ms,
            phase: self.phase(now, self.paused || self.sale_paused),
            units: self.stock.total(),
            available_by_warehouse: units(|counts| counts.available).collect(),
            reserve_by_warehouse: units(|counts| counts.reserve)
                .filter(|at| at.units > 0)
                .collect(),
            suppliers: self.suppliers.all().to_vec(),
            audience: self.audience.as_deref().cloned(),
            regions: offer.regions.clone(),
            draw: offer.draw,
            reserve_plan: self.plan.as_ref().map_or_else(Vec::new, |plan| plan.steps.clone()),
            reserve_proposals: self.plan.as_ref().map_or_else(Vec::new, |plan| {
                open_proposals(&plan.proposals, |warehouse| self.stock.reserve(warehouse))
            }),
            paused_itself: self.paused,
            paused_with_sale: self.sale_paused,
        }
    }
}
