//! Goal: the events that are not read by serde are read as serde reads them. Method: orders of all kinds
//! are written, and bytes of what was written are changed, dropped or doubled: what the fast reader
//! takes is what serde takes, and it takes the common ones.

use doorbuster::{
    events::{
        Await, CancelCause, GiftTaken, Labels, OfferApplied, OrderCancelled, OrderEvent,
        OrderExpired, OrderPaid, OrderPart, OrderPlaced, Stored, WarehouseUnits, read_plain,
    },
    values::{BatchId, Fingerprint, OrderId, RequestId, UnixMs},
};
use proptest::prelude::*;
use uuid::Uuid;

/// What an order is made of: ids, a text, numbers, which members it has that few orders have, how many
/// warehouses, and which reasons of its price, one by bit.
type Parts = (u128, u64, String, [i64; 3], u8, usize, u8);

fn parts() -> impl Strategy<Value = Parts> {
    let number = prop_oneof![Just(0), Just(i64::MIN), Just(i64::MAX), -9..1_000_i64];
    (
        any::<u128>(),
        any::<u64>(),
        "[ -~客\u{7f}\n]{0,12}",
        prop::array::uniform3(number),
        0..6_u8,
        0..4_usize,
        any::<u8>(),
    )
}

/// An event of each kind; whether it has nothing but what most have.
fn events(
    (id, bits, text, [one, two, three], more, places, price): Parts,
) -> [(OrderEvent, bool); 4] {
    let plain_text = !text.contains(['"', '\\', '\n']);
    let has = |bit: u8| price >> bit & 1 == 1;
    let at = |number: usize| WarehouseUnits { warehouse: format!("{text}{number}"), units: two };
    let warehouses: Vec<WarehouseUnits> = (0..places).map(at).collect();
    let (order_id, request_id) = (OrderId(Uuid::from_u128(id)), RequestId(Uuid::from_u128(!id)));
    let (fingerprint, placed_revision, time) = (Fingerprint(bits), bits, UnixMs(three));
    let batch = (more == 1).then_some(BatchId(Uuid::from_u128(id)));
    let placed = OrderPlaced {
        order_id,
        request_id,
        fingerprint,
        buyer: text.clone(),
        units: one,
        unit_price_minor: two,
        parts: (0..price & 3).map(|number| part(number, price, [one, two])).collect(),
        offer: has(4).then(|| OfferApplied { name: text.as_str().into(), discount_minor: three }),
        gift: has(5).then(|| Box::new(gift(&text, two))),
        gift_gone: has(6).then(|| text.clone()),
        total_minor: has(7).then_some(three),
        warehouses: warehouses.clone(),
        channel: if more == 3 { text.clone() } else { String::new() },
        region: if more == 4 { text.clone() } else { String::new() },
        shopper: None,
        awaits: if more == 1 { vec![Await::SaleLimit] } else { Vec::new() },
        coupon: None,
        sale_limit: None,
        shop_order_id: if more == 5 { format!("s{text}") } else { String::new() },
        labels: if more == 2 { labels(&text) } else { Labels::default() },
        placed_at_ms: time,
        pay_by_ms: UnixMs(one),
    };
    let paid = OrderPaid {
        order_id,
        placed_revision,
        request_id,
        fingerprint,
        payment_reference: text,
        amount_minor: one,
        units: two,
        warehouses: warehouses.clone(),
        paid_at_ms: time,
    };
    let cancelled = OrderCancelled {
        order_id,
        placed_revision,
        request_id,
        fingerprint,
        units: one,
        warehouses: warehouses.clone(),
        cause: if more == 2 { CancelCause::Price } else { CancelCause::Buyer },
        act: None,
        coupon_batch_id: batch,
        limited_by: None,
        cancelled_at_ms: time,
    };
    let expired = OrderExpired {
        order_id,
        placed_revision,
        units: one,
        warehouses,
        coupon_batch_id: batch,
        limited_by: None,
        expired_at_ms: time,
    };
    let plain = plain_text && places > 0 && ![one, two, three].contains(&i64::MIN);
    [
        (OrderEvent::Placed(placed), plain && ![1, 2].contains(&more)),
        (OrderEvent::Paid(paid), plain),
        (OrderEvent::Cancelled(cancelled), plain && more != 1 && more != 2),
        (OrderEvent::Expired(expired), plain && more != 1),
    ]
}

/// Units at a price: with and without a step and a time price.
fn part(number: u8, price: u8, [units, unit_price_minor]: [i64; 2]) -> OrderPart {
    let step = (price & 8 == 0).then_some(number.wrapping_mul(price));
    let time_price = (price & 4 == 0).then_some(number);
    OrderPart { step, time_price, units, unit_price_minor }
}

fn gift(text: &str, units: i64) -> GiftTaken {
    GiftTaken { offer: text.to_owned(), sku: format!("{text}-s"), units }
}

fn labels(text: &str) -> Labels {
    Labels::from([(text.to_owned(), text.to_owned())])
}

/// The bytes with one of them changed, dropped or doubled.
fn changed(mut json: Vec<u8>, (place, what, by): (usize, u8, u8)) -> Vec<u8> {
    let place = place % json.len();
    match what {
        0 => json[place] = by,
        1 => _ = json.remove(place),
        2 => json.insert(place, json[place]),
        _ => json.insert(place, by),
    }
    json
}

fn change() -> impl Strategy<Value = (usize, u8, u8)> {
    let byte = prop::sample::select(br#" "\,:{}[]0123456789-+.eEfF"#.to_vec());
    (any::<usize>(), 0..4_u8, prop_oneof![byte, any::<u8>()])
}

proptest! {
    #[test]
    fn what_is_read_without_serde_is_what_serde_reads(parts in parts(), change in change()) {
        for (event, is_plain) in events(parts) {
            let (kind, json) = (event.kind(), event.json());
            let text = String::from_utf8_lossy(&json);
            let read = read_plain(kind, &json);
            prop_assert_eq!(read.is_some(), is_plain, "{}", text);
            prop_assert!(read.is_none_or(|read| read == event), "{}", text);
            let json = changed(json, change);
            if let Some(read) = read_plain(kind, &json) {
                let text = String::from_utf8_lossy(&json);
                prop_assert_eq!(OrderEvent::read(kind, &json), Some(Ok(read)), "{}", text);
            }
        }
    }
}
