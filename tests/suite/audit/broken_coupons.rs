//! Logs whose chain is right but in which a batch of coupons cannot have gone so.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Rewrite,
    story::{
        CLOSES, Draft, OPENS, PRICE, Story, TIME_TO_PAY, act, item, item_a, order, sale, uuid,
    },
};

fn batch() -> Uuid {
    Uuid::new_v5(&sale(), b"coupon:save")
}

fn stream() -> String {
    format!("coupon-{}", batch())
}

/// The coupon that a request claims.
fn coupon(request: u128) -> Uuid {
    Uuid::new_v5(&batch(), uuid(request).as_bytes())
}

fn claimed(request: u128, buyer: &str) -> Value {
    json!({"coupon_id": coupon(request), "request_id": uuid(request),
        "fingerprint": "00000000000000aa", "buyer": buyer, "claimed_at_ms": OPENS})
}

fn claim(story: &mut Story, request: u128, buyer: &str) {
    story.around("coupon", batch(), "CouponClaimed", request, claimed(request, buyer));
}

fn of_order(story: &mut Story, kind: &str, of: Uuid, what: &[u8], data: Value) {
    story.events.push(Draft {
        stream: stream(),
        kind: kind.to_owned(),
        id: Uuid::new_v5(&batch(), &[of.as_bytes(), what].concat()),
        data,
        metadata: json!({"$correlationId": of, "$causationId": of, "schema": 1}),
    });
}

/// An order that asks for a coupon.
fn ask(story: &mut Story, request: u128, buyer: &str, units: i64, at_ms: i64) {
    story.place(request, buyer, &[("east", units)], at_ms);
    let placed = &mut last(story, "OrderPlaced").data;
    placed["awaits"] = json!(["coupon"]);
    placed["coupon"] = json!({"batch_id": batch(), "named": {"code": "SAVE"}});
}

/// Its item applies it.
fn apply(story: &mut Story, request: u128, coupon: Uuid, off: i64, at_ms: i64) {
    let of = order(request);
    let about = story.about(request);
    let total = about["units"].as_i64().unwrap() * PRICE - off;
    let data = json!({"order_id": of, "placed_revision": about["placed_revision"],
        "batch_id": batch(), "coupon_id": coupon, "discount_minor": off, "total_minor": total,
        "applied_at_ms": at_ms});
    story.events.push(Draft {
        stream: item_a(),
        kind: "CouponApplied".to_owned(),
        id: Uuid::new_v5(&of, b"coupon applied"),
        data,
        metadata: json!({"$correlationId": of, "$causationId": of, "schema": 1}),
    });
}

fn redeem(story: &mut Story, of: Uuid, coupon: Uuid, (base, off): (i64, i64), at_ms: i64) {
    let data = json!({"coupon_id": coupon, "order_id": of, "item_id": item("A"), "base_minor": base,
        "discount_minor": off, "placed_at_ms": at_ms, "redeemed_at_ms": OPENS});
    of_order(story, "CouponRedeemed", of, b"redeemed", data);
}

fn give_back(story: &mut Story, of: Uuid, coupon: Uuid, off: i64) {
    let data = json!({"coupon_id": coupon, "order_id": of, "discount_minor": off,
        "cause": "order_expired", "returned_at_ms": OPENS});
    of_order(story, "CouponReturned", of, b"returned", data);
}

fn steer(story: &mut Story, kind: &str, request: u128, mut data: Value) {
    data["act"] = act(request);
    story.around("coupon", batch(), kind, request, data);
}

/// Three orders, one of which expires, and a batch of 10 %, at most 90, with a budget of 170 that is
/// raised to 180.
fn with_coupons() -> Story {
    let mut story = Story::default();
    story.put_up("A", None, &[("east", 100)]);
    let terms = json!({"name": "save", "discount": {"percent": {"ppm": 100_000, "at_most_minor": 90}},
        "min_spend_minor": 100, "coupons": 4, "per_buyer": 1, "budget_minor": 170,
        "items": [item("A")], "code": "SAVE", "from_ms": OPENS, "until_ms": CLOSES});
    let created = json!({"sale_id": sale(), "currency": "CNY", "terms": terms,
        "created_at_ms": 900_000});
    steer(&mut story, "CouponBatchCreated", 60, created);
    claim(&mut story, 61, "ann");
    ask(&mut story, 10, "ann", 2, OPENS);
    redeem(&mut story, order(10), coupon(61), (1_000, 90), OPENS);
    apply(&mut story, 10, coupon(61), 90, OPENS);
    ask(&mut story, 21, "bob", 1, OPENS);
    let mut by_code = claimed(0, "bob");
    let bobs = order(21);
    let id = Uuid::new_v5(&batch(), bobs.as_bytes());
    by_code["coupon_id"] = json!(id);
    by_code["request_id"] = json!(bobs);
    by_code["by_code"] = json!(true);
    story.events.push(Draft {
        stream: stream(),
        kind: "CouponClaimed".to_owned(),
        id,
        data: by_code,
        metadata: json!({"$correlationId": bobs, "$causationId": bobs, "schema": 1}),
    });
    redeem(&mut story, bobs, id, (500, 50), OPENS);
    let later = OPENS + TIME_TO_PAY;
    story.expire(21, later);
    last(&mut story, "OrderExpired").data["coupon_batch_id"] = json!(batch());
    give_back(&mut story, bobs, id, 50);
    let mut granted = claimed(63, "ann");
    granted["grant"] = json!({"cause": "prize", "operator": "eve", "reason": "first"});
    story.around("coupon", batch(), "CouponClaimed", 63, granted);
    steer(&mut story, "BudgetRaised", 64, json!({"budget_minor": 180, "raised_at_ms": OPENS}));
    ask(&mut story, 14, "ann", 5, later);
    redeem(&mut story, order(14), coupon(63), (2_500, 90), later);
    apply(&mut story, 14, coupon(63), 90, later);
    claim(&mut story, 65, "cat");
    let revoked = json!({"coupon_id": coupon(65), "revoked_at_ms": OPENS + 3});
    steer(&mut story, "CouponRevoked", 66, revoked);
    steer(&mut story, "CouponBatchClosed", 67, json!({"closed_at_ms": OPENS + 3}));
    story
}

fn last<'a>(s: &'a mut Story, kind: &str) -> &'a mut Draft {
    s.events.iter_mut().rev().find(|event| event.kind == kind).unwrap()
}

fn remove(s: &mut Story, kind: &str) {
    let index = s.index(kind);
    s.events.remove(index);
}

#[test]
fn a_batch_that_keeps_its_terms_is_sound() {
    let proof = with_coupons().show(|_, _| {});
    assert!(proof.ok(), "{proof}");
}

#[test]
fn what_a_batch_cannot_have_done_is_found() {
    let cases: Vec<Rewrite> = vec![
        (
            "no beginning",
            |s| remove(s, "CouponBatchCreated"),
            "the batch does not begin with its creation",
        ),
        (
            "two beginnings",
            |s| {
                let again = s.first("CouponBatchCreated").clone();
                s.events.push(again);
            },
            "the batch is created twice",
        ),
        (
            "another name",
            |s| s.first("CouponBatchCreated").data["terms"]["name"] = json!("save2"),
            "does not have the id of its name \"save2\"",
        ),
        (
            "terms of nothing",
            |s| s.first("CouponBatchCreated").data["terms"]["per_buyer"] = json!(0),
            "per_buyer: expected 1 to",
        ),
        (
            "more than a whole",
            |s| {
                let ppm = json!({"percent": {"ppm": 1_000_001}});
                s.first("CouponBatchCreated").data["terms"]["discount"] = ppm;
            },
            "ppm: expected 1 to 1000000, found 1000001",
        ),
        (
            "a window that ends before it begins",
            |s| s.first("CouponBatchCreated").data["terms"]["until_ms"] = json!(OPENS),
            "the batch ends before it begins",
        ),
        (
            "a coupon with the id of another",
            |s| s.first("CouponClaimed").data["coupon_id"] = json!(coupon(70)),
            "does not have the id that request",
        ),
        (
            "a claim too early",
            |s| s.first("CouponClaimed").data["claimed_at_ms"] = json!(OPENS - 1),
            "a claim: expected from 1000000 until 2000000, found 999999",
        ),
        (
            "a claim twice",
            |s| {
                let again = s.first("CouponClaimed").clone();
                s.events.push(again);
            },
            "is claimed twice",
        ),
        (
            "more coupons than there are",
            |s| s.first("CouponBatchCreated").data["terms"]["coupons"] = json!(3),
            "coupons: expected at most 3, found 4",
        ),
        (
            "more than a buyer may claim",
            |s| {
                remove(s, "CouponBatchClosed");
                remove(s, "BudgetRaised");
                let claims = s.events.iter_mut().filter(|event| event.kind == "CouponClaimed");
                claims.for_each(|claim| _ = claim.data.as_object_mut().unwrap().remove("grant"));
            },
            "coupons of a buyer: expected at most 1 claimed and 100 in all, found 2 and 2",
        ),
        (
            "a grant by nobody",
            |s| {
                let grants = s.events.iter_mut().filter(|event| event.data["grant"].is_object());
                grants.for_each(|grant| grant.data["grant"]["operator"] = json!(""));
            },
            "a coupon is granted by nobody",
        ),
        (
            "a code of a batch without one",
            |s| {
                let terms = &mut s.first("CouponBatchCreated").data["terms"];
                terms.as_object_mut().unwrap().remove("code");
            },
            "a code claims a coupon of a batch without one",
        ),
        (
            "a code that claims and redeems nothing",
            |s| {
                let at = s.events.iter().position(|event| event.data["by_code"] == json!(true));
                s.events.remove(at.unwrap() + 1);
            },
            "no order redeems it at once",
        ),
        ("a coupon that nobody claimed", |s| remove(s, "CouponClaimed"), "was never claimed"),
        (
            "a coupon for two orders",
            |s| last(s, "CouponRedeemed").data["coupon_id"] = json!(coupon(61)),
            "is redeemed and was not free",
        ),
        (
            "an order with two coupons",
            |s| {
                let event = last(s, "CouponRedeemed");
                let of = order(10);
                event.data["order_id"] = json!(of);
                event.id = Uuid::new_v5(&batch(), &[of.as_bytes(), &b"redeemed"[..]].concat());
                event.metadata = json!({"$correlationId": of, "$causationId": of, "schema": 1});
            },
            "redeems a second coupon",
        ),
        (
            "a redemption of another order's id",
            |s| s.first("CouponRedeemed").id = uuid(7),
            "the event id is not the one that order",
        ),
        (
            "an order of another time",
            |s| s.first("CouponRedeemed").data["placed_at_ms"] = json!(CLOSES),
            "an order: expected from 1000000 until 2000000, found 2000000",
        ),
        (
            "an order of another item",
            |s| s.first("CouponRedeemed").data["item_id"] = json!(item("B")),
            "the coupons are not for item",
        ),
        (
            "an order below the minimum",
            |s| {
                let event = s.first("CouponRedeemed");
                event.data["base_minor"] = json!(99);
                event.data["discount_minor"] = json!(9);
            },
            "an order: expected at least 100, found 99",
        ),
        (
            "a discount that is one higher",
            |s| s.first("CouponRedeemed").data["discount_minor"] = json!(91),
            "discount of 1000: expected 90, found 91",
        ),
        (
            "a discount that is one lower",
            |s| s.first("CouponRedeemed").data["discount_minor"] = json!(89),
            "discount of 1000: expected 90, found 89",
        ),
        (
            "more than the budget",
            |s| remove(s, "BudgetRaised"),
            "discounts together: expected at most 170, found 180",
        ),
        (
            "a budget that falls",
            |s| s.first("BudgetRaised").data["budget_minor"] = json!(170),
            "budget: expected more than 170, found 170",
        ),
        (
            "a coupon returned twice",
            |s| {
                let again = s.first("CouponReturned").clone();
                s.events.push(again);
            },
            "returns a coupon that it does not have",
        ),
        (
            "another coupon returned",
            |s| s.first("CouponReturned").data["discount_minor"] = json!(81),
            "returns: expected coupon",
        ),
        (
            "a bound coupon revoked",
            |s| s.first("CouponRevoked").data["coupon_id"] = json!(coupon(61)),
            "is revoked and was not free",
        ),
        (
            "a coupon revoked that nobody claimed",
            |s| s.first("CouponRevoked").data["coupon_id"] = json!(coupon(70)),
            "was never claimed",
        ),
        (
            "a claim after the end",
            |s| {
                let closed = s.index("CouponBatchClosed");
                let closed = s.events.remove(closed);
                let claim = s.index("CouponRevoked");
                s.events.insert(claim - 1, closed);
            },
            "the batch is closed, and then a coupon of it is claimed",
        ),
        (
            "a request twice",
            |s| {
                s.first("BudgetRaised").data["act"] = act(67);
            },
            "is used twice",
        ),
        (
            "time that runs backwards",
            |s| s.first("CouponBatchClosed").data["closed_at_ms"] = json!(1),
            "time runs backwards",
        ),
        (
            "a cause that does not exist",
            |s| s.first("CouponReturned").data["cause"] = json!("bad_luck"),
            "the body of this CouponReturned cannot be read",
        ),
    ];
    found(cases);
}

#[test]
fn what_a_batch_and_an_item_cannot_both_have_said_is_found() {
    let cases: Vec<Rewrite> = vec![
        (
            "a coupon for an order that asked for none",
            |s| {
                let placed = s.first("OrderPlaced").data.as_object_mut().unwrap();
                placed.remove("awaits");
                placed.remove("coupon");
            },
            "did not ask this batch for a coupon",
        ),
        (
            "a coupon for an order that was never placed",
            |s| {
                let event = s.first("CouponRedeemed");
                let of = order(99);
                event.data["order_id"] = json!(of);
                event.id = Uuid::new_v5(&batch(), &[of.as_bytes(), &b"redeemed"[..]].concat());
                event.metadata = json!({"$correlationId": of, "$causationId": of, "schema": 1});
            },
            "did not ask this batch for a coupon",
        ),
        (
            "a coupon of another buyer",
            |s| s.first("OrderPlaced").data["buyer"] = json!("dan"),
            "redeems a coupon of another buyer",
        ),
        (
            "another total",
            |s| s.first("CouponRedeemed").data["base_minor"] = json!(1_001),
            "expected a total of 1000 at 1000000, found 1001 at 1000000",
        ),
        (
            "another time",
            |s| s.first("CouponRedeemed").data["placed_at_ms"] = json!(OPENS + 1),
            "expected a total of 1000 at 1000000, found 1000 at 1000001",
        ),
        (
            "a discount that no batch gave",
            |s| remove(s, "CouponRedeemed"),
            "has a coupon that is not bound to it",
        ),
        (
            "another coupon than the one that is bound",
            |s| s.first("CouponApplied").data["coupon_id"] = json!(coupon(63)),
            "has a coupon that is not bound to it",
        ),
        (
            "a coupon that comes back from an order that has it",
            |s| {
                let at = s.index("CouponReturned");
                let mut again = s.events[at].clone();
                let of = order(10);
                again.data = json!({"coupon_id": coupon(61), "order_id": of, "discount_minor": 90,
                    "cause": "order_expired", "returned_at_ms": OPENS});
                again.id = Uuid::new_v5(&batch(), &[of.as_bytes(), &b"returned"[..]].concat());
                again.metadata = json!({"$correlationId": of, "$causationId": of, "schema": 1});
                s.events.insert(at, again);
            },
            "returns its coupon for a cause that is not so",
        ),
        (
            "a coupon that comes back for another cause",
            |s| s.first("CouponReturned").data["cause"] = json!("order_refunded"),
            "returns its coupon for a cause that is not so",
        ),
        (
            "an order that ends and does not name its batch",
            |s| {
                let expired = s.first("OrderExpired").data.as_object_mut().unwrap();
                expired.remove("coupon_batch_id");
            },
            "batch of the coupon of an order that ends: expected",
        ),
    ];
    found(cases);
}

fn found(cases: Vec<Rewrite>) {
    for (name, spoil, words) in cases {
        let mut story = with_coupons();
        spoil(&mut story);
        let said = story.show(|_, _| {}).to_string();
        assert!(said.contains(words) && !said.contains("is sound"), "{name}:\n{said}");
    }
}
