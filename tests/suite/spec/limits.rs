//! Goal: limits per order and per buyer are never exceeded. Method: tables over several orders.

use doorbuster::values::UNITS_MAX;

use super::{
    live::{Live, cancel, pay, place, plan, units},
    table::check,
};

#[test]
fn an_order_over_the_limit_per_order_is_refused_whatever_is_available() {
    check(
        "offer stock=north:1 per_order=2
         place r1 ann 3 -> refused over_order_limit
         place r2 ann 2 -> refused not_enough_units
         place r3 ann 1 -> held ann 1",
    );
}

#[test]
fn without_a_limit_per_order_no_order_is_larger_than_the_largest_there_is() {
    check(&format!(
        "offer stock=north:9000000
         place r1 ann {} -> refused over_order_limit
         place r2 ann {UNITS_MAX} -> held ann {UNITS_MAX}",
        UNITS_MAX + 1
    ));
}

#[test]
fn a_buyer_s_orders_are_added_up() {
    check(
        "offer per_buyer=3
         place r1 ann 2 -> held ann 2
         place r2 ann 2 -> refused over_buyer_limit
         place r3 ann 1 -> held ann 1
         place r4 ann 1 -> refused over_buyer_limit
         place r5 bob 3 -> held bob 3
         place r6 cat 4 -> refused over_buyer_limit
         = available 4 held 6 sold 0",
    );
}

#[test]
fn paying_does_not_free_the_limit_but_cancelling_and_expiring_do() {
    check(
        "offer per_buyer=2
         place r1 ann 2       -> held ann 2
         pay p1 r1 20 ref     -> paid ann 2
         place r2 ann 1       -> refused over_buyer_limit
         place r3 bob 2       -> held bob 2
         cancel c1 r3 bob     -> cancelled bob 2
         place r4 bob 2       -> held bob 2
         @100 due             -> bob
         place r5 bob 2       -> held bob 2
         place r6 bob 1       -> refused over_buyer_limit
         place r7 ann 1       -> refused over_buyer_limit",
    );
}

#[test]
fn a_limit_is_freed_once_however_often_the_hold_is_ended() {
    check(
        "offer per_buyer=2
         place r1 ann 1       -> held ann 1
         place r2 ann 1       -> held ann 1
         cancel c1 r1 ann     -> cancelled ann 1
         cancel c1 r1 ann     -> cancelled ann 1 again
         cancel c2 r1 ann     -> refused order_cancelled
         pay p1 r1 10 ref     -> refused order_cancelled + RefundDue
         place r3 ann 2       -> refused over_buyer_limit
         place r4 ann 1       -> held ann 1",
    );
}

#[test]
fn buyers_are_told_apart_by_every_character() {
    check(
        "offer per_buyer=1
         place r1 ann 1  -> held ann 1
         place r2 Ann 1  -> held Ann 1
         place r3 anna 1 -> held anna 1
         place r4 an 1   -> held an 1
         place r5 änn 1  -> held änn 1
         place r6 an 1   -> refused over_buyer_limit",
    );
}

#[test]
fn a_limit_of_zero_refuses_every_order() {
    check(
        "offer per_buyer=0
         place r1 ann 1 -> refused over_buyer_limit",
    );
}

#[test]
fn a_buyer_without_a_limit_may_hold_more_units_than_fit_in_32_bits() {
    let orders = 4_300;
    let stock = vec![units("north", orders * UNITS_MAX)];
    let mut live = Live::offered(doorbuster::events::ItemPlan {
        units: stock,
        limit_per_buyer: Some((orders - 1) * UNITS_MAX),
        ..plan()
    });
    // Straight to the item: the harness would rebuild it before each of these orders.
    let mut item = live.rebuilt();
    let mut revision = live.log.len() as u64;
    let mut run = |command| {
        use doorbuster::domain::Decider;
        let decided = item.decide(command, doorbuster::values::UnixMs(1));
        for caused in &decided.events {
            item.evolve(&caused.event, revision);
            revision += 1;
        }
        decided.events.len()
    };
    for order in 1..orders {
        assert_eq!(run(place(&format!("r{order}"), "whale", UNITS_MAX)), 1, "order {order}");
    }
    assert_eq!(run(place("one too many", "whale", 1)), 0, "the limit still holds");
    assert_eq!(run(cancel("c1", "r1", "whale")), 1);
    assert_eq!(run(pay("p2", "r2", 10 * UNITS_MAX, "ref")), 1);
    assert_eq!(run(place("again", "whale", UNITS_MAX)), 1, "what was given up is free");
    live.run(place("r1", "whale", 1), 1);
}
