//! Goal: no unit is held twice, and each goes back where it came from. Method: tables over one and
//! two warehouses; the harness keeps a ledger per warehouse and compares it after every event.

use doorbuster::{
    domain::sale::{ALLOCATED_UNITS_MAX, WAREHOUSES_PER_ITEM_MAX},
    events::{ItemEvent, OrderEvent},
};

use super::{live::units, table::check};

#[test]
fn an_item_sells_what_it_has_and_no_more() {
    check(
        "offer stock=north:3
         place r1 ann 2   -> held ann 2
         place r2 bob 2   -> refused not_enough_units
         place r3 cat 1   -> held cat 1
         place r4 dan 1   -> refused sold_out
         = available 0 held 3 sold 0
         pay p1 r1 20 ref -> paid ann 2
         place r4 dan 1   -> refused sold_out
         = available 0 held 1 sold 2",
    );
}

#[test]
fn units_given_up_are_sold_again() {
    check(
        "offer stock=north:1
         place r1 ann 1    -> held ann 1
         place r2 bob 1    -> refused sold_out
         cancel c1 r1 ann  -> cancelled ann 1
         place r2 bob 1    -> held bob 1
         place r3 cat 1    -> refused sold_out
         @100 due          -> bob
         place r3 cat 1    -> held cat 1
         = available 0 held 1 sold 0",
    );
}

#[test]
fn an_order_comes_whole_from_the_first_warehouse_that_has_all_of_it() {
    check(
        "offer stock=north:2,south:5,east:9
         place r1 ann 3   -> held ann 3
         = north available 2 held 0 sold 0
         = south available 2 held 3 sold 0
         place r2 bob 2   -> held bob 2
         = north available 0 held 2 sold 0
         place r3 cat 9   -> held cat 9
         = east available 0 held 9 sold 0",
    );
}

#[test]
fn an_order_that_no_warehouse_can_fill_alone_is_drawn_from_the_first_ones() {
    let live = check(
        "offer stock=south:4,north:2,east:3,west:4
         place r0 zoe 4   -> held zoe 4
         place r1 ann 6   -> held ann 6
         = north available 0 held 2 sold 0
         = south available 0 held 4 sold 0
         = east available 0 held 3 sold 0
         = west available 3 held 1 sold 0
         = available 3 held 10 sold 0",
    );
    let Some((ItemEvent::Order(OrderEvent::Placed(placed)), _)) = live.log.last() else {
        panic!("no order")
    };
    assert_eq!(placed.warehouses, [units("north", 2), units("east", 3), units("west", 1)]);
}

#[test]
fn the_units_of_a_split_order_go_back_to_their_own_warehouses() {
    check(
        "offer stock=north:2,south:3
         place r1 ann 4    -> held ann 4
         cancel c1 r1 ann  -> cancelled ann 4
         = north available 2 held 0 sold 0
         = south available 3 held 0 sold 0
         place r2 bob 5    -> held bob 5
         @100 due          -> bob
         = north available 2 held 0 sold 0
         = south available 3 held 0 sold 0
         place r3 cat 5    -> held cat 5
         pay p1 r3 50 ref  -> paid cat 5
         = north available 0 held 0 sold 2
         = south available 0 held 0 sold 3",
    );
}

#[test]
fn the_units_of_an_undivided_order_go_back_to_their_own_warehouse() {
    check(
        "offer stock=north:1,south:2
         place r1 ann 2    -> held ann 2
         place r2 bob 1    -> held bob 1
         cancel c1 r1 ann  -> cancelled ann 2
         = north available 0 held 1 sold 0
         = south available 2 held 0 sold 0",
    );
}

#[test]
fn a_warehouse_named_twice_in_the_plan_is_one_warehouse() {
    check(
        "offer stock=north:1,south:1,north:1
         = north available 2 held 0 sold 0
         place r1 ann 2    -> held ann 2
         = north available 0 held 2 sold 0
         place r2 bob 2    -> refused not_enough_units",
    );
}

#[test]
fn a_sold_out_item_sells_again_when_units_are_allocated() {
    check(
        "offer stock=north:1
         place r1 ann 1       -> held ann 1
         place r2 bob 1       -> refused sold_out
         allocate s1 south 1  -> item_open + StockAllocated
         place r2 bob 1       -> held bob 1
         = south available 0 held 1 sold 0",
    );
}

#[test]
fn an_order_may_be_split_over_as_many_warehouses_as_a_plan_can_name() {
    let stock: Vec<String> =
        (0..WAREHOUSES_PER_ITEM_MAX).map(|number| format!("w{number}:1")).collect();
    let live = check(&format!(
        "offer stock={}
         place r1 ann {WAREHOUSES_PER_ITEM_MAX}  -> held ann {WAREHOUSES_PER_ITEM_MAX}
         cancel c1 r1 ann  -> cancelled ann {WAREHOUSES_PER_ITEM_MAX}
         = available {WAREHOUSES_PER_ITEM_MAX} held 0 sold 0",
        stock.join(",")
    ));
    assert_eq!(live.ledger.len(), WAREHOUSES_PER_ITEM_MAX);
}

#[test]
fn the_largest_allocations_add_up() {
    check(&format!(
        "offer stock=north:{ALLOCATED_UNITS_MAX},south:{ALLOCATED_UNITS_MAX}
         allocate s1 north {ALLOCATED_UNITS_MAX} -> item_open + StockAllocated
         = available {} held 0 sold 0",
        3 * ALLOCATED_UNITS_MAX
    ));
}
