//! Logs whose chain is right but in which incidents, wordings or levels cannot have gone so.

use serde_json::json;
use uuid::Uuid;

use super::{
    Rewrite,
    story::{Story, act, sound, uuid},
};

const SERVICE: Uuid = Uuid::from_u128(0x2247887c_52f15f68_a2fbcd4d_b1f239f8);

fn incident() -> Uuid {
    Uuid::new_v5(&uuid(60), b"incident")
}

/// The sound story with an incident, a wording in two versions, an alert and two levels.
fn with_operations() -> Story {
    let mut story = sound();
    let id = incident();
    let detected = json!({"sale_id": uuid(1), "title": "slow", "detected_by": "person",
        "began_at_ms": 1_000, "act": act(60), "detected_at_ms": 2_000});
    story.around("incident", id, "IncidentDetected", 60, detected);
    let assessed = json!({"severity": "major", "impact": "slow", "owner": "eve",
        "act": act(61), "assessed_at_ms": 2_000});
    story.around("incident", id, "IncidentAssessed", 61, assessed);
    let resolved = json!({"ended_at_ms": 3_000, "act": act(62), "resolved_at_ms": 3_000});
    story.around("incident", id, "IncidentResolved", 62, resolved);
    let reviewed = json!({"cause": "a", "lessons": "b", "act": act(63), "reviewed_at_ms": 4_000});
    story.around("incident", id, "IncidentReviewed", 63, reviewed);
    let script = Uuid::new_v5(&SERVICE, b"incident/en");
    let published = json!({"situation": "incident", "language": "en", "version": 1, "text": "a",
        "act": act(64), "published_at_ms": 1_000});
    story.around("script", script, "ScriptPublished", 64, published);
    let withdrawn = json!({"situation": "incident", "language": "en", "version": 2,
        "act": act(65), "withdrawn_at_ms": 1_000});
    story.around("script", script, "ScriptWithdrawn", 65, withdrawn);
    let set = json!({"level": "no_traffic", "before": "full", "act": act(66), "set_at_ms": 1_000});
    story.around("level", SERVICE, "LevelSet", 66, set);
    story
}

#[test]
fn what_happened_around_a_sale_is_sound_where_its_steps_are_in_order() {
    let proof = with_operations().show(|_, _| {});
    assert!(proof.ok(), "{proof}");
}

#[test]
fn steps_around_a_sale_that_cannot_be_are_found() {
    let cases: Vec<Rewrite> = vec![
        ("an id of another", |s| s.first("IncidentAssessed").id = uuid(7), "not the one that"),
        (
            "another incident's id",
            |s| s.first("IncidentDetected").data["act"] = act(70),
            "the incident's id is not the one",
        ),
        (
            "a review before the end",
            |s| s.events.retain(|event| event.kind != "IncidentResolved"),
            "reviewed before it is resolved",
        ),
        (
            "no beginning",
            |s| s.events.retain(|event| event.kind != "IncidentDetected"),
            "does not begin with its detection",
        ),
        (
            "an end before the beginning",
            |s| s.first("IncidentResolved").data["ended_at_ms"] = json!(999),
            "ends before it began",
        ),
        (
            "an unknown severity",
            |s| s.first("IncidentAssessed").data["severity"] = json!("bad"),
            "no incident is",
        ),
        (
            "time that runs backwards",
            |s| s.first("IncidentReviewed").data["reviewed_at_ms"] = json!(1),
            "time runs backwards",
        ),
        (
            "a version left out",
            |s| s.first("ScriptWithdrawn").data["version"] = json!(3),
            "version 3 follows version 1",
        ),
        (
            "a wording of another situation",
            |s| s.first("ScriptPublished").data["situation"] = json!("order.held"),
            "stands in the stream of another",
        ),
        (
            "withdrawn without being published",
            |s| s.events.retain(|event| event.kind != "ScriptPublished"),
            "withdrawn that was not published",
        ),
        (
            "another level before",
            |s| s.first("LevelSet").data["before"] = json!("closed"),
            "the level before was \"full\"",
        ),
        (
            "an unknown level",
            |s| s.first("LevelSet").data["level"] = json!("half"),
            "no level is called",
        ),
        (
            "an alert that was never raised",
            |s| {
                let cleared = json!({"alert_id": uuid(80), "rule": "low_stock",
                    "because": "recovered", "cleared_at_ms": 5_000});
                s.around("alert", SERVICE, "AlertCleared", 80, cleared);
            },
            "was never raised",
        ),
    ];
    for (name, spoil, words) in cases {
        let mut story = with_operations();
        spoil(&mut story);
        let said = story.show(|_, _| {}).to_string();
        assert!(said.contains(words) && !said.contains("is sound"), "{name}:\n{said}");
    }
}
