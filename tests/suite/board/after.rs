//! A sale afterwards: whoever opens a post-mortem before it is written is told so by a page, in their
//! language, and finds it there.

use std::{sync::Arc, time::Duration};

use doorbuster::{metrics::Metrics, web::board::BoardLimits};
use tokio::{net::TcpListener, time::timeout};

use super::{Said, get, limits::strict_board};
use crate::support::{Node, OPENS_AT, PATIENCE, item};

#[tokio::test(flavor = "multi_thread")]
async fn a_post_mortem_that_is_being_written_has_a_page_that_says_so_until_it_is_there() {
    let node = Node::start().await;
    let (sale, _) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let board = listener.local_addr().unwrap();
    // Nobody waits: the first who asks comes while it is being written.
    let limits = BoardLimits { writing_lasts: Duration::ZERO, ..BoardLimits::for_clients(10) };
    let metrics = Arc::new(Metrics::new(OPENS_AT));
    let server = strict_board(&node, listener, &metrics, limits);

    let path = format!("/sales/{sale}/post-mortem");
    let first = get(board, &path).await;
    assert_eq!((first.status, first.header("retry-after")), (503, Some("1")), "{}", first.body);
    assert!(first.header("content-type").unwrap().starts_with("text/html"));
    let waits = "data-page=\"waiting\"";
    for told in [waits, "is being written", "<script src=", &format!("<a href=\"{path}\">")] {
        assert!(first.body.contains(told), "{told}: {}", first.body);
    }
    let chinese = async {
        loop {
            let said = get(board, &format!("{path}?lang=zh")).await;
            match said.status {
                200 => return said,
                503 => assert!(said.body.contains("正在生成"), "{}", said.body),
                // Read models come on side by side: the last may not know the sale yet.
                status => assert_eq!(status, 404, "{}", said.body),
            }
        }
    };
    let Said { body, .. } = timeout(PATIENCE, chinese).await.expect("it is written");
    assert!(!body.contains(waits) && body.contains("<html lang=\"zh-Hans\""), "{body}");
    let figures = get(board, &format!("/sales/{sale}/figures")).await;
    assert_eq!(figures.status, 200, "{}", figures.body);
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
}
