//! Goal: whoever watches stock is told what is left at once and what changes then, up to the last state,
//! on gRPC and on the listener for pages; a bounded number watches, and a server that stops says so.
//!
//! Method: a real server on loopback with a clock that stands still, and real clients.

use std::net::SocketAddr;

use doorbuster::grpc::proto::{self, StockState as State, WatchStockRequest, WatchStockResponse};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::support::{Node, PATIENCE, item, request_id};

fn of_sale(sale: &str) -> WatchStockRequest {
    WatchStockRequest { sale_id: sale.to_owned(), ..Default::default() }
}

fn of_items(items: &[&String]) -> WatchStockRequest {
    let item_ids = items.iter().map(|id| (*id).clone()).collect();
    WatchStockRequest { item_ids, ..Default::default() }
}

async fn watch(
    node: &Node,
    request: WatchStockRequest,
) -> Result<Streaming<WatchStockResponse>, Status> {
    Ok(node.items().watch_stock(request).await?.into_inner())
}

/// The next message.
async fn next(told: &mut Streaming<WatchStockResponse>) -> Vec<(String, State, i64)> {
    let next = timeout(PATIENCE, told.message()).await.expect("something is told");
    let items = next.unwrap().expect("it goes on").items.into_iter();
    items.map(|item| (item.sku.clone(), item.state(), item.available_units)).collect()
}

/// Reads on until this is told; says what was told of others meanwhile.
async fn until(
    told: &mut Streaming<WatchStockResponse>,
    wanted: (&str, State, i64),
) -> Vec<String> {
    let mut others = Vec::new();
    loop {
        for (sku, state, units) in next(told).await {
            if (sku.as_str(), state, units) == wanted {
                return others;
            }
            if sku != wanted.0 {
                others.push(sku);
            }
        }
    }
}

fn reason(status: &Status) -> (Code, String, String) {
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    let field = info.metadata.get("field").cloned().unwrap_or_default();
    (status.code(), info.reason.clone(), field)
}

fn act<T: Default>(fill: impl FnOnce(&mut T, String)) -> T {
    let mut request = T::default();
    fill(&mut request, request_id());
    request
}

async fn pause(node: &Node, item: &str) {
    let request = act(|request: &mut proto::PauseItemRequest, id| {
        request.request_id = id;
        request.item_id = item.to_owned();
        request.operator = "olga".to_owned();
        request.reason = "the price is wrong".to_owned();
    });
    node.items().pause_item(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_told_at_once_and_then_what_changes() {
    let mut node = Node::start().await;
    let drafts = vec![item("phone", &[("shanghai", 2), ("beijing", 1)]), item("case", &[("x", 5)])];
    let (sale, items) = node.sale(drafts).await;
    let (mut all, mut phone) = (
        watch(&node, of_sale(&sale)).await.unwrap(),
        watch(&node, of_items(&[&items[0]])).await.unwrap(),
    );
    let at_first = [("phone", State::Open, 3), ("case", State::Open, 5)];
    let at_first = at_first.map(|(sku, state, units)| (sku.to_owned(), state, units));
    // In the order in which they were put up, which happens side by side.
    let mut first = next(&mut all).await;
    first.sort_by(|one, other| other.0.cmp(&one.0));
    assert_eq!(first, at_first);
    assert_eq!(next(&mut phone).await, at_first[..1]);

    node.place(&items[0], "ann", 2).await.unwrap();
    assert_eq!(until(&mut all, ("phone", State::Open, 1)).await, [""; 0], "only what changed");
    node.place(&items[1], "ann", 1).await.unwrap();
    until(&mut all, ("case", State::Open, 4)).await;
    node.place(&items[0], "bob", 1).await.unwrap();
    until(&mut all, ("phone", State::SoldOut, 0)).await;
    assert_eq!(until(&mut phone, ("phone", State::SoldOut, 0)).await, [""; 0]);
    // The holds end by themselves.
    node.advance(61);
    until(&mut all, ("phone", State::Open, 3)).await;
    pause(&node, &items[0]).await;
    until(&mut all, ("phone", State::Paused, 3)).await;
    // The window ends without an event.
    node.advance(24 * 3_600);
    until(&mut all, ("case", State::Closed, 5)).await;

    let ended = tokio::spawn(async move {
        loop {
            if let Err(status) = timeout(PATIENCE, all.message()).await.expect("it ends") {
                return reason(&status);
            }
        }
    });
    node.restart().await;
    assert_eq!(ended.await.unwrap(), (Code::Unavailable, "STOPPING".to_owned(), String::new()));
    let mut again = watch(&node, of_sale(&sale)).await.unwrap();
    assert_eq!(next(&mut again).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounded_number_watches_and_what_is_wrong_is_named() {
    let node = Node::start_with(|config| config.stock_watchers_max = 1).await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    let (_, others) = node.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    let mut refused = Vec::new();
    let both = WatchStockRequest { sale_id: sale.clone(), ..of_items(&[&items[0]]) };
    let unknown = request_id();
    for request in [
        WatchStockRequest::default(),
        both,
        of_items(&[&"x".to_owned()]),
        of_items(&vec![&items[0]; 101]),
        of_items(&[&items[0], &others[0]]),
        of_items(&[&items[0], &unknown]),
        of_sale(&unknown),
    ] {
        refused.push(reason(&watch(&node, request).await.expect_err("it is refused")));
    }
    let invalid =
        |field: &str| (Code::InvalidArgument, "INVALID_ARGUMENT".to_owned(), field.to_owned());
    let not_found = |field: &str| (Code::NotFound, "NOT_FOUND".to_owned(), field.to_owned());
    assert_eq!(
        refused,
        [
            invalid("sale_id"),
            invalid("item_ids"),
            invalid("item_ids[0]"),
            invalid("item_ids"),
            invalid("item_ids[1]"),
            not_found("item_ids"),
            not_found("sale_id"),
        ]
    );
    let mut first = watch(&node, of_sale(&sale)).await.unwrap();
    next(&mut first).await;
    let second = watch(&node, of_sale(&sale)).await.expect_err("there is one place");
    assert_eq!(reason(&second).0, Code::ResourceExhausted);
    drop(first);
    let free = async { while watch(&node, of_sale(&sale)).await.is_err() {} };
    timeout(PATIENCE, free).await.expect("a watcher that left makes room");
}

/// A page that watches.
struct Page {
    stream: TcpStream,
    read: String,
}

impl Page {
    async fn open(at: SocketAddr, path: &str) -> Self {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\norigin: https://shop\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream, read: String::new() }
    }

    /// Reads on until this came, or the end.
    async fn until(&mut self, wanted: &str) -> &str {
        let mut bytes = [0; 4_096];
        while !self.read.contains(wanted) {
            let came = timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("it goes on");
            match came.unwrap() {
                0 => panic!("it ended without {wanted:?}: {}", self.read),
                count => self.read.push_str(std::str::from_utf8(&bytes[..count]).unwrap()),
            }
        }
        &self.read
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_get_the_stock_as_events() {
    let mut node = Node::start_with(|config| {
        config.stock = Some(([127, 0, 0, 1], 0).into());
        config.stock_watchers_max = 1;
    })
    .await;
    let (sale, items) = node.sale(vec![item("phone", &[("shanghai", 2)])]).await;
    let at = node.stock();
    for (path, status, told) in [
        ("/stock/x".to_owned(), "400", "\"field\":\"sale_id\""),
        (format!("/stock/{}", request_id()), "404", "\"field\":\"sale_id\""),
        ("/metrics".to_owned(), "404", "/stock/SALE"),
    ] {
        let mut page = Page::open(at, &path).await;
        let said = page.until(told).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{said}");
    }
    let mut page = Page::open(at, &format!("/stock/{sale}")).await;
    let said = page.until("\"available_units\":2").await;
    for wanted in [
        "HTTP/1.1 200",
        "content-type: text/event-stream",
        "access-control-allow-origin: *",
        "retry: 2000\n\n",
        "event: stock\nid: 0\ndata: {",
        "\"all\":true",
        "\"state\":\"open\"",
    ] {
        assert!(said.contains(wanted), "{wanted:?} in {said}");
    }
    let mut second = Page::open(at, &format!("/stock/{sale}")).await;
    let said = second.until("too many watch").await;
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("retry-after: 5"), "{said}");
    node.place(&items[0], "ann", 2).await.unwrap();
    let said = page.until("\"state\":\"sold_out\"").await;
    assert!(said.contains("\"all\":false") && said.contains("\nid: 1\n"), "{said}");
    node.stop();
    page.until("event: end\ndata: {\"reason\":\"server_stopping\"}\n\n").await;
}
