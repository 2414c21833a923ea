//! Metrics of commands: by what was asked and by how it was answered.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::{Label as _, Outcome, register::Labels};
use crate::values::Kinds;

/// The families of these metrics. Each kind of aggregate has its own series in them.
pub(super) struct CommandFamilies {
    answered: Family<Labels<2>, Counter>,
    refused: Family<Labels<1>, Counter>,
    misdirected: Family<Labels<1>, Counter>,
}

/// The counters of the commands to one kind of aggregate.
pub struct CommandCounters {
    /// By kind of command, then by outcome.
    answered: Vec<Vec<Counter>>,
    refused: Vec<Counter>,
    misdirected: Vec<Counter>,
}

impl CommandFamilies {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let families = Self {
            answered: Family::default(),
            refused: Family::default(),
            misdirected: Family::default(),
        };
        registry.register(
            "doorbuster_commands",
            "Commands answered, by what was asked",
            families.answered.clone(),
        );
        registry.register(
            "doorbuster_refusals",
            "Commands refused, by the fact in the way",
            families.refused.clone(),
        );
        registry.register(
            "doorbuster_misdirected",
            "Commands about something that is not there, or under a request id used before",
            families.misdirected.clone(),
        );
        families
    }

    /// The counters for commands `C` with refusals `R` that can be misdirected as `M`.
    pub(super) fn counters<C: Kinds, R: Kinds, M: Kinds>(&self) -> CommandCounters {
        let answered = |command: &&'static str| {
            let outcomes = Outcome::ALL.iter();
            let labels =
                outcomes.map(|outcome| [("command", *command), ("outcome", outcome.name())]);
            labels.map(|labels| self.answered.get_or_create_owned(&labels)).collect()
        };
        CommandCounters {
            answered: C::NAMES.iter().map(answered).collect(),
            refused: by_reason::<R>(&self.refused),
            misdirected: by_reason::<M>(&self.misdirected),
        }
    }
}

fn by_reason<R: Kinds>(family: &Family<Labels<1>, Counter>) -> Vec<Counter> {
    R::NAMES.iter().map(|name| family.get_or_create_owned(&[("reason", *name)])).collect()
}

impl CommandCounters {
    /// So many commands of a kind were answered alike.
    pub fn answered(&self, kind: usize, outcome: Outcome, commands: u64) {
        self.answered[kind][outcome.place()].inc_by(commands);
    }

    /// So many commands were refused for a reason.
    pub fn refused(&self, reason: usize, commands: u64) {
        self.refused[reason].inc_by(commands);
    }

    /// A command could not be judged.
    pub fn misdirected(&self, reason: usize) {
        self.misdirected[reason].inc();
    }
}
