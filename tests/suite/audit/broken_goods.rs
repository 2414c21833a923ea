//! Goal: the verifier computes prices, offers, gifts, audiences, warehouses and the reserve plan anew,
//! and finds each of them that is not as the log before it makes it.
//!
//! Method: the hand-made log of `goods` is sound; each case spoils one thing and names the words of the
//! finding, which holds what was expected and what was found.

use serde_json::{Value, json};

use super::{
    Rewrite,
    broken_prices::{LATER, last, offers_that_cannot_be, placed, prices_that_cannot_be},
    each_is_found_at_an_item, goods,
    goods::{fire, place, steer},
    story::{OPENS, Story, at, order},
};

fn remove(s: &mut Story, kind: &str) {
    let index = s.index(kind);
    s.events.remove(index);
}

fn audiences_and_warehouses_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "a shopper of another tier",
            |s| placed(s, 10).data["shopper"]["member_tier"] = json!("silver"),
            "audience: expected member_tier of gold, found silver",
        ),
        (
            "a shopper of unknown age",
            |s| {
                placed(s, 10).data["shopper"].as_object_mut().unwrap().remove("age_band");
            },
            "audience: expected age_band of 18-24, 25-34, found none",
        ),
        (
            "an order without a shopper",
            |s| {
                placed(s, 10).data.as_object_mut().unwrap().remove("shopper");
            },
            "audience: expected age_band",
        ),
        (
            "a buyer who is not new",
            |s| {
                let audience = json!({"new_buyers_only": true});
                s.first("AudienceSet").data["audience"] = audience.clone();
                s.first("SaleCreated").data["items"][0]["audience"] = audience;
            },
            "audience: expected new_buyer true, found unknown",
        ),
        (
            "a shopper with an attribute that does not exist",
            |s| placed(s, 10).data["shopper"]["gender"] = json!("robot"),
            "shopper: expected attributes of known names, found robot",
        ),
        (
            "an audience with an attribute that does not exist",
            |s| {
                let audience = json!({"spending_tiers": ["rich"]});
                steer(s, "AudienceSet", 90, json!({"audience": audience, "set_at_ms": LATER}));
            },
            "audience: expected attributes of known names, found rich",
        ),
        (
            "the first warehouse instead of the fullest",
            |s| placed(s, 16).data["warehouses"] = at(&[("east", 2)]),
            "choice of warehouses: expected 2 of \"west\", found 2 of \"east\"",
        ),
        (
            "the fullest warehouse instead of that of the region",
            |s| placed(s, 14).data["warehouses"] = at(&[("east", 2)]),
            "choice of warehouses: expected 2 of \"west\", found 2 of \"east\"",
        ),
        (
            "split although one warehouse has all",
            |s| placed(s, 11).data["warehouses"] = at(&[("west", 4), ("east", 1)]),
            "choice of warehouses: expected 5 of \"east\", found 4 of \"west\" + 1 of \"east\"",
        ),
        (
            "split in another order",
            |s| placed(s, 19).data["warehouses"] = at(&[("east", 2), ("west", 4)]),
            "expected 4 of \"west\" + 2 of \"east\", found 2 of \"east\" + 4 of \"west\"",
        ),
        (
            "more units moved than are free",
            |s| last(s, "StockMoved").data["units"] = json!(3),
            "move of stock: expected 1 to 2 free units of \"west\", found 3",
        ),
        (
            "units moved to where they are",
            |s| last(s, "StockMoved").data["to"] = json!("west"),
            "move of stock: expected two warehouses, found \"west\" twice",
        ),
        (
            "units that are moved back by their sign",
            |s| last(s, "StockMoved").data["units"] = json!(-1),
            "move of stock: expected 1 to 2 free units of \"west\", found -1",
        ),
        (
            "units withdrawn that are in orders",
            |s| last(s, "StockWithdrawn").data["units"] = json!(4),
            "withdrawal of stock: expected 1 to 3 free units of \"east\", found 4",
        ),
        (
            "units withdrawn of a supplier without a name",
            |s| last(s, "StockWithdrawn").data["supplier"] = json!(""),
            "withdrawal of stock: expected the name of a supplier",
        ),
        (
            "units moved after the item was closed",
            |s| {
                steer(s, "ItemClosed", 90, json!({"closed_at_ms": LATER}));
                let moved = json!({"from": "east", "to": "west", "units": 0, "moved_at_ms": LATER});
                steer(s, "StockMoved", 91, moved);
            },
            "StockMoved changes an item that was closed before",
        ),
    ]
}

fn plans_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "a step that did not fire",
            |s| {
                remove(s, "ReserveReleased");
                remove(s, "ReserveReleased");
            },
            "reserve plan: expected step 0 releases 2 in \"east\", found OrderPaid",
        ),
        (
            "the second warehouse of a step left out",
            |s| {
                let index = s.index("ReserveReleased") + 1;
                s.events.remove(index);
            },
            "reserve plan: expected step 0 releases 2 in \"west\" as event 1, found OrderPaid",
        ),
        (
            "a step that had to fire at the end of the log",
            |s| {
                let index = s.index("ReserveReleased");
                s.events.truncate(index);
            },
            "reserve plan: expected step 0 releases 2 in \"east\", found the end of the stream",
        ),
        (
            "other units released",
            |s| s.first("ReserveReleased").data["units"] = json!(1),
            "expected step 0 releases 2 in \"east\", found step 0 releases 1 in \"east\"",
        ),
        (
            "released in another warehouse",
            |s| s.first("ReserveReleased").data["warehouse"] = json!("west"),
            "expected step 0 releases 2 in \"east\", found step 0 releases 2 in \"west\"",
        ),
        (
            "a step that fires twice",
            |s| {
                let reserve = json!({"warehouse": "east", "units": 5, "set_at_ms": LATER});
                steer(s, "ReserveSet", 90, reserve);
                let again = json!({"warehouse": "east", "units": 4, "released_at_ms": LATER});
                fire(s, "ReserveReleased", 0, 0, again);
            },
            "expected nothing of the plan, found step 0 releases 4 in \"east\"",
        ),
        (
            "a step that fires while enough units are there",
            |s| {
                for kind in ["SaleCreated", "ReservePlanSet"] {
                    let data = &mut s.first(kind).data;
                    let (within, name) = match kind {
                        "SaleCreated" => (&mut data["items"][0], "reserve_plan"),
                        _ => (data, "steps"),
                    };
                    within[name][0]["below_units"] = json!(4);
                }
            },
            "expected nothing of the plan, found step 0 releases 2 in \"east\"",
        ),
        (
            "an operator who releases what the plan should",
            |s| s.first("ReserveReleased").data["act"]["operator"] = json!("eve"),
            "expected step 0 releases 2 in \"east\", found ReserveReleased",
        ),
        (
            "a step that fires later than the decision that it follows",
            |s| s.first("ReserveReleased").data["released_at_ms"] = json!(OPENS + 2),
            "time of the reserve plan: expected 1000001, found 1000002",
        ),
        (
            "a proposal left out",
            |s| remove(s, "ReserveProposed"),
            "reserve plan: expected step 1 proposes 1 in \"west\", found OrderExpired",
        ),
        (
            "a proposal of other units",
            |s| s.first("ReserveProposed").data["warehouses"] = at(&[("west", 2)]),
            "expected step 1 proposes 1 in \"west\", found step 1 proposes 2 in \"west\"",
        ),
        (
            "a proposal of another step than its request",
            |s| s.first("ReserveProposed").data["step"] = json!(0),
            "reserve plan: expected the act of step 0, found request",
        ),
        (
            "a plan of nothing",
            |s| {
                let step = json!({"below_units": 0, "release_units": 1, "act": "release"});
                steer(s, "ReservePlanSet", 90, json!({"steps": [step], "set_at_ms": LATER}));
            },
            "reserve plan: expected at least 1 unit below a mark of at least 1, found 1 below 0",
        ),
        (
            "a new plan that does not fire at once",
            |s| {
                let reserve = json!({"warehouse": "east", "units": 5, "set_at_ms": LATER});
                steer(s, "ReserveSet", 90, reserve);
                let mut steps = goods::reserve_plan();
                let third = json!({"below_units": 9, "release_units": 9, "act": "release"});
                steps.as_array_mut().unwrap().push(third);
                steer(s, "ReservePlanSet", 91, json!({"steps": steps, "set_at_ms": LATER}));
            },
            "expected step 2 releases 5 in \"east\", found the end of the stream",
        ),
    ]
}

fn items_put_up_otherwise() -> Vec<Rewrite> {
    vec![
        (
            "other prices than planned",
            |s| s.first("PricesSet").data["prices"]["floor_minor"] = json!(801),
            "plan of the sale: expected prices as planned, found others",
        ),
        (
            "without the planned audience",
            |s| remove(s, "AudienceSet"),
            "plan of the sale: expected an audience as planned, found none",
        ),
        (
            "without the planned plan of the reserve",
            |s| {
                s.events.truncate(s.index("ReservePlanSet"));
            },
            "plan of the sale: expected a reserve plan as planned, found none",
        ),
        (
            "other offers than planned",
            |s| s.first("OffersSet").data["offers"] = json!([]),
            "plan of the sale: expected offers as planned, found others",
        ),
        (
            "other regions than planned",
            |s| s.first("ItemAdded").data["regions"] = json!([]),
            "the item is not what its sale planned",
        ),
        (
            "another supplier than planned",
            |s| s.first("StockAllocated").data["supplier"] = json!("other"),
            "supplier of a warehouse: expected acme, found other",
        ),
        (
            "an event of this kind without its members",
            |s| {
                s.first("StockMoved").data.as_object_mut().unwrap().remove("to");
            },
            "the body of this StockMoved cannot be read: missing field `to`",
        ),
    ]
}

#[test]
fn a_log_with_prices_offers_gifts_and_a_reserve_plan_is_proved() {
    let proof = goods::sound().show(|_, _| {});
    assert!(proof.ok(), "{proof}");
    assert_eq!((proof.items, proof.orders), (1, 8));
}

#[test]
fn every_rule_of_prices_offers_audiences_warehouses_and_plans_is_judged() {
    let rewrites = [
        prices_that_cannot_be(),
        offers_that_cannot_be(),
        audiences_and_warehouses_that_cannot_be(),
        plans_that_cannot_be(),
        items_put_up_otherwise(),
    ];
    each_is_found_at_an_item(goods::sound, rewrites.into_iter().flatten());
}

#[test]
fn a_rule_that_is_broken_once_is_one_finding() {
    let mut story = goods::sound();
    placed(&mut story, 11).data["total_minor"] = json!(5049);
    let proof = story.show(|_, _| {});
    assert_eq!(proof.findings.len(), 1, "{proof}");
    assert_eq!(proof.findings[0].revision, Some(story.revision_of(order(11)) as u64));
}

#[test]
fn a_purchase_by_nobody_in_particular_is_judged_where_everybody_may_buy() {
    let mut story = goods::sound();
    let everybody = json!({"audience": {}, "set_at_ms": LATER});
    steer(&mut story, "AudienceSet", 90, everybody);
    place(
        &mut story,
        (91, "ida", LATER),
        &[("north", 1)],
        &[(None, None, 1, 1500)],
        json!({"shopper": Value::Null}),
    );
    let proof = story.show(|_, _| {});
    assert!(proof.ok(), "{proof}");
}

/// An offer of so many minor units off any order.
fn amount_off(name: &str, amount_minor: i64) -> Value {
    json!({"name": name, "condition": {"from_units": 1},
        "effect": {"amount": {"amount_minor": amount_minor}}})
}

#[test]
fn the_largest_offer_wins_the_first_of_equals_and_one_minor_unit_is_left_to_pay() {
    let mut story = goods::sound();
    story.allocate("A", 90, 0, "east", 20, LATER);
    let all = [("small", 700), ("big", 900), ("same", 900), ("little", 100)];
    let all: Vec<Value> = all.iter().map(|(name, amount)| amount_off(name, *amount)).collect();
    steer(&mut story, "OffersSet", 91, json!({"offers": all, "set_at_ms": LATER}));
    let more = json!({"total_minor": 600, "offer": {"name": "big", "discount_minor": 900}});
    place(&mut story, (92, "ida", LATER), &[("east", 1)], &[(None, None, 1, 1500)], more);
    let prices = json!({"unit_price_minor": 500});
    steer(&mut story, "PricesSet", 93, json!({"ladder": 3, "prices": prices, "set_at_ms": LATER}));
    let more = json!({"total_minor": 1, "offer": {"name": "small", "discount_minor": 499}});
    place(&mut story, (94, "jon", LATER), &[("east", 1)], &[(None, None, 1, 500)], more);
    let proof = story.show(|_, _| {});
    assert!(proof.ok(), "{proof}");
}

#[test]
fn orders_of_an_earlier_ladder_give_nothing_back_to_the_steps_of_the_next_one() {
    let mut story = goods::sound();
    story.allocate("A", 90, 0, "east", 20, LATER);
    steer(&mut story, "OffersSet", 91, json!({"offers": [], "set_at_ms": LATER}));
    let ladder = |ladder: u8| {
        let steps = json!([{"units": 3, "unit_price_minor": 500}]);
        let prices = json!({"unit_price_minor": 600, "steps": steps});
        json!({"ladder": ladder, "prices": prices, "set_at_ms": LATER})
    };
    steer(&mut story, "PricesSet", 92, ladder(3));
    let east = |units| [("east", units)];
    place(&mut story, (93, "ida", LATER), &east(2), &[(Some(0), None, 2, 500)], json!({}));
    steer(&mut story, "PricesSet", 94, ladder(4));
    place(&mut story, (95, "jon", LATER), &east(1), &[(Some(0), None, 1, 500)], json!({}));
    story.cancel(93, 96, LATER);
    let parts = [(Some(0), None, 2, 500), (None, None, 1, 600)];
    place(&mut story, (97, "kim", LATER), &east(3), &parts, json!({"total_minor": 1600}));
    let proof = story.show(|_, _| {});
    assert!(proof.ok(), "{proof}");
}

#[test]
fn a_step_of_the_reserve_plan_is_judged_after_the_release_of_the_one_before_it() {
    let mut story = goods::sound();
    story.allocate("A", 90, 0, "east", 20, LATER);
    let reserve = json!({"warehouse": "east", "units": 5, "set_at_ms": LATER});
    steer(&mut story, "ReserveSet", 91, reserve);
    let mut steps = goods::reserve_plan();
    // 21 are available, and 24 after the first of these.
    for (below, act) in [(22, "release"), (23, "propose")] {
        let step = json!({"below_units": below, "release_units": 3, "act": act});
        steps.as_array_mut().unwrap().push(step);
    }
    steer(&mut story, "ReservePlanSet", 92, json!({"steps": steps, "set_at_ms": LATER}));
    let released = json!({"warehouse": "east", "units": 3, "released_at_ms": LATER});
    fire(&mut story, "ReserveReleased", 2, 0, released);
    let proof = story.show(|_, _| {});
    assert!(proof.ok(), "{proof}");
}
