//! How fresh an answer is: the age of the oldest event that is missing, also while read models are
//! built, and no answer at all before they know what the log held at the start.

use std::fs;

use tonic::Code;
use tonic_types::StatusExt;

use super::{lock, orders, orders_in_the_end, readyz, sold, until_readyz, view, watched};
use crate::{
    support::{Node, PATIENCE, item},
    web::ask,
};

async fn lag_seconds(node: &Node) -> f64 {
    let figures = ask(node.web(), "GET", "/metrics").await.body;
    let name = "doorbuster_projection_lag_seconds{projection=\"orders\"} ";
    figures.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
}

/// Asks for orders until the lag of the answer is as wanted.
async fn until_lag(node: &Node, item: &str, wanted: impl Fn(i64) -> bool) {
    let asked = async {
        while !wanted(orders(node, item, 0).await.unwrap().freshness.unwrap().lag_ms) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the lag becomes that");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_as_old_as_its_oldest_event() {
    let node = watched().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let before = sold(&node, &items[0], 0..1).await;
    assert_eq!(orders_in_the_end(&node, &items[0], before).await, 1);
    // Nothing happened for long, which makes nothing old.
    node.advance(30);
    until_lag(&node, &items[0], |lag_ms| {
        assert!(lag_ms <= 1, "{lag_ms}");
        lag_ms == 0
    })
    .await;

    let other = lock(&view(&node, "orders"));
    sold(&node, &items[0], 1..2).await;
    node.advance(4);
    let position = sold(&node, &items[0], 2..3).await;
    node.advance(3);
    until_lag(&node, &items[0], |lag_ms| {
        assert!(lag_ms <= 7_000, "{lag_ms}");
        lag_ms == 7_000
    })
    .await;
    let answer = orders(&node, &items[0], before).await.unwrap();
    assert_eq!(answer.orders.len(), 1);
    assert_eq!(lag_seconds(&node).await, 7.0);
    let (status, said) = readyz(&node).await;
    assert_eq!(status, 200);
    let named = said["behind"].as_array().unwrap().iter();
    let orders = named.clone().find(|entry| entry["projection"] == "orders").unwrap();
    assert_eq!(orders["lag_ms"], 7_000);

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(orders_in_the_end(&node, &items[0], position).await, 3);
    until_readyz(&node, |_, said| said["behind"].is_null()).await;
    until_lag_is(&node, 0.0).await;
}

async fn until_lag_is(node: &Node, seconds: f64) {
    let known = async {
        while lag_seconds(node).await != seconds {
            tokio::task::yield_now().await;
        }
    };
    let known = tokio::time::timeout(PATIENCE, known).await;
    known.unwrap_or_else(|_| panic!("the lag is never {seconds} s"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_before_a_read_model_knows_what_the_log_held_at_the_start() {
    let mut node = watched().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 9)])]).await;
    let before = sold(&node, &items[0], 0..1).await;
    assert_eq!(orders_in_the_end(&node, &items[0], before).await, 1);
    node.stop();
    let (file, earlier) = (view(&node, "orders"), node.data().join("earlier.db"));
    fs::copy(&file, &earlier).unwrap();
    node.restart().await;
    let position = sold(&node, &items[0], 1..4).await;
    node.stop();
    fs::copy(&earlier, &file).unwrap();
    node.advance(60);

    let other = lock(&file);
    node.restart().await;
    let refused = orders(&node, &items[0], 0).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert_eq!(refused.get_details_error_info().unwrap().reason, "READ_MODEL_BUILDING");
    assert!(refused.get_details_retry_info().unwrap().retry_delay.is_some());
    // What is missing is a minute old.
    until_lag_is(&node, 60.0).await;

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(orders_in_the_end(&node, &items[0], 0).await, 4);
    orders(&node, &items[0], position).await.unwrap();
    // For a moment it may be a millisecond, as above.
    until_lag(&node, &items[0], |lag_ms| {
        assert!(lag_ms <= 1, "{lag_ms}");
        lag_ms == 0
    })
    .await;
}
