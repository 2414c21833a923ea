//! `doorbuster bench`: written beside this and merged over it.

use super::Common;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:\n  doorbuster bench")]
pub struct Args {}

/// Runs `bench`.
pub fn run(_args: Args, _common: &Common) -> anyhow::Result<()> {
    anyhow::bail!("not merged yet")
}
