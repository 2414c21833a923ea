//! The commonest events, read as this program writes them: several times as fast as by serde.
//!
//! Nearly all events of a sale are orders that are placed, paid, given up or expire, and nearly all of
//! those have no more than the members here, in this sequence and without spaces. Whatever else a log
//! holds is not read here but by serde; what is read here is what serde would read.

use uuid::Uuid;

use super::{
    order::{CancelCause, OrderCancelled, OrderEvent, OrderExpired, OrderPaid},
    order_placed::OrderPlaced,
    references::Labels,
    units::WarehouseUnits,
};
use crate::values::{Fingerprint, OrderId, RequestId, UnixMs};

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
        let warehouses = self.warehouses()?;
        let channel = self.text_if_any(br#","channel":"#)?;
        let region = self.text_if_any(br#","region":"#)?;
        Some(OrderPlaced {
            order_id,
            request_id,
            fingerprint,
            buyer,
            units,
            unit_price_minor,
            parts: Vec::new(),
            offer: None,
            gift: None,
            gift_gone: None,
            total_minor: None,
            warehouses,
            channel,
            region,
            shopper: None,
            awaits: Vec::new(),
            coupon: None,
            sale_limit: None,
            shop_order_id: String::new(),
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

    fn warehouses(&mut self) -> Option<Vec<WarehouseUnits>> {
        self.skip(br#","warehouses":["#)?;
        // Nearly always one.
        let mut all = Vec::with_capacity(1);
        loop {
            all.push(WarehouseUnits {
                warehouse: self.text(br#"{"warehouse":"#)?.to_owned(),
                units: self.number(br#","units":"#)?,
            });
            self.skip(b"}")?;
            if self.skip(b"]").is_some() {
                return Some(all);
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

    /// The same, or an empty one where there is no such member.
    fn text_if_any(&mut self, name: &[u8]) -> Option<String> {
        if self.0.starts_with(name) {
            self.text(name).map(str::to_owned)
        } else {
            Some(String::new())
        }
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
