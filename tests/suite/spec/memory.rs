//! Goal: a live order costs at most 128 bytes, and 300 with a coupon, whatever the number of orders.
//! Method: each test starts its own binary again with itself as the only test, so that no neighbour
//! allocates while it measures with the counting allocator.

use std::{env, process::Command};

use doorbuster::{
    domain::{
        Decider,
        item::{AwaitVerdict, Item, ItemCommand, PlaceMore, SettleAwait},
    },
    events::{CouponAsked, CouponNamed, IfDenied},
    values::{BatchId, CouponId, UNITS_MAX, UnixMs},
};
use uuid::Uuid;

use super::live::{Live, order_id, place, plan, units};
use crate::ALLOCATOR;

const ASKED_TO_MEASURE: &str = "DOORBUSTER_MEASURE_MEMORY";

#[test]
fn a_live_order_costs_at_most_128_bytes() {
    measured("a_live_order_costs_at_most_128_bytes", 128, |name, buyer| {
        vec![place(name, buyer, 1)]
    });
}

#[test]
fn a_live_order_that_waits_for_its_coupon_costs_at_most_300_bytes() {
    let test = "a_live_order_that_waits_for_its_coupon_costs_at_most_300_bytes";
    measured(test, 300, |name, buyer| vec![with_coupon(name, buyer)]);
}

#[test]
fn a_live_order_with_a_coupon_costs_at_most_300_bytes() {
    measured("a_live_order_with_a_coupon_costs_at_most_300_bytes", 300, |name, buyer| {
        let coupon_id = CouponId(order_id(name).0);
        let verdict = AwaitVerdict::CouponGranted { coupon_id, discount_minor: 1 };
        let settle = SettleAwait { order_id: order_id(name), verdict };
        vec![with_coupon(name, buyer), ItemCommand::SettleAwait(settle)]
    });
}

fn with_coupon(name: &str, buyer: &str) -> ItemCommand {
    let ItemCommand::PlaceOrder(order) = place(name, buyer, 1) else { unreachable!() };
    let coupon = Some(CouponAsked {
        batch_id: BatchId(Uuid::from_u128(0xba7c)),
        named: CouponNamed::Code("SAVE20".to_owned()),
        if_denied: IfDenied::Cancel,
        skip_offers: true,
        max_total_minor: None,
    });
    ItemCommand::PlaceOrder(order.with(PlaceMore { coupon, ..PlaceMore::default() }))
}

/// Runs a test in a process of its own, and there fills an item.
fn measured(name: &str, bytes_max: usize, order: fn(&str, &str) -> Vec<ItemCommand>) {
    if env::var_os(ASKED_TO_MEASURE).is_some() {
        return fill(bytes_max, order);
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([&format!("spec::memory::{name}"), "--exact", "--nocapture", "--test-threads=1"])
        .env(ASKED_TO_MEASURE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("bytes per order"), "the measurement did not run: {said}");
}

/// Fills an item with orders of as many buyers. 114,689 and 131,073 are where hash tables and
/// vectors have just doubled, so the memory per order is highest there.
fn fill(bytes_max: usize, commands: fn(&str, &str) -> Vec<ItemCommand>) {
    let stock = vec![units("north", UNITS_MAX)];
    let live = Live::offered(doorbuster::events::ItemPlan { units: stock, ..plan() });
    let mut item = live.rebuilt();
    let mut revision = live.log.len() as u64;
    let before = ALLOCATOR.allocated();
    for order in 1..=131_073_usize {
        let at = UnixMs(i64::try_from(order / 2_000).unwrap());
        for command in commands(&format!("r{order}"), &format!("buyer-{order:06}")) {
            happen(&mut item, command, at, &mut revision);
        }
        if matches!(order, 100_000 | 114_689 | 131_073) {
            let bytes = (ALLOCATOR.allocated() - before).div_ceil(order);
            println!("{order} live orders: {bytes} bytes per order");
            assert!(bytes <= bytes_max, "{order} live orders: {bytes} bytes per order");
        }
    }
}

fn happen(item: &mut Item, command: ItemCommand, at: UnixMs, revision: &mut u64) {
    let decided = item.decide(command, at);
    assert_eq!(decided.events.len(), 1);
    item.evolve(&decided.events[0].event, *revision);
    *revision += 1;
}
