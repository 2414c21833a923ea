//! The decider of the service level, one for all nodes; its stream is the record of all changes
//! with operator, time and reason.
//!
//! An operator may set any level. An alert only lowers it; raising it is left to an operator. An
//! alert raised before an operator last set the level changes nothing, because the operator knew of
//! it. Setting the level in force changes nothing and writes no event.

use std::convert::Infallible;

use uuid::Uuid;

use crate::{
    domain::{Decided, Decider, Impossible, Misdirected, Moment, Verdict, receipts::Receipts},
    events::{Act, Category, LevelSet, Position},
    values::{AlertId, Fingerprint, RequestId, ServiceLevel, UnixMs, kinds},
};

/// Everything that can be asked about the level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceLevelCommand {
    Set(SetServiceLevel),
    Show,
}

kinds! { ServiceLevelCommand {
    Self::Set(_) => "set_level",
    Self::Show => "show_level",
} }

/// Sets the level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetServiceLevel {
    pub request_id: RequestId,
    pub level: ServiceLevel,
    /// Nothing is set unless this level is in force.
    pub expected: Option<ServiceLevel>,
    /// The alert that asks for it, where no person does.
    pub by_alert: Option<AskingAlert>,
    pub operator: String,
    pub reason: String,
}

/// An alert that asks for a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskingAlert {
    pub alert_id: AlertId,
    pub raised_at: UnixMs,
}

/// What is answered about the level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceLevelOutcome {
    Level(ServiceLevelView),
    /// Another level is in force than was expected; nothing was set.
    NotExpected(ServiceLevelView),
    Misdirected(Misdirected),
}

/// A level as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLevelView {
    pub level: ServiceLevel,
    /// How and when it was set; absent if it was never set.
    pub set: Option<LevelSet>,
}

/// The setting of the service level, with the requests that made it.
#[derive(Debug)]
pub struct ServiceLevelSetting {
    id: Uuid,
    set: Option<LevelSet>,
    /// When a person last set it.
    set_by_person_at: Option<UnixMs>,
    /// What each request set.
    receipts: Receipts<LevelSet>,
}

impl Decider for ServiceLevelSetting {
    type Command = ServiceLevelCommand;
    type Event = LevelSet;
    type Outcome = ServiceLevelOutcome;
    type Refusal = Infallible;
    type Shown = ();

    const CATEGORY: Category = Category::Level;

    fn initial(id: Uuid) -> Self {
        Self { id, set: None, set_by_person_at: None, receipts: Receipts::default() }
    }

    fn decide(&self, command: ServiceLevelCommand, now: UnixMs) -> Decided<Self> {
        match command {
            ServiceLevelCommand::Show => self.receipts.shown(),
            ServiceLevelCommand::Set(set) => self.set_level(set, now),
        }
    }

    fn verdict(outcome: &ServiceLevelOutcome) -> Verdict<'_, Infallible> {
        match outcome {
            // The caller learns the level in force, which nothing refused.
            ServiceLevelOutcome::Level(_) | ServiceLevelOutcome::NotExpected(_) => Verdict::Done,
            ServiceLevelOutcome::Misdirected(why) => Verdict::Misdirected(why),
        }
    }

    fn show(&self, (): (), _: UnixMs) -> ServiceLevelOutcome {
        ServiceLevelOutcome::Level(self.view())
    }

    fn try_evolve(&mut self, event: &LevelSet, revision: u64) -> Result<(), Impossible> {
        self.receipts.keep(&event.act, revision, event.clone());
        if event.alert_id.is_none() {
            self.set_by_person_at = Some(event.set_at_ms);
        }
        self.set = Some(event.clone());
        Ok(())
    }

    fn landed(&mut self, revision: u64, position: Position) {
        self.receipts.landed(revision, position);
    }
}

impl ServiceLevelSetting {
    fn set_level(&self, command: SetServiceLevel, now: UnixMs) -> Decided<Self> {
        let fingerprint = command.fingerprint();
        let SetServiceLevel { request_id, level, expected, by_alert, operator, reason } = command;
        let alert_id = by_alert.map(|alert| alert.alert_id);
        match self.receipts.of(request_id, fingerprint) {
            Ok(None) => {}
            Ok(Some(receipt)) => {
                let set = receipt.shown.clone();
                let view = ServiceLevelView { level: set.level, set: Some(set) };
                return receipt.repeated(ServiceLevelOutcome::Level(view));
            }
            Err(reused) => {
                return self.receipts.unchanged(ServiceLevelOutcome::Misdirected(reused));
            }
        }
        let before = self.level();
        if expected.is_some_and(|expected| expected != before) {
            return self.receipts.unchanged(ServiceLevelOutcome::NotExpected(self.view()));
        }
        // An alert repeats its request after each restart, and a request without effect is not
        // stored.
        let is_idle = by_alert
            .is_some_and(|alert| level < before || self.is_known_to_person(alert.raised_at, now));
        if level == before || is_idle {
            return self.receipts.shown();
        }
        let last_at = self.set.as_ref().map_or(now, |set| set.set_at_ms);
        let act = Act { request_id, fingerprint, operator, reason };
        let at = Moment::after(last_at, now);
        let set = LevelSet { level, before, alert_id, act, set_at_ms: at.stamp };
        let mut decided = self.receipts.happens(self.id, request_id, set);
        if let (Some(alert), [caused]) = (alert_id, &mut decided.events[..]) {
            caused.correlation = alert.0;
        }
        decided.judged(at)
    }

    /// Whether a person set the level after an alert was raised.
    fn is_known_to_person(&self, raised_at: UnixMs, now: UnixMs) -> bool {
        // A moment in the future is from before the clock was set back: it is after everything that
        // was stamped since, although it does not look so.
        let is_before = |person_at: UnixMs| person_at > now && raised_at <= now;
        self.set_by_person_at.is_some_and(|at| at > raised_at && !is_before(at))
    }

    fn level(&self) -> ServiceLevel {
        self.set.as_ref().map_or_else(ServiceLevel::default, |set| set.level)
    }

    fn view(&self) -> ServiceLevelView {
        ServiceLevelView { level: self.level(), set: self.set.clone() }
    }
}

impl SetServiceLevel {
    fn fingerprint(&self) -> Fingerprint {
        let expected = self.expected.map_or("", ServiceLevel::name);
        let alert = self.by_alert.map(|alert| alert.alert_id.to_string()).unwrap_or_default();
        Fingerprint::of(
            ["set_level", self.level.name(), expected, &alert, &self.operator, &self.reason]
                .map(str::as_bytes),
        )
    }
}
