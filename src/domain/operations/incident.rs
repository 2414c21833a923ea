//! An incident: detected, assessed, acted on, resolved, reviewed. Each step is an act of an
//! operator.
//!
//! What it cost is not decided here: it is computed from the log. Text is bounded before it comes
//! here; the order of steps and of moments is what this keeps.

use std::fmt;

use uuid::Uuid;

use crate::{
    domain::{Decided, Decider, Impossible, Misdirected, Moment, Verdict, receipts::Receipts},
    events::{
        Act, Category, DetectedBy, IncidentActionTaken, IncidentAssessed, IncidentDetected,
        IncidentEvent, IncidentResolved, IncidentReviewed, Position,
    },
    values::{Fingerprint, IncidentId, IncidentSeverity, ItemId, RequestId, SaleId, UnixMs, kinds},
};

/// Longest title of an incident, in characters.
pub const INCIDENT_TITLE_CHARS_MAX: usize = 200;
/// Longest impact, action, cause and lessons, in characters.
pub const INCIDENT_TEXT_CHARS_MAX: usize = 2_000;
/// Most items that one incident names; what is about more is about the sale.
pub const INCIDENT_ITEMS_MAX: usize = 1_000;
/// Most steps of one incident: its state keeps a receipt of each.
pub const INCIDENT_STEPS_MAX: u64 = 1_000;

/// Everything that can be asked of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentCommand {
    Take(Box<IncidentStep>),
    Show,
}

impl IncidentCommand {
    fn step(&self) -> Option<&StepTaken> {
        match self {
            Self::Take(step) => Some(&step.what),
            Self::Show => None,
        }
    }
}

kinds! { IncidentCommand, of (IncidentCommand::step) {
    Some(StepTaken::Detect { .. }) => "open_incident",
    Some(StepTaken::Assess { .. }) => "assess_incident",
    Some(StepTaken::TakeAction { .. }) => "record_action",
    Some(StepTaken::Resolve { .. }) => "resolve_incident",
    Some(StepTaken::Review { .. }) => "review_incident",
    None => "show_incident",
} }

/// One step, and its operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentStep {
    pub request_id: RequestId,
    pub operator: String,
    /// May be empty: most steps say why by themselves.
    pub reason: String,
    pub what: StepTaken,
}

/// What a step says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepTaken {
    Detect {
        sale_id: SaleId,
        /// Empty where it is about the whole sale.
        items: Vec<ItemId>,
        title: String,
        detected_by: DetectedBy,
        /// Now, where nothing else is known.
        began_at: Option<UnixMs>,
    },
    Assess {
        severity: IncidentSeverity,
        impact: String,
        owner: String,
    },
    TakeAction {
        action: String,
    },
    Resolve {
        /// Now, where nothing else is known.
        ended_at: Option<UnixMs>,
    },
    Review {
        cause: String,
        lessons: String,
    },
}

/// Why a step was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentRefusal {
    AlreadyResolved,
    NotResolved,
    AlreadyReviewed,
    EndedBeforeBegan,
    TooManySteps,
}

kinds! { IncidentRefusal {
    Self::AlreadyResolved => "INCIDENT_RESOLVED",
    Self::NotResolved => "INCIDENT_NOT_RESOLVED",
    Self::AlreadyReviewed => "INCIDENT_REVIEWED",
    Self::EndedBeforeBegan => "INCIDENT_ENDS_TOO_EARLY",
    Self::TooManySteps => "INCIDENT_TOO_LONG",
} }

impl IncidentRefusal {
    /// One sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::AlreadyResolved => "The incident is resolved already.",
            Self::NotResolved => "The incident is not resolved yet: it is reviewed afterwards.",
            Self::AlreadyReviewed => "The incident was reviewed: nothing more is added to it.",
            Self::EndedBeforeBegan => "The incident cannot end before it began.",
            Self::TooManySteps => "The incident has as many steps as one incident may have.",
        }
    }
}

impl fmt::Display for IncidentRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// What an incident answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentOutcome {
    Incident(Box<IncidentView>),
    Refused(IncidentRefusal),
    Misdirected(Misdirected),
}

/// An incident as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentView {
    pub incident_id: IncidentId,
    pub detected: IncidentDetected,
    /// The latest judgement.
    pub assessed: Option<IncidentAssessed>,
    pub actions: u64,
    pub resolved: Option<IncidentResolved>,
    pub reviewed: Option<IncidentReviewed>,
}

/// The state of one incident.
#[derive(Debug)]
pub struct Incident {
    id: IncidentId,
    view: Option<IncidentView>,
    receipts: Receipts<IncidentView>,
    last_at: UnixMs,
}

impl Decider for Incident {
    type Command = IncidentCommand;
    type Event = IncidentEvent;
    type Outcome = IncidentOutcome;
    type Refusal = IncidentRefusal;
    type Shown = ();

    const CATEGORY: Category = Category::Incident;

    fn initial(id: Uuid) -> Self {
        Self {
            id: IncidentId(id),
            view: None,
            receipts: Receipts::default(),
            last_at: UnixMs::default(),
        }
    }

    fn decide(&self, command: IncidentCommand, now: UnixMs) -> Decided<Self> {
        // An incident has no window and no deadline: its steps are compared with each other, so they
        // go by their stamps.
        let at = Moment::after(self.last_at, now);
        let decided = match command {
            IncidentCommand::Take(step) => self.take(*step, at.stamp),
            IncidentCommand::Show => self.receipts.shown(),
        };
        decided.judged(at)
    }

    fn verdict(outcome: &IncidentOutcome) -> Verdict<'_, IncidentRefusal> {
        match outcome {
            IncidentOutcome::Incident(_) => Verdict::Done,
            IncidentOutcome::Refused(refusal) => Verdict::Refused(refusal),
            IncidentOutcome::Misdirected(why) => Verdict::Misdirected(why),
        }
    }

    fn show(&self, (): (), _: UnixMs) -> IncidentOutcome {
        match &self.view {
            Some(view) => IncidentOutcome::Incident(Box::new(view.clone())),
            None => IncidentOutcome::Misdirected(Misdirected::not_found("incident_id")),
        }
    }

    fn try_evolve(&mut self, event: &IncidentEvent, revision: u64) -> Result<(), Impossible> {
        let view = after(self.id, self.view.take(), event);
        let (act, at) = event.act();
        // A stream begins with its detection, so there is one from then on.
        if let Some(view) = &view {
            self.receipts.keep(act, revision, view.clone());
        }
        self.view = view;
        self.last_at = self.last_at.max(at);
        Ok(())
    }

    fn landed(&mut self, revision: u64, position: Position) {
        self.receipts.landed(revision, position);
    }
}

impl Incident {
    fn take(&self, step: IncidentStep, now: UnixMs) -> Decided<Self> {
        let fingerprint = step.fingerprint();
        let IncidentStep { request_id, operator, reason, what } = step;
        match self.receipts.of(request_id, fingerprint) {
            Ok(None) => {}
            Ok(Some(receipt)) => {
                let first = IncidentOutcome::Incident(Box::new(receipt.shown.clone()));
                return receipt.repeated(first);
            }
            Err(reused) => return self.no(reused),
        }
        match (&self.view, &what) {
            (None, StepTaken::Detect { .. }) => {}
            (None, _) => return self.no(Misdirected::not_found("incident_id")),
            // An incident's id comes from the request that opened it.
            (Some(_), StepTaken::Detect { .. }) => {
                return self.no(Misdirected::RequestIdReused(request_id));
            }
            (Some(view), what) => {
                if let Some(refusal) = self.refusal(view, what, now) {
                    return self.receipts.unchanged(IncidentOutcome::Refused(refusal));
                }
            }
        }
        let act = Act { request_id, fingerprint, operator, reason };
        self.receipts.happens(self.id.0, request_id, what.happened(act, now))
    }

    fn refusal(
        &self,
        view: &IncidentView,
        what: &StepTaken,
        now: UnixMs,
    ) -> Option<IncidentRefusal> {
        if view.reviewed.is_some() {
            return Some(IncidentRefusal::AlreadyReviewed);
        }
        // The last two places are for the ends that every incident must be able to have.
        let ending = match what {
            StepTaken::Resolve { .. } | StepTaken::Review { .. } => 0,
            StepTaken::Detect { .. } | StepTaken::Assess { .. } | StepTaken::TakeAction { .. } => 2,
        };
        if self.receipts.events() + ending >= INCIDENT_STEPS_MAX {
            return Some(IncidentRefusal::TooManySteps);
        }
        match what {
            StepTaken::Resolve { .. } if view.resolved.is_some() => {
                Some(IncidentRefusal::AlreadyResolved)
            }
            StepTaken::Resolve { ended_at }
                if ended_at.unwrap_or(now) < view.detected.began_at_ms =>
            {
                Some(IncidentRefusal::EndedBeforeBegan)
            }
            StepTaken::Review { .. } if view.resolved.is_none() => {
                Some(IncidentRefusal::NotResolved)
            }
            StepTaken::Detect { .. }
            | StepTaken::Assess { .. }
            | StepTaken::TakeAction { .. }
            | StepTaken::Resolve { .. }
            | StepTaken::Review { .. } => None,
        }
    }

    fn no(&self, why: Misdirected) -> Decided<Self> {
        self.receipts.unchanged(IncidentOutcome::Misdirected(why))
    }
}

/// The incident after an event; nothing where it does not begin with its detection.
fn after(
    incident_id: IncidentId,
    before: Option<IncidentView>,
    event: &IncidentEvent,
) -> Option<IncidentView> {
    if let IncidentEvent::Detected(detected) = event {
        return Some(IncidentView {
            incident_id,
            detected: detected.clone(),
            assessed: None,
            actions: 0,
            resolved: None,
            reviewed: None,
        });
    }
    let mut view = before?;
    match event {
        IncidentEvent::Detected(_) => {}
        IncidentEvent::Assessed(assessed) => view.assessed = Some(assessed.clone()),
        IncidentEvent::ActionTaken(_) => view.actions += 1,
        IncidentEvent::Resolved(resolved) => view.resolved = Some(resolved.clone()),
        IncidentEvent::Reviewed(reviewed) => view.reviewed = Some(reviewed.clone()),
    }
    Some(view)
}

impl StepTaken {
    /// The event of this step. Moments that were given are never in the future.
    fn happened(self, act: Act, now: UnixMs) -> IncidentEvent {
        let or_now = |given: Option<UnixMs>| given.map_or(now, |given| given.min(now));
        match self {
            Self::Detect { sale_id, items, title, detected_by, began_at } => {
                IncidentEvent::Detected(IncidentDetected {
                    sale_id,
                    items,
                    title,
                    detected_by,
                    began_at_ms: or_now(began_at),
                    act,
                    detected_at_ms: now,
                })
            }
            Self::Assess { severity, impact, owner } => {
                let assessed_at_ms = now;
                IncidentEvent::Assessed(IncidentAssessed {
                    severity,
                    impact,
                    owner,
                    act,
                    assessed_at_ms,
                })
            }
            Self::TakeAction { action } => {
                IncidentEvent::ActionTaken(IncidentActionTaken { action, act, taken_at_ms: now })
            }
            Self::Resolve { ended_at } => {
                let ended_at_ms = or_now(ended_at);
                IncidentEvent::Resolved(IncidentResolved { ended_at_ms, act, resolved_at_ms: now })
            }
            Self::Review { cause, lessons } => {
                let reviewed_at_ms = now;
                IncidentEvent::Reviewed(IncidentReviewed { cause, lessons, act, reviewed_at_ms })
            }
        }
    }
}

impl IncidentStep {
    fn fingerprint(&self) -> Fingerprint {
        let moment = |at: &Option<UnixMs>| at.map(|at| at.to_string()).unwrap_or_default();
        let mut fields: Vec<String> = match &self.what {
            StepTaken::Detect { sale_id, items, title, detected_by, began_at } => {
                let by = match detected_by {
                    DetectedBy::Alert { alert_id, rule } => format!("{alert_id} {rule}"),
                    DetectedBy::Person => String::new(),
                };
                let mut fields = vec!["detect".to_owned(), sale_id.to_string(), title.clone(), by];
                fields.push(moment(began_at));
                fields.extend(items.iter().map(ItemId::to_string));
                fields
            }
            StepTaken::Assess { severity, impact, owner } => {
                let severity = severity.name().to_owned();
                vec!["assess".to_owned(), severity, impact.clone(), owner.clone()]
            }
            StepTaken::TakeAction { action } => vec!["act".to_owned(), action.clone()],
            StepTaken::Resolve { ended_at } => vec!["resolve".to_owned(), moment(ended_at)],
            StepTaken::Review { cause, lessons } => {
                vec!["review".to_owned(), cause.clone(), lessons.clone()]
            }
        };
        fields.extend([self.operator.clone(), self.reason.clone()]);
        Fingerprint::of(fields.iter().map(String::as_bytes))
    }
}
