//! Goal: a live order costs at most 192 bytes, whatever the number of orders. Method: this test
//! starts its own binary again with itself as the only test, so that no neighbour allocates while
//! it measures with the counting allocator.

use std::{env, process::Command};

use doorbuster::{
    domain::Decider,
    values::{UNITS_MAX, UnixMs},
};

use super::live::{Live, place, plan, units};
use crate::ALLOCATOR;

const ORDER_BYTES_MAX: usize = 192;
const ASKED_TO_MEASURE: &str = "DOORBUSTER_MEASURE_MEMORY";

#[test]
fn a_live_order_costs_at_most_192_bytes() {
    if env::var_os(ASKED_TO_MEASURE).is_some() {
        return measure();
    }
    let test = "spec::memory::a_live_order_costs_at_most_192_bytes";
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ASKED_TO_MEASURE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("bytes per order"), "the measurement did not run: {said}");
}

/// Fills an item with orders of as many buyers. 114,689 and 131,073 are where hash tables and
/// vectors have just doubled, so the memory per order is highest there.
fn measure() {
    let stock = vec![units("north", UNITS_MAX)];
    let live = Live::offered(doorbuster::events::ItemPlan { units: stock, ..plan() });
    let mut item = live.rebuilt();
    let first_revision = live.log.len() as u64;
    let before = ALLOCATOR.allocated();
    for (revision, order) in (first_revision..).zip(1..=131_073_usize) {
        let command = place(&format!("r{order}"), &format!("buyer-{order:06}"), 1);
        let decided = item.decide(command, UnixMs(i64::try_from(order / 100).unwrap()));
        assert_eq!(decided.events.len(), 1);
        item.evolve(&decided.events[0].event, revision);
        drop(decided);
        if matches!(order, 100_000 | 114_689 | 131_073) {
            let bytes = (ALLOCATOR.allocated() - before).div_ceil(order);
            println!("{order} live orders: {bytes} bytes per order");
            assert!(bytes <= ORDER_BYTES_MAX, "{order} live orders: {bytes} bytes per order");
        }
    }
}
