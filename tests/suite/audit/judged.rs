//! Events that were judged at another moment than they are stamped with: what explains that, and what
//! is nonsense.

use serde_json::{Value, json};

use super::{
    story::{OPENS, Story, TIME_TO_PAY, act, sound},
    verdict,
};

/// The latest stamp on the item before what is added here.
const LAST: i64 = OPENS + 20_001;

/// The sound log while its sale is on, and two orders, a payment and a pause by a clock that went back.
fn told() -> Story {
    let mut story = sound();
    let closed = story.index("SaleClosed");
    story.events.truncate(closed);
    story.place(30, "dan", &[("west", 1)], LAST);
    judged(&mut story, LAST - 500);
    story.events.last_mut().unwrap().data["pay_by_ms"] = json!(LAST - 500 + TIME_TO_PAY);
    story.place(31, "ema", &[("west", 1)], LAST);
    judged(&mut story, LAST - 400);
    story.events.last_mut().unwrap().data["pay_by_ms"] = json!(LAST - 400 + TIME_TO_PAY);
    // A deadline that was moved back with the clock, and one that was moved forwards.
    story.expire(30, LAST);
    judged(&mut story, LAST - 500 + TIME_TO_PAY);
    story.pay(31, 32, LAST + 50_000);
    judged(&mut story, LAST - 401 + TIME_TO_PAY);
    let paused = json!({"act": act(33), "paused_at_ms": LAST + 50_000});
    story.steer("A", "ItemPaused", 33, 0, paused);
    judged(&mut story, LAST + 1_000);
    let paused = json!({"act": act(34), "paused_at_ms": OPENS + 20_000});
    story.on_sale("SalePaused", 34, paused);
    judged(&mut story, OPENS + 10_000);
    story
}

fn judged(story: &mut Story, at: impl Into<Value>) {
    story.events.last_mut().unwrap().metadata["judged_at_ms"] = at.into();
}

fn verdict_of(story: &Story) -> String {
    let dir = tempfile::tempdir().unwrap();
    story.write(dir.path());
    verdict(dir.path())
}

#[test]
fn events_of_a_clock_that_went_back_and_of_deadlines_that_moved_are_sound() {
    let said = verdict_of(&told());
    assert!(said.contains("is sound"), "{said}");
}

#[test]
fn a_judgement_that_nothing_explains_is_found() {
    type Spoil = fn(&mut Story);
    let cases: [(Spoil, &str); 13] = [
        (|s| place(s, LAST, json!(LAST)), "is the event's own time, and should be absent"),
        (|s| place(s, LAST, json!(LAST + 1)), "after its own time"),
        (|s| place(s, LAST + 1, json!(LAST - 1)), "no earlier event has its time"),
        (|s| place(s, LAST, json!(-1)), "judged_at_ms is -1, before 1970"),
        (|s| place(s, LAST, json!("1020000")), "the metadata cannot be read"),
        (|s| place(s, LAST, Value::Null), "the metadata cannot be read"),
        (|s| place(s, LAST, json!(1.5)), "the metadata cannot be read"),
        (|s| place(s, LAST, json!(OPENS - 1)), "outside the item's window"),
        (
            |s| {
                place(s, LAST, json!(LAST - 9));
                s.expire(40, LAST + 90_000);
                judged(s, LAST - 10 + TIME_TO_PAY);
            },
            "is expired before its deadline",
        ),
        (
            |s| {
                place(s, LAST, json!(LAST - 9));
                s.pay(40, 41, LAST);
                judged(s, LAST - 9 + TIME_TO_PAY);
            },
            "is paid at or after its deadline",
        ),
        (
            |s| s.first("ItemScheduled").metadata["judged_at_ms"] = json!(5),
            "judged_at_ms has no place in the metadata of ItemScheduled",
        ),
        (
            |s| s.first("DemandTick").metadata["judged_at_ms"] = json!(5),
            "judged_at_ms has no place in the metadata of DemandTick",
        ),
        (
            |s| s.first("SaleResumed").metadata["judged_at_ms"] = json!(OPENS + 20_001),
            "after its own time",
        ),
    ];
    for (spoil, words) in cases {
        let mut story = sound();
        let closed = story.index("SaleClosed");
        story.events.truncate(closed);
        spoil(&mut story);
        let said = verdict_of(&story);
        assert!(said.contains(words) && !said.contains("is sound"), "{words}:\n{said}");
        assert!(!said.contains("hash chain"), "{words}: the chain is right here:\n{said}");
    }
}

/// An order stamped so, judged so, with the deadline that makes of it.
fn place(story: &mut Story, at_ms: i64, moment: Value) {
    story.place(40, "dan", &[("west", 1)], at_ms);
    if let Some(moment_ms) = moment.as_i64() {
        story.events.last_mut().unwrap().data["pay_by_ms"] = json!(moment_ms + TIME_TO_PAY);
    }
    judged(story, moment);
}
