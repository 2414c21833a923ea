//! Goal: a server gives the verifier's verdict over its own log, by sale, with the root of the
//! certificate that the command line would write.
//!
//! Method: two sales on a real server; what it answers is compared with what was bought and with the
//! certificate made of its files. Once more on a store that is not its own, where there are no chains.

use std::sync::Arc;

use doorbuster::{
    clock::ManualClock,
    grpc::proto::{self, replay_service_client::ReplayServiceClient},
    store::{EventStore, SharedStore, embedded::EmbeddedStore},
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{Node, OPENS_AT, item, order};

async fn verify(node: &Node, sale: &str) -> Result<proto::VerifySaleResponse, Status> {
    let mut client = ReplayServiceClient::new(node.channel());
    let request = proto::VerifySaleRequest { sale_id: sale.to_owned() };
    Ok(client.verify_sale(request).await?.into_inner())
}

/// A sale of two items, and one order of each kind that a buyer can make of it.
async fn sell(node: &Node) -> String {
    let (sale, items) = node.sale(vec![item("A", &[("east", 5)]), item("B", &[("east", 2)])]).await;
    let paid = order(&node.place(&items[0], "ann", 2).await.unwrap());
    node.pay(&paid).await;
    node.place(&items[0], "bob", 1).await.unwrap();
    node.place(&items[1], "cyd", 2).await.unwrap();
    sale
}

fn assert_sold(verified: &proto::VerifySaleResponse) {
    assert!(verified.sound && verified.findings.is_empty(), "{verified:?}");
    let units = |allocated_units, available_units, held_units, sold_units| proto::VerifiedUnits {
        allocated_units,
        available_units,
        held_units,
        sold_units,
    };
    assert_eq!(verified.units, Some(units(7, 2, 3, 2)));
    let orders = proto::VerifiedOrders { held: 2, paid: 1, cancelled: 0, expired: 0, refunded: 0 };
    assert_eq!(verified.orders, Some(orders));
    let mut items: Vec<_> =
        verified.items.iter().map(|item| (item.sku.as_str(), item.units.unwrap())).collect();
    items.sort_by_key(|(sku, _)| *sku);
    assert_eq!(items, [("A", units(5, 2, 1, 2)), ("B", units(2, 0, 2, 0))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_verifies_its_log_and_says_what_each_sale_sold() {
    let node = Node::start().await;
    let sale = sell(&node).await;
    let (other, _) = node.sale(vec![item("C", &[("east", 1)])]).await;
    let verified = verify(&node, &sale).await.unwrap();
    assert_sold(&verified);
    assert!(verified.chained);
    let judged = audit::verify_to_certify(node.data(), None, &mut |_, _| {}).unwrap();
    assert_eq!(verified.position, judged.position());
    assert_eq!(Some(verified.certificate_root), judged.root().unwrap());
    let other = verify(&node, &other).await.unwrap();
    assert_eq!((other.items.len(), other.orders.unwrap().held), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_is_not_there_and_no_sale_at_all_are_named() {
    let node = Node::start().await;
    let status = verify(&node, "5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10").await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let status = verify(&node, "7").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let wrong = status.get_error_details().bad_request().unwrap().clone();
    assert_eq!(wrong.field_violations[0].field, "sale_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_a_store_without_chains_is_verified_and_said_to_have_none() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(OPENS_AT);
    let log = EmbeddedStore::open(dir.path(), Arc::new(clock.clone())).unwrap();
    let store: SharedStore = log.clone();
    let node = Node::start_on(store, clock, |_| {}).await;
    let sale = sell(&node).await;
    let verified = verify(&node, &sale).await.unwrap();
    assert_sold(&verified);
    assert!(!verified.chained && verified.certificate_root.len() == 64);
    drop(node);
    log.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_findings_is_an_answer_without_a_root() {
    let node = Node::start().await;
    let sale = sell(&node).await;
    let log = rusqlite::Connection::open(node.data().join("log.db")).unwrap();
    log.execute("UPDATE events SET data = replace(data, '\"ann\"', '\"amn\"')", []).unwrap();
    let verified = verify(&node, &sale).await.unwrap();
    assert!(!verified.sound && verified.certificate_root.is_empty());
    assert!(verified.findings[0].problem.contains("hash chain breaks"), "{verified:?}");
    assert_eq!(verified.findings[0].stream.split_once('-').unwrap().0, "item");
}
