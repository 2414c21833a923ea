//! Logs whose chain is right but in which an order is in two exports, or in none.

use serde_json::{Value, json};

use super::{
    Rewrite,
    story::{OPENS, Story, act, sale, sound, uuid},
};

fn exported(request: u128, ends: (i64, i64), orders: i64) -> Value {
    json!({"after": ends.0, "upto": ends.1, "orders": orders, "sha256": "ab".repeat(32),
        "act": act(request), "exported_at_ms": OPENS + 50_000 + request as i64})
}

/// The sound story, which has two payments, and an export of each.
fn with_exports() -> Story {
    let mut story = sound();
    story.around("fulfilment", sale(), "OrdersExported", 70, exported(70, (0, 1), 1));
    story.around("fulfilment", sale(), "OrdersExported", 72, exported(72, (1, 2), 1));
    story
}

#[test]
fn exports_that_follow_each_other_are_sound() {
    let proof = with_exports().show(|_, _| {});
    assert!(proof.ok(), "{proof}");
}

#[test]
fn exports_that_repeat_or_leave_out_orders_are_found() {
    let cases: Vec<Rewrite> = vec![
        (
            "an order in two exports",
            |s| s.events.last_mut().unwrap().data["after"] = json!(0),
            "begins after 0, but the one before ended at 1",
        ),
        (
            "an order in none",
            |s| s.first("OrdersExported").data = exported(70, (0, 0), 0),
            "begins after 1, but the one before ended at 0",
        ),
        (
            "an empty export",
            |s| s.first("OrdersExported").data = exported(70, (0, 0), 0),
            "it is empty",
        ),
        (
            "orders that were not paid yet",
            |s| s.first("OrdersExported").data = exported(70, (0, 3), 3),
            "from 0 to 3, but the sale has 2 payments",
        ),
        (
            "a number below 0",
            |s| s.first("OrdersExported").data = exported(70, (-1, 1), 1),
            "from -1 to 1, but the sale has 2 payments",
        ),
        (
            "orders left out of the count",
            |s| s.first("OrdersExported").data["orders"] = json!(0),
            "has 0 orders, but 1 were paid",
        ),
        (
            "a digest that is none",
            |s| s.first("OrdersExported").data["sha256"] = json!("AB".repeat(32)),
            "the digest of the export is",
        ),
        ("an id of another", |s| s.first("OrdersExported").id = uuid(7), "not the one that"),
        (
            "time that runs backwards",
            |s| s.events.last_mut().unwrap().data["exported_at_ms"] = json!(1),
            "time runs backwards",
        ),
        (
            "a request that made two",
            |s| s.events.last_mut().unwrap().data["act"] = act(70),
            "is used twice",
        ),
        (
            "another event",
            |s| s.first("OrdersExported").kind = "OrdersShipped".to_owned(),
            "no event of exports is called",
        ),
        (
            "exports that come before the payments",
            |s| s.events.rotate_right(2),
            "from 0 to 1, but the sale has 0 payments",
        ),
        (
            "a sale without a payment",
            |s| {
                s.around("fulfilment", uuid(80), "OrdersExported", 81, exported(81, (0, 1), 1));
            },
            "but the sale has 0 payments",
        ),
    ];
    for (name, spoil, words) in cases {
        let mut story = with_exports();
        spoil(&mut story);
        let said = story.show(|_, _| {}).to_string();
        assert!(said.contains(words) && !said.contains("is sound"), "{name}:\n{said}");
    }
}
