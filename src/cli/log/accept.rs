//! `doorbuster log accept`: go on with a log that is known to have been longer.
//!
//! Both positions must be given, so that the accepted loss is stated explicitly.

use std::{path::PathBuf, sync::Arc};

use serde_json::json;

use super::super::{
    Common,
    failure::{self, Code, Failure},
};
use crate::{
    clock::{SharedClock, WallClock},
    events::Position,
    store::embedded::{AcceptError, Acceptance, accept_loss},
};

/// Characters of a reason.
const REASON_MAX: usize = 500;

#[derive(Debug, clap::Args)]
pub(super) struct Accept {
    /// The last position on disk, as printed by `serve` and `verify`
    #[arg(long, value_name = "POSITION")]
    end: u64,
    /// The position known to have been acknowledged, as printed by them
    #[arg(long, value_name = "POSITION")]
    known: u64,
    /// Reason for accepting the loss; recorded in the log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Directory of the log
    #[arg(
        long = "data",
        value_name = "DIR",
        env = "DOORBUSTER_DATA",
        default_value = "doorbuster-data"
    )]
    data: PathBuf,
}

impl Accept {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { end, known, reason, data } = self;
        let count = reason.chars().count();
        if reason.trim().is_empty() || count > REASON_MAX || reason.chars().any(char::is_control) {
            let problem = format!("must be 1 to {REASON_MAX} characters of plain text");
            return Err(Failure::new(Code::Usage, format!("--reason {problem}")).into());
        }
        let clock: SharedClock = Arc::new(WallClock);
        let acceptance = Acceptance { end: Position(end), known: Position(known), reason };
        let accepted = accept_loss(&data, &clock, &acceptance).map_err(|error| {
            let code = match &error {
                AcceptError::Open(error) => failure::opening(error),
                AcceptError::NothingMissing { .. } | AcceptError::Another { .. } => Code::Usage,
                AcceptError::Unsound { .. } => Code::Integrity,
                AcceptError::NotWritten(_) => Code::Failed,
            };
            Failure::new(code, format!("{}: {error}", data.display()))
        })?;
        common.show(
            || json!({ "position": accepted.position, "before": accepted.before }),
            || {
                let already = if accepted.before { "already " } else { "" };
                let position = accepted.position;
                format!(
                    "{already}accepted: the log says so at position {position}\n\
                     read models that knew more are built anew by the next server"
                )
            },
        )?;
        Ok(())
    }
}
