//! Goal: the service streams what is in the log, compares read models down to the row, and refuses
//! what makes no sense by the name of the field. Method: real gRPC on the sale of ten shoppers.

use doorbuster::{
    grpc::proto::{self, log_point::Point},
    projections::{compare_rows, view_path},
    replay::pace::{Metronome, Pace, pace},
    values::UnixMs,
};
use rusqlite::Connection;
use tonic::{Code, Status};

use super::ten::{Ten, at};
use crate::support::{self, Node};

fn point(point: Point) -> Option<proto::LogPoint> {
    Some(proto::LogPoint { point: Some(point) })
}

async fn events(
    node: &Node,
    request: proto::ReplayItemRequest,
) -> Result<Vec<proto::ReplayItemResponse>, Status> {
    let mut stream = node.replays().replay_item(request).await?.into_inner();
    let mut events = Vec::new();
    while let Some(event) = stream.message().await? {
        events.push(event);
    }
    Ok(events)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_items_events_come_in_order_and_within_the_range() {
    let ten = Ten::opened().await;
    let whole =
        proto::ReplayItemRequest { item_id: ten.item.clone(), unpaced: true, ..Default::default() };
    let all = events(&ten.node, whole.clone()).await.unwrap();
    let kinds: Vec<&str> = all.iter().map(|event| event.kind.as_str()).collect();
    let head = ["ItemAdded", "ItemScheduled", "PurchaseLimitSet", "StockAllocated"];
    assert_eq!(kinds[..4], head);
    assert_eq!(kinds[4..], ["OrderPlaced"; 3]);
    assert!(all.iter().map(|event| event.revision).eq(0..7));
    assert!(all[4].body_json.contains("\"buyer\":\"s1\""), "{}", all[4].body_json);
    assert_eq!(all[6].event_time.unwrap().seconds, at(3).second());

    let some = proto::ReplayItemRequest {
        from: point(Point::Revision(4)),
        to: point(Point::Position(all[5].position)),
        ..whole
    };
    let some = events(&ten.node, some).await.unwrap();
    assert_eq!(some, all[4..6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paced_replay_waits_for_the_clock() {
    let ten = Ten::opened().await;
    let request = proto::ReplayItemRequest {
        item_id: ten.item.clone(),
        from: point(Point::Revision(4)),
        speed: 1,
        ..Default::default()
    };
    let mut stream = ten.node.replays().replay_item(request).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().revision, 4);
    // A tenth of a second lies between two orders; the clock has not moved.
    ten.node.clock.set(at(1000));
    assert_eq!(stream.message().await.unwrap().unwrap().revision, 5);
    ten.node.clock.set(at(2000));
    assert_eq!(stream.message().await.unwrap().unwrap().revision, 6);
    assert!(stream.message().await.unwrap().is_none());
}

#[test]
fn events_are_due_after_the_recorded_time_divided_by_the_speed() {
    let mut metronome = Metronome::new(Pace::Times(10), Some(2_000));
    let now = UnixMs(1_000_000);
    assert_eq!(metronome.due(UnixMs(5_000), now), None, "the first comes at once");
    assert_eq!(metronome.due(UnixMs(5_004), now), None, "less than a millisecond away");
    assert_eq!(metronome.due(UnixMs(5_010), now), Some(now.plus(1)));
    assert_eq!(metronome.due(UnixMs(6_010), now), Some(now.plus(101)));
    assert_eq!(metronome.due(UnixMs(9_999_999), now), Some(now.plus(2_101)), "a cut pause");
    let mut unpaced = Metronome::new(Pace::Unpaced, None);
    assert_eq!(unpaced.due(UnixMs(5_000), now), None);
    assert_eq!(unpaced.due(UnixMs(9_000), now), None);
    assert_eq!(pace("speed", 3, false), Ok(Pace::Times(3)));
    for (speed, unpaced) in [(0, false), (-1, false), (1_000_001, false), (5, true)] {
        assert_eq!(pace("speed", speed, unpaced).unwrap_err().field, "speed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_make_no_sense_are_refused_by_field() {
    let ten = Ten::opened().await;
    let state = |at: Option<proto::LogPoint>| proto::GetStateAtRequest {
        item_id: ten.item.clone(),
        at,
        ..Default::default()
    };
    let far = prost_types::Timestamp { seconds: 300_000_000_000, nanos: 0 };
    let soon = prost_types::Timestamp { seconds: at(9_000).second(), nanos: 0 };
    let early = prost_types::Timestamp { seconds: 1, nanos: 0 };
    for (at, field) in [
        (point(Point::Position(0)), "at.position must be at least 1"),
        (point(Point::Position(1)), "at.position is before the item's first event at position 2"),
        (point(Point::Position(999)), "at.position must be at most"),
        (point(Point::Revision(999)), "at.revision must be at most 6"),
        (point(Point::Time(far)), "at.time must lie"),
        (point(Point::Time(soon)), "at.time must not be after"),
        (point(Point::Time(early)), "at.time is before the item's first event"),
    ] {
        let refused = ten.node.replays().get_state_at(state(at)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains(field), "{}", refused.message());
    }
    let both = proto::GetStateAtRequest { sale_id: ten.sale.clone(), ..state(None) };
    for (request, code) in [
        (both, Code::InvalidArgument),
        (proto::GetStateAtRequest::default(), Code::InvalidArgument),
        (
            proto::GetStateAtRequest { sale_id: support::request_id(), ..Default::default() },
            Code::NotFound,
        ),
        (
            proto::GetStateAtRequest { item_id: support::request_id(), ..Default::default() },
            Code::NotFound,
        ),
    ] {
        assert_eq!(ten.node.replays().get_state_at(request).await.unwrap_err().code(), code);
    }

    let stream = |speed: i64, from: u64, to: u64| proto::ReplayItemRequest {
        item_id: ten.item.clone(),
        speed,
        from: point(Point::Revision(from)),
        to: point(Point::Revision(to)),
        ..Default::default()
    };
    for (request, problem) in [
        (stream(0, 0, 1), "speed must be 1"),
        (stream(-2, 0, 1), "speed must be 1"),
        (stream(1, 5, 4), "to must not be before from"),
        (stream(1, 0, 99), "to must be at most 6"),
    ] {
        let refused = events(&ten.node, request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(problem), "{}", refused.message());
    }

    let what_if = proto::RunWhatIfRequest {
        sale_id: ten.sale.clone(),
        rules: vec!["price=1".to_owned()],
        ..Default::default()
    };
    let refused = ten.node.replays().run_what_if(what_if).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("time-to-pay"), "{}", refused.message());
    let explain = proto::ExplainPurchaseRequest { item_id: ten.item.clone(), ..Default::default() };
    let refused = ten.node.replays().explain_purchase(explain).await.unwrap_err();
    assert!(refused.message().starts_with("buyer"), "{}", refused.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_if_and_explanations_are_answered_while_the_sale_goes_on() {
    let ten = Ten::opened().await;
    ten.until_counted(10).await;
    let request = proto::RunWhatIfRequest {
        sale_id: ten.sale.clone(),
        rules: vec!["units=+7".to_owned()],
        ..Default::default()
    };
    let found = ten.node.replays().run_what_if(request).await.unwrap().into_inner();
    assert!(found.baseline_matches, "{:?}", found.baseline_differences);
    let total = found.total.unwrap();
    assert_eq!(total.recorded.unwrap().orders_placed, 3);
    assert_eq!(total.played.unwrap().orders_placed, 10);
    assert!(!found.assumptions.is_empty());

    let request = proto::ExplainPurchaseRequest {
        buyer: "s9".to_owned(),
        item_id: ten.item.clone(),
        min_position: 0,
        language: String::new(),
    };
    let told = ten.node.replays().explain_purchase(request).await.unwrap().into_inner();
    assert_eq!(told.attempts[0].outcome, "SOLD_OUT");
    assert_eq!(told.attempts[0].attempts_before, 8);
    assert!(!told.sentences.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_names_the_row_that_differs_first() {
    let mut ten = Ten::opened().await;
    let request = proto::CompareReplayRequest { min_position: 1 };
    let equal = ten.node.replays().compare_replay(request).await.unwrap().into_inner();
    assert!(equal.equal, "{:?}", equal.read_models);
    assert!(equal.read_models.iter().any(|found| found.read_model == "marks"));

    ten.node.stop();
    let log = doorbuster::store::embedded::LogReader::open(ten.node.data()).unwrap();
    let rebuilt = |after| log.read_all(after, 500);
    doorbuster::projections::rebuild(ten.node.data(), rebuilt, |_| {}).unwrap();
    let change = |file: &str, sql: &str| {
        let changed = Connection::open(view_path(ten.node.data(), file)).unwrap().execute(sql, []);
        assert_eq!(changed.unwrap(), 1);
    };
    change("stock", "UPDATE warehouses SET held_units = 7 WHERE place = 0");
    change("orders", "DELETE FROM orders WHERE buyer = 's2'");
    let verdicts = compare_rows(ten.node.data(), |after| log.read_all(after, 500), |_| {}).unwrap();
    let differing: Vec<_> = verdicts.iter().filter(|found| !found.equal).collect();
    assert_eq!(differing.len(), 2, "{differing:?}");
    let stock = differing[0].difference.as_ref().unwrap();
    assert_eq!((stock.table.as_str(), stock.key.as_str()), ("warehouses", "item=1 place=0"));
    assert!(stock.in_use.as_ref().unwrap().contains("held_units=7"), "{stock:?}");
    assert!(stock.rebuilt.as_ref().unwrap().contains("held_units=3"), "{stock:?}");
    let orders = differing[1].difference.as_ref().unwrap();
    assert_eq!((orders.table.as_str(), &orders.in_use), ("orders", &None));
    assert!(orders.rebuilt.as_ref().unwrap().contains("buyer=\"s2\""), "{orders:?}");
}

#[tokio::test]
async fn more_looks_back_than_there_are_threads_are_all_answered() {
    let ten = Ten::opened().await;
    let looks = (0..700).map(|_| {
        let mut replays = ten.node.replays();
        let request = proto::GetStateAtRequest { item_id: ten.item.clone(), ..Default::default() };
        async move { replays.get_state_at(request).await }
    });
    // Only so that a server that stands still fails the test instead of stopping it.
    let patience = std::time::Duration::from_secs(60);
    let looked = tokio::time::timeout(patience, futures_util::future::join_all(looks)).await;
    for answer in looked.expect("the server stands still") {
        match answer {
            Ok(_) => {}
            // A slow machine may say that it is crowded.
            Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}"),
        }
    }
}
