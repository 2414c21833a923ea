//! The commonest events, read as this program writes them: several times as fast as by serde.
//!
//! Nearly all events of a sale are orders that are placed, paid, given up or expire, and nearly all of
//! those have no more than the members here, in this sequence and without spaces. What an order costs
//! and why is among them: an item with steps or offers says it in each of its orders. Whatever else a
//! log holds is not read here but by serde; what is read here is what serde would read.

use std::cell::RefCell;

use uuid::Uuid;

use super::{
    order::{CancelCause, OrderCancelled, OrderEvent, OrderExpired, OrderPaid},
    order_parts::OrderParts,
    order_placed::OrderPlaced,
    price::{GiftTaken, OfferApplied, OrderPart},
    references::Labels,
    units::WarehouseUnits,
};
use crate::values::{Fingerprint, OrderId, RequestId, UnixMs};

/// What stands behind the price of an order.
const BEHIND_PRICE: &[u8] = br#","warehouses":["#;

thread_local! {
    /// Orders of one step that meet the same offer follow each other, so the price of one is often that of
    /// the next.
    static LAST_PRICE: RefCell<LastPrice> = RefCell::default();
}

/// The price that was read last, and how it is written, with what stands behind it.
#[derive(Default)]
struct LastPrice {
    text: Vec<u8>,
    price: Price,
}

/// What an order costs and why, as far as its event says it.
#[derive(Clone, Default)]
struct Price {
    parts: OrderParts,
    offer: Option<OfferApplied>,
    gift: Option<Box<GiftTaken>>,
    gift_gone: Option<String>,
    total_minor: Option<i64>,
}

/// What is left of an event's body. Each reader takes what it reads, or says that it is something else.
struct Plain<'a>(&'a [u8]);

/// Reads the body of an event; `None` where that is left to serde.
pub fn read_plain(kind: &str, data: &[u8]) -> Option<OrderEvent> {
    let mut body = Plain(data);
    let event = match kind {
        "OrderPlaced" => OrderEvent::Placed(body.placed()?),
        "OrderPaid" => OrderEvent::Paid(body.paid()?),
        "OrderCancelled" => OrderEvent::Cancelled(body.cancelled()?),
        "OrderExpired" => OrderEvent::Expired(body.expired()?),
        _ => return None,
    };
    (body.0 == b"}").then_some(event)
}

impl<'a> Plain<'a> {
    fn placed(&mut self) -> Option<OrderPlaced> {
        let order_id = OrderId(self.id(br#"{"order_id":"#)?);
        let request_id = RequestId(self.id(br#","request_id":"#)?);
        let fingerprint = self.fingerprint()?;
        let buyer = self.text(br#","buyer":"#)?.to_owned();
        let units = self.number(br#","units":"#)?;
        let unit_price_minor = self.number(br#","unit_price_minor":"#)?;
        let Price { parts, offer, gift, gift_gone, total_minor } = self.price()?;
        let warehouses = self.warehouses()?;
        let channel = self.if_any(br#","channel":"#, Self::owned)?.unwrap_or_default();
        let region = self.if_any(br#","region":"#, Self::owned)?.unwrap_or_default();
        let shop_order_id = self.if_any(br#","shop_order_id":"#, Self::owned)?;
        Some(OrderPlaced {
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
            shopper: None,
            awaits: Vec::new(),
            coupon: None,
            sale_limit: None,
            shop_order_id: shop_order_id.unwrap_or_default(),
            labels: Labels::default(),
            placed_at_ms: UnixMs(self.number(br#","placed_at_ms":"#)?),
            pay_by_ms: UnixMs(self.number(br#","pay_by_ms":"#)?),
        })
    }

    fn paid(&mut self) -> Option<OrderPaid> {
        Some(OrderPaid {
            order_id: OrderId(self.id(br#"{"order_id":"#)?),
            placed_revision: self.count(br#","placed_revision":"#)?,
            request_id: RequestId(self.id(br#","request_id":"#)?),
            fingerprint: self.fingerprint()?,
            payment_reference: self.text(br#","payment_reference":"#)?.to_owned(),
            amount_minor: self.number(br#","amount_minor":"#)?,
            units: self.number(br#","units":"#)?,
            warehouses: self.warehouses()?,
            paid_at_ms: UnixMs(self.number(br#","paid_at_ms":"#)?),
        })
    }

    fn cancelled(&mut self) -> Option<OrderCancelled> {
        Some(OrderCancelled {
            order_id: OrderId(self.id(br#"{"order_id":"#)?),
            placed_revision: self.count(br#","placed_revision":"#)?,
            request_id: RequestId(self.id(br#","request_id":"#)?),
            fingerprint: self.fingerprint()?,
            units: self.number(br#","units":"#)?,
            warehouses: self.warehouses()?,
            cause: CancelCause::Buyer,
            act: None,
            coupon_batch_id: None,
            limited_by: None,
            cancelled_at_ms: UnixMs(self.number(br#","cancelled_at_ms":"#)?),
        })
    }

    fn expired(&mut self) -> Option<OrderExpired> {
        Some(OrderExpired {
            order_id: OrderId(self.id(br#"{"order_id":"#)?),
            placed_revision: self.count(br#","placed_revision":"#)?,
            units: self.number(br#","units":"#)?,
            warehouses: self.warehouses()?,
            coupon_batch_id: None,
            limited_by: None,
            expired_at_ms: UnixMs(self.number(br#","expired_at_ms":"#)?),
        })
    }

    /// What stands before the warehouses.
    fn price(&mut self) -> Option<Price> {
        if self.0.starts_with(BEHIND_PRICE) {
            return Some(Price::default());
        }
        LAST_PRICE.with_borrow_mut(|last| {
            if !last.text.is_empty()
                && let Some(behind) = self.0.strip_prefix(last.text.as_slice())
            {
                let at = self.0.len() - behind.len() - BEHIND_PRICE.len();
                self.0 = self.0.get(at..)?;
                return Some(last.price.clone());
            }
            let whole = self.0;
            let price = Price {
                parts: self.parts()?,
                offer: self.offer()?,
                gift: self.gift()?,
                gift_gone: self.if_any(br#","gift_gone":"#, Self::owned)?,
                total_minor: self.if_any(br#","total_minor":"#, Self::number)?,
            };
            if self.0.starts_with(BEHIND_PRICE) {
                let end = whole.len() - self.0.len() + BEHIND_PRICE.len();
                last.text.clear();
                last.text.extend_from_slice(whole.get(..end)?);
                last.price = price.clone();
            }
            Some(price)
        })
    }

    fn parts(&mut self) -> Option<OrderParts> {
        if self.skip(br#","parts":["#).is_none() {
            return Some(OrderParts::default());
        }
        let mut parts = OrderParts::default();
        self.each(|body| {
            body.skip(b"{")?;
            let step = body.index(br#""step":"#)?;
            let time_price = body.index(br#""time_price":"#)?;
            let units = body.number(br#""units":"#)?;
            let unit_price_minor = body.number(br#","unit_price_minor":"#)?;
            parts.push(OrderPart { step, time_price, units, unit_price_minor });
            Some(())
        })?;
        Some(parts)
    }

    /// A small number and a comma; the inner `None` where there is no such member.
    fn index(&mut self, name: &[u8]) -> Option<Option<u8>> {
        let Some(index) = self.if_any(name, Self::count)? else { return Some(None) };
        self.skip(b",")?;
        u8::try_from(index).ok().map(Some)
    }

    fn offer(&mut self) -> Option<Option<OfferApplied>> {
        self.if_any(br#","offer":"#, |body, member| {
            body.skip(member)?;
            let name = body.text(br#"{"name":"#)?.into();
            let discount_minor = body.number(br#","discount_minor":"#)?;
            body.skip(b"}")?;
            Some(OfferApplied { name, discount_minor })
        })
    }

    fn gift(&mut self) -> Option<Option<Box<GiftTaken>>> {
        self.if_any(br#","gift":"#, |body, member| {
            body.skip(member)?;
            let offer = body.owned(br#"{"offer":"#)?;
            let sku = body.owned(br#","sku":"#)?;
            let units = body.number(br#","units":"#)?;
            body.skip(b"}")?;
            Some(Box::new(GiftTaken { offer, sku, units }))
        })
    }

    fn warehouses(&mut self) -> Option<Vec<WarehouseUnits>> {
        self.skip(BEHIND_PRICE)?;
        // Nearly always one.
        let mut all = Vec::with_capacity(1);
        self.each(|body| {
            let warehouse = body.owned(br#"{"warehouse":"#)?;
            all.push(WarehouseUnits { warehouse, units: body.number(br#","units":"#)? });
            Some(())
        })?;
        Some(all)
    }

    /// At least one object, each without its last brace, and the end of the array.
    fn each(&mut self, mut read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        loop {
            read(self)?;
            self.skip(b"}")?;
            if self.skip(b"]").is_some() {
                return Some(());
            }
            self.skip(b",")?;
        }
    }

    fn skip(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// A UUID with hyphens.
    fn id(&mut self, name: &[u8]) -> Option<Uuid> {
        self.skip(name)?;
        self.skip(b"\"")?;
        let (id, rest) = self.0.split_at_checked(uuid::fmt::Hyphenated::LENGTH)?;
        self.0 = rest;
        self.skip(b"\"")?;
        Uuid::try_parse_ascii(id).ok()
    }

    fn fingerprint(&mut self) -> Option<Fingerprint> {
        self.skip(br#","fingerprint":""#)?;
        let (digits, rest) = self.0.split_at_checked(16)?;
        self.0 = rest;
        self.skip(b"\"")?;
        let mut value = 0;
        for digit in digits {
            value = value << 4 | u64::from(char::from(*digit).to_digit(16)?);
        }
        Some(Fingerprint(value))
    }

    /// A text without escapes.
    fn text(&mut self, name: &[u8]) -> Option<&'a str> {
        self.skip(name)?;
        self.skip(b"\"")?;
        let end = self.0.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        self.skip(b"\"")?;
        std::str::from_utf8(text).ok()
    }

    /// The same, to be kept.
    fn owned(&mut self, name: &[u8]) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// What follows that name; the inner `None` where there is no such member.
    fn if_any<T>(
        &mut self,
        name: &[u8],
        read: impl FnOnce(&mut Self, &[u8]) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.0.starts_with(name) { read(self, name).map(Some) } else { Some(None) }
    }

    fn number(&mut self, name: &[u8]) -> Option<i64> {
        self.skip(name)?;
        let below_zero = self.skip(b"-").is_some();
        let size = i64::try_from(self.digits()?).ok()?;
        match (below_zero, size) {
            // Not an integer to serde.
            (true, 0) => None,
            (true, size) => Some(-size),
            (false, size) => Some(size),
        }
    }

    fn count(&mut self, name: &[u8]) -> Option<u64> {
        self.skip(name)?;
        self.digits()
    }

    /// Digits, of which the first is a zero only where it is alone.
    fn digits(&mut self) -> Option<u64> {
        let end = self.0.iter().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = self.0.split_at(end);
        let (first, others) = digits.split_first()?;
        if *first == b'0' && !others.is_empty() {
            return None;
        }
        self.0 = rest;
        let digit = |byte: &u8| u64::from(byte - b'0');
        others
            .iter()
            .try_fold(digit(first), |value, byte| value.checked_mul(10)?.checked_add(digit(byte)))
    }
}
