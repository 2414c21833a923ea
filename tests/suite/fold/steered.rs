//! What operators change while a sale runs, as read models show it.

use doorbuster::{
    actors::process::{Known, Process, TellItems},
    events::{Position, Stored},
    projections::view_path,
    values::UnixMs,
};
use tempfile::tempdir;

use super::{
    fold_all,
    log::{cells, scripted_ids, scripted_sale},
};

#[test]
fn a_reserve_stands_beside_the_stock_until_it_is_released() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let stock = cells(
        &view_path(data.path(), "stock"),
        "SELECT sku, warehouse, allocated_units, available_units, held_units, sold_units,
         reserve_units FROM warehouses JOIN items ON item = number ORDER BY item, place",
    );
    let lamp = ["lamp|north|3|0|2|1|0", "lamp|south|2|0|2|0|0"];
    assert_eq!(stock, [lamp[0], lamp[1], "sofa|north|7|7|0|0|0", "sofa|south|2|2|0|0|3"]);
}

#[test]
fn what_a_whole_sale_is_told_is_one_act_and_its_items_follow() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &scripted_sale().events);
    let acts = cells(
        &view_path(data.path(), "acts"),
        "SELECT kind, coalesce(sku, ''), planned, change FROM acts
         WHERE at_ms = 1007500 ORDER BY number",
    );
    assert_eq!(
        acts,
        [
            "ReserveSet|sofa|0|{\"units\":5,\"warehouse\":\"south\"}",
            "ReserveReleased|sofa|0|{\"units\":2,\"warehouse\":\"south\"}",
            "PurchaseLimitSet|sofa|0|{\"limit_per_buyer\":null,\"limit_per_order\":2}",
            "SalePaused||0|{}",
            "ItemPaused|sofa|1|{}",
            "SaleResumed||0|{}",
            "SaleRescheduled||0|{\"closes_at_ms\":2500000,\"closes_at_ms_before\":2000000,\
             \"opens_at_ms\":999000,\"opens_at_ms_before\":999000}",
            "ItemScheduled|sofa|1|{\"closes_at_ms\":2500000,\"opens_at_ms\":999000}",
        ]
    );
}

#[test]
fn a_sale_whose_items_were_not_told_of_its_pause_or_resumption_is_unfinished() {
    let scripted = scripted_sale();
    let paused =
        scripted.events.iter().position(|(_, event)| event.kind() == "SalePaused").unwrap();
    let (sale, _) = scripted_ids();
    let unfinished = |events: usize| {
        let mut process = TellItems::default();
        for (recorded, event) in &scripted.events[..events] {
            process.observe(recorded, event);
        }
        let now = UnixMs(10_000_000);
        let known = Known {
            now,
            until: now,
            end_at_start: Position::START,
            is_shared: false,
            is_owned_here: &|_| true,
            is_awake: &|_| false,
        };
        process.due(&known).iter().filter_map(TellItems::sale_of).collect::<Vec<_>>()
    };
    assert_eq!(unfinished(paused), []);
    assert_eq!(unfinished(paused + 1), [sale], "no item was told of the pause");
    assert_eq!(unfinished(paused + 2), [sale], "the sofa was told, the lamp was not");
    assert_eq!(unfinished(paused + 3), [sale], "the sofa was not told of the resumption");
}
