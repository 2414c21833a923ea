//! Goal: a stream that no decider wrote is an error and never a panic, neither when it is read nor
//! by what is decided on its state later. Method: a sound log, and one event of it changed.

use doorbuster::{
    domain::{
        Decider,
        item::{Item, OrderAction},
    },
    events::{ItemEvent, OrderEvent, StockEvent},
    values::UnixMs,
};

use super::live::{Live, act_on, cancel, due_id, item_id, order_id, pay, place, plan, units};

/// Two holds, a cancelled order and a paid one, of two warehouses.
fn sound() -> Vec<ItemEvent> {
    let stock = vec![units("north", 10), units("south", 10)];
    let mut live = Live::offered(doorbuster::events::ItemPlan { units: stock, ..plan() });
    for (moment, command) in (1..).zip([
        place("r1", "ann", 2),
        place("r2", "bob", 2),
        place("r3", "cat", 12),
        place("r4", "dan", 1),
        cancel("c1", "r1", "ann"),
        pay("p4", "r4", 10, "ref"),
    ]) {
        live.run(command, moment);
    }
    live.log.into_iter().map(|(event, _)| event).collect()
}

/// What is wrong with a stream, at which revision.
fn contradiction(events: &[ItemEvent]) -> Option<(u64, String)> {
    let mut item = Item::initial(item_id().0);
    for (event, revision) in events.iter().zip(0..) {
        if let Err(why) = item.try_evolve(event, revision) {
            return Some((revision, why.to_string()));
        }
    }
    None
}

fn orders(event: &mut ItemEvent) -> &mut OrderEvent {
    let ItemEvent::Order(event) = event else { panic!("{event:?}") };
    event
}

#[test]
fn an_event_that_contradicts_those_before_it_is_an_error() {
    let log = sound();
    assert_eq!(contradiction(&log), None);
    let first = log.iter().position(|event| matches!(event, ItemEvent::Order(_))).unwrap();
    let cancelled = first + 4;
    let order = |name: &str, why: &str| format!("order {} {why}", order_id(name));
    let placed = |units_more: i64, drawn_more: i64| {
        let mut event = log[first].clone();
        if let OrderEvent::Placed(placed) = orders(&mut event) {
            placed.order_id = order_id("another");
            placed.units += units_more;
            placed.warehouses[0].units += drawn_more;
        }
        event
    };
    let ended = |change: &dyn Fn(&mut doorbuster::events::OrderCancelled)| {
        let mut event = log[cancelled].clone();
        let OrderEvent::Cancelled(body) = orders(&mut event) else { panic!("{event:?}") };
        change(body);
        event
    };
    let allocated = |units: i64| {
        let mut event = log[3].clone();
        let ItemEvent::Stock(StockEvent::Allocated(body)) = &mut event else { panic!("{event:?}") };
        body.units = units;
        event
    };
    let other = |name: &'static str| ended(&move |body| body.order_id = order_id(name));
    let split = ended(&|body| {
        body.order_id = order_id("r2");
        body.warehouses[0].warehouse = "south".to_owned();
    });
    let more = ended(&|body| {
        body.order_id = order_id("r2");
        body.warehouses[0].units = 3;
    });
    for (event, wanted) in [
        (log[first].clone(), order("r1", "was placed before")),
        (log[cancelled].clone(), order("r1", "is not held any more")),
        (log[cancelled + 1].clone(), order("r4", "is not held any more")),
        (other("r4"), order("r4", "is not held any more")),
        (other("nobody"), order("nobody", "was never placed")),
        (other("r3"), order("r3", "has other units than when it was placed")),
        (split, order("r2", "has other units than when it was placed")),
        (more, order("r2", "has other units than when it was placed")),
        (placed(1, 0), order("another", "has other units than were drawn for it")),
        (placed(0, -1), order("another", "has other units than were drawn for it")),
        (placed(-3, -3), "Hold of -1 units in north cannot follow".to_owned()),
        (placed(90, 90), "Hold of 92 units in north cannot follow".to_owned()),
        (allocated(-1), "Allocate of -1 units in north cannot follow".to_owned()),
        (allocated(i64::MAX), "Allocate of 9223372036854775807 units in north".to_owned()),
        (allocated(i64::MAX - 10), "Allocate of 9223372036854775797 units in north".to_owned()),
    ] {
        let mut broken = log.clone();
        broken.push(event.clone());
        let Some((revision, why)) = contradiction(&broken) else { panic!("{event:?}") };
        assert_eq!(revision, log.len() as u64, "{why}");
        assert!(why.starts_with(&wanted), "{why}: {wanted}");
    }
}

/// Events of an order's later life that stand in the stream a second time.
#[test]
fn a_hold_that_is_over_is_not_extended_and_money_is_settled_once() {
    let mut live = Live::offered(plan());
    let order_id = order_id("r1");
    let until = UnixMs(300);
    let settle = OrderAction::settle(due_id("b1"), "transfer".to_owned()).unwrap();
    for (moment, command) in (1..).zip([
        place("r1", "ann", 2),
        act_on("e1", OrderAction::ExtendHold { order_id, until }),
        pay("p1", "r1", 20, "ref"),
        act_on("b1", OrderAction::refund(order_id, 1, true).unwrap()),
        act_on("s1", settle),
    ]) {
        live.run(command, moment);
    }
    let log: Vec<ItemEvent> = live.log.into_iter().map(|(event, _)| event).collect();
    assert_eq!(contradiction(&log), None);
    let of = |wanted: fn(&OrderEvent) -> bool| {
        let is_it = |event: &&ItemEvent| matches!(event, ItemEvent::Order(event) if wanted(event));
        log.iter().find(is_it).unwrap().clone()
    };
    for (event, wanted) in [
        (of(|event| matches!(event, OrderEvent::HoldExtended(_))), "is not held"),
        (of(|event| matches!(event, OrderEvent::RefundSettled(_))), "has no such money to go back"),
    ] {
        let mut broken = log.clone();
        broken.push(event);
        let Some((revision, why)) = contradiction(&broken) else { panic!("{wanted}") };
        assert_eq!(revision, log.len() as u64, "{why}");
        assert!(why.ends_with(wanted), "{why}: {wanted}");
    }
}
