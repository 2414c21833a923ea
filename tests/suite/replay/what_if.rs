//! Goal: what another rule would have changed can be checked by hand, and what no rule changed is
//! exactly what is recorded. Method: the sale of ten shoppers, rule by rule; then a crowd whose
//! attempts, payments and cancellations meet in the same milliseconds.

use doorbuster::{
    events::AttemptOutcome,
    replay::what_if::{Compared, Figures, Rules, WhatIf, run},
    values::ItemId,
};
use futures_util::future::join_all;

use super::{
    look,
    ten::{Ten, at},
};
use crate::support::{self, Node};

async fn what_if(ten: &Ten, rules: &[&str]) -> WhatIf {
    super::what_if(ten.node.data(), &ten.item, rules).await
}

fn refusals(figures: &Figures) -> Vec<(AttemptOutcome, i64)> {
    figures.refusals.iter().map(|(outcome, attempts)| (*outcome, *attempts)).collect()
}

fn shoppers(compared: &Compared) -> (i64, i64, i64) {
    (compared.shoppers_gained, compared.shoppers_lost, compared.shoppers_kept)
}

use AttemptOutcome::{OverBuyerLimit, Repeated, SoldOut};

#[tokio::test(flavor = "multi_thread")]
async fn no_other_rule_comes_to_exactly_what_is_recorded() {
    let ten = Ten::told().await;
    let found = what_if(&ten, &[]).await;
    assert_eq!(found.baseline_differences, Vec::<String>::new());
    assert!(found.baseline_matches);
    let expected = Figures {
        allocated_units: 3,
        attempts: 12,
        orders_placed: 4,
        units_placed: 4,
        orders_paid: 2,
        units_sold: 2,
        revenue_minor: 2 * 199_900,
        winners: 2,
        orders_cancelled: 1,
        orders_expired: 1,
        orders_held: 0,
        refusals: [(SoldOut, 7), (OverBuyerLimit, 1)].into(),
        sold_out_at: Some(at(3)),
        // S3 paid too late.
        payments_due_back: 1,
        ..Figures::default()
    };
    assert_eq!(found.total.recorded, expected);
    assert_eq!(found.total.played, expected);
    assert_eq!(shoppers(&found.total), (0, 0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_limit_of_two_the_second_order_of_s4_finds_it_sold_out() {
    let ten = Ten::told().await;
    for rule in ["limit=2", "limit=none"] {
        let found = what_if(&ten, &[rule]).await;
        assert!(found.baseline_matches);
        let played = &found.total.played;
        assert_eq!(refusals(played), [(SoldOut, 8)], "s1 and s4 have a unit, s3 holds one");
        assert_eq!((played.orders_placed, played.orders_paid), (4, 2));
        assert_eq!(shoppers(&found.total), (0, 0, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_unit_less_s3_gets_none_and_nothing_expires() {
    let ten = Ten::told().await;
    for rule in ["units=-1", "units=2"] {
        let found = what_if(&ten, &[rule]).await;
        let played = &found.total.played;
        assert_eq!(played.allocated_units, 2);
        assert_eq!((played.orders_placed, played.orders_paid), (3, 2));
        assert_eq!((played.orders_cancelled, played.orders_expired), (1, 0));
        assert_eq!(refusals(played), [(SoldOut, 8), (OverBuyerLimit, 1)]);
        assert_eq!(played.sold_out_at, Some(at(2)));
        assert_eq!(shoppers(&found.total), (0, 0, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_units_more_the_next_two_shoppers_win() {
    let ten = Ten::all_paid().await;
    let found = what_if(&ten, &["units=+2"]).await;
    assert!(found.baseline_matches, "{:?}", found.baseline_differences);
    let played = &found.total.played;
    assert_eq!((played.orders_placed, played.orders_paid, played.units_sold), (5, 5, 5));
    assert_eq!(played.revenue_minor, 5 * 199_900);
    assert_eq!(refusals(played), [(SoldOut, 5)]);
    assert_eq!(played.sold_out_at, Some(at(5)));
    assert_eq!(shoppers(&found.total), (2, 0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_four_seconds_to_pay_only_s4_pays_in_time() {
    let ten = Ten::told().await;
    let found = what_if(&ten, &["time-to-pay=4s"]).await;
    let played = &found.total.played;
    assert_eq!((played.orders_placed, played.orders_paid), (4, 1));
    assert_eq!((played.orders_cancelled, played.orders_expired), (0, 3));
    assert_eq!(played.revenue_minor, 199_900);
    assert_eq!(shoppers(&found.total), (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_five_minutes_to_pay_the_late_payment_of_s3_buys() {
    let ten = Ten::told().await;
    let found = what_if(&ten, &["time-to-pay=5m"]).await;
    let played = &found.total.played;
    assert_eq!((played.orders_placed, played.orders_paid), (4, 3));
    assert_eq!((played.orders_cancelled, played.orders_expired), (1, 0));
    assert_eq!(shoppers(&found.total), (1, 0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draw_gives_three_of_ten_a_unit_and_the_seed_says_whom() {
    let ten = Ten::all_paid().await;
    let mut kept = Vec::new();
    for seed in 1..=20 {
        let seed = format!("seed={seed}");
        let found = what_if(&ten, &["draw", &seed]).await;
        let played = &found.total.played;
        assert_eq!((played.orders_placed, played.orders_paid), (3, 3));
        assert_eq!(refusals(played), [(SoldOut, 7)]);
        assert_eq!(played.sold_out_at, Some(at(10)), "it is held after the last attempt");
        let (gained, lost, same) = shoppers(&found.total);
        assert_eq!((gained, lost), (3 - same, 3 - same));
        let again = what_if(&ten, &[&format!("draw,{seed}")]).await;
        assert_eq!(again.total, found.total);
        kept.push(same);
    }
    // One in two hundred thousand seeds would draw the same three twenty times over.
    kept.dedup();
    assert!(kept.len() > 1, "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_drawn_keeps_their_turn_while_the_item_is_paused() {
    let ten = Ten::given_up_while_paused().await;
    let found = what_if(&ten, &["draw"]).await;
    let played = &found.total.played;
    assert_eq!(played.refusals.get(&AttemptOutcome::Paused), None, "no turn is lost");
    assert!(played.orders_placed > 3, "after the pause the next ones are offered a unit");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enters_a_draw_twice_has_one_chance() {
    let ten = Ten::told().await;
    let found = what_if(&ten, &["draw"]).await;
    let played = &found.total.played;
    assert_eq!(played.refusals.get(&Repeated), Some(&2), "s4 came three times");
    assert_eq!(played.attempts, 12);
    let sold_out = played.refusals.get(&SoldOut).copied().unwrap_or(0);
    assert_eq!(played.orders_placed + sold_out, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_rules_hold_together() {
    let ten = Ten::all_paid().await;
    let found = what_if(&ten, &["units=+7", "limit=none", "time-to-pay=1h"]).await;
    let played = &found.total.played;
    assert_eq!((played.orders_placed, played.orders_paid, played.allocated_units), (10, 10, 10));
    assert!(found.assumptions.iter().any(|stated| stated.contains("limit")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_in_the_same_milliseconds_is_replayed_exactly() {
    let mut node = Node::start().await;
    let draft = |sku: &str| doorbuster::grpc::proto::ItemDraft {
        limit_per_buyer: Some(2),
        limit_per_order: Some(2),
        reserve: vec![doorbuster::grpc::proto::WarehouseUnits {
            warehouse: "south".to_owned(),
            units: 9,
        }],
        // Decided anew in the replay, as the orders before it are.
        reserve_plan: vec![doorbuster::grpc::proto::ReserveStep {
            below_units: 5,
            release_units: 6,
            ..Default::default()
        }],
        ..support::item(sku, &[("north", 25), ("south", 15)])
    };
    let (_, items) = node.sale(vec![draft("lamp"), draft("sofa")]).await;
    let mut held = Vec::new();
    for round in 0..12_u64 {
        let wishes = (0..40_u64).map(|shopper| {
            let number = shopper.wrapping_mul(0x9e37_79b9).wrapping_add(round * 7_919) % 97;
            let item = &items[usize::try_from(number % 2).unwrap()];
            (item, format!("b{}", number % 31), i64::try_from(number % 3 + 1).unwrap())
        });
        let server = &node;
        let attempts = wishes.map(|(item, buyer, units)| async move {
            server.place(item, &buyer, units).await.unwrap()
        });
        let ends = held.drain(..).enumerate().map(|(index, order)| {
            let node = &node;
            async move {
                match index % 3 {
                    0 => drop(node.pay(&order).await),
                    1 => super::ten::cancel(node, &order).await,
                    _ => {}
                }
            }
        });
        // Attempts, payments, cancellations and expiries of one millisecond.
        let (placed, _) = tokio::join!(join_all(attempts), join_all(ends.collect::<Vec<_>>()));
        held.extend(placed.into_iter().filter_map(|placed| match placed.outcome {
            Some(doorbuster::grpc::proto::place_order_response::Outcome::Order(order)) => {
                Some(order)
            }
            _ => None,
        }));
        node.advance(if round % 4 == 3 { 61 } else { 1 });
    }
    node.stop();
    let ids: Vec<ItemId> = items.iter().map(|id| ItemId::parse("item", id).unwrap()).collect();
    let found = look(node.data(), move |log| run(log, &ids, Rules::default(), "rules").unwrap());
    let found = found.await;
    assert_eq!(found.baseline_differences, Vec::<String>::new());
    assert_eq!(found.total.recorded.attempts, 480);
    assert!(found.total.recorded.refusals.len() >= 3, "{:?}", found.total.recorded);
    assert!(found.total.recorded.orders_expired > 0 && found.total.recorded.orders_cancelled > 0);
}

#[test]
fn rules_that_make_no_sense_are_refused_by_name() {
    let cases = [
        ("foo=2", "known are limit=N"),
        ("limit", "rules limit needs a value"),
        ("limit=0", "rules limit must be none or 1 to 1000000"),
        ("limit=-1", "rules limit must be none"),
        ("units=0", "rules units must be +N"),
        ("units=+-5", "rules units must be +N"),
        ("units=9999999999999999999", "rules units must be +N"),
        ("time-to-pay=5", "rules time-to-pay must be a span"),
        ("time-to-pay=0s", "rules time-to-pay must be a span"),
        ("time-to-pay=99999999999999999999h", "rules time-to-pay must be a span"),
        ("draw=yes", "rules draw takes no value"),
        ("seed=x", "rules seed must be a number"),
        ("limit=2,limit=3", "rules limit is given twice"),
        ("", "known are limit=N"),
    ];
    for (rule, problem) in cases {
        let error = Rules::parse("rules", [rule]).unwrap_err().to_string();
        assert!(error.contains(problem), "{rule:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_units_than_there_were_cannot_be_taken_away() {
    let ten = Ten::told().await;
    let item = ItemId::parse("item", &ten.item).unwrap();
    let rules = Rules::parse("rules", ["units=-3"]).unwrap();
    let found = look(ten.node.data(), move |log| run(log, &[item], rules, "rules")).await;
    let problem = found.unwrap_err().to_string();
    assert_eq!(problem, "rules units leaves nothing of lamp, of which 3 units were planned");
}
