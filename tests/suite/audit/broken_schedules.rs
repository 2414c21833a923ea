//! A log whose sale is rescheduled, and logs whose sales and items cannot have been given their windows.

use serde_json::{Value, json};

use super::{
    Rewrite,
    story::{CLOSES, OPENS, Story, act, sound},
};

/// When the sale is extended, and until when.
const AT: i64 = OPENS + 30_000;
const LONGER: i64 = CLOSES + 5_000;

fn window(opens: i64, closes: i64) -> Value {
    json!({"opens_at_ms_before": OPENS, "closes_at_ms_before": CLOSES, "opens_at_ms": opens,
        "closes_at_ms": closes, "act": act(60), "rescheduled_at_ms": AT})
}

fn told(closes: i64, sale_revision: u64) -> Value {
    json!({"opens_at_ms": OPENS, "closes_at_ms": closes, "sale_revision": sale_revision,
        "act": act(60), "scheduled_at_ms": AT})
}

/// The sound log up to where its sale is closed; there the sale is extended, and its items with it.
pub fn rescheduled() -> Story {
    let mut story = sound();
    story.events.truncate(story.index("SaleClosed"));
    let revision = story.events.iter().filter(|event| event.stream.starts_with("sale-")).count();
    story.on_sale("SaleRescheduled", 60, window(OPENS, LONGER));
    for sku in ["A", "B"] {
        story.steer(sku, "ItemScheduled", 60, 0, told(LONGER, revision as u64));
    }
    story.place(61, "dan", &[("north", 1)], CLOSES + 1);
    story
}

pub fn schedules_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "an order after the old closing, of an item that was not told",
            |s| s.events.retain(|event| event.data.get("sale_revision").is_none()),
            "outside",
        ),
        (
            "a sale that was on sale at other moments",
            |s| s.first("SaleRescheduled").data["closes_at_ms_before"] = json!(CLOSES - 1),
            "the sale is moved from",
        ),
        (
            "an opening that has passed",
            |s| s.first("SaleRescheduled").data["opens_at_ms"] = json!(AT + 1),
            "an opening that has passed is moved",
        ),
        (
            "a closing in the past",
            |s| s.first("SaleRescheduled").data["closes_at_ms"] = json!(AT),
            "the closing of the sale is moved into the past",
        ),
        (
            "a sale that was over",
            |s| s.first("SaleRescheduled").data["rescheduled_at_ms"] = json!(CLOSES),
            "and was over at",
        ),
        (
            "a sale that closes before it opens",
            |s| s.first("SaleRescheduled").data["closes_at_ms"] = json!(OPENS),
            "the sale closes before it opens",
        ),
        (
            "a sale that is moved to where it was",
            |s| s.first("SaleRescheduled").data["closes_at_ms"] = json!(CLOSES),
            "moved to where it was",
        ),
        (
            "a closed sale",
            |s| {
                let at = s.index("SaleRescheduled");
                let closed = json!({"act": act(62), "closed_at_ms": AT});
                s.on_sale("SaleClosed", 62, closed);
                let closed = s.events.pop().unwrap();
                s.events.insert(at, closed);
            },
            "a closed sale is rescheduled",
        ),
        (
            "a window that the sale did not decide",
            |s| last_told(s)["closes_at_ms"] = json!(LONGER + 1),
            "the window is none that the sale decided",
        ),
        (
            "prices that move where the opening did not",
            |s| last_told(s)["moved_ms"] = json!(1),
            "the window is none that the sale decided",
        ),
        (
            "a window for no event of the sale",
            |s| _ = last_told(s).as_object_mut().unwrap().remove("sale_revision"),
            "for no event of the sale",
        ),
        (
            "a window by nobody",
            |s| {
                for name in ["sale_revision", "act", "scheduled_at_ms"] {
                    last_told(s).as_object_mut().unwrap().remove(name);
                }
            },
            "the window is none that the sale decided",
        ),
        (
            "an event of the sale that is carried out twice",
            |s| {
                let mut again = last_told(s).clone();
                again["act"] = act(63);
                s.steer("B", "ItemScheduled", 63, 0, again);
            },
            "of the sale is carried out after",
        ),
    ]
}

/// What the last item was told.
fn last_told(story: &mut Story) -> &mut Value {
    let told = story.events.iter_mut().rev().find(|event| event.kind == "ItemScheduled");
    &mut told.expect("it was told").data
}
