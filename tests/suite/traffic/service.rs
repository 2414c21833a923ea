//! `RecordTraffic`: what is accepted is in the log, what is wrong is told by field, nothing counts
//! twice.

use std::collections::HashSet;

use doorbuster::{
    events::{BEACONS_PER_EVENT_MAX, TrafficAction},
    grpc::proto::{self, BeaconRefusalReason},
};
use tonic::Code;
use tonic_types::StatusExt;

use super::{beacons_of, traffic_of};
use crate::support::{Node, OPENS_AT, beacon, item, order, request_id, timestamp};

async fn shop() -> (Node, String, String) {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("east", 1_000)])]).await;
    (node, sale, items[0].clone())
}

/// Reason, how many, and the first one's field.
fn refusals(answer: &proto::RecordTrafficResponse) -> Vec<(BeaconRefusalReason, i64, &str)> {
    let each = answer.refused.iter();
    each.map(|refused| (refused.reason(), refused.beacons, refused.field.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_beacons_are_in_the_log_as_they_were_sent() {
    let (mut node, sale, item_id) = shop().await;
    let actions = [
        proto::TrafficAction::View,
        proto::TrafficAction::Favourite,
        proto::TrafficAction::Cart,
        proto::TrafficAction::Share,
    ];
    let mut sent: Vec<proto::Beacon> = actions
        .into_iter()
        .map(|action| proto::Beacon { action: action.into(), ..beacon(&item_id, "ann") })
        .collect();
    sent.push(proto::Beacon {
        item_id: String::new(),
        sale_id: sale.clone(),
        page: "/sale?x=\"1\"&y=永远".to_owned(),
        age_band: "25-34".to_owned(),
        gender: "female".to_owned(),
        region: "east".to_owned(),
        spending_tier: "top".to_owned(),
        time: Some(timestamp(OPENS_AT.plus(-300_000))),
        ..beacon("", "bob")
    });
    sent.push(proto::Beacon { sale_id: sale.clone(), ..beacon(&item_id, "cyd") });
    let answer = node.record(sent.clone()).await.unwrap();
    assert_eq!((answer.accepted, answer.duplicates, answer.shed), (6, 0, 0));
    assert!(answer.refused.is_empty());

    let traffic = traffic_of(node.data());
    assert!(traffic.iter().all(|(stream, _)| *stream == format!("traffic-{sale}")));
    let found = beacons_of(&traffic);
    let ids: Vec<String> = found.iter().map(|beacon| beacon.id.to_string()).collect();
    assert_eq!(ids, sent.iter().map(|beacon| beacon.beacon_id.clone()).collect::<Vec<_>>());
    let actions: Vec<TrafficAction> = found.iter().map(|beacon| beacon.action).collect();
    assert_eq!(actions[..4], TrafficAction::ALL[..4]);
    let event = &traffic[0].1;
    assert_eq!((event.from_ms, event.recording.as_ref()), (OPENS_AT.plus(-300_000), None));
    assert_eq!(event.visitors, ["ann", "bob", "cyd"]);
    assert_eq!((found[0].after_ms, found[4].after_ms, found[4].item), (300_000, 0, 0));
    node.stop();
    let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_that_comes_again_counts_once_also_after_a_restart() {
    let (mut node, _, item_id) = shop().await;
    let beacons: Vec<_> = (0..20).map(|n| beacon(&item_id, &format!("v-{n}"))).collect();
    let twice = [beacons.clone(), beacons.clone()].concat();
    let answer = node.record(twice).await.unwrap();
    assert_eq!((answer.accepted, answer.duplicates), (20, 20));
    node.advance(599);
    assert_eq!(node.record(beacons.clone()).await.unwrap().duplicates, 20);
    node.restart().await;
    let fresh = beacon(&item_id, "new");
    let again = [beacons.clone(), vec![fresh]].concat();
    let answer = node.record(again).await.unwrap();
    assert_eq!((answer.accepted, answer.duplicates), (1, 20));
    assert_eq!(beacons_of(&traffic_of(node.data())).len(), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_beacons_are_refused_by_field_and_the_others_taken() {
    let (node, sale, item_id) = shop().await;
    let good = || beacon(&item_id, "ann");
    type Spoil = fn(&mut proto::Beacon);
    let spoilt: [(Spoil, BeaconRefusalReason, &str); 17] = [
        (|b| b.beacon_id = String::new(), BeaconRefusalReason::Invalid, "beacon_id"),
        (|b| b.beacon_id = "7".to_owned(), BeaconRefusalReason::Invalid, "beacon_id"),
        (|b| b.item_id = String::new(), BeaconRefusalReason::Invalid, "item_id"),
        (|b| b.item_id = "'; DROP TABLE".to_owned(), BeaconRefusalReason::Invalid, "item_id"),
        (|b| b.action = 0, BeaconRefusalReason::Invalid, "action"),
        (|b| b.action = 99, BeaconRefusalReason::Invalid, "action"),
        (|b| b.visitor = String::new(), BeaconRefusalReason::Invalid, "visitor"),
        (|b| b.visitor = "v".repeat(129), BeaconRefusalReason::Invalid, "visitor"),
        (|b| b.visitor = "a\u{7}b".to_owned(), BeaconRefusalReason::Invalid, "visitor"),
        (|b| b.channel = "c".repeat(65), BeaconRefusalReason::Invalid, "channel"),
        (|b| b.page = "p".repeat(100_000), BeaconRefusalReason::Invalid, "page"),
        (|b| b.age_band = "old".to_owned(), BeaconRefusalReason::Invalid, "age_band"),
        (|b| b.region = "\u{202e}".to_owned(), BeaconRefusalReason::Invalid, "region"),
        (
            |b| b.time = Some(prost_types::Timestamp { seconds: i64::MIN, nanos: 0 }),
            BeaconRefusalReason::Invalid,
            "time",
        ),
        (
            |b| b.time = Some(timestamp(OPENS_AT.plus(-601_000))),
            BeaconRefusalReason::TimeOutOfRange,
            "time",
        ),
        (
            |b| b.time = Some(timestamp(OPENS_AT.plus(61_000))),
            BeaconRefusalReason::TimeOutOfRange,
            "time",
        ),
        (|b| b.item_id = request_id(), BeaconRefusalReason::UnknownItem, "item_id"),
    ];
    let mut taken = 0;
    for (spoil, reason, field) in spoilt {
        let mut bad = good();
        spoil(&mut bad);
        let mut answer = node.record(vec![good(), bad.clone(), good()]).await.unwrap();
        // A node that is too busy to know yet says so; asked again it knows.
        while answer.shed > 0 {
            taken += answer.accepted;
            answer = node.record(vec![good(), bad.clone(), good()]).await.unwrap();
        }
        taken += answer.accepted;
        assert_eq!(answer.accepted, 2, "{field}");
        let field = format!("beacons[1].{field}");
        assert_eq!(refusals(&answer), [(reason, 1, field.as_str())]);
        assert!(answer.refused[0].message.starts_with(&field), "{answer:?}");
    }
    let no_sale = proto::Beacon { sale_id: request_id(), item_id: String::new(), ..good() };
    let other_sale = proto::Beacon { sale_id: request_id(), ..good() };
    let answer = node.record(vec![no_sale, other_sale]).await.unwrap();
    let expected = [
        (BeaconRefusalReason::Invalid, 1, "beacons[1].sale_id"),
        (BeaconRefusalReason::UnknownSale, 1, "beacons[0].sale_id"),
    ];
    assert_eq!(refusals(&answer), expected);
    let events = traffic_of(node.data());
    assert!(events.iter().all(|(stream, _)| *stream == format!("traffic-{sale}")));
    assert_eq!(beacons_of(&events).len() as i64, taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_counted_over_all_messages_of_a_call() {
    let (node, _, item_id) = shop().await;
    let bad = proto::Beacon { visitor: String::new(), ..beacon(&item_id, "x") };
    let messages = vec![
        proto::RecordTrafficRequest { beacons: vec![beacon(&item_id, "a"), beacon(&item_id, "b")] },
        proto::RecordTrafficRequest { beacons: Vec::new() },
        proto::RecordTrafficRequest { beacons: vec![beacon(&item_id, "c"), bad.clone(), bad] },
    ];
    let call = tokio_stream::iter(messages);
    let answer = node.traffic().record_traffic(call).await.unwrap().into_inner();
    assert_eq!(answer.accepted, 3);
    assert_eq!(refusals(&answer), [(BeaconRefusalReason::Invalid, 2, "beacons[3].visitor")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_beacons_in_a_message_are_refused_by_name() {
    let (node, _, item_id) = shop().await;
    let beacons = (0..1_001).map(|_| beacon(&item_id, "ann")).collect();
    let status = node.record(beacons).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let bad = status.get_details_bad_request().unwrap();
    assert_eq!(bad.field_violations[0].field, "beacons");
    assert!(traffic_of(node.data()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_before_the_one_that_fails_a_call_stay_taken() {
    let (node, _, item_id) = shop().await;
    let mut sent = HashSet::new();
    for round in 0..40 {
        let good = beacon(&item_id, &format!("v-{round}"));
        sent.insert(good.beacon_id.clone());
        // So small that both messages are there when the call is read.
        let many = vec![proto::Beacon::default(); 1_001];
        let messages = [vec![good], many].map(|beacons| proto::RecordTrafficRequest { beacons });
        let call = tokio_stream::iter(messages);
        let status = node.traffic().record_traffic(call).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    let found = beacons_of(&traffic_of(node.data()));
    let found: HashSet<_> = found.iter().map(|beacon| beacon.id.to_string()).collect();
    assert_eq!(found, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_that_was_ahead_is_known_after_a_restart_for_as_long_as_it_may_come() {
    let (mut node, _, item_id) = shop().await;
    let time = Some(timestamp(OPENS_AT.plus(60_000)));
    let ahead = vec![proto::Beacon { time, ..beacon(&item_id, "ann") }];
    assert_eq!(node.record(ahead.clone()).await.unwrap().accepted, 1);
    node.advance(650);
    node.restart().await;
    assert_eq!(node.record(ahead).await.unwrap().duplicates, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_distinct_channels_fit_into_bounded_events() {
    let (mut node, _, item_id) = shop().await;
    let messages = (0..10).map(|message| proto::RecordTrafficRequest {
        beacons: (0..1_000)
            .map(|n| proto::Beacon {
                channel: format!("={message}-{n}{}", "c".repeat(40)),
                ..beacon(&item_id, "ann")
            })
            .collect(),
    });
    let messages: Vec<_> = messages.collect();
    let call = tokio_stream::iter(messages);
    let answer = node.traffic().record_traffic(call).await.unwrap().into_inner();
    assert_eq!(answer.accepted, 10_000);
    let traffic = traffic_of(node.data());
    assert!(traffic.iter().all(|(_, event)| event.channels.len() <= BEACONS_PER_EVENT_MAX));
    let channels: HashSet<_> =
        traffic.iter().flat_map(|(_, event)| event.channels.clone()).collect();
    assert_eq!(channels.len(), 10_000);
    node.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_beacons_leaves_every_order_answered() {
    let node = Node::start_with(|config| config.traffic_waiting_max = 3_000).await;
    let (_, items) = node.sale(vec![item("phone", &[("east", 1_000)])]).await;
    let item_id = items[0].clone();
    let mut floods = tokio::task::JoinSet::new();
    for flood in 0..4 {
        let (mut client, item_id) = (node.traffic(), item_id.clone());
        floods.spawn(async move {
            let messages: Vec<_> = (0..10)
                .map(|m| proto::RecordTrafficRequest {
                    beacons: (0..1_000)
                        .map(|n| beacon(&item_id, &format!("v-{flood}-{m}-{n}")))
                        .collect(),
                })
                .collect();
            client.record_traffic(tokio_stream::iter(messages)).await.unwrap().into_inner()
        });
    }
    for buyer in 0..100 {
        order(&node.place(&item_id, &format!("buyer-{buyer}"), 1).await.unwrap());
    }
    let (mut accepted, mut shed) = (0, 0);
    while let Some(answer) = floods.join_next().await {
        let answer = answer.unwrap();
        accepted += answer.accepted;
        shed += answer.shed;
    }
    assert_eq!(accepted + shed, 40_000, "every beacon is in exactly one count");
    assert_eq!(beacons_of(&traffic_of(node.data())).len() as i64, accepted);
}
