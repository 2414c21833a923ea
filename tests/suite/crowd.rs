//! Goal: recorded traffic is counted exactly or refused by line; plans keep their promises; the
//! journal notices what it is there to notice; the names that scripts read stay.
//!
//! Method: small files written by hand, plans over many seeds, answers made by hand, and one real
//! server with a small crowd and a small recording, each played to its end.

mod chaos;
mod pace;
mod traffic;

use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Duration};

use doorbuster::{
    app::App,
    clock::{Clock, WallClock},
    config::Config,
    crowd::{
        caller::{Caller, connect},
        driver::Crowd,
        figures::{Figures, oversold_units},
        journal::Journal,
        operator::{Operator, Token},
        plan::{CrowdPlan, CrowdSize, Purpose, Repeat, request_id},
        recording::ItemBy,
        sale::{Offer, OnSale, Plan, PutUp, Terms, put_up},
        summary::{BeaconTotals, Summary},
        traffic::TrafficTotals,
    },
    grpc::proto::{
        Order, PlaceOrderResponse, RecordPaymentResponse, Refusal, RefusalReason, StockLevel,
        place_order_response, record_payment_response,
    },
};
use prost_types::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use self::traffic::{ROWS, read};

const SIZE: CrowdSize = CrowdSize {
    units: 200,
    items: 3,
    shoppers: 2_000,
    seed: 1,
    time_to_pay_seconds: 3,
    arrive_seconds: None,
};

#[test]
fn the_same_seed_plans_the_same_crowd_and_another_seed_another() {
    assert_eq!(CrowdPlan::new(SIZE).unwrap(), CrowdPlan::new(SIZE).unwrap());
    let other = CrowdPlan::new(CrowdSize { seed: 2, ..SIZE }).unwrap();
    assert_ne!(CrowdPlan::new(SIZE).unwrap().shoppers, other.shoppers);
}

#[test]
fn every_unit_of_every_plan_has_a_shopper_who_pays_and_comes_back_for_it() {
    for (units, items, shoppers) in [(200, 3, 2_000), (7, 7, 7), (1, 1, 1), (1, 1, 50)] {
        for seed in 0..50 {
            let plan = CrowdPlan::new(CrowdSize { units, items, shoppers, seed, ..SIZE }).unwrap();
            assert_eq!(plan.units_by_item.iter().sum::<u32>(), units);
            assert_eq!(plan.shoppers.len(), usize::try_from(shoppers).unwrap());
            for (item, units) in plan.units_by_item.iter().enumerate() {
                assert!(*units >= 1);
                let sure = plan.shoppers.iter().filter(|shopper| {
                    shopper.item == item
                        && shopper.pays_after_ms.is_some_and(|after| after < plan.time_to_pay_ms)
                        && shopper.returns_after_ms.is_some()
                });
                assert!(sure.count() >= usize::try_from(*units).unwrap(), "seed {seed}");
            }
        }
    }
}

#[test]
fn nobody_who_does_not_pay_comes_back() {
    // Otherwise two of them could pass a unit to and fro for ever.
    for seed in 0..50 {
        let plan = CrowdPlan::new(CrowdSize { seed, ..SIZE }).unwrap();
        let mut lazy = plan.shoppers.iter().filter(|shopper| shopper.pays_after_ms.is_none());
        assert!(lazy.all(|shopper| shopper.returns_after_ms.is_none()), "seed {seed}");
    }
}

#[test]
fn a_crowd_arrives_in_order_with_every_kind_of_trouble_in_it() {
    let plan = CrowdPlan::new(SIZE).unwrap();
    assert!(plan.shoppers.is_sorted_by_key(|shopper| shopper.arrives_ms));
    let any = |what: fn(&doorbuster::crowd::plan::Shopper) -> bool| plan.shoppers.iter().any(what);
    assert!(any(|shopper| shopper.repeat == Repeat::AtOnce));
    assert!(any(|shopper| shopper.repeat == Repeat::AfterAnswer));
    assert!(any(|shopper| shopper.greedy));
    assert!(any(|shopper| shopper.pays_after_ms.is_none()));
    let buyers: HashSet<String> = plan.shoppers.iter().map(|shopper| shopper.buyer()).collect();
    assert_eq!(buyers.len(), plan.shoppers.len());
}

#[test]
fn sizes_out_of_bounds_are_refused_by_the_name_of_the_flag() {
    for (size, flag) in [
        (CrowdSize { units: 0, ..SIZE }, "--units"),
        (CrowdSize { units: 100_001, ..SIZE }, "--units"),
        (CrowdSize { items: 0, ..SIZE }, "--items"),
        (CrowdSize { items: 201, ..SIZE }, "--items"),
        (CrowdSize { items: 1_001, ..SIZE }, "--items"),
        (CrowdSize { shoppers: 0, ..SIZE }, "--shoppers"),
        (CrowdSize { shoppers: 199, ..SIZE }, "--shoppers"),
        (CrowdSize { shoppers: 1_000_001, ..SIZE }, "--shoppers"),
        (CrowdSize { time_to_pay_seconds: 0, ..SIZE }, "--time-to-pay-seconds"),
        (CrowdSize { time_to_pay_seconds: 61, ..SIZE }, "--time-to-pay-seconds"),
        (CrowdSize { arrive_seconds: Some(0), ..SIZE }, "--seconds"),
        (CrowdSize { arrive_seconds: Some(3_601), ..SIZE }, "--seconds"),
    ] {
        assert_eq!(CrowdPlan::new(size).unwrap_err().field, flag);
    }
}

#[test]
fn request_ids_are_well_formed_and_never_meet() {
    let mut seen = HashSet::new();
    for seed in [0, 1, u64::MAX] {
        for purpose in [Purpose::Order, Purpose::Payment] {
            for shopper in [0, 1, 65_536, 999_999] {
                for nth in [0, 1, u16::MAX] {
                    let id = request_id(seed, purpose, shopper, nth);
                    assert_eq!(id.get_version_num(), 4);
                    assert!(seen.insert(id), "{id} came twice");
                }
            }
        }
    }
}

fn yes(order_id: u128, placed_at_ms: i64, pay_by_ms: i64) -> PlaceOrderResponse {
    let time = |ms: i64| Timestamp { seconds: ms / 1_000, nanos: (ms % 1_000) as i32 * 1_000_000 };
    let order = Order {
        order_id: Uuid::from_u128(order_id).to_string(),
        units: 1,
        place_time: Some(time(placed_at_ms)),
        pay_by_time: Some(time(pay_by_ms)),
        ..Order::default()
    };
    PlaceOrderResponse {
        outcome: Some(place_order_response::Outcome::Order(order)),
        revision: 1,
        position: 9,
    }
}

fn no(reason: RefusalReason) -> PlaceOrderResponse {
    let refusal = Refusal { reason: reason.into(), ..Refusal::default() };
    PlaceOrderResponse {
        outcome: Some(place_order_response::Outcome::Refusal(refusal)),
        revision: 1,
        position: 9,
    }
}

fn paid() -> RecordPaymentResponse {
    let outcome = Some(record_payment_response::Outcome::Order(Order::default()));
    RecordPaymentResponse { outcome, revision: 2, position: 12 }
}

#[test]
fn the_journal_notices_a_second_order_for_one_request() {
    let mut journal = Journal::new(1).unwrap();
    let request = Uuid::from_u128(1);
    journal.ordered(0, request, yes(10, 0, 100), 5);
    journal.ordered(0, request, yes(10, 0, 100), 5);
    assert_eq!((journal.repeats, journal.conflicts, journal.orders_placed()), (1, 0, 1));
    journal.ordered(0, request, yes(11, 0, 100), 5);
    assert_eq!(journal.conflicts, 1);
    // The other way round: one order for two requests.
    journal.ordered(0, Uuid::from_u128(2), yes(10, 0, 100), 5);
    assert_eq!(journal.conflicts, 2);
}

#[test]
fn the_journal_counts_attempts_refusals_and_payments_once() {
    let mut journal = Journal::new(2).unwrap();
    let request = Uuid::from_u128(1);
    assert!(journal.ordered(1, request, no(RefusalReason::SoldOut), 5).is_none());
    assert!(journal.ordered(1, request, yes(10, 0, 100), 5).is_some());
    journal.ordered(1, Uuid::from_u128(2), no(RefusalReason::OverBuyerLimit), 5);
    assert!(journal.paid(request, paid()));
    assert!(journal.paid(request, paid()));
    assert_eq!(journal.attempts, 3);
    let refused: Vec<(&str, u64)> =
        journal.refused.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    assert_eq!(refused, [("OVER_BUYER_LIMIT", 1), ("SOLD_OUT", 1)]);
    assert_eq!(journal.paid_by_item(), [0, 1], "a payment told twice buys nothing twice");
    assert_eq!((journal.position, journal.unanswered()), (12, 0));
    journal.failed(tonic::Code::Unavailable, true);
    assert_eq!((journal.attempts, journal.unanswered()), (4, 1));
}

#[test]
fn sold_out_is_when_the_last_unit_of_the_last_item_was_first_taken() {
    let mut journal = Journal::new(2).unwrap();
    let mut next = 0;
    let mut order = |item, placed_at_ms, pay_by_ms, pays| {
        next += 1;
        let request = Uuid::from_u128(next);
        journal.ordered(item, request, yes(next, placed_at_ms, pay_by_ms), 5);
        if pays {
            journal.paid(request, paid());
        }
    };
    order(0, 1_000, 4_000, true);
    // Item 1: one unit is held and comes back before the other is taken, so it is sold out later.
    order(1, 1_000, 1_500, false);
    order(1, 1_600, 4_600, true);
    order(1, 2_250, 5_250, false);
    order(1, 7_000, 9_000, true);
    assert_eq!(journal.sold_out_at_ms(&[1, 2]), Some(2_250));
    assert_eq!(journal.sold_out_at_ms(&[1, 3]), None);
}

#[test]
fn overselling_is_seen_on_either_side() {
    let sales = PutUp {
        sale_ids: vec!["sale".to_owned()],
        items: vec![
            OnSale { item_id: "a".to_owned(), units: 5 },
            OnSale { item_id: "b".to_owned(), units: 5 },
        ],
    };
    let level = |held_units, sold_units| StockLevel {
        allocated_units: 5,
        held_units,
        sold_units,
        ..StockLevel::default()
    };
    assert_eq!(oversold_units(&[level(0, 5), level(2, 3)], &sales, &[5, 3]), 0);
    assert_eq!(oversold_units(&[level(1, 5), level(0, 3)], &sales, &[5, 3]), 1);
    assert_eq!(oversold_units(&[level(0, 5), level(0, 3)], &sales, &[7, 3]), 2);
}

#[test]
fn the_names_of_the_summary_are_those_that_scripts_read() {
    let summary = Summary {
        units: 0,
        shoppers: 0,
        attempts: 0,
        orders_placed: 0,
        orders_paid: 0,
        orders_expired: 0,
        refused: [("SOLD_OUT".to_owned(), 3)].into(),
        oversold_units: 0,
        duplicate_orders: 0,
        tiers_reached: 0,
        offers_applied: 0,
        discount_minor: 0,
        gifts_given: 0,
        reserve_released_units: 0,
        coupons_redeemed: 0,
        orders_resold: 0,
        refunds_due: 0,
        refunds_settled: 0,
        exported_orders: 0,
        revenue_minor: 0,
        revenue_reconciles: true,
        sold_out_seconds: None,
        elapsed_seconds: 0.0,
        orders_per_second: 0.0,
        latency_ms: Default::default(),
        beacons: BeaconTotals::default(),
        traffic: TrafficTotals::default(),
        log_events: 0,
        verify: Default::default(),
        rebuild_equal: true,
        data_dir: PathBuf::from("data"),
        alerts: None,
        incidents: None,
    };
    let json = serde_json::to_value(&summary).unwrap();
    let keys = |value: &serde_json::Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(
        keys(&json),
        "attempts beacons coupons_redeemed data_dir discount_minor duplicate_orders elapsed_seconds \
         exported_orders gifts_given latency_ms log_events offers_applied orders_expired orders_paid orders_per_second \
         orders_placed orders_resold oversold_units rebuild_equal refunds_due refunds_settled refused \
         reserve_released_units revenue_minor revenue_reconciles shoppers sold_out_seconds tiers_reached traffic units verify"
    );
    assert_eq!(keys(&json["latency_ms"]), "max p50 p99");
    assert_eq!(keys(&json["traffic"]), "buy buyers cart fav pv uv");
    assert_eq!(keys(&json["verify"]), "chains events ok");
    assert_eq!(json["refused"], serde_json::json!({ "SOLD_OUT": 3 }));
}

/// A server on the wall's clock with one sale, and a crowd in front of it.
struct Shop {
    app: App,
    _data: TempDir,
    crowd: Arc<Crowd>,
    sales: PutUp,
    figures: Figures,
}

async fn shop(units: &[u64], limit_per_buyer: Option<i64>, time_to_pay_ms: i64) -> Shop {
    let data = tempfile::tempdir().unwrap();
    let config = Config {
        data: data.path().to_owned(),
        listen: ([127, 0, 0, 1], 0).into(),
        web: None,
        http: None,
        board: None,
        ..Config::default()
    };
    let app = App::start(config, Arc::new(WallClock)).unwrap();
    let address = format!("http://{}", app.address());
    let channel = connect(&address, &Token::default()).await.unwrap();
    let offers: Vec<Offer> = (0..)
        .zip(units)
        .map(|(n, units)| Offer { sku: format!("S-{n}"), title: "Thing".to_owned(), units: *units })
        .collect();
    let now = WallClock.now();
    let terms = Terms {
        name: "Crowd test".to_owned(),
        opens_at: now,
        closes_at: now.plus(3_600_000),
        limit_per_buyer,
        time_to_pay_ms,
        deals: false,
        operator: Operator::named("crowd"),
        plan: Plan::default(),
    };
    let sales = put_up(channel.clone(), &offers, &terms, |nth| {
        Uuid::from_u128(u128::from(nth) + 1).to_string()
    })
    .await
    .unwrap();
    let caller = Caller::connect(&address, &Token::default(), 2).await.unwrap();
    let crowd = Crowd::new(1, caller, sales.items.clone()).unwrap();
    Shop { app, _data: data, crowd, sales, figures: Figures::new(channel) }
}

#[tokio::test]
async fn a_simulated_crowd_leaves_nothing_unsold_and_no_request_with_two_orders() {
    let size =
        CrowdSize { units: 60, items: 2, shoppers: 400, seed: 7, time_to_pay_seconds: 1, ..SIZE };
    let plan = Arc::new(CrowdPlan::new(size).unwrap());
    let Shop { app, crowd, sales, mut figures, _data } = shop(&[30, 30], Some(1), 1_000).await;
    Arc::clone(&crowd).simulate(plan).await.unwrap();
    let position = crowd.journal().position;
    let levels = figures.settled(&sales, position, Duration::from_secs(20)).await.unwrap();
    let totals = figures.totals(&sales, position).await.unwrap();
    let journal = crowd.journal();
    assert_eq!(journal.faults, Default::default());
    assert_eq!(journal.conflicts, 0);
    assert_eq!(journal.paid_by_item(), [30, 30]);
    assert_eq!(oversold_units(&levels, &sales, journal.paid_by_item()), 0);
    assert_eq!(totals.units_sold, 60);
    assert_eq!(totals.orders_placed, journal.orders_placed());
    assert!(journal.repeats > 0 && journal.refused.contains_key("SOLD_OUT"));
    assert!(journal.refused.contains_key("OVER_BUYER_LIMIT"));
    assert!(journal.sold_out_at_ms(&[30, 30]).is_some());
    drop(journal);
    app.stop().unwrap();
}

#[tokio::test]
async fn a_recording_is_played_to_its_end_first_come_first_served() {
    let recording = Arc::new(read(ROWS.as_bytes(), ItemBy::Category, false).unwrap());
    let units = recording.units("0.6".parse().unwrap());
    let Shop { app, crowd, sales, mut figures, _data } = shop(&units, None, 600_000).await;
    Arc::clone(&crowd).play(Arc::clone(&recording), 1_000).await.unwrap();
    let position = crowd.journal().position;
    let totals = figures.totals(&sales, position).await.unwrap();
    let journal = crowd.journal();
    assert_eq!((journal.attempts, journal.orders_placed()), (6, 4));
    assert_eq!((totals.orders_placed, totals.orders_paid, totals.units_sold), (4, 4, 4));
    assert_eq!(journal.refused.get("SOLD_OUT"), Some(&2));
    // Of category 7 the first three purchases got the three units.
    let winners: HashSet<Uuid> =
        (0..3).map(|number| request_id(1, Purpose::Order, number, 0)).collect();
    let of_seven: HashSet<Uuid> = journal
        .orders()
        .iter()
        .filter(|(_, order)| order.item == 0)
        .map(|(request, _)| *request)
        .collect();
    assert_eq!(of_seven, winners);
    drop(journal);
    app.stop().unwrap();
}
