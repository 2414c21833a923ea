//! Counts the commands of a delivery and their answers.

use std::{sync::Arc, time::Duration};

use super::{Answer, Fault};
use crate::{
    admission::TokenRefused,
    domain::{Decider, Misdirected, Verdict},
    metrics::{CommandCounters, FaultReason, Label as _, Metrics, Outcome, TokenFault},
    values::{Kinds, narrow},
};

impl From<TokenRefused> for TokenFault {
    fn from(why: TokenRefused) -> Self {
        match why {
            TokenRefused::Missing => Self::Missing,
            TokenRefused::Unknown => Self::Unknown,
            TokenRefused::Expired => Self::Expired,
            TokenRefused::Revoked => Self::Revoked,
            TokenRefused::InUrl => Self::InUrl,
        }
    }
}

/// Where the commands to one kind of aggregate are counted.
pub(super) struct Counters {
    metrics: Arc<Metrics>,
    commands: CommandCounters,
}

/// A delivery that will be counted: how many commands of which kind are in it.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    kinds: Vec<(usize, u64)>,
    /// Attempts to order among them.
    attempts: u64,
}

impl Counters {
    pub(super) fn of<D: Decider>(metrics: Arc<Metrics>) -> Self {
        let commands = metrics.command_counters::<D::Command, D::Refusal, Misdirected>();
        Self { metrics, commands }
    }
}

impl Tally {
    pub(super) fn of<D: Decider>(commands: &[D::Command]) -> Self {
        // The commands of a delivery are nearly always of one kind.
        let mut tally = Self { kinds: Vec::with_capacity(1), attempts: 0 };
        for command in commands {
            tally.attempts += u64::from(D::is_attempt(command));
            let kind = command.kind();
            match tally.kinds.last_mut() {
                Some((last, count)) if *last == kind => *count += 1,
                Some(_) | None => tally.kinds.push((kind, 1)),
            }
        }
        tally
    }

    /// Counts how long the answers took.
    pub(super) fn took(&self, to: &Counters, took: Duration) {
        if self.attempts > 0 {
            to.metrics.order_latency().took(took, self.attempts);
        }
    }

    /// Counts the answers, which stand in the order of the commands.
    pub(super) fn count<D: Decider>(
        &self,
        to: &Counters,
        answers: &Result<Vec<Answer<D::Outcome>>, Fault>,
    ) {
        match answers {
            Ok(answers) => self.count_answers::<D>(&to.commands, answers),
            Err(fault) => self.count_fault(to, fault),
        }
    }

    pub(super) fn count_fault(&self, to: &Counters, fault: &Fault) {
        let reason = fault_reason(fault);
        for (kind, commands) in &self.kinds {
            to.commands.answered(*kind, Outcome::Fault, *commands);
            to.metrics.faulted(reason, *commands);
        }
    }

    fn count_answers<D: Decider>(&self, to: &CommandCounters, answers: &[Answer<D::Outcome>]) {
        let mut answers = answers.iter();
        // Refusals come in runs of one reason.
        let mut refused: Vec<(usize, u64)> = Vec::new();
        for (kind, commands) in &self.kinds {
            let mut outcomes = [0; Outcome::ALL.len()];
            for answer in answers.by_ref().take(narrow(*commands)) {
                let outcome = match D::verdict(&answer.outcome) {
                    Verdict::Done => Outcome::Done,
                    Verdict::Refused(refusal) => {
                        match (refused.last_mut(), refusal.kind()) {
                            (Some((last, count)), reason) if *last == reason => *count += 1,
                            (Some(_) | None, reason) => refused.push((reason, 1)),
                        }
                        Outcome::Refused
                    }
                    Verdict::Misdirected(why) => {
                        to.misdirected(why.kind());
                        Outcome::Misdirected
                    }
                };
                outcomes[outcome.place()] += 1;
            }
            for outcome in Outcome::ALL.iter().filter(|outcome| outcomes[outcome.place()] > 0) {
                to.answered(*kind, *outcome, outcomes[outcome.place()]);
            }
        }
        for (reason, commands) in refused {
            to.refused(reason, commands);
        }
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
