//! Goal: the record of levels says what was in force and why, and nothing else. Method: a table of
//! given, when, then; the state is rebuilt from its log before every command.

use doorbuster::{
    admission::{CurrentServiceLevel, ServicePart},
    domain::{
        Decider, Misdirected,
        service_level::{
            AskingAlert, ServiceLevelCommand, ServiceLevelOutcome, ServiceLevelSetting,
            SetServiceLevel,
        },
    },
    events::{LevelSet, Position, SERVICE},
    values::{AlertId, RequestId, ServiceLevel, UnixMs},
};
use uuid::Uuid;

use ServiceLevel::{Closed, CoreOnly, Full, NoBoardDetail, NoTraffic};

fn id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

fn by_hand(name: &str, level: ServiceLevel) -> SetServiceLevel {
    SetServiceLevel {
        request_id: RequestId(id(name)),
        level,
        expected: None,
        by_alert: None,
        operator: "olga".to_owned(),
        reason: "a test".to_owned(),
    }
}

fn by_alert(name: &str, level: ServiceLevel) -> SetServiceLevel {
    by_alert_of(name, level, 1_000_000)
}

fn by_alert_of(name: &str, level: ServiceLevel, raised_at: i64) -> SetServiceLevel {
    let alert = AskingAlert { alert_id: AlertId(id("alert")), raised_at: UnixMs(raised_at) };
    SetServiceLevel { by_alert: Some(alert), ..by_hand(name, level) }
}

fn expecting(name: &str, expected: ServiceLevel, level: ServiceLevel) -> SetServiceLevel {
    SetServiceLevel { expected: Some(expected), ..by_hand(name, level) }
}

fn rebuilt(log: &[LevelSet]) -> ServiceLevelSetting {
    let mut level = ServiceLevelSetting::initial(SERVICE);
    for (set, revision) in log.iter().zip(0..) {
        level.evolve(set, revision);
        level.landed(revision, Position(10 * (revision + 1)));
    }
    level
}

/// Runs commands one after the other; gives what each was answered and whether it was an event.
fn run(commands: Vec<SetServiceLevel>) -> (Vec<(ServiceLevelOutcome, u64, bool)>, Vec<LevelSet>) {
    let (mut log, mut answers) = (Vec::<LevelSet>::new(), Vec::new());
    for (command, at) in commands.into_iter().zip(1_i64..) {
        let now = UnixMs(at * 1_000);
        let decided = rebuilt(&log).decide(ServiceLevelCommand::Set(command), now);
        let happened = !decided.events.is_empty();
        if happened {
            assert_eq!(decided.revision, log.len() as u64);
        }
        log.extend(decided.events.into_iter().map(|caused| caused.event));
        answers.push((rebuilt(&log).answer(decided.outcome, now), decided.revision, happened));
    }
    (answers, log)
}

#[test]
fn what_is_set_is_in_force_and_only_changes_are_events() {
    // What is asked, whether it is an event, the level that is told.
    let table = [
        (by_hand("a", NoTraffic), true, NoTraffic),
        // The same level by another request changes nothing.
        (by_hand("b", NoTraffic), false, NoTraffic),
        (by_hand("c", Closed), true, Closed),
        // The first request again is told what it was told then.
        (by_hand("a", NoTraffic), false, NoTraffic),
        // An alert lowers the level or leaves it; it never raises it.
        (by_alert("d", CoreOnly), false, Closed),
        (by_hand("e", Full), true, Full),
        (by_alert("f", NoBoardDetail), true, NoBoardDetail),
        (by_alert("g", Full), false, NoBoardDetail),
        (expecting("h", NoBoardDetail, Full), true, Full),
    ];
    let (answers, log) = run(table.iter().map(|(command, ..)| command.clone()).collect());
    for ((command, event, level), (outcome, _, happened)) in table.iter().zip(&answers) {
        let ServiceLevelOutcome::Level(view) = outcome else { panic!("{command:?}: {outcome:?}") };
        assert_eq!((view.level, *happened), (*level, *event), "{command:?}");
    }
    let steps: Vec<_> = log.iter().map(|set| (set.before, set.level)).collect();
    assert_eq!(
        steps,
        [
            (Full, NoTraffic),
            (NoTraffic, Closed),
            (Closed, Full),
            (Full, NoBoardDetail),
            (NoBoardDetail, Full)
        ]
    );
    assert_eq!(answers[3].1, 0, "a repeated request is told the revision it was told then");
}

#[test]
fn an_alert_that_is_older_than_what_a_person_set_changes_nothing() {
    // Commands come at 1,000, 2,000 and so on.
    let table = [
        (by_hand("a", NoTraffic), NoTraffic),
        // It asks for what is in force: nothing is written of it.
        (by_alert_of("b", NoTraffic, 1_500), NoTraffic),
        (by_hand("c", Full), Full),
        // After a restart it asks again.
        (by_alert_of("b", NoTraffic, 1_500), Full),
        (by_alert_of("d", NoTraffic, 3_500), NoTraffic),
        // What another alert set does not silence it.
        (by_alert_of("e", CoreOnly, 4_500), CoreOnly),
    ];
    let (answers, log) = run(table.iter().map(|(command, _)| command.clone()).collect());
    for ((command, level), (outcome, ..)) in table.iter().zip(&answers) {
        let ServiceLevelOutcome::Level(view) = outcome else { panic!("{command:?}: {outcome:?}") };
        assert_eq!(view.level, *level, "{command:?}");
    }
    assert_eq!(log.len(), 4);
}

#[test]
fn an_alert_since_the_clock_was_set_back_is_not_older_than_what_a_person_set_before() {
    let mut log = Vec::new();
    let mut set = |command, at| {
        let decided = rebuilt(&log).decide(ServiceLevelCommand::Set(command), UnixMs(at));
        log.extend(decided.events.into_iter().map(|caused| caused.event));
        let outcome = rebuilt(&log).answer(decided.outcome, UnixMs(at));
        let ServiceLevelOutcome::Level(view) = outcome else { panic!("{outcome:?}") };
        view.level
    };
    set(by_hand("a", NoTraffic), 40_000);
    set(by_hand("b", Full), 50_000);
    // The person knew of this one: both are from before the clock was set back.
    assert_eq!(set(by_alert_of("c", NoTraffic, 45_000), 2_000), Full);
    assert_eq!(set(by_alert_of("d", NoTraffic, 1_500), 2_000), NoTraffic);
}

#[test]
fn a_level_that_was_not_expected_is_told_and_nothing_is_set() {
    let commands = vec![by_hand("a", NoTraffic), expecting("b", Full, Closed)];
    let (answers, log) = run(commands);
    let ServiceLevelOutcome::NotExpected(view) = &answers[1].0 else { panic!("{:?}", answers[1]) };
    assert_eq!((view.level, log.len()), (NoTraffic, 1));
}

#[test]
fn a_request_id_that_was_used_for_something_else_is_the_callers_mistake() {
    let other = SetServiceLevel { reason: "another".to_owned(), ..by_hand("a", NoTraffic) };
    for second in [by_hand("a", Closed), by_alert("a", NoTraffic), other] {
        let (answers, log) = run(vec![by_hand("a", NoTraffic), second]);
        let reused = Misdirected::RequestIdReused(RequestId(id("a")));
        assert_eq!(answers[1].0, ServiceLevelOutcome::Misdirected(reused));
        assert_eq!(log.len(), 1);
    }
}

#[test]
fn time_never_goes_back_in_the_record() {
    let mut level = ServiceLevelSetting::initial(SERVICE);
    let at = |level: &ServiceLevelSetting, name: &str, to, now| {
        let decided = level.decide(ServiceLevelCommand::Set(by_hand(name, to)), UnixMs(now));
        decided.events.into_iter().next().unwrap().event
    };
    let first = at(&level, "a", Closed, 5_000);
    level.evolve(&first, 0);
    assert_eq!(at(&level, "b", Full, 4_000).set_at_ms, UnixMs(5_000));
}

#[test]
fn each_level_leaves_out_what_the_one_before_it_did_and_more() {
    let out = |level| {
        let parts = ServicePart::ALL.into_iter().filter(|part| !part.runs_at(level));
        parts.collect::<Vec<_>>()
    };
    assert_eq!(out(Full), []);
    assert_eq!(out(NoTraffic), [ServicePart::Traffic]);
    assert_eq!(out(NoBoardDetail), [ServicePart::Traffic, ServicePart::BoardDetail]);
    assert_eq!(
        out(CoreOnly),
        [ServicePart::Traffic, ServicePart::BoardDetail, ServicePart::Board, ServicePart::Reports]
    );
    assert_eq!(out(Closed), ServicePart::ALL);
}

#[test]
fn a_node_that_hears_of_levels_in_another_order_acts_on_the_newest() {
    let service = CurrentServiceLevel::new();
    let told = service.subscribe();
    assert!(service.level() == Full && service.takes_orders() && service.takes_traffic());
    service.came(3, CoreOnly);
    service.came(1, Closed);
    service.came(3, Closed);
    assert_eq!((service.level(), service.revision()), (CoreOnly, Some(3)));
    assert!(service.takes_orders() && !service.answers_reports() && !service.shows_board());
    service.came(4, NoBoardDetail);
    assert!(service.shows_board() && !service.shows_board_detail() && service.answers_reports());
    service.came(5, Closed);
    assert!(!service.takes_orders());
    assert_eq!(*told.borrow(), Closed);
}
