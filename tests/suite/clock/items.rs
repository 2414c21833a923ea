//! The rules of an item when the clock goes back, and when it is set: what is decided, what is stamped, and
//! what an event keeps beside its stamp.

use doorbuster::{
    domain::{
        Caused, Decider,
        item::{Item, ItemCommand, ItemOutcome, SteerAction},
    },
    events::{ItemEvent, OrderEvent, Position},
    values::UnixMs,
};

use crate::spec::live::{self, cancel, pay, place, steer};

/// An item that is decided for by hand, so that a test sees each event with what it keeps beside it.
struct Bench {
    item: Item,
    events: Vec<Caused<ItemEvent>>,
}

impl Bench {
    /// Open from 0 to 10,000, with 100 ms to pay.
    fn new() -> Self {
        let mut bench = Self { item: Item::initial(live::item_id().0), events: Vec::new() };
        bench.run(live::add(live::plan()), 0);
        bench
    }

    fn run(&mut self, command: ItemCommand, now: i64) -> ItemOutcome {
        let decided = self.item.decide(command, UnixMs(now));
        self.take(decided.events);
        self.item.answer(decided.outcome, UnixMs(now))
    }

    fn due(&mut self, now: i64) -> usize {
        let due = self.item.due(UnixMs(now), usize::MAX);
        let count = due.len();
        self.take(due);
        count
    }

    fn take(&mut self, events: Vec<Caused<ItemEvent>>) {
        for caused in events {
            let revision = self.events.len() as u64;
            self.item.evolve(&caused.event, revision);
            self.item.landed(revision, Position(revision + 1));
            self.events.push(caused);
        }
    }

    /// Stamp of the last event, and the moment by which it was judged.
    fn last(&self) -> (i64, i64) {
        let last = self.events.last().unwrap();
        let stamp = last.event.at().unwrap();
        (stamp.0, last.judged_at.map_or(stamp.0, |moment| moment.0))
    }

    fn pay_by(&self) -> i64 {
        let placed = self.events.iter().rev().find_map(|caused| match &caused.event {
            ItemEvent::Order(OrderEvent::Placed(placed)) => Some(placed.pay_by_ms.0),
            _ => None,
        });
        placed.unwrap()
    }
}

fn is_order(outcome: &ItemOutcome) -> bool {
    matches!(outcome, ItemOutcome::Order(_))
}

#[test]
fn an_event_stamped_after_the_end_closes_nothing_once_the_clock_is_right() {
    let mut bench = Bench::new();
    bench.run(place("r1", "ann", 1), 100);
    // For a moment the clock is far ahead, and an operator pauses the item just then.
    bench.run(steer("s1", SteerAction::Pause), 50_000);
    assert_eq!(bench.last(), (50_000, 50_000));
    bench.run(steer("s2", SteerAction::Resume), 120);
    assert_eq!(bench.last(), (50_000, 120), "stamps never go back; the judgement is kept beside");
    assert!(is_order(&bench.run(place("r2", "bob", 1), 130)));
    assert_eq!((bench.last(), bench.pay_by()), ((50_000, 130), 230));
    // Deadlines are judged by the clock as well, in time and not early.
    assert_eq!((bench.due(199), bench.due(200), bench.due(229), bench.due(230)), (0, 1, 0, 1));
    assert_eq!(bench.last(), (50_000, 230));
}

#[test]
fn an_order_is_paid_and_cancelled_by_the_clock_and_not_by_stamps() {
    let mut bench = Bench::new();
    bench.run(steer("s1", SteerAction::Pause), 9_000);
    bench.run(steer("s2", SteerAction::Resume), 100);
    for request in ["r1", "r2", "r3"] {
        assert!(is_order(&bench.run(place(request, "ann", 1), 110)));
    }
    assert!(is_order(&bench.run(pay("p1", "r1", 10, "ref-1"), 209)));
    assert_eq!(bench.last(), (9_000, 209));
    assert!(is_order(&bench.run(cancel("c1", "r2", "ann"), 209)));
    assert!(!is_order(&bench.run(pay("p3", "r3", 10, "ref-3"), 210)), "it is late");
    assert_eq!(bench.last(), (9_000, 210));
}

#[test]
fn a_hold_keeps_its_time_when_the_clock_is_set_forwards() {
    let mut bench = Bench::new();
    bench.run(place("r1", "ann", 1), 100);
    bench.run(place("r2", "ann", 1), 100);
    bench.item.clock_moved(5_000);
    assert_eq!((bench.item.next_due(), bench.due(5_199)), (Some(UnixMs(5_200)), 0));
    assert!(is_order(&bench.run(pay("p1", "r1", 10, "ref-1"), 5_199)));
    // As the deadline counts, which is stored as it was promised.
    assert_eq!(bench.last(), (5_199, 199));
    // What is placed later goes by the new clock.
    bench.run(place("r3", "bob", 1), 5_150);
    assert_eq!((bench.last(), bench.pay_by()), ((5_199, 5_150), 5_250));
    assert_eq!((bench.due(5_200), bench.last()), (1, (5_200, 200)));
    assert_eq!((bench.due(5_249), bench.due(5_250), bench.last()), (0, 1, (5_250, 5_250)));
}

#[test]
fn a_hold_ends_in_time_when_the_clock_is_set_back() {
    let mut bench = Bench::new();
    bench.run(place("r1", "ann", 1), 5_000);
    bench.item.clock_moved(-4_000);
    assert_eq!(bench.item.next_due(), Some(UnixMs(1_100)));
    bench.run(place("r2", "bob", 1), 1_050);
    assert_eq!((bench.last(), bench.pay_by()), ((5_000, 1_050), 1_150));
    assert_eq!((bench.due(1_099), bench.due(1_100)), (0, 1));
    assert_eq!(bench.last(), (5_000, 5_100));
    assert_eq!((bench.due(1_149), bench.due(1_150)), (0, 1));
    assert_eq!(bench.last(), (5_000, 1_150));
    assert_eq!(bench.item.next_due(), None);
}

#[test]
fn an_order_is_shown_with_the_deadline_in_force_and_answered_again_as_at_first() {
    let mut bench = Bench::new();
    bench.run(place("r1", "ann", 1), 100);
    bench.item.clock_moved(5_000);
    let pay_by = |outcome| match outcome {
        ItemOutcome::Order(order) => order.pay_by.0,
        other => panic!("{other:?}"),
    };
    assert_eq!(pay_by(bench.run(place("r1", "ann", 1), 5_110)), 200);
    assert_eq!(pay_by(bench.run(live::show_order("r1", "ann"), 5_110)), 5_200);
}

#[test]
fn an_event_whose_stamp_is_its_judgement_keeps_nothing_beside_it() {
    let mut bench = Bench::new();
    bench.run(place("r1", "ann", 1), 100);
    bench.run(pay("p1", "r1", 10, "ref-1"), 150);
    bench.run(steer("s1", SteerAction::Pause), 150);
    assert!(bench.events.iter().all(|caused| caused.judged_at.is_none()));
    let metadata: Vec<Vec<u8>> = bench.events.iter().map(|each| each.encode().metadata).collect();
    assert!(metadata.iter().all(|bytes| !String::from_utf8_lossy(bytes).contains("judged")));
}
