//! Goal: an order draws from the warehouses of its region first, and is not split while one warehouse
//! could serve it. Method: tables over several warehouses.

use super::table::check;

#[test]
fn an_order_draws_from_the_warehouses_of_its_region_first() {
    check(
        "offer stock=north:5,south:5,east:5 region=coast:east+south
         place r1 ann 3 region=coast  -> held ann 3
         = east available 2 held 3 sold 0
         place r2 bob 3 region=coast  -> held bob 3
         = south available 2 held 3 sold 0
         place r3 cat 1 region=inland -> held cat 1
         = north available 4 held 1 sold 0
         place r4 dan 1               -> held dan 1
         = north available 3 held 2 sold 0",
    );
}

#[test]
fn one_warehouse_outside_of_the_region_comes_before_a_split() {
    check(
        "offer stock=north:5,south:2,east:2 region=coast:east+south
         place r1 ann 4 region=coast  -> held ann 4
         = north available 1 held 4 sold 0
         place r2 bob 4 region=coast  -> held bob 4
         = east available 0 held 2 sold 0
         = south available 0 held 2 sold 0
         = north available 1 held 4 sold 0",
    );
}

#[test]
fn the_fullest_warehouse_is_drawn_from_and_the_first_named_of_equals() {
    check(
        "offer stock=north:3,south:5,east:5 draw=fullest
         place r1 ann 1  -> held ann 1
         = south available 4 held 1 sold 0
         place r2 bob 1  -> held bob 1
         = east available 4 held 1 sold 0
         place r3 cat 5  -> held cat 5
         = south available 0 held 5 sold 0
         = east available 3 held 2 sold 0",
    );
}

#[test]
fn the_region_comes_before_the_fullest() {
    check(
        "offer stock=north:1,south:5,east:9 draw=fullest region=cold:north
         place r1 ann 1 region=cold   -> held ann 1
         = north available 0 held 1 sold 0
         place r2 bob 2 region=cold   -> held bob 2
         = east available 7 held 2 sold 0",
    );
}

#[test]
fn the_region_is_part_of_a_request() {
    check(
        "offer region=cold:north
         place r1 ann 1 region=cold   -> held ann 1
         place r1 ann 1 region=cold   -> held ann 1 again
         place r1 ann 1 region=warm   -> reused
         place r1 ann 1               -> reused",
    );
}
