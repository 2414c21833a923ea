//! Logs in which other units or other money went back than the orders before them allow.

use serde_json::json;

use super::{
    Rewrite,
    broken_life::{LATER, nth},
    life::{give_back, settle},
    story::{at, event_id, item, order, uuid},
};

const EAST: [(&str, i64); 1] = [("east", 1)];

pub fn refunds_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "a refund of an order that is held",
            |s| {
                let part = [(Some(1), 1, 500)];
                give_back(s, (17, 90, LATER), (1, 0, 500), &EAST, &part, true);
            },
            "refund: expected an order that is paid, found held",
        ),
        (
            "a refund of an order that is cancelled",
            |s| {
                let part = [(Some(1), 2, 500)];
                give_back(s, (11, 90, LATER), (2, 0, 1000), &[("west", 2)], &part, true);
            },
            "refund: expected an order that is paid, found cancelled",
        ),
        (
            "a refund of an order that is expired",
            |s| {
                let part = [(Some(1), 1, 500)];
                give_back(s, (14, 90, LATER), (1, 2, 475), &EAST, &part, true);
            },
            "refund: expected an order that is paid, found expired",
        ),
        (
            "a refund of an order whose units all came back",
            |s| give_back(s, (15, 90, LATER), (1, 0, 0), &EAST, &[(None, 1, 600)], true),
            "refund: expected an order that is paid, found refunded",
        ),
        (
            "a refund of no units",
            |s| give_back(s, (13, 90, LATER), (0, 1, 0), &[], &[], true),
            "units of a refund: expected 1 to 1, found 0",
        ),
        (
            "a refund of fewer units than none",
            |s| give_back(s, (13, 90, LATER), (-1, 2, -600), &[("east", -1)], &[], true),
            "units of a refund: expected 1 to 1, found -1",
        ),
        (
            "a refund of more units than are left",
            |s| {
                let both = [("east", 1), ("west", 1)];
                give_back(s, (13, 90, LATER), (2, 0, 600), &both, &[(None, 2, 600)], true);
            },
            "units of a refund: expected 1 to 1, found 2",
        ),
        (
            "a refund after which more units are left than there are",
            |s| s.first("OrderRefunded").data["units_left"] = json!(3),
            "units left after a refund: expected 2, found 3",
        ),
        (
            "a share that is rounded up",
            |s| s.first("OrderRefunded").data["amount_minor"] = json!(412),
            "amount of a refund: expected 411, found 412",
        ),
        (
            "a share that leaves out what was rounded before",
            |s| nth(s, "OrderRefunded", 1).data["amount_minor"] = json!(411),
            "amount of a refund: expected 412, found 411",
        ),
        (
            "the price of the unit in place of its share of what was paid",
            |s| s.first("OrderRefunded").data["amount_minor"] = json!(500),
            "amount of a refund: expected 411, found 500",
        ),
        (
            "the first warehouse instead of the last one",
            |s| nth(s, "OrderRefunded", 3).data["warehouses"] = at(&EAST),
            "warehouses of a refund: expected 1 of \"west\", found 1 of \"east\"",
        ),
        (
            "warehouses out of order",
            |s| nth(s, "OrderRefunded", 5).data["warehouses"] = at(&[("west", 1), ("east", 1)]),
            "warehouses of a refund: expected 1 of \"east\" + 1 of \"west\", found 1 of \"west\"",
        ),
        (
            "more units of a warehouse than came from there",
            |s| nth(s, "OrderRefunded", 5).data["warehouses"] = at(&[("west", 2)]),
            "warehouses of a refund: expected 1 of \"east\" + 1 of \"west\", found 2 of \"west\"",
        ),
        (
            "the warehouse that an order had before it came back",
            |s| nth(s, "OrderRefunded", 2).data["warehouses"] = at(&[("west", 2)]),
            "warehouses of a refund: expected 2 of \"east\", found 2 of \"west\"",
        ),
        (
            "the first part instead of the last one",
            |s| {
                s.first("OrderRefunded").data["parts"] =
                    json!([{"step": 0, "units": 1, "unit_price_minor": 400}]);
            },
            "parts of a refund: expected 1 x 500 of step 1, found 1 x 400 of step 0",
        ),
        (
            "a part that came back before",
            |s| {
                nth(s, "OrderRefunded", 1).data["parts"] =
                    json!([{"step": 1, "units": 1, "unit_price_minor": 500}]);
            },
            "parts of a refund: expected 1 x 400 of step 0, found 1 x 500 of step 1",
        ),
        (
            "a refund without its parts",
            |s| {
                s.first("OrderRefunded").data.as_object_mut().unwrap().remove("parts");
            },
            "parts of a refund: expected 1 x 500 of step 1, found no parts",
        ),
        (
            "units on offer again that were written off",
            |s| nth(s, "OrderRefunded", 2).data["restocked"] = json!(false),
            "oversold: warehouse \"east\"",
        ),
        (
            "a step that is free again although its unit was written off",
            |s| nth(s, "OrderRefunded", 1).data["restocked"] = json!(true),
            "parts: expected 1 x 400 of step 0 + 2 x 500 of step 1, found 3 x 500 of step 1",
        ),
        (
            "a refund that does not say what became of the units",
            |s| {
                s.first("OrderRefunded").data.as_object_mut().unwrap().remove("restocked");
            },
            "the body of this OrderRefunded cannot be read: missing field `restocked`",
        ),
        (
            "a refund by nobody",
            |s| {
                s.first("OrderRefunded").data.as_object_mut().unwrap().remove("act");
            },
            "the body of this OrderRefunded cannot be read: missing field `act`",
        ),
        (
            "a refund of an order that was never placed",
            |s| s.first("OrderRefunded").data["order_id"] = json!(uuid(77)),
            "but it was never placed",
        ),
        (
            "a refund that points elsewhere",
            |s| s.first("OrderRefunded").data["placed_revision"] = json!(0),
            "was not placed at revision 0",
        ),
        (
            "two refunds by one request",
            |s| give_back(s, (13, 116, LATER), (1, 0, 600), &EAST, &[(None, 1, 600)], true),
            "is used twice on this item",
        ),
        (
            "units that did not come back count against the limit",
            |s| {
                s.first("PurchaseLimitSet").data["per_buyer"] = json!(3);
                s.first("SaleCreated").data["items"][0]["limit_per_buyer"] = json!(3);
            },
            "buyer \"ann\" has 4 units now, but the limit per buyer is 3",
        ),
    ]
}

pub fn settlements_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "money settled that was never due",
            |s| s.first("RefundSettled").data["due_id"] = json!(uuid(77)),
            "settlement: expected money that is due for its order, found",
        ),
        (
            "the payment of an order settled",
            |s| {
                let paid = event_id(item("A"), uuid(130), 0);
                s.first("RefundSettled").data["due_id"] = json!(paid);
            },
            "settlement: expected money that is due for its order, found",
        ),
        (
            "money settled before it was due",
            |s| {
                let settled = s.index("RefundSettled");
                let event = s.events.remove(settled);
                s.events.insert(settled - 1, event);
            },
            "settlement: expected money that is due for its order, found",
        ),
        (
            "money of one order settled for another",
            |s| {
                let revision = s.revision_of(order(10));
                let settled = s.first("RefundSettled");
                settled.data["order_id"] = json!(order(10));
                settled.data["placed_revision"] = json!(revision);
                settled.metadata["$correlationId"] = json!(order(10));
            },
            "settlement: expected money that is due for its order, found",
        ),
        (
            "money settled twice",
            |s| settle(s, (12, 113), 90, 1000, LATER),
            "settlement: expected money that is not settled yet, found",
        ),
        (
            "another amount settled",
            |s| s.first("RefundSettled").data["amount_minor"] = json!(999),
            "amount of a settlement: expected 1000, found 999",
        ),
        (
            "the total settled in place of the share",
            |s| nth(s, "RefundSettled", 1).data["amount_minor"] = json!(1235),
            "amount of a settlement: expected 411, found 1235",
        ),
        (
            "money settled without a reference",
            |s| s.first("RefundSettled").data["reference"] = json!(""),
            "money is settled without a reference",
        ),
        (
            "a settlement with an id of its own making",
            |s| s.first("RefundSettled").id = uuid(77),
            "the event id is not the one that request",
        ),
    ]
}
