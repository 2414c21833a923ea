//! A log with the whole life of orders, by hand: failed payments, a hold that was extended, one that an
//! operator gave up, orders that came back for a late payment, refunds and their settlement. Each share
//! and each warehouse in it was worked out on paper, not computed.

use serde_json::{Value, json};

use super::{
    goods::{pay, place},
    story::{CLOSES, OPENS, Story, TIME_TO_PAY, act, at, event_id, item, sale, uuid},
};

/// For so long after its deadline a payment brings an order back.
pub const WITHIN: i64 = 5000;

/// 2 units at 400, 3 at 500, the others at 600.
fn prices() -> Value {
    json!({"unit_price_minor": 600,
        "steps": [{"units": 2, "unit_price_minor": 400}, {"units": 3, "unit_price_minor": 500}]})
}

fn offers() -> Value {
    json!([
        {"name": "five_percent", "condition": {"from_units": 3},
            "effect": {"percent": {"ppm": 50_000}}},
        {"name": "strap", "condition": {"from_units": 4},
            "effect": {"gift": {"sku": "STRAP", "units": 5, "each_units": 1, "when_gone": "without"}}}])
}

fn put_up(story: &mut Story) {
    let planned = json!({"item_id": item("A"), "sku": "A", "title": "Thing", "unit_price_minor": 600,
        "opens_at_ms": OPENS, "closes_at_ms": CLOSES, "time_to_pay_ms": TIME_TO_PAY,
        "limit_per_buyer": 4, "units": at(&[("east", 4), ("west", 3)]), "prices": prices(),
        "offers": offers(), "reinstate_within_ms": WITHIN});
    let created = json!({"name": "Sale", "currency": "CNY", "opens_at_ms": OPENS,
        "closes_at_ms": CLOSES, "items": [planned], "act": act(1), "created_at_ms": 900_000});
    story.on_sale("SaleCreated", 1, created);
    let added = json!({"sale_id": sale(), "sku": "A", "title": "Thing", "currency": "CNY",
        "unit_price_minor": 600, "time_to_pay_ms": TIME_TO_PAY, "reinstate_within_ms": WITHIN,
        "added_at_ms": 900_000});
    let priced = json!({"ladder": 1, "prices": prices(), "act": act(2), "set_at_ms": 900_000});
    let offered = json!({"offers": offers(), "act": act(2), "set_at_ms": 900_000});
    let all = [
        ("ItemAdded", added),
        ("ItemScheduled", json!({"opens_at_ms": OPENS, "closes_at_ms": CLOSES})),
        ("PurchaseLimitSet", json!({"per_buyer": 4})),
        ("PricesSet", priced),
        ("OffersSet", offered),
    ];
    for ((kind, data), index) in all.into_iter().zip(0..) {
        story.steer("A", kind, 2, index, data);
    }
    story.allocate("A", 2, 5, "east", 4, 900_000);
    story.allocate("A", 2, 6, "west", 3, 900_000);
}

/// What an event says of the order that it is about, and of itself.
fn told(story: &Story, placed: u128, more: Value) -> Value {
    let about = story.about(placed);
    let mut data =
        json!({"order_id": about["order_id"], "placed_revision": about["placed_revision"]});
    for (name, value) in more.as_object().unwrap() {
        data[name] = value.clone();
    }
    data
}

pub fn fail(s: &mut Story, placed: u128, request: u128, at_ms: i64) {
    let more = json!({"request_id": uuid(request), "fingerprint": "00000000000000ff",
        "payment_reference": "p-0", "code": "declined", "failed_at_ms": at_ms});
    let data = told(s, placed, more);
    s.on_order("PaymentFailed", placed, (request, 0), data);
}

pub fn extend(s: &mut Story, placed: u128, request: u128, until_ms: i64, at_ms: i64) {
    let more = json!({"pay_by_ms": until_ms, "act": act(request), "extended_at_ms": at_ms});
    let data = told(s, placed, more);
    s.on_order("HoldExtended", placed, (request, 0), data);
}

/// An operator gives a hold up.
pub fn kill(s: &mut Story, placed: u128, request: u128, at_ms: i64) {
    s.cancel(placed, request, at_ms);
    let data = &mut s.events.last_mut().unwrap().data;
    data["cause"] = json!("operator");
    data["act"] = act(request);
}

/// An order comes back from these warehouses for a payment of its total.
pub fn reinstate(
    s: &mut Story,
    placed: u128,
    (request, amount): (u128, i64),
    warehouses: &[(&str, i64)],
    at_ms: i64,
) {
    let units = s.about(placed)["units"].clone();
    let parts = s.placed(placed).data["parts"].clone();
    let more = json!({"units": units, "warehouses": at(warehouses), "reinstated_at_ms": at_ms});
    let mut data = told(s, placed, more);
    if !parts.is_null() {
        data["parts"] = parts;
    }
    s.on_order("OrderReinstated", placed, (request, 1), data);
    pay(s, placed, request, amount, at_ms);
    s.events.last_mut().unwrap().data["warehouses"] = at(warehouses);
}

/// Units that come back: how many, how many are left, and what is given back for them.
type Back = (i64, i64, i64);

/// Units of a paid order come back. A part is its step, units and price.
pub fn give_back(
    s: &mut Story,
    (placed, request, at_ms): (u128, u128, i64),
    (units, left, amount): Back,
    warehouses: &[(&str, i64)],
    parts: &[(Option<u8>, i64, i64)],
    restocked: bool,
) {
    let more = json!({"units": units, "units_left": left, "amount_minor": amount,
        "restocked": restocked, "warehouses": at(warehouses), "act": act(request),
        "refunded_at_ms": at_ms});
    let mut data = told(s, placed, more);
    let part = |&(step, units, price): &(Option<u8>, i64, i64)| match step {
        Some(step) => json!({"step": step, "units": units, "unit_price_minor": price}),
        None => json!({"units": units, "unit_price_minor": price}),
    };
    if !parts.is_empty() {
        data["parts"] = parts.iter().map(part).collect();
    }
    s.on_order("OrderRefunded", placed, (request, 0), data);
}

/// Money that became due by the request `due` is on its way.
pub fn settle(s: &mut Story, (placed, due): (u128, u128), request: u128, amount: i64, at_ms: i64) {
    let due_id = event_id(item("A"), uuid(due), 0);
    let more = json!({"due_id": due_id, "reference": "t-1", "amount_minor": amount,
        "act": act(request), "settled_at_ms": at_ms});
    let data = told(s, placed, more);
    s.on_order("RefundSettled", placed, (request, 0), data);
}

/// A payment that buys nothing.
pub fn owe(s: &mut Story, placed: u128, request: u128, (cause, amount): (&str, i64), at_ms: i64) {
    s.refund(placed, request, cause, at_ms);
    s.events.last_mut().unwrap().data["amount_minor"] = json!(amount);
}

fn strap() -> Value {
    json!({"offer": "strap", "sku": "STRAP", "units": 1})
}

fn five_percent(total: i64, discount: i64) -> Value {
    json!({"total_minor": total, "offer": {"name": "five_percent", "discount_minor": discount}})
}

/// A sound log in which everything happens that can happen to an order.
pub fn sound() -> Story {
    let mut story = Story::default();
    put_up(&mut story);
    holds(&mut story);
    late_payments(&mut story);
    refunds(&mut story);
    afterwards(&mut story);
    story
}

/// East has 4 and west 3.
fn holds(s: &mut Story) {
    let parts = [(Some(0), None, 2, 400), (Some(1), None, 1, 500)];
    place(s, (10, "ann", OPENS), &[("east", 3)], &parts, five_percent(1235, 65));
    fail(s, 10, 100, OPENS + 10);
    fail(s, 10, 101, OPENS + 11);
    extend(s, 10, 102, OPENS + 15_000, OPENS + 20);
    let two = [(Some(1), None, 2, 500)];
    place(s, (11, "bob", OPENS + 30), &[("west", 2)], &two, json!({}));
    kill(s, 11, 103, OPENS + 40);
    place(s, (12, "cyd", OPENS + 50), &[("west", 2)], &two, json!({}));
    // No warehouse has two.
    let base = [(None, None, 2, 600)];
    place(s, (13, "dan", OPENS + 60), &[("east", 1), ("west", 1)], &base, json!({}));
}

fn late_payments(s: &mut Story) {
    s.expire(12, OPENS + 50 + TIME_TO_PAY);
    s.allocate("A", 121, 0, "east", 3, OPENS + 55 + TIME_TO_PAY);
    // The payment meets the deadline before anything else does: the units never leave the order, though
    // a new one would get both from the east.
    s.expire(13, OPENS + 60 + TIME_TO_PAY);
    reinstate(s, 13, (122, 1200), &[("east", 1), ("west", 1)], OPENS + 60 + TIME_TO_PAY);
    // East has 3 and west 2: the units come from elsewhere than before.
    reinstate(s, 12, (106, 1000), &[("east", 2)], OPENS + 300 + TIME_TO_PAY);
    // After its first deadline.
    pay(s, 10, 104, 1235, OPENS + 12_000);
}

fn refunds(s: &mut Story) {
    // 1235 over 3 units: 411, 412, 412. The last unit is of the second step.
    let east = [("east", 1)];
    give_back(s, (10, 110, OPENS + 12_100), (1, 2, 411), &east, &[(Some(1), 1, 500)], true);
    // A unit that is written off leaves its step as it is.
    give_back(s, (10, 111, OPENS + 12_200), (1, 1, 412), &east, &[(Some(0), 1, 400)], false);
    let both = [("east", 2)];
    give_back(s, (12, 112, OPENS + 12_300), (2, 0, 1000), &both, &[(Some(1), 2, 500)], true);
    owe(s, 12, 113, ("already_paid", 1000), OPENS + 12_310);
    settle(s, (12, 113), 114, 1000, OPENS + 12_320);
    settle(s, (10, 110), 115, 411, OPENS + 12_330);
    let west = [("west", 1)];
    give_back(s, (13, 116, OPENS + 12_340), (1, 1, 600), &west, &[(None, 1, 600)], true);
}

/// East has 4 and west 3 again, and the second step 3 free units.
fn afterwards(s: &mut Story) {
    // With the unit that she kept, ann has as many as the limit lets her.
    let parts = [(Some(1), None, 3, 500)];
    place(s, (14, "ann", OPENS + 12_400), &[("east", 3)], &parts, five_percent(1425, 75));
    let mut more = five_percent(2280, 120);
    more["gift"] = strap();
    let all = [("east", 1), ("west", 3)];
    place(s, (15, "eve", OPENS + 12_500), &all, &[(None, None, 4, 600)], more);
    pay(s, 15, 130, 2280, OPENS + 12_600);
    // The last warehouse first, and of it only what is left.
    let west = [("west", 2)];
    give_back(s, (15, 131, OPENS + 12_700), (2, 2, 1140), &west, &[(None, 2, 600)], true);
    let rest = [("east", 1), ("west", 1)];
    give_back(s, (15, 132, OPENS + 12_800), (2, 0, 1140), &rest, &[(None, 2, 600)], true);
    place(s, (16, "fay", OPENS + 13_000), &[("east", 1)], &[(None, None, 1, 600)], json!({}));
    s.cancel(16, 140, OPENS + 13_100);
    s.expire(14, OPENS + 12_400 + TIME_TO_PAY);
    // A millisecond earlier it would have come back.
    owe(s, 14, 150, ("order_expired", 1425), OPENS + 12_400 + TIME_TO_PAY + WITHIN);
    settle(s, (14, 150), 151, 1425, OPENS + 27_500);
    place(s, (17, "gus", OPENS + 27_600), &[("east", 1)], &[(Some(1), None, 1, 500)], json!({}));
}
