//! `doorbuster verify`: prove that a log keeps its promises, or say where it breaks them.

use std::path::PathBuf;

use serde_json::json;

use super::{
    Common,
    failure::{Code, Failure},
    output::progress_bar,
};
use crate::audit::{self, AuditError};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory of the log
    #[arg(long, value_name = "DIR", env = "DOORBUSTER_DATA", default_value = "doorbuster-data")]
    data: PathBuf,
}

/// Runs `verify`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let bar = progress_bar(common);
    let proof = audit::verify(&args.data, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let proof = proof.map_err(|error| {
        let code = match error {
            AuditError::Damaged { .. } => Code::Integrity,
            AuditError::Missing(_) | AuditError::Foreign { .. } | AuditError::Unreadable { .. } => {
                Code::Failed
            }
        };
        Failure::new(code, error.to_string())
    })?;
    common.show(
        || {
            json!({
                "ok": proof.ok(),
                "proof": proof,
            })
        },
        || proof.to_string(),
    )?;
    if proof.ok() {
        return Ok(());
    }
    Err(Failure::new(Code::Integrity, "the log is damaged or breaks its promises").into())
}
