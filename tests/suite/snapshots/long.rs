//! A stream that is read and folded in pieces comes to the same as event by event.

use doorbuster::{
    domain::{
        Decider,
        item::{Item, ItemCommand, OrderAction},
    },
    events::{ItemEvent, ItemPlan, OrderEvent, OrderPlaced, Position},
    snapshots::{ClockMove, FoldError, Folded, fold},
    store::Expected,
    values::UnixMs,
};
use uuid::Uuid;

use super::{Bench, stream};
use crate::spec::live::{self, act_on, cancel, order_id, pay, place, plan, units};

const ORDERS: usize = 6_000;

/// An item, and everything that happened to it.
struct Long {
    item: Item,
    events: Vec<ItemEvent>,
}

impl Long {
    fn run(&mut self, command: ItemCommand, now: i64) {
        let decided = self.item.decide(command, UnixMs(now));
        self.take(decided.events.into_iter().map(|caused| caused.event).collect());
    }

    fn take(&mut self, events: Vec<ItemEvent>) {
        for event in events {
            let revision = self.events.len() as u64;
            self.item.evolve(&event, revision);
            self.item.landed(revision, Position(revision + 1));
            self.events.push(event);
        }
    }
}

/// Orders of which some are paid, twice paid, cancelled, extended, refunded, expired.
fn long() -> Long {
    let mut long = Long { item: Item::initial(stream().id), events: Vec::new() };
    let plan = ItemPlan { units: vec![units("north", 100_000)], ..plan() };
    long.run(live::add(plan), 0);
    for number in 0..ORDERS {
        let now = number as i64;
        let (name, buyer) = (format!("o{number}"), format!("buyer {}", number % 900));
        long.run(place(&name, &buyer, 1 + number as i64 % 3), now);
        let total = 10 * (1 + number as i64 % 3);
        let old = format!("o{}", number.saturating_sub(7));
        match number % 8 {
            0..=3 => long.run(pay(&format!("p{number}"), &name, total, &name), now),
            4 => long.run(cancel(&format!("c{number}"), &name, &buyer), now),
            5 => {
                let (order_id, until) = (order_id(&name), UnixMs(now + 400));
                long.run(act_on(&name, OrderAction::ExtendHold { order_id, until }), now);
            }
            6 => {
                let refund = OrderAction::refund(order_id(&old), 1, number % 16 == 6).unwrap();
                long.run(act_on(&format!("r{number}"), refund), now);
            }
            _ => {
                let due = long.item.due(UnixMs(now), 20);
                long.take(due.into_iter().map(|caused| caused.event).collect());
                long.run(pay(&format!("p{number}"), &old, 10, "once more"), now);
            }
        }
    }
    long
}

/// The events in a log, and what they come to with these moves of the clock.
async fn bench(events: &[ItemEvent]) -> Bench {
    let mut bench = Bench::embedded();
    for events in events.chunks(1_000) {
        bench.append(events).await;
    }
    bench
}

async fn folded(bench: &Bench, moves: Vec<ClockMove>) -> Item {
    let nothing = Folded::nothing(stream());
    fold(&bench.log, stream(), nothing, moves, None).await.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_comes_to_what_its_events_come_to_one_by_one() {
    let long = long();
    assert!(long.events.len() > 2 * 4_096, "it has more than one page");
    let bench = bench(&long.events).await;
    let folded = folded(&bench, Vec::new()).await;
    assert_eq!(live::written(&folded), live::written(&long.item));
    assert!(long.item.next_due().is_some());
    assert_eq!(due(&folded), due(&long.item));
    // Tables that were made at the end of the bulk answer like those that grew.
    for number in (0..ORDERS).step_by(13) {
        let name = format!("o{number}");
        for request in [format!("p{number}"), format!("another {number}")] {
            let again = pay(&request, &name, 10 * (1 + number as i64 % 3), &name);
            let answers = [&folded, &long.item]
                .map(|item| format!("{:?}", item.decide(again.clone(), UnixMs(9_999))));
            assert_eq!(answers[0], answers[1], "{request}");
        }
    }
    bench.write().await;
    assert_eq!(bench.assert_loaded_as_folded().await, long.events.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_of_a_long_stream_move_with_the_clock_in_the_midst_of_it() {
    let long = long();
    let bench = bench(&long.events).await;
    let at = |share: usize| Position((long.events.len() * share / 10) as u64);
    let moves = [(at(2), 300), (at(7), -120), (at(7), 40), (at(10), 7)];
    let mut item = Item::initial(stream().id);
    let mut left = moves.iter().peekable();
    for (event, revision) in long.events.iter().zip(0..) {
        let position = Position(revision + 1);
        while let Some((_, by_ms)) = left.next_if(|(after, _)| *after < position) {
            item.clock_moved(*by_ms);
        }
        item.evolve(event, revision);
        item.landed(revision, position);
    }
    left.for_each(|(_, by_ms)| item.clock_moved(*by_ms));
    let moves = moves.map(|(after, by_ms)| ClockMove { after, by_ms });
    let folded = folded(&bench, moves.to_vec()).await;
    assert_eq!(due(&folded), due(&item));
    assert_ne!(due(&folded), due(&long.item), "it makes a difference");
}

/// What ends when, whatever the hour.
fn due(item: &Item) -> String {
    format!("{:?} {:?}", item.next_due(), item.due(UnixMs(1_000_000), usize::MAX))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_impossible_or_unreadable_ends_the_fold_wherever_it_stands() {
    let long = long();
    for kind in ["StockAllocated", "SomethingElse", "SalePaused"] {
        let bench = bench(&long.events).await;
        let wrong = doorbuster::events::NewEvent {
            id: Uuid::from_u128(1 << 64),
            kind: kind.into(),
            data: br#"{"warehouse":"north","units":-5}"#.to_vec(),
            metadata: b"{}".to_vec(),
        };
        let revision = long.events.len() as u64;
        let expected = Expected::before(revision);
        bench.store.append(stream(), expected, [wrong].into()).await.unwrap();
        let nothing = Folded::<Item>::nothing(stream());
        let why = fold(&bench.log, stream(), nothing, Vec::new(), None).await.unwrap_err();
        assert!(matches!(why, FoldError::Unreadable(_)), "{why}");
        // Up to the event before it there is a state.
        let nothing = Folded::nothing(stream());
        let until = Some(revision - 1);
        let before = fold(&bench.log, stream(), nothing, Vec::new(), until).await.unwrap();
        assert_eq!(live::written(&before.state), live::written(&long.item));
    }
}

/// The place of an event behind so many, and the order that it places.
fn placed_after(long: &Long, behind: usize) -> (usize, OrderPlaced) {
    let mut events = long.events.iter().enumerate().skip(behind);
    let placed = events.find_map(|(place, event)| match event {
        ItemEvent::Order(OrderEvent::Placed(placed)) => Some((place, placed.clone())),
        _ => None,
    });
    placed.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_placed_twice_ends_the_fold_wherever_it_stands() {
    let mut long = long();
    for behind in [1, 6_000] {
        let (_, placed) = placed_after(&long, behind);
        long.events.push(ItemEvent::Order(OrderEvent::Placed(placed.clone())));
        let bench = bench(&long.events).await;
        let nothing = Folded::<Item>::nothing(stream());
        let why = fold(&bench.log, stream(), nothing, Vec::new(), None).await.unwrap_err();
        let FoldError::Unreadable(why) = why else { panic!("{why}") };
        let twice = format!("{} was placed before", placed.order_id);
        assert!(why.contains(&twice), "{why}");
        long.events.pop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_names_another_revision_than_its_orders_is_folded_all_the_same() {
    let mut long = long();
    let paid = long.events.iter_mut().skip(6_000).find_map(|event| match event {
        ItemEvent::Order(OrderEvent::Paid(paid)) => Some(paid),
        _ => None,
    });
    paid.unwrap().placed_revision += 1;
    let folded = folded(&bench(&long.events).await, Vec::new()).await;
    assert_eq!(live::written(&folded), live::written(&long.item));
    assert_eq!(due(&folded), due(&long.item));
}
