//! Syncs of read models that fail: what such a sync was to write is lost, and no later one says so. The
//! read model is built anew, while the server runs or at its next start.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use doorbuster::{
    grpc::proto::{
        ListOrdersRequest, OrderLabel, purchase_service_client::PurchaseServiceClient,
        report_service_client::ReportServiceClient,
    },
    projections::view_path,
};
use futures_util::future::join_all;
use tonic::{Code, transport::Channel};

use super::power::{Recorded, recorder};
use crate::{
    crash::put_up,
    support::{asked_again, assert_read_models_equal_a_rebuild, place},
};

/// Orders that are placed at once.
const AT_ONCE: u64 = 64;

/// A server whose syncs fail as told.
struct Failing {
    _library: tempfile::TempDir,
    library: PathBuf,
    data: tempfile::TempDir,
    /// Contains the end of the name of the file whose next sync fails, and is gone when it has.
    told: PathBuf,
}

impl Failing {
    /// Nothing where there is no compiler.
    fn new() -> Option<Self> {
        let (directory, library) = recorder()?;
        let told = directory.path().join("told");
        Some(Self { _library: directory, library, data: tempfile::tempdir().unwrap(), told })
    }

    fn start(&self) -> Recorded {
        let told = ("RECORD_FAIL_SYNC", self.told.to_str().unwrap());
        Recorded::start(&self.library, self.data.path(), None, Some(told))
    }

    fn fail_next_sync(&self, of: &str) {
        fs::write(self.told.with_extension("new"), of).unwrap();
        fs::rename(self.told.with_extension("new"), &self.told).unwrap();
    }

    fn has_failed(&self) -> bool {
        !self.told.exists()
    }

    fn orders(&self) -> PathBuf {
        view_path(self.data.path(), "orders")
    }
}

fn number_of(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

/// Places orders whose labels take many pages of the read model. Gives the position of the last one.
async fn buy(channel: &Channel, item: &str, from: u64) -> u64 {
    let placed = (from..from + AT_ONCE).map(|buyer| {
        let mut order = place(item, &format!("buyer-{buyer}"), 1);
        let label = |number: u64| {
            // Far from each other in the index.
            let place = (buyer * 10 + number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            OrderLabel { name: format!("{place:040x}"), value: format!("{place:064x}") }
        };
        order.labels = (0..10).map(label).collect();
        let mut purchases = PurchaseServiceClient::new(channel.clone());
        async move { purchases.place_order(order).await.unwrap().into_inner().position }
    });
    join_all(placed).await.into_iter().max().unwrap()
}

/// Waits until the read model of orders has come that far.
async fn caught_up(channel: &Channel, item: &str, min_position: u64) {
    let ask = || {
        let mut reports = ReportServiceClient::new(channel.clone());
        let asked = ListOrdersRequest {
            item_id: item.to_owned(),
            min_position,
            page_size: 1,
            ..Default::default()
        };
        async move { reports.list_orders(asked).await }
    };
    let again = |status: &tonic::Status| {
        (status.code() == Code::Unavailable).then_some(std::time::Duration::from_millis(50))
    };
    asked_again(ask, again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_is_built_anew_when_the_copy_of_its_write_ahead_log_is_not_synced() {
    let Some(failing) = Failing::new() else { return };
    let server = failing.start();
    let channel = server.channel().await;
    let item = put_up(channel.clone()).await;
    caught_up(&channel, &item, buy(&channel, &item, 0).await).await;
    // While it is open its number is not given to another file.
    let before = File::open(failing.orders()).unwrap();
    failing.fail_next_sync("/orders.db");
    let mut from = AT_ONCE;
    while !failing.has_failed() {
        caught_up(&channel, &item, buy(&channel, &item, from).await).await;
        from += AT_ONCE;
    }
    caught_up(&channel, &item, buy(&channel, &item, from).await).await;
    assert_ne!(number_of(&failing.orders()), before.metadata().unwrap().ino());
    server.stop();
    assert_read_models_equal_a_rebuild(failing.data.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_is_not_synced_at_a_stop_is_built_anew_at_the_next_start() {
    let Some(failing) = Failing::new() else { return };
    let server = failing.start();
    let channel = server.channel().await;
    let item = put_up(channel.clone()).await;
    let position = buy(&channel, &item, 0).await;
    caught_up(&channel, &item, position).await;
    failing.fail_next_sync("/orders.db-wal");
    server.stop();
    assert!(failing.has_failed());
    assert!(!failing.orders().exists(), "it would be believed");
    let server = failing.start();
    caught_up(&server.channel().await, &item, position).await;
    server.stop();
    assert_read_models_equal_a_rebuild(failing.data.path());
}
