//! As of any position the read models are what a fold of exactly that much of the log makes.

use std::path::Path;

use doorbuster::{
    events::{Event, Position, Recorded, decode},
    grpc::proto::{self, as_of::Moment},
    projections::{AS_OF, ReadModel, all},
    store::embedded::LogReader,
};
use tempfile::tempdir;
use tonic::{Code, Status};

use super::{SmallSale, small_sale};
use crate::support::{Node, OPENS_AT, assert_read_models_equal_a_rebuild, once_built, timestamp};

fn at(position: u64) -> Option<proto::AsOf> {
    Some(proto::AsOf { moment: Some(Moment::Position(position)) })
}

/// The log as events.
fn log(data: &Path) -> Vec<(Recorded, Event)> {
    let log = LogReader::open(data).unwrap().read_all(Position::START, 10_000).unwrap();
    log.into_iter()
        .map(|recorded| {
            let event = decode(&recorded).unwrap();
            (recorded, event)
        })
        .collect()
}

fn digests(data: &Path) -> Vec<(&'static str, String)> {
    let each = all().into_iter().map(|projection| {
        let model = ReadModel::open(data, projection).unwrap();
        (model.name(), model.digest().unwrap())
    });
    each.collect()
}

/// Read models of the first events of a log, made from zero.
fn from_zero(log: &[(Recorded, Event)]) -> Vec<(&'static str, String)> {
    let data = tempdir().unwrap();
    for projection in all() {
        ReadModel::open(data.path(), projection).unwrap().apply_page(log).unwrap();
    }
    digests(data.path())
}

async fn stock_as_of(
    node: &Node,
    sale: &str,
    as_of: Option<proto::AsOf>,
) -> Result<proto::GetStockLevelsResponse, Status> {
    let request =
        proto::GetStockLevelsRequest { sale_id: sale.to_owned(), as_of, ..Default::default() };
    let answer = once_built(|| {
        let (mut reports, request) = (node.reports(), request.clone());
        async move { reports.get_stock_levels(request).await }
    });
    Ok(answer.await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_as_of_a_position_equal_a_fold_up_to_it() {
    let SmallSale { node, sale, head, .. } = small_sale().await;
    let log = log(node.data());
    assert_eq!(log.len() as u64, head);
    // Up and down, so that some start from zero and some from an earlier one.
    let mut wanted: Vec<u64> = (1..=head).rev().step_by(3).collect();
    wanted.extend((1..=head).step_by(2));
    for position in wanted {
        let answer = stock_as_of(&node, &sale, at(position)).await.unwrap();
        assert_eq!(answer.freshness.unwrap().position, position);
        let kept = node.data().join(AS_OF).join(position.to_string());
        let folded = from_zero(&log[..usize::try_from(position).unwrap()]);
        assert_eq!(digests(&kept), folded, "position {position}");
    }
    let kept = std::fs::read_dir(node.data().join(AS_OF)).unwrap().count();
    assert!(kept <= 4, "{kept} are kept");

    // Live and as of the end are one.
    let mut live = stock_as_of(&node, &sale, None).await.unwrap();
    let mut past = stock_as_of(&node, &sale, at(head)).await.unwrap();
    assert_eq!((live.freshness.take(), past.freshness.take()).0.unwrap().position, head);
    assert_eq!(live, past);
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_means_the_last_event_recorded_at_or_before_it() {
    let SmallSale { node, sale, .. } = small_sale().await;
    let log = log(node.data());
    for second in [0, 4, 5, 9, 10, 60, 61, 62] {
        let moment = OPENS_AT.plus(second * 1000);
        let until = log.partition_point(|(recorded, _)| recorded.recorded_at_ms <= moment.0);
        let as_of = Some(proto::AsOf { moment: Some(Moment::Time(timestamp(moment))) });
        let answer = stock_as_of(&node, &sale, as_of).await.unwrap();
        assert_eq!(answer.freshness.unwrap().position, until as u64, "second {second}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_that_is_not_in_the_log_is_refused_by_name() {
    let SmallSale { node, sale, head, .. } = small_sale().await;
    let time = |ms| Some(proto::AsOf { moment: Some(Moment::Time(timestamp(OPENS_AT.plus(ms)))) });
    let wrong = [
        (Some(proto::AsOf { moment: None }), "needs a position or a time"),
        (at(0), "at least position 1"),
        (at(head + 1), "the log ends at"),
        (at(u64::MAX), "the log ends at"),
        (time(-1_000), "before the first event"),
        (time(3_600_000), "not come yet"),
    ];
    for (as_of, problem) in wrong {
        let status = stock_as_of(&node, &sale, as_of).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().starts_with("as_of "), "{status}");
        assert!(status.message().contains(problem), "{status}");
    }
    let request = proto::GetSalesSummaryRequest {
        sale_id: sale.clone(),
        min_position: head,
        as_of: at(head - 1),
        ..Default::default()
    };
    let status = node.reports().get_sales_summary(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("before min_position"), "{status}");
    assert!(!node.data().join(AS_OF).exists(), "nothing is built for a mistake");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_half_built_is_removed_and_never_asked() {
    let SmallSale { mut node, sale, head, .. } = small_sale().await;
    let left = node.data().join(AS_OF).join("building-1-1");
    std::fs::create_dir_all(&left).unwrap();
    let torn = node.data().join(AS_OF).join((head - 2).to_string()).join("views");
    std::fs::create_dir_all(&torn).unwrap();
    std::fs::write(torn.join("stock.db"), b"not a database").unwrap();
    node.restart().await;
    assert!(!left.exists());
    let answer = stock_as_of(&node, &sale, at(head - 2)).await.unwrap();
    assert_eq!(answer.freshness.unwrap().position, head - 2);
    assert_eq!(answer.levels.len(), 1);
}
