//! Tokens that change while a server runs: without a restart, and for streams that are open.

use std::{fs, path::PathBuf, time::Duration};

use doorbuster::grpc::proto::{
    FollowOrdersRequest, GetLevelRequest, PlaceOrdersRequest, RecordTrafficRequest,
    degradation_service_client::DegradationServiceClient, order_service_client::OrderServiceClient,
    purchase_service_client::PurchaseServiceClient, traffic_service_client::TrafficServiceClient,
};
use futures_util::stream;
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    known_tokens::{self, ALL, AUDITOR, OLGA, SHOP, line, line_with},
    support::{Node, PATIENCE, item},
};

const LATER: &str = "2099-01-01T00:00:00Z";

struct Changing {
    node: Node,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

impl Changing {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = known_tokens::file(directory.path());
        let named = file.clone();
        let node = Node::start_with(|config| {
            config.tokens_file = Some(named);
            config.web = Some(([127, 0, 0, 1], 0).into());
        });
        Self { node: node.await, file, _directory: directory }
    }

    /// The same tokens, one of them revoked.
    fn revoke(&self, token: &str) {
        let lines = ALL.map(|one| match one.0 == token {
            true => line_with(one, LATER, "2026-11-11T00:00:00Z"),
            false => line(one),
        });
        known_tokens::write(&self.file, &known_tokens::text(&lines));
    }

    /// How a call of that token is answered.
    async fn called(&self, token: Option<&str>) -> Result<(), Status> {
        let channel = self.node.channel_of(token).await;
        let level = DegradationServiceClient::new(channel).get_level(GetLevelRequest {}).await;
        level.map(drop)
    }

    /// Calls until it is answered like that.
    async fn until(&self, token: Option<&str>, wanted: &str) {
        let asked = async {
            while why(self.called(token).await) != wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("never answered {wanted:?}"));
    }

    async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.node.web());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(url).bearer_auth(AUDITOR).send().await.unwrap().text().await.unwrap()
    }
}

fn why(said: Result<(), Status>) -> String {
    said.err().map_or_else(String::new, |status| {
        status.get_details_error_info().map_or_else(|| status.to_string(), |info| info.reason)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_ends_what_is_open_and_leaves_the_others() {
    let changing = Changing::start().await;
    let node = &changing.node;
    node.sale(vec![item("phone", &[("north", 3)])]).await;
    let channel = node.channel_of(Some(SHOP)).await;
    let follow = async |token| {
        let mut orders = OrderServiceClient::new(node.channel_of(Some(token)).await);
        orders.follow_orders(FollowOrdersRequest::default()).await.unwrap().into_inner()
    };
    let (mut followed, mut of_another) = (follow(SHOP).await, follow(AUDITOR).await);
    let mut purchases = PurchaseServiceClient::new(channel.clone());
    let placing = stream::pending::<PlaceOrdersRequest>();
    let mut placed = purchases.place_orders(placing).await.unwrap().into_inner();
    let recording = tokio::spawn(async move {
        let beacons = stream::pending::<RecordTrafficRequest>();
        TrafficServiceClient::new(channel).record_traffic(beacons).await.map(drop)
    });

    changing.revoke(SHOP);
    let ended = async {
        let followed = loop {
            if let Err(status) = followed.message().await {
                break status;
            }
        };
        let placed = placed.message().await.map(drop).unwrap_err();
        [followed, placed, recording.await.unwrap().unwrap_err()]
    };
    for status in timeout(PATIENCE, ended).await.expect("streams end") {
        assert_eq!(status.code(), Code::Unauthenticated, "{status}");
        assert_eq!(status.get_details_error_info().unwrap().reason, "TOKEN_REVOKED");
    }
    assert_eq!(why(changing.called(Some(SHOP)).await), "TOKEN_REVOKED");
    let waits = timeout(Duration::from_millis(50), async {
        while of_another.message().await.unwrap().is_some() {}
    });
    assert!(waits.await.is_err(), "the stream of another token goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_token_expires() {
    let changing = Changing::start().await;
    let lines = [line_with(ALL[0], "2026-11-11T00:01:00Z", "-"), line(ALL[6])];
    known_tokens::write(&changing.file, &known_tokens::text(&lines));
    changing.until(Some(OLGA), "TOKEN_UNKNOWN").await;
    let mut orders = OrderServiceClient::new(changing.node.channel_of(Some(SHOP)).await);
    let mut followed =
        orders.follow_orders(FollowOrdersRequest::default()).await.unwrap().into_inner();
    changing.node.advance(61);
    let ended = async {
        loop {
            if let Err(status) = followed.message().await {
                break status;
            }
        }
    };
    let status = timeout(PATIENCE, ended).await.expect("the stream ends");
    assert_eq!(status.get_details_error_info().unwrap().reason, "TOKEN_EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_in_the_file_changes_nothing_and_is_told() {
    let changing = Changing::start().await;
    assert!(changing.metrics().await.contains("doorbuster_tokens_file_bad 0\n"));
    known_tokens::write(&changing.file, "rubbish\n");
    let told = async {
        while !changing.metrics().await.contains("doorbuster_tokens_file_bad 1\n") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, told).await.expect("the metric says so");
    assert_eq!(why(changing.called(Some(OLGA)).await), "");
    assert_eq!(why(changing.called(None).await), "TOKEN_MISSING");
    changing.revoke(OLGA);
    changing.until(Some(OLGA), "TOKEN_REVOKED").await;
    assert!(changing.metrics().await.contains("doorbuster_tokens_file_bad 0\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_token_closes_an_open_server_and_removing_the_file_does_not_open_it() {
    let node = Node::start().await;
    let file = node.data().join("tokens");
    let changing = Changing { node, file, _directory: tempfile::tempdir().unwrap() };
    changing.called(None).await.unwrap();
    known_tokens::write(&changing.file, &known_tokens::text(&[line(ALL[2])]));
    changing.until(None, "TOKEN_MISSING").await;
    changing.called(Some(OLGA)).await.unwrap();
    fs::remove_file(&changing.file).unwrap();
    // The file is looked at once a second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(why(changing.called(None).await), "TOKEN_MISSING");
    changing.called(Some(OLGA)).await.unwrap();
}
