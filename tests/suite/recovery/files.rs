//! The files of read models: locked, damaged, removed, changed by hand, or not to be had at all.

use std::fs;

use rusqlite::Connection;
use tonic::Code;
use tonic_types::StatusExt;

use super::{lock, names, orders, orders_in_the_end, readyz, sold, until_readyz, view, watched};
use crate::support::{Node, assert_read_models_equal_a_rebuild, item};

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_whose_file_another_program_locks_goes_on_when_it_is_free() {
    let mut node = watched().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let before = sold(&node, &items[0], 0..1).await;
    assert_eq!(orders_in_the_end(&node, &items[0], before).await, 1);
    let other = lock(&view(&node, "orders"));
    let position = sold(&node, &items[0], 1..3).await;
    until_readyz(&node, |status, said| {
        assert_eq!(status, 200, "it sells on: {said}");
        names(said, "orders", "held_up")
    })
    .await;
    let behind = orders(&node, &items[0], position).await.unwrap_err();
    assert_eq!(behind.code(), Code::Unavailable);
    assert!(behind.get_details_retry_info().is_some());

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(orders_in_the_end(&node, &items[0], position).await, 3);
    until_readyz(&node, |_, said| said["behind"].is_null()).await;
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_read_model_is_built_anew_once_a_question_finds_it_damaged() {
    let mut node = watched().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 900)])]).await;
    let position = sold(&node, &items[0], 0..60).await;
    assert_eq!(orders_in_the_end(&node, &items[0], position).await, 60);
    let file = view(&node, "orders");
    let other = Connection::open(&file).unwrap();
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(other);
    let mut bytes = fs::read(&file).unwrap();
    // All pages but the first two, which say what is in the file and how far it has come.
    bytes[3 * 4096..].fill(0xA5);
    fs::write(&file, bytes).unwrap();

    let found = orders(&node, &items[0], 0).await.unwrap_err();
    assert_eq!(found.code(), Code::Unavailable, "{found}");
    assert!(found.get_details_retry_info().is_some());
    assert_eq!(orders_in_the_end(&node, &items[0], position).await, 60);
    assert_eq!(readyz(&node).await.0, 200);
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_whose_file_was_removed_is_built_anew() {
    let mut node = watched().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let position = sold(&node, &items[0], 0..3).await;
    assert_eq!(orders_in_the_end(&node, &items[0], position).await, 3);
    for file in fs::read_dir(node.data().join("views")).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("orders.db") {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(orders_in_the_end(&node, &items[0], position).await, 3);
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_whose_rows_were_changed_by_hand_is_built_anew_and_not_stopped() {
    let mut node = watched().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let position = sold(&node, &items[0], 0..2).await;
    assert_eq!(orders_in_the_end(&node, &items[0], position).await, 2);
    node.stop();
    let other = Connection::open(view(&node, "orders")).unwrap();
    other.execute("UPDATE streams SET revision = 77", []).unwrap();
    drop(other);
    node.restart().await;
    let position = sold(&node, &items[0], 2..3).await;
    assert_eq!(orders_in_the_end(&node, &items[0], position).await, 3);
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_sells_without_a_directory_for_read_models_and_makes_them_when_it_can() {
    let mut node = watched().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    node.stop();
    let views = node.data().join("views");
    fs::remove_dir_all(&views).unwrap();
    fs::write(&views, "in the way").unwrap();
    node.restart().await;
    let position = sold(&node, &items[0], 0..2).await;
    let absent = orders(&node, &items[0], 0).await.unwrap_err();
    assert_eq!(absent.code(), Code::Unavailable, "{absent}");
    until_readyz(&node, |status, said| status == 200 && names(said, "orders", "held_up")).await;

    fs::remove_file(&views).unwrap();
    assert_eq!(orders_in_the_end(&node, &items[0], position).await, 2);
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_moment_is_answered_when_there_is_room_for_its_read_models_again() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let position = sold(&node, &items[0], 0..2).await;
    let ask = || {
        let moment = doorbuster::grpc::proto::as_of::Moment::Position(position);
        let request = doorbuster::grpc::proto::ListOrdersRequest {
            as_of: Some(doorbuster::grpc::proto::AsOf { moment: Some(moment) }),
            ..Default::default()
        };
        let mut reports = node.reports();
        async move { reports.list_orders(request).await }
    };
    let as_of = node.data().join("as-of");
    let _ = fs::remove_dir_all(&as_of);
    fs::write(&as_of, "in the way").unwrap();
    let refused = ask().await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert!(refused.get_details_retry_info().is_some());
    fs::remove_file(&as_of).unwrap();
    let answer =
        crate::support::asked_again(ask, |status| status.get_details_retry_info()?.retry_delay);
    assert_eq!(answer.await.unwrap().into_inner().orders.len(), 2);
}
