//! `doorbuster backup`: a copy of a log with its witness, also beside a running server.

use std::path::PathBuf;

use serde_json::json;

use super::{
    Common,
    failure::{self, Code, Failure},
};
use crate::store::embedded::{self, BackupError};

/// Arguments of `backup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory of the copy, new or empty
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// Directory of the log
    #[arg(
        long = "data",
        value_name = "DIR",
        env = "DOORBUSTER_DATA",
        default_value = "doorbuster-data"
    )]
    data: PathBuf,
}

/// Runs `backup`.
pub fn run(args: &Args, common: &Common) -> anyhow::Result<()> {
    let Args { to, data } = args;
    let position = embedded::backup(data, to).map_err(|error| {
        let code = match &error {
            BackupError::Open(error) => failure::opening(error),
            BackupError::NotEmpty(_) => Code::Usage,
            BackupError::Failed { .. } => Code::Failed,
        };
        Failure::new(code, error.to_string())
    })?;
    let to = to.display().to_string();
    common.show(
        || json!({ "to": to, "position": position }),
        || format!("{to} holds the log up to position {position}, with its witness"),
    )?;
    Ok(())
}
