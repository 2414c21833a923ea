//! Orders by their ids, by the shop's ids and by labels, in a log of several chunks of orders.

use std::collections::BTreeMap;

use doorbuster::{
    events::{Event, ItemEvent, OrderEvent},
    projections::ReadModel,
    reports::{FindOrderQuery, Paging, Reports, Wanted},
    values::{OrderId, SaleId},
};
use tempfile::tempdir;
use uuid::Uuid;

use super::{
    feed,
    log::{Log, scripted_ids},
    named,
};

/// Two full chunks of orders and a part of a third one.
const ORDERS: u64 = 40_000;

/// The key is the shop's id, or name and value of a label.
type Expected = BTreeMap<(String, String), Vec<OrderId>>;

/// Every third order has the shop's id of the one before it with one, too; every order a store, and few
/// of them a campaign.
fn log() -> (Log, Vec<OrderId>, Expected) {
    let (sale, item) = scripted_ids();
    let mut log = Log::default();
    log.add_item(sale, item, "lamp");
    let mut expected = Expected::new();
    let ids = (0..ORDERS).map(|number| {
        let order = log.place(item, "ann", "", &[("north", 1)], i64::try_from(number / 8).unwrap());
        let (_, Event::Item(ItemEvent::Order(OrderEvent::Placed(placed)))) =
            log.events.last_mut().unwrap()
        else {
            panic!("no order")
        };
        let mut is = |name: &str, value: String| {
            let found = expected.entry((name.to_owned(), value)).or_default();
            found.push(order.order_id);
        };
        if number % 3 == 0 {
            placed.shop_order_id = format!("S-{}", number / 6);
            is("", placed.shop_order_id.clone());
        }
        let store = format!("store-{}", number % 7);
        placed.labels.insert("store".to_owned(), store.clone());
        is("store", store);
        if number % 9_000 == 17 {
            placed.labels.insert("campaign".to_owned(), "1111".to_owned());
            is("campaign", "1111".to_owned());
        }
        order.order_id
    });
    let ids = ids.collect();
    (log, ids, expected)
}

fn walk(reports: &Reports, wanted: &Wanted, sale: Option<SaleId>, size: i32) -> Vec<OrderId> {
    let mut paging = Paging { page_size: size, page_token: String::new() };
    let mut found = Vec::new();
    loop {
        let query =
            FindOrderQuery { wanted: wanted.clone(), sale_id: sale, paging: paging.clone() };
        let page = reports.find_orders(&query).unwrap();
        assert!(page.rows.len() <= usize::try_from(size).unwrap());
        found.extend(page.rows.iter().map(|order| order.order_id));
        if page.next_page_token.is_empty() {
            return found;
        }
        paging.page_token = page.next_page_token;
    }
}

#[test]
fn orders_are_found_in_every_chunk_by_what_is_known_of_them() {
    let (log, ids, expected) = log();
    let data = tempdir().unwrap();
    for part in log.events.chunks(9_001) {
        feed(&mut ReadModel::open(data.path(), named("orders")).unwrap(), part, 5_000);
    }
    let whole = tempdir().unwrap();
    let mut straight = ReadModel::open(whole.path(), named("orders")).unwrap();
    feed(&mut straight, &log.events, 10_000);
    let model = ReadModel::open(data.path(), named("orders")).unwrap();
    assert_eq!(model.digest().unwrap(), straight.digest().unwrap());

    let reports = Reports::open(data.path());
    let (sale, other) = (scripted_ids().0, SaleId(Uuid::from_u128(0x5a1e)));
    let edges = [0, 1, 16_383, 16_384, 32_767, 32_768, 39_999];
    for number in (0..ids.len()).step_by(1_999).chain(edges) {
        let wanted = Wanted::Order(ids[number]);
        assert_eq!(walk(&reports, &wanted, None, 10), [ids[number]], "{number}");
        assert_eq!(walk(&reports, &wanted, Some(sale), 10), [ids[number]], "{number}");
        assert!(walk(&reports, &wanted, Some(other), 10).is_empty());
    }
    assert!(walk(&reports, &Wanted::Order(OrderId(Uuid::from_u128(1))), None, 10).is_empty());
    for ((name, value), orders) in expected.iter().step_by(97).chain(expected.iter().rev().take(8))
    {
        let wanted = match name.as_str() {
            "" => Wanted::ShopOrder(value.clone()),
            _ => Wanted::Label { name: name.clone(), value: value.clone() },
        };
        for (sale, found) in [(None, orders.as_slice()), (Some(sale), orders), (Some(other), &[])] {
            assert_eq!(walk(&reports, &wanted, sale, 999), found, "{wanted:?} in {sale:?}");
        }
    }
}
