//! Goal: find rules of a batch that no example thought of, and see that it never passes its budget, its
//! coupons or what a buyer may have, and that an order redeems at most once. Method: proptest makes
//! commands of a few buyers on a small batch, with request ids and orders drawn from small pools. A plain
//! model, which keeps lists and counts everything anew, says what each command must come to; it shares
//! nothing with the decider but the types of the messages. The log is judged on its own, and by the
//! verifier, which must also find a discount that is one minor unit higher.
//!
//! `DOORBUSTER_MODEL_CASES` raises the number of sequences.

mod plain;

use std::collections::{BTreeMap, BTreeSet};

use audit::{Finding, ShownEvent, Verifier};

use doorbuster::{
    domain::{
        Decider as _, Misdirected,
        coupon::{
            BatchAction, CouponBatch, CouponCommand, CouponNamed, CouponOutcome, CouponState,
        },
    },
    events::{
        CouponDiscount, CouponEvent, CouponTerms, NewEvent, PercentOff, Position, Stored as _,
        StreamName,
    },
    values::{CouponId, OrderId, UnixMs},
};
use proptest::{prelude::*, test_runner::Config};

use self::plain::{BUYERS, CODE, FROM, Model, Said, Step, UNTIL, called};
use super::table::{self, batch, claim, coupon, create, give_back, grant, order, steer};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (name, buyer) = (|| 0..8_u8, || 0..BUYERS.len());
    // Orders share the pool of request ids, which no client of ours does.
    let order = || 4..10_u8;
    let redeem = (order(), buyer(), prop::bool::weighted(0.1), 1..400_i64, any::<bool>(), name());
    let step = prop_oneof![
        6 => (name(), buyer()).prop_map(|(name, buyer)| Step::Claim { name, buyer }),
        2 => (name(), buyer()).prop_map(|(name, buyer)| Step::Grant { name, buyer }),
        8 => (redeem, 0..3_i64).prop_map(|((order, buyer, lamp, base, code, of), late)| {
            let by = (!code).then_some(of);
            Step::Redeem { order, buyer, lamp, base, by, before: late * 60 }
        }),
        4 => order().prop_map(|order| Step::Return { order }),
        1 => (name(), 100..900_i64).prop_map(|(name, budget)| Step::Raise { name, budget }),
        1 => prop::bool::weighted(0.2).prop_flat_map(move |close| {
            (name(), name()).prop_map(move |(name, of)| {
                if close { Step::Close { name } } else { Step::Revoke { name, of } }
            })
        }),
        2 => (-10..40_i64).prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..60)
}

fn terms() -> impl Strategy<Value = CouponTerms> {
    let percent = (1..=1_000_000_i64, prop::option::of(1..80_i64));
    let discount = prop_oneof![
        (1..100_i64).prop_map(CouponDiscount::AmountMinor),
        percent.prop_map(|(ppm, at_most_minor)| {
            CouponDiscount::Percent(PercentOff { ppm, at_most_minor })
        }),
    ];
    let numbers = (1..200_i64, 1..7_i64, 1..4_i64, 1..300_i64);
    (discount, numbers, any::<bool>()).prop_map(|(discount, (min, coupons, per, budget), code)| {
        CouponTerms {
            discount,
            min_spend_minor: min,
            coupons,
            per_buyer: per,
            budget_minor: budget,
            items: vec![table::item("phone")],
            code: code.then(|| CODE.to_owned()),
            from_ms: UnixMs(FROM),
            until_ms: UnixMs(UNTIL),
            ..table::terms()
        }
    })
}

fn command(step: &Step, now: i64) -> CouponCommand {
    match *step {
        Step::Claim { name, buyer } => claim(&called(name), BUYERS[buyer]),
        Step::Grant { name, buyer } => grant(&called(name), BUYERS[buyer]),
        Step::Redeem { order, buyer, lamp, base, by, before } => {
            let sku = if lamp { "lamp" } else { "phone" };
            let by = match by {
                Some(of) => CouponNamed::Id(coupon(&called(of))),
                None => CouponNamed::Code(CODE.to_owned()),
            };
            table::redeem(&called(order), BUYERS[buyer], sku, base, by, now - before)
        }
        Step::Return { order } => give_back(&called(order)),
        Step::Raise { name, budget } => steer(&called(name), BatchAction::RaiseBudget(budget)),
        Step::Close { name } => steer(&called(name), BatchAction::Close),
        Step::Revoke { name, of } => steer(&called(name), BatchAction::Revoke(coupon(&called(of)))),
        Step::Pass { .. } | Step::Restart => unreachable!(),
    }
}

fn name_of<T: PartialEq>(id: T, of: impl Fn(&str) -> T) -> String {
    (0..10).map(called).find(|name| of(name) == id).unwrap()
}

fn said(outcome: &CouponOutcome) -> Said {
    let coupon_name = |id: CouponId| name_of(id, coupon);
    let order_name = |id: OrderId| name_of(id, order);
    match outcome {
        CouponOutcome::Batch(_) => Said::Batch,
        CouponOutcome::Coupon(view) => {
            let state = match view.state {
                CouponState::Free => "free".to_owned(),
                CouponState::Revoked => "revoked".to_owned(),
                CouponState::Bound { order_id, discount_minor } => {
                    format!("bound {} {discount_minor}", &order_name(order_id)[1..])
                }
            };
            Said::Coupon(view.buyer.clone(), state)
        }
        CouponOutcome::Redeemed(got) => Said::Off(coupon_name(got.coupon_id), got.discount_minor),
        CouponOutcome::Refused(reason) => Said::No(*reason),
        CouponOutcome::Misdirected(Misdirected::RequestIdReused(_)) => Said::Reused,
        CouponOutcome::Misdirected(Misdirected::NotFound(_)) => Said::NotFound,
        CouponOutcome::Misdirected(Misdirected::Invalid(_)) => Said::Wrong,
        CouponOutcome::Coupons(_) => panic!("no step asks for a list"),
    }
}

/// The promises of a batch, at every prefix of its log.
fn judge(log: &[CouponEvent], terms: &CouponTerms) {
    let (mut budget, mut spent) = (terms.budget_minor, 0);
    let mut claimed: BTreeMap<String, i64> = BTreeMap::new();
    let (mut all, mut bound, mut orders) = (0, BTreeSet::new(), Vec::new());
    for event in log {
        match event {
            CouponEvent::Claimed(e) => {
                all += 1;
                *claimed.entry(e.buyer.clone()).or_default() += i64::from(e.grant.is_none());
            }
            CouponEvent::Redeemed(e) => {
                spent += e.discount_minor;
                assert!(bound.insert(e.coupon_id), "a coupon is bound twice");
                assert!(!orders.contains(&e.order_id), "an order redeems twice");
                orders.push(e.order_id);
                assert!(0 < e.discount_minor && e.discount_minor < e.base_minor);
            }
            CouponEvent::Returned(e) => {
                spent -= e.discount_minor;
                assert!(bound.remove(&e.coupon_id), "a coupon returns that is not bound");
            }
            CouponEvent::BudgetRaised(e) => budget = e.budget_minor,
            CouponEvent::BatchCreated(_)
            | CouponEvent::Revoked(_)
            | CouponEvent::BatchClosed(_) => {}
        }
        assert!((0..=budget).contains(&spent), "{spent} of {budget} are spent");
        assert!(all <= terms.coupons && bound.len() as i64 <= all);
        assert!(claimed.values().all(|count| *count <= terms.per_buyer));
    }
}

/// What is wrong with a batch alone. Its orders are not in this log, and that is left out.
fn wrong(stored: &[NewEvent]) -> Vec<Finding> {
    let mut verifier = Verifier::default();
    let stream = StreamName::coupon(batch()).to_string();
    for (event, revision) in stored.iter().zip(0..) {
        verifier.see(&ShownEvent {
            position: revision + 1,
            stream: &stream,
            revision,
            id: event.id.as_bytes(),
            kind: &event.kind,
            data: &event.data,
            metadata: &event.metadata,
            recorded_at_ms: 0,
        });
    }
    let findings = verifier.end().findings.into_iter();
    findings.filter(|found| !found.problem.contains("did not ask this batch")).collect()
}

/// A redemption that takes one minor unit more off.
fn cheaper(event: &CouponEvent, stored: &NewEvent) -> Option<NewEvent> {
    let CouponEvent::Redeemed(mut body) = event.clone() else { return None };
    body.discount_minor += 1;
    Some(NewEvent { data: CouponEvent::Redeemed(body).json(), ..stored.clone() })
}

fn play(terms: &CouponTerms, steps: &[Step]) {
    let mut log: Vec<CouponEvent> = Vec::new();
    let mut stored: Vec<NewEvent> = Vec::new();
    let rebuild = |log: &[CouponEvent]| {
        let mut state = CouponBatch::initial(batch().0);
        for (event, revision) in log.iter().zip(0..) {
            state.evolve(event, revision);
            state.landed(revision, Position(revision + 1));
        }
        state
    };
    let mut real = rebuild(&log);
    let mut model = Model::of(terms);
    let mut now = FROM - 10;
    let mut run = |real: &mut CouponBatch, log: &mut Vec<CouponEvent>, command, now| {
        let decided = real.decide(command, UnixMs(now));
        for caused in decided.events {
            stored.push(caused.encode());
            real.evolve(&caused.event, log.len() as u64);
            log.push(caused.event);
        }
        real.answer(decided.outcome, UnixMs(now))
    };
    run(&mut real, &mut log, create(terms.clone()), now);
    for step in steps {
        match step {
            Step::Pass { ms } => now += ms,
            Step::Restart => real = rebuild(&log),
            step => {
                let outcome = run(&mut real, &mut log, command(step, now), now);
                assert_eq!(said(&outcome), model.answer(step, now), "{step:?} at {now}");
            }
        }
        assert_eq!(log.len(), model.events, "events after {step:?}");
        let CouponOutcome::Batch(view) = run(&mut real, &mut log, CouponCommand::Show, now) else {
            panic!("the batch is there")
        };
        let bound = model.orders.iter().filter(|order| !order.returned).count();
        let figures = (view.claimed, view.bound, view.discount_minor, view.budget_minor);
        let counted = (model.coupons.len() as i64, bound as i64, model.spent(), model.budget);
        assert_eq!(figures, counted, "after {step:?}");
    }
    judge(&log, terms);
    assert_eq!(wrong(&stored), []);
    let spoilt = log.iter().zip(&stored).enumerate();
    let mut spoilt = spoilt.filter_map(|(at, (event, stored))| Some((at, cheaper(event, stored)?)));
    if let Some((at, event)) = spoilt.next_back() {
        stored[at] = event;
        assert!(!wrong(&stored).is_empty(), "a discount that is one higher is not found");
    }
}

fn cases() -> Config {
    let asked = std::env::var("DOORBUSTER_MODEL_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: asked.unwrap_or(256), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_batch_does_what_a_plain_model_says(terms in terms(), steps in steps()) {
        play(&terms, &steps);
    }
}
