//! Holds expire without any call, independent of read models.

use std::{fs, time::Duration};

use doorbuster::{events::Position, store::embedded::LogReader};
use tonic::Code;

use super::{lock, sold, until_readyz, view, watched};
use crate::support::{Node, PATIENCE, item};

/// Advances time until that many holds ended in the log, without any call.
async fn until_expired(node: &Node, wanted: usize) {
    let log = LogReader::open(node.data()).unwrap();
    let ended = async {
        loop {
            let events = log.read_all(Position::START, 10_000).unwrap();
            if events.iter().filter(|event| event.kind == "OrderExpired").count() == wanted {
                return;
            }
            node.clock.advance(Duration::from_millis(200));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("the holds end");
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_that_the_store_did_not_let_end_do_when_it_is_back() {
    let node = watched().await;
    let drafts = vec![item("phone", &[("shanghai", 9)]), item("watch", &[("shanghai", 9)])];
    let (_, items) = node.sale(drafts).await;
    // The read models know nothing of these holds, and cannot learn of them.
    let others: Vec<_> = ["stock", "orders"].map(|name| lock(&view(&node, name))).into();
    sold(&node, &items[0], 0..1).await;
    // One more that would not end for long.
    node.advance(50);
    sold(&node, &items[0], 1..2).await;
    sold(&node, &items[1], 2..3).await;

    let log = lock(&node.data().join(doorbuster::store::embedded::LOG_FILE));
    node.advance(11);
    let refused = node.place(&items[1], "late", 1).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    until_readyz(&node, |status, said| status == 503 && said["reason"] == "commit_failed").await;
    // Both items have lost their state: their alarms are gone with it.
    let asleep = async {
        while !crate::web::ask(node.web(), "GET", "/metrics")
            .await
            .body
            .contains("\ndoorbuster_items_awake 0\n")
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asleep).await.expect("no actor runs");

    log.execute_batch("ROLLBACK").unwrap();
    until_readyz(&node, |status, _| status == 200).await;
    until_expired(&node, 1).await;
    until_expired(&node, 3).await;
    drop(others);
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_end_after_a_restart_without_any_read_model() {
    let mut node = watched().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    sold(&node, &items[0], 0..3).await;
    node.stop();
    let views = node.data().join("views");
    fs::remove_dir_all(&views).unwrap();
    fs::write(&views, "in the way").unwrap();
    node.restart().await;
    until_expired(&node, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_not_rebuilt_at_the_start_but_when_a_hold_of_it_is_about_to_end() {
    let mut node = watched().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    sold(&node, &items[0], 0..3).await;
    node.restart().await;
    node.advance(50);
    let figures = crate::web::ask(node.web(), "GET", "/metrics").await.body;
    assert!(figures.contains("\ndoorbuster_items_awake 0\n"), "{figures}");
    until_expired(&node, 3).await;
}
