//! The metrics labels of a command: its kind and its outcome.
//!
//! This is the one table from the domain's types to the labels of `metrics`; every new command,
//! refusal and fault has to be added here.

use std::time::Duration;

use super::{Answer, Fault};
use crate::{
    admission::TokenRefused,
    domain::{
        Decider, Misdirected,
        alert::{AlertCommand, AlertOutcome, Book},
        incident::{Incident, IncidentCommand, IncidentOutcome, IncidentRefusal, StepTaken},
        item::{Item, ItemCommand, ItemOutcome, Refusal, SteerAction},
        level::{Level, LevelCommand, LevelOutcome},
        sale::{Sale, SaleCommand, SaleOutcome},
        script::{Script, ScriptCommand, ScriptOutcome, ScriptRefusal},
    },
    metrics::{
        CommandKind, FaultReason, Label, Metrics, MisdirectedReason, Outcome, RefusalReason,
        TokenFault,
    },
    values::narrow,
};

impl From<TokenRefused> for TokenFault {
    fn from(why: TokenRefused) -> Self {
        match why {
            TokenRefused::Missing => Self::Missing,
            TokenRefused::Wrong => Self::Wrong,
        }
    }
}

/// A decider whose commands are counted.
pub trait Counted: Decider {
    /// What was asked.
    fn kind(command: &Self::Command) -> CommandKind;

    /// What came of it.
    fn verdict(outcome: &Self::Outcome) -> Verdict;
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Done,
    Refused(RefusalReason),
    Misdirected(MisdirectedReason),
}

/// A delivery that will be counted: how many commands of which kind are in it.
#[derive(Debug, Clone)]
pub(super) struct Tally(Vec<(CommandKind, u64)>);

impl Tally {
    pub(super) fn of<D: Counted>(commands: &[D::Command]) -> Self {
        // The commands of a delivery are nearly always of one kind.
        let mut kinds: Vec<(CommandKind, u64)> = Vec::with_capacity(1);
        for kind in commands.iter().map(D::kind) {
            match kinds.last_mut() {
                Some((last, count)) if *last == kind => *count += 1,
                Some(_) | None => kinds.push((kind, 1)),
            }
        }
        Self(kinds)
    }

    /// Attempts to order among them.
    fn orders(&self) -> u64 {
        let orders = self.0.iter().filter(|(kind, _)| *kind == CommandKind::PlaceOrder);
        orders.map(|(_, commands)| commands).sum()
    }

    /// Counts how long the answers took.
    pub(super) fn took(&self, metrics: &Metrics, took: Duration) {
        let orders = self.orders();
        if orders > 0 {
            metrics.order_latency().took(took, orders);
        }
    }

    /// Counts the answers, which stand in the order of the commands.
    pub(super) fn count<D: Counted>(
        &self,
        metrics: &Metrics,
        answers: &Result<Vec<Answer<D::Outcome>>, Fault>,
    ) {
        match answers {
            Ok(answers) => self.count_answers::<D>(metrics, answers),
            Err(fault) => self.count_fault(metrics, fault),
        }
    }

    pub(super) fn count_fault(&self, metrics: &Metrics, fault: &Fault) {
        let reason = fault_reason(fault);
        for (kind, commands) in &self.0 {
            metrics.answered(*kind, Outcome::Fault, *commands);
            metrics.faulted(reason, *commands);
        }
    }

    fn count_answers<D: Counted>(&self, metrics: &Metrics, answers: &[Answer<D::Outcome>]) {
        let mut refused = [0; RefusalReason::ALL.len()];
        let mut answers = answers.iter();
        for (kind, commands) in &self.0 {
            let mut outcomes = [0; Outcome::ALL.len()];
            for answer in answers.by_ref().take(narrow(*commands)) {
                let outcome = match D::verdict(&answer.outcome) {
                    Verdict::Done => Outcome::Done,
                    Verdict::Refused(reason) => {
                        refused[reason.place()] += 1;
                        Outcome::Refused
                    }
                    Verdict::Misdirected(reason) => {
                        metrics.misdirected(reason);
                        Outcome::Misdirected
                    }
                };
                outcomes[outcome.place()] += 1;
            }
            for outcome in Outcome::ALL.iter().filter(|outcome| outcomes[outcome.place()] > 0) {
                metrics.answered(*kind, *outcome, outcomes[outcome.place()]);
            }
        }
        for reason in RefusalReason::ALL.iter().filter(|reason| refused[reason.place()] > 0) {
            metrics.refused(*reason, refused[reason.place()]);
        }
    }
}

impl Counted for Item {
    fn kind(command: &ItemCommand) -> CommandKind {
        match command {
            ItemCommand::Add(_) => CommandKind::AddItem,
            ItemCommand::PlaceOrder(_) => CommandKind::PlaceOrder,
            ItemCommand::RecordPayment(_) => CommandKind::RecordPayment,
            ItemCommand::CancelOrder(_) => CommandKind::CancelOrder,
            ItemCommand::Steer(steer) => match steer.action {
                SteerAction::Allocate(_) => CommandKind::AllocateStock,
                SteerAction::SetReserve(_) => CommandKind::SetReserve,
                SteerAction::ReleaseReserve(_) => CommandKind::ReleaseReserve,
                SteerAction::SetPurchaseLimit { .. } => CommandKind::SetPurchaseLimit,
                SteerAction::Pause | SteerAction::PauseWithSale => CommandKind::PauseItem,
                SteerAction::Resume | SteerAction::ResumeWithSale => CommandKind::ResumeItem,
                SteerAction::Close => CommandKind::CloseItem,
            },
            ItemCommand::Show => CommandKind::ShowItem,
            ItemCommand::ShowOrder { .. } => CommandKind::ShowOrder,
        }
    }

    fn verdict(outcome: &ItemOutcome) -> Verdict {
        match outcome {
            ItemOutcome::Order(_) | ItemOutcome::Item(_) => Verdict::Done,
            ItemOutcome::Refused { refusal, .. } => Verdict::Refused(refusal_reason(*refusal)),
            ItemOutcome::Misdirected(why) => Verdict::Misdirected(misdirected_reason(why)),
        }
    }
}

impl Counted for Sale {
    fn kind(command: &SaleCommand) -> CommandKind {
        match command {
            SaleCommand::Create(_) => CommandKind::CreateSale,
            SaleCommand::Pause(_) => CommandKind::PauseSale,
            SaleCommand::Resume(_) => CommandKind::ResumeSale,
            SaleCommand::Close(_) => CommandKind::CloseSale,
            SaleCommand::Show => CommandKind::ShowSale,
        }
    }

    fn verdict(outcome: &SaleOutcome) -> Verdict {
        match outcome {
            SaleOutcome::Sale(_) => Verdict::Done,
            SaleOutcome::Refused(refusal) => Verdict::Refused(refusal_reason(*refusal)),
            SaleOutcome::Misdirected(why) => Verdict::Misdirected(misdirected_reason(why)),
        }
    }
}

impl Counted for Book {
    fn kind(command: &AlertCommand) -> CommandKind {
        match command {
            AlertCommand::Raise(_) => CommandKind::RaiseAlert,
            AlertCommand::Clear(_) => CommandKind::ClearAlert,
            AlertCommand::Show => CommandKind::ShowAlerts,
        }
    }

    fn verdict(outcome: &AlertOutcome) -> Verdict {
        match outcome {
            AlertOutcome::Raised(_) | AlertOutcome::Cleared | AlertOutcome::Open(_) => {
                Verdict::Done
            }
        }
    }
}

impl Counted for Incident {
    fn kind(command: &IncidentCommand) -> CommandKind {
        match command {
            IncidentCommand::Take(step) => match step.what {
                StepTaken::Detect { .. } => CommandKind::OpenIncident,
                StepTaken::Assess { .. } => CommandKind::AssessIncident,
                StepTaken::TakeAction { .. } => CommandKind::RecordAction,
                StepTaken::Resolve { .. } => CommandKind::ResolveIncident,
                StepTaken::Review { .. } => CommandKind::ReviewIncident,
            },
            IncidentCommand::Show => CommandKind::ShowIncident,
        }
    }

    fn verdict(outcome: &IncidentOutcome) -> Verdict {
        match outcome {
            IncidentOutcome::Incident(_) => Verdict::Done,
            IncidentOutcome::Refused(refusal) => Verdict::Refused(match refusal {
                IncidentRefusal::AlreadyResolved => RefusalReason::IncidentResolved,
                IncidentRefusal::NotResolved => RefusalReason::IncidentNotResolved,
                IncidentRefusal::AlreadyReviewed => RefusalReason::IncidentReviewed,
                IncidentRefusal::EndedBeforeBegan => RefusalReason::IncidentEndsTooEarly,
                IncidentRefusal::TooManySteps => RefusalReason::IncidentTooLong,
            }),
            IncidentOutcome::Misdirected(why) => Verdict::Misdirected(misdirected_reason(why)),
        }
    }
}

impl Counted for Script {
    fn kind(command: &ScriptCommand) -> CommandKind {
        match command {
            ScriptCommand::Change(change) if change.text.is_some() => CommandKind::PublishScript,
            ScriptCommand::Change(_) => CommandKind::WithdrawScript,
            ScriptCommand::Show => CommandKind::ShowScript,
        }
    }

    fn verdict(outcome: &ScriptOutcome) -> Verdict {
        match outcome {
            ScriptOutcome::Script(_) => Verdict::Done,
            ScriptOutcome::Refused(refusal) => Verdict::Refused(match refusal {
                ScriptRefusal::VersionNotExpected { .. } => RefusalReason::ScriptVersion,
                ScriptRefusal::NotPublished => RefusalReason::ScriptNotPublished,
            }),
            ScriptOutcome::Misdirected(why) => Verdict::Misdirected(misdirected_reason(why)),
        }
    }
}

impl Counted for Level {
    fn kind(command: &LevelCommand) -> CommandKind {
        match command {
            LevelCommand::Set(_) => CommandKind::SetLevel,
            LevelCommand::Show => CommandKind::ShowLevel,
        }
    }

    fn verdict(outcome: &LevelOutcome) -> Verdict {
        match outcome {
            // Told how it stands: nothing was in the way of that.
            LevelOutcome::Level(_) | LevelOutcome::NotExpected(_) => Verdict::Done,
            LevelOutcome::Misdirected(why) => Verdict::Misdirected(misdirected_reason(why)),
        }
    }
}

fn refusal_reason(refusal: Refusal) -> RefusalReason {
    match refusal {
        Refusal::SoldOut => RefusalReason::SoldOut,
        Refusal::NotEnoughUnits => RefusalReason::NotEnoughUnits,
        Refusal::NotOpenYet => RefusalReason::NotOpenYet,
        Refusal::Closed => RefusalReason::Closed,
        Refusal::Paused => RefusalReason::Paused,
        Refusal::OverBuyerLimit => RefusalReason::OverBuyerLimit,
        Refusal::OverOrderLimit => RefusalReason::OverOrderLimit,
        Refusal::OrderExpired => RefusalReason::OrderExpired,
        Refusal::OrderCancelled => RefusalReason::OrderCancelled,
        Refusal::AlreadyPaid => RefusalReason::AlreadyPaid,
        Refusal::WrongAmount => RefusalReason::WrongAmount,
        Refusal::NotPaused => RefusalReason::NotPaused,
        Refusal::NotEnoughReserve => RefusalReason::NotEnoughReserve,
    }
}

fn misdirected_reason(why: &Misdirected) -> MisdirectedReason {
    match why {
        Misdirected::NotFound(_) => MisdirectedReason::NotFound,
        Misdirected::RequestIdReused(_) => MisdirectedReason::RequestIdReused,
        Misdirected::Invalid(_) => MisdirectedReason::Invalid,
    }
}

fn fault_reason(fault: &Fault) -> FaultReason {
    match fault {
        Fault::Overloaded => FaultReason::Overloaded,
        Fault::StoreUnavailable(_) => FaultReason::StoreUnavailable,
        Fault::LostOwnership => FaultReason::LostOwnership,
        Fault::DeadlineExceeded => FaultReason::DeadlineExceeded,
        Fault::Unreadable(_) => FaultReason::LogUnreadable,
        Fault::Stopping => FaultReason::Stopping,
    }
}
