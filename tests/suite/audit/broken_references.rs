//! What a shop calls its orders: other forms than ours in a log are found.

use serde_json::{Value, json};

use super::{Rewrite, each_is_found_at_an_item, story::sound};

fn references_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "an id of the shop that is empty",
            |s| s.first("OrderPlaced").data["shop_order_id"] = json!(""),
            "the shop's id of the order, \"\", does not have 1 to 64 characters",
        ),
        (
            "an id of the shop that is too long",
            |s| s.first("OrderPlaced").data["shop_order_id"] = json!("x".repeat(65)),
            "does not have 1 to 64 characters",
        ),
        (
            "no labels, but said",
            |s| s.first("OrderPlaced").data["labels"] = json!({}),
            "the order has 0 labels instead of 1 to 10",
        ),
        (
            "too many labels",
            |s| {
                let labels = (b'a'..=b'k').map(|name| (char::from(name).to_string(), json!("1")));
                s.first("OrderPlaced").data["labels"] = Value::Object(labels.collect());
            },
            "the order has 11 labels instead of 1 to 10",
        ),
        (
            "a label without a value",
            |s| s.first("OrderPlaced").data["labels"] = json!({ "store": "" }),
            "label \"store\" with \"\" does not have 1 to 64 characters each",
        ),
        (
            "a label whose value is no text",
            |s| s.first("OrderPlaced").data["labels"] = json!({ "store": 1 }),
            "the body of this OrderPlaced cannot be read",
        ),
    ]
}

#[test]
fn what_a_shop_calls_an_order_is_judged_for_its_form() {
    let mut story = sound();
    story.first("OrderPlaced").data["shop_order_id"] = json!("汉".repeat(64));
    story.first("OrderPlaced").data["labels"] = json!({ "campaign": "1111", "store": "浦东" });
    let proof = story.show(|_, _| {});
    assert!(proof.ok(), "{proof}");
    each_is_found_at_an_item(sound, references_that_cannot_be());
}
