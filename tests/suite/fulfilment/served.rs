//! Exports of a running server.

use std::{collections::BTreeSet, sync::Arc};

use doorbuster::{
    clock::WallClock,
    events::{Event, OrdersExported, decode},
    grpc::proto::{
        self, Export, ExportLine, ExportLineKind, ExportRefusalReason,
        export_orders_response::Outcome, order_service_client::OrderServiceClient,
    },
    projections::view_path,
    store::{
        LogSource, SharedStore,
        copy::copy,
        embedded::{EmbeddedStore, LogReader},
    },
};
use futures_util::future::join_all;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use tempfile::tempdir;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    nodes::pair::{Pair, until_answered},
    support::{Channel, Node, assert_read_models_equal_a_rebuild, item, order, request_id},
};

fn orders(node: &Node) -> OrderServiceClient<Channel> {
    OrderServiceClient::new(node.channel())
}

fn request(sale: &str) -> proto::ExportOrdersRequest {
    proto::ExportOrdersRequest {
        request_id: request_id(),
        sale_id: sale.to_owned(),
        operator: "olga".to_owned(),
        reason: "noon".to_owned(),
    }
}

async fn export(node: &Node, request: proto::ExportOrdersRequest) -> proto::ExportOrdersResponse {
    orders(node).export_orders(request).await.unwrap().into_inner()
}

fn exported(answer: &proto::ExportOrdersResponse) -> Export {
    match answer.outcome.clone().unwrap() {
        Outcome::Export(export) => export,
        Outcome::Refusal(refusal) => panic!("refused: {refusal:?}"),
    }
}

/// An export with its lines and its bytes.
struct Fetched {
    export: Export,
    lines: Vec<ExportLine>,
    csv: String,
    parts: usize,
}

impl Fetched {
    /// The orders to be shipped.
    fn orders(&self) -> Vec<String> {
        let of_orders = self.lines.iter().filter(|line| line.kind() == ExportLineKind::Order);
        of_orders.map(|line| line.order_id.clone()).collect()
    }

    fn digest(&self) -> String {
        Sha256::digest(&self.csv).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

async fn fetch(node: &Node, sale: &str, number: i64) -> Result<Fetched, Status> {
    let sale_id = sale.to_owned();
    let request = proto::FetchExportRequest { sale_id, number, min_position: u64::MAX };
    let mut stream = orders(node).fetch_export(request).await?.into_inner();
    let mut fetched =
        Fetched { export: Export::default(), lines: Vec::new(), csv: String::new(), parts: 0 };
    while let Some(part) = stream.message().await? {
        assert_eq!(part.export.is_some(), fetched.parts == 0);
        assert!(part.lines.len() <= 100);
        fetched.export = part.export.unwrap_or(fetched.export);
        fetched.lines.extend(part.lines);
        fetched.csv.push_str(&part.csv);
        fetched.parts += 1;
    }
    Ok(fetched)
}

async fn buy(node: &Node, item: &str, buyer: &str, units: i64) -> proto::Order {
    let placed = order(&node.place(item, buyer, units).await.unwrap());
    node.pay(&placed).await;
    placed
}

async fn refund(node: &Node, order: &proto::Order, units: i64) {
    let request = proto::RefundOrderRequest {
        request_id: request_id(),
        item_id: order.item_id.clone(),
        order_id: order.order_id.clone(),
        units,
        restock: true,
        operator: "olga".to_owned(),
        reason: "sent back".to_owned(),
    };
    let answer = orders(node).refund_order(request).await.unwrap().into_inner();
    assert!(matches!(answer.outcome, Some(proto::refund_order_response::Outcome::Order(_))));
}

/// The exports that stand in a log.
async fn logged(log: &LogSource) -> Vec<OrdersExported> {
    let all = log.read_all(doorbuster::events::Position::START, 100_000).await.unwrap();
    let exports = all.iter().filter_map(|recorded| match decode(recorded).unwrap() {
        Event::Fulfilment(exported) => Some(exported),
        _ => None,
    });
    exports.collect()
}

fn ids(orders: &[&proto::Order]) -> Vec<String> {
    orders.iter().map(|order| order.order_id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_paid_order_is_in_one_export_which_a_copy_of_the_log_repeats() {
    let mut node = Node::start().await;
    let stock = [("east", 50), ("west", 50)];
    let (sale, items) = node.sale(vec![item("A", &stock), item("B", &stock)]).await;
    let ann = buy(&node, &items[0], "ann", 2).await;
    let bob = buy(&node, &items[1], "bob", 1).await;
    order(&node.place(&items[0], "eve", 1).await.unwrap());
    let first = exported(&export(&node, request(&sale)).await);
    assert_eq!((first.number, first.after, first.upto, first.orders), (1, 0, 2, 2));
    assert_eq!((first.operator.as_str(), first.reason.as_str()), ("olga", "noon"));
    let told = fetch(&node, &sale, 1).await.unwrap();
    assert_eq!((told.export.clone(), told.orders()), (first.clone(), ids(&[&ann, &bob])));
    assert_eq!(told.digest(), first.sha256);

    // Between two exports: payments, a refund of an exported order, and one of a new order.
    let cat = buy(&node, &items[1], "cat", 2).await;
    refund(&node, &ann, 1).await;
    refund(&node, &cat, 2).await;
    let dan = buy(&node, &items[0], "dan", 1).await;
    let second = exported(&export(&node, request(&sale)).await);
    assert_eq!((second.number, second.after, second.upto, second.orders), (2, 2, 6, 2));
    let later = fetch(&node, &sale, 2).await.unwrap();
    assert_eq!(later.orders(), ids(&[&cat, &dan]), "none of them was in the first");
    let shipped: Vec<i64> = later.lines.iter().map(|line| line.units_to_ship).collect();
    assert_eq!(shipped, [0, 1, 0]);
    let back = later.lines.last().unwrap();
    assert_eq!((back.kind(), &back.order_id), (ExportLineKind::Refund, &ann.order_id));
    assert_eq!((back.units_paid, back.units_refunded, back.restocked), (2, 1, true));
    assert_eq!(back.refunded.as_ref().unwrap().amount_minor, 199_900);

    // Asked again it is the same, and the digest is the one in the log.
    let again = fetch(&node, &sale, 1).await.unwrap();
    assert_eq!((&again.csv, &again.lines), (&told.csv, &told.lines));
    node.stop();
    let source = LogSource::File(Arc::new(LogReader::open(node.data()).unwrap()));
    let in_log: Vec<String> = logged(&source).await.into_iter().map(|one| one.sha256).collect();
    assert_eq!(in_log, [first.sha256.clone(), second.sha256.clone()]);
    let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");
    assert_read_models_equal_a_rebuild(node.data());

    let directory = tempdir().unwrap();
    let target: SharedStore = EmbeddedStore::open(directory.path(), Arc::new(WallClock)).unwrap();
    copy(&source, &target, &mut |_| {}).await.unwrap();
    let mut other = Node::start_on(Arc::clone(&target), node.clock.clone(), |_| {}).await;
    for (number, wanted) in [(1, &told), (2, &later)] {
        let copied = fetch(&other, &sale, number).await.unwrap();
        assert_eq!((&copied.csv, &copied.export), (&wanted.csv, &wanted.export));
    }
    // The copy goes on where the log was.
    let fay = buy(&other, &items[0], "fay", 1).await;
    let third = exported(&export(&other, request(&sale)).await);
    assert_eq!((third.number, third.after, third.upto), (3, 6, 7));
    assert_eq!(fetch(&other, &sale, 3).await.unwrap().orders(), ids(&[&fay]));
    other.stop();
    target.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_or_read_is_answered_so_and_leaves_nothing() {
    let mut node = Node::start().await;
    let (sale, items) = node.sale(vec![item("A", &[("east", 50)])]).await;
    let nothing = |answer: proto::ExportOrdersResponse| match answer.outcome.unwrap() {
        Outcome::Export(export) => panic!("exported: {export:?}"),
        Outcome::Refusal(refusal) => (refusal.reason(), refusal.upto, refusal.message),
    };
    let (reason, upto, message) = nothing(export(&node, request(&sale)).await);
    assert_eq!((reason, upto), (ExportRefusalReason::NothingToExport, 0));
    assert_eq!(message, "No order of this sale is paid, so there is nothing to export.");
    let ann = buy(&node, &items[0], "ann", 1).await;
    let asked = request(&sale);
    let first = export(&node, asked.clone()).await;
    assert_eq!(export(&node, asked.clone()).await, first, "the first answer again");
    let (reason, upto, message) = nothing(export(&node, request(&sale)).await);
    assert_eq!((reason, upto), (ExportRefusalReason::NothingToExport, 1));
    assert!(message.contains("hold all 1 payments"), "{message}");
    buy(&node, &items[0], "bob", 1).await;
    assert_eq!(export(&node, asked.clone()).await, first, "whatever was paid since");

    let unknown = "5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10";
    let reused = proto::ExportOrdersRequest { reason: "evening".to_owned(), ..asked.clone() };
    let wrong = |asked: proto::ExportOrdersRequest| async {
        let status = orders(&node).export_orders(asked).await.unwrap_err();
        (status.code(), status.get_details_error_info().unwrap().metadata.remove("field"))
    };
    let field = |name: &str| Some(name.to_owned());
    assert_eq!(wrong(reused).await, (Code::AlreadyExists, None));
    assert_eq!(wrong(request(unknown)).await, (Code::NotFound, field("sale_id")));
    assert_eq!(wrong(request("x")).await, (Code::InvalidArgument, field("sale_id")));
    let unreasoned = proto::ExportOrdersRequest { reason: String::new(), ..request(&sale) };
    assert_eq!(wrong(unreasoned).await, (Code::InvalidArgument, field("reason")));
    let known = sale.as_str();
    for (of, number, code) in [
        (unknown, 1, Code::NotFound),
        (known, 2, Code::NotFound),
        (known, 0, Code::InvalidArgument),
        (known, -1, Code::InvalidArgument),
    ] {
        let status = fetch(&node, of, number).await.err().unwrap();
        assert_eq!(status.code(), code, "{of} {number}: {status:?}");
    }
    let list = |sale: &str, page_size, token: &str| proto::ListExportsRequest {
        sale_id: sale.to_owned(),
        page_size,
        page_token: token.to_owned(),
        min_position: u64::MAX,
    };
    for (asked, code) in [
        (list(unknown, 0, ""), Code::NotFound),
        (list(&sale, -1, ""), Code::InvalidArgument),
        (list(&sale, 0, "garbage"), Code::InvalidArgument),
        (list("", 0, ""), Code::InvalidArgument),
    ] {
        assert_eq!(orders(&node).list_exports(asked).await.unwrap_err().code(), code);
    }
    export(&node, request(&sale)).await;
    let page = orders(&node).list_exports(list(&sale, 1, "")).await.unwrap().into_inner();
    assert_eq!(page.exports, [exported(&first)]);
    let next = orders(&node).list_exports(list(&sale, 1, &page.next_page_token)).await;
    let next = next.unwrap().into_inner();
    assert_eq!((next.exports[0].number, next.next_page_token.as_str()), (2, ""));
    assert_eq!(fetch(&node, &sale, 1).await.unwrap().orders(), ids(&[&ann]));
    node.stop();
    let source = LogSource::File(Arc::new(LogReader::open(node.data()).unwrap()));
    assert_eq!(logged(&source).await.len(), 2, "nothing else was appended");
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_at_once_give_each_order_once() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("A", &[("east", 500)])]).await;
    let sell = async {
        let mut sold = Vec::new();
        for buyer in 0..40 {
            sold.push(buy(&node, &items[0], &format!("buyer-{buyer}"), 1).await.order_id);
        }
        sold
    };
    let one = async || {
        for _ in 0..10 {
            export(&node, request(&sale)).await;
        }
    };
    let (sold, _) = tokio::join!(sell, join_all((0..4).map(|_| one())));
    export(&node, request(&sale)).await;
    let list = proto::ListExportsRequest {
        sale_id: sale.clone(),
        min_position: u64::MAX,
        ..Default::default()
    };
    let exports = orders(&node).list_exports(list).await.unwrap().into_inner().exports;
    let mut shipped = Vec::new();
    for made in &exports {
        shipped.extend(fetch(&node, &sale, made.number).await.unwrap().orders());
    }
    assert_eq!(shipped.len(), sold.len());
    assert_eq!(BTreeSet::from_iter(shipped), BTreeSet::from_iter(sold));
    let ends: Vec<(i64, i64)> = exports.iter().map(|made| (made.after, made.upto)).collect();
    assert!(ends.windows(2).all(|two| two[0].1 == two[1].0), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_on_two_nodes_give_each_order_once() {
    let pair = Pair::start().await;
    let [a, b] = &pair.nodes;
    let (sale, items) = a.sale(vec![item("A", &[("east", 50)])]).await;
    for round in 0..5 {
        buy(a, &items[0], &format!("buyer-{round}"), 1).await;
        let at = async |node: &Node| {
            let asked = request(&sale);
            until_answered!(orders(node), export_orders, asked)
        };
        tokio::join!(at(a), at(b));
    }
    let mut shipped = Vec::new();
    let made = pair.events("OrdersExported").await.len() as i64;
    for number in 1..=made {
        shipped.extend(fetch(b, &sale, number).await.unwrap().orders());
    }
    assert_eq!((shipped.len(), BTreeSet::from_iter(shipped).len()), (5, 5));
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_differs_from_its_digest_is_not_sent() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![item("A", &[("east", 500)])]).await;
    let mut sold = Vec::new();
    for buyer in 0..101 {
        sold.push(buy(&node, &items[0], &format!("buyer-{buyer}"), 1).await);
    }
    export(&node, request(&sale)).await;
    let sound = fetch(&node, &sale, 1).await.unwrap();
    assert_eq!((sound.lines.len(), sound.parts), (101, 2));
    assert_eq!(sound.digest(), sound.export.sha256);
    assert_eq!(sound.csv.lines().count(), 102);
    let file = Connection::open(view_path(node.data(), "fulfilment")).unwrap();
    file.execute("UPDATE paid SET payment_reference = 'other' WHERE number = 3", []).unwrap();
    let status = fetch(&node, &sale, 1).await.err().unwrap();
    assert_eq!(status.code(), Code::DataLoss);
    assert_eq!(status.get_details_error_info().unwrap().reason, "EXPORT_DIFFERS");
    assert!(status.message().contains(&sound.export.sha256), "{status:?}");
}
