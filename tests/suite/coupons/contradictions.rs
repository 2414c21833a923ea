//! Goal: a stream that no decider wrote is an error and never a panic, neither when it is read nor by
//! what is decided on its state later. Method: a sound log, and one more event that cannot follow it.

use doorbuster::{
    domain::{Decider as _, coupon::CouponBatch},
    events::{CouponEvent, CouponRedeemed, CouponReturned, CouponTerms},
    values::UnixMs,
};

use super::table::{Live, batch, check, coupon, create, order, terms};

/// One coupon bound, one returned, one free, one revoked; a budget of 5000 with 2000 spent.
fn sound() -> Vec<CouponEvent> {
    let live = check(
        "batch coupons=4 per_buyer=2
         claim r1 ann                  -> ann r1 free
         claim r2 ann                  -> ann r2 free
         claim r3 bob                  -> bob r3 free
         redeem o1 ann phone 12000 r1  -> 2000 off by r1
         redeem o2 ann phone 12000 r2  -> 2000 off by r2
         return o2                     -> ann r2 free
         revoke v1 r3                  -> bob r3 revoked
         raise b1 5500                 -> claimed 3 bound 1 off 2000 left 3500",
    );
    live.log
}

fn contradiction(events: &[CouponEvent]) -> Option<(usize, String)> {
    let mut state = CouponBatch::initial(batch().0);
    events.iter().enumerate().find_map(|(at, event)| {
        let why = state.try_evolve(event, at as u64).err()?;
        Some((at, why.to_string()))
    })
}

#[test]
fn an_event_that_contradicts_those_before_it_is_an_error() {
    let log = sound();
    assert_eq!(contradiction(&log), None);
    let find = |kind: &dyn Fn(&CouponEvent) -> bool| log.iter().find(|event| kind(event)).unwrap();
    let claimed = |name: &str, buyer: &str| {
        let CouponEvent::Claimed(mut body) = log[1].clone() else { panic!("{:?}", log[1]) };
        (body.coupon_id, body.buyer) = (coupon(name), buyer.to_owned());
        CouponEvent::Claimed(body)
    };
    let redeemed = |change: &dyn Fn(&mut CouponRedeemed)| {
        let event = find(&|event| matches!(event, CouponEvent::Redeemed(_)));
        let CouponEvent::Redeemed(mut body) = event.clone() else { panic!("{event:?}") };
        (body.order_id, body.coupon_id) = (order("o9"), coupon("r2"));
        change(&mut body);
        CouponEvent::Redeemed(body)
    };
    let returned = |change: &dyn Fn(&mut CouponReturned)| {
        let event = find(&|event| matches!(event, CouponEvent::Returned(_)));
        let CouponEvent::Returned(mut body) = event.clone() else { panic!("{event:?}") };
        (body.order_id, body.coupon_id) = (order("o1"), coupon("r1"));
        change(&mut body);
        CouponEvent::Returned(body)
    };
    let revoked = |name: &str| {
        let event = find(&|event| matches!(event, CouponEvent::Revoked(_)));
        let CouponEvent::Revoked(mut body) = event.clone() else { panic!("{event:?}") };
        body.coupon_id = coupon(name);
        CouponEvent::Revoked(body)
    };
    let about = |name: &str, why: &str| format!("coupon {} {why}", coupon(name));
    let order_ = |name: &str, why: &str| format!("order {} {why}", order(name));
    let raised = find(&|event| matches!(event, CouponEvent::BudgetRaised(_)));
    for (event, wanted) in [
        (log[0].clone(), "the batch of coupons was created before".to_owned()),
        (log[1].clone(), about("r1", "was claimed before")),
        (claimed("r8", "ann"), about("r8", "is one more than its buyer may have")),
        (redeemed(&|e| e.coupon_id = coupon("r1")), about("r1", "is not free")),
        (redeemed(&|e| e.coupon_id = coupon("r3")), about("r3", "is not free")),
        (redeemed(&|e| e.coupon_id = coupon("r9")), about("r9", "was never claimed")),
        (redeemed(&|e| e.order_id = order("o1")), order_("o1", "redeemed a coupon before")),
        (redeemed(&|e| e.order_id = order("o2")), order_("o2", "redeemed a coupon before")),
        (
            redeemed(&|e| e.discount_minor = 0),
            about("r2", "takes off more than it can, or nothing"),
        ),
        (
            redeemed(&|e| e.discount_minor = -1),
            about("r2", "takes off more than it can, or nothing"),
        ),
        (
            redeemed(&|e| e.discount_minor = e.base_minor),
            about("r2", "takes off more than it can, or nothing"),
        ),
        (
            redeemed(&|e| e.discount_minor = 3_501),
            about("r2", "takes off more than the budget has left"),
        ),
        (
            redeemed(&|e| (e.base_minor, e.discount_minor) = (i64::MAX, i64::MAX - 1)),
            about("r2", "takes off more than the budget has left"),
        ),
        (returned(&|e| e.order_id = order("o9")), order_("o9", "redeemed no coupon")),
        (returned(&|e| e.coupon_id = coupon("r2")), order_("o1", "redeemed another coupon")),
        (returned(&|e| e.discount_minor = 1_999), order_("o1", "redeemed another coupon")),
        (
            returned(&|e| (e.order_id, e.coupon_id) = (order("o2"), coupon("r2"))),
            order_("o2", "has returned its coupon before"),
        ),
        (revoked("r1"), about("r1", "is not free")),
        (revoked("r3"), about("r3", "is not free")),
        (
            raised.clone(),
            "the batch of coupons has its budget raised to less than it is".to_owned(),
        ),
    ] {
        let mut broken = log.clone();
        broken.push(event.clone());
        assert_eq!(contradiction(&broken), Some((log.len(), wanted)), "{event:?}");
    }
}

#[test]
fn more_coupons_than_there_are_and_a_second_end_are_errors() {
    let mut log = check(
        "batch coupons=1 per_buyer=9
         claim r1 ann -> ann r1 free
         close c1     -> claimed 1 bound 0 off 0 left 5000 closed",
    )
    .log;
    log.push(log[2].clone());
    let twice = "the batch of coupons was closed before".to_owned();
    assert_eq!(contradiction(&log), Some((3, twice)));
    let CouponEvent::Claimed(mut more) = log[1].clone() else { panic!("{:?}", log[1]) };
    more.coupon_id = coupon("r2");
    log[3] = CouponEvent::Claimed(more);
    let problem = format!("coupon {} is one more than there are", coupon("r2"));
    assert_eq!(contradiction(&log), Some((3, problem)));
}

#[test]
fn a_stream_that_does_not_begin_with_its_batch_or_has_no_such_terms_is_an_error() {
    let log = sound();
    for event in &log[1..] {
        let wanted = (0, "the batch of coupons was never created".to_owned());
        assert_eq!(contradiction(std::slice::from_ref(event)), Some(wanted), "{event:?}");
    }
    let changes: [fn(&mut CouponTerms); 3] =
        [|terms| terms.coupons = -1, |terms| terms.per_buyer = -1, |terms| terms.budget_minor = -1];
    for change in changes {
        let mut terms = terms();
        change(&mut terms);
        // The decider trusts what was planned; a log is not trusted.
        let decided = Live::default().rebuilt().decide(create(terms), UnixMs(0));
        let log = [decided.events[0].event.clone()];
        let wanted = (0, "the batch of coupons has terms below zero".to_owned());
        assert_eq!(contradiction(&log), Some(wanted));
    }
}
