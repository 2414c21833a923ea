//! Goal: a sale is created once, closed once, and its answers can be asked for again. Method:
//! straight calls; a sale has too few rules for tables.

use doorbuster::{
    domain::{
        Decider, Decision, Misdirected,
        item::Refusal,
        sale::{CreateSale, Sale, SaleCommand, SaleOutcome, SaleView, SteerSale},
    },
    events::{Act, Position, SaleCreated, SaleEvent},
    values::{Fingerprint, UnixMs},
};

use super::live::{cny, plan, request, sale_id};

type Decided = Decision<SaleEvent, SaleOutcome>;

/// A sale and its log; a rebuilt sale is asked the same before every command.
struct Live {
    sale: Sale,
    log: Vec<(SaleEvent, Position)>,
}

impl Live {
    fn new() -> Self {
        Self { sale: Sale::initial(sale_id().0), log: Vec::new() }
    }

    fn run(&mut self, command: SaleCommand, at: i64) -> Decided {
        let decided = self.sale.decide(command.clone(), UnixMs(at));
        let mut second = Sale::initial(sale_id().0);
        for ((event, position), revision) in self.log.iter().zip(0..) {
            second.evolve(event, revision);
            second.landed(revision, *position);
        }
        let rebuilt = second.decide(command, UnixMs(at));
        assert_eq!(format!("{decided:?}"), format!("{rebuilt:?}"));
        for caused in &decided.events {
            let revision = self.log.len() as u64;
            assert_eq!(decided.revision, revision);
            self.sale.evolve(&caused.event, revision);
            self.log.push((caused.event.clone(), Position(10 * (revision + 1))));
            self.sale.landed(revision, Position(10 * (revision + 1)));
        }
        decided.with_outcome(|from| self.sale.answer(from, UnixMs(at)))
    }
}

fn create(name: &str) -> SaleCommand {
    let act = Act {
        request_id: request("the-sale"),
        fingerprint: Fingerprint::of([name.as_bytes()]),
        operator: "olga".to_owned(),
        reason: "a test".to_owned(),
    };
    let plan = SaleCreated {
        name: name.to_owned(),
        currency: cny(),
        opens_at_ms: UnixMs(0),
        closes_at_ms: UnixMs(10_000),
        items: vec![plan()],
        goals: None,
        curve: Vec::new(),
        alerts: Vec::new(),
        coupons: Vec::new(),
        limit_per_buyer: None,
        rewards: Vec::new(),
        act,
        created_at_ms: UnixMs(0),
    };
    SaleCommand::Create(Box::new(CreateSale { plan }))
}

fn close(name: &str, reason: &str) -> SaleCommand {
    SaleCommand::Close(steer(name, reason))
}

fn pause(name: &str) -> SaleCommand {
    SaleCommand::Pause(steer(name, "the bank is down"))
}

fn resume(name: &str) -> SaleCommand {
    SaleCommand::Resume(steer(name, "the bank is back"))
}

fn steer(name: &str, reason: &str) -> SteerSale {
    SteerSale { request_id: request(name), operator: "olga".to_owned(), reason: reason.to_owned() }
}

fn view(decided: Decided) -> SaleView {
    match decided.outcome {
        SaleOutcome::Sale(view) => *view,
        SaleOutcome::Refused(refusal) => panic!("{refusal}"),
        SaleOutcome::Misdirected(why) => panic!("{why}"),
    }
}

#[track_caller]
fn misdirected(decided: Decided, why: Misdirected) {
    assert!(decided.events.is_empty());
    assert_eq!(decided.outcome, SaleOutcome::Misdirected(why));
}

#[test]
fn a_sale_that_was_never_created_does_not_exist() {
    let mut live = Live::new();
    misdirected(live.run(SaleCommand::Show, 1), Misdirected::not_found("sale_id"));
    misdirected(live.run(close("c1", "over"), 1), Misdirected::not_found("sale_id"));
}

#[test]
fn a_created_sale_shows_its_plan_and_when_it_was_made() {
    let mut live = Live::new();
    let created = live.run(create("11.11"), 7);
    assert_eq!((created.events.len(), created.position), (1, None));
    let created = view(created);
    assert_eq!((created.plan.name.as_str(), created.plan.created_at_ms), ("11.11", UnixMs(7)));
    assert_eq!(created.closed, None);
    assert_eq!(created, view(live.run(SaleCommand::Show, 8)));
}

#[test]
fn a_creation_sent_again_gets_the_first_answer_for_ever() {
    let mut live = Live::new();
    let first = view(live.run(create("11.11"), 7));
    live.run(close("c1", "over"), 9);
    let again = live.run(create("11.11"), 99);
    assert!(again.events.is_empty());
    assert_eq!((again.revision, again.position), (0, Some(Position(10))));
    assert_eq!(view(again), first, "a sale just created was not closed yet");
}

#[test]
fn another_sale_under_the_same_request_id_is_reused() {
    let mut live = Live::new();
    live.run(create("11.11"), 7);
    misdirected(live.run(create("6.18"), 8), Misdirected::RequestIdReused(request("the-sale")));
    misdirected(
        live.run(close("the-sale", "over"), 8),
        Misdirected::RequestIdReused(request("the-sale")),
    );
}

#[test]
fn a_sale_is_closed_once() {
    let mut live = Live::new();
    live.run(create("11.11"), 7);
    let first = live.run(close("c1", "over"), 9);
    assert_eq!(first.events.len(), 1);
    let first = view(first);
    let again = live.run(close("c1", "over"), 10);
    assert_eq!((again.revision, again.position), (1, Some(Position(20))));
    assert_eq!(view(again), first);
    misdirected(live.run(close("c1", "other"), 11), Misdirected::RequestIdReused(request("c1")));

    let second = live.run(close("c2", "really over"), 12);
    assert!(second.events.is_empty(), "closing twice changes nothing");
    assert_eq!(view(second).closed, first.closed);
}

#[track_caller]
fn refused(decided: &Decided, refusal: Refusal) {
    assert!(decided.events.is_empty());
    assert_eq!(decided.outcome, SaleOutcome::Refused(refusal));
}

#[test]
fn pausing_and_resuming_a_sale_go_in_turns() {
    let mut live = Live::new();
    misdirected(live.run(pause("p0"), 1), Misdirected::not_found("sale_id"));
    live.run(create("11.11"), 7);
    refused(&live.run(resume("r0"), 8), Refusal::NotPaused);
    let paused = live.run(pause("p1"), 9);
    assert_eq!((paused.events.len(), paused.revision), (1, 1));
    let shown = view(paused).pause.unwrap();
    assert_eq!((shown.on, shown.at, shown.act.operator.as_str()), (true, UnixMs(9), "olga"));
    refused(&live.run(pause("p2"), 10), Refusal::Paused);
    let resumed = live.run(resume("r1"), 11);
    assert_eq!((resumed.events.len(), resumed.revision), (1, 2));
    assert!(!view(resumed).pause.unwrap().on);
    refused(&live.run(resume("r2"), 12), Refusal::NotPaused);
}

#[test]
fn an_old_pause_sent_again_is_answered_as_first_and_pauses_nothing() {
    let mut live = Live::new();
    live.run(create("11.11"), 7);
    live.run(pause("p1"), 9);
    live.run(resume("r1"), 11);
    let again = live.run(pause("p1"), 12);
    assert!(again.events.is_empty());
    assert_eq!((again.revision, again.position), (1, Some(Position(20))));
    // Carrying it out sends the items the current state of the sale.
    assert!(!view(again).pause.unwrap().on);
    let created = view(live.run(create("11.11"), 13));
    assert_eq!(created.pause, None, "a sale just created was not paused yet");
    misdirected(live.run(resume("p1"), 14), Misdirected::RequestIdReused(request("p1")));
}

#[test]
fn a_closed_sale_is_neither_paused_nor_resumed() {
    let mut live = Live::new();
    live.run(create("11.11"), 7);
    live.run(pause("p1"), 8);
    live.run(close("c1", "over"), 9);
    refused(&live.run(resume("r1"), 10), Refusal::Closed);
    refused(&live.run(pause("p2"), 10), Refusal::Closed);
}

#[test]
fn a_sale_s_time_never_runs_backwards() {
    let mut live = Live::new();
    live.run(create("11.11"), 100);
    let closed = view(live.run(close("c1", "over"), 50)).closed;
    assert_eq!(closed.map(|closed| closed.closed_at_ms), Some(UnixMs(100)));
}

#[test]
fn the_events_of_a_sale_have_ids_of_their_own_that_are_always_the_same() {
    let mut live = Live::new();
    let mut twin = Live::new();
    let mut ids = Vec::new();
    for command in [create("11.11"), close("c1", "over")] {
        let decided = live.run(command.clone(), 1);
        assert_eq!(decided.events[0].id, twin.run(command, 1).events[0].id);
        assert_eq!(decided.events[0].correlation, sale_id().0);
        ids.push(decided.events[0].id);
    }
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn time_alone_does_nothing_to_a_sale() {
    let mut live = Live::new();
    live.run(create("11.11"), 1);
    assert_eq!(live.sale.next_due(), None);
    assert!(live.sale.due(UnixMs(i64::MAX), 10).is_empty());
}
