//! What an order was placed with, and how that is stored.
//!
//! Its JSON is written by hand because it is written for every order: in about two thirds of the time that
//! serde takes for the same bytes. A test compares the two. What few orders have is left to serde.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, fmt::Hyphenated};

use super::{
    audience::OrderShopper,
    awaits::{Await, CouponAsked},
    order_parts::OrderParts,
    price::{GiftTaken, OfferApplied, OrderPart},
    quota::SaleLimit,
    references::{Labels, OrderReferences},
    units::WarehouseUnits,
};
use crate::values::{Fingerprint, OrderId, RequestId, UnixMs};

/// Bytes of the JSON of most orders.
const USUAL_BYTES: usize = 512;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    pub order_id: OrderId,
    pub request_id: RequestId,
    pub fingerprint: Fingerprint,
    pub buyer: String,
    pub units: i64,
    /// The price of one unit; of the first part where there are several.
    pub unit_price_minor: i64,
    /// Units by price, in the order of the ladder; empty where the item has no ladder: then every
    /// unit costs `unit_price_minor`.
    #[serde(skip_serializing_if = "OrderParts::is_none", default)]
    pub parts: OrderParts,
    /// The offer that reduced it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offer: Option<OfferApplied>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gift: Option<Box<GiftTaken>>,
    /// Name of the offer whose gift the order would have had, if units of it had been free.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gift_gone: Option<String>,
    /// What is to be paid, where it is not units times price; read it with [`Self::total`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_minor: Option<i64>,
    pub warehouses: Vec<WarehouseUnits>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub channel: String,
    /// Whose warehouses were preferred; empty where the order named none.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub region: String,
    /// What was said of the buyer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shopper: Option<Box<OrderShopper>>,
    /// What is not decided yet; it is in this order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub awaits: Vec<Await>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coupon: Option<Box<CouponAsked>>,
    /// The limit that it awaits, where it awaits one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sale_limit: Option<Box<SaleLimit>>,
    /// The shop's own id of it; empty where it gave none.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub shop_order_id: String,
    #[serde(skip_serializing_if = "Labels::is_empty", default)]
    pub labels: Labels,
    pub placed_at_ms: UnixMs,
    pub pay_by_ms: UnixMs,
}

impl OrderPlaced {
    /// What is to be paid, in minor units.
    pub fn total(&self) -> i64 {
        // The largest price times the most units fits; a log that holds more was not written by us.
        self.total_minor.unwrap_or_else(|| self.unit_price_minor.saturating_mul(self.units))
    }

    /// What the shop calls it; `None` where it gave no references.
    pub fn references(&self) -> Option<OrderReferences> {
        if self.shop_order_id.is_empty() && self.labels.is_empty() {
            return None;
        }
        let (shop_order_id, labels) = (self.shop_order_id.clone(), self.labels.clone());
        Some(OrderReferences { shop_order_id, labels })
    }

    /// What offers took off, in minor units.
    pub fn discount(&self) -> i64 {
        self.offer.as_ref().map_or(0, |offer| offer.discount_minor)
    }

    /// What the units cost before offers, in minor units.
    pub fn subtotal(&self) -> i64 {
        self.total().saturating_add(self.discount())
    }

    /// The stored form of a placed order.
    pub(super) fn stored_form(&self) -> Vec<u8> {
        // Without `..`: a new field has to be written.
        let Self {
            order_id,
            request_id,
            fingerprint,
            buyer,
            units,
            unit_price_minor,
            parts,
            offer,
            gift,
            gift_gone,
            total_minor,
            warehouses,
            channel,
            region,
            shopper,
            awaits,
            coupon,
            sale_limit,
            shop_order_id,
            labels,
            placed_at_ms,
            pay_by_ms,
        } = self;
        let mut json = Json(Vec::with_capacity(USUAL_BYTES));
        json.id(r#"{"order_id":""#, order_id.0);
        json.id(r#"","request_id":""#, request_id.0);
        json.raw(r#"","fingerprint":""#);
        json.0.extend_from_slice(&fingerprint.digits());
        json.value(r#"","buyer":"#, buyer);
        json.value(r#","units":"#, units);
        json.value(r#","unit_price_minor":"#, unit_price_minor);
        if !parts.is_empty() || offer.is_some() {
            PRICE_TEXT.with_borrow_mut(|last| json.raw(last.of(parts, offer.as_ref())));
        }
        json.some(r#","gift":"#, gift.as_ref());
        json.some(r#","gift_gone":"#, gift_gone.as_ref());
        json.some(r#","total_minor":"#, total_minor.as_ref());
        json.list(r#","warehouses":"#, warehouses, Json::warehouse);
        json.some(r#","channel":"#, Some(channel).filter(|text| !text.is_empty()));
        json.some(r#","region":"#, Some(region).filter(|text| !text.is_empty()));
        json.some(r#","shopper":"#, shopper.as_ref());
        json.some(r#","awaits":"#, Some(awaits).filter(|awaits| !awaits.is_empty()));
        json.some(r#","coupon":"#, coupon.as_ref());
        json.some(r#","sale_limit":"#, sale_limit.as_ref());
        json.some(r#","shop_order_id":"#, Some(shop_order_id).filter(|id| !id.is_empty()));
        json.some(r#","labels":"#, Some(labels).filter(|labels| !labels.is_empty()));
        json.value(r#","placed_at_ms":"#, placed_at_ms);
        json.value(r#","pay_by_ms":"#, pay_by_ms);
        json.raw("}");
        json.0
    }
}

thread_local! {
    /// Orders of one step that meet the same offer follow each other, so the text of one is often that of
    /// the next.
    static PRICE_TEXT: RefCell<PriceText> = RefCell::default();
}

/// Parts and offer of the order that was written last, and their JSON.
#[derive(Default)]
struct PriceText {
    parts: OrderParts,
    offer: Option<OfferApplied>,
    text: Vec<u8>,
}

impl PriceText {
    fn of(&mut self, parts: &OrderParts, offer: Option<&OfferApplied>) -> &[u8] {
        if self.parts != *parts || self.offer.as_ref() != offer {
            let mut json = Json(Vec::new());
            if !parts.is_empty() {
                json.list(r#","parts":"#, parts, Json::part);
            }
            if let Some(OfferApplied { name, discount_minor }) = offer {
                json.value(r#","offer":{"name":"#, name);
                json.value(r#","discount_minor":"#, discount_minor);
                json.raw("}");
            }
            *self = Self { parts: parts.clone(), offer: offer.cloned(), text: json.0 };
        }
        &self.text
    }
}

struct Json(Vec<u8>);

impl Json {
    fn raw(&mut self, text: impl AsRef<[u8]>) {
        self.0.extend_from_slice(text.as_ref());
    }

    /// An id, without the quotes around it.
    fn id(&mut self, before: &str, id: Uuid) {
        self.raw(before);
        let mut text = [0; Hyphenated::LENGTH];
        self.raw(id.hyphenated().encode_lower(&mut text));
    }

    fn value(&mut self, before: &str, value: &impl Serialize) {
        self.raw(before);
        // As in `stored::to_json`: there is nothing that serde_json could refuse.
        #[expect(clippy::expect_used, reason = "losing an event silently would be worse")]
        serde_json::to_writer(&mut self.0, value).expect("an event body is always JSON");
    }

    fn some(&mut self, before: &str, value: Option<&impl Serialize>) {
        if let Some(value) = value {
            self.value(before, value);
        }
    }

    fn list<T>(&mut self, before: &str, of: &[T], write: fn(&mut Self, &T)) {
        self.raw(before);
        self.raw("[");
        for (index, one) in of.iter().enumerate() {
            if index > 0 {
                self.raw(",");
            }
            write(self, one);
        }
        self.raw("]");
    }

    fn part(&mut self, part: &OrderPart) {
        let OrderPart { step, time_price, units, unit_price_minor } = part;
        self.raw("{");
        if let Some(step) = step {
            self.value(r#""step":"#, step);
            self.raw(",");
        }
        if let Some(time_price) = time_price {
            self.value(r#""time_price":"#, time_price);
            self.raw(",");
        }
        self.value(r#""units":"#, units);
        self.value(r#","unit_price_minor":"#, unit_price_minor);
        self.raw("}");
    }

    fn warehouse(&mut self, at: &WarehouseUnits) {
        let WarehouseUnits { warehouse, units } = at;
        self.value(r#"{"warehouse":"#, warehouse);
        self.value(r#","units":"#, units);
        self.raw("}");
    }
}
