//! Troubles on purpose: planned the same each time, and none of them loses or oversells a unit.

use std::{sync::Arc, time::Duration};

use doorbuster::crowd::{
    chaos::{SECONDS_MIN, SlowPayments, Spell, Troubles},
    figures::oversold_units,
    plan::{CrowdPlan, CrowdSize},
};

use super::{SIZE, Shop, shop};

#[test]
fn a_crowd_that_comes_over_a_minute_has_a_rush_and_then_a_steady_stream() {
    for seed in 0..20 {
        let size = CrowdSize { seed, arrive_seconds: Some(60), ..SIZE };
        let plan = CrowdPlan::new(size).unwrap();
        assert_eq!(plan, CrowdPlan::new(size).unwrap());
        let arrived = |from: u32, until: u32| {
            let arrives = plan.shoppers.iter().map(|shopper| shopper.arrives_ms);
            arrives.filter(|ms| (from * 1_000..until * 1_000).contains(ms)).count()
        };
        assert_eq!(arrived(0, 60), plan.shoppers.len());
        // A fifth in the rush and a fiftieth or so each second; wide enough for any seed.
        assert!((250..550).contains(&arrived(0, 2)), "{}", arrived(0, 2));
        for second in (10..60).step_by(10) {
            let there = arrived(second, second + 10);
            assert!((180..360).contains(&there), "{there} from second {second}");
        }
    }
}

#[test]
fn payments_are_late_only_while_the_provider_is_slow_and_by_no_more_than_it_is() {
    let slow = SlowPayments { spell: Spell { from_ms: 100, until_ms: 200 }, by_ms: (3_000, 7_000) };
    for shopper in 0..1_000 {
        assert_eq!([slow.delay_ms(99, shopper), slow.delay_ms(200, shopper)], [0, 0]);
        let delay_ms = slow.delay_ms(150, shopper);
        assert!((3_000..=7_000).contains(&delay_ms), "{delay_ms}");
        assert_eq!(delay_ms, slow.delay_ms(150, shopper));
    }
    let too_late = (0..1_000).filter(|shopper| slow.delay_ms(150, *shopper) > 5_000).count();
    assert!((300..700).contains(&too_late), "{too_late} of 1000 miss five seconds");
}

#[test]
fn troubles_come_one_after_the_other_and_end_before_the_crowd_does() {
    let enough = CrowdSize {
        items: 4,
        shoppers: 40 * SECONDS_MIN,
        arrive_seconds: Some(SECONDS_MIN),
        ..SIZE
    };
    let troubles = Troubles::of(&enough).unwrap();
    let mut spells = vec![troubles.paused, troubles.slow_payments.spell];
    spells.extend(&troubles.stalls);
    for pair in spells.windows(2) {
        assert!(pair[0].from_ms < pair[0].until_ms && pair[0].until_ms < pair[1].from_ms);
    }
    assert!(spells.iter().all(|spell| spell.until_ms < SECONDS_MIN * 1_000));
    for (size, flag) in [
        (CrowdSize { arrive_seconds: Some(SECONDS_MIN - 1), ..enough }, "--seconds"),
        (CrowdSize { arrive_seconds: None, ..enough }, "--seconds"),
        (CrowdSize { items: 5, ..enough }, "--items"),
        (CrowdSize { shoppers: enough.shoppers - 1, ..enough }, "--shoppers"),
    ] {
        assert_eq!(Troubles::of(&size).unwrap_err().field, flag);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_payment_provider_lets_orders_expire_and_every_unit_is_sold_all_the_same() {
    let size = CrowdSize { units: 40, items: 2, shoppers: 120, time_to_pay_seconds: 1, ..SIZE };
    // Slow for the first rush, and always by more than the time to pay.
    let slow = SlowPayments { spell: Spell { from_ms: 0, until_ms: 1_000 }, by_ms: (1_200, 1_500) };
    let plan = Arc::new(CrowdPlan::new(size).unwrap().with_slow_payments(slow));
    let Shop { app, crowd, sales, mut figures, _data } = shop(&[20, 20], Some(1), 1_000).await;
    Arc::clone(&crowd).simulate(plan).await.unwrap();
    let position = crowd.journal().position;
    let levels = figures.settled(&sales, position, Duration::from_secs(20)).await.unwrap();
    let totals = figures.totals(&sales, position).await.unwrap();
    let journal = crowd.journal();
    assert!(totals.orders_expired >= 20, "{} expired", totals.orders_expired);
    assert!(journal.payments_refused.values().sum::<u64>() > 0);
    assert_eq!(oversold_units(&levels, &sales, journal.paid_by_item()), 0);
    assert_eq!((totals.units_sold, totals.orders_placed), (40, journal.orders_placed()));
    drop(journal);
    app.stop().unwrap();
}
