//! Goal: the reserve goes on offer by its plan, in the append of the decision that left too few units,
//! once for each step. Method: tables.

use doorbuster::{
    domain::item::{ItemCommand, ItemOutcome, SteerAction},
    events::{ItemEvent, Proposal, StockEvent},
    values::UnixMs,
};

use super::{
    live::{Live, place, plan, steer, units},
    table::{check, reserve_step},
};

#[test]
fn a_step_releases_when_an_order_leaves_fewer_units_than_its_mark() {
    check(
        "offer stock=north:5 reserve=north:2,south:4 plan=3:5
         place r1 ann 2      -> held ann 2
         = north available 3 held 2 sold 0 reserve 2
         place r2 bob 1      -> held bob 1 + OrderPlaced ReserveReleased ReserveReleased
         = north available 4 held 3 sold 0
         = south available 3 held 0 sold 0 reserve 1
         place r3 cat 4      -> held cat 4
         place r4 dan 3      -> held dan 3
         place r5 eve 1      -> refused sold_out
         place r2 bob 1      -> held bob 1 again",
    );
}

#[test]
fn no_order_meets_a_sold_out_item_while_a_step_releases() {
    check(
        "offer stock=north:2 reserve=north:3 plan=1:2,1:2
         place r1 ann 2      -> held ann 2 + OrderPlaced ReserveReleased
         = available 2 held 2 sold 0 reserve 1
         place r2 bob 2      -> held bob 2 + OrderPlaced ReserveReleased
         = available 1 held 4 sold 0
         place r3 cat 1      -> held cat 1
         place r4 dan 1      -> refused sold_out",
    );
}

#[test]
fn steps_are_judged_in_order_after_the_release_of_the_one_before() {
    check(
        "offer stock=north:5 reserve=north:9 plan=4:1,4:2,4:3
         place r1 ann 3      -> held ann 3 + OrderPlaced ReserveReleased ReserveReleased
         = available 5 held 3 sold 0 reserve 6",
    );
}

#[test]
fn a_step_takes_from_its_warehouses_in_their_order_and_does_not_fire_without_any() {
    check(
        "offer stock=north:4 reserve=north:2,south:2,east:2 plan=4:3:release:east+south,4:1:release:west
         place r1 ann 1      -> held ann 1 + OrderPlaced ReserveReleased ReserveReleased
         = east available 2 held 0 sold 0
         = south available 1 held 0 sold 0 reserve 1
         = north available 3 held 1 sold 0 reserve 2",
    );
}

#[test]
fn a_mark_is_a_level_so_a_plan_or_a_reserve_that_comes_later_releases_at_once() {
    check(
        "offer stock=north:2
         place r1 ann 1       -> held ann 1
         plan p1 2:5          -> wrong steps[0].release_units
         reserve s1 north 5   -> item_open + ReserveSet
         plan p1 2:5          -> item_open + ReservePlanSet ReserveReleased
         = available 6 held 1 sold 0
         plan p1 2:5          -> item_open again
         reserve s2 north 5   -> item_open + ReserveSet
         place r2 bob 6       -> held bob 6
         = available 0 held 7 sold 0 reserve 5",
    );
}

#[test]
fn the_plan_waits_for_the_window_and_ends_with_it() {
    check(
        "offer stock=north:2 reserve=north:5 plan=3:1,2:1 open=100 close=200
         limit l1 none none      -> item_not_open_yet + PurchaseLimitSet
         @100 place r1 ann 1     -> held ann 1 + OrderPlaced ReserveReleased
         = available 2 held 1 sold 0 reserve 4
         @200 withdraw w1 north 1 -> item_closed + StockWithdrawn
         = available 1 held 1 sold 0 reserve 4",
    );
}

#[test]
fn a_step_asks_an_operator_once_and_a_release_answers_it() {
    let mut planned = plan();
    planned.units = vec![units("north", 3)];
    planned.reserve = vec![units("north", 5), units("south", 1)];
    planned.reserve_plan = vec![reserve_step("2:6:propose")];
    let mut live = Live::offered(planned);
    let open = |live: &mut Live| {
        let ItemOutcome::Item(view) = live.run(ItemCommand::Show, 5).outcome else { panic!() };
        let told = |of: Proposal| (of.step, of.warehouse, of.units);
        view.reserve_proposals.into_iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(live.run(place("r1", "ann", 2), 5).events.len(), 2);
    assert_eq!(live.ledger["north"].available, 1, "nothing is released");
    let both = [(0, "north".to_owned(), 5), (0, "south".to_owned(), 1)];
    assert_eq!(open(&mut live), both);
    assert_eq!(live.run(place("r2", "bob", 1), 6).events.len(), 1, "asked once");
    let release = |warehouse, count| SteerAction::ReleaseReserve(units(warehouse, count));
    live.run(steer("s1", release("north", 4)), 7);
    assert_eq!(open(&mut live), [(0, "north".to_owned(), 1), (0, "south".to_owned(), 1)]);
    live.run(steer("s2", release("north", 1)), 8);
    live.run(steer("s3", release("south", 1)), 8);
    assert!(open(&mut live).is_empty());
}

#[test]
fn units_that_two_steps_ask_for_are_open_once_with_their_mark_and_moment() {
    let mut planned = plan();
    planned.units = vec![units("north", 3)];
    planned.reserve = vec![units("north", 5)];
    planned.reserve_plan = vec![reserve_step("3:4:propose"), reserve_step("2:4:propose")];
    let mut live = Live::offered(planned);
    live.run(place("r1", "ann", 1), 5);
    live.run(place("r2", "bob", 1), 7);
    let ItemOutcome::Item(view) = live.run(ItemCommand::Show, 9).outcome else { panic!() };
    let told = |of: &Proposal| (of.step, of.units, of.below_units, of.proposed_at_ms);
    let open: Vec<_> = view.reserve_proposals.iter().map(told).collect();
    assert_eq!(open, [(0, 4, 3, UnixMs(5)), (1, 1, 2, UnixMs(7))], "five lie in reserve");
}

#[test]
fn a_release_answers_the_proposal_of_as_many_units_else_the_oldest() {
    let mut planned = plan();
    planned.units = vec![units("north", 3)];
    planned.reserve = vec![units("north", 9)];
    planned.reserve_plan = vec![reserve_step("3:4:propose"), reserve_step("3:3:propose")];
    let mut live = Live::offered(planned);
    live.run(place("r1", "ann", 1), 5);
    let mut after = |name: &str, count| {
        live.run(steer(name, SteerAction::ReleaseReserve(units("north", count))), 6);
        let ItemOutcome::Item(view) = live.run(ItemCommand::Show, 9).outcome else { panic!() };
        view.reserve_proposals.iter().map(|of| (of.step, of.units)).collect::<Vec<_>>()
    };
    assert_eq!(after("s1", 2), [(0, 2), (1, 3)]);
    assert_eq!(after("s2", 3), [(0, 2)]);
    assert!(after("s3", 4).is_empty());
}

#[test]
fn what_the_plan_does_is_on_record_as_its_own_act() {
    let live = check(
        "offer stock=north:2 reserve=north:5 plan=2:1
         place r1 ann 1      -> held ann 1 + OrderPlaced ReserveReleased",
    );
    let Some((ItemEvent::Stock(StockEvent::ReserveReleased(released)), _)) = live.log.last() else {
        panic!("no release")
    };
    assert_eq!(released.act.operator, "doorbuster");
    assert!(
        released.act.reason.starts_with("step 1 of the reserve plan: fewer than 2 units"),
        "{}",
        released.act.reason
    );
}
