//! Orders that come back for a late payment although they cannot: cases of `broken_life`.

use serde_json::json;

use super::{
    Rewrite,
    broken_life::{LATE, LATER, expired, nth, remove},
    goods::{place, steer},
    life::{WITHIN, extend, reinstate},
    story::{OPENS, TIME_TO_PAY, at, sale},
};

pub fn reinstatements_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "an order comes back a millisecond too late",
            |s| {
                expired(s);
                let late = OPENS + 27_600 + TIME_TO_PAY + WITHIN;
                reinstate(s, 17, (90, 500), &[("east", 1)], late);
            },
            "reinstatement: expected a moment before 1042600, found 1042600",
        ),
        (
            "an order comes back after the time behind the deadline to which it was extended",
            |s| {
                extend(s, 17, 91, LATER + 20_000, LATER);
                s.expire(17, LATER + 20_000);
                reinstate(s, 17, (90, 500), &[("east", 1)], LATER + 20_000 + WITHIN);
            },
            "reinstatement: expected a moment before 1053000, found 1053000",
        ),
        (
            "an order comes back to an item that reinstates none",
            |s| {
                for kind in ["SaleCreated", "ItemAdded"] {
                    let data = &mut s.first(kind).data;
                    let of = if kind == "SaleCreated" { &mut data["items"][0] } else { data };
                    of.as_object_mut().unwrap().remove("reinstate_within_ms");
                }
            },
            "reinstatement: expected an item that reinstates orders, found one without",
        ),
        (
            "an order comes back without its payment",
            |s| {
                remove(s, "OrderPaid", 0);
            },
            "found OrderReinstated",
        ),
        (
            "an order comes back at the end of the log",
            |s| {
                expired(s);
                reinstate(s, 17, (90, 500), &[("east", 1)], LATE);
                s.events.pop();
            },
            "reinstatement: expected OrderPaid of order",
        ),
        (
            "another event stands before its payment",
            |s| {
                let paid = remove(s, "OrderPaid", 0);
                let held = s.events.iter().find(|event| event.kind == "PaymentFailed").cloned();
                s.events.insert(paid, held.unwrap());
            },
            "found PaymentFailed",
        ),
        (
            "the payment of another order follows",
            |s| {
                expired(s);
                reinstate(s, 17, (90, 500), &[("east", 1)], LATE);
                s.events.pop();
                s.pay(10, 90, LATE);
            },
            "payment of a reinstatement: expected order",
        ),
        (
            "the payment is of another request",
            |s| {
                expired(s);
                reinstate(s, 17, (90, 500), &[("east", 1)], LATE);
                s.events.pop();
                s.pay(17, 91, LATE);
            },
            "payment of a reinstatement: expected order",
        ),
        (
            "the payment is a millisecond later",
            |s| {
                expired(s);
                reinstate(s, 17, (90, 500), &[("east", 1)], LATE);
                s.events.last_mut().unwrap().data["paid_at_ms"] = json!(LATE + 1);
            },
            "payment of a reinstatement: expected order",
        ),
        (
            "the payment is judged at another moment",
            |s| {
                expired(s);
                reinstate(s, 17, (90, 500), &[("east", 1)], LATE);
                s.events.last_mut().unwrap().metadata["judged_at_ms"] = json!(LATE - 1);
            },
            "payment of a reinstatement: expected order",
        ),
        (
            "an order comes back by the first event of its request",
            |s| {
                let paid = s.first("OrderPaid").id;
                s.first("OrderReinstated").id = paid;
            },
            "the event id is not the one that request",
        ),
        (
            "an order comes back in the story of the sale",
            |s| s.first("OrderReinstated").metadata["$correlationId"] = json!(sale()),
            "$correlationId is",
        ),
        (
            "an order comes back that was placed elsewhere",
            |s| s.first("OrderReinstated").data["placed_revision"] = json!(3),
            "was not placed at revision 3",
        ),
        (
            "an order comes back whose step is used up",
            |s| {
                let first = [(Some(1), None, 2, 500)];
                place(s, (90, "hal", LATER), &[("east", 2)], &first, json!({}));
                s.expire(90, LATER + TIME_TO_PAY);
                let (parts, late) = ([(Some(1), None, 1, 500)], LATER + TIME_TO_PAY);
                place(s, (91, "ida", late), &[("east", 1)], &parts, json!({}));
                reinstate(s, 90, (92, 1000), &[("east", 2)], late);
            },
            "steps of a reinstatement: expected at most 1 free units, found 2 x 500 of step 1",
        ),
        (
            "an order comes back beyond the buyer's limit",
            |s| {
                let one = [(Some(1), None, 1, 500)];
                place(s, (90, "gus", LATER), &[("east", 1)], &one, json!({}));
                expired(s);
                steer(s, "PurchaseLimitSet", 91, json!({"per_buyer": 1, "set_at_ms": LATE}));
                reinstate(s, 17, (92, 500), &[("east", 1)], LATE);
            },
            "has 2 units now, but the limit per buyer is 1",
        ),
        (
            "an order with a gift comes back",
            |s| {
                let more = json!({"total_minor": 2090,
                    "offer": {"name": "five_percent", "discount_minor": 110},
                    "gift": {"offer": "strap", "sku": "STRAP", "units": 1}});
                let parts = [(Some(1), None, 2, 500), (None, None, 2, 600)];
                let (all, late) = ([("east", 3), ("west", 1)], LATER + TIME_TO_PAY);
                place(s, (90, "hal", LATER), &all, &parts, more);
                s.expire(90, late);
                reinstate(s, 90, (91, 2090), &all, late);
            },
            "reinstatement: expected an order without a gift, found one with a gift",
        ),
        (
            "an order comes back from other warehouses than a new one",
            |s| {
                expired(s);
                reinstate(s, 17, (90, 500), &[("west", 1)], LATE);
            },
            "choice of warehouses: expected 1 of \"east\", found 1 of \"west\"",
        ),
        (
            "an order comes back from its own warehouses long after it expired",
            |s| {
                let reinstated = nth(s, "OrderReinstated", 1);
                reinstated.data["warehouses"] = at(&[("west", 2)]);
                nth(s, "OrderPaid", 1).data["warehouses"] = at(&[("west", 2)]);
            },
            "choice of warehouses: expected 2 of \"east\", found 2 of \"west\"",
        ),
        (
            "an order comes back with more units",
            |s| nth(s, "OrderReinstated", 1).data["units"] = json!(3),
            "units of a reinstatement: expected 2, found 3",
        ),
        (
            "an order comes back with other parts",
            |s| {
                nth(s, "OrderReinstated", 1).data["parts"][0]["unit_price_minor"] = json!(499);
            },
            "parts of a reinstatement: expected 2 x 500 of step 1, found 2 x 499 of step 1",
        ),
        (
            "an order comes back without its parts",
            |s| {
                nth(s, "OrderReinstated", 1).data.as_object_mut().unwrap().remove("parts");
            },
            "parts of a reinstatement: expected 2 x 500 of step 1, found no parts",
        ),
        (
            "an order comes back from warehouses that do not add up",
            |s| nth(s, "OrderReinstated", 1).data["warehouses"] = at(&[("east", 1)]),
            "its warehouses do not add up",
        ),
        (
            "the payment is for other warehouses than the order came back from",
            |s| nth(s, "OrderPaid", 1).data["warehouses"] = at(&[("west", 2)]),
            "is paid with other units or warehouses than it held",
        ),
        (
            "an order comes back whose units others have",
            |s| {
                let at_ms = OPENS + 200 + TIME_TO_PAY;
                let late = s.index("OrderReinstated") + 2;
                let after = s.events.split_off(late);
                let moved =
                    json!({"from": "east", "to": "north", "units": 3, "moved_at_ms": at_ms});
                steer(s, "StockMoved", 90, moved);
                let gone = json!({"warehouse": "north", "units": 3, "withdrawn_at_ms": at_ms});
                steer(s, "StockWithdrawn", 91, gone);
                s.events.extend(after);
            },
            "oversold: warehouse \"east\"",
        ),
        (
            "a time for late payments of nothing",
            |s| s.first("ItemAdded").data["reinstate_within_ms"] = json!(0),
            "time for late payments: expected 1 to 2592000000 ms, found 0",
        ),
        (
            "a time for late payments of more than 30 days",
            |s| s.first("ItemAdded").data["reinstate_within_ms"] = json!(2_592_000_001_i64),
            "time for late payments: expected 1 to 2592000000 ms, found 2592000001",
        ),
        (
            "another time for late payments than planned",
            |s| s.first("ItemAdded").data["reinstate_within_ms"] = json!(WITHIN + 1),
            "the item is not what its sale planned",
        ),
    ]
}
