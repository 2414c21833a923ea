//! Frames: the first at once, then each newer than the one before, and headers that keep a browser
//! from doing anything else with them.

use doorbuster::clock::new_request_id;

use super::{Follower, ask, board_node, get};
use crate::support::{OPENS_AT, create_sale, item, order, timestamp};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_a_sale_gets_it_at_once_and_then_as_it_goes_on() {
    let node = board_node().await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let placed = node.place(&items[0], "ann", 1).await.unwrap();
    let held = order(&placed);
    let mut follower = Follower::of(node.board(), &sale).await;
    assert_eq!(follower.status(), 200, "{}", follower.head);
    assert!(follower.head.contains("text/event-stream"), "{}", follower.head);
    let first = follower.frame().await;
    assert!(first["panels"].as_object().unwrap().contains_key("head"), "{first}");
    let paid = node.pay(&held).await;
    let mut before = 0;
    loop {
        let frame = follower.frame().await;
        let position = frame["position"].as_u64().unwrap();
        assert!(position >= before, "frames never go back");
        before = position;
        if position >= paid.position {
            break;
        }
    }
    assert_eq!(before, paid.position, "nothing happened since");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_followed_is_said_by_field() {
    let node = board_node().await;
    let (sale, _) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    let unknown = new_request_id();
    for (path, status, field) in [
        (format!("/sales/{unknown}/events"), 404, "sale_id"),
        ("/sales/phone/events".to_owned(), 400, "sale_id"),
        (format!("/sales/{sale}/events?lang=fr"), 400, "lang"),
    ] {
        let said = get(node.board(), &path).await;
        assert_eq!((said.status, said.json()["field"].as_str()), (status, Some(field)), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_the_browser_what_it_may_do() {
    let node = board_node().await;
    for path in ["/whoami", "/nowhere", "/sales/x/events"] {
        let said = get(node.board(), path).await;
        let policy = said.header("content-security-policy").expect("a policy");
        for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(said.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(said.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(said.header("cache-control"), Some("no-store"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_on_loopback_answers_to_names_of_this_machine_only() {
    let node = board_node().await;
    let board = node.board();
    let port = board.port();
    for host in ["evil.example", "evil.example:7422", "127.0.0.1.evil.example", "10.0.0.1", ""] {
        let said = ask(board, &format!("GET /whoami HTTP/1.1\r\nhost: {host}"), "").await;
        assert_eq!(said.status, 421, "{host}");
    }
    for host in [format!("localhost:{port}"), "127.0.0.1".to_owned(), format!("[::1]:{port}")] {
        let said = ask(board, &format!("GET /whoami HTTP/1.1\r\nhost: {host}"), "").await;
        assert_eq!(said.status, 401, "{host}: it is asked for a token instead");
    }
}

/// More than are taken beside the sales that run.
const MADE_UP: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_made_up_keep_nobody_from_a_sale_that_does_not_run() {
    let node = board_node().await;
    let mut message = create_sale(vec![item("phone", &[("shanghai", 3)])]);
    let draft = message.sale.as_mut().unwrap();
    draft.open_time = Some(timestamp(OPENS_AT.plus(2 * 3_600_000)));
    draft.close_time = Some(timestamp(OPENS_AT.plus(3 * 3_600_000)));
    let later = node.sales().create_sale(message).await.unwrap().into_inner().sale.unwrap();
    for _ in 0..MADE_UP {
        let said = get(node.board(), &format!("/sales/{}/events", new_request_id())).await;
        assert_eq!(said.status, 404);
    }
    let mut follower = Follower::of(node.board(), &later.sale_id).await;
    let first = follower.frame().await["position"].as_u64().unwrap();
    node.sale(vec![item("radio", &[("shanghai", 3)])]).await;
    // Its pulse is taken again only if a viewer is known.
    while follower.frame().await["position"].as_u64().unwrap() == first {}
}
