//! `doorbuster completions`: what a shell needs to complete verbs and flags.

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs `completions`.
pub fn run(args: Args) -> anyhow::Result<()> {
    // Made in memory: on a closed pipe the generator would panic.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "doorbuster", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}
