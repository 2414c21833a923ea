//! Given what is in a book, when it is told something, then this happens to it.

use doorbuster::{
    domain::{
        Decider,
        alert::{AlertCommand, AlertOutcome, Book, ClearAlert, RaiseAlert},
    },
    events::{AlertEvent, ClearedBecause, Position, StreamName},
    values::{AlertSeverity, ItemId, SaleId, UnixMs},
};
use uuid::Uuid;

/// A book and its log; a rebuilt book is asked the same before every command.
struct Live {
    id: Uuid,
    book: Book,
    log: Vec<AlertEvent>,
}

impl Live {
    fn of(sale: Option<SaleId>) -> Self {
        let id = StreamName::alerts(sale).id;
        Self { id, book: Book::initial(id), log: Vec::new() }
    }

    fn run(&mut self, command: AlertCommand, at: i64) -> (AlertOutcome, Vec<AlertEvent>) {
        let decided = self.book.decide(command.clone(), UnixMs(at));
        let mut second = Book::initial(self.id);
        for (revision, event) in self.log.iter().enumerate() {
            second.evolve(event, revision as u64);
            second.landed(revision as u64, Position(revision as u64 + 1));
        }
        assert_eq!(format!("{decided:?}"), format!("{:?}", second.decide(command, UnixMs(at))));
        for caused in &decided.events {
            self.book.evolve(&caused.event, self.log.len() as u64);
            self.log.push(caused.event.clone());
        }
        let outcome = self.book.answer(decided.outcome, UnixMs(at));
        (outcome, decided.events.into_iter().map(|caused| caused.event).collect())
    }
}

fn sale() -> SaleId {
    SaleId(Uuid::from_u128(7))
}

fn raise(rule: &str, item: Option<u128>, since: i64) -> AlertCommand {
    AlertCommand::Raise(Box::new(RaiseAlert {
        rule: rule.to_owned(),
        severity: AlertSeverity::Warning,
        item_id: item.map(|item| ItemId(Uuid::from_u128(item))),
        sku: String::new(),
        when: "sold_units > 1".to_owned(),
        signals: Vec::new(),
        since: UnixMs(since),
    }))
}

fn clear(rule: &str, item: Option<u128>) -> AlertCommand {
    AlertCommand::Clear(Box::new(ClearAlert {
        rule: rule.to_owned(),
        item_id: item.map(|item| ItemId(Uuid::from_u128(item))),
        because: ClearedBecause::Recovered,
        signals: Vec::new(),
    }))
}

#[test]
fn an_alert_is_raised_once_whoever_says_so_again() {
    let mut live = Live::of(Some(sale()));
    let (first, events) = live.run(raise("low_stock", Some(1), 5), 10);
    let [AlertEvent::Raised(raised)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(raised.sale_id, Some(sale()));
    assert_eq!((raised.since_ms, raised.raised_at_ms), (UnixMs(5), UnixMs(10)));
    let (again, events) = live.run(raise("low_stock", Some(1), 7), 20);
    assert_eq!((again, events), (first, vec![]));
    // Of another item, and of another rule, it is another one.
    for command in [raise("low_stock", Some(2), 5), raise("sold_out", Some(1), 5)] {
        assert_eq!(live.run(command, 30).1.len(), 1);
    }
}

#[test]
fn what_is_not_raised_is_not_cleared() {
    let mut live = Live::of(Some(sale()));
    assert_eq!(live.run(clear("low_stock", Some(1)), 10), (AlertOutcome::Cleared, vec![]));
    live.run(raise("low_stock", Some(1), 5), 10);
    let (_, events) = live.run(clear("low_stock", Some(1)), 20);
    let [AlertEvent::Cleared(cleared)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(cleared.because, ClearedBecause::Recovered);
    assert_eq!(live.run(clear("low_stock", Some(1)), 30).1, vec![]);
}

#[test]
fn each_time_a_rule_fires_is_an_alert_of_its_own() {
    let mut live = Live::of(Some(sale()));
    let id = |outcome| match outcome {
        AlertOutcome::Raised(alert) => alert.alert_id,
        other => panic!("{other:?}"),
    };
    let first = id(live.run(raise("low_stock", None, 5), 10).0);
    live.run(clear("low_stock", None), 20);
    let second = id(live.run(raise("low_stock", None, 25), 30).0);
    assert_ne!(first, second);
}

#[test]
fn what_is_sent_again_after_it_was_cleared_is_no_new_alert() {
    let mut live = Live::of(Some(sale()));
    let both = [raise("low_stock", Some(1), 5), clear("low_stock", Some(1))];
    let (first, _) = live.run(both[0].clone(), 40);
    live.run(both[1].clone(), 40);
    assert_eq!(live.run(both[0].clone(), 45), (first, vec![]));
    assert_eq!(live.run(both[1].clone(), 45), (AlertOutcome::Cleared, vec![]));
    // It fired again before the store, which was away, took note that it was over.
    assert_eq!(live.run(raise("low_stock", Some(1), 25), 45).1.len(), 1);
}

#[test]
fn a_book_shows_what_is_raised() {
    let mut live = Live::of(None);
    live.run(raise("store_unavailable", None, 5), 10);
    live.run(raise("projection_lag", None, 5), 10);
    live.run(clear("projection_lag", None), 20);
    let (AlertOutcome::Open(open), events) = live.run(AlertCommand::Show, 30) else { panic!() };
    assert!(events.is_empty());
    let rules: Vec<&str> = open.iter().map(|alert| alert.rule.as_str()).collect();
    assert_eq!(rules, ["store_unavailable"]);
    assert_eq!(open[0].sale_id, None);
}

#[test]
fn the_clock_of_a_book_never_goes_back() {
    let mut live = Live::of(Some(sale()));
    live.run(raise("low_stock", None, 5), 100);
    let (_, events) = live.run(clear("low_stock", None), 50);
    let [AlertEvent::Cleared(cleared)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(cleared.cleared_at_ms, UnixMs(100));
}

#[test]
fn what_was_raised_by_a_clock_that_was_ahead_keeps_no_later_alert_back() {
    let mut live = Live::of(None);
    live.run(raise("projection_lag", None, 90_000), 90_005);
    live.run(clear("projection_lag", None), 90_010);
    // The clock was set back since.
    let (_, events) = live.run(raise("projection_lag", None, 500), 505);
    let [AlertEvent::Raised(raised)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((raised.since_ms, raised.raised_at_ms), (UnixMs(500), UnixMs(90_010)));
}
