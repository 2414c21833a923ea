//! Logs whose chain is right but in which incidents, wordings or levels cannot have gone so.

use serde_json::json;
use uuid::Uuid;

use super::{
    Rewrite,
    story::{SERVICE, Story, act, sound, uuid},
};

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
    with_nodes(&mut story);
    story
}

/// Two nodes are announced; the first one starts again under its address, and the second one leaves.
fn with_nodes(story: &mut Story) {
    let mut announce = |number, address: &str, started_ms, at_ms| {
        let announced = json!({"node_id": uuid(number), "address": address, "version": "0.1.0",
            "wire": 1, "started_at_ms": started_ms, "announced_at_ms": at_ms});
        story.on_roll("NodeAnnounced", number, announced);
    };
    announce(90, "node-1:7430", 1_000, 1_000);
    announce(91, "[::1]:7430", 1_500, 2_000);
    announce(92, "node-1:7430", 2_000, 2_000);
    story.on_roll("NodeLeft", 91, json!({"node_id": uuid(91), "left_at_ms": 3_000}));
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
            "an event id of another place",
            |s| s.first("NodeLeft").id = Uuid::new_v5(&uuid(91), b"roll/4"),
            "not the one that node",
        ),
        (
            "a stream of another node",
            |s| s.first("NodeAnnounced").stream = format!("node-{}", uuid(5)),
            "this is another",
        ),
        (
            "a node that leaves without being announced",
            |s| s.first("NodeLeft").data["node_id"] = json!(uuid(90)),
            "leaves but is not announced",
        ),
        (
            "an address without a port",
            |s| s.first("NodeAnnounced").data["address"] = json!("node-1"),
            "no host with a port",
        ),
        (
            "an address that nobody can call",
            |s| s.first("NodeAnnounced").data["address"] = json!("0.0.0.0:7430"),
            "no host with a port",
        ),
        (
            "no version",
            |s| s.first("NodeAnnounced").data["version"] = json!(""),
            "is of no version",
        ),
        (
            "an address of a node that started later",
            |s| s.first("NodeAnnounced").data["started_at_ms"] = json!(2_001),
            "which started later",
        ),
        (
            "one id at two addresses",
            |s| {
                let mut again = s.first("NodeAnnounced").data.clone();
                again["address"] = json!("node-3:7430");
                again["node_id"] = json!(uuid(92));
                again["announced_at_ms"] = json!(3_000);
                s.on_roll("NodeAnnounced", 92, again);
            },
            "another address or start",
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
