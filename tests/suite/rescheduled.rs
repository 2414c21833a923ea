//! Goal: a sale gets another window before it opens and while it runs, its items follow it, and what a
//! log says of it stays provable. Method: a real server with a clock that stands still; what buyers and
//! operators are answered on both sides of each moment; the log judged by the verifier, by a rebuild and
//! by a replay. Logs that no call leaves behind, of crashes and of earlier versions: `logs`.

mod logs;

use std::time::Duration;

use doorbuster::{
    grpc::proto::{self, RefusalReason, reschedule_sale_response::Outcome},
    reports::Reports,
    values::{SaleId, UnixMs},
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{
    Node, OPENS_AT, PATIENCE, assert_read_models_equal_a_rebuild, create_sale, item, order,
    refused, request_id, timestamp,
};

const MINUTE: i64 = 60_000;

fn at(minutes: i64) -> UnixMs {
    OPENS_AT.plus(minutes * MINUTE)
}

fn stamp(minutes: i64) -> Option<prost_types::Timestamp> {
    Some(timestamp(at(minutes)))
}

/// A request with moments in minutes after the clock of the test.
fn to(sale: &str, opens: Option<i64>, closes: Option<i64>) -> proto::RescheduleSaleRequest {
    proto::RescheduleSaleRequest {
        request_id: request_id(),
        sale_id: sale.to_owned(),
        operator: "olga".to_owned(),
        reason: "the bank is late".to_owned(),
        open_time: opens.and_then(stamp),
        close_time: closes.and_then(stamp),
    }
}

/// A sale from the tenth to the seventieth minute: a phone that costs less in the first ten minutes, and
/// a lamp from the twentieth to the fortieth.
async fn planned(node: &Node) -> (String, Vec<String>) {
    let mut phone = item("phone", &[("north", 9)]);
    phone.time_prices = vec![proto::TimePrice {
        from_time: stamp(10),
        until_time: stamp(20),
        unit_price_minor: 99_900,
    }];
    let mut lamp = item("lamp", &[("north", 9)]);
    (lamp.open_time, lamp.close_time) = (stamp(20), stamp(40));
    let mut request = create_sale(vec![phone, lamp]);
    let draft = request.sale.as_mut().unwrap();
    (draft.open_time, draft.close_time) = (stamp(10), stamp(70));
    let created = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
    (created.sale_id, created.items.into_iter().map(|item| item.item_id).collect())
}

async fn reschedule(
    node: &Node,
    request: proto::RescheduleSaleRequest,
) -> Result<(Outcome, u64, u64), Status> {
    let answer = node.sales().reschedule_sale(request).await?.into_inner();
    Ok((answer.outcome.unwrap(), answer.revision, answer.position))
}

async fn moved(node: &Node, request: proto::RescheduleSaleRequest) -> (proto::Sale, u64, u64) {
    match reschedule(node, request).await.unwrap() {
        (Outcome::Sale(sale), revision, position) => (sale, revision, position),
        (Outcome::Refusal(no), ..) => panic!("{no:?}"),
    }
}

/// The window of an item in minutes.
async fn window(node: &Node, item: &str) -> [i64; 2] {
    let shown = node.item(item).await;
    let minutes = |time: Option<prost_types::Timestamp>| {
        (time.unwrap().seconds * 1_000 - OPENS_AT.0) / MINUTE
    };
    [minutes(shown.open_time), minutes(shown.close_time)]
}

async fn outcome(node: &Node, item: &str, buyer: &str) -> Result<i64, RefusalReason> {
    let answer = node.place(item, buyer, 1).await.unwrap();
    match answer.outcome {
        Some(proto::place_order_response::Outcome::Order(_)) => {
            Ok(order(&answer).total.unwrap().amount_minor)
        }
        _ => Err(refused(&answer)),
    }
}

/// Everything that reads the log agrees about it.
async fn agreed(mut node: Node, sale: &str) {
    let request = proto::CompareReplayRequest { min_position: 1 };
    let compared = node.replays().compare_replay(request).await.unwrap().into_inner();
    assert!(compared.equal, "{:?}", compared.read_models);
    let what_if = proto::RunWhatIfRequest {
        sale_id: sale.to_owned(),
        rules: vec!["units=+1".to_owned()],
        ..Default::default()
    };
    // Attempts are in the log once their second is over.
    node.advance(2);
    let played = async {
        loop {
            let played = node.replays().run_what_if(what_if.clone()).await.unwrap().into_inner();
            if played.baseline_matches {
                return;
            }
        }
    };
    let played = tokio::time::timeout(PATIENCE, played).await;
    played.expect("a replay under the sale's own rules comes to what is recorded");
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
    let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_postponed_and_everything_in_it_moves_along() {
    let mut node = Node::start().await;
    let (sale, items) = planned(&node).await;
    let first = to(&sale, Some(40), None);
    let (shown, revision, position) = moved(&node, first.clone()).await;
    assert_eq!((shown.open_time, shown.close_time), (stamp(40), stamp(100)));
    assert_eq!(shown.reschedule_time, stamp(0));
    let draft = |place: usize| shown.items[place].draft.clone().unwrap();
    assert_eq!((draft(1).open_time, draft(1).close_time), (stamp(50), stamp(70)));
    assert_eq!(draft(0).time_prices[0].from_time, stamp(40));
    assert_eq!(window(&node, &items[0]).await, [40, 100]);
    assert_eq!(window(&node, &items[1]).await, [50, 70]);
    let list = proto::ListSalesRequest { min_position: position, ..Default::default() };
    let line = node.sales().list_sales(list).await.unwrap().into_inner().sales.remove(0);
    assert_eq!((line.open_time, line.close_time), (stamp(40), stamp(100)));

    node.advance(10 * 60);
    assert_eq!(outcome(&node, &items[0], "ann").await, Err(RefusalReason::NotOpenYet));
    node.restart().await;
    node.advance(30 * 60);
    // For ten minutes at the lower price, as planned.
    assert_eq!(outcome(&node, &items[0], "ann").await, Ok(99_900));
    assert_eq!(outcome(&node, &items[1], "ann").await, Err(RefusalReason::NotOpenYet));
    node.advance(10 * 60);
    assert_eq!(outcome(&node, &items[0], "bob").await, Ok(199_900));
    assert_eq!(outcome(&node, &items[1], "bob").await, Ok(199_900));

    // The same request once more, long after: its first answer, and nothing moves.
    let (_, again, _) = moved(&node, first.clone()).await;
    assert_eq!((again, window(&node, &items[0]).await), (revision, [40, 100]));
    let other = proto::RescheduleSaleRequest { open_time: stamp(41), ..first };
    assert_eq!(reschedule(&node, other).await.unwrap_err().code(), Code::AlreadyExists);
    agreed(node, &sale).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_sale_is_extended_and_then_ended_earlier() {
    let node = Node::start().await;
    let (sale, items) = planned(&node).await;
    node.advance(30 * 60);
    let held = order(&node.place(&items[0], "ann", 1).await.unwrap());
    moved(&node, to(&sale, None, Some(90))).await;
    // What closes with the sale follows it; what has a closing of its own stays.
    assert_eq!(window(&node, &items[0]).await, [10, 90]);
    assert_eq!(window(&node, &items[1]).await, [20, 40]);
    node.pay(&held).await;
    node.advance(45 * 60);
    assert_eq!(outcome(&node, &items[0], "bob").await, Ok(199_900));
    let (_, revision, position) = moved(&node, to(&sale, None, Some(76))).await;
    node.advance(60);
    assert_eq!(outcome(&node, &items[0], "cat").await, Err(RefusalReason::Closed));

    // It is over, and stays over.
    let late = reschedule(&node, to(&sale, None, Some(120))).await.unwrap();
    let (Outcome::Refusal(no), at, _) = late else { panic!("{late:?}") };
    assert_eq!((no.reason(), no.message.as_str()), (RefusalReason::Closed, "The sale is closed."));
    assert_eq!(at, revision);
    let acts = proto::ListActsRequest {
        sale_id: sale.clone(),
        min_position: position,
        ..Default::default()
    };
    let acts = node.reports().list_acts(acts).await.unwrap().into_inner().acts;
    let kinds: Vec<_> = acts.iter().map(|act| act.kind.as_str()).collect();
    assert_eq!(kinds, ["SaleCreated", "SaleRescheduled", "SaleRescheduled"]);
    agreed(node, &sale).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_started_earlier_and_cut_where_an_item_would_outlast_it() {
    let node = Node::start().await;
    let (sale, items) = planned(&node).await;
    moved(&node, to(&sale, Some(5), Some(25))).await;
    assert_eq!(window(&node, &items[0]).await, [5, 25]);
    assert_eq!(window(&node, &items[1]).await, [15, 25]);
    // Moments that change nothing are no act.
    let (_, revision, _) = moved(&node, to(&sale, Some(5), None)).await;
    assert_eq!(revision, 1);
    moved(&node, to(&sale, Some(7), Some(30))).await;
    assert_eq!(window(&node, &items[1]).await, [17, 30]);
    node.advance(7 * 60);
    assert_eq!(outcome(&node, &items[0], "ann").await, Ok(99_900));
    agreed(node, &sale).await;
}

/// What the board says that the next phone costs at that minute, once everything up to there is in it.
async fn next_price(node: &Node, sale: &str, position: u64, minute: i64) -> i64 {
    let reports = Reports::open(node.data());
    let sale = SaleId::parse("sale_id", sale).unwrap();
    let asked = async {
        loop {
            match reports.pulse(sale, at(minute)) {
                Ok(pulse) if pulse.position.0 >= position => return pulse,
                // Asking without a pause takes the time from those who write what is waited for.
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let pulse = tokio::time::timeout(PATIENCE, asked).await.expect("a pulse of all that happened");
    pulse.items.iter().find(|item| item.sku == "phone").unwrap().unit_price_minor
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_tells_the_price_that_buyers_pay_after_a_postponement() {
    let node = Node::start().await;
    let (sale, items) = planned(&node).await;
    let (_, _, position) = moved(&node, to(&sale, Some(40), None)).await;
    for (minute, price) in [(15, 199_900), (39, 199_900), (40, 99_900), (49, 99_900), (50, 199_900)]
    {
        assert_eq!(next_price(&node, &sale, position, minute).await, price, "at {minute}");
    }
    node.advance(49 * 60);
    assert_eq!(outcome(&node, &items[0], "ann").await, Ok(99_900));
    agreed(node, &sale).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_was_cut_short_gives_its_items_their_own_closings_back() {
    let node = Node::start().await;
    let (sale, items) = planned(&node).await;
    let windows = async || [window(&node, &items[0]).await, window(&node, &items[1]).await];
    moved(&node, to(&sale, None, Some(25))).await;
    assert_eq!(windows().await, [[10, 25], [20, 25]]);
    moved(&node, to(&sale, None, Some(70))).await;
    assert_eq!(windows().await, [[10, 70], [20, 40]]);
    moved(&node, to(&sale, Some(20), Some(45))).await;
    assert_eq!(windows().await, [[20, 45], [30, 45]]);
    // Longer than planned, and where it was: nothing but the phone closes with the sale.
    moved(&node, to(&sale, Some(10), Some(90))).await;
    assert_eq!(windows().await, [[10, 90], [20, 40]]);
    node.advance(15 * 60);
    assert_eq!(outcome(&node, &items[0], "ann").await, Ok(99_900));
    node.advance(25 * 60);
    assert_eq!(outcome(&node, &items[1], "ann").await, Err(RefusalReason::Closed));
    agreed(node, &sale).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_and_offers_are_not_moved_beyond_the_latest_moment() {
    let node = Node::start().await;
    let mut priced = item("phone", &[("north", 9)]);
    priced.time_prices = vec![proto::TimePrice {
        from_time: stamp(10),
        until_time: stamp(20),
        unit_price_minor: 99_900,
    }];
    let mut offered = item("phone", &[("north", 9)]);
    offered.offers = vec![proto::OfferDraft {
        name: "off".to_owned(),
        from_units: Some(1),
        amount_minor: Some(100),
        until_time: stamp(20),
        ..Default::default()
    }];
    for (item, words) in [(priced, "time price of phone"), (offered, "offer of phone")] {
        let mut request = create_sale(vec![item]);
        let draft = request.sale.as_mut().unwrap();
        (draft.open_time, draft.close_time) = (stamp(10), stamp(70));
        let created = node.sales().create_sale(request).await.unwrap().into_inner();
        let sale = created.sale.unwrap().sale_id;
        let late = |minutes: i64| proto::RescheduleSaleRequest {
            open_time: Some(timestamp(UnixMs::LATEST.plus(-minutes * MINUTE))),
            close_time: Some(timestamp(UnixMs::LATEST)),
            ..to(&sale, None, None)
        };
        let refused = reschedule(&node, late(9)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let details = refused.get_error_details();
        let violation = &details.bad_request().unwrap().field_violations[0];
        assert_eq!(violation.field, "open_time", "{refused:?}");
        for words in [words, &at(20).to_string(), "1970 to 9999"] {
            assert!(refused.message().contains(words), "{}", refused.message());
        }
        moved(&node, late(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_a_sale_cannot_have_is_refused_with_both_moments() {
    let node = Node::start().await;
    let (sale, items) = planned(&node).await;
    let refused = async |request: proto::RescheduleSaleRequest| {
        let status = reschedule(&node, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let details = status.get_error_details();
        let field = details.bad_request().unwrap().field_violations[0].field.clone();
        (field, status.message().to_owned())
    };
    let far = prost_types::Timestamp { seconds: 999_999_999_999, nanos: 0 };
    let far = proto::RescheduleSaleRequest { close_time: Some(far), ..to(&sale, None, None) };
    for (request, field, words) in [
        (to(&sale, None, None), "open_time", vec!["missing", "close_time"]),
        (far, "close_time", vec!["1970 and 9999"]),
        (to(&sale, Some(80), Some(75)), "close_time", vec!["before it starts"]),
        (to(&sale, Some(0), None), "open_time", vec!["already"]),
        (to(&sale, Some(-1), Some(70)), "open_time", vec!["already"]),
        (to(&sale, None, Some(15)), "close_time", vec!["lamp opens at", "no window"]),
    ] {
        let (found, said) = refused(request).await;
        assert_eq!(found, field, "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    node.advance(30 * 60);
    for (request, field, moments) in [
        (to(&sale, Some(35), None), "open_time", [at(35), at(10)]),
        (to(&sale, Some(5), None), "open_time", [at(5), at(10)]),
        (to(&sale, None, Some(29)), "close_time", [at(29), at(30)]),
    ] {
        let (found, said) = refused(request).await;
        assert_eq!(found, field, "{said}");
        assert!(moments.iter().all(|at| said.contains(&at.to_string())), "{said}");
    }
    assert_eq!(window(&node, &items[0]).await, [10, 70]);
    let unknown = reschedule(&node, to(&request_id(), Some(50), None)).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    agreed(node, &sale).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_not_moved_away_from_its_coupons() {
    let node = Node::start().await;
    let mut request = create_sale(vec![item("phone", &[("north", 9)])]);
    let draft = request.sale.as_mut().unwrap();
    (draft.open_time, draft.close_time) = (stamp(10), stamp(70));
    draft.coupons = vec![proto::CouponDraft {
        name: "save20".to_owned(),
        amount_minor: Some(2_000),
        min_spend_minor: Some(10_000),
        coupons: 10,
        budget_minor: 20_000,
        ..Default::default()
    }];
    let sale = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap().sale_id;
    let refused = reschedule(&node, to(&sale, Some(70), None)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    for words in ["open_time", "save20", &at(10).to_string(), &at(70).to_string()] {
        assert!(refused.message().contains(words), "{}", refused.message());
    }
    moved(&node, to(&sale, Some(69), None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_that_are_asked_for_at_once_leave_every_item_as_the_sale_says() {
    let node = Node::start().await;
    let plan = (0..12).map(|n| item(&format!("item-{n}"), &[("north", 9)])).collect();
    let (sale, items) = node.sale(plan).await;
    for round in 0..6 {
        let (one, two) = (to(&sale, None, Some(70 + round)), to(&sale, None, Some(90 + round)));
        let (one, two) = tokio::join!(reschedule(&node, one), reschedule(&node, two));
        one.unwrap();
        two.unwrap();
    }
    let shown = proto::GetSaleRequest { sale_id: sale.clone() };
    let shown = node.sales().get_sale(shown).await.unwrap().into_inner().sale.unwrap();
    for item in &items {
        assert_eq!(node.item(item).await.close_time, shown.close_time);
    }
    agreed(node, &sale).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_cancelled_before_anything_of_it_opens_and_not_after() {
    let node = Node::start().await;
    let (sale, items) = planned(&node).await;
    let (late, late_items) = planned(&node).await;
    let cancel = |sale: &str| proto::CancelSaleRequest {
        request_id: request_id(),
        sale_id: sale.to_owned(),
        operator: "olga".to_owned(),
        reason: "the goods did not come".to_owned(),
    };
    let first = cancel(&sale);
    let cancelled = node.sales().cancel_sale(first.clone()).await.unwrap().into_inner();
    let shown = cancelled.sale.clone().unwrap();
    assert_eq!((shown.cancelled, shown.closed_time), (true, stamp(0)));

    node.advance(10 * 60);
    assert_eq!(outcome(&node, &items[0], "ann").await, Err(RefusalReason::Closed));
    let again = node.sales().cancel_sale(first).await.unwrap().into_inner();
    assert_eq!((again.revision, again.position), (cancelled.revision, cancelled.position));
    // Another request changes nothing, and a cancelled sale does not come back.
    let other = node.sales().cancel_sale(cancel(&sale)).await.unwrap().into_inner();
    assert_eq!((other.sale, other.revision), (cancelled.sale, cancelled.revision));
    let (back, ..) = reschedule(&node, to(&sale, Some(90), None)).await.unwrap();
    assert!(matches!(back, Outcome::Refusal(no) if no.reason() == RefusalReason::Closed));

    // The phone of the other one has opened, the lamp not yet.
    let status = node.sales().cancel_sale(cancel(&late)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_details_bad_request().unwrap();
    assert_eq!(details.field_violations[0].field, "sale_id");
    assert_eq!(outcome(&node, &late_items[0], "ann").await, Ok(99_900));
    let close = proto::CloseSaleRequest {
        request_id: request_id(),
        sale_id: late.clone(),
        operator: "olga".to_owned(),
        reason: "enough".to_owned(),
    };
    let closed = node.sales().close_sale(close).await.unwrap().into_inner().sale.unwrap();
    assert!(!closed.cancelled && closed.closed_time.is_some());
    agreed(node, &sale).await;
}
