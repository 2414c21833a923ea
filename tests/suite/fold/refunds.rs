//! Goal: the list of money due back has every due of the log and no other, and its sums are the log's.
//!
//! Method: a log with late payments, refunds and settlements, mixed by a fixed generator, is folded into
//! real files. Each question is answered once more by a walk over the events in Rust.

use std::collections::HashMap;

use doorbuster::{
    events::{
        Event, ItemEvent, OfferEvent, OrderEvent, OrderPaid, OrderRefunded, RefundCause,
        RefundSettled, StreamName, WarehouseUnits,
    },
    projections::{Checkpoint, ProjectionError, ReadModel, refunds::DueCause, view_path},
    reports::{
        DueRecord, DueState, DueSum, Paging, RefundReport, RefundReportQuery, RefundsDueQuery,
        ReportError, Reports,
    },
    values::{DueId, ItemId, OrderId, RequestId, SaleId, UnixMs},
};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use super::{
    feed, fold_all,
    log::{Log, act, busy_sale, busy_sale_id, cells},
    named,
};

const HALF_AN_HOUR: i64 = 1_800_000;

/// Payments of a log, each with its item.
fn paid(log: &Log) -> Vec<(ItemId, OrderPaid)> {
    let paid = log.events.iter().filter_map(|(recorded, event)| match event {
        Event::Item(ItemEvent::Order(OrderEvent::Paid(paid))) => {
            Some((recorded.stream.item_id().unwrap(), paid.clone()))
        }
        _ => None,
    });
    paid.collect()
}

/// Takes units of a paid order back.
fn refund(log: &mut Log, item: ItemId, paid: &OrderPaid, units: i64, at: i64) -> DueId {
    let request_id = RequestId(Uuid::from_u128(u128::from(log.events.len() as u64) | 0xd0 << 64));
    let last = paid.warehouses.last().unwrap().warehouse.clone();
    let whole = units == paid.units;
    let refunded = OrderRefunded {
        order_id: paid.order_id,
        placed_revision: paid.placed_revision,
        units,
        units_left: paid.units - units,
        amount_minor: paid.amount_minor * units / paid.units,
        restocked: true,
        warehouses: match whole {
            true => paid.warehouses.clone(),
            false => vec![WarehouseUnits { warehouse: last, units }],
        },
        parts: Vec::new(),
        act: doorbuster::events::Act { request_id, ..act() },
        coupon_batch_id: None,
        limited_by: None,
        refunded_at_ms: UnixMs(at),
    };
    log.push(StreamName::item(item), ItemEvent::Order(OrderEvent::Refunded(refunded)));
    item.due_id(request_id)
}

/// Settles a due.
fn settle(log: &mut Log, due: &Due, at: i64) {
    let placed = log.events.iter().find_map(|(recorded, event)| match event {
        Event::Item(ItemEvent::Order(OrderEvent::Placed(placed))) => {
            (placed.order_id == due.order_id).then_some(recorded.revision)
        }
        _ => None,
    });
    let settled = RefundSettled {
        due_id: due.due_id,
        order_id: due.order_id,
        placed_revision: placed.unwrap(),
        reference: format!("transfer-{at}"),
        amount_minor: due.amount_minor,
        act: act(),
        settled_at_ms: UnixMs(at),
    };
    log.push(StreamName::item(due.item), ItemEvent::Order(OrderEvent::RefundSettled(settled)));
}

/// A due as the events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Due {
    due_id: DueId,
    item: ItemId,
    sale: SaleId,
    order_id: OrderId,
    buyer: String,
    cause: &'static str,
    units: i64,
    amount_minor: i64,
    payment: String,
    at: UnixMs,
    settled: Option<(UnixMs, String)>,
}

/// All dues of a log, the oldest first.
fn told(log: &Log) -> Vec<Due> {
    let mut sales: HashMap<ItemId, SaleId> = HashMap::new();
    let mut buyers: HashMap<OrderId, String> = HashMap::new();
    let mut payments: HashMap<OrderId, String> = HashMap::new();
    let mut dues: Vec<Due> = Vec::new();
    for (recorded, event) in &log.events {
        let Event::Item(event) = event else { continue };
        let item = recorded.stream.item_id().unwrap();
        let ItemEvent::Order(event) = event else {
            if let ItemEvent::Offer(OfferEvent::Added(added)) = event {
                sales.insert(item, added.sale_id);
            }
            continue;
        };
        let order_id = event.order_id();
        let mut owe = |request: RequestId, cause, units, amount_minor, payment: &str| {
            dues.push(Due {
                due_id: item.due_id(request),
                item,
                sale: sales[&item],
                order_id,
                buyer: buyers[&order_id].clone(),
                cause,
                units,
                amount_minor,
                payment: payment.to_owned(),
                at: event.at(),
                settled: None,
            });
        };
        match event {
            OrderEvent::Placed(e) => _ = buyers.insert(order_id, e.buyer.clone()),
            OrderEvent::Paid(e) => _ = payments.insert(order_id, e.payment_reference.clone()),
            OrderEvent::RefundDue(e) => {
                assert_eq!(e.cause, RefundCause::OrderExpired);
                let (amount, payment) = (e.amount_minor, &e.payment_reference);
                owe(e.request_id, "order_expired", 0, amount, payment);
            }
            OrderEvent::Refunded(e) => {
                let (request, payment) = (e.act.request_id, payments[&order_id].clone());
                owe(request, "refunded", e.units, e.amount_minor, &payment);
            }
            OrderEvent::RefundSettled(e) => {
                let due = dues.iter_mut().find(|due| due.due_id == e.due_id).unwrap();
                due.settled = Some((e.settled_at_ms, e.reference.clone()));
            }
            OrderEvent::LimitGranted(_)
            | OrderEvent::CouponApplied(_)
            | OrderEvent::CouponDenied(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::HoldExtended(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Reinstated(_) => {}
        }
    }
    // A stable order: those of one moment stay in the order of the log.
    dues.sort_by_key(|due| due.at);
    dues
}

/// A log in which money is due for late payments within the first seconds, and for refunds, one each
/// half hour, afterwards. Every third is settled.
fn owed() -> (Log, UnixMs) {
    let mut log = busy_sale(400);
    let mut at = 2_000_000;
    for (number, (item, paid)) in paid(&log).into_iter().enumerate() {
        at += HALF_AN_HOUR;
        let units = if number % 2 == 0 { paid.units } else { 1 };
        refund(&mut log, item, &paid, units, at);
    }
    for due in told(&log).iter().step_by(3) {
        at += 1_000;
        settle(&mut log, due, at);
    }
    (log, UnixMs(at))
}

fn folded(log: &Log) -> (TempDir, Reports) {
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let reports = Reports::open(data.path());
    (data, reports)
}

/// A row in the words of [`Due`].
fn row(record: DueRecord) -> Due {
    let settled = record.settled.inspect(|settled| assert_eq!(settled.operator, "olga"));
    Due {
        due_id: record.due_id,
        item: record.item_id,
        sale: record.sale_id,
        order_id: record.order_id,
        buyer: record.buyer,
        cause: record.cause.name(),
        units: record.units,
        amount_minor: record.amount_minor,
        payment: record.payment_reference,
        at: record.due_at,
        settled: settled.map(|settled| (settled.at, settled.reference)),
    }
}

/// All pages of a list.
fn walk(reports: &Reports, query: &RefundsDueQuery, page_size: i32) -> Vec<Due> {
    let mut query =
        RefundsDueQuery { paging: Paging { page_size, ..Paging::default() }, ..query.clone() };
    let mut found = Vec::new();
    loop {
        let page = reports.refunds_due(&query).unwrap();
        assert!(page.rows.len() <= usize::try_from(page_size).unwrap());
        found.extend(page.rows.into_iter().map(row));
        if page.next_page_token.is_empty() {
            return found;
        }
        query.paging.page_token = page.next_page_token;
    }
}

#[test]
fn the_list_has_what_the_log_says_by_every_filter_and_page_by_page() {
    let (log, _) = owed();
    let (_data, reports) = folded(&log);
    let all = told(&log);
    assert!(all.len() > 100 && all.iter().any(|due| due.cause == "order_expired"), "{}", all.len());
    let sales = [None, Some(busy_sale_id(1))];
    let items = [None, Some(busy_sale_id(1).item_id("two"))];
    for sale_id in sales {
        for item_id in items {
            for buyer in [None, Some("buyer-7".to_owned())] {
                for state in [DueState::Open, DueState::Settled, DueState::All] {
                    let wanted = |due: &&Due| {
                        sale_id.is_none_or(|sale| sale == due.sale)
                            && item_id.is_none_or(|item| item == due.item)
                            && buyer.as_ref().is_none_or(|buyer| *buyer == due.buyer)
                            && match state {
                                DueState::Open => due.settled.is_none(),
                                DueState::Settled => due.settled.is_some(),
                                DueState::All => true,
                            }
                    };
                    let expected: Vec<Due> = all.iter().filter(wanted).cloned().collect();
                    assert!(!expected.is_empty());
                    let buyer = buyer.clone();
                    let query = RefundsDueQuery {
                        order_id: None,
                        sale_id,
                        item_id,
                        buyer,
                        state,
                        paging: Paging::default(),
                    };
                    for page_size in [1, 7, 1_000] {
                        assert_eq!(walk(&reports, &query, page_size), expected, "{query:?}");
                    }
                }
            }
        }
    }
}

fn sum<'a>(dues: impl Iterator<Item = &'a Due>) -> DueSum {
    let mut sum = DueSum::default();
    for due in dues {
        sum.dues += 1;
        sum.amount_minor += due.amount_minor;
    }
    sum
}

fn assert_sums(report: &RefundReport, dues: &[Due], now: UnixMs) {
    let causes = report.causes.iter().map(|sums| (sums.cause.unwrap().name(), sums));
    let totals = report.totals.iter().map(|sums| ("", sums));
    let mut told = 0;
    for (cause, sums) in causes.chain(totals) {
        let of: Vec<&Due> =
            dues.iter().filter(|due| cause.is_empty() || due.cause == cause).collect();
        let (open, settled): (Vec<&Due>, Vec<&Due>) =
            of.iter().partition(|due| due.settled.is_none());
        let aged = |from: i64, until: i64| {
            let age = |due: &&&Due| (from..until).contains(&now.since(due.at));
            sum(open.iter().filter(age).copied())
        };
        assert_eq!(sums.currency, "EUR");
        assert_eq!(sums.due, sum(of.iter().copied()), "{cause}");
        assert_eq!(sums.settled, sum(settled.into_iter()), "{cause}");
        assert_eq!(sums.open, sum(open.iter().copied()), "{cause}");
        let day = 86_400_000;
        let by_age = [aged(0, 3_600_000), aged(3_600_000, day), aged(day, i64::MAX)];
        assert_eq!(sums.open_by_age, by_age, "{cause}");
        assert_eq!(sums.oldest_open, open.iter().map(|due| due.at).min(), "{cause}");
        told += 1;
    }
    assert_eq!(told, 3, "late payments, refunds, and both");
}

#[test]
fn the_oldest_due_is_the_oldest_that_is_not_settled() {
    let (mut log, now) = owed();
    let oldest = |log: &Log| {
        let (_data, reports) = folded(log);
        let open = told(log).into_iter().filter(|due| due.settled.is_none());
        let open = open.min_by_key(|due| due.at);
        assert_eq!(reports.oldest_due().unwrap(), open.as_ref().map(|due| due.at));
        open
    };
    let mut last = UnixMs(0);
    let all = told(&log).len();
    for settled in 0.. {
        let Some(due) = oldest(&log) else { break };
        assert!(settled < all && due.at >= last, "{due:?}");
        last = due.at;
        settle(&mut log, &due, now.0);
    }
    assert!(last > UnixMs(0) && told(&log).iter().all(|due| due.settled.is_some()));
}

#[test]
fn the_dues_of_one_order_are_found_by_it() {
    let (log, _) = owed();
    let (_data, reports) = folded(&log);
    let all = told(&log);
    let order_id = all.iter().find(|due| due.settled.is_some()).unwrap().order_id;
    let query = RefundsDueQuery {
        order_id: Some(order_id),
        state: DueState::All,
        ..RefundsDueQuery::default()
    };
    let expected: Vec<Due> = all.into_iter().filter(|due| due.order_id == order_id).collect();
    assert_eq!(walk(&reports, &query, 10), expected);
}

#[test]
fn the_sums_are_those_of_the_log_by_cause_and_age() {
    let (log, now) = owed();
    let (data, reports) = folded(&log);
    let all = told(&log);
    let report = reports.refund_report(&RefundReportQuery { now, ..Default::default() }).unwrap();
    assert_sums(&report, &all, now);
    assert!(report.totals[0].open_by_age.iter().all(|sum| sum.dues > 0), "{report:?}");
    for sale in (0..3).map(busy_sale_id) {
        let query = RefundReportQuery { sale_id: Some(sale), item_id: None, now };
        let of: Vec<Due> = all.iter().filter(|due| due.sale == sale).cloned().collect();
        assert_sums(&reports.refund_report(&query).unwrap(), &of, now);
    }
    // What the rows of items keep adds up to the same.
    let kept = cells(
        &view_path(data.path(), "refunds"),
        "SELECT sum(dues), sum(due_minor), sum(settled_dues), sum(settled_minor) FROM items",
    );
    let DueSum { dues, amount_minor } = report.totals[0].due;
    let settled = report.totals[0].settled;
    assert_eq!(kept, [format!("{dues}|{amount_minor}|{}|{}", settled.dues, settled.amount_minor)]);
    // And to what the summaries of sales say.
    let sold = cells(
        &view_path(data.path(), "sales"),
        "SELECT sum(refunds_due_minor + refunded_minor), sum(refunds_settled_minor) FROM items",
    );
    assert_eq!(sold, [format!("{amount_minor}|{}", settled.amount_minor)]);
}

#[test]
fn an_hour_and_a_day_belong_to_the_older_class() {
    let mut log = busy_sale(60);
    let (item, order) = paid(&log).remove(0);
    refund(&mut log, item, &order, 1, 10_000_000);
    let (_data, reports) = folded(&log);
    let sale_id = told(&log).iter().find(|due| due.units == 1).unwrap().sale;
    let classes = |age_ms: i64| {
        let now = UnixMs(10_000_000 + age_ms);
        let query = RefundReportQuery { sale_id: Some(sale_id), item_id: Some(item), now };
        let report = reports.refund_report(&query).unwrap();
        let refunded =
            |sums: &&doorbuster::reports::RefundFigures| sums.cause == Some(DueCause::Refunded);
        report.causes.iter().find(refunded).unwrap().open_by_age.map(|sum| sum.dues)
    };
    assert_eq!(classes(3_599_999), [1, 0, 0]);
    assert_eq!(classes(3_600_000), [0, 1, 0]);
    assert_eq!(classes(86_399_999), [0, 1, 0]);
    assert_eq!(classes(86_400_000), [0, 0, 1]);
    assert_eq!(classes(-5), [1, 0, 0], "a clock that is behind makes nothing older");
}

#[test]
fn ages_of_an_earlier_moment_are_told_by_its_last_event() {
    let checkpoint = Checkpoint { recorded_at_ms: 5_000, ..Checkpoint::default() };
    assert_eq!(checkpoint.moment(UnixMs(9_000)), UnixMs(9_000));
    assert_eq!(Checkpoint { past: true, ..checkpoint }.moment(UnixMs(9_000)), UnixMs(5_000));
}

#[test]
fn who_asks_for_what_is_not_there_is_told_which_field() {
    let (log, now) = owed();
    let (_data, reports) = folded(&log);
    let nowhere = Uuid::from_u128(5);
    let asked = |sale_id, item_id| {
        let list = RefundsDueQuery { sale_id, item_id, ..Default::default() };
        let report = RefundReportQuery { sale_id, item_id, now };
        [reports.refunds_due(&list).err(), reports.refund_report(&report).err()]
    };
    for (field, errors) in [
        ("sale_id", asked(Some(SaleId(nowhere)), None)),
        ("item_id", asked(None, Some(ItemId(nowhere)))),
    ] {
        for error in errors {
            assert!(matches!(error, Some(ReportError::NotFound(of)) if of == field), "{error:?}");
        }
    }
    // An item of another sale has nothing in this one.
    let both = RefundsDueQuery {
        sale_id: Some(busy_sale_id(1)),
        item_id: Some(busy_sale_id(2).item_id("one")),
        state: DueState::All,
        ..Default::default()
    };
    assert_eq!(reports.refunds_due(&both).unwrap().rows, []);
}

#[test]
fn a_settlement_of_what_is_not_open_stops_the_read_model() {
    let (log, now) = owed();
    let all = told(&log);
    let settled = all.iter().find(|due| due.settled.is_some()).unwrap();
    let unknown = Due { due_id: DueId(Uuid::from_u128(1)), ..settled.clone() };
    for due in [settled, &unknown] {
        let (mut log, _) = owed();
        let known = log.events.len();
        settle(&mut log, due, now.0);
        let data = tempdir().unwrap();
        let mut model = ReadModel::open(data.path(), named("refunds")).unwrap();
        feed(&mut model, &log.events[..known], 100);
        let stopped = model.apply_page(&log.events[known..]).unwrap_err();
        let told = stopped.to_string();
        assert!(told.contains(&due.due_id.to_string()), "{told}");
        assert!(matches!(stopped, ProjectionError::Impossible { .. }), "{told}");
    }
}
