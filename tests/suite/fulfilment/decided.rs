//! An export begins where the one before ended, or is refused.

use doorbuster::{
    domain::{
        Decider, Impossible, Misdirected,
        fulfilment::{
            Contents, ExportOrders, ExportOutcome, ExportRefusal, ExportView, Fulfilment,
            FulfilmentCommand,
        },
    },
    events::{OrdersExported, Position},
    values::{RequestId, UnixMs},
};
use uuid::Uuid;

struct Live {
    exports: Fulfilment,
    log: Vec<OrdersExported>,
}

fn by(number: u128, reason: &str) -> ExportOrders {
    let request_id = RequestId(Uuid::from_u128(0x7000 + number));
    ExportOrders { request_id, operator: "olga".to_owned(), reason: reason.to_owned() }
}

fn contents(after: i64, upto: i64) -> Contents {
    Contents { after, upto, orders: upto - after, sha256: format!("{upto:064x}") }
}

impl Live {
    fn new() -> Self {
        Self { exports: Fulfilment::initial(Uuid::from_u128(7)), log: Vec::new() }
    }

    fn run(&mut self, command: FulfilmentCommand, now: i64) -> (ExportOutcome, u64) {
        let decided = self.exports.decide(command, UnixMs(now));
        let revision = decided.revision;
        for caused in decided.events {
            let revision = self.log.len() as u64;
            self.exports.evolve(&caused.event, revision);
            self.exports.landed(revision, Position(100 + revision));
            self.log.push(caused.event);
        }
        (self.exports.answer(decided.outcome, UnixMs(now)), revision)
    }

    fn record(&mut self, number: u128, ends: (i64, i64), now: i64) -> ExportOutcome {
        self.run(FulfilmentCommand::Record(by(number, "noon"), contents(ends.0, ends.1)), now).0
    }

    fn begins(&mut self, number: u128) -> ExportOutcome {
        self.run(FulfilmentCommand::Begin(by(number, "noon")), 0).0
    }
}

fn view(number: i64, ends: (i64, i64), exported_at: i64) -> ExportOutcome {
    ExportOutcome::Exported(ExportView {
        number,
        contents: contents(ends.0, ends.1),
        operator: "olga".to_owned(),
        reason: "noon".to_owned(),
        exported_at: UnixMs(exported_at),
    })
}

#[test]
fn exports_follow_each_other_without_a_gap() {
    let mut live = Live::new();
    assert_eq!(live.begins(1), ExportOutcome::Begins { after: 0 });
    assert_eq!(live.record(1, (0, 3), 1_000), view(1, (0, 3), 1_000));
    assert_eq!(live.begins(2), ExportOutcome::Begins { after: 3 });
    // A clock that was set back does not take the time of the stream back.
    assert_eq!(live.record(2, (3, 4), 500), view(2, (3, 4), 1_000));
    assert_eq!(live.log.len(), 2);
}

#[test]
fn what_does_not_begin_at_the_end_and_what_is_empty_is_refused() {
    let mut live = Live::new();
    let nothing = |upto| ExportOutcome::Refused(ExportRefusal::NothingToExport { upto });
    let meanwhile = |upto| ExportOutcome::Refused(ExportRefusal::ExportedMeanwhile { upto });
    assert_eq!(live.record(1, (0, 0), 1_000), nothing(0));
    assert_eq!(live.record(2, (1, 2), 1_000), meanwhile(0));
    live.record(3, (0, 3), 1_000);
    for (ends, wanted) in [
        ((0, 3), meanwhile(3)),
        ((2, 5), meanwhile(3)),
        ((4, 5), meanwhile(3)),
        ((3, 3), nothing(3)),
        ((3, 2), nothing(3)),
    ] {
        assert_eq!(live.record(4, ends, 2_000), wanted, "{ends:?}");
    }
    assert_eq!(live.log.len(), 1);
    // A refusal does not use the request up.
    assert_eq!(live.record(4, (3, 5), 2_000), view(2, (3, 5), 2_000));
}

#[test]
fn a_repeated_request_gets_its_first_answer_whatever_there_is_now() {
    let mut live = Live::new();
    live.record(1, (0, 3), 1_000);
    live.record(2, (3, 9), 2_000);
    assert_eq!(live.begins(1), view(1, (0, 3), 1_000));
    assert_eq!(live.record(1, (9, 12), 3_000), view(1, (0, 3), 1_000));
    let again = FulfilmentCommand::Begin(by(1, "noon"));
    assert_eq!(live.run(again, 0).1, 0, "the revision of its own event");
    let reused = by(1, "evening");
    let why = Misdirected::RequestIdReused(reused.request_id);
    let outcome = live.run(FulfilmentCommand::Begin(reused), 0).0;
    assert_eq!(outcome, ExportOutcome::Misdirected(why));
    assert_eq!(live.log.len(), 2);
}

#[test]
fn a_stream_that_contradicts_itself_is_refused() {
    let mut live = Live::new();
    live.record(1, (0, 3), 1_000);
    let first = live.log[0].clone();
    for (after, upto) in [(0, 3), (2, 4), (4, 5), (3, 3)] {
        let event = OrdersExported { after, upto, ..first.clone() };
        let wrong = live.exports.try_evolve(&event, 1).unwrap_err();
        assert_eq!(wrong, Impossible::Export { after, upto, ended: 3 });
    }
}
