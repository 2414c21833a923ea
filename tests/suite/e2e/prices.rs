//! Prices, offers and gifts as a client meets them.

use doorbuster::grpc::proto::{
    self, OfferDraft, PriceStep, RefusalReason, WhenGone, place_order_response,
    set_offers_response, set_prices_response,
};

use super::{field, reason};
use crate::support::{self, Node, OPENS_AT, item, order, place, refused, request_id, timestamp};

/// 100 units at 990, 400 at 1290, then 1590; nothing above 1100 after half a minute.
fn with_ladder() -> proto::ItemDraft {
    let step = |units, unit_price_minor| PriceStep { units, unit_price_minor };
    proto::ItemDraft {
        unit_price_minor: 1590,
        floor_minor: Some(800),
        steps: vec![step(100, 990), step(400, 1290)],
        time_prices: vec![proto::TimePrice {
            from_time: Some(timestamp(OPENS_AT.plus(30_000))),
            until_time: Some(timestamp(OPENS_AT.plus(120_000))),
            unit_price_minor: 1100,
        }],
        ..item("phone", &[("shanghai", 600)])
    }
}

fn total(order: &proto::Order) -> i64 {
    order.total.as_ref().unwrap().amount_minor
}

async fn quote(node: &Node, item: &str, units: i64) -> proto::QuotePriceResponse {
    let request =
        proto::QuotePriceRequest { item_id: item.to_owned(), units, ..Default::default() };
    node.purchases().quote_price(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_pays_each_unit_at_its_price_and_not_more_than_agreed() {
    let node = Node::start().await;
    let (sale, items) = node.sale(vec![with_ladder()]).await;
    let phone = &items[0];
    node.place(phone, "many", 99).await.unwrap();

    let told = quote(&node, phone, 2).await;
    assert_eq!(told.available_units, 501);
    let told = told.quote.unwrap();
    assert_eq!((told.total_minor, told.step_units_left), (990 + 1290, Some(1)));
    assert_eq!(told.change_time, Some(timestamp(OPENS_AT.plus(30_000))));
    assert_eq!(told.reason, "1 at 9.90 CNY (step 1), 1 at 12.90 CNY (step 2).");

    let stale = proto::PlaceOrderRequest { max_total_minor: Some(1980), ..place(phone, "ann", 2) };
    let answer = node.purchases().place_order(stale.clone()).await.unwrap().into_inner();
    let Some(place_order_response::Outcome::Refusal(refusal)) = answer.outcome else {
        panic!("not refused")
    };
    assert_eq!(refusal.reason(), RefusalReason::PriceChanged);
    assert_eq!(refusal.quote.unwrap().total_minor, 2280);

    let agreed = proto::PlaceOrderRequest { max_total_minor: Some(2280), ..stale };
    let placed = node.purchases().place_order(agreed).await.unwrap().into_inner();
    let placed = order(&placed);
    let parts: Vec<_> =
        placed.parts.iter().map(|p| (p.step, p.units, p.unit_price_minor)).collect();
    assert_eq!(parts, [(Some(1), 1, 990), (Some(2), 1, 1290)]);
    assert_eq!((total(&placed), placed.unit_price.clone().unwrap().amount_minor), (2280, 990));
    node.pay(&placed).await;

    node.advance(30);
    let during = order(&node.place(phone, "bob", 2).await.unwrap());
    assert_eq!((total(&during), during.parts[0].time_price), (2200, Some(1)));
    let shown = node.item(phone).await.prices.unwrap();
    assert_eq!((shown.ladder, shown.price_in_force_minor), (1, 1100));
    let steps: Vec<_> = shown.steps.iter().map(|s| (s.held_units, s.sold_units)).collect();
    assert_eq!(steps, [(99, 1), (2, 1)]);

    let planned = node.sales().get_sale(proto::GetSaleRequest { sale_id: sale }).await.unwrap();
    let planned = planned.into_inner().sale.unwrap().items[0].draft.clone().unwrap();
    let wanted = with_ladder();
    assert_eq!((planned.steps, planned.time_prices), (wanted.steps, wanted.time_prices));
    assert_eq!(planned.floor_minor, Some(800));
}

fn set_prices(item: &str, steps: Vec<PriceStep>, base: i64) -> proto::SetPricesRequest {
    proto::SetPricesRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        unit_price_minor: base,
        steps,
        operator: "olga".to_owned(),
        reason: "it sells too slowly".to_owned(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_change_prices_offers_and_gifts_of_a_running_sale() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 10)])]).await;
    let phone = &items[0];
    let steps = vec![PriceStep { units: 2, unit_price_minor: 100_000 }];
    let set = node.items().set_prices(set_prices(phone, steps, 150_000)).await.unwrap();
    let Some(set_prices_response::Outcome::Item(shown)) = set.into_inner().outcome else {
        panic!("refused")
    };
    assert_eq!(shown.unit_price.unwrap().amount_minor, 150_000);
    assert_eq!(shown.prices.unwrap().steps[0].free_units, 2);
    assert_eq!(total(&order(&node.place(phone, "ann", 3).await.unwrap())), 350_000);

    let strap = OfferDraft {
        name: "strap".to_owned(),
        from_units: Some(1),
        gift_sku: "STRAP".to_owned(),
        gift_units: Some(1),
        when_gone: WhenGone::Refuse.into(),
        ..Default::default()
    };
    let off = OfferDraft {
        name: "ten_off".to_owned(),
        from_minor: Some(1),
        percent_ppm: Some(100_000),
        ..Default::default()
    };
    let offers = proto::SetOffersRequest {
        request_id: request_id(),
        item_id: phone.clone(),
        offers: vec![strap, off],
        operator: "olga".to_owned(),
        reason: "the last hour".to_owned(),
    };
    let set = node.items().set_offers(offers).await.unwrap().into_inner();
    let Some(set_offers_response::Outcome::Item(shown)) = set.outcome else { panic!("refused") };
    assert_eq!((shown.offers.len(), shown.offers[0].gift_free_units), (2, 1));

    let with_gift = order(&node.place(phone, "bob", 1).await.unwrap());
    assert_eq!((total(&with_gift), with_gift.discount_minor), (135_000, 15_000));
    assert_eq!((with_gift.offer.as_str(), with_gift.gift.clone().unwrap().units), ("ten_off", 1));
    let gone = node.place(phone, "cat", 1).await.unwrap();
    assert_eq!(refused(&gone), RefusalReason::GiftGone);
    let gift = |offer: &str, units| proto::SetGiftUnitsRequest {
        request_id: request_id(),
        item_id: phone.clone(),
        offer: offer.to_owned(),
        units,
        operator: "olga".to_owned(),
        reason: "more came in".to_owned(),
    };
    node.items().set_gift_units(gift("strap", 2)).await.unwrap();
    assert!(order(&node.place(phone, "cat", 1).await.unwrap()).gift.is_some());
    node.pay(&with_gift).await;
    let shown = node.item(phone).await;
    let strap = &shown.offers[0];
    let units = (strap.gift_free_units, strap.gift_held_units, strap.gift_given_units);
    assert_eq!(units, (0, 1, 1));
    let wrong = node.items().set_gift_units(gift("strap", 1)).await.unwrap_err();
    assert_eq!((reason(&wrong).as_str(), field(&wrong).as_str()), ("INVALID_ARGUMENT", "units"));
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_that_contradict_each_other_are_refused_by_field_and_nothing_happens() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 10)])]).await;
    let phone = &items[0];
    let step = |units, unit_price_minor| PriceStep { units, unit_price_minor };
    let falling = set_prices(phone, vec![step(1, 9), step(1, 8)], 10);
    let wrong = node.items().set_prices(falling).await.unwrap_err();
    assert_eq!(field(&wrong), "steps[1].unit_price_minor");
    let request =
        proto::QuotePriceRequest { item_id: phone.clone(), units: 0, ..Default::default() };
    let wrong = node.purchases().quote_price(request).await.unwrap_err();
    assert_eq!(field(&wrong), "units");
    let most = proto::PlaceOrderRequest { max_total_minor: Some(0), ..place(phone, "ann", 1) };
    let wrong = node.purchases().place_order(most).await.unwrap_err();
    assert_eq!(field(&wrong), "max_total_minor");
    let shopper = proto::Shopper { age_band: "old".to_owned(), ..Default::default() };
    let unknown = proto::PlaceOrderRequest { shopper: Some(shopper), ..place(phone, "ann", 1) };
    let wrong = node.purchases().place_order(unknown).await.unwrap_err();
    assert_eq!(field(&wrong), "shopper.age_band");
    let mut draft = with_ladder();
    draft.time_prices[0].until_time = draft.time_prices[0].from_time;
    let created = node.sales().create_sale(support::create_sale(vec![draft])).await;
    assert_eq!(field(&created.unwrap_err()), "sale.items[0].time_prices[0].until_time");
    assert_eq!(node.item(phone).await.prices, None);
}
