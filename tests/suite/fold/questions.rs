//! Goal: a question gets exactly the rows it asks for, page by page, and wrong ones are refused.
//!
//! Method: every filter of the list of orders is compared with the same filter written over the
//! events in Rust; the other questions with known figures.

use doorbuster::{
    domain::item::OrderState,
    events::{AttemptOutcome, Event, ItemEvent, OfferEvent, OrderEvent, Position},
    projections::{Checkpoint, ReadModel, orders},
    reports::{
        ListOrdersQuery, ListSalesQuery, OrderRecord, Paging, ReportError, Reports,
        SalesSummaryQuery, StockLevelsQuery, TimelineQuery,
    },
    values::{ItemId, OrderId, SaleId, UnixMs},
};
use tempfile::tempdir;
use uuid::Uuid;

use super::{
    feed, fold_all,
    log::{Log, busy_sale, busy_sale_id, scripted_ids, scripted_sale},
    named,
};

fn paging(page_size: i32, page_token: &str) -> Paging {
    Paging { page_size, page_token: page_token.to_owned() }
}

/// All pages of a list of orders.
fn walk(reports: &Reports, mut query: ListOrdersQuery, page_size: i32) -> Vec<OrderRecord> {
    let mut orders = Vec::new();
    query.paging = paging(page_size, "");
    loop {
        let page = reports.list_orders(&query).unwrap();
        assert!(page.rows.len() <= usize::try_from(page_size).unwrap());
        orders.extend(page.rows);
        if page.next_page_token.is_empty() {
            return orders;
        }
        query.paging.page_token = page.next_page_token;
    }
}

/// What the same filters find among the events: item, order, time and place in the log.
fn expected(log: &Log, query: &ListOrdersQuery) -> Vec<OrderId> {
    let mut sale_of = std::collections::HashMap::new();
    let mut state_of = std::collections::HashMap::new();
    let mut number_of = std::collections::HashMap::new();
    let mut found = Vec::new();
    for (recorded, event) in &log.events {
        let Event::Item(event) = event else { continue };
        let item = recorded.stream.item_id().unwrap();
        match event {
            ItemEvent::Offer(OfferEvent::Added(added)) => {
                sale_of.insert(item, added.sale_id);
                number_of.insert(item, number_of.len());
            }
            ItemEvent::Order(OrderEvent::Placed(placed)) => {
                state_of.insert(placed.order_id, OrderState::Held);
                found.push((
                    placed.placed_at_ms,
                    number_of[&item],
                    recorded.revision,
                    item,
                    placed,
                ));
            }
            ItemEvent::Order(OrderEvent::Paid(e)) => {
                state_of.insert(e.order_id, OrderState::Paid);
            }
            ItemEvent::Order(OrderEvent::Cancelled(e)) => {
                state_of.insert(e.order_id, OrderState::Cancelled);
            }
            ItemEvent::Order(OrderEvent::Expired(e)) => {
                state_of.insert(e.order_id, OrderState::Expired);
            }
            ItemEvent::Offer(_)
            | ItemEvent::Stock(_)
            | ItemEvent::Order(
                OrderEvent::LimitGranted(_)
                | OrderEvent::CouponApplied(_)
                | OrderEvent::CouponDenied(_)
                | OrderEvent::PaymentFailed(_)
                | OrderEvent::HoldExtended(_)
                | OrderEvent::Reinstated(_)
                | OrderEvent::RefundDue(_)
                | OrderEvent::Refunded(_)
                | OrderEvent::RefundSettled(_),
            ) => {}
        }
    }
    found.sort_by_key(|(at, number, revision, ..)| (*at, *number, *revision));
    let wanted = found.into_iter().filter(|(at, _, _, item, placed)| {
        query.sale_id.is_none_or(|sale| sale_of[item] == sale)
            && query.item_id.is_none_or(|wanted| wanted == *item)
            && query.buyer.as_ref().is_none_or(|buyer| *buyer == placed.buyer)
            && query.state.is_none_or(|state| state_of[&placed.order_id] == state)
            && query.placed_from.is_none_or(|from| *at >= from)
            && query.placed_until.is_none_or(|until| *at < until)
    });
    wanted.map(|(.., placed)| placed.order_id).collect()
}

#[test]
fn every_combination_of_filters_finds_the_same_orders_as_the_events_do() {
    let log = busy_sale(400);
    let data = tempdir().unwrap();
    feed(&mut ReadModel::open(data.path(), named("orders")).unwrap(), &log.events, 100);
    let reports = Reports::open(data.path());
    let sale = busy_sale_id(1);
    let mut some = 0;
    for bits in 0..64 {
        let on = |bit: i32| bits & (1 << bit) != 0;
        let query = ListOrdersQuery {
            sale_id: on(0).then_some(sale),
            item_id: on(1).then(|| sale.item_id("two")),
            buyer: on(2).then(|| "buyer-7".to_owned()),
            state: on(3).then_some(OrderState::Paid),
            placed_from: on(4).then_some(UnixMs(1_001_500)),
            placed_until: on(5).then_some(UnixMs(1_006_000)),
            paging: Paging::default(),
        };
        let expected = expected(&log, &query);
        some += usize::from(!expected.is_empty());
        for page_size in [1, 3, 1000] {
            let found = walk(&reports, query.clone(), page_size);
            let found: Vec<OrderId> = found.iter().map(|order| order.order_id).collect();
            assert_eq!(found, expected, "{query:?} in pages of {page_size}");
        }
    }
    assert!(some > 50, "the filters must leave something: {some} of 64 did");
}

#[test]
fn every_state_can_be_asked_for() {
    let log = busy_sale(200);
    let data = tempdir().unwrap();
    feed(&mut ReadModel::open(data.path(), named("orders")).unwrap(), &log.events, 100);
    let reports = Reports::open(data.path());
    for state in [OrderState::Held, OrderState::Paid, OrderState::Cancelled, OrderState::Expired] {
        let query = ListOrdersQuery { state: Some(state), ..Default::default() };
        let found = walk(&reports, query.clone(), 10);
        assert!(!found.is_empty() && found.iter().all(|order| order.state == state));
        assert!(found.iter().all(|o| (state == OrderState::Held) == o.settled_at.is_none()));
        assert_eq!(found.len(), expected(&log, &query).len());
    }
}

#[test]
fn filters_that_fit_nothing_find_nothing() {
    let log = busy_sale(50);
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let reports = Reports::open(data.path());
    let (sale, other) = (busy_sale_id(0), busy_sale_id(1));
    let nothing = [
        ListOrdersQuery { sale_id: Some(SaleId(Uuid::from_u128(1))), ..Default::default() },
        ListOrdersQuery { item_id: Some(ItemId(Uuid::from_u128(1))), ..Default::default() },
        ListOrdersQuery {
            sale_id: Some(other),
            item_id: Some(sale.item_id("one")),
            ..Default::default()
        },
        ListOrdersQuery { buyer: Some("' OR 1=1 --".to_owned()), ..Default::default() },
        ListOrdersQuery { buyer: Some(String::new()), ..Default::default() },
    ];
    for query in nothing {
        let page = reports.list_orders(&query).unwrap();
        assert!(page.rows.is_empty() && page.next_page_token.is_empty(), "{query:?}");
    }
}

#[test]
fn orders_placed_between_two_pages_neither_shift_nor_repeat_rows() {
    let log = busy_sale(200);
    let data = tempdir().unwrap();
    let mut model = ReadModel::open(data.path(), named("orders")).unwrap();
    model.apply_page(&log.events[..150]).unwrap();
    let reports = Reports::open(data.path());
    let mut query = ListOrdersQuery { paging: paging(20, ""), ..Default::default() };
    let first = reports.list_orders(&query).unwrap();
    let last = &log.events[149].0;
    let reached = Checkpoint::after(last);
    assert_eq!(first.checkpoint, reached);
    model.apply_page(&log.events).unwrap();
    query.paging.page_token = first.next_page_token;
    query.paging.page_size = 1000;
    let second = reports.list_orders(&query).unwrap();
    let mut found = first.rows;
    found.extend(second.rows);
    let found: Vec<OrderId> = found.iter().map(|order| order.order_id).collect();
    assert_eq!(found, expected(&log, &query));
}

#[test]
fn an_order_is_told_with_everything_the_log_says_about_it() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let found = walk(&Reports::open(data.path()), ListOrdersQuery::default(), 10);
    let (sale, lamp) = scripted_ids();
    let ann = &found[0];
    assert_eq!((ann.sale_id, ann.item_id), (sale, lamp));
    assert_eq!((ann.buyer.as_str(), ann.channel.as_str()), ("ann", "app"));
    assert_eq!((ann.units, ann.price.unit_price_minor, ann.price.total_minor), (1, 500, 500));
    assert_eq!((ann.currency.as_str(), ann.payment_reference.as_str()), ("EUR", "pay-ann"));
    assert_eq!((ann.placed_at, ann.pay_by), (UnixMs(1_000_100), UnixMs(1_060_100)));
    assert_eq!((ann.state, ann.settled_at), (OrderState::Paid, Some(UnixMs(1_001_200))));
    let parts = |order: &OrderRecord| -> Vec<(String, i64)> {
        order.warehouses.iter().map(|w| (w.warehouse.clone(), w.units)).collect()
    };
    assert_eq!(parts(ann), [("north".to_owned(), 1)]);
    assert_eq!(parts(&found[1]), [("north".to_owned(), 2), ("south".to_owned(), 1)]);
}

/// The field that a question was refused for.
fn refused<T: std::fmt::Debug>(answer: Result<T, ReportError>) -> String {
    match answer {
        Err(ReportError::Invalid(invalid)) => invalid.field,
        other => panic!("expected a refusal: {other:?}"),
    }
}

#[test]
fn sizes_are_defaulted_capped_or_refused() {
    let log = busy_sale(1_200);
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let reports = Reports::open(data.path());
    let count = |page_size| {
        let query = ListOrdersQuery { paging: paging(page_size, ""), ..Default::default() };
        reports.list_orders(&query).map(|page| page.rows.len())
    };
    assert_eq!(count(0).unwrap(), 100);
    assert_eq!(count(1).unwrap(), 1);
    assert_eq!(count(i32::MAX).unwrap(), 1_000);
    assert_eq!(refused(count(-1)), "page_size");
    let sale_id = busy_sale_id(0);
    let paging = paging(i32::MIN, "");
    let sales = ListSalesQuery { paging: paging.clone() };
    assert_eq!(refused(reports.list_sales(&sales)), "page_size");
    let stock = StockLevelsQuery { paging: paging.clone(), ..Default::default() };
    assert_eq!(refused(reports.stock_levels(&stock)), "page_size");
    let summary = SalesSummaryQuery { sale_id, paging: paging.clone() };
    assert_eq!(refused(reports.sales_summary(&summary)), "page_size");
    let timeline = TimelineQuery { sale_id: Some(sale_id), paging, ..Default::default() };
    assert_eq!(refused(reports.timeline(&timeline)), "page_size");
}

#[test]
fn a_token_is_good_for_its_own_question_only() {
    let log = busy_sale(50);
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let reports = Reports::open(data.path());
    let ask = |query: &ListOrdersQuery| reports.list_orders(query);
    let own = ListOrdersQuery { paging: paging(2, ""), ..Default::default() };
    let token = ask(&own).unwrap().next_page_token;
    let with = |token: &str| ListOrdersQuery { paging: paging(2, token), ..Default::default() };
    assert_eq!(ask(&with(&token)).unwrap().rows.len(), 2);
    let sale_id = Some(busy_sale_id(0));
    let others = [
        ListOrdersQuery { sale_id, ..with(&token) },
        ListOrdersQuery { item_id: Some(busy_sale_id(0).item_id("one")), ..with(&token) },
        ListOrdersQuery { buyer: Some("buyer-1".to_owned()), ..with(&token) },
        ListOrdersQuery { state: Some(OrderState::Held), ..with(&token) },
        ListOrdersQuery { placed_from: Some(UnixMs(0)), ..with(&token) },
        ListOrdersQuery { placed_until: Some(UnixMs(9_000_000)), ..with(&token) },
    ];
    for query in others {
        assert_eq!(refused(ask(&query)), "page_token", "{query:?}");
    }
    let stock = StockLevelsQuery { paging: paging(2, &token), ..Default::default() };
    assert_eq!(refused(reports.stock_levels(&stock)), "page_token");
    let sales = ListSalesQuery { paging: paging(2, &token) };
    assert_eq!(refused(reports.list_sales(&sales)), "page_token");
    for bad in ["x", " ", "AAAA", &token[1..], &format!("{token}="), &format!("{token}AAAA")] {
        assert_eq!(refused(ask(&with(bad))), "page_token", "{bad}");
    }
    // Another spelling of the same bytes.
    let twin = |token: &str| {
        let mut text = token.to_owned();
        let last = text.pop().unwrap();
        text.push(char::from(last as u8 + 1));
        text
    };
    let sales = ListSalesQuery { paging: paging(1, "") };
    let token = reports.list_sales(&sales).unwrap().next_page_token;
    let sales = ListSalesQuery { paging: paging(1, &twin(&token)) };
    assert_eq!(refused(reports.list_sales(&sales)), "page_token");
}

#[test]
fn sales_are_listed_newest_first() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &busy_sale(5).events);
    let reports = Reports::open(data.path());
    let mut query = ListSalesQuery { paging: paging(2, "") };
    let first = reports.list_sales(&query).unwrap();
    let names: Vec<_> = first.rows.iter().map(|sale| (sale.name.as_str(), sale.items)).collect();
    assert_eq!(names, [("Sale 2", 2), ("Sale 1", 2)]);
    query.paging.page_token = first.next_page_token;
    let rest = reports.list_sales(&query).unwrap();
    assert_eq!(rest.rows.len(), 1);
    assert_eq!((rest.rows[0].sale_id, rest.rows[0].closed), (busy_sale_id(0), false));
    assert_eq!(rest.rows[0].currency, "EUR");
    assert!(rest.next_page_token.is_empty());
}

#[test]
fn stock_is_told_by_item_and_warehouse() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let reports = Reports::open(data.path());
    let (sale, lamp) = scripted_ids();
    let mut query = StockLevelsQuery { sale_id: Some(sale), paging: paging(1, ""), item_id: None };
    let first = reports.stock_levels(&query).unwrap();
    let level = &first.rows[0];
    assert_eq!((level.item_id, level.sku.as_str(), level.title.as_str()), (lamp, "lamp", "A lamp"));
    let units = [level.allocated_units, level.available_units, level.held_units, level.sold_units];
    assert_eq!(units, [5, 0, 4, 1]);
    let names: Vec<_> = level.warehouses.iter().map(|w| w.warehouse.as_str()).collect();
    assert_eq!(names, ["north", "south"]);
    query.paging.page_token = first.next_page_token;
    let second = reports.stock_levels(&query).unwrap();
    assert_eq!(second.rows[0].sku, "sofa");
    assert!(second.next_page_token.is_empty());
    let of = |query| reports.stock_levels(&query).unwrap().rows.len();
    assert_eq!(of(StockLevelsQuery { item_id: Some(lamp), ..Default::default() }), 1);
    let nowhere = Some(SaleId(Uuid::from_u128(1)));
    assert_eq!(of(StockLevelsQuery { sale_id: nowhere, ..Default::default() }), 0);
    let both = StockLevelsQuery { sale_id: nowhere, item_id: Some(lamp), ..Default::default() };
    assert_eq!(of(both), 0);
}

#[test]
fn the_total_of_a_sale_is_over_all_its_items_whatever_the_page() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let reports = Reports::open(data.path());
    let (sale_id, _) = scripted_ids();
    let mut query = SalesSummaryQuery { sale_id, paging: paging(1, "") };
    let summary = reports.sales_summary(&query).unwrap();
    assert_eq!(summary.currency, "EUR");
    assert_eq!((summary.total.allocated_units, summary.total.available_units), (14, 9));
    assert_eq!((summary.total.revenue_minor, summary.total.refunds_due_minor), (500, 500));
    assert_eq!(summary.total.sold_out_at, None, "the sofa is still there");
    assert_eq!((summary.total.item_id, summary.total.sku.as_str()), (None, ""));
    let lamp = &summary.items[0];
    assert_eq!((lamp.orders_placed, lamp.orders_paid, lamp.paid_share_ppm()), (4, 1, 250_000));
    assert_eq!(lamp.sold_out_at, Some(UnixMs(1_004_000)));
    query.paging.page_token = summary.next_page_token;
    let second = reports.sales_summary(&query).unwrap();
    assert_eq!(second.total, summary.total);
    assert_eq!((second.items[0].sku.as_str(), second.items[0].paid_share_ppm()), ("sofa", 0));
    assert!(second.next_page_token.is_empty());
    let unknown =
        SalesSummaryQuery { sale_id: SaleId(Uuid::from_u128(1)), paging: Paging::default() };
    let answer = reports.sales_summary(&unknown);
    assert!(matches!(answer, Err(ReportError::NotFound("sale_id"))), "{answer:?}");
}

#[test]
fn the_timeline_of_a_sale_is_the_sum_over_its_items() {
    let log = busy_sale(300);
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let reports = Reports::open(data.path());
    let sale = busy_sale_id(2);
    let ask = |sale_id, item_id| {
        let query = TimelineQuery { sale_id, item_id, ..Default::default() };
        reports.timeline(&query).unwrap().rows
    };
    let whole = ask(Some(sale), None);
    let mut parts = ask(None, Some(sale.item_id("one")));
    parts.extend(ask(None, Some(sale.item_id("two"))));
    assert!(whole.len() > 3);
    for second in &whole {
        let parts = || parts.iter().filter(|part| part.second == second.second);
        assert_eq!(second.attempts, parts().map(|part| part.attempts).sum::<i64>());
        assert_eq!(second.units_placed, parts().map(|part| part.units_placed).sum::<i64>());
        assert_eq!(second.units_released, parts().map(|part| part.units_released).sum::<i64>());
    }
    let placed: i64 = whole.iter().map(|second| second.orders_placed).sum();
    let query = ListOrdersQuery { sale_id: Some(sale), ..Default::default() };
    assert_eq!(placed, expected(&log, &query).len() as i64);
}

#[test]
fn a_timeline_is_cut_to_its_window_and_its_pages() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let reports = Reports::open(data.path());
    let (_, lamp) = scripted_ids();
    let ask = |from: Option<i64>, until: Option<i64>| {
        let query = TimelineQuery {
            item_id: Some(lamp),
            from: from.map(UnixMs),
            until: until.map(UnixMs),
            paging: paging(2, ""),
            sale_id: None,
        };
        let mut seconds = Vec::new();
        let mut query = query;
        loop {
            let page = reports.timeline(&query).unwrap();
            seconds.extend(page.rows.iter().map(|second| second.second));
            if page.next_page_token.is_empty() {
                return seconds;
            }
            query.paging.page_token = page.next_page_token;
        }
    };
    assert_eq!(ask(None, None), [990, 1000, 1001, 1002, 1003, 1004]);
    assert_eq!(ask(Some(1_001_999), Some(1_003_000)), [1001, 1002]);
    assert_eq!(ask(Some(1_002_000), Some(1_003_001)), [1002, 1003]);
    let query = TimelineQuery { item_id: Some(lamp), ..Default::default() };
    let seconds = reports.timeline(&query).unwrap().rows;
    assert_eq!(seconds[0].units_allocated, 5);
    let first = &seconds[1];
    assert_eq!((first.attempts, first.repeats), (11, 1));
    let refusals = [(AttemptOutcome::SoldOut, 5), (AttemptOutcome::NotEnoughUnits, 2)];
    assert_eq!(first.refusals, refusals);
}

#[test]
fn windows_and_subjects_that_make_no_sense_are_refused() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let reports = Reports::open(data.path());
    let (sale, lamp) = scripted_ids();
    let (early, late) = (Some(UnixMs(1)), Some(UnixMs(2)));
    let neither = TimelineQuery::default();
    assert_eq!(refused(reports.timeline(&neither)), "sale_id");
    let both = TimelineQuery { sale_id: Some(sale), item_id: Some(lamp), ..Default::default() };
    assert_eq!(refused(reports.timeline(&both)), "item_id");
    let backwards =
        TimelineQuery { sale_id: Some(sale), from: late, until: early, ..Default::default() };
    assert_eq!(refused(reports.timeline(&backwards)), "until_time");
    let backwards =
        ListOrdersQuery { placed_from: late, placed_until: early, ..Default::default() };
    assert_eq!(refused(reports.list_orders(&backwards)), "placed_until");
}

#[test]
fn a_read_model_that_is_missing_or_of_another_version_is_not_ready() {
    let data = tempdir().unwrap();
    let reports = Reports::open(data.path());
    let ask = || reports.list_orders(&ListOrdersQuery::default());
    assert!(matches!(ask(), Err(ReportError::NotReady("orders"))));
    let model = ReadModel::open(data.path(), named("orders")).unwrap();
    let page = ask().unwrap();
    assert_eq!((page.rows.len(), page.checkpoint.position), (0, Position::START));
    drop(model);
    let answer = reports.checkpoint(orders::NAME, orders::VERSION + 1);
    assert!(matches!(answer, Err(ReportError::NotReady("orders"))), "{answer:?}");
}

#[test]
fn two_buyers_with_the_same_hash_do_not_see_each_other() {
    let twins = ["8yn0iYCKYHlIj4-BwPqk", "GReLUrM4wMqfg9yzV3KQ"];
    assert_eq!(orders::buyer_hash(twins[0]), orders::buyer_hash(twins[1]));
    let (sale, item) = scripted_ids();
    let mut log = Log::default();
    log.add_item(sale, item, "lamp");
    for (buyer, at) in twins.into_iter().zip([1, 2]) {
        log.place(item, buyer, "", &[("north", 1)], at);
    }
    let data = tempdir().unwrap();
    feed(&mut ReadModel::open(data.path(), named("orders")).unwrap(), &log.events, 10);
    for buyer in twins {
        let query = ListOrdersQuery { buyer: Some(buyer.to_owned()), ..Default::default() };
        let found = walk(&Reports::open(data.path()), query, 10);
        let found: Vec<&str> = found.iter().map(|order| order.buyer.as_str()).collect();
        assert_eq!(found, [buyer]);
    }
}

#[test]
fn a_buyer_is_found_in_every_chunk_of_a_long_sale_also_after_a_restart() {
    let (sale, item) = scripted_ids();
    let mut log = Log::default();
    log.add_item(sale, item, "lamp");
    for number in 0..40_000 {
        let buyer = if number % 4_999 == 0 { "regular" } else { "other" };
        log.place(item, buyer, "", &[("north", 1)], number / 8);
    }
    let whole = tempdir().unwrap();
    let mut straight = ReadModel::open(whole.path(), named("orders")).unwrap();
    feed(&mut straight, &log.events, 10_000);
    let data = tempdir().unwrap();
    for part in log.events.chunks(9_001) {
        feed(&mut ReadModel::open(data.path(), named("orders")).unwrap(), part, 5_000);
    }
    let model = ReadModel::open(data.path(), named("orders")).unwrap();
    assert_eq!(model.digest().unwrap(), straight.digest().unwrap());
    let query = ListOrdersQuery { buyer: Some("regular".to_owned()), ..Default::default() };
    let found = walk(&Reports::open(data.path()), query.clone(), 3);
    let found: Vec<OrderId> = found.iter().map(|order| order.order_id).collect();
    assert_eq!((found.len(), &found), (9, &expected(&log, &query)));
}
