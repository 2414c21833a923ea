//! Goal: each rule of a batch and each reason to say no. Method: tables.

use doorbuster::{
    domain::{
        Decider as _,
        coupon::{CouponCommand, CouponOutcome, CouponReason, RedeemCoupon},
    },
    events::{CouponEvent, CouponNamed, Stored as _},
    values::{OrderId, SaleId, UnixMs},
};

use super::table::{
    Live, batch, check, claim, coupon, create, order, redeem, request, sale, terms,
};

#[test]
fn a_batch_that_was_not_created_has_nothing() {
    check(
        "claim r1 ann                  -> not_found batch_id
         redeem o1 ann phone 12000 r1  -> not_found batch_id
         return o1                     -> not_found batch_id
         close c1                      -> not_found batch_id
         show                          -> not_found batch_id
         list ann                      -> not_found batch_id",
    );
}

#[test]
fn a_batch_is_created_once_and_its_terms_never_change() {
    check(
        "batch budget=7000
         create                        -> claimed 0 bound 0 off 0 left 7000
         show                          -> claimed 0 bound 0 off 0 left 7000",
    );
}

#[test]
fn a_coupon_is_claimed_while_the_batch_is_open() {
    check(
        "batch from=100 until=200 per_buyer=9
         @99  claim r1 ann             -> refused expired
         @100 claim r1 ann             -> ann r1 free
         @199 claim r2 ann             -> ann r2 free
         @200 claim r3 ann             -> refused expired
              claim r1 ann             -> ann r1 free again
              show                     -> claimed 2 bound 0 off 0 left 5000",
    );
}

#[test]
fn claims_end_with_the_coupons_and_with_what_a_buyer_may_have() {
    check(
        "batch coupons=3 per_buyer=2
         claim r1 ann                  -> ann r1 free
         claim r2 ann                  -> ann r2 free
         claim r3 ann                  -> refused over_buyer_limit
         claim r4 Ann                  -> Ann r4 free
         claim r5 ann                  -> refused all_claimed
         claim r6 bob                  -> refused all_claimed
         list ann                      -> ann r2 free, ann r1 free
         list bob                      -> nothing",
    );
}

#[test]
fn granted_coupons_count_towards_the_batch_and_not_towards_the_buyer() {
    check(
        "batch coupons=3 per_buyer=1 from=100 until=200
         @50  grant g1 ann             -> ann g1 free granted
         @100 claim r1 ann             -> ann r1 free
              grant g2 ann             -> ann g2 free granted
              grant g3 ann             -> refused all_claimed
              grant g1 ann             -> ann g1 free granted again
              claim g1 ann             -> reused
         @200 grant g4 ann             -> refused expired",
    );
    let mut table = "batch coupons=1000\n".to_owned();
    for number in 0..100 {
        table.push_str(&format!("grant g{number} ann -> ann g{number} free granted\n"));
    }
    check(&format!(
        "{table} grant more ann -> refused over_buyer_limit
         claim r1 ann -> refused over_buyer_limit
         claim r1 bob -> bob r1 free"
    ));
}

#[test]
fn a_request_id_is_one_claim_grant_or_act() {
    check(
        "batch per_buyer=9 coupons=9
         claim r1 ann                  -> ann r1 free
         claim r1 bob                  -> reused
         grant r1 ann                  -> reused
         close r1                      -> reused
         raise b1 6000                 -> claimed 1 bound 0 off 0 left 6000
         claim b1 ann                  -> reused
         raise b1 7000                 -> reused
         close b1                      -> reused
         raise b1 6000                 -> claimed 1 bound 0 off 0 left 6000 again
         claim create ann              -> reused",
    );
}

#[test]
fn a_coupon_is_bound_to_the_first_order_that_redeems_it() {
    check(
        "batch amount=2000 min=10000 per_buyer=2
         claim r1 ann                  -> ann r1 free
         redeem o1 ann phone 12000 r1  -> 2000 off by r1
         redeem o1 ann phone 12000 r1  -> 2000 off by r1 again
         redeem o2 ann phone 12000 r1  -> refused used
         list ann                      -> ann r1 bound o1 2000
         show                          -> claimed 1 bound 1 off 2000 left 3000",
    );
}

#[test]
fn the_first_fact_in_the_way_of_a_redemption_decides() {
    check(
        "batch amount=2000 min=10000 budget=3000 items=phone until=900 coupons=9
         claim r1 ann                       -> ann r1 free
         claim r2 bob                       -> bob r2 free
         redeem o1 ann phone 12000 r1       -> 2000 off by r1
         redeem o2 ann lamp 10 r1 900       -> refused expired
         redeem o2 bob lamp 10 r1           -> refused unknown
         redeem o2 ann lamp 10 r1           -> refused used
         redeem o2 bob lamp 10 r2           -> refused other_item
         redeem o2 bob phone 9999 r2        -> refused below_minimum
         redeem o2 bob phone 10000 r2       -> refused budget_spent
         raise b1 4000                      -> claimed 2 bound 1 off 2000 left 2000
         redeem o2 bob phone 10000 r2       -> 2000 off by r2
         @950 redeem o1 cat lamp 1 r9 950   -> 2000 off by r1 again",
    );
}

#[test]
fn an_order_of_another_sale_does_not_redeem_a_coupon_for_all_items() {
    let mut live = check(
        "batch
         claim r1 ann  -> ann r1 free",
    );
    let mut asked = |sale_id| {
        let named = CouponNamed::Id(coupon("r1"));
        let CouponCommand::Redeem(of) = redeem("o1", "ann", "phone", 12_000, named, 20) else {
            unreachable!()
        };
        let of = RedeemCoupon { sale_id, ..*of };
        live.run(CouponCommand::Redeem(Box::new(of)), 20).outcome
    };
    let elsewhere = SaleId(uuid::Uuid::from_u128(0xe15e));
    assert_eq!(asked(elsewhere), CouponOutcome::Refused(CouponReason::OtherItem));
    assert!(matches!(asked(sale()), CouponOutcome::Redeemed(_)));
}

#[test]
fn the_window_is_judged_at_the_moment_of_the_order() {
    check(
        "batch from=100 until=200
         @150 claim r1 ann                   -> ann r1 free
         @300 redeem o1 ann phone 12000 r1 99  -> refused expired
              redeem o1 ann phone 12000 r1 200 -> refused expired
              redeem o1 ann phone 12000 r1 199 -> 2000 off by r1",
    );
}

#[test]
fn coupons_of_others_look_like_coupons_that_do_not_exist() {
    let live = check(
        "batch
         claim r1 ann                  -> ann r1 free
         redeem o1 bob phone 12000 r1  -> refused unknown
         redeem o1 bob phone 12000 r7  -> refused unknown
         list bob                      -> nothing",
    );
    assert_eq!(live.log.len(), 2);
}

#[test]
fn an_order_redeems_at_most_once_also_after_its_coupon_was_returned() {
    check(
        "batch per_buyer=2
         claim r1 ann                  -> ann r1 free
         redeem o1 ann phone 12000 r1  -> 2000 off by r1
         return o1                     -> ann r1 free
         redeem o1 ann phone 12000 r1  -> 2000 off by r1 again
         show                          -> claimed 1 bound 0 off 0 left 5000
         redeem o2 ann phone 12000 r1  -> 2000 off by r1
         return o1                     -> ann r1 bound o2 2000 without an event
         return o2                     -> ann r1 free
         return o2                     -> ann r1 free without an event
         return o3                     -> claimed 1 bound 0 off 0 left 5000 without an event",
    );
}

#[test]
fn a_budget_is_given_out_in_whole_discounts_and_never_passed() {
    check(
        "batch ppm=200000 min=1 budget=1000 coupons=9
         claim r1 ann                  -> ann r1 free
         claim r2 bob                  -> bob r2 free
         redeem o1 ann phone 3000 r1   -> 600 off by r1
         redeem o2 bob phone 2005 r2   -> refused budget_spent
         redeem o2 bob phone 2004 r2   -> 400 off by r2
         claim r3 cat                  -> cat r3 free
         redeem o3 cat phone 5 r3      -> refused budget_spent
         return o1                     -> ann r1 free
         redeem o3 cat phone 5 r3      -> 1 off by r3
         show                          -> claimed 3 bound 2 off 401 left 599",
    );
}

#[test]
fn a_discount_leaves_something_to_pay_and_is_never_nothing() {
    check(
        "batch ppm=1000000 min=1 budget=100000 coupons=9 per_buyer=9
         claim r1 ann                  -> ann r1 free
         redeem o1 ann phone 1 r1      -> refused below_minimum
         redeem o1 ann phone 2 r1      -> 1 off by r1
         claim r2 ann                  -> ann r2 free
         redeem o2 ann phone 99 r2     -> 98 off by r2",
    );
    check(
        "batch ppm=100000:500 min=1 budget=100000
         claim r1 ann                  -> ann r1 free
         redeem o1 ann phone 9 r1      -> refused below_minimum
         redeem o1 ann phone 9999 r1   -> 500 off by r1",
    );
}

#[test]
fn a_shared_code_claims_and_redeems_in_one_decision() {
    check(
        "batch code=SAVE coupons=2
         redeem o1 ann phone 12000 code=SAVE -> 2000 off by o1 + CouponClaimed CouponRedeemed
         redeem o1 ann phone 12000 code=SAVE -> 2000 off by o1 again
         redeem o2 ann phone 12000 code=SAVE -> refused used
         redeem o3 bob phone 12000 code=save -> refused unknown
         redeem o3 bob phone 9999 code=SAVE  -> refused below_minimum
         list bob                            -> nothing
         claim r1 bob                        -> bob r1 free
         redeem o3 bob phone 12000 code=SAVE -> 2000 off by r1
         redeem o4 cat phone 12000 code=SAVE -> refused all_claimed
         return o1                           -> ann o1 free
         redeem o5 ann phone 12000 code=SAVE -> 2000 off by o1",
    );
    check(
        "batch coupons=2
         redeem o1 ann phone 12000 code=SAVE -> refused unknown",
    );
}

#[test]
fn a_code_takes_the_oldest_coupon_that_the_buyer_has() {
    check(
        "batch code=SAVE coupons=9 per_buyer=2 budget=100000
         claim r1 ann                        -> ann r1 free
         grant g1 ann                        -> ann g1 free granted
         redeem o1 ann phone 12000 code=SAVE -> 2000 off by r1
         redeem o2 ann phone 12000 code=SAVE -> 2000 off by g1
         redeem o3 ann phone 12000 code=SAVE -> 2000 off by o3 + CouponClaimed CouponRedeemed
         redeem o4 ann phone 12000 code=SAVE -> refused used",
    );
    check(
        "batch code=SAVE coupons=9
         claim r1 ann                        -> ann r1 free
         revoke v1 r1                        -> ann r1 revoked
         redeem o1 ann phone 12000 code=SAVE -> refused over_buyer_limit",
    );
}

#[test]
fn a_claim_under_the_id_of_an_order_does_not_let_the_order_claim_by_code() {
    check(
        "batch code=SAVE coupons=9
         claim o1 eve                        -> eve o1 free
         redeem o1 ann phone 12000 code=SAVE -> refused unknown
         close o2                            -> claimed 1 bound 0 off 0 left 5000 closed",
    );
    check(
        "batch code=SAVE coupons=9
         raise o1 6000                       -> claimed 0 bound 0 off 0 left 6000
         redeem o1 ann phone 12000 code=SAVE -> refused unknown",
    );
}

#[test]
fn a_closed_batch_takes_back_and_gives_nothing() {
    check(
        "batch coupons=9
         claim r1 ann                  -> ann r1 free
         claim r2 bob                  -> bob r2 free
         redeem o1 ann phone 12000 r1  -> 2000 off by r1
         close c1                      -> claimed 2 bound 1 off 2000 left 3000 closed
         close c1                      -> claimed 2 bound 1 off 2000 left 3000 closed again
         close c2                      -> claimed 2 bound 1 off 2000 left 3000 closed without an event
         claim r3 cat                  -> refused expired
         grant g1 cat                  -> refused expired
         redeem o2 bob phone 12000 r2  -> refused expired
         raise b1 9000                 -> refused expired
         redeem o1 ann phone 12000 r1  -> 2000 off by r1 again
         return o1                     -> ann r1 free
         revoke v1 r1                  -> ann r1 revoked",
    );
}

#[test]
fn a_budget_is_only_raised() {
    check(
        "batch budget=5000
         raise b1 5000                 -> wrong budget_minor is 5000: it must be above the budget of 5000
         raise b1 4999                 -> wrong budget_minor is 4999: it must be above the budget of 5000
         raise b1 5001                 -> claimed 0 bound 0 off 0 left 5001
         show                          -> claimed 0 bound 0 off 0 left 5001",
    );
}

#[test]
fn a_coupon_is_revoked_while_no_order_has_it() {
    check(
        "batch per_buyer=2 coupons=3
         claim r1 ann                  -> ann r1 free
         revoke v1 r7                  -> not_found coupon_id
         redeem o1 ann phone 12000 r1  -> 2000 off by r1
         revoke v1 r1                  -> refused used
         return o1                     -> ann r1 free
         revoke v1 r1                  -> ann r1 revoked
         revoke v1 r1                  -> ann r1 revoked again
         revoke v2 r1                  -> ann r1 revoked without an event
         redeem o2 ann phone 12000 r1  -> refused unknown
         claim r2 ann                  -> ann r2 free
         claim r3 ann                  -> refused over_buyer_limit
         show                          -> claimed 2 bound 0 off 0 left 5000",
    );
}

#[test]
fn the_ids_of_events_follow_from_what_caused_them() {
    let mut live = Live::default();
    let mut terms = terms();
    terms.code = Some("SAVE".to_owned());
    live.run(create(terms), 0);
    let mut batch_of = live.rebuilt();
    let redeem = super::table::redeem(
        "o1",
        "ann",
        "phone",
        12_000,
        doorbuster::domain::coupon::CouponNamed::Code("SAVE".to_owned()),
        7,
    );
    let decided = batch_of.decide(redeem, UnixMs(7));
    let ids: Vec<_> = decided.events.iter().map(|caused| caused.id).collect();
    assert_eq!(ids, [coupon("o1").0, batch().redeemed_id(order("o1"))]);
    assert_eq!(decided.revision, 2, "the answer rests on the redemption");
    for caused in &decided.events {
        assert_eq!((caused.correlation, caused.causation), (order("o1").0, order("o1").0));
        batch_of.evolve(&caused.event, 1 + u64::from(caused.event.kind() == "CouponRedeemed"));
    }
    let returned = batch_of.decide(super::table::give_back("o1"), UnixMs(8));
    assert_eq!(returned.events[0].id, batch().returned_id(order("o1")));
    let claimed = batch_of.decide(claim("r1", "bob"), UnixMs(8));
    let caused = &claimed.events[0];
    assert_eq!(caused.id, coupon("r1").0);
    assert_eq!((caused.correlation, caused.causation), (batch().0, request("r1").0));
    let others = [OrderId(request("r1").0), order("o2")].map(|order| batch().redeemed_id(order));
    assert!(!others.contains(&caused.id), "an order's event is no request's");
}

#[test]
fn what_is_under_way_has_no_place_yet_and_gets_its_own() {
    let mut live = Live::default();
    live.run(create(terms()), 0);
    let mut batch_of = live.rebuilt();
    for (name, revision) in [("r1", 1), ("r2", 2)] {
        let decided = batch_of.decide(claim(name, name), UnixMs(1));
        batch_of.evolve(&decided.events[0].event, revision);
    }
    let again = |batch_of: &doorbuster::domain::coupon::CouponBatch, name: &str| {
        let decided = batch_of.decide(claim(name, name), UnixMs(1));
        (decided.revision, decided.position.map(|position| position.0))
    };
    assert_eq!(again(&batch_of, "r1"), (1, None));
    batch_of.landed(2, doorbuster::events::Position(40));
    assert_eq!(again(&batch_of, "r1"), (1, Some(39)));
    assert_eq!(again(&batch_of, "r2"), (2, Some(40)));
}

#[test]
fn a_stamp_never_goes_back_and_the_rules_go_by_the_clock() {
    let mut live = check(
        "batch from=100 until=200 per_buyer=9
         @150 claim r1 ann             -> ann r1 free
         @120 claim r2 ann             -> ann r2 free
         @90  claim r3 ann             -> refused expired",
    );
    let CouponEvent::Claimed(claimed) = &live.log[2] else { panic!("{:?}", live.log[2]) };
    assert_eq!(claimed.claimed_at_ms, UnixMs(150));
    let outcome = live.run(claim("r4", "ann"), 90).outcome;
    assert_eq!(outcome, CouponOutcome::Refused(CouponReason::Expired));
}
