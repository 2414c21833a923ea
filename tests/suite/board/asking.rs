//! How pages are asked: in which language, and what is said of a field that is wrong.

use super::{Follower, ask, board_node, get};
use crate::support::item;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_in_the_language_of_its_address_else_of_its_cookie_else_of_the_browser() {
    let node = board_node().await;
    let board = node.board();
    for (path, header, lang) in [
        ("/", "accept: */*", "en"),
        ("/?lang=zh", "accept: */*", "zh-Hans"),
        ("/", "cookie: other=en; lang=zh", "zh-Hans"),
        ("/", "accept-language: fr, zh-CN;q=0.9", "zh-Hans"),
        ("/log?lang=en", "cookie: lang=zh", "en"),
        ("/nowhere", "cookie: lang=zh", "zh-Hans"),
    ] {
        let said =
            ask(board, &format!("GET {path} HTTP/1.1\r\nhost: {board}\r\n{header}"), "").await;
        let page = format!("<html lang=\"{lang}\">");
        assert!(said.body.contains(&page), "{path}, {header}: {}", said.body);
        let kept = said.header("set-cookie").is_some_and(|kept| kept.starts_with("lang="));
        assert_eq!(kept, path.contains("lang="), "{path}: an address that says it is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_an_address_that_is_wrong_is_named() {
    let node = board_node().await;
    let (sale, _) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    drop(Follower::of(node.board(), &sale).await);
    for (path, status, field) in [
        ("/sales/phone".to_owned(), 400, "sale_id"),
        (format!("/sales/{sale}/items?page=x"), 400, "page"),
        (format!("/sales/{sale}/rows?of=x"), 400, "latency"),
        (format!("/sales/{sale}/at?ms=x"), 400, "ms"),
        ("/log?before=x".to_owned(), 400, "before"),
        ("/log/x-1".to_owned(), 404, "the stream"),
        ("/orders/x".to_owned(), 400, "order_id"),
        ("/orders/x/story".to_owned(), 400, "order_id"),
        ("/nowhere".to_owned(), 404, "the page"),
    ] {
        let said = get(node.board(), &path).await;
        assert_eq!(said.status, status, "{path}: {}", said.body);
        assert!(said.body.contains("<p class=\"empty\">"), "{path}: {}", said.body);
        assert!(said.body.contains(field), "{path}: {}", said.body);
    }
    let part = get(node.board(), &format!("/sales/{sale}/items?lang=zh&page=9")).await;
    assert_eq!((part.status, part.header("set-cookie")), (200, None), "{}", part.body);
    assert!(part.body.contains("单价"), "{}", part.body);
}
