//! Logs whose chain is right but whose orders cannot have been placed, or cannot have ended, so.

use serde_json::json;

use super::{
    Rewrite,
    story::{CLOSES, OPENS, PRICE, TIME_TO_PAY, act, at, uuid},
};

pub fn orders_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "one warehouse is oversold",
            |s| {
                s.place(30, "dan", &[("west", 2)], OPENS + 30_000);
                s.place(31, "ema", &[("west", 1)], OPENS + 30_000);
            },
            "oversold: warehouse \"west\" has 2 units allocated",
        ),
        (
            "less was allocated than is sold",
            |s| s.first("StockAllocated").data["units"] = json!(1),
            "oversold: warehouse \"east\"",
        ),
        (
            "a warehouse that was never stocked",
            |s| s.place(30, "dan", &[("moon", 1)], OPENS + 30_000),
            "oversold: warehouse \"moon\" has 0",
        ),
        (
            "the units are released before they are sold again, but too late",
            |s| {
                let cancel = s.index("OrderCancelled");
                let cancelled = s.events.remove(cancel);
                s.events.push(cancelled);
            },
            "oversold",
        ),
        (
            "an order twice",
            |s| {
                let again = s.placed(10).clone();
                s.events.push(again);
            },
            "is placed twice",
        ),
        (
            "an order under the name of a writer who did not write it",
            |s| s.first("OrderPlaced").metadata["writer"] = json!(uuid(77)),
            "does not have the id",
        ),
        ("a request of an order used for a payment", |s| s.pay(14, 10, OPENS + 5), "is used twice"),
        (
            "a request of a payment used for an order",
            |s| s.place(12, "dan", &[("north", 1)], OPENS + 30_000),
            "is used twice",
        ),
        (
            "a request of a pause used for a close",
            |s| {
                let id = s.first("ItemPaused").id;
                let closed = s.first("ItemClosed");
                closed.id = id;
                closed.data["act"] = act(18);
                closed.metadata["$causationId"] = json!(uuid(18));
            },
            "is used twice",
        ),
        (
            "warehouses that do not add up",
            |s| s.first("OrderPlaced").data["warehouses"] = at(&[("east", 1)]),
            "do not add up",
        ),
        (
            "a part of nothing",
            |s| s.first("OrderPlaced").data["warehouses"] = at(&[("east", 2), ("west", 0)]),
            "do not add up",
        ),
        (
            "no units",
            |s| {
                s.first("OrderPlaced").data["units"] = json!(0);
                s.first("OrderPlaced").data["warehouses"] = json!([]);
            },
            "cannot have 0 units",
        ),
        (
            "too many units",
            |s| s.first("OrderPlaced").data["units"] = json!(i64::MAX),
            "cannot have",
        ),
        (
            "over the limit per order",
            |s| s.place(30, "dan", &[("north", 1), ("west", 2)], OPENS + 30_000),
            "the limit per order is 2",
        ),
        (
            "over the limit per buyer",
            |s| {
                s.place(30, "ann", &[("north", 1)], OPENS + 30_000);
            },
            "buyer \"ann\" has 3 units now, but the limit per buyer is 2",
        ),
        (
            "before the window",
            |s| {
                let placed = s.first("OrderPlaced");
                placed.data["placed_at_ms"] = json!(OPENS - 1);
                placed.data["pay_by_ms"] = json!(OPENS - 1 + TIME_TO_PAY);
            },
            "outside the item's window",
        ),
        (
            "at the end of the window",
            |s| s.place(30, "dan", &[("north", 1)], CLOSES),
            "outside the item's window",
        ),
        (
            "while paused",
            |s| {
                s.place(30, "dan", &[("west", 1)], OPENS + 20_000);
                let placed = s.events.pop().unwrap();
                let paused = s.index("ItemPaused");
                s.events.insert(paused + 1, placed);
            },
            "while the item is paused",
        ),
        (
            "after closing",
            |s| s.place(30, "dan", &[("west", 1)], OPENS + 30_000),
            "after the item was closed",
        ),
        (
            "at another price",
            |s| s.first("OrderPlaced").data["unit_price_minor"] = json!(PRICE - 1),
            "unit price is 499",
        ),
        (
            "with another deadline",
            |s| s.first("OrderPlaced").data["pay_by_ms"] = json!(OPENS + 1 + TIME_TO_PAY),
            "time to pay",
        ),
        ("for nobody", |s| s.first("OrderPlaced").data["buyer"] = json!(""), "has no buyer"),
        (
            "an id of its own making",
            |s| {
                let placed = s.first("OrderPlaced");
                placed.id = uuid(77);
                placed.data["order_id"] = json!(uuid(77));
                placed.metadata["$correlationId"] = json!(uuid(77));
            },
            "does not have the id that request",
        ),
        (
            "an event id that is not the order's",
            |s| s.first("OrderPlaced").id = uuid(77),
            "does not have the id that request",
        ),
        (
            "time runs backwards",
            |s| s.place(30, "dan", &[("west", 1)], OPENS),
            "time runs backwards",
        ),
    ]
}

pub fn ends_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "paid twice",
            |s| s.pay(10, 30, OPENS + 30_000),
            "ends twice: it is paid, but it was paid before",
        ),
        (
            "paid after it was cancelled",
            |s| s.pay(11, 30, OPENS + 30_000),
            "ends twice: it is paid, but it was cancelled before",
        ),
        (
            "cancelled after it was paid",
            |s| s.cancel(10, 30, OPENS + 30_000),
            "ends twice: it is cancelled, but it was paid before",
        ),
        (
            "expired after it was paid",
            |s| s.expire(10, OPENS + 30_000),
            "ends twice: it is expired, but it was paid before",
        ),
        ("cancelled twice", |s| s.cancel(11, 30, OPENS + 30_000), "ends twice"),
        (
            "paid at its deadline",
            |s| s.first("OrderPaid").data["paid_at_ms"] = json!(OPENS + TIME_TO_PAY),
            "paid at or after its deadline",
        ),
        (
            "cancelled at its deadline",
            |s| s.first("OrderCancelled").data["cancelled_at_ms"] = json!(OPENS + 1 + TIME_TO_PAY),
            "cancelled at or after its deadline",
        ),
        (
            "expired a millisecond early",
            |s| s.first("OrderExpired").data["expired_at_ms"] = json!(OPENS + 3 + TIME_TO_PAY),
            "expired before its deadline",
        ),
        (
            "an order that was never placed is paid",
            |s| {
                let paid = s.first("OrderPaid");
                paid.data["order_id"] = json!(uuid(77));
                paid.metadata["$correlationId"] = json!(uuid(77));
            },
            "it was never placed",
        ),
        (
            "a refund for an order that was never placed",
            |s| {
                let due = s.first("RefundDue");
                due.data["order_id"] = json!(uuid(77));
                due.metadata["$correlationId"] = json!(uuid(77));
            },
            "RefundDue is about order",
        ),
        (
            "a refund for a reason that is not so",
            |s| s.first("RefundDue").data["cause"] = json!("already_paid"),
            "cause that is not so",
        ),
        (
            "a refund of another amount",
            |s| s.first("RefundDue").data["amount_minor"] = json!(1),
            "its total is 1000",
        ),
        (
            "a refund that points elsewhere",
            |s| s.first("RefundDue").data["placed_revision"] = json!(2),
            "was not placed at revision 2",
        ),
        (
            "paid another amount",
            |s| s.first("OrderPaid").data["amount_minor"] = json!(999),
            "its total is 1000",
        ),
        (
            "paid with other units",
            |s| s.first("OrderPaid").data["units"] = json!(1),
            "other units or warehouses",
        ),
        (
            "paid from another warehouse",
            |s| s.first("OrderPaid").data["warehouses"] = at(&[("west", 2)]),
            "other units or warehouses",
        ),
        (
            "expired into another warehouse",
            |s| s.first("OrderExpired").data["warehouses"] = at(&[("east", 2)]),
            "other units or warehouses",
        ),
        (
            "paid by an event that points elsewhere",
            |s| s.first("OrderPaid").data["placed_revision"] = json!(0),
            "was not placed at revision 0",
        ),
        (
            "a payment with an id of its own making",
            |s| s.first("OrderPaid").id = uuid(77),
            "event id is not the one",
        ),
        (
            "an expiry with an id of its own making",
            |s| s.first("OrderExpired").id = uuid(77),
            "event id is not the one",
        ),
    ]
}
