//! Goal: a sale under its own rules comes to exactly what is recorded, whatever operators, buyers and
//! payments did to it.
//!
//! Method: the random histories by which the verifier is tested, with orders that ask for coupons among
//! them, decided by the real item. Only clocks that are set back are left out: attempts are recorded by
//! the time of their arrival. What the histories reached is added up, so that none of it can fall out of
//! them unnoticed.

use std::cell::RefCell;

use doorbuster::{
    domain::item::{AwaitVerdict, ItemCommand, PlaceMore, SettleAwait},
    events::{CouponAsked, CouponNamed, CouponReason, IfDenied},
    replay::what_if::Figures,
    values::{BatchId, CouponId},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use uuid::Uuid;

use super::{what_if, what_if_life::stored};
use crate::{
    audit::decided::{
        Run, begun,
        histories::{self, OPENS, Step},
    },
    spec::live::item_id,
};

/// A step, or what only orders with a coupon have.
#[derive(Debug, Clone)]
enum Told {
    Step(Step),
    WithCoupon {
        buyer: u8,
        units: i64,
        keeps: bool,
        skips: bool,
        most: Option<i64>,
    },
    /// Of the orders placed so far, counted from the last one: the discount, or that there is none.
    Verdict {
        back: usize,
        discount_minor: Option<i64>,
    },
}

fn histories() -> impl Strategy<Value = Vec<Told>> {
    let order = (0..4_u8, 1..5_i64, any::<bool>(), any::<bool>(), prop::option::of(20..60_i64))
        .prop_map(|(buyer, units, keeps, skips, most)| Told::WithCoupon {
            buyer,
            units,
            keeps,
            skips,
            most,
        });
    let verdict = (0..3_usize, prop::option::of(1..12_i64))
        .prop_map(|(back, discount_minor)| Told::Verdict { back, discount_minor });
    let coupons = prop::collection::vec(prop_oneof![1 => order, 2 => verdict], 0..12);
    (histories::steps(), coupons, any::<u64>()).prop_map(|(steps, coupons, lot)| {
        let steps = steps.into_iter().map(|step| match step {
            // Attempts are recorded by their arrival: no clock is set back.
            Step::Pass { ms } => Step::Pass { ms: ms.abs() },
            step => step,
        });
        let mut told: Vec<Told> = steps.map(Told::Step).collect();
        for (coupon, number) in coupons.into_iter().zip(1_u64..) {
            let place = lot.wrapping_mul(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 40;
            told.insert(usize::try_from(place).unwrap() % (told.len() + 1), coupon);
        }
        told
    })
}

fn take(run: &mut Run, number: usize, told: Told) {
    match told {
        Told::Step(step) => run.take(number, step),
        Told::WithCoupon { buyer, units, keeps, skips, most } => {
            let (name, buyer) = (format!("step-{number}"), format!("buyer-{buyer}"));
            let asked = CouponAsked {
                batch_id: BatchId(Uuid::from_u128(0xba7c)),
                named: CouponNamed::Code("SAVE".to_owned()),
                if_denied: if keeps { IfDenied::Keep } else { IfDenied::Cancel },
                skip_offers: skips,
                max_total_minor: None,
            };
            let shopper = Some(histories::wanted());
            let order = histories::order(&name, &buyer, units, false, None);
            let more = PlaceMore {
                coupon: Some(asked),
                max_total_minor: most,
                shopper,
                ..PlaceMore::default()
            };
            run.place(name, order.with(more));
        }
        Told::Verdict { back, discount_minor } => {
            let Some((order_id, _)) = run.placed(back) else { return };
            let Some(price) = run.item.order_price(order_id) else { return };
            let verdict = match discount_minor.map(|minor| minor.min(price.total_minor - 1)) {
                Some(discount_minor) if discount_minor > 0 => {
                    AwaitVerdict::CouponGranted { coupon_id: CouponId(order_id.0), discount_minor }
                }
                _ => AwaitVerdict::CouponDenied(CouponReason::BudgetSpent),
            };
            run.ask(ItemCommand::SettleAwait(SettleAwait { order_id, verdict }));
        }
    }
}

/// Adds what was reached to the sums of all histories.
fn add(sums: &mut [(&'static str, i64)], figures: &Figures, run: &Run) {
    let kinds = |kind: &str| run.stored.iter().filter(|event| event.kind == kind).count();
    let reached = [
        figures.orders_paid,
        figures.orders_refunded,
        figures.units_refunded - figures.orders_refunded,
        figures.orders_reinstated,
        figures.payments_due_back,
        figures.orders_cancelled,
        figures.orders_expired,
        figures.refusals.values().sum(),
        i64::try_from(kinds("HoldExtended")).unwrap(),
        i64::try_from(kinds("CouponApplied")).unwrap(),
        i64::try_from(kinds("CouponDenied")).unwrap(),
        i64::try_from(kinds("PaymentFailed")).unwrap(),
    ];
    for ((_, sum), reached) in sums.iter_mut().zip(reached) {
        *sum += reached;
    }
}

#[test]
fn a_sale_under_its_own_rules_comes_to_what_is_recorded() {
    let names = [
        "paid",
        "refunded whole",
        "refunded in part",
        "reinstated",
        "due back",
        "cancelled",
        "expired",
        "refused",
        "extended",
        "with a coupon",
        "without its coupon",
        "failed",
    ];
    let sums = RefCell::new(names.map(|name| (name, 0)).to_vec());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cases = std::env::var("DOORBUSTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    let config =
        Config { cases: cases.unwrap_or(200), failure_persistence: None, ..Config::default() };
    let all = (histories::plan(), OPENS - 30..OPENS + 60, histories());
    let judged = TestRunner::new(config).run(&all, |(plan, begins, steps)| {
        let mut run = begun(plan, begins);
        for (number, step) in steps.into_iter().enumerate() {
            take(&mut run, number, step);
        }
        let found = runtime.block_on(async {
            let data = stored(&run).await;
            what_if(data.path(), &item_id().to_string(), &[]).await
        });
        prop_assert_eq!(&found.baseline_differences, &Vec::<String>::new());
        prop_assert_eq!(&found.total.recorded, &found.total.played);
        add(&mut sums.borrow_mut(), &found.total.recorded, &run);
        Ok(())
    });
    judged.unwrap_or_else(|wrong| panic!("{wrong}"));
    for (name, sum) in sums.into_inner() {
        assert!(sum > 0, "no history has an order that is {name}");
    }
}
