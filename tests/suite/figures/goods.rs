//! Units and revenue by price, and orders by offer, of a small sale that was counted by hand: now, as of
//! earlier positions, page by page, and how bad questions are refused.

use doorbuster::grpc::proto::{self, as_of::Moment};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    http::Shop,
    support::{Node, OPENS_AT, item, once_built, order, request_id, timestamp},
};

/// A sale of a phone with steps, a time price and offers, and of a plain lamp.
pub struct Sale {
    pub shop: Shop,
    pub sale: String,
    pub phone: String,
    lamp: String,
    /// Position of the order of bob, and of the last payment.
    pub bob: u64,
    paid: u64,
    /// Position of the last event: new offers and prices came after the last payment.
    pub head: u64,
}

fn offers() -> [proto::OfferDraft; 2] {
    let ten = proto::OfferDraft {
        name: "ten".to_owned(),
        from_units: Some(3),
        percent_ppm: Some(100_000),
        ..Default::default()
    };
    let strap = proto::OfferDraft {
        name: "strap".to_owned(),
        from_units: Some(2),
        gift_sku: "STRAP".to_owned(),
        gift_units: Some(1),
        ..Default::default()
    };
    [ten, strap]
}

/// Two units at 9.90, two at 12.90, then 15.90; from 30 s to 60 s nothing above 11.00. 10 % off from 3
/// units, and one strap in all from 2 units.
fn phone() -> proto::ItemDraft {
    let step = |units, unit_price_minor| proto::PriceStep { units, unit_price_minor };
    proto::ItemDraft {
        unit_price_minor: 1_590,
        steps: vec![step(2, 990), step(2, 1_290)],
        time_prices: vec![proto::TimePrice {
            from_time: Some(timestamp(OPENS_AT.plus(30_000))),
            until_time: Some(timestamp(OPENS_AT.plus(60_000))),
            unit_price_minor: 1_100,
        }],
        offers: offers().to_vec(),
        ..item("phone", &[("shanghai", 10)])
    }
}

/// Ann buys 1 at 0 s and pays at 5 s. Bob holds 2 from 0 s until they expire at 60 s, with the strap. Cid
/// buys 3 at 30 s, for whom no strap is left, and pays at 35 s. Eve buys 2 at 61 s, which are bob's, with
/// his strap, and pays at 62 s. Then the offer of 10 % ends and new prices begin.
pub async fn priced_sale() -> Sale {
    let shop = Shop::open().await;
    let node = &shop.node;
    let (sale, items) = node.sale(vec![phone(), item("lamp", &[("shanghai", 5)])]).await;
    let [phone, lamp] = items.try_into().unwrap();
    let ann = order(&node.place(&phone, "ann", 1).await.unwrap());
    let bob = node.place(&phone, "bob", 2).await.unwrap().position;
    let gus = order(&node.place(&lamp, "gus", 1).await.unwrap());
    node.advance(5);
    node.pay(&ann).await;
    node.pay(&gus).await;
    node.advance(25);
    let cid = order(&node.place(&phone, "cid", 3).await.unwrap());
    node.advance(5);
    node.pay(&cid).await;
    node.advance(26);
    node.item_until(&phone, |item| item.available_units == 6).await;
    let eve = order(&node.place(&phone, "eve", 2).await.unwrap());
    node.advance(1);
    let paid = node.pay(&eve).await.position;
    let head = others_begin(node, &phone).await;
    Sale { shop, sale, phone, lamp, bob, paid, head }
}

/// Other offers and prices; the position of the last event.
async fn others_begin(node: &Node, phone: &str) -> u64 {
    let [_, strap] = offers();
    let offers = proto::SetOffersRequest {
        request_id: request_id(),
        item_id: phone.to_owned(),
        offers: vec![strap],
        operator: "olga".to_owned(),
        reason: "it sells without".to_owned(),
    };
    node.items().set_offers(offers).await.unwrap();
    let prices = proto::SetPricesRequest {
        request_id: request_id(),
        item_id: phone.to_owned(),
        unit_price_minor: 1_490,
        steps: vec![proto::PriceStep { units: 5, unit_price_minor: 1_390 }],
        operator: "olga".to_owned(),
        reason: "the evening".to_owned(),
        ..Default::default()
    };
    node.items().set_prices(prices).await.unwrap().into_inner().position
}

fn money(minor: i64) -> Option<proto::Money> {
    Some(proto::Money { currency_code: "CNY".to_owned(), amount_minor: minor })
}

/// A row of the report of prices: step, time price and price; orders, units placed and paid, amount; of
/// the step its units, those left, and the second at which it was full.
type Priced =
    ((Option<i32>, Option<i32>, i64), (i64, i64, i64, i64), Option<(i64, i64, Option<i64>)>);

fn price_rows(answer: &proto::GetPriceFiguresResponse, ladder: i32, item: &str) -> Vec<Priced> {
    let of_ladder = answer.prices.iter().filter(|row| row.ladder == ladder);
    let row = |row: &proto::PriceFigures| {
        assert_eq!((row.item_id.as_str(), row.sku.as_str()), (item, "phone"));
        assert_eq!((&row.discount, &row.revenue), (&None, &None), "of the total only");
        let minor = |money: &Option<proto::Money>| {
            let money = money.as_ref().unwrap();
            assert_eq!(money.currency_code, "CNY");
            money.amount_minor
        };
        let full = row.filled_time.map(|at| at.seconds - OPENS_AT.second());
        assert_eq!(row.step_units.is_some(), row.step.is_some());
        (
            (row.step, row.time_price, minor(&row.unit_price)),
            (row.orders_placed, row.units_placed, row.units_paid, minor(&row.amount)),
            row.step_units.zip(row.step_left_units).map(|(units, left)| (units, left, full)),
        )
    };
    of_ladder.map(row).collect()
}

/// The first ladder when all is paid.
fn first_ladder() -> Vec<Priced> {
    let (first, second) = (Some((2, 0, Some(0))), Some((2, 0, Some(30))));
    vec![
        // Ann, bob and eve; bob did not pay.
        ((Some(1), None, 990), (3, 3, 2, 2 * 990), first),
        // Bob and eve.
        ((Some(2), None, 1_290), (2, 2, 1, 1_290), second),
        // Cid, also the units after the last step.
        ((Some(2), Some(1), 1_100), (1, 1, 1, 1_100), second),
        ((None, Some(1), 1_100), (1, 2, 2, 2_200), None),
    ]
}

/// Cid's 33.00 less 3.30, ann's 9.90 and eve's 22.80.
const REVENUE: i64 = 2_970 + 990 + 2_280;

fn price_total(
    (units_placed, units_paid): (i64, i64),
    amount: i64,
    discount: i64,
) -> Option<proto::PriceFigures> {
    Some(proto::PriceFigures {
        units_placed,
        units_paid,
        amount: money(amount),
        discount: money(discount),
        revenue: money(amount - discount),
        ..Default::default()
    })
}

async fn prices(node: &Node, request: proto::GetPriceFiguresRequest) -> Result<Prices, Status> {
    let answer = once_built(|| {
        let (mut reports, request) = (node.reports(), request.clone());
        async move { reports.get_price_figures(request).await }
    });
    Ok(answer.await?.into_inner())
}

async fn offers_of(node: &Node, request: proto::GetOfferFiguresRequest) -> Result<Offers, Status> {
    let answer = once_built(|| {
        let (mut reports, request) = (node.reports(), request.clone());
        async move { reports.get_offer_figures(request).await }
    });
    Ok(answer.await?.into_inner())
}

type Prices = proto::GetPriceFiguresResponse;
type Offers = proto::GetOfferFiguresResponse;

fn ask_prices(sale: &str) -> proto::GetPriceFiguresRequest {
    proto::GetPriceFiguresRequest { sale_id: sale.to_owned(), ..Default::default() }
}

fn ask_offers(sale: &str) -> proto::GetOfferFiguresRequest {
    proto::GetOfferFiguresRequest { sale_id: sale.to_owned(), ..Default::default() }
}

fn at(position: u64) -> Option<proto::AsOf> {
    Some(proto::AsOf { moment: Some(Moment::Position(position)) })
}

#[tokio::test(flavor = "multi_thread")]
async fn units_and_revenue_by_price_are_what_a_person_counts_now_and_earlier() {
    let Sale { shop, sale, phone, lamp, bob, paid, head } = priced_sale().await;
    let node = &shop.node;
    let now = proto::GetPriceFiguresRequest { min_position: head, ..ask_prices(&sale) };
    let answer = prices(node, now.clone()).await.unwrap();
    assert!(answer.freshness.as_ref().unwrap().position >= head);
    assert_eq!(price_rows(&answer, 1, &phone), first_ladder());
    let unsold = ((Some(1), None, 1_390), (0, 0, 0, 0), Some((5, 5, None)));
    assert_eq!(price_rows(&answer, 2, &phone), [unsold], "a step without orders has a row");
    assert_eq!(answer.prices.len(), 5, "the lamp has no prices by step");
    assert_eq!(answer.total, price_total((8, 6), 6_570, 330));
    assert_eq!(REVENUE, 6_570 - 330);
    let by_item = proto::GetPriceFiguresRequest { item_id: phone.clone(), ..ask_prices("") };
    let by_item = prices(node, by_item).await.unwrap();
    assert_eq!((by_item.prices, by_item.total), (answer.prices.clone(), answer.total.clone()));
    let of_lamp = proto::GetPriceFiguresRequest { item_id: lamp, ..ask_prices("") };
    let of_lamp = prices(node, of_lamp).await.unwrap();
    assert_eq!((of_lamp.prices, of_lamp.total), (vec![], price_total((0, 0), 0, 0)));

    let before = proto::GetPriceFiguresRequest { as_of: at(bob), ..ask_prices(&sale) };
    let before = prices(node, before).await.unwrap();
    assert_eq!(before.freshness.as_ref().unwrap().position, bob);
    let full = Some((2, 0, Some(0)));
    let of_bob = [
        ((Some(1), None, 990), (2, 2, 0, 0), full),
        ((Some(2), None, 1_290), (1, 1, 0, 0), Some((2, 1, None))),
    ];
    assert_eq!(price_rows(&before, 1, &phone), of_bob);
    assert_eq!(before.total, price_total((3, 0), 0, 0));
    let then = proto::GetPriceFiguresRequest { as_of: at(paid), ..ask_prices(&sale) };
    let then = prices(node, then).await.unwrap();
    assert_eq!(price_rows(&then, 1, &phone), first_ladder());
    assert_eq!(then.prices.len(), 4, "the second ladder came later");

    let mut paged = Vec::new();
    let mut page = proto::GetPriceFiguresRequest { page_size: 2, ..now };
    loop {
        let found = prices(node, page.clone()).await.unwrap();
        assert_eq!(found.total, answer.total, "of all pages");
        assert!(found.prices.len() <= 2);
        paged.extend(found.prices);
        page.page_token = found.next_page_token;
        if page.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, answer.prices);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_with_offers_are_what_a_person_counts_now_and_earlier() {
    let Sale { shop, sale, phone, bob, head, .. } = priced_sale().await;
    let node = &shop.node;
    let now = proto::GetOfferFiguresRequest { min_position: head, ..ask_offers(&sale) };
    let answer = offers_of(node, now.clone()).await.unwrap();
    let strap = proto::OfferFigures {
        item_id: phone.clone(),
        sku: "phone".to_owned(),
        offer: "strap".to_owned(),
        in_force: true,
        // Bob and eve; eve paid.
        orders_placed: 2,
        orders_paid: 1,
        discount: money(0),
        revenue: money(2_280),
        average_with: money(2_280),
        average_without: money((2_970 + 990) / 2),
        gift_sku: "STRAP".to_owned(),
        gift_units: 1,
        gift_held_units: 0,
        gift_given_units: 1,
        gift_left_units: 0,
        // Cid.
        gift_gone_orders: 1,
    };
    let ten = proto::OfferFigures {
        item_id: phone.clone(),
        sku: "phone".to_owned(),
        offer: "ten".to_owned(),
        in_force: false,
        orders_placed: 1,
        orders_paid: 1,
        discount: money(330),
        revenue: money(2_970),
        average_with: money(2_970),
        average_without: money((990 + 2_280) / 2),
        ..Default::default()
    };
    assert_eq!(answer.offers, [strap.clone(), ten.clone()], "those that were replaced come last");

    let before = proto::GetOfferFiguresRequest { as_of: at(bob), ..ask_offers(&sale) };
    let before = offers_of(node, before).await.unwrap();
    let none = |offer: &str| proto::OfferFigures {
        item_id: phone.clone(),
        sku: "phone".to_owned(),
        offer: offer.to_owned(),
        in_force: true,
        discount: money(0),
        revenue: money(0),
        ..Default::default()
    };
    let held = proto::OfferFigures {
        orders_placed: 1,
        gift_sku: "STRAP".to_owned(),
        gift_units: 1,
        gift_held_units: 1,
        ..none("strap")
    };
    assert_eq!(before.offers, [none("ten"), held], "nobody has paid");

    let first = proto::GetOfferFiguresRequest { page_size: 1, ..now };
    let page = offers_of(node, first.clone()).await.unwrap();
    assert_eq!(page.offers, [strap]);
    let next = proto::GetOfferFiguresRequest { page_token: page.next_page_token, ..first };
    let page = offers_of(node, next).await.unwrap();
    assert_eq!((page.offers, page.next_page_token.as_str()), (vec![ten], ""));
}

/// Code and named field of a failure.
fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    let details = status.get_error_details();
    let field = details.error_info().and_then(|info| info.metadata.get("field").cloned());
    (status.code(), field.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_questions_about_prices_and_offers_are_refused_by_field() {
    let Sale { shop, sale, phone, lamp, head, .. } = priced_sale().await;
    let node = &shop.node;
    let first =
        proto::GetPriceFiguresRequest { page_size: 1, min_position: head, ..ask_prices(&sale) };
    let token = prices(node, first).await.unwrap().next_page_token;
    let nothing = request_id();
    let cases = [
        ("", "", "", 0, (Code::InvalidArgument, "sale_id")),
        (&*sale, &*phone, "", 0, (Code::InvalidArgument, "item_id")),
        ("garbage", "", "", 0, (Code::InvalidArgument, "sale_id")),
        ("", "garbage", "", 0, (Code::InvalidArgument, "item_id")),
        (&*nothing, "", "", 0, (Code::NotFound, "sale_id")),
        ("", &*nothing, "", 0, (Code::NotFound, "item_id")),
        (&*sale, "", "garbage!", 0, (Code::InvalidArgument, "page_token")),
        ("", &*lamp, &*token, 0, (Code::InvalidArgument, "page_token")),
        (&*sale, "", "", -1, (Code::InvalidArgument, "page_size")),
    ];
    for (sale_id, item_id, page_token, page_size, (code, field)) in cases {
        let [sale_id, item_id, page_token] = [sale_id, item_id, page_token].map(str::to_owned);
        let of_prices = proto::GetPriceFiguresRequest {
            sale_id: sale_id.clone(),
            item_id: item_id.clone(),
            page_token: page_token.clone(),
            page_size,
            ..Default::default()
        };
        let of_offers = proto::GetOfferFiguresRequest {
            sale_id,
            item_id,
            page_token,
            page_size,
            ..Default::default()
        };
        let expected = (code, field.to_owned());
        assert_eq!(refused(prices(node, of_prices.clone()).await), expected, "{of_prices:?}");
        assert_eq!(refused(offers_of(node, of_offers.clone()).await), expected, "{of_offers:?}");
    }
    let foreign = proto::GetOfferFiguresRequest { page_token: token, ..ask_offers(&sale) };
    let wrong = (Code::InvalidArgument, "page_token".to_owned());
    assert_eq!(refused(offers_of(node, foreign).await), wrong, "a token of the other report");
    let future = proto::GetPriceFiguresRequest { as_of: at(u64::MAX), ..ask_prices(&sale) };
    assert_eq!(refused(prices(node, future).await).0, Code::InvalidArgument);
}
