//! A log with steps, time prices, offers, a gift, an audience, regions and a reserve plan, by hand: each
//! price and warehouse in it was worked out on paper, not computed.

use serde_json::{Value, json};

use super::story::{CLOSES, OPENS, PRICE, Story, TIME_TO_PAY, act, at, event_id, item, sale};
use uuid::Uuid;

/// Of the operator who acts for the reserve plan.
fn plan_request(step: u8) -> Uuid {
    Uuid::new_v5(&item("A"), format!("reserve step {step}").as_bytes())
}

fn plan_act(step: u8) -> Value {
    json!({"request_id": plan_request(step), "fingerprint": "00000000000000ab",
        "operator": "doorbuster", "reason": "plan"})
}

pub fn prices() -> Value {
    json!({"unit_price_minor": 1590, "floor_minor": 800,
        "steps": [{"units": 4, "unit_price_minor": 990}, {"units": 6, "unit_price_minor": 1290}],
        "time_prices": [
            {"from_ms": OPENS + 1000, "until_ms": OPENS + 2000, "unit_price_minor": 1100},
            {"from_ms": OPENS + 9000, "until_ms": CLOSES, "unit_price_minor": 900}]})
}

pub fn offers() -> Value {
    json!([
        {"name": "two_off", "condition": {"from_minor": 2000},
            "effect": {"amount": {"amount_minor": 200, "each": true, "times_max": 2}}},
        {"name": "ten_percent", "condition": {"from_units": 3},
            "effect": {"percent": {"ppm": 100_000, "at_most_minor": 500}}},
        {"name": "late", "condition": {"from_units": 1}, "from_ms": OPENS + 90_000,
            "effect": {"amount": {"amount_minor": 800}}},
        {"name": "strap", "condition": {"from_units": 2},
            "effect": {"gift": {"sku": "STRAP", "units": 2, "each_units": 1, "when_gone": "without"}}}])
}

pub fn audience() -> Value {
    json!({"age_bands": ["18-24", "25-34"], "member_tiers": ["gold"]})
}

pub fn reserve_plan() -> Value {
    json!([
        {"below_units": 5, "release_units": 4, "from": ["east", "west"], "act": "release"},
        {"below_units": 4, "release_units": 2, "act": "propose"}])
}

fn regions() -> Value {
    json!([{"name": "coast", "warehouses": ["west", "moon"]}])
}

/// What the sale plans of the item, and of a plain one beside it.
fn create(story: &mut Story) {
    let plain = json!({"item_id": item("B"), "sku": "B", "title": "Thing", "unit_price_minor": PRICE,
        "opens_at_ms": OPENS, "closes_at_ms": CLOSES, "time_to_pay_ms": TIME_TO_PAY, "units": []});
    let mut planned = plain.clone();
    for (name, value) in [
        ("item_id", json!(item("A"))),
        ("sku", json!("A")),
        ("unit_price_minor", json!(1590)),
        ("units", at(&[("east", 6), ("west", 4)])),
        ("reserve", at(&[("west", 3), ("east", 2)])),
        ("prices", prices()),
        ("offers", offers()),
        ("audience", audience()),
        ("regions", regions()),
        ("draw", json!("fullest")),
        ("reserve_plan", reserve_plan()),
        ("suppliers", json!([{"warehouse": "east", "supplier": "acme"}])),
    ] {
        planned[name] = value;
    }
    let created = json!({"name": "Sale", "currency": "CNY", "opens_at_ms": OPENS,
        "closes_at_ms": CLOSES, "items": [planned, plain], "act": act(1), "created_at_ms": 900_000});
    story.on_sale("SaleCreated", 1, created);
}

fn put_up(story: &mut Story) {
    let set = |name: &str, value: Value| json!({name: value, "act": act(2), "set_at_ms": 900_000});
    let mut priced = set("prices", prices());
    priced["ladder"] = json!(1);
    let allocated = |warehouse: &str, units: i64| json!({"warehouse": warehouse, "units": units, "act": act(2), "allocated_at_ms": 900_000});
    let mut of_supplier = allocated("east", 6);
    of_supplier["supplier"] = json!("acme");
    let reserve = |warehouse: &str, units: i64| json!({"warehouse": warehouse, "units": units, "act": act(2), "set_at_ms": 900_000});
    let added = json!({"sale_id": sale(), "sku": "A", "title": "Thing", "currency": "CNY",
        "unit_price_minor": 1590, "time_to_pay_ms": TIME_TO_PAY, "regions": regions(),
        "draw": "fullest", "added_at_ms": 900_000});
    let all = [
        ("ItemAdded", added),
        ("ItemScheduled", json!({"opens_at_ms": OPENS, "closes_at_ms": CLOSES})),
        ("PurchaseLimitSet", json!({})),
        ("PricesSet", priced),
        ("OffersSet", set("offers", offers())),
        ("AudienceSet", set("audience", audience())),
        ("ReservePlanSet", set("steps", reserve_plan())),
        ("StockAllocated", of_supplier),
        ("StockAllocated", allocated("west", 4)),
        ("ReserveSet", reserve("west", 3)),
        ("ReserveSet", reserve("east", 2)),
    ];
    for ((kind, data), index) in all.into_iter().zip(0..) {
        story.steer("A", kind, 2, index, data);
    }
}

/// An order: what it costs by step, time price, units and price; its other members.
pub fn place(
    story: &mut Story,
    (request, buyer, at_ms): (u128, &str, i64),
    warehouses: &[(&str, i64)],
    parts: &[(Option<u8>, Option<u8>, i64, i64)],
    more: Value,
) {
    story.place(request, buyer, warehouses, at_ms);
    let data = &mut story.events.last_mut().unwrap().data;
    data["unit_price_minor"] = json!(parts[0].3);
    data["shopper"] = json!({"age_band": "18-24", "member_tier": "gold"});
    let part = |&(step, time_price, units, price): &(Option<u8>, Option<u8>, i64, i64)| {
        let mut part = json!({"units": units, "unit_price_minor": price});
        for (name, index) in [("step", step), ("time_price", time_price)] {
            if let Some(index) = index {
                part[name] = json!(index);
            }
        }
        part
    };
    data["parts"] = parts.iter().map(part).collect();
    for (name, value) in more.as_object().unwrap() {
        data[name] = value.clone();
    }
}

pub fn pay(story: &mut Story, placed: u128, request: u128, amount: i64, at_ms: i64) {
    story.pay(placed, request, at_ms);
    story.events.last_mut().unwrap().data["amount_minor"] = json!(amount);
}

/// An event of the reserve plan.
pub fn fire(story: &mut Story, kind: &str, step: u8, index: u8, mut data: Value) {
    data["act"] = plan_act(step);
    story.steer("A", kind, 0, index, data);
    let event = story.events.last_mut().unwrap();
    event.id = event_id(item("A"), plan_request(step), index);
    event.metadata["$causationId"] = json!(plan_request(step));
}

/// An act of an operator on the item.
pub fn steer(story: &mut Story, kind: &str, request: u128, mut data: Value) {
    data["act"] = act(request);
    story.steer("A", kind, request, 0, data);
}

fn strap() -> Value {
    json!({"offer": "strap", "sku": "STRAP", "units": 1})
}

/// A sound log in which everything happens that prices, offers and levers of the stock can cause.
pub fn sound() -> Story {
    let mut story = Story::default();
    let s = &mut story;
    create(s);
    put_up(s);
    orders_of_the_first_ladder(s);
    let later = OPENS + 3000;
    let prices = json!({"unit_price_minor": 1500, "returned_units": "next_price",
        "steps": [{"units": 2, "unit_price_minor": 1000}]});
    steer(s, "PricesSet", 40, json!({"ladder": 2, "prices": prices, "set_at_ms": later}));
    let moved = json!({"from": "west", "to": "north", "units": 1, "moved_at_ms": later});
    steer(s, "StockMoved", 41, moved);
    let withdrawn =
        json!({"warehouse": "east", "units": 1, "supplier": "acme", "withdrawn_at_ms": later});
    steer(s, "StockWithdrawn", 42, withdrawn);
    steer(s, "GiftUnitsSet", 43, json!({"offer": "strap", "units": 3, "set_at_ms": later}));
    orders_of_the_second_ladder(s);
    story
}

fn orders_of_the_first_ladder(s: &mut Story) {
    place(s, (10, "ann", OPENS), &[("east", 1)], &[(Some(0), None, 1, 990)], json!({}));
    // The region has no warehouse with 5 units. 10 % of 5550 are more than the cap of 500.
    let more = json!({"region": "coast", "total_minor": 5050, "gift": strap(),
        "offer": {"name": "ten_percent", "discount_minor": 500}});
    let parts = [(Some(0), None, 3, 990), (Some(1), None, 2, 1290)];
    place(s, (11, "bob", OPENS + 1), &[("east", 5)], &parts, more);
    // 4 are left, below 5: 4 of the reserve, first what east has.
    let at_ms = OPENS + 1;
    let released =
        |warehouse: &str| json!({"warehouse": warehouse, "units": 2, "released_at_ms": at_ms});
    fire(s, "ReserveReleased", 0, 0, released("east"));
    fire(s, "ReserveReleased", 0, 1, released("west"));
    pay(s, 10, 12, 990, OPENS + 2);
    s.cancel(11, 13, OPENS + 3);
    // East has 7 and west 6. The units of the cancelled order are free again in their step.
    let more = json!({"region": "coast", "gift": strap()});
    place(s, (14, "cyd", OPENS + 1500), &[("west", 2)], &[(Some(0), None, 2, 990)], more);
    let more = json!({"total_minor": 3861, "gift": strap(),
        "offer": {"name": "ten_percent", "discount_minor": 429}});
    let parts = [(Some(0), None, 1, 990), (Some(1), Some(0), 3, 1100)];
    place(s, (15, "dan", OPENS + 1600), &[("east", 4)], &parts, more);
    let more = json!({"total_minor": 2380, "gift_gone": "strap",
        "offer": {"name": "two_off", "discount_minor": 200}});
    place(s, (16, "eve", OPENS + 2100), &[("west", 2)], &[(Some(1), None, 2, 1290)], more);
    pay(s, 15, 30, 3861, OPENS + 2500);
}

fn orders_of_the_second_ladder(s: &mut Story) {
    let at_ms = OPENS + 4000;
    place(s, (17, "fay", at_ms), &[("east", 1)], &[(Some(0), None, 1, 1000)], json!({}));
    // 3 are left, below 4: an operator is asked for the 1 that lies in reserve.
    let proposed = json!({"step": 1, "warehouses": at(&[("west", 1)]), "proposed_at_ms": at_ms});
    fire(s, "ReserveProposed", 1, 0, proposed);
    s.expire(14, OPENS + 1500 + TIME_TO_PAY);
    s.expire(16, OPENS + 2100 + TIME_TO_PAY);
    let later = OPENS + 13_000;
    steer(
        s,
        "ReserveReleased",
        44,
        json!({"warehouse": "west", "units": 1, "released_at_ms": later}),
    );
    s.cancel(17, 45, later);
    // The unit of the cancelled order does not come back to the step.
    let more = json!({"total_minor": 2300, "gift": strap(),
        "offer": {"name": "two_off", "discount_minor": 200}});
    let parts = [(Some(0), None, 1, 1000), (None, None, 1, 1500)];
    place(s, (18, "gus", later), &[("west", 2)], &parts, more);
    // No warehouse has 6: what the region has, then the fullest.
    let more = json!({"region": "coast", "total_minor": 8500, "gift": strap(),
        "offer": {"name": "ten_percent", "discount_minor": 500}});
    let warehouses = [("west", 4), ("east", 2)];
    place(s, (19, "hal", later), &warehouses, &[(None, None, 6, 1500)], more);
}
