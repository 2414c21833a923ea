//! Logs whose chain is right but whose items and sales cannot have been steered so, or whose events
//! do not have the form that was promised.

use serde_json::json;

use super::{
    Rewrite,
    story::{OPENS, act, packed, uuid},
};

pub fn steering_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "an item that was never added",
            |s| {
                let added = s.index("ItemAdded");
                s.events.remove(added);
            },
            "never added",
        ),
        (
            "an item added twice",
            |s| {
                let again = s.first("ItemAdded").clone();
                s.events.push(again);
            },
            "added twice",
        ),
        (
            "an item that is not as planned",
            |s| s.first("ItemAdded").data["title"] = json!("Other"),
            "not what its sale planned",
        ),
        (
            "an item of another SKU",
            |s| s.first("ItemAdded").data["sku"] = json!("B"),
            "not the one of SKU",
        ),
        (
            "an item for nothing",
            |s| s.first("ItemAdded").data["unit_price_minor"] = json!(0),
            "no price",
        ),
        (
            "a window that ends before it starts",
            |s| s.first("ItemScheduled").data["closes_at_ms"] = json!(OPENS),
            "closes before it opens",
        ),
        (
            "a limit of nothing",
            |s| s.first("PurchaseLimitSet").data["per_buyer"] = json!(0),
            "limit is below one",
        ),
        (
            "units taken away",
            |s| s.allocate("B", 30, 0, "east", -1, OPENS),
            "-1 units are allocated",
        ),
        (
            "units taken from a warehouse that has none",
            |s| s.allocate("B", 30, 0, "moon", -1, OPENS),
            "units of warehouse \"moon\" are below zero",
        ),
        (
            "units for a closed item",
            |s| s.allocate("A", 30, 0, "east", 1, OPENS + 30_000),
            "allocated to a closed item",
        ),
        (
            "paused twice",
            |s| {
                let at_ms = OPENS + 1;
                s.steer("B", "ItemPaused", 30, 0, json!({"act": act(30), "paused_at_ms": at_ms}));
                s.steer("B", "ItemPaused", 31, 0, json!({"act": act(31), "paused_at_ms": at_ms}));
            },
            "is paused or closed already",
        ),
        (
            "resumed without a pause",
            |s| s.steer("B", "ItemResumed", 30, 0, json!({"act": act(30), "resumed_at_ms": OPENS})),
            "is not paused",
        ),
        (
            "more of a reserve released than there is",
            |s| s.first("ReserveReleased").data["units"] = json!(4),
            "the reserve of warehouse \"east\" is below zero",
        ),
        (
            "a reserve below nothing",
            |s| s.first("ReserveSet").data["units"] = json!(-1),
            "the reserve of warehouse \"east\" is below zero",
        ),
        (
            "nothing of a reserve released",
            |s| s.first("ReserveReleased").data["units"] = json!(0),
            "0 units of a reserve are released",
        ),
        (
            "limits set at no moment",
            |s| {
                let mut index = s.index("ReserveReleased");
                index += 1;
                s.events[index].data.as_object_mut().unwrap().remove("set_at_ms");
            },
            "at no moment",
        ),
        (
            "resumed by a sale that paused it, though it was paused itself",
            |s| {
                let index = s.index("SalePaused") + 1;
                s.events[index].data["by_sale"] = json!(false);
            },
            "is resumed that is not paused",
        ),
        (
            "a sale paused after it was closed",
            |s| {
                s.on_sale("SalePaused", 30, json!({"act": act(30), "paused_at_ms": OPENS + 30_000}))
            },
            "a sale is paused that is paused or closed already",
        ),
        (
            "a sale resumed without a pause",
            |s| {
                let paused = s.index("SalePaused");
                s.events.remove(paused);
            },
            "a sale is resumed that is not paused",
        ),
        (
            "a sale steered twice by one request",
            |s| {
                let index = s.index("SaleResumed");
                s.events.remove(index);
                s.first("SaleClosed").data["act"] = act(27);
            },
            "is used twice on this sale",
        ),
        (
            "closed twice",
            |s| {
                s.steer(
                    "A",
                    "ItemClosed",
                    30,
                    0,
                    json!({"act": act(30), "closed_at_ms": OPENS + 30_000}),
                )
            },
            "closed twice",
        ),
        (
            "an act with an id of its own making",
            |s| s.first("ItemPaused").id = uuid(77),
            "event id is not the one",
        ),
        (
            "a first allocation with an id of its own making",
            |s| s.first("StockAllocated").id = uuid(77),
            "event id is not the one",
        ),
        (
            "a sale created twice",
            |s| {
                let again = s.first("SaleCreated").clone();
                s.events.push(again);
            },
            "created twice",
        ),
        (
            "a sale closed twice",
            |s| {
                s.on_sale("SaleClosed", 30, json!({"act": act(30), "closed_at_ms": OPENS + 30_000}))
            },
            "closed twice",
        ),
        (
            "a sale closed but never created",
            |s| {
                let created = s.index("SaleCreated");
                s.events.remove(created);
            },
            "never created",
        ),
        (
            "a sale closed by the request that created it",
            |s| s.on_sale("SaleClosed", 1, json!({"act": act(1), "closed_at_ms": OPENS + 30_000})),
            "is used twice",
        ),
        (
            "a sale with another request's id",
            |s| s.first("SaleCreated").data["act"] = act(3),
            "the sale's id is not the one",
        ),
        (
            "a sale that offers a SKU twice",
            |s| s.first("SaleCreated").data["items"][1]["sku"] = json!("A"),
            "offers SKU \"A\" twice",
        ),
        (
            "a sale that closes before it opens",
            |s| s.first("SaleCreated").data["closes_at_ms"] = json!(0),
            "closes before it opens",
        ),
        (
            "a sale that goes back in time",
            |s| s.first("SaleClosed").data["closed_at_ms"] = json!(1),
            "time runs backwards",
        ),
        (
            "a sale event with an id of its own making",
            |s| s.first("SaleClosed").id = uuid(77),
            "event id is not the one",
        ),
    ]
}

pub fn forms_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "an unknown event of an item",
            |s| s.first("RefundDue").kind = "OrderForgotten".to_owned(),
            "no event of an item is called \"OrderForgotten\"",
        ),
        (
            "an item's event on a sale",
            |s| s.first("SaleClosed").kind = "ItemClosed".to_owned(),
            "no event of a sale is called",
        ),
        (
            "an item's event in the demand",
            |s| s.first("DemandTick").kind = "OrderPaid".to_owned(),
            "no event of demand is called",
        ),
        (
            "a field is missing",
            |s| {
                s.first("OrderPlaced").data.as_object_mut().unwrap().remove("buyer");
            },
            "missing field `buyer`",
        ),
        (
            "a field of another type",
            |s| s.first("OrderPaid").data["units"] = json!("2"),
            "cannot be read",
        ),
        ("a body that is no object", |s| s.first("RefundDue").data = json!([]), "cannot be read"),
        (
            "an id in another spelling",
            |s| s.first("OrderPlaced").data["request_id"] = json!(uuid(10).simple().to_string()),
            "lower-case UUID",
        ),
        (
            "a fingerprint that is none",
            |s| s.first("OrderPlaced").data["fingerprint"] = json!("xyz"),
            "hexadecimal",
        ),
        (
            "an unknown cause",
            |s| s.first("RefundDue").data["cause"] = json!("whim"),
            "unknown variant",
        ),
        (
            "metadata without a cause",
            |s| s.first("RefundDue").metadata = json!({}),
            "metadata cannot be read",
        ),
        (
            "a later stored form",
            |s| s.first("RefundDue").metadata["schema"] = json!(2),
            "stored form 2",
        ),
        (
            "another story",
            |s| s.first("OrderPaid").metadata["$correlationId"] = json!(uuid(77)),
            "$correlationId is",
        ),
        (
            "another cause",
            |s| s.first("OrderPlaced").metadata["$causationId"] = json!(uuid(77)),
            "$causationId is",
        ),
        (
            "a tick that counts another number",
            |s| s.first("DemandTick").data["attempts"] = json!(4),
            "counts 4 attempts but packs 3",
        ),
        (
            "a tick with other outcomes",
            |s| s.first("DemandTick").data["outcomes"] = json!({"PLACED": 2, "SOLD_OUT": 1}),
            "outcome PLACED but packs 1",
        ),
        (
            "a tick with an unknown outcome",
            |s| s.first("DemandTick").data["outcomes"]["WON"] = json!(0),
            "unknown outcome \"WON\"",
        ),
        (
            "a tick with an unknown number",
            |s| s.first("DemandTick").data["packed"] = json!(packed(&[(1, 0), (2, 2), (3, 12)])),
            "unknown outcome 12",
        ),
        (
            "a tick with a cut attempt",
            |s| s.first("DemandTick").data["packed"] = json!("AAAA"),
            "whole number of attempts",
        ),
        (
            "a tick that is not base64",
            |s| s.first("DemandTick").data["packed"] = json!("%"),
            "not base64",
        ),
        (
            "a tick longer than its second",
            |s| s.first("DemandTick").data["packed"] = json!(packed(&[(1000, 0), (2, 2), (3, 2)])),
            "1000 ms into its second",
        ),
        (
            "a tick before time began",
            |s| s.first("DemandTick").data["second"] = json!(-1),
            "before 1970",
        ),
        (
            "a tick with channels that add up to more",
            |s| s.first("DemandTick").data["channels"]["web"] = json!({"attempts": 2, "placed": 0}),
            "channels of the tick sum up",
        ),
        (
            "a channel that places more than it tries",
            |s| s.first("DemandTick").data["channels"]["app"]["placed"] = json!(3),
            "placed more orders",
        ),
    ]
}
