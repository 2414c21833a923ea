//! Goal: whatever happens to an order after it was placed, units and money add up. Method: every sequence
//! of acts on one order, against a ledger of units and one of money.

use super::live::{Live, act_on, due_id, order_id, pay, place, plan, units};
use doorbuster::{
    domain::{
        Misdirected,
        item::{ItemOutcome, OrderAction},
    },
    events::{ItemEvent, OrderEvent},
};

/// All sequences of acts on one order, each at the moments around its deadline: whatever happens, the
/// ledger of units and the ledger of money agree with the item, and a rebuild knows the same.
#[test]
fn every_sequence_of_acts_keeps_units_and_money() {
    const ACTS: usize = 8;
    const LENGTH: u32 = 4;
    let mut plan = plan();
    plan.units = vec![units("north", 2), units("south", 1)];
    plan.reinstate_within_ms = Some(50);
    plan.limit_per_buyer = Some(3);
    for code in 0..ACTS.pow(LENGTH) {
        let mut live = Live::offered(plan.clone());
        live.run(place("r", "ann", 3), 0);
        let mut now = 40;
        let mut code = code;
        for number in 0..LENGTH {
            act(&mut live, code % ACTS, number, &mut now);
            code /= ACTS;
        }
        reconcile(&live);
    }
}

fn act(live: &mut Live, act: usize, number: u32, now: &mut i64) {
    let name = format!("x{number}");
    let order = order_id("r");
    let command = match act {
        0 => pay(&name, "r", 30, &name),
        // The same payment again under another request.
        1 => pay(&name, "r", 30, "x0"),
        2 => super::live::cancel(&name, "r", "ann"),
        3 => {
            let until = doorbuster::values::UnixMs(*now + 90);
            act_on(&name, OrderAction::ExtendHold { order_id: order, until })
        }
        4 => act_on(&name, OrderAction::refund(order, 1, number.is_multiple_of(2)).unwrap()),
        5 => act_on(&name, OrderAction::settle(due_id("x0"), "t".to_owned()).unwrap()),
        6 => {
            *now += 70;
            live.due(*now, 9);
            return;
        }
        _ => {
            // A restart: the item goes on as it is rebuilt from its events.
            live.item = live.rebuilt();
            return;
        }
    };
    let decided = live.run(command, *now);
    let wrong =
        matches!(decided.outcome, ItemOutcome::Misdirected(Misdirected::RequestIdReused(_)));
    assert!(!wrong, "each act has a request of its own");
}

fn reconcile(live: &Live) {
    let (mut paid, mut refunded, mut due, mut settled) = (0, 0, 0, 0);
    for (event, _) in &live.log {
        let ItemEvent::Order(event) = event else { continue };
        match event {
            OrderEvent::Paid(e) => paid += e.amount_minor,
            OrderEvent::RefundDue(e) => due += e.amount_minor,
            OrderEvent::Refunded(e) => {
                refunded += e.amount_minor;
                due += e.amount_minor;
            }
            OrderEvent::RefundSettled(e) => settled += e.amount_minor,
            OrderEvent::Placed(_)
            | OrderEvent::LimitGranted(_)
            | OrderEvent::CouponApplied(_)
            | OrderEvent::CouponDenied(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::HoldExtended(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Reinstated(_) => {}
        }
    }
    assert!(paid <= 30, "paid once");
    assert!(refunded <= paid && settled <= due);
    let sold: i64 = live.ledger.values().map(|line| line.sold).sum();
    assert_eq!(paid - refunded, sold * 10, "what is left of the money is for what is left");
}
