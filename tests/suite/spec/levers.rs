//! Goal: units that operators move or withdraw are free ones, and allocated = available + held + sold
//! stays true in each warehouse. Method: tables; the harness compares each event with its ledger.

use doorbuster::{
    domain::item::{ItemCommand, ItemOutcome, SteerAction, SupplierUnits},
    events::WarehouseSupplier,
};

use super::{
    live::{Live, plan, steer, units},
    table::check,
};

#[test]
fn free_units_move_to_another_warehouse_and_are_sold_from_there() {
    check(
        "offer stock=north:5,south:1
         place r1 ann 3          -> held ann 3
         move m1 north south 2   -> item_open + StockMoved
         = north available 0 held 3 sold 0
         = south available 3 held 0 sold 0
         place r2 bob 3          -> held bob 3
         cancel c1 r1 ann        -> cancelled ann 3
         = north available 3 held 0 sold 0
         = south available 0 held 3 sold 0
         move m1 north south 2   -> item_open again
         move m1 north south 3   -> reused
         move m2 north east 1    -> item_open + StockMoved
         = east available 1 held 0 sold 0",
    );
}

#[test]
fn withdrawn_units_are_no_longer_allocated() {
    let live = check(
        "offer stock=north:5,south:1
         place r1 ann 3            -> held ann 3
         withdraw w1 north 2       -> item_open + StockWithdrawn
         = north available 0 held 3 sold 0
         withdraw w1 north 2       -> item_open again
         pay p1 r1 30 ref          -> paid ann 3
         = available 1 held 0 sold 3
         withdraw w2 south 1       -> item_open + StockWithdrawn
         place r2 bob 1            -> refused sold_out",
    );
    let allocated: i64 = live.ledger.values().map(|line| line.allocated).sum();
    assert_eq!(allocated, 3);
}

#[test]
fn units_that_are_held_or_sold_neither_move_nor_leave() {
    let mut live = check(
        "offer stock=north:5,south:1
         place r1 ann 2            -> held ann 2
         place r2 bob 1            -> held bob 1
         pay p1 r2 10 ref          -> paid bob 1
         move m1 north south 3     -> refused not_enough_free
         withdraw w1 north 3       -> refused not_enough_free
         = north available 2 held 2 sold 1
         move m1 north south 2     -> item_open + StockMoved
         move m2 north south 1     -> refused not_enough_free
         close x1                  -> item_closed + ItemClosed
         move m3 south north 1     -> refused closed
         withdraw w2 south 1       -> refused closed",
    );
    let more = steer("m9", SteerAction::Withdraw(units("north", 1).into()));
    live.run(more, 3);
    let mut open = Live::offered(plan());
    let more = steer("m9", SteerAction::Withdraw(units("north", 11).into()));
    let ItemOutcome::Refused { available, .. } = open.run(more, 3).outcome else { panic!() };
    assert_eq!(available, Some(10), "what the warehouse has");
}

#[test]
fn a_warehouse_that_the_item_does_not_have_gives_nothing() {
    check(
        "offer stock=north:5
         move m1 west north 1      -> wrong from_warehouse
         withdraw w1 west 1        -> wrong warehouse",
    );
}

#[test]
fn units_are_counted_by_supplier() {
    let mut planned = plan();
    planned.units = vec![units("north", 6), units("south", 4)];
    let (warehouse, supplier) = ("north".to_owned(), "acme".to_owned());
    planned.suppliers = vec![WarehouseSupplier { warehouse, supplier }];
    let mut live = Live::offered(planned);
    let of = |live: &mut Live| {
        let ItemOutcome::Item(view) = live.run(ItemCommand::Show, 5).outcome else { panic!() };
        view.suppliers
    };
    let acme =
        |allocated, withdrawn| SupplierUnits { supplier: "acme".to_owned(), allocated, withdrawn };
    assert_eq!(of(&mut live), [acme(6, 0)]);
    let back = |name: &str, count| {
        steer(
            name,
            SteerAction::withdraw("south".to_owned(), count, Some("acme".to_owned())).unwrap(),
        )
    };
    live.run(back("w1", 3), 5);
    assert_eq!(of(&mut live), [acme(6, 3)]);
    let more = live.run(back("w2", 4), 5);
    let ItemOutcome::Misdirected(wrong) = more.outcome else { panic!("{more:?}") };
    assert!(format!("{wrong:?}").contains("of whose units 3 were allocated"), "{wrong:?}");
    assert_eq!(live.ledger["south"].available, 1);
}

#[test]
fn a_supplier_is_part_of_a_request() {
    check(
        "offer stock=north:5
         allocate a1 north 2 acme  -> item_open + StockAllocated
         allocate a1 north 2 acme  -> item_open again
         allocate a1 north 2 bolt  -> reused
         allocate a1 north 2       -> reused
         withdraw w1 north 2 acme  -> item_open + StockWithdrawn
         withdraw w1 north 2       -> reused
         withdraw w2 north 1 bolt  -> wrong supplier",
    );
}

#[test]
fn units_do_not_move_to_where_they_are() {
    let (from, to) = ("north".to_owned(), "north".to_owned());
    let wrong = SteerAction::move_units(["from", "to"], from, to, 1).unwrap_err();
    assert_eq!(wrong.field, "to");
    assert!(wrong.problem.contains("\"north\", and so is from"), "{}", wrong.problem);
}
