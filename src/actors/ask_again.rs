//! Questions to an aggregate that another node may be writing to.

use std::fmt::Debug;

use uuid::Uuid;

use super::{Answer, Directory, Fault};
use crate::domain::Decider;

/// How often an aggregate is asked before a conflict with another node counts as a failure. The other
/// node most likely wrote the same.
const TRIES_MAX: usize = 3;

/// Asks once more where another node wrote first.
pub(super) async fn ask_again<D: Decider<Command: Clone>>(
    directory: &Directory<D>,
    id: Uuid,
    command: D::Command,
) -> Result<Answer<D::Outcome>, Fault> {
    for _ in 1..TRIES_MAX {
        match directory.ask(id, command.clone(), None).await {
            Err(Fault::LostOwnership) => {}
            answer => return answer,
        }
    }
    directory.ask(id, command, None).await
}

/// Something was answered that is no answer to what was asked.
pub(super) fn no_answer(who: &str, what: &impl Debug) -> Fault {
    Fault::Unreadable(format!("{who} answered with something else: {what:?}"))
}
