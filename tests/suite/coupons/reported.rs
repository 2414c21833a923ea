//! Goal: what buyers paid with coupons is what every report, replay and the verifier count. Method: a
//! running server sells with offers and coupons; the sum of its answers is compared with each of them.

use doorbuster::{
    grpc::proto::{self, CouponDraft, PlaceOrderRequest},
    reports::{
        AttributionQuery, GoodsQuery, ListOrdersQuery, Paging, Period, Reports, SalesSummaryQuery,
        TimelineQuery, Whose,
    },
    values::{ItemId, SaleId},
};

use super::{
    served::draft,
    used::{by_code, by_id, coded, keep, placed, total, with},
};
use crate::{
    figures::all_read_models_reach,
    replay::{look, what_if},
    support::{
        self, Node, assert_read_models_equal_a_rebuild, item, order, pay, place, request_id,
    },
};

const PRICE: i64 = 1_590;
const OFFER: i64 = 100;
const COUPON: i64 = 200;

fn phone() -> proto::ItemDraft {
    let off = proto::OfferDraft {
        name: "off".to_owned(),
        from_units: Some(2),
        amount_minor: Some(OFFER),
        ..Default::default()
    };
    let step = proto::PriceStep { units: 3, unit_price_minor: PRICE - 90 };
    proto::ItemDraft {
        unit_price_minor: PRICE,
        offers: vec![off],
        steps: vec![step],
        ..item("phone", &[("east", 100)])
    }
}

fn coupons() -> Vec<CouponDraft> {
    let of = |name: &str| CouponDraft {
        amount_minor: Some(COUPON),
        min_spend_minor: Some(PRICE),
        ..coded(name)
    };
    vec![of("save"), CouponDraft { with_offers: true, ..of("both") }, draft("claimed")]
}

struct Sold {
    node: Node,
    sale: String,
    item: String,
    /// What the answers say was paid, less what was given back.
    revenue_minor: i64,
}

async fn buy(node: &Node, request: PlaceOrderRequest, total_minor: i64) -> proto::Order {
    let order = order(&placed(node, &request).await);
    assert_eq!(total(&order), total_minor, "{order:?}");
    order
}

/// Five orders are paid, a unit of one comes back; one order is cancelled with its coupon, one is left.
async fn sold() -> Sold {
    let node = Node::start().await;
    let mut request = support::create_sale(vec![phone()]);
    request.sale.as_mut().unwrap().coupons = coupons();
    let sale = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
    let id = sale.items[0].item_id.clone();
    let order = |buyer: &str, units| place(&id, buyer, units);
    // The first three units are cheaper.
    let ann = with(by_code("SAVE"), order("ann", 2));
    let ann = buy(&node, ann, 2 * (PRICE - 90) - COUPON).await;
    let bob = with(by_code("BOTH"), order("bob", 2));
    let bob = buy(&node, bob, 2 * PRICE - 90 - OFFER - COUPON).await;
    let cat = keep(with(by_id("save", &request_id()), order("cat", 2)));
    let cat = buy(&node, cat, 2 * PRICE - OFFER).await;
    let dan = buy(&node, order("dan", 2), 2 * PRICE - OFFER).await;
    let eve = buy(&node, with(by_code("SAVE"), order("eve", 1)), PRICE - COUPON).await;
    let fay = buy(&node, with(by_code("SAVE"), order("fay", 1)), PRICE - COUPON).await;
    buy(&node, with(by_code("SAVE"), order("gus", 1)), PRICE - COUPON).await;
    let mut revenue_minor = 0;
    for order in [&ann, &bob, &cat, &dan, &eve] {
        node.advance(1);
        let paid = node.purchases().record_payment(pay(order)).await.unwrap().into_inner();
        assert!(format!("{paid:?}").contains("Paid"), "{paid:?}");
        revenue_minor += total(order);
    }
    let cancel = proto::CancelOrderRequest {
        request_id: request_id(),
        item_id: id.clone(),
        order_id: fay.order_id,
        buyer: "fay".to_owned(),
    };
    node.purchases().cancel_order(cancel).await.unwrap();
    Sold { node, sale: sale.sale_id, item: id, revenue_minor }
}

async fn read_to_the_end(node: &Node, sale: &str) {
    let (sale_id, min_position) = (sale.to_owned(), u64::MAX);
    let timeline =
        proto::GetTimelineRequest { sale_id: sale_id.clone(), min_position, ..Default::default() };
    node.reports().get_timeline(timeline).await.unwrap();
    let journeys = proto::GetAttributionRequest { sale_id, min_position, ..Default::default() };
    node.reports().get_attribution(journeys).await.unwrap();
    all_read_models_reach(node, sale, min_position).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_adds_up_to_what_was_paid_with_coupons() {
    let mut sold = sold().await;
    let paid = sold.revenue_minor;
    let sale_id = SaleId::parse("sale", &sold.sale).unwrap();
    let played = what_if(sold.node.data(), &sold.item, &[]).await;
    assert_eq!(played.baseline_differences, Vec::<String>::new());
    assert_eq!(played.total.recorded.revenue_minor, paid);
    assert!(played.assumptions.iter().any(|stated| stated.contains("New winners have no coupon")));
    let cheaper = what_if(sold.node.data(), &sold.item, &["steps=none"]).await;
    // Three units cost 90 more each, and coupons take off what they took off.
    assert_eq!(cheaper.total.played.revenue_minor, paid + 3 * 90);

    // The files are read at rest, once all of it stands in them.
    read_to_the_end(&sold.node, &sold.sale).await;
    sold.node.stop();
    let data = sold.node.data().to_owned();
    assert_read_models_equal_a_rebuild(&data);
    let proof = audit::verify(&data, &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");

    let reports = Reports::open(&data);
    let paging = Paging::default;
    let summary = SalesSummaryQuery { sale_id, paging: paging() };
    assert_eq!(reports.sales_summary(&summary).unwrap().total.revenue_minor, paid);
    let timeline = TimelineQuery {
        sale_id: Some(sale_id),
        item_id: None,
        from: None,
        until: None,
        paging: paging(),
    };
    let seconds = reports.timeline(&timeline).unwrap().rows;
    assert_eq!(seconds.iter().map(|second| second.revenue_minor).sum::<i64>(), paid);
    let period = Period { sale_id, from: None, until: None };
    let compared = reports.compare(period, period).unwrap().figures;
    let revenue = compared.iter().find(|figure| figure.figure == "revenue_minor").unwrap();
    assert_eq!(revenue.value, paid);
    let attribution =
        AttributionQuery { sale_id: Some(sale_id), window_ms: None, paging: paging() };
    assert_eq!(reports.attribution(&attribution).unwrap().total.revenue_minor, paid);
    let prices = GoodsQuery { whose: Whose::Sale(sale_id), paging: paging() };
    assert_eq!(reports.price_figures(&prices).unwrap().total.revenue_minor, paid);
    let orders = reports.list_orders(&ListOrdersQuery::default()).unwrap().rows;
    let of_paid = orders.iter().filter(|order| order.price.total_minor > 0);
    let coupons: i64 = of_paid.map(|order| order.price.coupon_minor()).sum();
    assert_eq!(coupons, 5 * COUPON, "ann, bob, eve, fay and gus");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_an_order_names_what_its_coupon_took_off() {
    let sold = sold().await;
    let item = ItemId::parse("item", &sold.item).unwrap();
    let sentences = look(sold.node.data(), move |log| {
        ["ann", "bob"].map(|buyer| {
            doorbuster::replay::explain::explain(log, item, buyer).unwrap().sentences().join(" ")
        })
    })
    .await;
    for (told, why) in sentences.iter().zip([
        "It costs 28.00 CNY: 2 at 15.00 CNY (step 1); a coupon takes 2.00 CNY off.",
        "offer off takes 1.00 CNY off; a coupon takes 2.00 CNY off.",
    ]) {
        assert!(told.contains(why), "{told}");
    }
}
