//! The log position that an answer must include: by default the end of the log, so that a verb
//! shows the writes of the previous one.

use crate::grpc::AT_HEAD;

/// What an answer waits for.
#[derive(Debug, Clone, clap::Args)]
pub struct Since {
    /// Wait until the answer holds this position of the log [default: where the log ends now]
    #[arg(long, value_name = "POSITION", conflicts_with = "stale")]
    min_position: Option<u64>,
    /// Answer from the current read models, without waiting for recent writes
    #[arg(long)]
    stale: bool,
}

impl Since {
    /// As requests say it.
    pub fn min_position(&self) -> u64 {
        if self.stale { 0 } else { self.min_position.unwrap_or(AT_HEAD) }
    }
}
