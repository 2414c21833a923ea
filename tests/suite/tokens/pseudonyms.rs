//! An analyst sees no buyer's name: in no answer, by no filter, and always the same pseudonym.

use doorbuster::{
    admission::Role,
    grpc::{
        proto::{self, report_service_client::ReportServiceClient},
        rpcs::ALL,
    },
};
use prost_reflect::DescriptorPool;
use serde_json::{Value, json};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{
    http::Shop,
    known_tokens::{self, ANALYST, AUDITOR},
    support::{item, pay},
};

const NAMES: [&str; 2] = ["alice-of-hangzhou", "bob-of-ningbo"];

struct Sold {
    shop: Shop,
    sale: String,
    item: String,
    position: u64,
    _directory: tempfile::TempDir,
}

/// A sale with orders of both, one paid twice: that is money due back.
async fn sold() -> Sold {
    let directory = tempfile::tempdir().unwrap();
    let file = known_tokens::file(directory.path());
    let shop = Shop::open_with(|config| config.tokens_file = Some(file)).await;
    let (sale, items) = shop.node.sale(vec![item("phone", &[("north", 9)])]).await;
    let mut position = 0;
    for buyer in NAMES {
        let order = shop.node.place(&items[0], buyer, 1).await.unwrap();
        let order = crate::support::order(&order);
        for reference in ["first", "second"] {
            let payment_reference = format!("{reference}-{}", order.order_id);
            let paid = proto::RecordPaymentRequest { payment_reference, ..pay(&order) };
            let paid = shop.node.purchases().record_payment(paid).await.unwrap().into_inner();
            position = position.max(paid.position);
        }
    }
    let item = items[0].clone();
    Sold { shop, sale, item, position, _directory: directory }
}

impl Sold {
    async fn orders(&self, token: &str) -> Vec<String> {
        let mut reports = ReportServiceClient::new(self.shop.node.channel_of(Some(token)).await);
        let request = proto::ListOrdersRequest {
            sale_id: self.sale.clone(),
            min_position: self.position,
            ..Default::default()
        };
        let listed = reports.list_orders(request).await.unwrap().into_inner().orders;
        listed.into_iter().map(|listed| listed.order.unwrap().buyer).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_buyer_has_the_same_pseudonym_before_and_after_a_restart() {
    let mut sold = sold().await;
    let mut named = sold.orders(AUDITOR).await;
    named.sort();
    assert_eq!(named, NAMES, "an auditor sees names");
    let shown = sold.orders(ANALYST).await;
    assert!(
        shown.iter().all(|buyer| buyer.starts_with("pseudonym-") && buyer.len() == 34),
        "{shown:?}"
    );
    assert_ne!(shown[0], shown[1]);
    sold.shop.node.restart().await;
    assert_eq!(sold.orders(ANALYST).await, shown);
    // Of HMAC-SHA-256 with the key of the file, by another program:
    // printf %s alice-of-hangzhou | openssl mac -digest SHA256 -macopt hexkey:000102…1f HMAC
    assert!(shown.contains(&"pseudonym-942efe53fdad67888ef9dbfe".to_owned()), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_by_name_is_refused_to_an_analyst() {
    let sold = sold().await;
    let mut reports = ReportServiceClient::new(sold.shop.node.channel_of(Some(ANALYST)).await);
    let orders = proto::ListOrdersRequest { buyer: NAMES[0].to_owned(), ..Default::default() };
    let dues = proto::ListRefundsDueRequest { buyer: NAMES[0].to_owned(), ..Default::default() };
    let refused = [
        reports.list_orders(orders).await.map(drop).unwrap_err(),
        reports.list_refunds_due(dues).await.map(drop).unwrap_err(),
    ];
    for status in refused {
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (status.code(), info.reason.as_str()),
            (Code::PermissionDenied, "FILTER_FORBIDDEN")
        );
        assert_eq!(info.metadata["field"], "buyer");
    }
}

/// Every unary RPC that an analyst may call, about this sale; what it answers holds no name.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_to_an_analyst_has_a_name() {
    let sold = sold().await;
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let (mut answered, mut with_pseudonyms) = (0, Vec::new());
    for rpc in ALL.iter().filter(|rpc| rpc.roles.has(Role::Analyst)) {
        let service = pool.get_service_by_name(&format!("doorbuster.v1.{}", rpc.service)).unwrap();
        let method = service.methods().find(|method| method.name() == rpc.method).unwrap();
        if method.is_server_streaming() {
            continue;
        }
        let has = |field: &str| method.input().get_field_by_name(field).is_some();
        let mut asked = json!({});
        if has("min_position") {
            asked["min_position"] = sold.position.to_string().into();
        }
        // One of both where either will do.
        for (field, id) in [("sale_id", &sold.sale), ("item_id", &sold.item)] {
            if has(field) && !(field == "item_id" && has("sale_id")) {
                asked[field] = id.as_str().into();
            }
        }
        if has("sale_ids") {
            asked["sale_ids"] = json!([sold.sale]);
        }
        let call = sold.shop.client.post(sold.shop.url(&rpc.name())).bearer_auth(ANALYST);
        let call = call.header("content-type", "application/json").body(asked.to_string());
        let text = call.send().await.unwrap().text().await.unwrap();
        let said: Value = serde_json::from_str(&text).unwrap();
        answered += usize::from(said["code"].is_null());
        assert!(NAMES.iter().all(|name| !text.contains(name)), "{}: {text}", rpc.name());
        if text.contains("pseudonym-") {
            with_pseudonyms.push(rpc.method);
        }
    }
    assert_eq!(with_pseudonyms, ["ListOrders", "ListRefundsDue"]);
    assert!(answered > 25, "{answered} were answered");
}
