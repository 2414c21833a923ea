//! How far the log must have been applied before an answer counts: by default all of it, so that a
//! verb shows what the verb before it wrote.

use crate::grpc::AT_HEAD;

/// What an answer waits for.
#[derive(Debug, Clone, clap::Args)]
pub struct Since {
    /// Wait until the answer holds this position of the log [default: where the log ends now]
    #[arg(long, value_name = "POSITION", conflicts_with = "stale")]
    min_position: Option<u64>,
    /// Answer with what is known so far: do not wait for what was just written
    #[arg(long)]
    stale: bool,
}

impl Since {
    /// As requests say it.
    pub fn min_position(&self) -> u64 {
        if self.stale { 0 } else { self.min_position.unwrap_or(AT_HEAD) }
    }
}
