//! `doorbuster demo`: written beside this and merged over it.

use super::Common;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:\n  doorbuster demo")]
pub struct Args {}

/// Runs `demo`.
pub fn run(_args: Args, _common: &Common) -> anyhow::Result<()> {
    anyhow::bail!("not merged yet")
}
