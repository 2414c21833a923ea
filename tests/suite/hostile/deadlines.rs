//! Deadlines of calls: DEADLINE_EXCEEDED whenever they pass before anything was decided, and never
//! of what was decided.

use std::time::{Duration, Instant};

use axum::body::Body;
use doorbuster::{actors::Deadline, grpc::proto};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{PLACE_ORDER, Raw, framed, status_of};
use crate::support::{Node, item, place};

const REPORT: &str = "/doorbuster.v1.ReportService/GetSalesSummary";
const CREATE_SALE: &str = "/doorbuster.v1.SaleService/CreateSale";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

#[test]
fn either_the_command_is_decided_or_the_deadline_is_missed() {
    let far = Deadline::at(Instant::now() + Duration::from_secs(3600));
    assert!(far.decide());
    assert!(!far.clone().miss(), "it was decided");
    assert!(far.decide(), "a second command of the same call may be decided, too");

    let given_up = Deadline::at(Instant::now() + Duration::from_secs(3600));
    assert!(given_up.miss());
    assert!(!given_up.clone().decide());

    assert!(!Deadline::at(Instant::now()).decide(), "it is too late");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_deadline_has_passed_is_told_so_and_nothing_is_decided() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("main", 10)])]).await;
    let mut raw = Raw::connect(node.address()).await;
    for timeout in ["0S", "0m", "1n"] {
        let order = framed(&place(&items[0], "late", 1));
        for path in [PLACE_ORDER, REPORT, CREATE_SALE, HEALTH] {
            let status = raw.status(path, &[("grpc-timeout", timeout)], order.clone()).await;
            assert_eq!(status.code(), Code::DeadlineExceeded, "{path} {timeout}: {status:?}");
            let info = status.get_details_error_info().unwrap();
            assert_eq!(info.reason, "DEADLINE_EXCEEDED");
        }
    }
    assert_eq!(node.item(&items[0]).await.held_units, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_message_never_comes_ends_at_its_deadline() {
    let node = Node::start().await;
    let mut raw = Raw::connect(node.address()).await;
    for path in [PLACE_ORDER, REPORT, CREATE_SALE] {
        let never = Body::from_stream(futures_util::stream::pending::<std::io::Result<Vec<u8>>>());
        let answer = raw.call(path, &[("grpc-timeout", "20m")], never).await;
        assert_eq!(status_of(answer).await.code(), Code::DeadlineExceeded, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_its_deadline() {
    let node = Node::start().await;
    let mut raw = Raw::connect(node.address()).await;
    let follow = framed(&proto::FollowAlertsRequest::default());
    let path = "/doorbuster.v1.AlertService/FollowAlerts";
    let status = raw.status(path, &[("grpc-timeout", "50m")], follow).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_that_is_none_is_named() {
    let node = Node::start().await;
    let mut raw = Raw::connect(node.address()).await;
    for timeout in ["-1S", "abc", "5", "5s", "123456789S", ""] {
        let order = framed(&place("x", "y", 1));
        let status = raw.status(PLACE_ORDER, &[("grpc-timeout", timeout)], order).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{timeout:?}: {status:?}");
        assert!(status.message().contains("grpc-timeout"), "{}", status.message());
    }
}
