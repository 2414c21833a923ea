//! Two nodes on one log, and what can be asked of them together.

use std::{path::Path, sync::Arc, time::Duration};

use doorbuster::{
    clock::ManualClock,
    config::Config,
    events::{Position, Recorded},
    grpc::proto,
    projections,
    store::{EventStore, embedded::EmbeddedStore},
};
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::store::NodeStore;
use crate::support::{Node, OPENS_AT, PATIENCE, asked_again};

pub struct Pair {
    pub log: Arc<EmbeddedStore>,
    dir: TempDir,
    pub stores: [Arc<NodeStore>; 2],
    pub nodes: [Node; 2],
}

impl Pair {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The clock of the second node is a little ahead, as clocks of two machines are.
    pub async fn start_with(change: impl Fn(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clocks = [ManualClock::at(OPENS_AT), ManualClock::at(OPENS_AT.plus(7))];
        let log = EmbeddedStore::open(dir.path(), Arc::new(clocks[0].clone())).unwrap();
        let stores = [NodeStore::new(&log, true), NodeStore::new(&log, true)];
        let [a, b] = clocks;
        let nodes = [
            Node::start_on(stores[0].clone(), a, &change).await,
            Node::start_on(stores[1].clone(), b, &change).await,
        ];
        Self { log, dir, stores, nodes }
    }

    pub fn advance(&self, seconds: u64) {
        for node in &self.nodes {
            node.advance(seconds);
        }
    }

    /// All events of the log that have this name.
    pub async fn events(&self, kind: &str) -> Vec<Recorded> {
        let mut found = Vec::new();
        let mut after = Position::START;
        loop {
            let page = self.log.read_all(after, 1000).await.unwrap();
            let Some(last) = page.last() else { return found };
            after = last.position;
            found.extend(page.into_iter().filter(|event| event.kind == kind));
        }
    }

    /// Waits until the log holds that many events of this name, and gives them.
    pub async fn events_come(&self, kind: &str, count: usize) -> Vec<Recorded> {
        self.events_until(kind, |events| events.len() >= count).await
    }

    /// Waits until the events of this name are enough, and gives them.
    pub async fn events_until(
        &self,
        kind: &str,
        enough: impl Fn(&[Recorded]) -> bool,
    ) -> Vec<Recorded> {
        let come = async {
            loop {
                let head = self.log.head();
                let events = self.events(kind).await;
                if enough(&events) {
                    return events;
                }
                self.log.wait_after(head).await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, come).await.expect("the log goes on")
    }

    /// Waits until both nodes have read the log as far as it goes.
    pub async fn read_models_reach_the_end(&self) {
        let min_position = self.log.head().0;
        for node in &self.nodes {
            let mut reports = node.reports();
            let stock = proto::GetStockLevelsRequest { min_position, ..Default::default() };
            reports.get_stock_levels(stock).await.unwrap();
            let orders = proto::ListOrdersRequest { min_position, ..Default::default() };
            reports.list_orders(orders).await.unwrap();
            let sales = proto::ListSalesRequest { min_position, ..Default::default() };
            let sales = node.sales().list_sales(sales).await.unwrap().into_inner();
            for sale in sales.sales {
                let sale_id = sale.sale_id;
                let summary = proto::GetSalesSummaryRequest {
                    sale_id: sale_id.clone(),
                    min_position,
                    ..Default::default()
                };
                reports.get_sales_summary(summary).await.unwrap();
                let timeline =
                    proto::GetTimelineRequest { sale_id, min_position, ..Default::default() };
                reports.get_timeline(timeline).await.unwrap();
            }
        }
    }

    /// Stops everything and judges what is left: the log by code that shares nothing with the
    /// deciders, the read models of each node by building them anew.
    pub async fn judge(mut self) {
        self.read_models_reach_the_end().await;
        for node in &mut self.nodes {
            node.stop();
        }
        self.log.close();
        let proof = audit::verify(self.dir.path(), &mut |_, _| {}).unwrap();
        assert!(proof.ok(), "{proof}");
        for node in &self.nodes {
            assert_equal_a_rebuild(node.data(), self.dir.path());
        }
    }
}

fn assert_equal_a_rebuild(views: &Path, log: &Path) {
    let log = doorbuster::store::embedded::LogReader::open(log).unwrap();
    let compared = projections::compare(views, |after| log.read_all(after, 500), |_| {}).unwrap();
    for (name, equal) in compared {
        assert!(equal, "the read model {name} differs from its rebuild");
    }
}

/// Asks again for as long as the answer is ABORTED, when the answer says, as the contract has it.
pub async fn again<T, F>(ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, Status>>,
{
    asked_again(ask, |status| Some(assert_aborted(status))).await.unwrap()
}

/// Calls a method until its answer is not ABORTED.
macro_rules! until_answered {
    ($client:expr, $method:ident, $request:expr) => {
        $crate::nodes::pair::again(|| {
            let mut client = $client;
            let request = $request.clone();
            async move { client.$method(request).await }
        })
        .await
        .into_inner()
    };
}
pub(crate) use until_answered;

/// The answer of a node that lost the item to another: safe to repeat, and after how long.
pub fn assert_aborted(status: &Status) -> Duration {
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    assert_eq!(status.get_details_error_info().unwrap().reason, "LOST_OWNERSHIP");
    assert!(status.message().contains("send the same request again"), "{status:?}");
    status.get_details_retry_info().unwrap().retry_delay.expect("it says when")
}
