//! A sale afterwards: whoever opens a post-mortem before it is written is told so by a page, in their
//! language, and finds it there.

use std::{path::Path, sync::Arc, time::Duration};

use doorbuster::{metrics::Metrics, projections, web::board::BoardLimits};
use rusqlite::Connection;
use tokio::{net::TcpListener, time::timeout};

use super::{Said, board_node, get, limits::strict_board};
use crate::support::{OPENS_AT, PATIENCE, item};

/// Copies the read models. Unlike those of a node they can be locked so that reading them waits.
fn copied(from: &Path, to: &Path) {
    for projection in projections::all() {
        let name = projection.name();
        let copy = projections::view_path(to, name);
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        let original = Connection::open(projections::view_path(from, name)).unwrap();
        original.execute("VACUUM INTO ?", [copy.to_str().unwrap()]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_mortem_that_is_being_written_has_a_page_that_says_so_until_it_is_there() {
    let node = board_node().await;
    let (sale, _) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let known =
        async { while get(node.board(), &format!("/sales/{sale}/figures")).await.status != 200 {} };
    timeout(PATIENCE, known).await.expect("read models know the sale");
    let directory = tempfile::tempdir().unwrap();
    copied(node.data(), directory.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let board = listener.local_addr().unwrap();
    let limits =
        BoardLimits { writing_lasts: Duration::from_millis(1), ..BoardLimits::for_clients(10) };
    let server =
        strict_board(directory.path(), listener, &Arc::new(Metrics::new(OPENS_AT)), limits);
    let sales = projections::view_path(directory.path(), projections::sales::NAME);
    let lock = Connection::open(sales).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();

    let path = format!("/sales/{sale}/post-mortem");
    let waits = "data-page=\"waiting\"";
    let link = format!("<a href=\"{path}\">");
    for (lang, says) in [("en", "is being written"), ("zh", "正在生成")] {
        let said = get(board, &format!("{path}?lang={lang}")).await;
        assert_eq!((said.status, said.header("retry-after")), (503, Some("1")), "{}", said.body);
        assert!(said.header("content-type").unwrap().starts_with("text/html"));
        for told in [waits, "id=\"waits\"", says, "<script src=", link.as_str()] {
            assert!(said.body.contains(told), "{told}: {}", said.body);
        }
    }
    drop(lock);
    let written = async {
        loop {
            let said = get(board, &path).await;
            if said.status == 200 {
                return said;
            }
            assert!(said.status == 503 && said.body.contains(waits), "{}", said.body);
        }
    };
    let Said { body, .. } = timeout(PATIENCE, written).await.expect("it is written");
    assert!(!body.contains(waits) && body.contains("<html lang=\"en\""), "{body}");
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
}
