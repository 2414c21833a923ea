//! Logs whose chain is right but whose beacons cannot have come so.

use serde_json::json;

use super::{
    Rewrite,
    story::{item, packed_beacons, uuid},
};

const KIND: &str = "TrafficRecorded";

pub fn beacons_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "an event of another kind",
            |s| s.first(KIND).kind = "Seen".to_owned(),
            "no event of traffic",
        ),
        ("an event with another id", |s| s.first(KIND).id = uuid(7), "not the one of its place"),
        ("before 1970", |s| s.first(KIND).data["from_ms"] = json!(-1), "before 1970"),
        ("no base64", |s| s.first(KIND).data["packed"] = json!("%"), "not base64"),
        ("a part of a beacon", |s| s.first(KIND).data["packed"] = json!("AAAA"), "whole number"),
        (
            "a wrong count",
            |s| s.first(KIND).data["beacons"] = json!(3),
            "counts 3 beacons but packs 2",
        ),
        (
            "a beacon twice",
            |s| {
                s.first(KIND).data["packed"] =
                    json!(packed_beacons(&[(1, 0, 0, [1; 5]), (1, 9, 0, [1; 5])]))
            },
            "packed twice",
        ),
        (
            "a beacon without an id",
            |s| {
                s.first(KIND).data["packed"] =
                    json!(packed_beacons(&[(0, 0, 0, [1; 5]), (1, 9, 0, [1; 5])]))
            },
            "has no id",
        ),
        (
            "an unknown action",
            |s| {
                s.first(KIND).data["packed"] =
                    json!(packed_beacons(&[(1, 0, 5, [1; 5]), (2, 9, 0, [1; 5])]))
            },
            "unknown action 5",
        ),
        (
            "a live purchase",
            |s| {
                s.first(KIND).data["packed"] =
                    json!(packed_beacons(&[(1, 0, 4, [1; 5]), (2, 9, 0, [1; 5])]))
            },
            "is a purchase",
        ),
        (
            "nobody",
            |s| {
                s.first(KIND).data["packed"] =
                    json!(packed_beacons(&[(1, 0, 0, [0, 1, 1, 1, 1]), (2, 9, 0, [1; 5])]))
            },
            "no visitor",
        ),
        (
            "a row that is not there",
            |s| {
                s.first(KIND).data["packed"] =
                    json!(packed_beacons(&[(1, 0, 0, [1, 1, 1, 2, 1]), (2, 9, 0, [1; 5])]))
            },
            "names page 2 of 1",
        ),
        (
            "a beginning before the first beacon",
            |s| {
                s.first(KIND).data["packed"] =
                    json!(packed_beacons(&[(1, 5, 0, [1; 5]), (2, 9, 0, [1; 5])]))
            },
            "5 ms after the event's beginning",
        ),
        (
            "a visitor twice in the table",
            |s| s.first(KIND).data["visitors"] = json!(["ann", "ann"]),
            "stands in the table twice",
        ),
        (
            "an unknown attribute",
            |s| s.first(KIND).data["shoppers"] = json!([{"age_band": "old"}]),
            "no known name",
        ),
        (
            "a sale beside that of the stream",
            |s| s.first(KIND).data["sale_id"] = json!(uuid(3)),
            "name a sale beside",
        ),
        (
            "a recorded item with the id of another",
            |s| {
                s.first(KIND).data["recording"] = json!("hour");
                s.first(KIND).data["items"] = json!([{"item_id": item("A"), "sku": "B"}]);
            },
            "has the id of another",
        ),
    ]
}
