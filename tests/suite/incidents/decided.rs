//! Steps in order: given what happened, when a step is taken, then this.

use doorbuster::{
    domain::{
        Decider, Decision, Misdirected,
        incident::{
            INCIDENT_STEPS_MAX, Incident, IncidentCommand, IncidentOutcome, IncidentRefusal,
            IncidentStep, StepTaken,
        },
    },
    events::{DetectedBy, IncidentEvent, Position, Stored},
    values::{IncidentId, IncidentSeverity, RequestId, SaleId, UnixMs},
};
use uuid::Uuid;

const BEGAN: UnixMs = UnixMs(5_000);
const NOW: UnixMs = UnixMs(10_000);

fn request(number: u128) -> RequestId {
    RequestId(Uuid::from_u128(0x4000 + number))
}

fn incident() -> IncidentId {
    IncidentId::of_request(request(0))
}

fn detect() -> StepTaken {
    StepTaken::Detect {
        sale_id: SaleId(Uuid::from_u128(1)),
        items: Vec::new(),
        title: "付款变慢".to_owned(),
        detected_by: DetectedBy::Person,
        began_at: Some(BEGAN),
    }
}

fn assess(owner: &str) -> StepTaken {
    StepTaken::Assess {
        severity: IncidentSeverity::Major,
        impact: "nobody can pay".to_owned(),
        owner: owner.to_owned(),
    }
}

fn act() -> StepTaken {
    StepTaken::TakeAction { action: "called the provider".to_owned() }
}

fn resolve(ended: Option<i64>) -> StepTaken {
    StepTaken::Resolve { ended_at: ended.map(UnixMs) }
}

fn review() -> StepTaken {
    StepTaken::Review { cause: "one provider".to_owned(), lessons: "two providers".to_owned() }
}

/// An incident and its log; one rebuilt from the log is asked the same before every command.
struct Live {
    incident: Incident,
    log: Vec<IncidentEvent>,
}

impl Live {
    /// One to whom these steps happened, the n-th under request n.
    fn given(steps: Vec<StepTaken>) -> Self {
        let mut live = Self { incident: Incident::initial(incident().0), log: Vec::new() };
        for (number, step) in (0..).zip(steps) {
            let decided = live.take(number, step);
            assert_eq!(decided.events.len(), 1, "{decided:?}");
        }
        live
    }

    fn take(&mut self, number: u128, what: StepTaken) -> Decision<IncidentEvent, IncidentOutcome> {
        let step = IncidentStep {
            request_id: request(number),
            operator: "olga".to_owned(),
            reason: String::new(),
            what,
        };
        let command = IncidentCommand::Take(Box::new(step));
        let decided = self.incident.decide(command.clone(), NOW);
        let mut second = Incident::initial(incident().0);
        for (event, revision) in self.log.iter().zip(0..) {
            second.evolve(event, revision);
            second.landed(revision, Position(10 * (revision + 1)));
        }
        assert_eq!(format!("{decided:?}"), format!("{:?}", second.decide(command, NOW)));
        for caused in &decided.events {
            let revision = self.log.len() as u64;
            assert_eq!(decided.revision, revision);
            self.incident.evolve(&caused.event, revision);
            self.incident.landed(revision, Position(10 * (revision + 1)));
            self.log.push(caused.event.clone());
        }
        decided.with_outcome(|from| self.incident.answer(from, NOW))
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.log.iter().map(Stored::kind).collect()
    }
}

#[test]
fn an_incident_goes_from_detected_to_reviewed() {
    let steps = vec![
        detect(),
        act(),
        assess("olga"),
        act(),
        assess("pavel"),
        resolve(None),
        act(),
        review(),
    ];
    let live = Live::given(steps);
    let kinds = [
        "IncidentDetected",
        "IncidentActionTaken",
        "IncidentAssessed",
        "IncidentActionTaken",
        "IncidentAssessed",
        "IncidentResolved",
        "IncidentActionTaken",
        "IncidentReviewed",
    ];
    assert_eq!(live.kinds(), kinds);
    let IncidentOutcome::Incident(view) = live.incident.show((), NOW) else {
        panic!("it is there");
    };
    assert_eq!(view.assessed.map(|assessed| assessed.owner).as_deref(), Some("pavel"));
    assert_eq!((view.actions, view.resolved.map(|resolved| resolved.ended_at_ms)), (3, Some(NOW)));
    assert!(view.reviewed.is_some());
}

#[test]
fn steps_out_of_order_are_refused_and_are_no_events() {
    use IncidentRefusal::{AlreadyResolved, AlreadyReviewed, EndedBeforeBegan, NotResolved};
    let done = || vec![detect(), resolve(None), review()];
    let cases = [
        (vec![detect()], review(), NotResolved),
        (vec![detect(), resolve(None)], resolve(None), AlreadyResolved),
        (vec![detect()], resolve(Some(4_999)), EndedBeforeBegan),
        (done(), assess("olga"), AlreadyReviewed),
        (done(), act(), AlreadyReviewed),
        (done(), resolve(None), AlreadyReviewed),
        (done(), review(), AlreadyReviewed),
    ];
    for (given, when, then) in cases {
        let mut live = Live::given(given.clone());
        let decided = live.take(99, when.clone());
        assert_eq!(decided.outcome, IncidentOutcome::Refused(then), "{given:?} {when:?}");
        assert!(decided.events.is_empty());
    }
}

#[test]
fn an_incident_that_nobody_opened_does_not_exist() {
    for step in [assess("olga"), act(), resolve(None), review()] {
        let decided = Live::given(Vec::new()).take(1, step);
        let missing = Misdirected::not_found("incident_id");
        assert_eq!(decided.outcome, IncidentOutcome::Misdirected(missing));
    }
}

#[test]
fn a_request_sent_again_gets_its_first_answer_and_makes_no_second_step() {
    let mut live = Live::given(vec![detect(), assess("olga"), resolve(None)]);
    let again = live.take(1, assess("olga"));
    assert!(again.events.is_empty());
    assert_eq!((again.revision, again.position), (1, Some(Position(20))));
    let IncidentOutcome::Incident(view) = again.outcome else { panic!("the first answer") };
    assert!(view.resolved.is_none(), "it was not resolved then");
    for reused in [assess("pavel"), act(), detect()] {
        let decided = live.take(1, reused);
        let reused = Misdirected::RequestIdReused(request(1));
        assert_eq!(decided.outcome, IncidentOutcome::Misdirected(reused));
    }
}

#[test]
fn moments_that_have_not_come_are_now() {
    let mut live = Live::given(vec![detect()]);
    live.take(1, resolve(Some(99_999)));
    let Some(IncidentEvent::Resolved(resolved)) = live.log.last() else { panic!("resolved") };
    assert_eq!((resolved.ended_at_ms, resolved.resolved_at_ms), (NOW, NOW));
}

#[test]
fn an_incident_is_bounded_and_can_still_be_ended() {
    let mut incident = Incident::initial(incident().0);
    let mut revision = 0;
    let mut take = |number: u128, what: StepTaken| {
        let (operator, reason) = ("olga".to_owned(), String::new());
        let step = IncidentStep { request_id: request(number), operator, reason, what };
        let decided = incident.decide(IncidentCommand::Take(Box::new(step)), NOW);
        for caused in &decided.events {
            incident.evolve(&caused.event, revision);
            revision += 1;
        }
        incident.answer(decided.outcome, NOW)
    };
    take(0, detect());
    let mut number = 1;
    while !matches!(take(number, act()), IncidentOutcome::Refused(_)) {
        number += 1;
    }
    let refused = IncidentOutcome::Refused(IncidentRefusal::TooManySteps);
    assert_eq!(take(number + 1, act()), refused);
    assert!(matches!(take(number + 2, resolve(None)), IncidentOutcome::Incident(_)));
    assert!(matches!(take(number + 3, review()), IncidentOutcome::Incident(_)));
    assert!(revision <= INCIDENT_STEPS_MAX);
}
