//! Goal: holds end when they should and in that sequence, whatever is paid, extended, cancelled or moved
//! with the clock meanwhile. Method: random steps on an item, beside a list of deadlines that is
//! sorted anew each time.

use doorbuster::{
    domain::{
        Decider,
        item::{Item, ItemCommand, OrderAction},
    },
    events::{ItemEvent, ItemPlan, OrderEvent, Position},
    values::{OrderId, UnixMs},
};
use proptest::prelude::*;

use super::live::{act_on, add, cancel, item_id, order_id, pay, place, plan, units};

/// An item, and when its holds end.
struct Beside {
    item: Item,
    revision: u64,
    /// Deadline, revision that placed it, order.
    holds: Vec<(i64, u64, OrderId)>,
}

impl Beside {
    fn new() -> Self {
        let item = Item::initial(item_id().0);
        let mut beside = Self { item, revision: 0, holds: Vec::new() };
        let closes_at_ms = UnixMs(10_000_000);
        let plan = ItemPlan { units: vec![units("north", 10_000)], closes_at_ms, ..plan() };
        beside.run(add(plan), 0);
        beside
    }

    fn run(&mut self, command: ItemCommand, now: i64) {
        let decided = self.item.decide(command, UnixMs(now));
        for caused in decided.events {
            self.take(&caused.event);
        }
    }

    fn take(&mut self, event: &ItemEvent) {
        self.item.evolve(event, self.revision);
        self.item.landed(self.revision, Position(self.revision + 1));
        match event {
            ItemEvent::Order(OrderEvent::Placed(e)) => {
                self.holds.push((e.pay_by_ms.0, self.revision, e.order_id));
            }
            ItemEvent::Order(OrderEvent::HoldExtended(e)) => {
                let held = self.holds.iter_mut().find(|(_, _, order)| *order == e.order_id);
                held.unwrap().0 = e.pay_by_ms.0;
            }
            ItemEvent::Order(event) => {
                self.holds.retain(|(_, _, order)| *order != event.order_id());
            }
            _ => {}
        }
        self.revision += 1;
    }

    fn check(&mut self, now: i64, max: usize) -> Result<(), TestCaseError> {
        self.holds.sort_unstable();
        let first = self.holds.first().map(|(at, _, _)| UnixMs(*at));
        prop_assert_eq!(self.item.next_due(), first);
        let due = self.holds.iter().filter(|(at, _, _)| *at <= now).take(max);
        let due: Vec<OrderId> = due.map(|(_, _, order)| *order).collect();
        let ended = self.item.due(UnixMs(now), max);
        let ended = ended.iter().filter_map(|caused| caused.event.order_id());
        prop_assert_eq!(ended.collect::<Vec<_>>(), due);
        Ok(())
    }

    fn step(&mut self, number: usize, now: &mut i64, (what, a, b): (u8, u8, i64)) {
        let (request, order) = (format!("x{number}"), format!("o{}", a % 40));
        match what {
            0..=8 => self.run(place(&format!("o{number}"), &format!("b{number}"), 1), *now),
            9..=10 => self.run(pay(&request, &order, 10, &request), *now),
            11 => self.run(cancel(&request, &order, &format!("b{}", a % 40)), *now),
            12..=13 => {
                let until = UnixMs(*now + b);
                let order_id = order_id(&order);
                self.run(act_on(&request, OrderAction::ExtendHold { order_id, until }), *now);
            }
            14 => {
                let due = self.item.due(UnixMs(*now), usize::from(a % 4));
                due.iter().for_each(|caused| self.take(&caused.event));
            }
            15 => {
                let by_ms = b - 300;
                // Where the deadlines alone move, later orders end before earlier ones.
                if a % 2 == 0 {
                    *now += by_ms;
                }
                self.item.clock_moved(by_ms);
                self.holds.iter_mut().for_each(|(at, _, _)| *at += by_ms);
            }
            _ => *now += b,
        }
    }
}

proptest! {
    #[test]
    fn holds_end_in_the_sequence_of_their_deadlines(
        steps in prop::collection::vec((0..20_u8, any::<u8>(), 0..900_i64), 1..200)
    ) {
        let mut beside = Beside::new();
        let mut now = 0;
        for (number, step) in steps.into_iter().enumerate() {
            beside.step(number, &mut now, step);
            beside.check(now, 3)?;
        }
        beside.check(i64::MAX, usize::MAX)?;
    }
}
